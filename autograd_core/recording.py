"""Applying an operation: arrays in, and on tensors a result with its node in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .anomaly import note_creation
from .graph import Node, mode
from .op import Op, Rule, Structural
from .plan import Plan
from .tensor import Tensor, cell_of, wrap

_ndarray = np.ndarray


def record(
    plan: Plan,
    tensors: Sequence[Any],
    arrays: Sequence[Any],
    result: Any,
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    edges: tuple[Any, ...],
) -> Tensor:
    """Make the node of an applied operation and the tensor of its result."""
    result_cell = None
    saved: Any = ()
    versions: Any = ()
    if plan.sources:
        saved, versions = [], []
        for name, source in plan.named_sources:
            if type(source) is not int:
                saved.append(_special_source(source, arrays, residuals))
                if source[0] == "operands":
                    versions += [(cell := cell_of(tensor), cell[0], i) for i, tensor in enumerate(tensors)]
            elif source < 0:
                saved.append(result)
                result_cell = [0]
                versions.append((result_cell, 0, "its result"))
            else:
                saved.append(arrays[source])
                try:
                    cell = tensors[source]._version
                except AttributeError:
                    continue  # a number
                if cell is None:
                    cell = cell_of(tensors[source])
                versions.append((cell, cell[0], name))
    node = Node(plan, edges, saved, versions, parameters, result.shape, result.dtype)
    if mode.anomaly:
        note_creation(node, result, arrays)
    return wrap(result, node, result_cell)


def _special_source(source: tuple[str, int], arrays: Sequence[Any], residuals: Sequence[Any]) -> Any:
    kind, index = source
    match kind:
        case "shape":
            return getattr(arrays[index], "shape", ())
        case "residual":
            return residuals[index]
        case "operands":
            return tuple(arrays)
        case "shapes":
            return tuple(array.shape for array in arrays)
    return None


def apply(op: Op, operands: Sequence[Any], parameters: dict[str, Any]) -> Any:
    """Run `op` on tensors, recording it if any needs a gradient; a tuple of tensors for several outputs."""
    if not op.plain:
        return apply_with_residuals(op, operands, parameters)[0]
    try:
        arrays = [operand._array for operand in operands]
        edges = tuple([operand._node for operand in operands])
    except AttributeError:  # a number or an array among them
        return apply_with_residuals(op, operands, parameters)[0]
    result = op.forward(*arrays, **parameters)
    if type(result) is not _ndarray:
        result = np.asarray(result)
    mask = 0
    bit = 1
    for edge in edges:
        if edge is not None:
            mask |= bit
        bit <<= 1
    if mask and mode.enabled and op.differentiable:
        plan = op.plans.get(mask) or op.plan(mask, len(edges))
        out = record(plan, operands, arrays, result, (), parameters, edges)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, operands[0])
    return out


def apply_with_residuals(op: Op, operands: Sequence[Tensor], parameters: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    """As :func:`apply`, with what the forward kernel kept beside the result."""
    try:
        arrays = [operand._array for operand in operands]
        edges = tuple([operand._node for operand in operands])
    except AttributeError:  # a number or an array among them
        arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
        edges = tuple([operand._node if isinstance(operand, Tensor) else None for operand in operands])
    result = op.forward(*arrays, **parameters)
    residuals: Sequence[Any] = ()
    if op.residuals:
        result, *residuals = result
    mask = 0
    if mode.enabled and op.differentiable:
        bit = 1
        for edge in edges:
            if edge is not None:
                mask |= bit
            bit <<= 1
    if op.outputs != 1:
        return _wrap_outputs(op, operands, arrays, result, residuals, parameters, mask), residuals
    if type(result) is not _ndarray:
        result = np.asarray(result)
    if mask:
        out = record(op.plan(mask, len(edges)), operands, arrays, result, residuals, parameters, edges)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, operands[0])
    return out, residuals


def _share_memory(view: Tensor, base: Tensor) -> None:
    """Let a view and its base notice each other's in-place changes."""
    own, other = view._array, base._array
    if own is other or own.base is (other if other.base is None else other.base):
        view._version = cell_of(base)
        view._base = base


def _wrap_outputs(
    op: Op,
    operands: Sequence[Tensor],
    arrays: Sequence[Any],
    results: Sequence[Any],
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    mask: int,
) -> tuple[Tensor, ...]:
    """One node for the operation, and a projection node for each of its outputs."""
    results = [np.asarray(result) for result in results]
    if not mask:
        return tuple(wrap(result, None) for result in results)
    edges = tuple([operand._node if isinstance(operand, Tensor) else None for operand in operands])
    plan = op.plan(mask, len(edges))
    cells: list[Any] = [None] * len(results)
    saved, versions = [], []
    for name, source in zip(plan.names, plan.sources, strict=True):
        if source == -1:
            saved.append(tuple(results))
            cells = [[0] for _ in results]
            versions += [(cell, 0, "its result") for cell in cells]
        elif type(source) is int:
            saved.append(arrays[source])
            cell = cell_of(operands[source])
            versions.append((cell, cell[0], name))
        else:
            saved.append(_special_source(source, arrays, residuals))
    shapes: Any = tuple(result.shape for result in results)
    node = Node(plan, edges, tuple(saved), tuple(versions), parameters, shapes, results[0].dtype)
    if mode.anomaly:
        note_creation(node, results[0], arrays)
    outputs = []
    for position, (result, cell) in enumerate(zip(results, cells, strict=True)):
        if result.dtype.kind != "f":
            outputs.append(wrap(result, None, cell))
            continue
        projection = Node(PROJECTION, (node,), (), (), {"index": position}, result.shape, result.dtype)
        outputs.append(wrap(result, projection, cell))
    return tuple(outputs)


PROJECTION = Plan(
    Structural(
        name="output",
        summary="One output of an operation that has several.",
        operands=("outputs",),
        parameters=("index",),
        forward=lambda outputs, *, index: outputs[index],
        joint_rule=Rule(lambda cotangent: (cotangent,), ()),
    ),
    1,
    1,
)

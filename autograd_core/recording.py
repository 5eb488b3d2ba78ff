"""Applying an operation: arrays in, and on tensors a result with its node in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .anomaly import note_creation
from .graph import Node, make_node, next_sequence, thread
from .op import Op, Rule, Structural
from .plan import Plan
from .tensor import Tensor, UncheckedTensor, make_view, wrap

_ndarray = np.ndarray


# Stands for a number among the operands: something that cannot be changed.
NUMBER = wrap(np.zeros(()), None, [0])


def record(
    plan: Plan,
    tensors: Sequence[Any],
    arrays: Sequence[Any],
    result: Any,
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    edges: tuple[Any, ...],
) -> Tensor:
    """Make the node of an applied operation and the tensor of its result; :data:`NUMBER` stands for numbers.

    Most of what an operation on small arrays costs is here. So both objects are filled in place, as
    :func:`~autograd_core.graph.make_node` and :func:`~autograd_core.tensor.wrap` do, without a call for each; and the
    result gets its version cell at once, since most results are saved by the operation that follows.
    """
    mode = thread.mode
    cell = [0]
    node = Node()
    node.plan = plan
    node.edges = edges
    if plan.keep is None:
        node.saved = node.versions = ()
    else:
        node.saved, node.versions = plan.keep(tensors, arrays, result, cell, residuals)
    node.parameters = parameters
    node.shape = result.shape
    node.dtype = result.dtype
    node.sequence = next_sequence()
    node.scope = mode.scope
    node.extras = None
    if mode.anomaly:
        note_creation(node, result, arrays)
    tensor: Any = UncheckedTensor()
    tensor._array = result
    tensor._node = node
    tensor._version = cell
    tensor._base = tensor._accumulator = None
    tensor.__class__ = Tensor
    return tensor


def apply(op: Op, operands: Sequence[Any], parameters: dict[str, Any]) -> Any:
    """Run `op` on tensors, recording it if any needs a gradient; a tuple of tensors for several outputs."""
    if not op.plain:
        return apply_with_residuals(op, operands, parameters)[0]
    arrays: Sequence[Any]
    edges: tuple[Any, ...]
    try:
        if len(operands) == 2:
            first, second = operands
            arrays = (first._array, second._array)
            edges = (first._node, second._node)
            mask = (edges[0] is not None) + 2 * (edges[1] is not None)
        elif len(operands) == 1:
            (only,) = operands
            arrays = (only._array,)
            edges = (only._node,)
            mask = int(edges[0] is not None)
        else:
            arrays = [operand._array for operand in operands]
            edges = tuple([operand._node for operand in operands])
            mask = _mask_of(edges)
    except AttributeError:  # a number or an array among them
        return apply_with_residuals(op, operands, parameters)[0]
    result = op.forward(*arrays, **parameters)
    if type(result) is not _ndarray:
        result = np.asarray(result)
    if mask and thread.mode.enabled and op.differentiable:
        plan = op.plans.get(mask) or op.plan(mask, len(edges))
        out = record(plan, operands, arrays, result, (), parameters, edges)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, operands[0])
    return out


def _mask_of(edges: Sequence[Any]) -> int:
    """The operands that need gradients, as a set of bits."""
    mask = 0
    bit = 1
    for edge in edges:
        if edge is not None:
            mask |= bit
        bit <<= 1
    return mask


def apply_with_residuals(op: Op, operands: Sequence[Tensor], parameters: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    """As :func:`apply`, with what the forward kernel kept beside the result."""
    try:
        arrays = [operand._array for operand in operands]
        edges = tuple([operand._node for operand in operands])
    except AttributeError:  # a number or an array among them
        arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
        operands = [operand if isinstance(operand, Tensor) else NUMBER for operand in operands]
        edges = tuple([operand._node for operand in operands])
    result = op.forward(*arrays, **parameters)
    residuals: Sequence[Any] = ()
    if op.residuals:
        result, *residuals = result
    mask = _mask_of(edges) if thread.mode.enabled and op.differentiable else 0
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
        make_view(view, base)


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
    results = tuple([np.asarray(result) for result in results])
    if not mask:
        return tuple(wrap(result, None) for result in results)
    edges = tuple([operand._node for operand in operands])
    plan = op.plan(mask, len(edges))
    cells = [[0] for _ in results]
    saved, versions = plan.keep(operands, arrays, results, cells, residuals) if plan.keep is not None else ((), ())
    shapes: Any = tuple(result.shape for result in results)
    node = make_node(plan, edges, saved, versions, parameters, shapes, results[0].dtype)
    if thread.mode.anomaly:
        note_creation(node, results[0], arrays)
    outputs = []
    for position, (result, cell) in enumerate(zip(results, cells, strict=True)):
        if result.dtype.kind != "f":
            outputs.append(wrap(result, None, cell))
            continue
        projection = make_node(PROJECTION, (node,), (), (), {"index": position}, result.shape, result.dtype)
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
# A single cotangent too, but one among those of the node before it.
PROJECTION.single = False

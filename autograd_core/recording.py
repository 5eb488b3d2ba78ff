"""Applying an operation: arrays in, and on tensors a result with its node in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .anomaly import note_creation
from .graph import Mode, Node, make_node, next_sequence, thread
from .op import Op, Rule, Structural
from .plan import BOTH, LISTED, NOTHING, RESULT, SECOND, Plan
from .storage import UncheckedTensor
from .tensor import Tensor, make_view, wrap

_ndarray = np.ndarray

# All edges, operands and arrays of an operation, and the residuals it keeps.
Rest = tuple[tuple[Any, ...], Sequence[Any], Sequence[Any], Sequence[Any]]

# Stands for a number among the operands, or for one that is not there: something that cannot be changed.
NUMBER = wrap(np.zeros(()), None, [0])


def record(
    mode: Mode,
    plan: Plan,
    result: np.ndarray,
    parameters: dict[str, Any],
    input: Any,
    other: Any,
    first: Any,
    second: Any,
    rest: Rest | None = None,
) -> Tensor:
    """Make the node of an applied operation and the tensor of its result.

    Most of what an operation on small arrays costs is here. So both objects are filled in place, as
    :func:`~autograd_core.graph.make_node` and :func:`~autograd_core.tensor.wrap` do, without a call for each; and the
    result gets its version cell at once, since most results are saved by the operation that follows.

    Args:
        mode: the thread's.
        plan: the operation's, for the operands that need gradients.
        result: the array.
        parameters: the operation's non-tensor arguments.
        input, other: the two operands in the plan's `places`; :data:`NUMBER` stands for numbers, and for a second that
            is not there.
        first, second: their arrays.
        rest: all of them, for an operation of more than two, or one that keeps residuals.
    """
    cell = [0]
    node = Node()
    node.plan = plan
    if rest is not None and plan.count > 2:
        node.edge = rest[0]
    else:
        node.edge = input._node
        node.other_edge = other._node
    saves = plan.saves
    if saves == NOTHING:
        node.value = ()
    elif saves <= BOTH:
        node.value = first
        node.cell = own = input._version or input._demand_version()
        node.count = own[0]
        if saves == BOTH:
            node.other_value = second
            node.other_cell = own = other._version or other._demand_version()
            node.other_count = own[0]
    elif saves == RESULT:
        node.value = result
        node.cell = cell
        node.count = 0
    elif saves == SECOND:
        node.value = second
        node.cell = own = other._version or other._demand_version()
        node.count = own[0]
    else:
        count = plan.count
        tensors, arrays, residuals = ((input, other)[:count], (first, second)[:count], ()) if rest is None else rest[1:]
        node.value, node.cell, node.count = plan.keep(tensors, arrays, result, (cell,), residuals)
    node.parameters = parameters
    node.shape = shape = result.shape
    if plan.pointwise:
        # One tuple for a whole chain: see Node.
        edge = input._node or other._node
        if edge is not None and edge.shape == shape:
            node.shape = edge.shape
    node.dtype = result.dtype
    node.sequence = next_sequence()
    node.scope = mode.scope
    node.extras = None
    if mode.anomaly:
        note_creation(node, result, (first, second)[: plan.count] if rest is None else rest[2])
    tensor: Any = UncheckedTensor()
    tensor._array = result
    tensor._node = node
    tensor._version = cell
    tensor._base = tensor._accumulator = None
    tensor.__class__ = Tensor
    return tensor


def record_many(
    plan: Plan,
    tensors: Sequence[Any],
    arrays: Sequence[Any],
    result: np.ndarray,
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    edges: tuple[Any, ...],
) -> Tensor:
    """As :func:`record`, for any number of operands, and with what the kernel kept beside the result."""
    count = len(edges)
    rest = (edges, tensors, arrays, residuals) if count > 2 or plan.saves == LISTED else None
    if count == 1:
        return record(thread.mode, plan, result, parameters, tensors[0], NUMBER, arrays[0], None, rest)
    one, two = plan.places
    return record(thread.mode, plan, result, parameters, tensors[one], tensors[two], arrays[one], arrays[two], rest)


def apply(op: Op, operands: Sequence[Any], parameters: dict[str, Any]) -> Any:
    """Run `op` on tensors, recording it if any needs a gradient; a tuple of tensors for several outputs."""
    if not op.plain:
        return apply_with_residuals(op, operands, parameters)[0]
    count = len(operands)
    input, other = operands if count == 2 else (operands[0], NUMBER)
    try:
        first, second = input._array, other._array
        mask = 0 if input._node is None else 1
        if other._node is not None:
            mask += 2
    except AttributeError:  # a number or an array among them
        return apply_with_residuals(op, operands, parameters)[0]
    if count == 1:
        result = op.forward(first, **parameters)
    else:
        # Handing on no parameters takes as long as reading several attributes.
        result = op.forward(first, second, **parameters) if parameters else op.forward(first, second)
    if type(result) is not _ndarray:
        result = np.asarray(result)
    mode = thread.mode
    if mask and mode.enabled and op.differentiable:
        plan = op.plans.get(mask) or op.plan(mask, count)
        out = record(mode, plan, result, parameters, input, other, first, second)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, input)
    return out


def mask_of(edges: Sequence[Any]) -> int:
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
    mask = mask_of(edges) if thread.mode.enabled and op.differentiable else 0
    if op.outputs != 1:
        return _wrap_outputs(op, operands, arrays, result, residuals, parameters, mask), residuals
    if type(result) is not _ndarray:
        result = np.asarray(result)
    if mask:
        out = record_many(op.plan(mask, len(edges)), operands, arrays, result, residuals, parameters, edges)
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
    kept = plan.keep(operands, arrays, results, cells, residuals)
    shapes: Any = tuple(result.shape for result in results)
    node = make_node(plan, edges, parameters, shapes, results[0].dtype, *kept)
    if thread.mode.anomaly:
        note_creation(node, results[0], arrays)
    outputs = []
    for position, (result, cell) in enumerate(zip(results, cells, strict=True)):
        if result.dtype.kind != "f":
            outputs.append(wrap(result, None, cell))
            continue
        projection = make_node(PROJECTION, (node,), {"index": position}, result.shape, result.dtype)
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

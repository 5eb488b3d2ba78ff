"""Pullbacks on tensors: derivatives that are part of the graph and can be differentiated again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .formula import read
from .graph import Node, make_node, thread
from .op import REGISTRY, Elementwise, Fused
from .plan import COTANGENT
from .recording import PROJECTION
from .tensor import Tensor, wrap
from .traversal import run


def recorded_pullback(node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
    """Pull back on tensors, so that the derivative is part of the graph and can be differentiated again."""
    plan = node.plan
    op = plan.op
    saved = [_restore(node, source, value) for source, value in zip(plan.sources, node.saved or (), strict=True)]
    if isinstance(op, Elementwise):
        return [
            None if edge is None else _times_partial(node, op, index, cotangent, saved)
            for index, edge in enumerate(edges)
        ]
    if isinstance(op, Fused):
        if op.derivative is not None:
            pulled = op.derivative.function(cotangent, *plan.fetch(node, plan.arguments(op.derivative), saved, edges))
            return pulled if isinstance(pulled, (tuple, list)) else (pulled,)
        return _through_composition(node, op, cotangent, edges, saved)
    if op.joint_rule is not None:
        return plan.pull_jointly(node, cotangent, edges, saved)
    return plan.pull_each(node, cotangent, edges, saved)


def _restore(node: Node, source: Any, value: Any) -> Any:
    """A saved array as the tensor it was: an operand at its place in the graph, the result at the node itself."""
    if source == -1:
        if isinstance(value, tuple):
            return tuple(
                wrap(array, make_node(PROJECTION, (node,), {"index": i}, array.shape, array.dtype))
                if array.dtype.kind == "f"
                else array
                for i, array in enumerate(value)
            )
        return wrap(value, node)
    if isinstance(source, int):
        return wrap(value, node.edges[source]) if isinstance(value, np.ndarray) else value
    if source[0] == "operands":
        return tuple(wrap(array, edge) for array, edge in zip(value, node.edges, strict=True))
    return value


def _times_partial(node: Node, op: Elementwise, index: int, cotangent: Any, saved: Sequence[Any]) -> Any:
    values = {**node.parameters, **dict(zip(node.plan.names, saved, strict=True))}
    # Numbers in the dtype, not Python's, which refuse to divide by zero.
    values = {name: v if isinstance(v, Tensor) else cotangent.dtype.type(v) for name, v in values.items()}
    values[COTANGENT.name] = cotangent
    outer = thread.mode.formula_dtype
    thread.mode.formula_dtype = cotangent.dtype
    try:
        return read(op.product_expression(index), values)
    finally:
        thread.mode.formula_dtype = outer


def _through_composition(
    node: Node, op: Fused, cotangent: Any, edges: Sequence[Any], saved: Sequence[Any]
) -> Sequence[Any]:
    plan = node.plan
    # Stand-ins with nodes of their own: an operand may have been computed from another, and the derivative wanted here
    # is by each alone. What is recorded goes on through them to the operands.
    plan_of_stand_in = REGISTRY["clone"].plan(1, 1)
    operands = [saved[plan.names.index(name)] for name in op.operands]
    operands = [
        operand
        if edge is None
        else wrap(operand._array, make_node(plan_of_stand_in, (edge,), {}, operand._array.shape, operand._array.dtype))
        for operand, edge in zip(operands, node.edges, strict=True)
    ]
    parameters = {name: node.parameters[name] for name in op.parameters}
    result = op.composition(*operands, **parameters)
    wanted = [operand for operand, edge in zip(operands, edges, strict=True) if edge is not None]
    targets: dict[Any, Any] = {operand._node: None for operand in wanted}
    if op.outputs == 1:
        result, cotangent = (result,), (cotangent,)
    starts = [(r._node, c) for r, c in zip(result, cotangent, strict=True) if r._node is not None]
    run(*zip(*starts, strict=True), retain=True, pullback=recorded_pullback, targets=targets)
    found = iter(targets.values())
    return [None if edge is None else next(found) for edge in edges]

"""Reverse mode: cotangents from outputs to leaves.

Nodes carry their creation number, and parents are always older than children, so taking the youngest waiting node
first visits every node once, after all of its consumers, without recursion and without a counting pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .anomaly import check_cotangents
from .broadcasting import unbroadcast, unbroadcast_axes
from .declaration import attach
from .dispatch import as_tensor_operand
from .errors import GraphError
from .formula import read
from .graph import Accumulator, Node, ancestors, make_node, thread
from .kernels.boundary import dense_order, empty_in_order
from .op import REGISTRY, Elementwise, Fused
from .plan import COTANGENT
from .recording import PROJECTION
from .tensor import Tensor, wrap

_ndarray = np.ndarray


def _recorded_pullback(node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
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
                wrap(array, make_node(PROJECTION, (node,), (), (), {"index": i}, array.shape, array.dtype))
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
        else wrap(
            operand._array, make_node(plan_of_stand_in, (edge,), (), (), {}, operand._array.shape, operand._array.dtype)
        )
        for operand, edge in zip(operands, node.edges, strict=True)
    ]
    parameters = {name: node.parameters[name] for name in op.parameters}
    result = op.composition(*operands, **parameters)
    wanted = [operand for operand, edge in zip(operands, edges, strict=True) if edge is not None]
    found = iter(grad(result, wanted, cotangent, create_graph=True, allow_unused=True))
    return [None if edge is None else next(found) for edge in edges]


def _unbroadcast_tensor(cotangent: Tensor, shape: tuple[int, ...]) -> Tensor:
    added, stretched = unbroadcast_axes(cotangent.shape, shape)
    if added or stretched:
        cotangent = cotangent.sum(dim=added + stretched, keepdim=True)
    return cotangent.reshape(shape)


class _Pass:
    """One backward pass: the cotangents that wait, which of them are ours to add into, and what to do at leaves."""

    __slots__ = ("create_graph", "heap", "leaves", "needed", "owned", "pending", "retain", "targets")

    def __init__(self, retain: bool, create_graph: bool, targets: dict[Any, Any] | None, roots: list[Any]) -> None:
        self.heap: list[tuple[int, Any]] = []
        self.leaves: list[Accumulator] = []
        self.pending: dict[Any, Any] = {}
        # Nodes whose waiting cotangent nobody else can see, so that the next one may be added in place.
        self.owned: set[Any] = set()
        self.retain = retain
        self.create_graph = create_graph
        # None: gather into every leaf. Otherwise nodes and accumulators whose cotangents are wanted instead.
        self.targets = targets
        self.needed: set[Any] = set() if targets is None else _leading_to(targets, roots)

    def add(self, node: Any, cotangent: Any, fresh: bool) -> None:
        """Add one contribution to what waits at `node`."""
        pending = self.pending
        waiting = pending.get(node)
        if waiting is None:
            pending[node] = cotangent
            if fresh:
                self.owned.add(node)
            if type(node) is Accumulator:
                self.leaves.append(node)
            else:
                heappush(self.heap, (-node.sequence, node))
        elif type(cotangent) is list:
            for position, part in enumerate(cotangent):
                if part is not None:
                    known = waiting[position]
                    waiting[position] = part if known is None else known + part
        elif node in self.owned:
            np.add(waiting, cotangent, out=waiting)
        else:
            # A sum of 0-d arrays is a NumPy scalar, which cannot be added into.
            pending[node] = waiting + cotangent if self.create_graph else np.asarray(waiting + cotangent)
            if not self.create_graph:
                self.owned.add(node)

    def run(self) -> None:
        """Visit every node that a cotangent reaches, and then the leaves: a pass that fails changes none of theirs."""
        heap, pending, owned = self.heap, self.pending, self.owned
        while heap:
            node = heappop(heap)[1]
            cotangent = pending.pop(node)
            owns = node in owned
            if owns:
                owned.remove(node)
            following: Any = node
            # Along a chain nothing else waits, and the one parent comes next without a detour through the heap.
            while following is not None:
                following, cotangent, owns = self._visit(following, cotangent, owns)
        for leaf in self.leaves:
            self._arrive(leaf, pending.pop(leaf), leaf in owned)

    def _visit(self, node: Node, cotangent: Any, owns: bool) -> tuple[Any, Any, bool]:
        """Pull a node's cotangent back to its parents.

        `owns` says that nobody else can see the cotangent. Returns the next node with its cotangent and ownership if
        it is certain, else None for the node.
        """
        create_graph, targets = self.create_graph, self.targets
        extras = node.extras
        if extras is not None:
            if extras.hooks:
                cotangent = _run_hooks(extras.hooks, cotangent)
                owns = False  # a hook may have kept it
            if extras.retained is not None and targets is None:
                _accumulate(extras.retained, cotangent, False, create_graph)
        edges = node.edges
        if targets is not None:
            if node in targets:
                targets[node] = cotangent
                owns = False
            edges = tuple([edge if edge in self.needed else None for edge in edges])
            if not any(edges):
                return None, None, False
        plan = node.plan
        if plan is PROJECTION:
            self._project(node, cotangent)
            return None, None, False
        if node.saved is None or node.versions:
            node.check_alive()
        if plan.op.outputs != 1:
            cotangent = _fill(node, cotangent, create_graph)
        pull = _recorded_pullback if create_graph else plan.pullback
        pulled = pull(node, cotangent, edges)
        if thread.mode.anomaly:
            check_cotangents(node, cotangent, pulled)
        if not self.retain:
            node.saved = None
            node.versions = ()
        heap = self.heap
        alone = len(edges) == 1
        following: Any = None
        following_part: Any = None
        following_fresh = False
        for edge, part in zip(edges, pulled, strict=True):
            if part is None or edge is None:
                continue
            shape = edge.shape
            if part.shape != shape and type(shape) is tuple:
                part = _unbroadcast_tensor(part, shape) if create_graph else unbroadcast(part, shape)
            if create_graph:
                fresh = False
            elif type(part) is not _ndarray:
                # NumPy turns 0-d results into scalars, which cannot be added into.
                part, fresh = np.asarray(part), True
            elif part is cotangent or part.base is not None:
                # Memory that may go to several parents is ours alone only if there is one. A sum's cotangent is
                # spread as a read-only view, which cannot be added into.
                fresh = owns and alone and part.flags.writeable
            else:
                fresh = True
            if following is not None:
                if type(edge) is not Accumulator:
                    self.add(following, following_part, following_fresh)
                    following = None
                self.add(edge, part, fresh)
            elif heap or type(edge) is Accumulator:
                self.add(edge, part, fresh)
            else:
                following, following_part, following_fresh = edge, part, fresh
        return following, following_part, following_fresh

    def _project(self, node: Node, cotangent: Any) -> None:
        main = node.edges[0]
        parts: list[Any] = [None] * len(main.shape)
        parts[node.parameters["index"]] = cotangent
        self.add(main, parts, False)

    def _arrive(self, accumulator: Accumulator, cotangent: Any, owned: bool) -> None:
        if accumulator.hooks:
            cotangent = _run_hooks(accumulator.hooks, cotangent)
            owned = False  # a hook may have kept it
        if self.targets is None:
            _accumulate(accumulator, cotangent, owned, self.create_graph)
        elif accumulator in self.targets:
            self.targets[accumulator] = cotangent


def _fill(node: Node, cotangents: list[Any], create_graph: bool) -> list[Any]:
    """Zeros for the outputs of a multi-output operation that nothing consumed."""
    shapes: Any = node.shape
    filled = []
    for shape, cotangent in zip(shapes, cotangents, strict=True):
        if cotangent is None:
            zeros = np.zeros(shape, node.dtype)
            cotangent = wrap(zeros, None) if create_graph else zeros
        filled.append(cotangent)
    return filled


def _leading_to(targets: dict[Any, Any], roots: list[Any]) -> set[Any]:
    """The nodes from which a target can be reached: the only ones worth visiting."""
    needed = set(targets)
    # Parents first: a node is needed if one of its parents is.
    for node in reversed(ancestors(roots)):
        if any(edge in needed for edge in node.edges if edge is not None):
            needed.add(node)
    return needed


def _run_hooks(hooks: dict[int, Any], cotangent: Any) -> Any:
    """Show the total gradient to each hook in order; what one returns goes on to the next."""
    for hook in tuple(hooks.values()):
        is_tensor = isinstance(cotangent, Tensor)
        shown = cotangent if is_tensor else wrap(np.asarray(cotangent), None)
        returned = hook(shown)
        if returned is None:
            continue
        if not isinstance(returned, Tensor):
            raise TypeError(f"a gradient hook must return None or a tensor, got {type(returned).__name__}")
        if returned.shape != shown.shape or returned.dtype != shown.dtype:
            raise ValueError(
                f"a gradient hook must keep the gradient's shape {shown.shape} and dtype {shown.dtype}, "
                f"got {returned.shape} and {returned.dtype}"
            )
        cotangent = returned if is_tensor else returned._array
    return cotangent


def _copied(array: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    """A copy whose memory has its dimensions in this order, as a leaf's gradient has those of the leaf."""
    if order is None:
        return np.array(array, order="C")
    copy = empty_in_order(array.shape, array.dtype, order)
    copy[...] = array
    return copy


def _accumulate(accumulator: Accumulator, cotangent: Any, owned: bool, create_graph: bool) -> None:
    """Add a leaf's total to its gradient."""
    known = accumulator.grad
    if create_graph:
        # A copy: the same tensor may be another leaf's gradient or the user's `gradient`, and later passes add into it.
        accumulator.grad = cotangent.clone() if known is None else known + cotangent
    elif known is None:
        order = accumulator.order
        if not owned or not (cotangent if order is None else cotangent.transpose(order)).flags.c_contiguous:
            cotangent = _copied(cotangent, order)
        accumulator.grad = wrap(cotangent, None)
    elif known.requires_grad:
        accumulator.grad = known + wrap(cotangent, None)
    else:
        np.add(known._array, cotangent, out=known._array)
        if known._version is not None:
            known._version[0] += 1
    if accumulator.post_hooks:
        for hook in tuple(accumulator.post_hooks.values()):
            hook(accumulator)


def _check_output(output: Any, gradient: Any) -> Any:
    """The starting cotangent of `output`, checked."""
    if not isinstance(output, Tensor):
        raise TypeError(f"backward starts from tensors, got {type(output).__name__}")
    if output._node is None:
        raise GraphError(
            "this tensor does not require gradients and has no history: compute it from tensors with "
            "requires_grad=True, outside no_grad()"
        )
    if gradient is None:
        if output.numel() != 1:
            raise GraphError(
                f"backward() of a tensor with shape {output.shape} needs its gradient argument, of the same shape; "
                "only a tensor with one element may leave it out"
            )
        one = np.empty(output.shape, output.dtype)
        one.fill(1)
        return wrap(one, None)
    gradient = as_tensor_operand(gradient, "backward")
    if gradient.shape != output.shape:
        raise ValueError(f"the gradient must have the output's shape {output.shape}, got {gradient.shape}")
    if gradient.dtype is not output.dtype:
        gradient = gradient.to(output.dtype)
    return gradient


def _as_tuple(value: Any, what: str) -> tuple[Any, ...]:
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise TypeError(f"{what} must be a tensor or a sequence of tensors, got {type(value).__name__}")


def _run(
    outputs: tuple[Any, ...],
    gradients: Any,
    retain_graph: bool | None,
    create_graph: bool,
    targets: dict[Any, Any] | None,
) -> None:
    if gradients is None:
        given: tuple[Any, ...] = (None,) * len(outputs)
    elif len(outputs) == 1 and not isinstance(gradients, (list, tuple)):
        given = (gradients,)
    else:
        given = tuple(gradients)
    if len(given) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs need as many gradients, got {len(given)}")
    starts = [_check_output(output, gradient) for output, gradient in zip(outputs, given, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    running = _Pass(retain, create_graph, targets, [output._node for output in outputs])
    outer = thread.mode.enabled
    thread.mode.enabled = create_graph
    try:
        for output, start in zip(outputs, starts, strict=True):
            running.add(output._node, start if create_graph else start._array, fresh=False)
        running.run()
    finally:
        thread.mode.enabled = outer


def visit_cotangents(outputs: Sequence[Tensor], gradients: Sequence[Tensor], targets: dict[Any, Any]) -> None:
    """A pass that keeps the graph and touches no ``grad``: ``targets[node] = cotangent`` for every key of `targets`.

    Keys are nodes and accumulators. A mapping that overrides ``__setitem__`` sees cotangents without keeping them.

    Raises:
        GraphError: if the graph has been freed.
    """
    _run(tuple(outputs), tuple(gradients), True, False, targets)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Gather the gradients of `tensors` in the ``grad`` of the leaves they were computed from.

    Args:
        tensors: one tensor or several, whose contributions add up.
        grad_tensors: a cotangent for each, of its shape; may be None for single elements.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the derivatives themselves.
        inputs: gather only for these tensors.

    Raises:
        GraphError: for a tensor without history, for a missing cotangent, a freed or a modified graph.
    """
    outputs = _as_tuple(tensors, "tensors")
    if inputs is None:
        _run(outputs, grad_tensors, retain_graph, create_graph, None)
        return
    wanted = _as_tuple(inputs, "inputs")
    if not wanted:
        raise ValueError("inputs must not be empty")
    found = grad(outputs, wanted, grad_tensors, retain_graph, create_graph, allow_unused=True)
    for tensor, gradient in zip(wanted, found, strict=True):
        if gradient is not None:
            cell = tensor._demand_accumulator()
            _accumulate(cell, gradient if create_graph else gradient._array, False, create_graph)


def _backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Gather the gradients of this tensor in the ``grad`` of the leaves it was computed from.

    Args:
        gradient: the cotangent, of this tensor's shape; may be left out for a single element.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the computation of the gradients, so that they can be differentiated in turn.
        inputs: gather only for these tensors.

    Raises:
        GraphError: if this tensor does not require gradients, has several elements and no `gradient` is given,
            or a value that is needed was freed or changed in place.
    """
    backward((self,), gradient, retain_graph, create_graph, inputs)


attach("backward", _backward)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, without touching any ``grad``.

    Args:
        outputs: a tensor or several, whose contributions add up.
        inputs: a tensor or several; leaves or computed ones.
        grad_outputs: a cotangent for each output, of its shape; may be None for single elements.
        retain_graph: keep the saved values for another pass; by default only with `create_graph`.
        create_graph: record the derivatives, so that they can be differentiated again.
        allow_unused: return None for inputs the outputs do not depend on, instead of raising.
        materialize_grads: return zeros for them.

    Returns:
        A tuple with one gradient an input, of its shape and dtype.

    Raises:
        GraphError: if an input requires no gradient or was not used.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.tensor(3.0, requires_grad=True)
        >>> (first,) = ag.grad(x**3, x, create_graph=True)
        >>> (second,) = ag.grad(first, x)
        >>> first.item(), second.item()
        (27.0, 18.0)
    """
    outputs = _as_tuple(outputs, "outputs")
    wanted = _as_tuple(inputs, "inputs")
    targets: dict[Any, Any] = {}
    for position, tensor in enumerate(wanted):
        if not isinstance(tensor, Tensor) or tensor._node is None:
            raise GraphError(f"input {position} does not require gradients")
        targets[tensor._node] = None
    _run(outputs, grad_outputs, retain_graph, create_graph, targets)
    found = []
    for position, tensor in enumerate(wanted):
        value = targets[tensor._node]
        if value is None:
            if materialize_grads:
                value = wrap(np.zeros(tensor.shape, tensor.dtype), None)
            elif not allow_unused:
                raise GraphError(
                    f"input {position}, of shape {tensor.shape}, was not used in computing the outputs; "
                    "pass allow_unused=True to get None for it"
                )
        elif not isinstance(value, Tensor):
            value = wrap(_copied(value, dense_order(tensor._array)), None)
        found.append(value)
    return tuple(found)

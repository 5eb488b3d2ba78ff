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
from .graph import Accumulator, Node, ancestors, thread
from .kernels.boundary import empty_in_order, row_major
from .kernels.loop import LARGE
from .op import REGISTRY
from .parts import Index, Parts
from .plan import BOTH, LISTED, NOTHING, Pullback, count_of
from .recording import PROJECTION
from .tensor import Tensor, wrap

_ndarray = np.ndarray


def run(
    roots: Sequence[Any],
    cotangents: Sequence[Any],
    *,
    retain: bool,
    pullback: Pullback | None = None,
    targets: dict[Any, Any] | None = None,
) -> None:
    """Make one backward pass from the nodes `roots`, whose cotangents are given.

    Args:
        roots: nodes and accumulators.
        cotangents: one for each root, as an array; as a tensor if `pullback` is given.
        retain: keep the saved values for another pass.
        pullback: what pulls back on tensors, recording what it does; None for the operations' own, on arrays.
        targets: None to gather into the ``grad`` of every leaf. Otherwise ``targets[node] = cotangent`` for each of
            its keys, nodes and accumulators, and no ``grad`` is touched.
    """
    running = _Pass(roots, retain, pullback, targets)
    mode = thread.mode
    outer = mode.enabled
    mode.enabled = pullback is not None
    try:
        for root, cotangent in zip(roots, cotangents, strict=True):
            running.add(root, cotangent, fresh=False)
        running.run()
    finally:
        mode.enabled = outer


class _Pass:
    """One backward pass: the cotangents that wait, which of them are ours to add into, and what to do at leaves."""

    __slots__ = ("anomaly", "heap", "leaves", "needed", "owned", "pending", "pullback", "retain", "targets")

    def __init__(
        self, roots: Sequence[Any], retain: bool, pullback: Pullback | None, targets: dict[Any, Any] | None
    ) -> None:
        self.heap: list[tuple[int, Any]] = []
        self.leaves: list[Accumulator] = []
        self.pending: dict[Any, Any] = {}
        # Nodes whose waiting cotangent nobody else can see, so that the next one may be added in place.
        self.owned: set[Any] = set()
        self.retain = retain
        self.pullback = pullback
        self.targets = targets
        self.needed: set[Any] | None = None if targets is None else _leading_to(targets, roots)
        self.anomaly = thread.mode.anomaly

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
        elif type(waiting) is Parts:
            if fresh:
                waiting.add_to(cotangent)
                pending[node] = cotangent
            else:
                pending[node] = np.add(whole := waiting.whole(), cotangent, whole)
            self.owned.add(node)
        elif node in self.owned:
            np.add(waiting, cotangent, waiting)
        elif self.pullback is not None:
            pending[node] = waiting + cotangent
        else:
            total = waiting + cotangent
            # A sum of 0-d arrays is a NumPy scalar, which cannot be added into.
            pending[node] = total if type(total) is _ndarray else np.asarray(total)
            self.owned.add(node)

    def put(self, node: Any, index: Index, cotangent: np.ndarray) -> None:
        """Add a contribution that is zero but at an index."""
        pending = self.pending
        waiting = pending.get(node)
        if waiting is None:
            pending[node] = Parts(node.shape, index, cotangent)
            if type(node) is Accumulator:
                self.leaves.append(node)
            else:
                heappush(self.heap, (-node.sequence, node))
        elif type(waiting) is Parts:
            waiting.append(index, cotangent)
            if waiting.crowded:
                pending[node] = waiting.whole()
                self.owned.add(node)
        else:
            if node not in self.owned:
                waiting = pending[node] = np.array(waiting)
                self.owned.add(node)
            waiting[index] += cotangent

    def run(self) -> None:
        """Visit every node that a cotangent reaches, and then the leaves: a pass that fails changes none of theirs."""
        heap, pending, owned = self.heap, self.pending, self.owned
        while heap:
            node = heappop(heap)[1]
            cotangent = pending.pop(node)
            owns = node in owned
            if owns:
                owned.remove(node)
            elif type(cotangent) is Parts:
                cotangent, owns = cotangent.whole(), True
            self._follow(node, cotangent, owns)
        for leaf in self.leaves:
            cotangent = pending.pop(leaf)
            if type(cotangent) is Parts:
                cotangent = cotangent.whole()
                owned.add(leaf)
            if leaf.hooks:
                cotangent, owns = _run_hooks(leaf.hooks, cotangent), False  # a hook may have kept it
            else:
                owns = leaf in owned
            if self.targets is None:
                accumulate(leaf, cotangent, owns)
            elif leaf in self.targets:
                self.targets[leaf] = cotangent

    def _follow(self, node: Any, cotangent: Any, owns: bool) -> None:
        """Pull a node's cotangent back to its parents; `owns` says that nobody else can see the cotangent.

        Along a chain nothing else waits, and the one parent comes next without a detour through the heap.
        """
        targets, heap, add = self.targets, self.heap, self.add
        recorded, keeps, anomaly = self.pullback is not None, self.retain, self.anomaly
        # The parent that comes next, if it is certain, its cotangent, and whether that is ours.
        following: Any = None
        following_fresh = False
        while node is not None:
            if node.extras is not None:
                cotangent, owns = self._show(node, cotangent, owns)
            plan = node.plan
            count = plan.count
            # As the node's own `edges`.
            edges = (node.edge, node.other_edge) if count == 2 else (node.edge,) if count == 1 else node.edge
            if targets is not None:
                if node in targets:
                    targets[node] = cotangent
                    owns = False
                edges = self._wanted(edges)
                if not any(edges):
                    return
            if plan.part and not recorded and not anomaly and (heap or type(edges[0]) is Accumulator):
                if node.value is None:
                    node.check_alive()
                self.put(edges[0], node.parameters[plan.part], cotangent)
                if not keeps:
                    node.value = None
                return
            if not plan.single:
                if plan is PROJECTION:
                    self._project(node, cotangent)
                    return
                cotangent = _fill(node, cotangent, recorded)
            saves = plan.saves
            # At a glance in the usual cases; the method looks at all, and says what is wrong.
            if node.value is None or (
                saves != NOTHING
                and (
                    (tuple(map(count_of, node.cell)) != node.count)
                    if saves == LISTED
                    else (node.cell[0] != node.count or (saves == BOTH and node.other_cell[0] != node.other_count))
                )
            ):
                node.check_alive()
            pulled = (self.pullback or plan.pullback)(node, cotangent, edges)
            if anomaly:
                check_cotangents(node, cotangent, pulled)
            if not keeps:
                node.value = None
                if saves == BOTH:
                    node.other_value = None
            own = node.shape if plan.pointwise else None
            node = None
            for edge, part in zip(edges, pulled):  # noqa: B905 - a plan's pullback returns one for each
                if part is None or edge is None:
                    continue
                shape = edge.shape
                if shape is not own and part.shape != shape and type(shape) is tuple:
                    part = _unbroadcast_tensor(part, shape) if recorded else _unbroadcast(part, shape)
                if recorded:
                    fresh = False
                elif type(part) is not _ndarray:
                    # NumPy turns 0-d results into scalars, which cannot be added into.
                    part, fresh = np.asarray(part), True
                elif part is cotangent or part.base is not None:
                    # Memory that may go to several parents is ours alone only if there is one. A sum's cotangent is
                    # spread as a read-only view, which cannot be added into.
                    fresh = owns and count == 1 and part.flags.writeable
                else:
                    fresh = True
                if node is not None:
                    if type(edge) is not Accumulator:
                        add(node, following, following_fresh)
                        node = None
                    add(edge, part, fresh)
                elif heap or type(edge) is Accumulator:
                    add(edge, part, fresh)
                else:
                    node, following, following_fresh = edge, part, fresh
            if node is not None:
                cotangent, owns = following, following_fresh

    def _show(self, node: Node, cotangent: Any, owns: bool) -> tuple[Any, bool]:
        """Run a node's hooks and gather its gradient if it is to be retained."""
        extras = node.extras
        assert extras is not None
        if extras.hooks:
            cotangent, owns = _run_hooks(extras.hooks, cotangent), False  # a hook may have kept it
        if extras.retained is not None and self.targets is None:
            accumulate(extras.retained, cotangent, False)
        return cotangent, owns

    def _wanted(self, edges: tuple[Any, ...]) -> tuple[Any, ...]:
        needed = self.needed
        assert needed is not None
        return tuple([edge if edge in needed else None for edge in edges])

    def _project(self, node: Node, cotangent: Any) -> None:
        main = node.edges[0]
        parts: list[Any] = [None] * len(main.shape)
        parts[node.parameters["index"]] = cotangent
        self.add(main, parts, False)


def _unbroadcast(cotangent: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if cotangent.size < LARGE or cotangent.dtype.kind != "f":
        return unbroadcast(cotangent, shape)
    added, stretched = unbroadcast_axes(cotangent.shape, shape)
    if added or stretched:
        cotangent = REGISTRY["sum"].forward(cotangent, dim=added + stretched, keepdim=True)
    return cotangent.reshape(shape)


def _unbroadcast_tensor(cotangent: Tensor, shape: tuple[int, ...]) -> Tensor:
    added, stretched = unbroadcast_axes(cotangent.shape, shape)
    if added or stretched:
        cotangent = cotangent.sum(dim=added + stretched, keepdim=True)
    return cotangent.reshape(shape)


def _fill(node: Node, cotangents: list[Any], recorded: bool) -> list[Any]:
    """Zeros for the outputs of a multi-output operation that nothing consumed."""
    shapes: Any = node.shape
    filled = []
    for shape, cotangent in zip(shapes, cotangents, strict=True):
        if cotangent is None:
            zeros = np.zeros(shape, node.dtype)
            cotangent = wrap(zeros, None) if recorded else zeros
        filled.append(cotangent)
    return filled


def _leading_to(targets: dict[Any, Any], roots: Sequence[Any]) -> set[Any]:
    """The nodes from which a target can be reached: the only ones worth visiting."""
    needed = set(targets)
    # Parents first: a node is needed if one of its parents is.
    for node in reversed(ancestors(list(roots))):
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


def copied(array: np.ndarray, order: tuple[int, ...] | None) -> np.ndarray:
    """A copy whose memory has its dimensions in this order, as a leaf's gradient has those of the leaf."""
    if order is None:
        return array.copy() if array.flags.c_contiguous else row_major(array)
    copy = empty_in_order(array.shape, array.dtype, order)
    copy[...] = array
    return copy


def accumulate(accumulator: Accumulator, cotangent: Any, owned: bool) -> None:
    """Add a total to the gradient of `accumulator`: an array, or a tensor to be differentiated on."""
    known = accumulator.grad
    if type(cotangent) is not _ndarray:
        # A copy: the same tensor may be another leaf's gradient or the user's `gradient`, and later passes add into it.
        accumulator.grad = cotangent.clone() if known is None else known + cotangent
    elif known is None:
        order = accumulator.order
        if not owned or not (cotangent if order is None else cotangent.transpose(order)).flags.c_contiguous:
            cotangent = copied(cotangent, order)
        accumulator.grad = wrap(cotangent, None)
    elif known._node is not None:
        accumulator.grad = known + wrap(cotangent, None)
    else:
        np.add(known._array, cotangent, known._array)
        if known._version is not None:
            known._version[0] += 1
    if accumulator.post_hooks:
        for hook in tuple(accumulator.post_hooks.values()):
            hook(accumulator)

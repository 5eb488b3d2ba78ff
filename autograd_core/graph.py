"""The computational graph: nodes, where gradients end up, and whether anything is recorded.

A node is one applied operation. It holds its parents and what its derivative needs, never its output, so a graph has
no reference cycles and reference counting frees it the moment the last tensor that leads to it goes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .broadcasting import Shape
from .errors import GraphError, InPlaceError
from .plan import BOTH, LISTED, NOTHING

if TYPE_CHECKING:
    from .op import Op
    from .plan import Plan

Hook = Callable[[Any], Any]

# A tensor and all its views share one version cell, a one-element list: the count of in-place changes so far.
VersionCell = list[int]

next_sequence = itertools.count(1).__next__


class Mode:
    """What a thread records: whether at all, inside which module call, and whether with creation sites."""

    __slots__ = ("anomaly", "check_nan", "enabled", "formula_dtype", "observer", "recomputing", "scope")

    def __init__(self) -> None:
        self.enabled = True
        self.scope: Scope | None = None
        self.anomaly = False
        self.check_nan = True
        # Told of every result with the node that made it; see `observe`.
        self.observer: Callable[[Node, np.ndarray], None] | None = None
        # Inside a checkpoint's second forward pass, which must not move running statistics again.
        self.recomputing = False
        # The dtype of numbers in a partial derivative that is being read on tensors.
        self.formula_dtype: np.dtype[Any] | None = None


class _Thread(threading.local):
    """``thread.mode`` is the calling thread's own; looking it up takes longer than reading all that it holds."""

    def __init__(self) -> None:
        self.mode = Mode()


thread = _Thread()


class Scope:
    """One call of a named block, a module usually; nodes made inside remember it for pictures and messages."""

    __slots__ = ("kind", "name", "parent")

    def __init__(self, name: str, kind: str, parent: Scope | None) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent

    @property
    def path(self) -> str:
        """The names from the outermost block inwards, joined by dots."""
        names = []
        scope: Scope | None = self
        while scope is not None:
            names.append(scope.name)
            scope = scope.parent
        return ".".join(reversed(names))


@contextmanager
def scope(name: str, kind: str = "scope") -> Iterator[None]:
    """Group the operations recorded inside under `name` in pictures of the graph.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.ones(2, requires_grad=True)
        >>> with ag.scope("squares"):
        ...     y = x * x
        >>> y.grad_fn.scope.path
        'squares'
    """
    mode = thread.mode
    outer = mode.scope
    mode.scope = Scope(name, kind, outer)
    try:
        yield
    finally:
        mode.scope = outer


def push_scope(name: str, kind: str) -> Scope | None:
    """Open a scope as :func:`scope` does, at a fraction of its cost; hand what is returned to :func:`pop_scope`.

    An outermost scope, and one without a name, is called by its kind.
    """
    mode = thread.mode
    outer = mode.scope
    mode.scope = Scope(name if name and outer is not None else kind, kind, outer)
    return outer


def pop_scope(outer: Scope | None) -> None:
    """Close the scope whose :func:`push_scope` returned `outer`, in a ``finally`` clause."""
    thread.mode.scope = outer


class Extras:
    """What few nodes carry: hooks, the cell of ``retain_grad``, the line that created them, how to recompute them."""

    __slots__ = ("hooks", "recompute", "retained", "site")

    def __init__(self) -> None:
        self.hooks: dict[int, Hook] = {}
        self.retained: Accumulator | None = None
        self.site: str | None = None
        self.recompute: Callable[[], None] | None = None


class Node:
    """One applied operation.

    Python's collector of reference cycles looks at every list and tuple again and again for as long as it lives. So
    what most nodes have one or two of lies in the node itself: a pair of attributes each for edges, saved values and
    version cells. Where there are more, the first of the pair holds them all in a tuple. How many edges there are
    ``plan.count`` says, what is saved and where ``plan.saves``.

    Attributes:
        plan: which operands need gradients and how they are computed; ``plan.op`` is the operation's record.
        edge, other_edge: where the gradients of operands go.
        value, other_value: what the derivative reads; `value` is None once it was released.
        cell, other_cell: the version cells of saved arrays that can be changed; of more than two, `cell` is a tuple of
            them. ``plan.versioned`` says in the same order which arrays these are.
        count, other_count: their counts at saving; where `cell` is a tuple, `count` is one too.
        parameters: the operation's non-tensor arguments.
        shape, dtype: of the output.
        sequence: creation order; parents always come before children.
    """

    __slots__ = (
        "__weakref__",
        "cell",
        "count",
        "dtype",
        "edge",
        "extras",
        "other_cell",
        "other_count",
        "other_edge",
        "other_value",
        "parameters",
        "plan",
        "scope",
        "sequence",
        "shape",
        "value",
    )

    # Made by `make_node` or, for what nearly every operation records, in `recording`: an __init__ takes as long again.
    plan: Plan
    edge: Any
    other_edge: Any
    value: Any
    other_value: Any
    cell: Any
    count: Any
    other_cell: VersionCell
    other_count: int
    parameters: dict[str, Any]
    shape: Shape
    dtype: np.dtype[Any]
    sequence: int
    scope: Scope | None
    extras: Extras | None

    @property
    def edges(self) -> tuple[Any, ...]:
        """For each operand the node or accumulator its gradient goes to, None where no gradient is needed."""
        count = self.plan.count
        edges: tuple[Any, ...] = (
            (self.edge, self.other_edge) if count == 2 else (self.edge,) if count == 1 else self.edge
        )
        return edges

    @property
    def saved(self) -> tuple[Any, ...] | None:
        """What the derivative reads, in the order of ``plan.names``; None once it was released."""
        saves = self.plan.saves
        if self.value is None or saves in (LISTED, NOTHING):
            found: tuple[Any, ...] | None = self.value
            return found
        return (self.value, self.other_value) if saves == BOTH else (self.value,)

    @property
    def op(self) -> Op:
        """The record of the operation."""
        return self.plan.op

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.plan.op.name

    @property
    def next_functions(self) -> tuple[Any, ...]:
        """The parents, as ``(node, 0)`` pairs like PyTorch's."""
        return tuple((edge, 0) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name} node, output {self.shape} {self.dtype}>"

    def demand_extras(self) -> Extras:
        """Return the rarely used part, making it at first need."""
        if self.extras is None:
            self.extras = Extras()
        return self.extras

    def check_alive(self) -> None:
        """Raise if backward cannot pass here: values released, or changed since they were saved."""
        if self.value is None and self.extras is not None and self.extras.recompute is not None:
            self.extras.recompute()
        if self.value is None:
            raise GraphError(
                f"backward reached the operation '{self.name}' (output {self.shape}) a second time, after its saved "
                "values had been freed. Usual causes: a loss accumulated over steps (`total += loss` keeps every "
                "graph), or a hidden state carried over without being detached. Remedies: accumulate loss.item(), "
                "call .detach() on the carried state, or pass retain_graph=True to the first backward."
            )
        for (cell, count), label in zip(self._counts(), self.plan.versioned, strict=True):
            if cell[0] != count:
                raise InPlaceError(self._changed_message(cell, count, label))

    @property
    def changed(self) -> bool:
        """Whether a saved value was modified in place since."""
        return self.value is not None and any(cell[0] != count for cell, count in self._counts())

    def _counts(self) -> list[tuple[VersionCell, int]]:
        """The version cells of saved values and their counts at saving; ``plan.versioned`` says whose they are."""
        saves = self.plan.saves
        if saves == LISTED:
            return list(zip(self.cell, self.count, strict=True))
        found = [] if saves == NOTHING else [(self.cell, self.count)]
        return [*found, (self.other_cell, self.other_count)] if saves == BOTH else found

    def _changed_message(self, cell: VersionCell, count: int, label: str | int) -> str:
        site = self.extras.site if self.extras is not None else None
        what = label if label == "its result" else f"its operand {label!r}"
        where = f"created at {site}" if site else "run under autograd_core.detect_anomaly() to see the line"
        return (
            f"a value that the operation '{self.name}' saved for backward ({what}; output {self.shape} {self.dtype}) "
            f"was modified in place: it was at version {count} when saved and is at version {cell[0]} now ({where}). "
            "Use the out-of-place form of the change, or clone() the tensor first."
        )

    def release(self) -> None:
        """Free the saved values; the edges stay, so that the graph can still be drawn."""
        self.value = self.other_value = None

    def restore(self, other: Node) -> None:
        """Take what `other`, a node of the same operation, saved."""
        for name in ("value", "other_value", "cell", "count", "other_cell", "other_count"):
            # What there is none of was never set.
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))


def make_node(
    plan: Plan,
    edges: tuple[Any, ...],
    parameters: dict[str, Any],
    shape: Shape,
    dtype: np.dtype[Any],
    saved: tuple[Any, ...] = (),
    cells: tuple[Any, ...] = (),
    counts: tuple[int, ...] = (),
) -> Node:
    """Make the node of an operation that is being applied; what it saves, if anything, is LISTED."""
    node = Node()
    node.plan = plan
    if plan.count == 2:
        node.edge, node.other_edge = edges
    else:
        node.edge = edges[0] if plan.count == 1 else edges
    node.value = saved
    node.cell = cells
    node.count = counts
    node.parameters = parameters
    node.shape = shape
    node.dtype = dtype
    node.sequence = next_sequence()
    node.scope = thread.mode.scope
    node.extras = None
    return node


class Accumulator:
    """Where the gradient of a leaf tensor is gathered; the tensor points here, never the other way.

    Attributes:
        grad: the accumulated gradient tensor, or None.
        order: the leaf's dimensions in the order of its memory, which its gradient has too; None for row-major.
        name: what pictures call it, "weight" for instance.
        hooks: run on each backward's total before it is added.
        post_hooks: run after it has been added.
    """

    __slots__ = ("__weakref__", "dtype", "grad", "hooks", "name", "order", "post_hooks", "sequence", "shape")

    def __init__(
        self, shape: Shape, dtype: np.dtype[Any], name: str | None = None, order: tuple[int, ...] | None = None
    ) -> None:
        self.grad: Any = None
        self.order = order
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self.hooks: dict[int, Hook] = {}
        self.post_hooks: dict[int, Hook] = {}
        self.sequence = next_sequence()

    edges: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<accumulator of {self.name or 'a leaf'}, {self.shape} {self.dtype}>"


class RemovableHandle:
    """Removes a hook again: call ``remove()``, or use it as a context manager."""

    _next_key = itertools.count().__next__

    def __init__(self, hooks: dict[int, Any], hook: Callable[..., Any]) -> None:
        if not callable(hook):
            raise TypeError(f"a hook must be callable, got {type(hook).__name__}")
        self._hooks = hooks
        self.key = RemovableHandle._next_key()
        hooks[self.key] = hook

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        self._hooks.pop(self.key, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def ancestors(roots: list[Any], since: int = 0) -> list[Any]:
    """Every node and accumulator that leads to `roots` and was made after `since`: children first, no recursion."""
    found: dict[Any, None] = {}
    stack = [root for root in roots if root is not None]
    while stack:
        node = stack.pop()
        if node not in found and node.sequence > since:
            found[node] = None
            stack.extend(edge for edge in node.edges if edge is not None)
    return sorted(found, key=lambda node: -node.sequence)

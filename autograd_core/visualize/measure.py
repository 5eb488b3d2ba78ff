"""What can be measured of a recorded operation: its values, its gradient, its time, the memory it keeps, its faults."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..backward import visit_cotangents
from ..errors import GraphError
from ..formula import Call, Constant, Expression, read
from ..graph import Accumulator, Node
from ..op import Elementwise, Fused
from ..recording import PROJECTION
from ..tensor import Tensor, wrap


class Statistics(NamedTuple):
    """An array in a few numbers; mean, deviation and extremes are those of its finite elements."""

    mean: float
    deviation: float
    low: float
    high: float
    zeros: float
    nan: int
    infinite: int

    @property
    def fault(self) -> str:
        """ "NaN" or "inf" where there is one, else nothing."""
        return "NaN" if self.nan else "inf" if self.infinite else ""


def statistics(array: np.ndarray) -> Statistics:
    """Describe an array of any shape.

    Example:
        >>> import numpy as np
        >>> found = statistics(np.array([0.0, 2.0, np.nan]))
        >>> found.mean, found.low, found.high, found.fault
        (1.0, 0.0, 2.0, 'NaN')
    """
    values = np.asarray(array, np.float64).ravel()
    nan = int(np.isnan(values).sum())
    infinite = int(np.isinf(values).sum())
    size = values.size
    finite = values[np.isfinite(values)] if nan or infinite else values
    if not finite.size:
        return Statistics(math.nan, math.nan, math.nan, math.nan, 0.0, nan, infinite)
    zeros = float((finite == 0).sum()) / size
    return Statistics(
        float(finite.mean()), float(finite.std()), float(finite.min()), float(finite.max()), zeros, nan, infinite
    )


def norm(array: Any) -> float:
    """Euclidean norm, without underflow or overflow of the squares; NaN or infinite if an element is."""
    values = np.asarray(array, np.float64).ravel()
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = values / largest
    return largest * math.sqrt(float(scaled @ scaled))


@dataclass(slots=True)
class Measures:
    """What is known of one operation or leaf; for several that share a box, of all of them.

    Attributes:
        saved: bytes it keeps alive for backward and no one before it does; None if they have been freed.
        keeps: the names of what it keeps.
        gradients: the smallest and the largest norm of the gradient of its result.
        value: its result in a few numbers.
        blocked: the share of elements through which no gradient passes, and of units without any that passes one.
        forward, backward: seconds.
        fault: what went wrong here first.
    """

    saved: int | None = 0
    keeps: tuple[str, ...] = ()
    gradients: tuple[float, float] | None = None
    value: Statistics | None = None
    blocked: tuple[float, float] | None = None
    forward: float | None = None
    backward: float | None = None
    fault: str = ""
    site: str = ""

    def merged(self, others: Sequence[Measures]) -> Measures:
        """These and others together: memory and times add up, norms become a range, the worst blocked share stays."""
        everything = (self, *others)
        found = Measures(keeps=self.keeps, value=self.value, site=self.site)
        known = [entry.saved for entry in everything if entry.saved is not None]
        found.saved = sum(known) if known else None
        norms = [entry.gradients for entry in everything if entry.gradients is not None]
        if norms:
            found.gradients = min(low for low, _ in norms), max(high for _, high in norms)
        shares = [entry.blocked for entry in everything if entry.blocked is not None]
        if shares:
            found.blocked = max(share for share, _ in shares), max(share for _, share in shares)
        for name in ("forward", "backward"):
            seconds = [getattr(entry, name) for entry in everything if getattr(entry, name) is not None]
            if seconds:
                setattr(found, name, sum(seconds))
        found.fault = next((entry.fault for entry in everything if entry.fault), "")
        return found


@dataclass(slots=True)
class Observations:
    """What was seen while the graph was recorded and while a gradient flowed back through it; keys are its nodes."""

    values: dict[Any, Statistics] = field(default_factory=dict)
    arrays: dict[Any, np.ndarray] = field(default_factory=dict)
    gradients: dict[Any, float] = field(default_factory=dict)
    cotangents: dict[Any, Any] = field(default_factory=dict)
    forward: dict[Any, float] = field(default_factory=dict)
    backward: dict[Any, float] = field(default_factory=dict)
    # Operations whose pullback made NaN or infinity of a finite cotangent, and which.
    blamed: dict[Any, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def value(self, entry: Any) -> Statistics | None:
        """The statistics of what `entry` computed, as far as its values are known."""
        found = self.values.get(entry)
        if found is None and entry in self.arrays and self.arrays[entry].dtype.kind == "f":
            found = self.values[entry] = statistics(self.arrays[entry])
        return found


class ForwardWatch:
    """Told of each operation as it is recorded: how long it took and what came out."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self.last = time.perf_counter()

    def __call__(self, node: Node, result: np.ndarray) -> None:
        self.observations.forward[node] = time.perf_counter() - self.last
        if result.dtype.kind == "f":
            self.observations.values[node] = statistics(result)
        self.last = time.perf_counter()


class _BackwardWatch(dict[Any, Any]):
    """Targets of a backward pass that measure each cotangent and drop it, but for those in `keep`."""

    def __init__(self, entries: Sequence[Any], observations: Observations, keep: set[Any]) -> None:
        super().__init__(dict.fromkeys(entries))
        self.observations = observations
        self.keep = keep
        self.current: Any = None
        self.last = 0.0

    def __setitem__(self, entry: Any, cotangent: Any) -> None:
        self.finish()
        parts = [part for part in cotangent if part is not None] if isinstance(cotangent, list) else [cotangent]
        self.observations.gradients[entry] = math.hypot(*map(norm, parts))
        if entry in self.keep:
            self.observations.cotangents[entry] = cotangent
        # The pullback of this node runs until the next cotangent arrives.
        self.current = entry if isinstance(entry, Node) else None
        self.last = time.perf_counter()

    def finish(self) -> None:
        """Note how long the pullback took that has just ended."""
        if self.current is not None:
            self.observations.backward[self.current] = time.perf_counter() - self.last
        self.current = None


def watch_backward(
    tensors: Sequence[Tensor],
    entries: Sequence[Any],
    observations: Observations,
    keep: set[Any],
    gradients: Sequence[Tensor] | None = None,
) -> None:
    """Let a gradient flow from `tensors` through the graph, and note its norm at each of `entries`.

    No ``grad`` is touched and the graph can still be used. Where backward has freed it, the gradients that leaves have
    gathered are all there is.
    """
    starts = [tensor for tensor in tensors if tensor._node is not None]
    if not starts:
        return
    if gradients is None:
        if len(starts) > 1 or starts[0].numel() != 1:
            observations.notices.append("gradients are those of the sum of all outputs' elements")
        gradients = [wrap(np.ones(tensor.shape, tensor.dtype), None) for tensor in starts]
    watch = _BackwardWatch(entries, observations, keep)
    try:
        visit_cotangents(starts, gradients, watch)
        watch.finish()
        _find_culprits(starts, gradients, entries, observations)
    except GraphError:
        observations.gradients.clear()
        observations.backward.clear()
        for entry in entries:
            if isinstance(entry, Accumulator) and entry.grad is not None:
                observations.gradients[entry] = norm(entry.grad._array)
        observations.notices.append(
            "backward has freed the graph: gradients of leaves only; for all, draw before backward(), "
            "or pass it retain_graph=True"
        )


def _find_culprits(
    starts: Sequence[Tensor], gradients: Sequence[Tensor], entries: Sequence[Any], observations: Observations
) -> None:
    """Blame the operations that hand on more than they got: of several that lead to one NaN not all have made it."""
    sizes = observations.gradients
    suspects = [
        entry
        for entry in entries
        if isinstance(entry, Node)
        and math.isfinite(sizes.get(entry, math.nan))
        and not all(math.isfinite(sizes.get(edge, 0.0)) for edge in entry.edges)
    ]
    if not suspects:
        return
    seen: dict[Any, Any] = dict.fromkeys(suspects)
    visit_cotangents(starts, gradients, seen)
    for entry, cotangent in seen.items():
        if not isinstance(cotangent, np.ndarray):
            continue
        sums = [norm(part) for part in entry.plan.pullback(entry, cotangent, entry.edges) if part is not None]
        wrong = [found for found in sums if not math.isfinite(found)]
        if wrong:
            observations.blamed[entry] = "NaN" if any(map(math.isnan, wrong)) else "inf"


def find_values(entries: Sequence[Any], tensors: Sequence[Tensor], observations: Observations) -> None:
    """Fill in the arrays that the graph still holds: results and operands kept for backward, and its outputs."""
    arrays = observations.arrays
    for entry in entries:
        if not isinstance(entry, Node) or entry.saved is None:
            continue
        for (_, source), value in zip(entry.plan.named_sources, entry.saved, strict=True):
            if type(source) is not int or not isinstance(value, np.ndarray):
                continue
            origin = entry if source < 0 else entry.edges[source]
            if origin is not None:
                arrays.setdefault(origin, value)
    for tensor in tensors:
        if tensor._node is not None:
            arrays.setdefault(tensor._node, tensor._array)


def saved_memory(entry: Node, seen: set[int]) -> tuple[int | None, tuple[str, ...]]:
    """The bytes that `entry` keeps for backward and no one in `seen` does, and the names of what it keeps.

    Leaves are not counted: they live as long as their module.
    """
    if entry.saved is None:
        return None, ()
    total = 0
    names = []
    for (name, source), value in zip(entry.plan.named_sources, entry.saved, strict=True):
        if type(source) is int and source >= 0 and isinstance(entry.edges[source], Accumulator):
            continue
        arrays = [value] if isinstance(value, np.ndarray) else list(value) if isinstance(value, tuple) else []
        arrays = [array for array in arrays if isinstance(array, np.ndarray)]
        if arrays:
            names.append(name)
        for array in arrays:
            root = array
            while isinstance(root.base, np.ndarray):
                root = root.base
            if id(root) not in seen:
                seen.add(id(root))
                total += array.nbytes
    return total, tuple(names)


def blocked_share(entry: Node, observations: Observations) -> tuple[float, float] | None:
    """The share of elements where the derivative of an elementwise operation is exactly 0, and of dead units.

    A unit is dead where that holds for the whole batch: its inputs and weights get no gradient from it. In a batch of
    images (four dimensions) a unit is a channel. None for operations whose derivative has no such branch. A fused
    operation that ends in a rectifier, and is named so, is one as well.
    """
    op = entry.plan.op
    result = observations.arrays.get(entry)
    if isinstance(op, Fused) and op.name.endswith("_relu") and result is not None:
        blocked = result <= 0
    elif isinstance(op, Elementwise) and len(op.operands) == 1 and entry.saved is not None:
        partial = op.partial_expression(0)
        if not _has_zero_branch(partial):
            return None
        values = {**entry.parameters, **dict(zip(entry.plan.names, entry.saved, strict=True))}
        blocked = np.broadcast_to(np.asarray(read(partial, values)) == 0, entry.shape)
    else:
        return None
    if not blocked.size:
        return None
    if blocked.ndim < 2:
        return float(blocked.mean()), float(blocked.mean())
    axes = (0, 2, 3) if blocked.ndim == 4 else (0,)
    return float(blocked.mean()), float(blocked.all(axis=axes).mean())


def _has_zero_branch(expression: Expression) -> bool:
    return any(
        part.function == "where" and any(_is_zero(branch) for branch in part.arguments[1:])
        for part in _calls(expression)
    )


def _is_zero(expression: Expression) -> bool:
    return isinstance(expression, Constant) and expression.value == 0


def _calls(expression: Expression) -> Iterator[Call]:
    if isinstance(expression, Call):
        yield expression
        for argument in expression.arguments:
            yield from _calls(argument)


def recompute_values(entries: Sequence[Any], observations: Observations) -> None:
    """Compute again the results that the graph has not kept, where it has kept all that they were computed from."""
    arrays = observations.arrays
    for entry in entries:
        if not isinstance(entry, Node) or entry in arrays or entry in observations.values:
            continue
        op = entry.plan.op
        if op.variadic or op.outputs != 1 or entry.plan is PROJECTION or entry.saved is None or entry.changed:
            continue
        kept = dict(zip(entry.plan.names, entry.saved, strict=True))
        operands = [kept.get(name, arrays.get(edge)) for name, edge in zip(op.operands, entry.edges, strict=False)]
        if not operands or any(operand is None for operand in operands):
            continue
        result = op.forward(*operands, **entry.parameters)
        arrays[entry] = np.asarray(result[0] if op.residuals else result)


def find_faults(entries: Sequence[Any], observations: Observations) -> dict[Any, str]:
    """For each of `entries`, oldest first, at which something goes wrong first: what, in both directions."""
    known = {entry: observations.value(entry) for entry in entries}
    if any(found is not None and found.fault for found in known.values()):
        # Worth the work only now: the first fault may stand where the graph kept nothing.
        recompute_values(entries, observations)
        known = {entry: observations.value(entry) for entry in entries}
    faults: dict[Any, str] = {}
    tainted: set[Any] = set()
    for entry in entries:
        parents = [edge for edge in entry.edges if edge is not None]
        inherited = any(parent in tainted for parent in parents)
        found = known[entry]
        if found is None:
            if inherited:
                tainted.add(entry)
        elif found.fault:
            tainted.add(entry)
            if not inherited:
                faults[entry] = f"{found.fault} {_origin(entry, parents, known)} here"
    for entry, what in observations.blamed.items():
        faults.setdefault(entry, f"{what} first made here, in backward")
    return faults


def _origin(entry: Any, parents: list[Any], known: dict[Any, Statistics | None]) -> str:
    """How a fault got to the first entry that has it."""
    if not parents or _constant_has_fault(entry):
        return "comes in"
    return "first seen" if any(known.get(parent) is None for parent in parents) else "first made"


def _constant_has_fault(entry: Node) -> bool:
    for (_, source), value in zip(entry.plan.named_sources, entry.saved or (), strict=False):
        is_constant = type(source) is int and source >= 0 and entry.edges[source] is None
        if is_constant and isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
            return True
    return False

"""Read the graph behind some tensors into a flat record: what was computed, inside which module call, from what.

Everything here is iterative, so a chain of any length can be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dtypes import float32
from ..graph import Accumulator, Node, Scope, ancestors
from ..op import Fused
from ..tensor import Tensor
from .expansion import COMPOSITION, Expansion
from .measure import (
    Measures,
    Observations,
    blocked_share,
    find_faults,
    find_values,
    recompute_values,
    saved_memory,
    watch_backward,
)
from .recording import Block, Leaf, Operation, Output, Recording, Value

# A node of this name hands on one result of an operation that has several; pictures show the operation alone.
PROJECTION = "output"


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read beside the structure.

    Attributes:
        values, gradients: whether to measure them.
        expand: names of fused operations to show as compositions, and dotted paths of modules to open.
        expand_all: all of them.
    """

    values: bool = False
    gradients: bool = False
    expand: frozenset[str] = frozenset()
    expand_all: bool = False


def describe(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Shape as text, with the dtype unless it is float32.

    Example:
        >>> import numpy as np
        >>> describe((32, 784), np.dtype("float32"))
        '32×784'
        >>> describe((), np.dtype("float64"))
        'scalar float64'
    """
    text = "×".join(map(str, shape)) if shape else "scalar"
    return text if dtype == float32 else f"{text} {dtype}"


def collect(output: Any, reading: Reading | None = None, observations: Observations | None = None) -> Recording:
    """Record everything that leads to the tensors in `output`: a tensor, or tuples, lists and dicts of tensors.

    Args:
        output: where to start.
        reading: what to read beside the structure.
        observations: what was seen while the graph was recorded.

    Raises:
        TypeError: if there is no tensor in it.
        ValueError: if something to expand is not there.
    """
    tensors = list(named_tensors(output))
    if not tensors:
        raise TypeError(
            f"draw() wants a tensor, or a tuple, list or dict of tensors, or a model with inputs=...; "
            f"got {type(output).__name__} without any tensor"
        )
    return _Reader(reading or Reading(), observations or Observations()).read(tensors)


def named_tensors(output: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested tuples, lists and mappings, each with the index expression that reaches it."""
    stack: list[tuple[str, Any]] = [("output", output)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, Mapping):
            stack.extend((clean(f"{name}[{key!r}]"), entry) for key, entry in reversed(list(value.items())))
        elif isinstance(value, (tuple, list)):
            stack.extend((f"{name}[{index}]", value[index]) for index in reversed(range(len(value))))


class _Reader:
    """Fills one Recording; the dictionaries from graph objects to indices live only as long as the reading."""

    def __init__(self, reading: Reading, observations: Observations) -> None:
        self.reading = reading
        self.observations = observations
        self.expansion = Expansion(reading.expand, reading.expand_all, observations, reading.values)
        self.recording = Recording()
        self.values: dict[Any, Value] = {}
        self.blocks: dict[Scope, int] = {}
        self.labels: dict[tuple[Any, Any], str] = {}
        self.buffers: set[int] = set()
        # Where the measures of each entry are, to be told of faults found at the end.
        self.entries: list[Any] = []
        self.measures: dict[Any, Measures] = {}

    def read(self, tensors: list[tuple[str, Tensor]]) -> Recording:
        recording = self.recording
        # Sequence numbers are creation order, so this order, and with it every identifier, is the same in each run.
        entries = list(reversed(ancestors([tensor._node for _, tensor in tensors])))
        self._observe(entries, [tensor for _, tensor in tensors])
        # An operation that is shown as a composition gives way to the operations of that.
        stack = [iter(entries)]
        expanded: list[tuple[Any, Any]] = []
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                if expanded:
                    whole, result = expanded.pop()
                    self.values[whole] = self.values[result]
            elif isinstance(entry, Accumulator):
                self._read_leaf(entry)
            elif self.expansion.wants(entry):
                result, parts = self.expansion.expand(entry)
                expanded.append((entry, result))
                stack.append(iter(parts))
            else:
                self._read_operation(entry)
        if self.reading.values or self.reading.gradients:
            for entry, fault in find_faults(self.entries, self.observations).items():
                self.measures[entry].fault = fault
        for name, tensor in tensors:
            label = self._describe(tuple(tensor.shape), np.dtype(tensor.dtype))
            value = None if tensor._node is None else self.values[tensor._node]._replace(label=label)
            recording.outputs.append(Output(name, label, value))
        recording.notices = self.observations.notices
        self._number_calls()
        self._name_leaves()
        self._open_blocks({entry.plan.op.name for entry in entries if isinstance(entry, Node)})
        return recording

    def _observe(self, entries: list[Any], tensors: list[Tensor]) -> None:
        reading, observations = self.reading, self.observations
        if reading.values or reading.gradients or reading.expand or reading.expand_all:
            find_values(entries, tensors, observations)
        if reading.values:
            recompute_values(entries, observations)
        if reading.gradients:
            keep = {entry for entry in entries if isinstance(entry, Node) and self.expansion.wants(entry)}
            watch_backward(tensors, entries, observations, keep)

    def _describe(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
        found = self.labels.get((shape, dtype))
        if found is None:
            found = self.labels[shape, dtype] = describe(shape, dtype)
        return found

    def _read_leaf(self, entry: Accumulator) -> None:
        leaves = self.recording.leaves
        label = self._describe(entry.shape, entry.dtype)
        self.values[entry] = Value(True, len(leaves), label)
        size = int(np.prod(entry.shape, dtype=np.int64))
        name = clean(entry.name or self.expansion.symbols.get(entry, "input"))
        leaf = Leaf(name, entry.name is not None, label, size)
        leaves.append(leaf)
        self._measure(entry, leaf.measures)
        self.recording.after_backward |= entry.grad is not None

    def _measure(self, entry: Any, measures: Measures) -> None:
        self.entries.append(entry)
        self.measures[entry] = measures
        gradient = self.observations.gradients.get(entry)
        if gradient is not None:
            measures.gradients = gradient, gradient
        if self.reading.values or self.reading.gradients:
            measures.value = self.observations.value(entry)

    def _read_operation(self, entry: Node) -> None:
        if entry.name == PROJECTION and len(entry.edges) == 1 and entry.edges[0] is not None:
            main = self.values[entry.edges[0]]
            self.values[entry] = main._replace(label=self._describe(entry.shape, entry.dtype))
            return
        operations = self.recording.operations
        operands = []
        for edge in entry.edges:
            if edge is None:
                self.recording.omitted_operands += 1
                continue
            value = self.values[edge]
            operands.append(value)
            if value.is_leaf:
                self.recording.leaves[value.number].consumers.append(len(operations))
        label = self._describe(entry.shape, entry.dtype)
        self.values[entry] = Value(False, len(operations), label)
        operation = Operation(clean(entry.name), self._block(entry.scope), operands, details(entry), label)
        operation.symbol = self.expansion.symbols.get(entry, "")
        operations.append(operation)
        measures = operation.measures
        self._measure(entry, measures)
        is_part = operation.block is not None and self.recording.blocks[operation.block].kind == COMPOSITION
        # A composition is computed for the picture only: what it keeps is not kept in earnest.
        if not is_part:
            measures.saved, measures.keeps = saved_memory(entry, self.buffers)
            measures.forward = self.observations.forward.get(entry)
            measures.backward = self.observations.backward.get(entry)
        if self.reading.gradients:
            measures.blocked = blocked_share(entry, self.observations)
        measures.site = entry.extras.site or "" if entry.extras is not None and not is_part else ""

    def _block(self, scope: Scope | None) -> int | None:
        """The index of the block of `scope`, making it and those around it at first sight."""
        unknown = []
        while scope is not None and scope not in self.blocks:
            unknown.append(scope)
            scope = scope.parent
        index = None if scope is None else self.blocks[scope]
        blocks = self.recording.blocks
        for inner in reversed(unknown):
            around = () if index is None else blocks[index].path
            index = self.blocks[inner] = len(blocks)
            blocks.append(Block(clean(inner.name), clean(inner.kind), (*around, index)))
        return index

    def _number_calls(self) -> None:
        """Number the calls of a module called several times by the same caller.

        Outermost blocks stay unnumbered: their name is only a class, which may well be two different modules.
        """
        inner = [block for block in self.recording.blocks if block.parent is not None]
        totals = Counter((block.parent, block.name, block.kind) for block in inner)
        seen: Counter[tuple[int | None, str, str]] = Counter()
        for block in inner:
            key = block.parent, block.name, block.kind
            seen[key] += 1
            if totals[key] > 1 and block.kind != COMPOSITION:
                block.call = seen[key]

    def _name_leaves(self) -> None:
        """Prefix every parameter's name with the path of the module that used it first, without the root's name."""
        recording = self.recording
        for leaf in recording.leaves:
            block = recording.operations[leaf.consumers[0]].block if leaf.consumers else None
            if leaf.named and block is not None:
                path = [recording.blocks[index] for index in recording.blocks[block].path[1:]]
                modules = [part.name for part in path if part.kind != COMPOSITION]
                leaf.name = ".".join([*filter(None, modules), leaf.name])

    def _open_blocks(self, operations: set[str]) -> None:
        """Find the blocks that stay open: compositions, and modules asked for by path, with all around them."""
        blocks, opened = self.recording.blocks, self.recording.opened
        unknown = set(self.reading.expand) - operations
        for index, block in enumerate(blocks):
            names = [blocks[place].name for place in block.path]
            paths = {".".join(names), ".".join(names[1:])} & self.reading.expand
            unknown -= paths
            if paths:
                self.recording.asked.add(index)
            if paths or block.kind == COMPOSITION or self.reading.expand_all:
                opened.update(block.path)
        fused = {name for name in operations if isinstance(_record(name), Fused)}
        wrong = unknown | {name for name in self.reading.expand & operations - fused if name not in unknown}
        modules = {".".join(blocks[i].name for i in block.path[1:]) for block in blocks if block.kind != COMPOSITION}
        wrong -= modules
        if wrong:
            raise ValueError(
                f"nothing to expand is called {', '.join(map(repr, sorted(wrong)))}; this graph has the fused "
                f"operations {', '.join(sorted(fused)) or '(none)'} and the modules "
                f"{', '.join(sorted(filter(None, modules))[:20]) or '(none)'}"
            )


def _record(name: str) -> Any:
    from ..op import REGISTRY

    return REGISTRY.get(name)


def clean(text: str) -> str:
    """Text without control characters and broken Unicode, which no format could hold."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def details(entry: Node) -> str:
    """The non-tensor arguments of an operation as short text; arrays and whatever else is long are left out."""
    texts = [f"{name}={value!r}" for name, value in entry.parameters.items() if _is_short(value)]
    return clean(", ".join(texts))


def _is_short(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return len(value) <= 8 and all(map(_is_short, value))
    if isinstance(value, int):
        # A longer one is the key of a random mask, which says nothing and makes equal parts look different.
        return abs(value) < 10**12
    return isinstance(value, (float, slice)) or (isinstance(value, str) and len(value) <= 40)

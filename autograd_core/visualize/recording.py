"""The flat record of a graph: what was computed, inside which module call, from what, and what was measured of it.

It holds texts and numbers only, never a tensor or a node of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .measure import Measures


class Value(NamedTuple):
    """A tensor that flows: which operation or leaf it comes from, by its number, and how it is described."""

    is_leaf: bool
    number: int
    label: str


@dataclass(slots=True)
class Operation:
    """One applied operation; `block` is the index of the module call it was recorded in.

    Attributes:
        symbol: what the composition that it is part of calls its result.
        copies: how many operations it stands for.
    """

    name: str
    block: int | None
    operands: list[Value]
    details: str
    label: str = ""
    symbol: str = ""
    measures: Measures = field(default_factory=Measures)
    copies: int = 1


@dataclass(slots=True)
class Leaf:
    """A tensor that gathers a gradient: a parameter if `named`, else an input."""

    name: str
    named: bool
    label: str
    size: int
    consumers: list[int] = field(default_factory=list)
    measures: Measures = field(default_factory=Measures)
    copies: int = 1


@dataclass(slots=True)
class Block:
    """One call of a module (or of a user's ``scope``); `path` are the indices from the outermost block to itself.

    Attributes:
        call: which call it is, where a module was called several times.
        copies, last: how many blocks it stands for, and the name of the last of them.
    """

    name: str
    kind: str
    path: tuple[int, ...]
    call: int = 0
    copies: int = 1
    last: str = ""

    @property
    def level(self) -> int:
        """1 for an outermost block."""
        return len(self.path)

    @property
    def parent(self) -> int | None:
        """Index of the block around this one."""
        return self.path[-2] if len(self.path) > 1 else None

    @property
    def label(self) -> str:
        """Name and class, which call it is where a module was called several times, and how many it stands for."""
        named = self.name and self.kind and self.kind not in (self.name, "scope")
        if self.copies > 1 and named:
            if self.last == self.name:
                return f"{self.name} ({self.kind}), {self.copies} calls"
            return f"{self.name} … {self.last} ({self.kind} × {self.copies})"
        text = f"{self.name} ({self.kind})" if named else self.name or self.kind
        if self.copies > 1:
            return f"{text} × {self.copies}"
        return f"{text}, call {self.call}" if self.call else text


@dataclass(slots=True)
class Output:
    """One tensor that was asked for; `value` is None where it needs no gradient."""

    name: str
    label: str
    value: Value | None


@dataclass(slots=True)
class Recording:
    """The whole graph, oldest operation first."""

    operations: list[Operation] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    omitted_operands: int = 0
    after_backward: bool = False
    # Blocks that are open however deep they are.
    opened: set[int] = field(default_factory=set)
    # Blocks that were asked for by name, and so are not folded away.
    asked: set[int] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)
    # Modules that are repeated and drawn once.
    folded: int = 0

"""What a picture shows, free of how it is written: collected once, read by every writer (DOT, SVG, Mermaid).

It holds texts and indices only, never a tensor or a node of the graph, so that a picture left standing in a notebook
keeps no memory of the computation alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["LR", "TB", "RL", "BT"]
NodeKind = Literal["operation", "parameter", "input", "output", "module", "summary", "derivative", "gradient"]

Show = Literal["shape", "dtype", "saved", "gradient", "value", "time"]

SHOWS: tuple[Show, ...] = ("shape", "dtype", "saved", "gradient", "value", "time")
DIRECTIONS: tuple[Direction, ...] = ("LR", "TB", "RL", "BT")


@dataclass(slots=True)
class PictureNode:
    """One box.

    Attributes:
        identifier: unique in the picture and the same in every run: the kind and a count.
        kind: what it stands for; decides how it looks.
        lines: the text inside.
        cluster: index of the innermost cluster around it, None at the top.
        facts: what more is to be said when it is pointed at, as pairs of a label and a text.
        formulas: LaTeX to be shown there, as pairs of what it is of and its source.
        fill: a colour in place of its kind's.
        fault: whether something went wrong here first.
        keeps: the names of what it keeps for backward.
    """

    identifier: str
    kind: NodeKind
    lines: tuple[str, ...]
    cluster: int | None = None
    facts: tuple[tuple[str, str], ...] = ()
    formulas: tuple[tuple[str, str], ...] = ()
    fill: str = ""
    fault: bool = False
    keeps: tuple[str, ...] = ()

    @property
    def tooltip(self) -> str:
        """The facts and formulas as plain text, one a line."""
        return "\n".join(f"{label}: {text}" if label else text for label, text in (*self.facts, *self.formulas))


@dataclass(slots=True)
class PictureEdge:
    """One arrow in the direction data flowed, between indices into the picture's nodes.

    Attributes:
        label: what flows, a shape usually.
        times: how often the target uses it.
        color: of the line, in place of the usual one.
        dashed: whether it is a value that is kept rather than one that flows.
    """

    source: int
    target: int
    label: str = ""
    times: int = 1
    color: str = ""
    dashed: bool = False

    @property
    def text(self) -> str:
        """What stands at the arrow."""
        times = "" if self.times == 1 else "twice" if self.times == 2 else f"{self.times} times"
        return ", ".join(filter(None, (self.label, times)))


@dataclass(slots=True)
class Cluster:
    """The frame around what one module call recorded; `parent` is an index, `level` counts from 1 at the outside.

    Attributes:
        key: the same for the same module call in every picture of one recording.
        closed: the box that stands for it where it is closed, for pictures in which that can be done.
    """

    label: str
    parent: int | None
    level: int
    key: str = ""
    closed: PictureNode | None = None


@dataclass(frozen=True, slots=True)
class Legend:
    """What colours mean: a title, and a text for each."""

    title: str
    entries: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Picture:
    """Nodes in the order they were recorded (a parameter before its first use), arrows, frames and caption lines."""

    name: str
    direction: Direction
    nodes: list[PictureNode] = field(default_factory=list)
    edges: list[PictureEdge] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    caption: tuple[str, ...] = ()
    legend: Legend | None = None

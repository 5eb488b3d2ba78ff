"""What a picture shows, free of how it is written: collected once, read by every writer (DOT, SVG, Mermaid).

It holds texts and indices only, never a tensor or a node of the graph, so that a picture left standing in a notebook
keeps no memory of the computation alive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["LR", "TB", "RL", "BT"]
NodeKind = Literal["operation", "parameter", "input", "output", "module", "summary"]

DIRECTIONS: tuple[Direction, ...] = ("LR", "TB", "RL", "BT")


@dataclass(slots=True)
class PictureNode:
    """One box.

    Attributes:
        identifier: unique in the picture and the same in every run: the kind and a count.
        kind: what it stands for; decides how it looks.
        lines: the text inside.
        cluster: index of the innermost cluster around it, None at the top.
        tooltip: a longer text for hovering.
    """

    identifier: str
    kind: NodeKind
    lines: tuple[str, ...]
    cluster: int | None = None
    tooltip: str = ""


@dataclass(slots=True)
class PictureEdge:
    """One arrow in the direction data flowed, between indices into the picture's nodes.

    Attributes:
        label: what flows, a shape usually.
        times: how often the target uses it.
    """

    source: int
    target: int
    label: str = ""
    times: int = 1

    @property
    def text(self) -> str:
        """What stands at the arrow."""
        times = "" if self.times == 1 else "twice" if self.times == 2 else f"{self.times} times"
        return ", ".join(filter(None, (self.label, times)))


@dataclass(slots=True)
class Cluster:
    """The frame around what one module call recorded; `parent` is an index, `level` counts from 1 at the outside."""

    label: str
    parent: int | None
    level: int


@dataclass(slots=True)
class Picture:
    """Nodes in the order they were recorded (a parameter before its first use), arrows, frames and caption lines."""

    name: str
    direction: Direction
    nodes: list[PictureNode] = field(default_factory=list)
    edges: list[PictureEdge] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    caption: tuple[str, ...] = ()

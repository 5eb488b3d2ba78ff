"""What one level of the layout is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What an item is; entries and exits are where arrows cross the border of the frame."""

    NODE = "node"
    LEAF = "leaf"
    FRAME = "frame"
    ENTRY = "entry"
    EXIT = "exit"
    TITLE = "title"
    BEND = "bend"
    LABEL = "label"


class Point(NamedTuple):
    """A place in a level."""

    across: float
    along: float


class Curve(NamedTuple):
    """A piece of a path: a cubic curve with two control points, or a straight line where they are None."""

    first: Point | None
    second: Point | None
    end: Point


@dataclass(slots=True)
class Path:
    """A connected line."""

    start: Point
    pieces: list[Curve] = field(default_factory=list)

    @property
    def end(self) -> Point:
        """Where the line has got to."""
        return self.pieces[-1].end if self.pieces else self.start

    def moved(self, along: float) -> Path:
        """The same line farther along."""

        def move(point: Point | None) -> Point | None:
            return None if point is None else Point(point.across, point.along + along)

        start = Point(self.start.across, self.start.along + along)
        ends = (Point(piece.end.across, piece.end.along + along) for piece in self.pieces)
        pieces = [Curve(move(p.first), move(p.second), end) for p, end in zip(self.pieces, ends, strict=True)]
        return Path(start, pieces)

    def line_to(self, across: float, along: float) -> None:
        """Go straight; nothing if already there."""
        here = self.end
        if abs(here.across - across) + abs(here.along - along) > 0.01:
            self.pieces.append(Curve(None, None, Point(across, along)))

    def bend_to(self, corner: Point, end: Point) -> None:
        """Round a corner."""
        self.pieces.append(Curve(corner, corner, end))

    def curve_to(self, across: float, along: float) -> None:
        """Go on in an S that starts and ends in the direction of flow."""
        here = self.end
        if abs(here.across - across) < 0.01:
            self.line_to(across, along)
            return
        middle = (here.along + along) / 2
        self.pieces.append(Curve(Point(here.across, middle), Point(across, middle), Point(across, along)))


@dataclass(slots=True)
class Item:
    """Something that takes room in a rank.

    Attributes:
        kind: what it is.
        before, after: how far it reaches across, to either side of its anchor.
        length: how far it reaches along.
        order: when it was recorded; breaks cycles.
        row, across, along: where it is put; `along` is where it starts.
    """

    kind: Kind
    before: float
    after: float
    length: float
    order: float = 0.0
    row: int = 0
    across: float = 0.0
    along: float = 0.0

    @property
    def end(self) -> float:
        """Where it ends in the direction of flow."""
        return self.along + self.length


@dataclass(slots=True)
class Link:
    """An arrow, or the part of one that lies in this level.

    Attributes:
        source, target: items; the offsets say where on them, measured from the anchor.
        trunk: links from one source that are alike in this run together until they turn off to their targets.
        label: how much room its label takes: before and after the line, and along it.
        weight: how much it matters that it is straight.
        path, joins: the line, and whether it begins where an earlier link of the trunk passes, not at the source.
        label_item: the item that keeps room for the label, shared by a trunk.
    """

    source: int
    target: int
    source_offset: float = 0.0
    target_offset: float = 0.0
    trunk: tuple[int, str] = (0, "")
    label: tuple[float, float, float] | None = None
    weight: float = 4.0
    path: Path | None = None
    joins: bool = False
    label_item: int | None = None


@dataclass(slots=True)
class Joint:
    """A piece of one or more links between items of neighbouring rows."""

    upper: int
    lower: int
    upper_offset: float
    lower_offset: float
    weight: float


@dataclass(slots=True)
class Level:
    """The content of one frame: items and links, and what the steps of the layout make of them.

    Attributes:
        rows: item indices by row, from first to last in the direction of flow.
        joints: all pieces of links between neighbouring rows.
        chains: for each link the indices of the joints that no earlier one has; None where it is drawn directly.
        before, after, length: the extent of the whole, padding included; across is measured from 0.
    """

    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)
    chains: list[list[int] | None] = field(default_factory=list)
    before: float = 0.0
    after: float = 0.0
    length: float = 0.0

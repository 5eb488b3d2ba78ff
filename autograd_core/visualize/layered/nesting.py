"""Lay out a whole picture: every frame by itself, innermost first, then all of them into one plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import NamedTuple

from .. import theme
from ..model import Direction, Picture, PictureEdge, PictureNode
from .ordering import order_rows
from .parts import Curve, Item, Kind, Level, Link, Point
from .placement import place_across, place_along
from .ranking import BEND_ROOM, assign_rows
from .routing import route
from .wrapping import crossing_joints, find_breaks, wrap

MARGIN = 8.0
FRAME_PADDING = 10.0
TITLE_HEIGHT = 18.0
LINE_HEIGHT = 14.0
LABEL_DISTANCE = 4.0
LEAF_WEIGHT, FLOW_WEIGHT = 1.0, 4.0

# What an item of a level stands for: a node, a frame, or the place where the arrows of one source cross the border.
_Key = tuple[str, int]


class Box(NamedTuple):
    """A rectangle in the plane."""

    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Arrow:
    """An arrow in the plane.

    Attributes:
        start: where it starts.
        pieces: for each piece x and y of its end, or of two control points and the end of a cubic curve.
        label, text: where the label stands, if it has one, and what it says.
    """

    start: tuple[float, float]
    pieces: list[tuple[float, ...]] = field(default_factory=list)
    label: Box | None = None
    text: str = ""

    def add(self, piece: tuple[float, ...]) -> None:
        """Go on; straight pieces in one direction become one."""
        if len(piece) == 2 and self.pieces and len(self.pieces[-1]) == 2:
            here = self.pieces[-1]
            before = self.pieces[-2][-2:] if len(self.pieces) > 1 else self.start
            if before[0] == here[0] == piece[0] or before[1] == here[1] == piece[1]:
                self.pieces[-1] = piece
                return
        self.pieces.append(piece)


@dataclass(slots=True)
class Layout:
    """Where everything is; lists run parallel to the picture's.

    Arrows from one source that share their way are drawn together to where they part: the later ones start there.
    """

    width: float
    height: float
    nodes: list[Box] = field(default_factory=list)
    clusters: list[Box] = field(default_factory=list)
    titles: list[Box] = field(default_factory=list)
    arrows: list[Arrow | None] = field(default_factory=list)


def node_size(node: PictureNode) -> tuple[float, float]:
    """Width and height of a node's box, from its texts."""
    widths = [theme.text_width(line, size) for line, size in zip(node.lines, line_sizes(node), strict=True)]
    rounding = 10.0 if theme.LOOKS[node.kind].shape == "pill" else 0.0
    return max(widths) + 20.0 + rounding, LINE_HEIGHT * len(node.lines) + 12.0


def line_sizes(node: PictureNode) -> list[float]:
    """Font sizes of a node's lines: the first stands out."""
    return [theme.NODE_SIZE] + [theme.DETAIL_SIZE] * (len(node.lines) - 1)


def lay_out(picture: Picture) -> Layout:
    """Find a place for every node, frame, arrow and label of `picture`."""
    return _Nesting(picture).run()


class _Nesting:
    """Levels are numbered like clusters; the outermost, around all of them, is the last."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.horizontal = picture.direction in ("LR", "RL")
        self.top = len(picture.clusters)
        self.levels = [Level() for _ in range(self.top + 1)]
        self.item_of: list[dict[_Key, int]] = [{} for _ in self.levels]
        # By source, target, and the node whose result flows there.
        self.link_of: list[dict[tuple[int, int, int], int]] = [{} for _ in self.levels]
        # For every link with a label, the edges it belongs to.
        self.labelled: dict[tuple[int, int], list[PictureEdge]] = {}
        # For every edge, its parts as (level, link), in the direction of flow.
        self.parts: list[list[tuple[int, int]]] = []
        self.paths = [self._path(cluster) for cluster in range(self.top)] + [(self.top,)]
        # Where a level's arrows leave or enter it, by port; filled when the level is done.
        self.ports: list[dict[_Key, float]] = [{} for _ in self.levels]

    def _path(self, cluster: int | None) -> tuple[int, ...]:
        inwards: list[int] = []
        while cluster is not None:
            inwards.append(cluster)
            cluster = self.picture.clusters[cluster].parent
        return (self.top, *reversed(inwards))

    def run(self) -> Layout:
        self._add_nodes()
        self._add_edges()
        # Clusters come after those around them, so backwards is innermost first.
        for number in [*reversed(range(self.top)), self.top]:
            self._lay_out_level(number)
        return self._assemble()

    def _level_of(self, node: int) -> int:
        cluster = self.picture.nodes[node].cluster
        return self.top if cluster is None else cluster

    def _add_nodes(self) -> None:
        for index, node in enumerate(self.picture.nodes):
            width, height = node_size(node)
            breadth, length = (height, width) if self.horizontal else (width, height)
            kind = Kind.LEAF if node.kind in ("parameter", "input") else Kind.NODE
            level = self._level_of(index)
            self._add_item(level, ("node", index), Item(kind, breadth / 2, breadth / 2, length, float(index)))
            # A frame counts as recorded when its first node was; its extent is filled in when it has been laid out.
            path = self.paths[level]
            for outer, inner in pairwise(path):
                if ("frame", inner) not in self.item_of[outer]:
                    self._add_item(outer, ("frame", inner), Item(Kind.FRAME, 0.0, 0.0, 0.0, float(index)))
        if not self.horizontal:
            # Where data flows downwards, a title and arrows share the upper border: the title is one of its items.
            for number, cluster in enumerate(self.picture.clusters):
                width = theme.text_width(cluster.label, theme.CLUSTER_SIZE)
                item = Item(Kind.TITLE, 0.0, width + 4.0, TITLE_HEIGHT, -1.0)
                self._add_item(number, ("title", number), item)

    def _add_item(self, level: int, key: _Key, item: Item) -> int:
        index = self.item_of[level][key] = len(self.levels[level].items)
        self.levels[level].items.append(item)
        return index

    def _add_edges(self) -> None:
        for edge in self.picture.edges:
            source_path = self.paths[self._level_of(edge.source)]
            target_path = self.paths[self._level_of(edge.target)]
            pairs = zip(source_path, target_path, strict=False)
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            parts = []
            key: _Key = ("node", edge.source)
            for place in range(len(source_path) - 1, shared - 1, -1):
                parts.append(self._add_part(source_path[place], edge.source, key, ("exit", edge.source)))
                key = ("frame", source_path[place])
            last: _Key = ("node", edge.target) if shared == len(target_path) else ("frame", target_path[shared])
            parts.append(self._add_part(source_path[shared - 1], edge.source, key, last))
            if edge.text:
                self.labelled.setdefault(parts[-1], []).append(edge)
            for place in range(shared, len(target_path)):
                inside = place + 1 < len(target_path)
                last = ("frame", target_path[place + 1]) if inside else ("node", edge.target)
                parts.append(self._add_part(target_path[place], edge.source, ("entry", edge.source), last))
            self.parts.append(parts)

    def _add_part(self, number: int, node: int, source: _Key, target: _Key) -> tuple[int, int]:
        """Add to a level the link for an edge from `node`, or find it: arrows from one source share their way."""
        items = self.item_of[number]
        ends = []
        for key in (source, target):
            if key not in items:
                kind = Kind.ENTRY if key[0] == "entry" else Kind.EXIT
                order = -1.0 if kind is Kind.ENTRY else float("inf")
                self._add_item(number, key, Item(kind, 3.0, 3.0, 0.0, order))
            ends.append(items[key])
        found = self.link_of[number].get((ends[0], ends[1], node))
        if found is None:
            level = self.levels[number]
            found = self.link_of[number][ends[0], ends[1], node] = len(level.links)
            is_leaf = self.picture.nodes[node].kind in ("parameter", "input")
            level.links.append(Link(ends[0], ends[1], weight=LEAF_WEIGHT if is_leaf else FLOW_WEIGHT))
        return number, found

    def _text(self, number: int, position: int) -> str:
        """The label of a link: its edge's, or all that flows where edges into one frame share it."""
        edges = self.labelled.get((number, position), [])
        if len(edges) == 1:
            return edges[0].text
        return ", ".join(dict.fromkeys(edge.label for edge in edges if edge.label))

    def _label_room(self, label: str) -> tuple[float, float, float]:
        """Labels stand above a line that runs to the side, and to the right of one that runs down."""
        width, height = theme.text_width(label, theme.LABEL_SIZE), theme.LABEL_SIZE + 3.0
        if self.horizontal:
            return height + LABEL_DISTANCE, BEND_ROOM, width + 4.0
        return BEND_ROOM, width + LABEL_DISTANCE, height

    def _lay_out_level(self, number: int) -> None:
        level = self.levels[number]
        for (kind, inner), index in self.item_of[number].items():
            if kind == "frame":
                inside, item = self.levels[inner], level.items[index]
                item.before, item.after, item.length = inside.before, inside.after, inside.length
        self._finish_links(number)
        assign_rows(level)
        order_rows(level)
        place_across(level)
        padding = FRAME_PADDING if number != self.top else 0.0
        extents = place_along(level, padding)
        crossing = crossing_joints(level)
        breaks = find_breaks(level, extents, crossing, self.horizontal)
        if breaks:
            # Strips need not be in line with each other.
            cut = {number for row in breaks for number in crossing[row]}
            place_across(level, cut)
            extents = place_along(level, padding, cut)
        route(level, extents, wrap(level, extents, breaks, crossing, padding))
        if number != self.top:
            self._finish_frame(number)
        for key, index in self.item_of[number].items():
            if key[0] in ("entry", "exit"):
                self.ports[number][key] = level.items[index].across

    def _finish_links(self, number: int) -> None:
        """Make room for the links' labels, and let them start and end where the frames inside have their ports."""
        frames = {index: inner for (kind, inner), index in self.item_of[number].items() if kind == "frame"}
        for (source, target, node), position in self.link_of[number].items():
            link = self.levels[number].links[position]
            text = self._text(number, position)
            link.trunk = node, text
            if text:
                link.label = self._label_room(text)
            if source in frames:
                link.source_offset = self.ports[frames[source]]["exit", node]
            if target in frames:
                link.target_offset = self.ports[frames[target]]["entry", node]

    def _finish_frame(self, number: int) -> None:
        """Padding across, and room for the title where it stands above arrows that run to the side."""
        level = self.levels[number]
        level.before += FRAME_PADDING
        level.after += FRAME_PADDING
        if self.horizontal:
            level.before += TITLE_HEIGHT - 4.0
            width = theme.text_width(self.picture.clusters[number].label, theme.CLUSTER_SIZE) + 2 * FRAME_PADDING
            self._lengthen(level, width)
        else:
            # The title is first in its row already; it moves into the corner.
            level.items[self.item_of[number]["title", number]].across = FRAME_PADDING - level.before

    def _lengthen(self, level: Level, length: float) -> None:
        """Make a level at least `length` long, its content in the middle and its ports still at the border."""
        missing = length - level.length
        if missing <= 0:
            return
        for item in level.items:
            item.along += missing / 2
        for link in level.links:
            assert link.path is not None
            path = link.path.moved(missing / 2)
            if level.items[link.target].kind is Kind.EXIT:
                path.line_to(path.end.across, length)
            if level.items[link.source].kind is Kind.ENTRY and not link.joins:
                path.pieces.insert(0, Curve(None, None, path.start))
                path.start = Point(path.start.across, 0.0)
            link.path = path
        level.length = length

    def _assemble(self) -> Layout:
        """Put every level at its place, outermost first, and turn across and along into x and y."""
        top = self.levels[self.top]
        plane = _Plane(self.picture.direction, top)
        layout = Layout(plane.width, plane.height)
        layout.nodes = [Box(0, 0, 0, 0)] * len(self.picture.nodes)
        layout.clusters = [Box(0, 0, 0, 0)] * self.top
        layout.titles = [Box(0, 0, 0, 0)] * self.top
        origins = [Point(0.0, 0.0)] * (self.top + 1)
        for number in [self.top, *range(self.top)]:
            level, origin = self.levels[number], origins[number]
            for (kind, target), index in self.item_of[number].items():
                item = level.items[index]
                place = Point(origin.across + item.across, origin.along + item.along)
                if kind == "node":
                    layout.nodes[target] = plane.box(place, item.before, item.after, item.length)
                elif kind == "frame":
                    origins[target] = place
                    layout.clusters[target] = plane.box(place, item.before, item.after, item.length)
                elif kind == "title":
                    layout.titles[target] = plane.box(place, item.before, item.after, item.length)
        if self.horizontal:
            for number, frame in enumerate(layout.clusters):
                layout.titles[number] = Box(
                    frame.x + FRAME_PADDING, frame.y + 2.0, frame.width - 2 * FRAME_PADDING, TITLE_HEIGHT
                )
        drawn: set[tuple[int, int]] = set()
        labels: set[Box] = set()
        for parts in self.parts:
            fresh = [part for part in parts if part not in drawn]
            drawn.update(fresh)
            arrow = self._arrow(fresh, origins, plane)
            if arrow is not None and arrow.label in labels:
                arrow.label = None
            elif arrow is not None and arrow.label is not None:
                labels.add(arrow.label)
            layout.arrows.append(arrow)
        return layout

    def _arrow(self, parts: list[tuple[int, int]], origins: list[Point], plane: _Plane) -> Arrow | None:
        """The arrow along some links; None without any."""
        arrow = None
        for number, position in parts:
            level, origin = self.levels[number], origins[number]
            link = level.links[position]
            assert link.path is not None
            if arrow is None:
                arrow = Arrow(plane.point(link.path.start, origin))
            for piece in link.path.pieces:
                points = [plane.point(point, origin) for point in piece if point is not None]
                arrow.add(tuple(value for point in points for value in point))
            if link.label_item is not None:
                arrow.label = self._label_box(level.items[link.label_item], origin, plane)
                arrow.text = self._text(number, position)
        return arrow

    def _label_box(self, item: Item, origin: Point, plane: _Plane) -> Box:
        place = Point(origin.across + item.across, origin.along + item.along)
        if self.horizontal:
            return plane.box(place, item.before, -LABEL_DISTANCE, item.length)
        return plane.box(place, -LABEL_DISTANCE, item.after, item.length)


class _Plane:
    """From across and along to x and y."""

    def __init__(self, direction: Direction, top: Level) -> None:
        self.horizontal = direction in ("LR", "RL")
        self.reverse = direction in ("RL", "BT")
        self.shift = top.before + MARGIN
        self.total = top.length + 2 * MARGIN
        breadth = top.before + top.after + 2 * MARGIN
        self.width, self.height = (self.total, breadth) if self.horizontal else (breadth, self.total)

    def point(self, point: Point, origin: Point) -> tuple[float, float]:
        across = point.across + origin.across + self.shift
        along = point.along + origin.along + MARGIN
        if self.reverse:
            along = self.total - along
        return (along, across) if self.horizontal else (across, along)

    def box(self, place: Point, before: float, after: float, length: float) -> Box:
        nothing = Point(0.0, 0.0)
        first = self.point(Point(place.across - before, place.along), nothing)
        second = self.point(Point(place.across + after, place.along + length), nothing)
        x, y = min(first[0], second[0]), min(first[1], second[1])
        return Box(x, y, abs(first[0] - second[0]), abs(first[1] - second[1]))

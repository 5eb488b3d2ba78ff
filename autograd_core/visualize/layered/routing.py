"""Draw the links of a placed level as paths."""

from __future__ import annotations

from .parts import Kind, Level, Path, Point
from .wrapping import Detour, draw_detour


def route(level: Level, extents: list[tuple[float, float]], detours: dict[int, Detour]) -> None:
    """Set `path` of every link: straight through the rows it passes, turning only between them."""
    items = level.items
    left: set[tuple[int, float]] = set()
    for link, chain in zip(level.links, level.chains, strict=True):
        source, target = items[link.source], items[link.target]
        # An entry's arrows start at the border, before the row with the title.
        start = source.along if source.kind is Kind.ENTRY else source.end
        path = Path(Point(source.across + link.source_offset, start))
        if chain is None:
            path.curve_to(target.across + link.target_offset, target.along)
            link.path = path
            continue
        first = level.joints[chain[0]]
        end = first.upper, first.upper_offset
        link.joins = first.upper != link.source or end in left
        left.add(end)
        if link.joins:
            upper = items[first.upper]
            path = Path(Point(upper.across + first.upper_offset, extents[upper.row][1]))
        for number in chain:
            joint = level.joints[number]
            upper, lower = items[joint.upper], items[joint.lower]
            across = lower.across + joint.lower_offset
            path.line_to(upper.across + joint.upper_offset, extents[upper.row][1])
            if number in detours:
                draw_detour(path, detours[number], across, extents[lower.row][0])
            else:
                path.curve_to(across, extents[lower.row][0])
            if lower.kind not in (Kind.BEND, Kind.LABEL):
                path.line_to(across, lower.along)
        link.path = path
    level.before = -min((item.across - item.before for item in items), default=0.0)
    level.after = max((item.across + item.after for item in items), default=0.0)

"""Break a level that is very long into strips, like a text into lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from .parts import Item, Kind, Level, Path, Point

# How long a strip may be, and how much longer than broad a level should be.
_LIMITS = {True: (1500.0, 2400.0), False: (2400.0, 4000.0)}
_RATIO = {True: 1.7, False: 1.3}
# A level this little over its limit is left in one piece; one whose breaks cut more than one arrow, up to the second.
_TOLERANCE, _TOLERANCE_OF_TRACKS = 1.3, 1.6
# A wrapping must shorten the level to this part of its length to be worth it.
_GAIN = 0.75
# No break where more arrows than this would have to be led round.
MOST_TRACKS = 6
# A break after a label counts as this much farther from the ideal place: the label belongs with where the arrow goes.
_LABEL_PENALTY = 80.0

_TRACK = 7.0
_CHANNEL_ROOM = 10.0
_CORNER = 6.0


@dataclass(slots=True)
class Detour:
    """How one joint gets from the end of a strip to the start of the next: where it turns, and turns back."""

    out: float
    channel: float
    back: float


def crossing_joints(level: Level) -> list[list[int]]:
    """For every row the joints that lead to the next."""
    crossing: list[list[int]] = [[] for _ in level.rows]
    for number, joint in enumerate(level.joints):
        crossing[level.items[joint.upper].row].append(number)
    return crossing


def wrap(
    level: Level, extents: list[tuple[float, float]], breaks: list[int], crossing: list[list[int]], padding: float
) -> dict[int, Detour]:
    """Move the rows after each of `breaks` into a strip of their own, in place.

    Args:
        level: the level, placed.
        extents: where rows start and end.
        breaks: the last rows of all strips but the last, from :func:`find_breaks`.
        crossing: for every row the joints that lead to the next.
        padding: the room at the level's border.

    Returns:
        How the joints that cross a break are led round it.
    """
    detours: dict[int, Detour] = {}
    if not breaks:
        return detours
    starts = [0, *(row + 1 for row in breaks)]
    stops = [*starts[1:], len(level.rows)]
    bottom = 0.0
    ends: list[float] = []
    for strip, (first, stop) in enumerate(zip(starts, stops, strict=True)):
        items = [level.items[index] for row in level.rows[first:stop] for index in row]
        joints = crossing[first - 1] if strip else []
        lead = padding + _room(len(joints)) - extents[first][0] if strip else 0.0
        upper = min(item.across - item.before for item in items)
        down = bottom + _room(len(joints)) + _CHANNEL_ROOM - upper if strip else 0.0
        _move(items, down, lead)
        for row in range(first, stop):
            extents[row] = extents[row][0] + lead, extents[row][1] + lead
        if strip:
            _add_detours(level, joints, detours, ends[-1], bottom, extents[first][0])
        bottom = max(item.across + item.after for item in items)
        ends.append(extents[stop - 1][1])
    margins = [_room(len(crossing[row])) for row in breaks]
    length = max(end + margin for end, margin in zip(ends, [*margins, 0.0], strict=True)) + padding
    for row in range(starts[-1], stops[-1]):
        for index in level.rows[row]:
            if level.items[index].kind is Kind.EXIT:
                level.items[index].along = length
                extents[row] = length, length
    level.length = length
    return detours


def _room(tracks: int) -> float:
    return _CHANNEL_ROOM + _TRACK * tracks if tracks else 0.0


def _move(items: list[Item], across: float, along: float) -> None:
    for item in items:
        item.across += across
        item.along += along


def find_breaks(
    level: Level, extents: list[tuple[float, float]], crossing: list[list[int]], horizontal: bool
) -> list[int]:
    """After which rows to break a level, if it is too long: about evenly, where few arrows pass."""
    if None in level.chains:
        return []
    breadth = max(i.across + i.after for i in level.items) - min(i.across - i.before for i in level.items)
    shortest, longest = _LIMITS[horizontal]
    target = min(max(math.sqrt(_RATIO[horizontal] * level.length * (breadth + 20.0)), shortest), longest)
    if level.length < _TOLERANCE * target:
        return []
    most = 1 if level.length < _TOLERANCE_OF_TRACKS * target else MOST_TRACKS
    has_label = [any(level.items[index].kind is Kind.LABEL for index in row) for row in level.rows]
    allowed = [row for row in range(len(extents) - 1) if 0 < len(crossing[row]) <= most]
    ideal = level.length / math.ceil(level.length / target)
    found: list[int] = []
    start, total = extents[0][0], extents[-1][1]
    place = 0
    while total - start > 1.2 * ideal:
        while place < len(allowed) and extents[allowed[place]][1] - start < 0.6 * ideal:
            place += 1
        if place == len(allowed):
            break
        # The first possible break, however late it comes, or a better one that comes in time.
        best, least = place, (math.inf, math.inf)
        for candidate in range(place, len(allowed)):
            row = allowed[candidate]
            length = extents[row][1] - start
            if length > 1.1 * ideal:
                break
            badness = len(crossing[row]), abs(length - ideal) + (_LABEL_PENALTY if has_label[row] else 0.0)
            if badness < least:
                best, least = candidate, badness
        row = allowed[best]
        if total - extents[row][1] < 0.3 * ideal:
            break
        found.append(row)
        start = extents[row + 1][0]
        place = best + 1
    edges = [-1, *found, len(extents) - 1]
    lengths = [extents[last][1] - extents[first + 1][0] for first, last in pairwise(edges)]
    return found if max(lengths) < _GAIN * level.length else []


def _add_detours(
    level: Level, joints: list[int], detours: dict[int, Detour], end: float, bottom: float, start: float
) -> None:
    """Nested tracks: what leaves at the near side turns outermost, so that no two detours cross needlessly."""
    ordered = sorted(joints, key=lambda number: level.items[level.joints[number].upper].across)
    count = len(ordered)
    for place, number in enumerate(ordered):
        outer = _TRACK * (count - place)
        back = start - _TRACK * (place + 1) - 3.0
        detours[number] = Detour(end + outer, bottom + _CHANNEL_ROOM / 2 + outer, back)


def draw_detour(path: Path, detour: Detour, across: float, along: float) -> None:
    """Lead a path out of its strip, back along the channel between the strips, and into the next one."""
    here = path.end
    corners = [
        here,
        Point(here.across, detour.out),
        Point(detour.channel, detour.out),
        Point(detour.channel, detour.back),
        Point(across, detour.back),
        Point(across, along),
    ]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        first, second = _towards(corner, before), _towards(corner, after)
        path.line_to(*first)
        path.bend_to(corner, second)
    path.line_to(across, along)


def _towards(corner: Point, other: Point) -> Point:
    """The point where the rounding of `corner` begins, on the way to `other`."""
    across, along = other.across - corner.across, other.along - corner.along
    distance = abs(across) + abs(along) or 1.0
    radius = min(_CORNER, distance / 2)
    return Point(corner.across + across / distance * radius, corner.along + along / distance * radius)

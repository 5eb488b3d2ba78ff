"""Give items their places: across so that links run straight, along so that links have room to turn."""

from __future__ import annotations

from collections.abc import Container
from math import inf

from .parts import Item, Joint, Kind, Level

# How often rows are gone through, and how often in a level of more items than LARGE.
SWEEPS, FEW_SWEEPS, LARGE = 16, 4, 20_000
STRAIGHTENINGS = 4
# A link that is not straight costs as much as one that is longer across by this.
SWERVE = 12.0
# An item is not lined up with more neighbours than this, one by one.
MOST_CANDIDATES = 8

# How much a place matters to what has no neighbour in the direction of a sweep: so little that it makes room for what
# has, instead of pushing that off its straight line.
SIDE_WEIGHT = 1e-4

# Room between neighbours in a row, by the roomier of the two.
_ROOM = {Kind.NODE: 14.0, Kind.LEAF: 14.0, Kind.FRAME: 16.0, Kind.LABEL: 8.0, Kind.TITLE: 8.0}
_ROOM_OF_BENDS = 4.0

# Room between rows: between two ranks, beside a row of labels, and at the frame's border.
RANK_ROOM = 26.0
LABEL_ROOM = 13.0
BORDER_ROOM = 12.0
# A link that moves far across needs more room to turn, up to a limit.
_TURN, _MOST_ROOM = 0.3, 60.0

_Neighbour = tuple[int, float, float]


def place_across(level: Level, cut: Container[int] = ()) -> None:
    """Set `across` of every item; the joints numbered in `cut` have no say.

    Sweeps down and up: every item wants the weighted median of where its neighbours in the row before would have it,
    and a row gives all of them the nearest places that keep their order and distances.
    """
    _Placement(level, [joint for number, joint in enumerate(level.joints) if number not in cut]).run()


class _Placement:
    def __init__(self, level: Level, joints: list[Joint]) -> None:
        self.level = level
        self.joints = joints
        items = level.items
        # For every item: a neighbour, where that would have this item relative to itself, and how much it matters.
        self.above: list[list[_Neighbour]] = [[] for _ in items]
        self.below: list[list[_Neighbour]] = [[] for _ in items]
        for joint in joints:
            shift = joint.upper_offset - joint.lower_offset
            self.above[joint.lower].append((joint.upper, shift, joint.weight))
            self.below[joint.upper].append((joint.lower, -shift, joint.weight))
        self.weight = [
            SIDE_WEIGHT if not above else max(neighbour[2] for neighbour in above + below)
            for above, below in zip(self.above, self.below, strict=True)
        ]
        self.offsets = [self._distances(row) for row in level.rows]
        self.across = [0.0] * len(items)
        self.best: list[float] = []
        self.least = inf

    def _distances(self, row: list[int]) -> list[float]:
        """The least distance of every item of a row from the row's first."""
        items = self.level.items
        distances = [0.0] * len(row)
        for place in range(1, len(row)):
            first, second = items[row[place - 1]], items[row[place]]
            distances[place] = distances[place - 1] + first.after + _room(first, second) + second.before
        return distances

    def run(self) -> None:
        across = self.across
        for row, distances in zip(self.level.rows, self.offsets, strict=True):
            for index, distance in zip(row, distances, strict=True):
                across[index] = distance - distances[-1] / 2
        self.best, self.least = list(across), self._cost()
        for sweep in range(SWEEPS if len(across) < LARGE else FEW_SWEEPS):
            self._sweep(downwards=sweep % 2 == 1)
            self._keep_if_better()
        across[:] = self.best
        for sweep in range(STRAIGHTENINGS):
            self._straighten(downwards=sweep % 2 == 1)
            self._keep_if_better()
        for item, place in zip(self.level.items, self.best, strict=True):
            item.across = place

    def _keep_if_better(self) -> None:
        cost = self._cost()
        if cost < self.least - 1e-6:
            self.best, self.least = list(self.across), cost

    def _sweep(self, downwards: bool) -> None:
        first, second = (self.above, self.below) if downwards else (self.below, self.above)
        rows = list(zip(self.level.rows, self.offsets, strict=True))
        for row, distances in rows if downwards else reversed(rows):
            wanted = []
            weights = []
            for index in row:
                neighbours = first[index] or second[index]
                wanted.append(self._wanted(neighbours) if neighbours else self.across[index])
                weights.append(self.weight[index] if first[index] else SIDE_WEIGHT)
            for index, place in zip(row, fit(wanted, weights, distances), strict=True):
                self.across[index] = place

    def _wanted(self, neighbours: list[_Neighbour]) -> float:
        if len(neighbours) == 1:
            other, shift, _ = neighbours[0]
            return self.across[other] + shift
        return _median([(self.across[other] + shift, weight) for other, shift, weight in neighbours])

    def _straighten(self, downwards: bool) -> None:
        """Move single items into line with a neighbour where that costs nothing, so that swerves gather in one place.

        Going on with one that costs as much as before lets a swerve wander on until it meets another and both vanish.
        """
        across = self.across
        first = self.above if downwards else self.below
        rows = list(zip(self.level.rows, self.offsets, strict=True))
        for row, distances in rows if downwards else reversed(rows):
            for slot, index in enumerate(row):
                low, high = -inf, inf
                if slot:
                    low = across[row[slot - 1]] + distances[slot] - distances[slot - 1]
                if slot + 1 < len(row):
                    high = across[row[slot + 1]] - distances[slot + 1] + distances[slot]
                least = self._cost_at(index, across[index]) + 1e-6
                for other, shift, _ in first[index][:MOST_CANDIDATES]:
                    place = across[other] + shift
                    if low <= place <= high and self._cost_at(index, place) <= least:
                        across[index] = place
                        least = self._cost_at(index, place)

    def _cost_at(self, index: int, place: float) -> float:
        across = self.across
        return sum(
            weight * _swerve(across[other] + shift - place)
            for neighbours in (self.above[index], self.below[index])
            for other, shift, weight in neighbours
        )

    def _cost(self) -> float:
        across = self.across
        return sum(
            joint.weight * _swerve(across[joint.upper] + joint.upper_offset - across[joint.lower] - joint.lower_offset)
            for joint in self.joints
        )


def _swerve(distance: float) -> float:
    """What it costs that a joint moves across: the distance, and something for not being straight."""
    distance = abs(distance)
    return distance + SWERVE if distance > 0.5 else distance


def _room(first: Item, second: Item) -> float:
    return max(_ROOM.get(first.kind, _ROOM_OF_BENDS), _ROOM.get(second.kind, _ROOM_OF_BENDS))


def fit(wanted: list[float], weights: list[float], distances: list[float]) -> list[float]:
    """Places near to `wanted` that keep the order and the least distances.

    Measured from each item's least distance to the first, places need only not decrease: isotonic regression, solved
    by pooling neighbours that would be out of order. A pool then moves to where most of its weight wants to be, so
    that what matters stands exactly where it should and the rest makes room.

    Example:
        >>> fit([0.0, 0.0], [1.0, 1.0], [0.0, 10.0])
        [-5.0, 5.0]
        >>> fit([0.0, 0.0], [3.0, 1.0], [0.0, 10.0])
        [0.0, 10.0]
    """
    pools: list[tuple[float, float, int]] = []
    for want, weight, distance in zip(wanted, weights, distances, strict=True):
        mean, mass, size = want - distance, weight, 1
        while pools and pools[-1][0] > mean:
            other_mean, other_mass, other_size = pools.pop()
            mean = (mean * mass + other_mean * other_mass) / (mass + other_mass)
            mass += other_mass
            size += other_size
        pools.append((mean, mass, size))
    places: list[float] = []
    for number, (mean, _, size) in enumerate(pools):
        place = mean
        if size > 1:
            members = range(len(places), len(places) + size)
            median = _median([(wanted[member] - distances[member], weights[member]) for member in members])
            above = places[-1] - distances[len(places) - 1] if places else -inf
            below = pools[number + 1][0] if number + 1 < len(pools) else inf
            place = min(max(median, above), below)
        places.extend(place + distances[member] for member in range(len(places), len(places) + size))
    return places


def _median(places: list[tuple[float, float]]) -> float:
    """The place with half the weight on either side; the mean of the two in the middle if it falls between them."""
    places = sorted(places)
    half = sum(weight for _, weight in places) / 2
    passed = 0.0
    for position, (place, weight) in enumerate(places):
        passed += weight
        if passed == half:
            return (place + places[position + 1][0]) / 2
        if passed > half:
            return place
    return places[-1][0]


def place_along(level: Level, padding: float, cut: Container[int] = ()) -> list[tuple[float, float]]:
    """Set `along` of every item and `level.length`; return where each row starts and ends.

    The joints numbered in `cut` need no room between rows. Entries and exits are at the border, all else has `padding`.
    """
    items, rows = level.items, level.rows
    farthest = [0.0] * len(rows)
    for number, joint in enumerate(level.joints):
        if number in cut:
            continue
        upper, lower = items[joint.upper], items[joint.lower]
        moved = abs(upper.across + joint.upper_offset - lower.across - joint.lower_offset)
        farthest[upper.row] = max(farthest[upper.row], moved)
    extents = []
    here = 0.0
    for number, row in enumerate(rows):
        kinds = {items[index].kind for index in row}
        if number == 0 and not kinds & {Kind.ENTRY, Kind.TITLE}:
            here += padding
        end = here + max((items[index].length for index in row), default=0.0)
        extents.append((here, end))
        for index in row:
            items[index].along = _start(items[index], here, end)
        if number + 1 < len(rows):
            below = {items[index].kind for index in rows[number + 1]}
            turn = min(farthest[number] * _TURN, _MOST_ROOM)
            here = end + max(turn, _least_room(kinds, below))
        else:
            here = end if Kind.EXIT in kinds else end + padding
    level.length = here
    return extents


def _start(item: Item, start: float, end: float) -> float:
    """Where an item starts in its row: leaves next to what uses them, all others in the middle."""
    if item.kind in (Kind.BEND, Kind.ENTRY):  # these run through the whole row
        item.length = end - start
    if item.kind is Kind.LEAF:
        return end - item.length
    return (start + end - item.length) / 2


def _least_room(above: set[Kind], below: set[Kind]) -> float:
    if Kind.LABEL in above or Kind.LABEL in below:
        return LABEL_ROOM
    if above & {Kind.ENTRY, Kind.TITLE} or Kind.EXIT in below:
        return BORDER_ROOM
    return RANK_ROOM

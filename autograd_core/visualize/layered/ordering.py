"""Order the items within each row so that few links cross."""

from __future__ import annotations

from .parts import Kind, Level

SWEEPS = 8
# More rows' worth of work than this is not worth waiting for; the first order is good already.
LARGE = 20_000


def order_rows(level: Level) -> None:
    """Sort `level.rows`: first by a walk up from the sinks, then by sweeps of barycentres, keeping the best."""
    _Ordering(level).run()


class _Ordering:
    def __init__(self, level: Level) -> None:
        self.level = level
        count = len(level.items)
        self.above: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        self.below: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        # By upper row: the pairs of items joined, with where on a wide item the joint is.
        self.joints_of_row: list[list[tuple[int, int, float, float]]] = [[] for _ in level.rows]
        for joint in level.joints:
            upper_part = self._part(joint.upper, joint.upper_offset)
            lower_part = self._part(joint.lower, joint.lower_offset)
            self.above[joint.lower].append((joint.upper, upper_part))
            self.below[joint.upper].append((joint.lower, lower_part))
            row = level.items[joint.upper].row
            self.joints_of_row[row].append((joint.upper, joint.lower, upper_part, lower_part))
        self.place = [0.0] * count

    def _part(self, index: int, offset: float) -> float:
        """Where on an item a port is, from 0 to below 1, so that a frame's ports count in their order."""
        item = self.level.items[index]
        breadth = item.before + item.after
        return min(max((offset + item.before) / breadth, 0.0), 1.0) * 0.9 if breadth else 0.45

    def run(self) -> None:
        self._walk_up()
        rows = self.level.rows
        best, fewest = [list(row) for row in rows], self._crossings()
        sweeps = SWEEPS if len(self.level.items) < LARGE else 2
        for sweep in range(sweeps):
            if not fewest:
                break
            downwards = sweep % 2 == 0
            for row in rows if downwards else reversed(rows):
                self._sort(row, self.above if downwards else self.below)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in rows], crossings
        self.level.rows = best

    def _walk_up(self) -> None:
        """Put items in the order in which a walk from the sinks against the flow meets them.

        Leaves go to both sides of what flows on, so that the main line runs through the middle.
        """
        items, rows = self.level.items, self.level.rows
        ordered: list[list[int]] = [[] for _ in rows]
        seen = [False] * len(items)
        leafy = self._leafy()
        sinks = [index for row in reversed(rows) for index in row if not self.below[index]]
        # A title stands at the border where nothing flows into it, before all else.
        sinks.sort(key=lambda index: items[index].kind is not Kind.TITLE)
        stack = sinks[::-1]
        while stack:
            index = stack.pop()
            if seen[index]:
                continue
            seen[index] = True
            ordered[items[index].row].append(index)
            sources = [source for source, _ in self.above[index]]
            leaves = [source for source in sources if leafy[source]]
            flowing = [source for source in sources if not leafy[source]]
            half = len(leaves) // 2
            stack.extend(reversed(leaves[:half] + flowing + leaves[half:]))
        self.level.rows = ordered
        self._renumber_all()

    def _leafy(self) -> list[bool]:
        """For every item whether it is a leaf, or a bend or label of an arrow that comes from one."""
        items = self.level.items
        leafy = [item.kind is Kind.LEAF for item in items]
        for row in self.level.rows:
            for index in row:
                if items[index].kind in (Kind.BEND, Kind.LABEL):
                    leafy[index] = leafy[self.above[index][0][0]]
        return leafy

    def _sort(self, row: list[int], neighbours: list[list[tuple[int, float]]]) -> None:
        """Sort by the mean place of neighbours; items without any keep their places."""
        movable, slots = [], []
        for slot, index in enumerate(row):
            if neighbours[index]:
                places = [self.place[other] + part for other, part in neighbours[index]]
                movable.append((sum(places) / len(places), slot, index))
                slots.append(slot)
        movable.sort()
        for slot, (_, _, index) in zip(slots, movable, strict=True):
            row[slot] = index
        for slot, index in enumerate(row):
            self.place[index] = slot

    def _renumber_all(self) -> None:
        for row in self.level.rows:
            for slot, index in enumerate(row):
                self.place[index] = slot

    def _crossings(self) -> int:
        total = 0
        place = self.place
        for joints in self.joints_of_row:
            if len(joints) > 1:
                ends = sorted((place[u] + up, place[v] + vp) for u, v, up, vp in joints)
                total += _inversions([end for _, end in ends])
        return total


def _inversions(values: list[float]) -> int:
    """How many pairs are out of order, by merging."""
    count = 0
    width = 1
    current = values
    while width < len(current):
        merged: list[float] = []
        for start in range(0, len(current), 2 * width):
            left = current[start : start + width]
            right = current[start + width : start + 2 * width]
            position = 0
            for value in left:
                while position < len(right) and right[position] < value:
                    merged.append(right[position])
                    position += 1
                count += position
                merged.append(value)
            merged.extend(right[position:])
        current = merged
        width *= 2
    return count

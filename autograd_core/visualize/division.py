"""Divide a recording into units, each of which becomes one box.

Nothing but this division knows why operations share a box.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import NodeKind
from .recording import Recording
from .texts import plural

# A picture of fewer boxes than this says too little, if a larger one was allowed.
FEW_BOXES = 8


@dataclass(slots=True)
class Unit:
    """One box for one or more operations, or for an output; `block` is its frame, or for a module the module."""

    kind: NodeKind
    block: int | None
    operations: int = 0
    output: int | None = None


class Division:
    """Operations and outputs divided into units, with module calls open down to `level`.

    Attributes:
        units: in recording order, outputs last.
        unit_of: for every operation its unit.
        hidden: the range of units that share the summary box.
        leaf_users: for every leaf the units that use it.
        inside: for every leaf the closed unit that alone uses it and so shows it inside, or None.
    """

    def __init__(self, recording: Recording, level: int) -> None:
        self.recording = recording
        self.level = level
        self.units: list[Unit] = []
        self.unit_of: list[int] = []
        self.hidden = range(0)
        blocks = recording.blocks
        closed: dict[int, int] = {}
        for operation in recording.operations:
            path = () if operation.block is None else blocks[operation.block].path
            module = next((index for index in path[level:] if index not in recording.opened), None)
            if module is None:
                self.unit_of.append(len(self.units))
                self.units.append(Unit("operation", operation.block, operation.copies))
                continue
            if module not in closed:
                closed[module] = len(self.units)
                self.units.append(Unit("module", module))
            self.unit_of.append(closed[module])
            self.units[closed[module]].operations += operation.copies
        first_output = len(self.units)
        self.units.extend(Unit("output", None, output=index) for index in range(len(recording.outputs)))
        self.leaf_users = [self._users(index) for index in range(len(recording.leaves))]
        for position, output in enumerate(recording.outputs):
            if output.value is not None and output.value.is_leaf:
                self.leaf_users[output.value.number].append(first_output + position)
        self.inside = [self._shows_inside(leaf) for leaf in range(len(recording.leaves))]

    def _users(self, leaf: int) -> list[int]:
        return list(dict.fromkeys(self.unit_of[consumer] for consumer in self.recording.leaves[leaf].consumers))

    def _shows_inside(self, leaf: int) -> int | None:
        users = self.leaf_users[leaf]
        if self.hidden and all(user in self.hidden for user in users):
            return self.hidden.start
        # What goes into a module is shown; what belongs to it is not, where that is closed.
        is_inner = len(users) == 1 and self.units[users[0]].kind == "module" and self.recording.leaves[leaf].named
        return users[0] if is_inner else None

    def count(self) -> int:
        """How many boxes this makes."""
        return len(self.units) + self.inside.count(None)

    def summarise(self, max_nodes: int) -> int:
        """Hide a middle range of units so that about `max_nodes` boxes remain; return how many operations it holds.

        A range in recording order can share a box without making a cycle: any path between two of its members stays
        inside it.
        """
        leaves_of: list[list[int]] = [[] for _ in self.units]
        for leaf, users in enumerate(self.leaf_users):
            if self.inside[leaf] is None:
                for user in users:
                    leaves_of[user].append(leaf)
        budget = max_nodes - 1
        shown: set[int] = set()
        start, stop = 0, len(self.units)
        take_last = True
        while start < stop:
            position = stop - 1 if take_last else start
            fresh = [leaf for leaf in leaves_of[position] if leaf not in shown]
            budget -= 1 + len(fresh)
            if budget < 0:
                break
            shown.update(fresh)
            if take_last:
                stop -= 1
            else:
                start += 1
            take_last = not take_last
        self.hidden = range(start, stop)
        self.inside = [self._shows_inside(leaf) for leaf in range(len(self.inside))]
        return sum(self.units[position].operations for position in self.hidden)


def divide(recording: Recording, depth: int | None, max_nodes: int | None) -> tuple[Division, list[str]]:
    """Which operations share a box, and what there is to say about that."""
    deepest = max((block.level for block in recording.blocks), default=0)
    level = deepest if depth is None else min(depth, deepest)
    division = Division(recording, level)
    notices = [f"modules below depth {level} are drawn closed"] if level < deepest else []
    if max_nodes is not None and division.count() > max_nodes:
        division, notice = _reduce(division, max_nodes)
        notices = [notice]
    return division, notices


def _reduce(division: Division, max_nodes: int) -> tuple[Division, str]:
    """Close the deepest modules until at most about `max_nodes` boxes remain, and say what was done.

    Where that would leave next to nothing (one box for a network of two hundred equal steps) or there are no modules,
    the beginning and the end are shown with a summary between.
    """
    notice = f"{division.count():,} boxes exceed max_nodes={max_nodes}:"
    while division.level > 0 and division.count() > max_nodes:
        coarser = Division(division.recording, division.level - 1)
        if coarser.count() < min(FEW_BOXES, max_nodes / FEW_BOXES):
            break
        division = coarser
        notice = f"{notice.partition(':')[0]}: modules are collapsed to depth {division.level}"
    if division.count() > max_nodes:
        hidden = plural(division.summarise(max_nodes), "operation")
        notice += f"{'' if notice.endswith(':') else ' and'} {hidden} in the middle summarised"
    return division, notice

"""Give every item a rank, and every link that passes a rank a bend in it."""

from __future__ import annotations

from .parts import Item, Joint, Kind, Level, Link

# Beyond this many bends in one level, long links are drawn directly: thousands of results that are all used at the very
# end would otherwise need millions.
MAX_BENDS = 60_000

BEND_ROOM = 3.0
STRAIGHT_WEIGHT = 16.0


def assign_rows(level: Level) -> None:
    """Fill `level.rows`, `level.joints` and `level.chains`."""
    forward = _without_cycles(level)
    ranks = _ranks(level, forward)
    _make_rows(level, ranks, forward)


def _without_cycles(level: Level) -> list[bool]:
    """Which links point forward. Cycles are rare (a module called from inside a hook); old to new is forward then."""
    count = len(level.items)
    pending = [0] * count
    targets: list[list[int]] = [[] for _ in range(count)]
    for link in level.links:
        pending[link.target] += 1
        targets[link.source].append(link.target)
    ready = [index for index in range(count) if not pending[index]]
    done = 0
    while ready:
        index = ready.pop()
        done += 1
        for target in targets[index]:
            pending[target] -= 1
            if not pending[target]:
                ready.append(target)
    if done == count:
        return [True] * len(level.links)
    items = level.items
    return [items[link.source].order < items[link.target].order for link in level.links]


def _ranks(level: Level, forward: list[bool]) -> list[int]:
    """Even ranks by longest path from the sinks; a leaf has the odd one before its first consumer.

    Labels stand in odd ranks too: what flows and the parameters it meets are described side by side. (A leaf whose own
    arrow has a label needs the even rank before that.)
    """
    items = level.items
    count = len(items)
    sources: list[list[int]] = [[] for _ in range(count)]
    pending = [0] * count
    for link, is_forward in zip(level.links, forward, strict=True):
        if is_forward:
            sources[link.target].append(link.source)
            pending[link.source] += 1
    has_exit = any(item.kind is Kind.EXIT for item in items)
    height = [0 if item.kind is Kind.EXIT or not has_exit else 1 for item in items]
    ready = [index for index in range(count) if not pending[index]]
    while ready:
        index = ready.pop()
        for source in sources[index]:
            height[source] = max(height[source], height[index] + 1)
            pending[source] -= 1
            if not pending[source]:
                ready.append(source)
    border = (Kind.ENTRY, Kind.TITLE)
    inner = max((height[i] for i in range(count) if items[i].kind not in border), default=0)
    has_border = any(item.kind in border for item in items)
    ranks = [0 if items[i].kind in border else 2 * (inner - height[i] + has_border) for i in range(count)]
    labelled = {link.source for link in level.links if link.label is not None}
    for index in range(count):
        if items[index].kind is Kind.LEAF and index not in labelled:
            ranks[index] += 1
    return ranks


def _make_rows(level: Level, ranks: list[int], forward: list[bool]) -> None:
    used = set(ranks)
    for link, is_forward in zip(level.links, forward, strict=True):
        if link.label is not None and is_forward:
            used.add(ranks[link.source] + 1)
    row_of = {rank: row for row, rank in enumerate(sorted(used))}
    level.rows = [[] for _ in row_of]
    for index, item in enumerate(level.items):
        item.row = row_of[ranks[index]]
        level.rows[item.row].append(index)

    trunks = _Trunks(level)
    for link, is_forward in zip(level.links, forward, strict=True):
        level.chains.append(trunks.lead(link) if is_forward else None)


class _Trunks:
    """Leads links through the rows they pass. Those of one trunk share its bends, each but the first joining there."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.bends: dict[tuple[int, tuple[int, str]], list[int]] = {}
        self.count = 0

    def lead(self, link: Link) -> list[int] | None:
        """The joints of a link that no link before it has; None if it would take too many bends."""
        items, joints = self.level.items, self.level.joints
        row, stop = items[link.source].row, items[link.target].row
        trunk = self.bends.setdefault((link.source, link.trunk), [])
        missing = stop - row - 1 - len(trunk)
        if missing > 1 and self.count + missing > MAX_BENDS:
            return None
        first = len(joints)
        for place in range(len(trunk), stop - row - 1):
            # A label stands right behind the source, where it says what that made.
            trunk.append(self._add_bend(row + place + 1, link.label if place == 0 else None))
            if place == 0:
                joints.append(Joint(link.source, trunk[0], link.source_offset, 0.0, link.weight))
            else:
                # The inside of a long link should be straight above all; a swerve shows most there.
                joints.append(Joint(trunk[place - 1], trunk[place], 0.0, 0.0, max(STRAIGHT_WEIGHT, link.weight)))
        if stop == row + 1:
            joints.append(Joint(link.source, link.target, link.source_offset, link.target_offset, link.weight))
        else:
            joints.append(Joint(trunk[stop - row - 2], link.target, 0.0, link.target_offset, link.weight))
            link.label_item = trunk[0] if link.label is not None else None
        return list(range(first, len(joints)))

    def _add_bend(self, row: int, label: tuple[float, float, float] | None) -> int:
        level = self.level
        index = len(level.items)
        level.rows[row].append(index)
        self.count += 1
        if label is None:
            level.items.append(Item(Kind.BEND, BEND_ROOM, BEND_ROOM, 0.0, row=row))
        else:
            level.items.append(Item(Kind.LABEL, *label, row=row))
        return index

"""Give every item a rank, and every link that passes a rank a bend in it."""

from __future__ import annotations

from itertools import pairwise

from .parts import Item, Joint, Kind, Level

# Beyond this many bends in one level, long links are drawn directly: a parameter used at each of thousands of steps
# would otherwise need millions.
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

    bends = 0
    for position, (link, is_forward) in enumerate(zip(level.links, forward, strict=True)):
        start, stop = level.items[link.source].row, level.items[link.target].row
        if not is_forward or (stop - start > 2 and bends + stop - start > MAX_BENDS):
            level.chains.append(None)
            continue
        # A label stands right behind the source, where it says what that made.
        passed = [_add_bend(level, row, position if row == start + 1 else None) for row in range(start + 1, stop)]
        bends += len(passed)
        level.chains.append(_join(level, position, passed))


def _add_bend(level: Level, row: int, labelled: int | None) -> int:
    """Add the bend of a link in `row`; with room for its label if the link's index is given and it has one."""
    index = len(level.items)
    label = None if labelled is None else level.links[labelled].label
    if label is None or labelled is None:
        level.items.append(Item(Kind.BEND, BEND_ROOM, BEND_ROOM, 0.0, row=row))
    else:
        level.items.append(Item(Kind.LABEL, *label, row=row))
        level.links[labelled].label_item = index
    level.rows[row].append(index)
    return index


def _join(level: Level, position: int, passed: list[int]) -> list[int]:
    link = level.links[position]
    stations = [link.source, *passed, link.target]
    chain = []
    for place, (upper, lower) in enumerate(pairwise(stations)):
        # The inside of a long link should be straight above all; a swerve shows most there.
        inside = 0 < place < len(stations) - 2
        chain.append(len(level.joints))
        level.joints.append(
            Joint(
                upper,
                lower,
                link.source_offset if place == 0 else 0.0,
                link.target_offset if place == len(stations) - 2 else 0.0,
                max(STRAIGHT_WEIGHT, link.weight) if inside else link.weight,
            )
        )
    return chain

"""Fold repeated parts: six equal blocks in a row become one, marked "× 6".

Parts are equal if they hold the same operations with the same arguments and shapes, wired in the same way, with
parameters of the same shapes, each part reading the one before it in the same places. The result is a recording like
any other, so nothing after this step knows of it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from .recording import Block, Leaf, Operation, Output, Recording, Value

# The longest sequence of neighbours that is recognised as one part.
LONGEST_PERIOD = 16
# Folding must save this many operations; and more where no module says that something is a unit.
LEAST_SAVED, LEAST_SAVED_OUTSIDE_MODULES = 4, 8


@dataclass(slots=True)
class _Item:
    """One thing at a level: a block, or an operation of its own; it covers operations from `start` to `stop`."""

    block: int | None
    start: int
    stop: int


def fold(recording: Recording) -> Recording:
    """A recording in which repeated parts stand once; the same one if there are none."""
    folder = _Folder(recording)
    folder.find()
    return folder.rebuild() if folder.copy_of else recording


class _Folder:
    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        operations = recording.operations
        # For every operation those that read its result; an output counts as far away.
        self.readers: list[list[int]] = [[] for _ in operations]
        for number, operation in enumerate(operations):
            for operand in operation.operands:
                if not operand.is_leaf:
                    self.readers[operand.number].append(number)
        for output in recording.outputs:
            if output.value is not None and not output.value.is_leaf:
                self.readers[output.value.number].append(len(operations))
        self.first_use = [leaf.consumers[0] if leaf.consumers else -1 for leaf in recording.leaves]
        self.last_use = [leaf.consumers[-1] if leaf.consumers else -1 for leaf in recording.leaves]
        self.given_out = {o.value.number for o in recording.outputs if o.value is not None and o.value.is_leaf}
        # From each operation that is folded away to the one that stands for it.
        self.copy_of: dict[int, int] = {}
        # Found repetitions: the items of one part, and how many parts there are.
        self.repeats: list[tuple[list[_Item], list[list[_Item]]]] = []

    # --- finding ----------------------------------------------------------------------------------------------

    def find(self) -> None:
        """Go through the levels, outermost first; what is inside parts that are folded away is not looked at."""
        levels = [(0, len(self.recording.operations), 0)]
        while levels:
            start, stop, depth = levels.pop()
            items = self._items(start, stop, depth)
            if items is None:
                continue
            place = 0
            runs = self._runs(items)
            while place < len(items):
                period, count = self._checked(items, place, runs.get(place, []))
                if self._is_better_later(items, place, runs, (period, count)):
                    period, count = 1, 1
                inner = [item for item in items[place : place + period] if item.block is not None]
                levels.extend((item.start, item.stop, depth + 1) for item in inner)
                if count > 1:
                    parts = [items[place + k * period : place + (k + 1) * period] for k in range(count)]
                    self._fold(parts)
                place += period * count

    def _items(self, start: int, stop: int, depth: int) -> list[_Item] | None:
        """The blocks and single operations at a level; None where calls interleave, as in hooks."""
        operations, blocks = self.recording.operations, self.recording.blocks
        items: list[_Item] = []
        seen: set[int] = set()
        for number in range(start, stop):
            block = operations[number].block
            path = () if block is None else blocks[block].path
            inner = path[depth] if len(path) > depth else None
            if inner is not None and items and items[-1].block == inner:
                items[-1].stop = number + 1
                continue
            if inner is not None:
                if inner in seen:
                    return None
                seen.add(inner)
            items.append(_Item(inner, number, number + 1))
        return items

    def _is_better_later(
        self, items: list[_Item], place: int, runs: dict[int, list[tuple[int, int]]], found: tuple[int, int]
    ) -> bool:
        """Whether the same repetition, begun a little later, continues a pattern: A′ B C A B C A is A′ B C, A B C."""
        period = found[0]
        for start in range(place + 1, place + period):
            before = items[max(start - period, 0) : start]
            kinds = [self._kind(item) for item in items[start : start + period]]
            if kinds == [self._kind(item) for item in before]:
                return found == self._checked(items, start, runs.get(start, []))
        return False

    def _kind(self, item: _Item) -> str:
        recording = self.recording
        if item.block is None:
            return recording.operations[item.start].name
        return recording.blocks[item.block].kind

    def _runs(self, items: list[_Item]) -> dict[int, list[tuple[int, int]]]:
        """For every place where a repetition may start, the possible periods and counts."""
        keys: dict[Hashable, int] = {}
        names = [keys.setdefault(self._key(item), len(keys)) for item in items]
        size = len(items)
        best: dict[int, list[tuple[int, int]]] = {}
        for period in range(1, min(LONGEST_PERIOD, size // 2) + 1):
            length = 0
            for place in range(size - period - 1, -1, -1):
                length = length + 1 if names[place] == names[place + period] else 0
                if length >= period:
                    best.setdefault(place, []).append((period, length // period + 1))
        return best

    def _checked(self, items: list[_Item], place: int, found: list[tuple[int, int]]) -> tuple[int, int]:
        """The repetition that saves most, of those that hold when the wiring is compared."""
        best, most = (1, 1), 0
        for period, count in found:
            parts = [items[place + k * period : place + (k + 1) * period] for k in range(count)]
            # Only as many as could still be better.
            size = parts[0][-1].stop - parts[0][0].start
            if (count - 1) * size <= most:
                continue
            count = self._alike(parts)
            saved = (count - 1) * size
            in_modules = any(item.block is not None for item in parts[0])
            if saved > most and saved >= (LEAST_SAVED if in_modules else LEAST_SAVED_OUTSIDE_MODULES):
                best, most = (period, count), saved
        return best

    def _key(self, item: _Item) -> Hashable:
        """What two items must have in common before their wiring is compared."""
        recording = self.recording
        blocks = recording.blocks
        if item.block is not None and item.block in recording.asked:
            return ("asked for", item.block)
        depth = 0 if item.block is None else blocks[item.block].level
        found: list[Hashable] = [None if item.block is None else (blocks[item.block].kind, item.stop - item.start)]
        for number in range(item.start, item.stop):
            operation = recording.operations[number]
            path = () if operation.block is None else blocks[operation.block].path[depth:]
            inside = tuple([(blocks[index].name, blocks[index].kind) for index in path])
            found.append((operation.name, operation.details, operation.label, inside))
        return tuple(found)

    def _alike(self, parts: list[list[_Item]]) -> int:
        """How many of the parts, from the first on, are wired alike and read by their successor only."""
        spans = [(part[0].start, part[-1].stop) for part in parts]
        count = 1
        first: list[Hashable] | None = None
        while count < len(parts):
            before, own = spans[count - 1], spans[count]
            # A result of the part before that is read farther on ends the repetition: it would look like the last's.
            if any(reader >= own[1] for number in range(*before) for reader in self.readers[number]):
                break
            wiring = self._wiring(own, before)
            if first is None:
                if not self._fits(self._wiring(before, (-1, -1)), wiring):
                    break
                first = wiring
            elif wiring != first:
                break
            count += 1
        return count

    def _wiring(self, own: tuple[int, int], before: tuple[int, int]) -> list[Hashable]:
        """Where every operand of a part comes from, in terms that do not depend on where the part stands."""
        found: list[Hashable] = []
        # A leaf is known by where it is used first.
        leaves: dict[int, tuple[int, int]] = {}
        for number in range(*own):
            for position, operand in enumerate(self.recording.operations[number].operands):
                source = operand.number
                if not operand.is_leaf:
                    if own[0] <= source < own[1]:
                        found.append(("inside", source - own[0], operand.label))
                    elif before[0] <= source < before[1]:
                        found.append(("before", source - before[0], operand.label))
                    else:
                        found.append(("outside", source, operand.label))
                    continue
                leaf = self.recording.leaves[source]
                alone = self.first_use[source] >= own[0] and self.last_use[source] < own[1]
                if alone and source not in self.given_out:
                    place = leaves.setdefault(source, (number - own[0], position))
                    found.append(("own", place, leaf.label, leaf.named, leaf.name.rpartition(".")[2]))
                else:
                    found.append(("shared", source, leaf.label))
            found.append("end")
        return found

    @staticmethod
    def _fits(first: list[Hashable], second: list[Hashable]) -> bool:
        """Whether a first part may stand for later ones: what they read of the one before it reads from anywhere."""
        if len(first) != len(second):
            return False
        for here, there in zip(first, second, strict=True):
            if here == there:
                continue
            if not (isinstance(there, tuple) and there[0] == "before" and isinstance(here, tuple)):
                return False
            if here[0] not in ("outside", "shared", "own") or here[2] != there[2]:
                return False
        return True

    def _fold(self, parts: list[list[_Item]]) -> None:
        start = parts[0][0].start
        for part in parts[1:]:
            offset = part[0].start - start
            for number in range(part[0].start, part[-1].stop):
                self.copy_of[number] = number - offset
        self.repeats.append((parts[0], parts))

    # --- rebuilding -------------------------------------------------------------------------------------------

    def rebuild(self) -> Recording:
        """The recording without what is folded away."""
        old = self.recording
        stands = list(range(len(old.operations)))
        for number in range(len(stands)):
            if number in self.copy_of:
                # What stands for it is older, so where that stands is known already.
                stands[number] = stands[self.copy_of[number]]
        kept = [number for number in range(len(stands)) if stands[number] == number]
        place = {number: position for position, number in enumerate(kept)}
        merged: list[list[int]] = [[] for _ in kept]
        for number, representative in enumerate(stands):
            merged[place[representative]].append(number)
        new = Recording(omitted_operands=old.omitted_operands, after_backward=old.after_backward, notices=old.notices)
        leaf_place = self._fold_leaves(new, kept, stands)
        block_place = self._fold_blocks(new, kept)

        def moved(value: Value) -> Value:
            if value.is_leaf:
                return value._replace(number=leaf_place[value.number])
            return value._replace(number=place[stands[value.number]])

        for position, number in enumerate(kept):
            operation = old.operations[number]
            others = [old.operations[other] for other in merged[position] if other != number]
            new.operations.append(
                Operation(
                    operation.name,
                    block_place[number],
                    [moved(operand) for operand in operation.operands],
                    operation.details,
                    operation.label,
                    operation.symbol,
                    operation.measures.merged([other.measures for other in others]) if others else operation.measures,
                    operation.copies + sum(other.copies for other in others),
                )
            )
        for leaf in new.leaves:
            leaf.consumers.clear()
        for position, operation in enumerate(new.operations):
            for operand in operation.operands:
                if operand.is_leaf:
                    new.leaves[operand.number].consumers.append(position)
        for output in old.outputs:
            new.outputs.append(Output(output.name, output.label, None if output.value is None else moved(output.value)))
        new.folded = sum(len(parts) - 1 for _, parts in self.repeats)
        return new

    def _fold_leaves(self, new: Recording, kept: list[int], stands: list[int]) -> dict[int, int]:
        """Keep the leaves that kept operations read, each standing for those that folded copies read in its place."""
        old = self.recording
        alike: dict[int, dict[int, None]] = {}
        used: dict[int, None] = {}
        for number, representative in enumerate(stands):
            own, stand = old.operations[number].operands, old.operations[representative].operands
            for mine, its in zip(own, stand, strict=True):
                if its.is_leaf and number == representative:
                    used[its.number] = None
                elif its.is_leaf and mine.is_leaf and mine.number != its.number:
                    alike.setdefault(its.number, {})[mine.number] = None
        place: dict[int, int] = {}
        for number, leaf in enumerate(old.leaves):
            if number not in used and not (number in self.given_out or not leaf.consumers):
                continue
            copies = [old.leaves[other] for other in alike.get(number, ()) if other not in used]
            place[number] = len(new.leaves)
            found = replace(leaf, consumers=list(leaf.consumers))
            if copies:
                found.copies += sum(copy.copies for copy in copies)
                found.size += sum(copy.size for copy in copies)
                found.measures = leaf.measures.merged([copy.measures for copy in copies])
                found.name = _common_name(leaf, copies)
            new.leaves.append(found)
        return place

    def _fold_blocks(self, new: Recording, kept: list[int]) -> dict[int, int | None]:
        """Keep the blocks around kept operations, put a frame around parts of several items, and say how many."""
        old = self.recording
        copies: dict[int, tuple[int, str]] = {}
        # For operations and blocks that are items of a repeated part of several: the frame around the part.
        frames: dict[tuple[str, int], int] = {}
        labels: list[tuple[str, int]] = []
        for part, parts in self.repeats:
            if len(part) == 1 and part[0].block is not None:
                last = parts[-1][0].block
                assert last is not None
                copies[part[0].block] = len(parts), old.blocks[last].name
                continue
            kinds = [old.operations[i.start].name if i.block is None else old.blocks[i.block].kind for i in part]
            labels.append((_listed(kinds), len(parts)))
            for item in part:
                key = ("operation", item.start) if item.block is None else ("block", item.block)
                frames[key] = len(labels) - 1
        made: dict[tuple[str, int], int] = {}

        def add(block: Block) -> int:
            new.blocks.append(replace(block, path=(*block.path, len(new.blocks))))
            return len(new.blocks) - 1

        def frame(number: int, around: int | None) -> int:
            key = ("frame", number)
            if key not in made:
                text, count = labels[number]
                path = () if around is None else new.blocks[around].path
                made[key] = add(Block("", text, path, copies=count))
            return made[key]

        def around_of(number: int) -> int | None:
            block = old.operations[number].block
            current: int | None = None
            for index in () if block is None else old.blocks[block].path:
                if ("block", index) not in made:
                    if ("block", index) in frames:
                        current = frame(frames["block", index], current)
                    entry = old.blocks[index]
                    count, last = copies.get(index, (1, ""))
                    path = () if current is None else new.blocks[current].path
                    made["block", index] = add(
                        Block(entry.name, entry.kind, path, 0 if count > 1 else entry.call, count, last)
                    )
                    if index in old.opened:
                        new.opened.update(new.blocks[made["block", index]].path)
                current = made["block", index]
            if ("operation", number) in frames:
                current = frame(frames["operation", number], current)
            return current

        return {number: around_of(number) for number in kept}


def _listed(kinds: list[str]) -> str:
    """What a part consists of, at most three by name."""
    text = ", ".join(kinds[:3]) + (f" and {len(kinds) - 3} more" if len(kinds) > 3 else "")
    return f"({text})" if len(kinds) > 1 else text


def _common_name(leaf: Leaf, copies: list[Leaf]) -> str:
    """One name for parameters that share a box: "blocks.0.weight" to "blocks.5.weight" are "blocks.0…5.weight"."""
    first, last = leaf.name.split("."), copies[-1].name.split(".")
    if len(first) != len(last):
        return leaf.name
    return ".".join(
        a if a == b else f"{a.partition('…')[0]}…{b.rpartition('…')[2]}" for a, b in zip(first, last, strict=True)
    )

"""Turn a recording into a picture: which module calls are open, which are one box, and what is summarised.

All of it is a map from operations to units, each of which becomes one box. Nothing but that map knows why
operations share a box, so another reason (folding repeated blocks, say) is another map.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .collect import Block, Recording, Value
from .model import Cluster, Direction, NodeKind, Picture, PictureEdge, PictureNode


def compose(
    recording: Recording,
    *,
    name: str | None = None,
    direction: Direction = "LR",
    show_shapes: bool = True,
    depth: int | None = None,
    max_nodes: int | None = None,
) -> Picture:
    """Draw up the picture of `recording` with modules open down to `depth` and at most about `max_nodes` boxes."""
    deepest = max((block.level for block in recording.blocks), default=0)
    level = deepest if depth is None else min(depth, deepest)
    notices = []
    if level < deepest:
        notices.append(f"modules are drawn closed below depth {level}")
    division = Division(recording, level)
    count = division.count()
    if max_nodes is not None and count > max_nodes:
        full = count
        while level > 0 and count > max_nodes:
            level -= 1
            division = Division(recording, level)
            count = division.count()
        notices = [f"{full:,} boxes exceed max_nodes={max_nodes}:"]
        if deepest:
            notices[0] += f" modules are collapsed to depth {level}"
        if count > max_nodes:
            hidden = division.summarise(max_nodes)
            notices[0] += f"{' and' if deepest else ''} {plural(hidden, 'operation')} in the middle summarised"
    picture = Picture(name or "autograd", direction)
    _Builder(recording, division, picture, show_shapes).build()
    picture.caption = tuple(caption(recording, name) + notices)
    return picture


def plural(count: int, noun: str) -> str:
    """Count and noun, in the plural unless there is one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def caption(recording: Recording, name: str | None) -> list[str]:
    """What stands below the picture: size of the graph, whether backward has run, and what is left out."""
    parameters = [leaf for leaf in recording.leaves if leaf.named]
    parts = ["after backward" if recording.after_backward else "forward graph"]
    parts.append(plural(len(recording.operations), "operation"))
    if parameters:
        values = sum(leaf.size for leaf in parameters)
        parts.append(f"{plural(len(parameters), 'parameter')} with {plural(values, 'value')}")
    lines = [(f"{name}: " if name else "") + " · ".join(parts)]
    if not recording.operations and not recording.leaves:
        lines.append("nothing was recorded: the output needs no gradient")
    elif recording.omitted_operands:
        lines.append("operands that need no gradient are not drawn")
    return lines


@dataclass(slots=True)
class Unit:
    """One box for one or more operations, or for an output; `block` is its frame, or for a module the module."""

    kind: NodeKind
    block: int | None
    operations: int = 0
    output: int | None = None


class Division:
    """Operations and outputs divided into units, with module calls open down to `level`.

    Units are in recording order, outputs last. `hidden` is the range of units that share the summary box.
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
            if len(path) <= level:
                self.unit_of.append(len(self.units))
                self.units.append(Unit("operation", operation.block, 1))
                continue
            module = path[level]
            if module not in closed:
                closed[module] = len(self.units)
                self.units.append(Unit("module", module))
            self.unit_of.append(closed[module])
            self.units[closed[module]].operations += 1
        self.first_output = len(self.units)
        self.units.extend(Unit("output", None, output=index) for index in range(len(recording.outputs)))
        self.leaf_users = [self._users(index) for index in range(len(recording.leaves))]
        for position, output in enumerate(recording.outputs):
            if output.value is not None and output.value.is_leaf:
                self.leaf_users[output.value.index].append(self.first_output + position)

    def _users(self, leaf: int) -> list[int]:
        return list(dict.fromkeys(self.unit_of[consumer] for consumer in self.recording.leaves[leaf].consumers))

    def swallows(self, leaf: int) -> int | None:
        """The closed unit that alone uses `leaf`, and so shows it inside; None if the leaf has its own box."""
        users = self.leaf_users[leaf]
        if self.hidden:
            inside = {user in self.hidden for user in users}
            if inside == {True}:
                return self.hidden.start
        if len(users) == 1 and self.units[users[0]].kind == "module":
            return users[0]
        return None

    def count(self) -> int:
        """How many boxes this makes."""
        return len(self.units) + sum(self.swallows(leaf) is None for leaf in range(len(self.recording.leaves)))

    def summarise(self, max_nodes: int) -> int:
        """Hide a middle range of units so that about `max_nodes` boxes remain; return how many operations it holds.

        A range in recording order can share a box without making a cycle: any path between two of its members stays
        inside it.
        """
        leaves_of: list[list[int]] = [[] for _ in self.units]
        for leaf, users in enumerate(self.leaf_users):
            if self.swallows(leaf) is None:
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
        return sum(self.units[position].operations for position in self.hidden)


class _Builder:
    """Fills a picture from a division."""

    def __init__(self, recording: Recording, division: Division, picture: Picture, show_shapes: bool) -> None:
        self.recording = recording
        self.division = division
        self.picture = picture
        self.show_shapes = show_shapes
        self.clusters: dict[int, int] = {}
        self.node_of_unit: dict[int, int] = {}
        self.node_of_leaf: dict[int, int] = {}
        self.counts: dict[NodeKind, int] = {}
        # From (source, target) to how often each label flows there.
        self.flows: dict[tuple[int, int], dict[str, int]] = {}

    def build(self) -> None:
        division, operations = self.division, self.recording.operations
        members: list[list[int]] = [[] for _ in division.units]
        for index, unit in enumerate(division.unit_of):
            members[unit].append(index)
        swallowed = [0] * len(division.units)
        for leaf in range(len(self.recording.leaves)):
            unit = division.swallows(leaf)
            if unit is not None:
                swallowed[unit] += 1
        for position, unit in enumerate(division.units):
            for operand in self._operands(position, members[position]):
                if operand.is_leaf and operand.index not in self.node_of_leaf:
                    if division.swallows(operand.index) is None:
                        self._add_leaf(operand.index)
            if position in division.hidden and position != division.hidden.start:
                self.node_of_unit[position] = self.node_of_unit[division.hidden.start]
            elif position in division.hidden:
                self._add_summary(position, swallowed[position])
            elif unit.output is not None:
                output = self.recording.outputs[unit.output]
                lines = (output.name,) if output.value is not None and not output.value.is_leaf else self._leaf_lines(
                    output.name, output.label
                )
                self._add_unit(position, lines, None, "")
            elif unit.kind == "module":
                assert unit.block is not None
                block = self.recording.blocks[unit.block]
                contents = [plural(unit.operations, "operation")]
                if swallowed[position]:
                    contents.append(plural(swallowed[position], "parameter"))
                self._add_unit(position, (block.label, ", ".join(contents)), block.parent, self._path(unit.block))
            else:
                operation = operations[members[position][0]]
                tooltip = f"{self._path(unit.block)}: {operation.name}" if unit.block is not None else operation.name
                if operation.details:
                    tooltip += f"({operation.details})"
                self._add_unit(position, (operation.name,), unit.block, tooltip)
        # Only now has every unit its box: a closed module may read what was recorded after its first operation.
        for position in range(len(division.units)):
            for operand in self._operands(position, members[position]):
                self._add_flow(operand, self.node_of_unit[position])
        self._add_edges()

    def _operands(self, position: int, members: list[int]) -> Iterable[Value]:
        output = self.division.units[position].output
        if output is None:
            return (operand for member in members for operand in self.recording.operations[member].operands)
        value = self.recording.outputs[output].value
        return () if value is None else (value,)

    def _add_node(self, kind: NodeKind, lines: tuple[str, ...], block: int | None, tooltip: str) -> int:
        number = self.counts[kind] = self.counts.get(kind, 0) + 1
        cluster = None if block is None else self._cluster(block)
        self.picture.nodes.append(PictureNode(f"{kind}{number}", kind, lines, cluster, tooltip))
        return len(self.picture.nodes) - 1

    def _add_unit(self, position: int, lines: tuple[str, ...], block: int | None, tooltip: str) -> None:
        self.node_of_unit[position] = self._add_node(self.division.units[position].kind, lines, block, tooltip)

    def _add_summary(self, position: int, swallowed: int) -> None:
        hidden = self.division.hidden
        operations = sum(self.division.units[unit].operations for unit in hidden)
        outputs = sum(self.division.units[unit].output is not None for unit in hidden)
        lines = [f"… {plural(operations, 'operation')} …"]
        inside = [plural(count, noun) for count, noun in ((swallowed, "parameter"), (outputs, "output")) if count]
        if inside:
            lines.append(", ".join(inside))
        self.node_of_unit[position] = self._add_node("summary", tuple(lines), None, "raise max_nodes to see them")

    def _add_leaf(self, index: int) -> None:
        leaf = self.recording.leaves[index]
        kind: NodeKind = "parameter" if leaf.named else "input"
        lines = self._leaf_lines(leaf.name, leaf.label)
        self.node_of_leaf[index] = self._add_node(kind, lines, self._leaf_block(index), f"{leaf.name}: {leaf.label}")

    def _leaf_lines(self, name: str, label: str) -> tuple[str, ...]:
        return (name, label) if self.show_shapes else (name,)

    def _leaf_block(self, index: int) -> int | None:
        """The innermost open module call that holds every use of a leaf."""
        common: tuple[int, ...] | None = None
        for user in self.division.leaf_users[index]:
            unit = self.division.units[user]
            block = unit.block
            if block is not None and unit.kind == "module":
                block = self.recording.blocks[block].parent
            path = () if block is None or user in self.division.hidden else self.recording.blocks[block].path
            if common is None:
                common = path
            while common != path[: len(common)]:
                common = common[:-1]
        return common[-1] if common else None

    def _cluster(self, block: int) -> int:
        """The index of the frame of `block`, made at first need with those around it, outermost first."""
        for index in self.recording.blocks[block].path:
            if index not in self.clusters:
                entry: Block = self.recording.blocks[index]
                parent = None if entry.parent is None else self.clusters[entry.parent]
                self.clusters[index] = len(self.picture.clusters)
                self.picture.clusters.append(Cluster(entry.label, parent, entry.level))
        return self.clusters[block]

    def _path(self, block: int | None) -> str:
        if block is None:
            return ""
        blocks = self.recording.blocks
        return ".".join(blocks[index].name or blocks[index].kind for index in blocks[block].path)

    def _add_flow(self, operand: Value, target: int) -> None:
        if operand.is_leaf:
            source = self.node_of_leaf.get(operand.index)
            if source is None:  # shown inside the box that uses it
                return
        else:
            source = self.node_of_unit[self.division.unit_of[operand.index]]
        if source == target:
            return
        # A leaf's shape stands in its own box, once, however many arrows leave it.
        label = operand.label if self.show_shapes and not operand.is_leaf else ""
        labels = self.flows.setdefault((source, target), {})
        labels[label] = labels.get(label, 0) + 1

    def _add_edges(self) -> None:
        nodes = self.picture.nodes
        closed = ("module", "summary")
        for (source, target), labels in self.flows.items():
            whole = nodes[source].kind in closed or nodes[target].kind in closed
            if whole and len(labels) > 1:
                self.picture.edges.append(PictureEdge(source, target, plural(len(labels), "shape")))
                continue
            for label, count in labels.items():
                times = "" if whole or count == 1 else "twice" if count == 2 else f"{count} times"
                self.picture.edges.append(PictureEdge(source, target, ", ".join(filter(None, (label, times)))))

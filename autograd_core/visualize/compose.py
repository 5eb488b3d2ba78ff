"""Turn a recording into a picture: how much of it is shown, what stands in the boxes, and what the arrows say."""

from __future__ import annotations

from collections.abc import Iterable

from .collect import Leaf, Recording, Value
from .division import Division, Unit
from .model import Cluster, Direction, NodeKind, Picture, PictureEdge, PictureNode

# A picture of fewer boxes than this says too little, if a larger one was allowed.
FEW_BOXES = 8


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
    division = Division(recording, level)
    notices = [f"modules below depth {level} are drawn closed"] if level < deepest else []
    if max_nodes is not None and division.count() > max_nodes:
        division, notice = _reduce(division, max_nodes)
        notices = [notice]
    picture = Picture(name or "autograd", direction)
    _Builder(recording, division, picture, show_shapes).build()
    picture.caption = tuple(caption(recording, name) + notices)
    return picture


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


def plural(count: int, noun: str) -> str:
    """Count and noun, in the plural unless there is one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def plurals(*counts: tuple[int, str]) -> str:
    """Several counts, those that are not zero."""
    return ", ".join(plural(count, noun) for count, noun in counts if count)


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


class _Builder:
    """Fills a picture from a division."""

    def __init__(self, recording: Recording, division: Division, picture: Picture, show_shapes: bool) -> None:
        self.recording = recording
        self.division = division
        self.picture = picture
        self.show_shapes = show_shapes
        # For every unit the operations in it, and the leaves that are shown inside.
        self.members: list[list[int]] = [[] for _ in division.units]
        self.swallowed: list[list[Leaf]] = [[] for _ in division.units]
        # From blocks, units and leaves to clusters and nodes of the picture.
        self.clusters: dict[int, int] = {}
        self.node_of_unit: dict[int, int] = {}
        self.node_of_leaf: dict[int, int] = {}
        self.counts: dict[NodeKind, int] = {}
        # From (source, target) to how often each label flows there.
        self.flows: dict[tuple[int, int], dict[str, int]] = {}

    def build(self) -> None:
        """Add nodes in recording order, a leaf before its first use, then the edges."""
        division = self.division
        for operation, position in enumerate(division.unit_of):
            self.members[position].append(operation)
        for leaf, around in zip(self.recording.leaves, division.inside, strict=True):
            if around is not None:
                self.swallowed[around].append(leaf)
        for position, unit in enumerate(division.units):
            for operand in self._operands(position):
                if operand.is_leaf and operand.number not in self.node_of_leaf:
                    self._add_leaf(operand.number)
            if position not in division.hidden:
                self.node_of_unit[position] = self._add_unit(position, unit)
            elif position == division.hidden.start:
                self.node_of_unit[position] = self._add_summary(position)
            else:
                self.node_of_unit[position] = self.node_of_unit[division.hidden.start]
        # Only now has every unit its box: a closed module may read what was recorded after its first operation.
        for position in range(len(division.units)):
            for operand in self._operands(position):
                self._add_flow(operand, self.node_of_unit[position])
        self._add_edges()

    def _operands(self, position: int) -> Iterable[Value]:
        """What flows into a unit, from inside it too."""
        output = self.division.units[position].output
        if output is None:
            operations = self.recording.operations
            return (operand for member in self.members[position] for operand in operations[member].operands)
        value = self.recording.outputs[output].value
        return () if value is None else (value,)

    def _add_node(self, kind: NodeKind, lines: Iterable[str], block: int | None = None, tooltip: str = "") -> int:
        number = self.counts[kind] = self.counts.get(kind, 0) + 1
        cluster = None if block is None else self._cluster(block)
        self.picture.nodes.append(PictureNode(f"{kind}{number}", kind, tuple(lines), cluster, tooltip))
        return len(self.picture.nodes) - 1

    def _add_unit(self, position: int, unit: Unit) -> int:
        if unit.output is not None:
            output = self.recording.outputs[unit.output]
            # An arrow that comes from an operation says the shape already.
            shape_is_known = output.value is not None and not output.value.is_leaf
            return self._add_node(
                "output", (output.name,) if shape_is_known else self._lines(output.name, output.label)
            )
        if unit.kind == "module":
            assert unit.block is not None
            block = self.recording.blocks[unit.block]
            contents = plurals((unit.operations, "operation"), *self._inside(position))
            return self._add_node("module", (block.label, contents), block.parent, self._path(unit.block))
        operation = self.recording.operations[self.members[position][0]]
        tooltip = operation.name if unit.block is None else f"{self._path(unit.block)}: {operation.name}"
        if operation.details:
            tooltip += f"({operation.details})"
        return self._add_node("operation", (operation.name,), unit.block, tooltip)

    def _inside(self, position: int) -> list[tuple[int, str]]:
        named = sum(leaf.named for leaf in self.swallowed[position])
        return [(named, "parameter"), (len(self.swallowed[position]) - named, "input")]

    def _add_summary(self, position: int) -> int:
        hidden = [self.division.units[unit] for unit in self.division.hidden]
        operations = sum(unit.operations for unit in hidden)
        outputs = sum(unit.output is not None for unit in hidden)
        lines = (f"… {plural(operations, 'operation')} …", plurals(*self._inside(position), (outputs, "output")))
        return self._add_node(
            "summary", filter(None, lines), self._frame(self.division.hidden), "raise max_nodes to see them"
        )

    def _add_leaf(self, index: int) -> None:
        if self.division.inside[index] is not None:
            return
        leaf = self.recording.leaves[index]
        kind: NodeKind = "parameter" if leaf.named else "input"
        lines = self._lines(leaf.name, leaf.label)
        self.node_of_leaf[index] = self._add_node(
            kind, lines, self._frame(self.division.leaf_users[index]), f"{leaf.name}: {leaf.label}"
        )

    def _lines(self, name: str, label: str) -> tuple[str, ...]:
        return (name, label) if self.show_shapes else (name,)

    def _frame(self, positions: Iterable[int]) -> int | None:
        """The innermost open module call around some units, which are not just one closed module."""
        blocks = self.recording.blocks
        common: tuple[int, ...] | None = None
        for position in positions:
            block = self.division.units[position].block
            path = () if block is None else blocks[block].path
            common = path if common is None else common
            while common != path[: len(common)]:
                common = common[:-1]
        return common[-1] if common else None

    def _cluster(self, block: int) -> int:
        """The index of the frame of `block`, made at first need with those around it, outermost first."""
        for index in self.recording.blocks[block].path:
            if index not in self.clusters:
                entry = self.recording.blocks[index]
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
            source = self.node_of_leaf.get(operand.number)
            if source is None:  # shown inside the box that uses it
                return
        else:
            source = self.node_of_unit[self.division.unit_of[operand.number]]
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
                self.picture.edges.append(PictureEdge(source, target, label, 1 if whole else count))

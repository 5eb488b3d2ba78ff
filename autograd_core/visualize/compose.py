"""Turn a recording into a picture: how much of it is shown, what stands in the boxes, and what the arrows say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import texts
from .division import Division, Unit, divide
from .formulas import formulas_of, summary_of
from .measure import Measures
from .model import Cluster, Direction, NodeKind, Picture, PictureEdge, PictureNode
from .recording import Leaf, Operation, Recording, Value
from .scale import GradientScale, stronger
from .texts import plural, plurals

OUTSIDE = "outside modules"


@dataclass(frozen=True, slots=True)
class Options:
    """How a recording is drawn; see :func:`autograd_core.visualize.draw`."""

    name: str | None = None
    direction: Direction = "LR"
    show: frozenset[str] = frozenset({"shape"})
    depth: int | None = None
    max_nodes: int | None = None


def compose(recording: Recording, options: Options, closed_looks: bool = False) -> Picture:
    """Draw up the picture of `recording` with modules open down to a depth and at most about so many boxes.

    With `closed_looks` the clusters know what they look like when they are closed.
    """
    division, notices = divide(recording, options.depth, options.max_nodes)
    picture = Picture(options.name or "autograd", options.direction)
    builder = _Builder(recording, division, picture, options.show)
    builder.build()
    if closed_looks:
        builder.add_closed_looks()
    picture.caption = tuple(caption(recording, options) + recording.notices + notices)
    return picture


def caption(recording: Recording, options: Options) -> list[str]:
    """What stands below the picture: size of the graph, whether backward has run, and what is left out."""
    parameters = [leaf for leaf in recording.leaves if leaf.named]
    parts = ["after backward" if recording.after_backward else "forward graph"]
    parts.append(plural(sum(operation.copies for operation in recording.operations), "operation"))
    if parameters:
        values = sum(leaf.size for leaf in parameters)
        count = sum(leaf.copies for leaf in parameters)
        parts.append(f"{plural(count, 'parameter')} with {plural(values, 'value')}")
    if "saved" in options.show:
        saved = sum(operation.measures.saved or 0 for operation in recording.operations)
        parts.append(f"{texts.memory(saved)} kept for backward")
    if "time" in options.show:
        forward = sum(operation.measures.forward or 0.0 for operation in recording.operations)
        backward = sum(operation.measures.backward or 0.0 for operation in recording.operations)
        parts.append(f"forward {texts.duration(forward)}, backward {texts.duration(backward)}")
    lines = [(f"{options.name}: " if options.name else "") + " · ".join(parts)]
    if not recording.operations and not recording.leaves:
        lines.append("nothing was recorded: the output needs no gradient")
    elif recording.omitted_operands:
        lines.append("operands that need no gradient are not drawn")
    if recording.folded:
        lines.append("repeated parts are drawn once, with × how often")
    return lines


class _Builder:
    """Fills a picture from a division."""

    def __init__(self, recording: Recording, division: Division, picture: Picture, show: frozenset[str]) -> None:
        self.recording = recording
        self.division = division
        self.picture = picture
        self.show = show
        self.scale = self._scale() if "gradient" in show else None
        # For every operation outside all modules the frame it stands in, by the first operation of its run.
        self.run_of = self._runs()
        # For every unit the operations in it, and the leaves that are shown inside.
        self.members: list[list[int]] = [[] for _ in division.units]
        self.swallowed: list[list[Leaf]] = [[] for _ in division.units]
        # From blocks, units and leaves to clusters and nodes of the picture.
        self.clusters: dict[tuple[str, int], int] = {}
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
        if self.scale is not None:
            self.picture.legend = self.scale.legend()

    def _operands(self, position: int) -> Iterable[Value]:
        """What flows into a unit, from inside it too."""
        output = self.division.units[position].output
        if output is None:
            operations = self.recording.operations
            return (operand for member in self.members[position] for operand in operations[member].operands)
        value = self.recording.outputs[output].value
        return () if value is None else (value,)

    def _scale(self) -> GradientScale:
        recording = self.recording
        every = [operation.measures.gradients for operation in recording.operations]
        every += [leaf.measures.gradients for leaf in recording.leaves]
        return GradientScale(norm for pair in every if pair is not None for norm in pair)

    def _runs(self) -> dict[int, int]:
        """Operations outside modules, in runs between those in modules; none where there are no modules at all."""
        found: dict[int, int] = {}
        if self.recording.blocks:
            first = -1
            for number, operation in enumerate(self.recording.operations):
                if operation.block is not None:
                    first = -1
                    continue
                first = number if first < 0 else first
                found[number] = first
        return found

    def _add_node(self, kind: NodeKind, lines: Iterable[str], cluster: int | None, **fields: Any) -> int:
        number = self.counts[kind] = self.counts.get(kind, 0) + 1
        self.picture.nodes.append(PictureNode(f"{kind}{number}", kind, tuple(lines), cluster, **fields))
        return len(self.picture.nodes) - 1

    def _add_unit(self, position: int, unit: Unit) -> int:
        if unit.output is not None:
            output = self.recording.outputs[unit.output]
            # An arrow that comes from an operation says the shape already.
            shape_is_known = output.value is not None and not output.value.is_leaf
            lines = (output.name,) if shape_is_known else self._lines(output.name, output.label)
            return self._add_node("output", lines, None, facts=((output.name, output.label),))
        if unit.kind == "module":
            assert unit.block is not None
            return self._add_module(position, unit, unit.block)
        number = self.members[position][0]
        operation = self.recording.operations[number]
        title = f"{operation.symbol} = {operation.name}" if operation.symbol else operation.name
        place = operation.name if unit.block is None else f"{self._path(unit.block)}: {operation.name}"
        place += f"({operation.details})" if operation.details else ""
        facts = [("", place), ("", summary_of(operation.name)), ("result", operation.label)]
        if operation.copies > 1:
            facts.append(("stands for", plural(operation.copies, "operation")))
        cluster = self._cluster(unit.block) if unit.block is not None else self._outside(number)
        return self._add_node(
            "operation",
            (title, *texts.lines(operation.measures, self.show)),
            cluster,
            facts=_stated(facts + texts.facts(operation.measures)),
            formulas=formulas_of(operation.name),
            **self._look(operation.measures),
        )

    def _add_module(self, position: int, unit: Unit, number: int) -> int:
        block = self.recording.blocks[number]
        operations = [self.recording.operations[member] for member in self.members[position]]
        lines, fields = self._closed(block.label, self._path(number), operations, self.swallowed[position])
        cluster = None if block.parent is None else self._cluster(block.parent)
        return self._add_node("module", lines, cluster, **fields)

    def _closed(
        self, label: str, path: str, operations: list[Operation], leaves: list[Leaf]
    ) -> tuple[list[str], dict[str, Any]]:
        """What stands in a box for several operations and leaves, and its other fields."""
        count = sum(operation.copies for operation in operations)
        contents = plurals((count, "operation"), *_counted(leaves))
        # Gradients are those that flow through it: a parameter's may vanish for reasons of its own, like that of a
        # bias before a normalisation.
        measures = merge_measures([operation.measures for operation in operations])
        measures.fault = next((leaf.measures.fault for leaf in leaves if leaf.measures.fault), measures.fault)
        facts = _stated([("", path), ("contains", contents), *texts.facts(measures)])
        return [label, contents, *texts.lines(measures, self.show)], {"facts": facts, **self._look(measures)}

    def add_closed_looks(self) -> None:
        """Tell every cluster what it looks like when it is closed."""
        recording = self.recording
        operations: dict[str, list[Operation]] = {}
        leaves: dict[str, list[Leaf]] = {}
        for number, operation in enumerate(recording.operations):
            for key in self._keys_around(number):
                operations.setdefault(key, []).append(operation)
        for leaf in recording.leaves:
            around = [self._keys_around(consumer) for consumer in leaf.consumers]
            for key in around[0] if around else ():
                if leaf.named and all(key in keys for keys in around):
                    leaves.setdefault(key, []).append(leaf)
        for cluster in self.picture.clusters:
            kind, _, place = cluster.key.partition(" ")
            path = self._path(int(place)) if kind == "block" else cluster.label
            inside = operations.get(cluster.key, []), leaves.get(cluster.key, [])
            lines, fields = self._closed(cluster.label, path, *inside)
            cluster.closed = PictureNode(cluster.key, "module", tuple(lines), **fields)

    def _keys_around(self, number: int) -> list[str]:
        block = self.recording.operations[number].block
        if block is not None:
            return [f"block {index}" for index in self.recording.blocks[block].path]
        return [f"run {self.run_of[number]}"] if number in self.run_of else []

    def _look(self, measures: Measures) -> dict[str, Any]:
        """The colour of a box, by the geometric mean of its gradients' norms."""
        found: dict[str, Any] = {"fault": bool(measures.fault), "keeps": measures.keeps}
        if self.scale is not None and measures.gradients is not None:
            found["fill"] = self.scale.color(_middle(measures.gradients))
        return found

    def _add_summary(self, position: int) -> int:
        hidden = [self.division.units[unit] for unit in self.division.hidden]
        operations = sum(unit.operations for unit in hidden)
        outputs = sum(unit.output is not None for unit in hidden)
        lines = (
            f"… {plural(operations, 'operation')} …",
            plurals(*_counted(self.swallowed[position]), (outputs, "output")),
        )
        cluster = self._frame(self.division.hidden)
        return self._add_node("summary", filter(None, lines), cluster, facts=(("", "raise max_nodes to see them"),))

    def _add_leaf(self, index: int) -> None:
        if self.division.inside[index] is not None:
            return
        leaf = self.recording.leaves[index]
        kind: NodeKind = "parameter" if leaf.named else "input"
        facts = [("", f"{leaf.name}: {leaf.label}")]
        facts += [("stands for", plural(leaf.copies, kind))] if leaf.copies > 1 else []
        self.node_of_leaf[index] = self._add_node(
            kind,
            [*self._lines(leaf.name, leaf.label), *texts.lines(leaf.measures, self.show)],
            self._frame(self.division.leaf_users[index]),
            facts=_stated(facts + [fact for fact in texts.facts(leaf.measures) if fact[0] != "keeps"]),
            **self._look(leaf.measures),
        )

    def _lines(self, name: str, label: str) -> tuple[str, ...]:
        return tuple(filter(None, (name, self._shown(label))))

    def _shown(self, label: str) -> str:
        """Of a shape and a dtype what is wanted; float32 is the usual dtype and needs no word unless asked for."""
        shape, _, dtype = label.partition(" ")
        if "dtype" in self.show:
            dtype = dtype or "float32"
        elif "shape" not in self.show:
            dtype = ""
        return " ".join(filter(None, (shape if "shape" in self.show else "", dtype)))

    def _frame(self, positions: Iterable[int]) -> int | None:
        """The cluster of the innermost open module call around some units, which are not just one closed module."""
        blocks = self.recording.blocks
        common: tuple[int, ...] | None = None
        runs: set[int | None] = set()
        for position in positions:
            unit = self.division.units[position]
            path = () if unit.block is None else blocks[unit.block].path
            outside = unit.block is None and unit.output is None
            runs.add(self.run_of.get(self.members[position][0]) if outside else None)
            common = path if common is None else common
            while common != path[: len(common)]:
                common = common[:-1]
        if common:
            return self._cluster(common[-1])
        run = runs.pop() if len(runs) == 1 else None
        return None if run is None else self._outside(run)

    def _outside(self, operation: int) -> int | None:
        """The cluster of operations outside all modules that `operation` belongs to."""
        run = self.run_of.get(operation)
        if run is None:
            return None
        return self._demand_cluster("run", run, Cluster(OUTSIDE, None, 1))

    def _demand_cluster(self, kind: str, number: int, cluster: Cluster) -> int:
        key = (kind, number)
        if key not in self.clusters:
            self.clusters[key] = len(self.picture.clusters)
            cluster.key = f"{kind} {number}"
            self.picture.clusters.append(cluster)
        return self.clusters[key]

    def _cluster(self, block: int) -> int:
        """The index of the frame of `block`, made at first need with those around it, outermost first."""
        blocks = self.recording.blocks
        for index in blocks[block].path:
            entry = blocks[index]
            parent = None if entry.parent is None else self.clusters["block", entry.parent]
            self._demand_cluster("block", index, Cluster(entry.label, parent, entry.level))
        return self.clusters["block", block]

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
        label = "" if operand.is_leaf else self._shown(operand.label)
        labels = self.flows.setdefault((source, target), {})
        labels[label] = labels.get(label, 0) + 1

    def _add_edges(self) -> None:
        nodes = self.picture.nodes
        closed = ("module", "summary")
        for (source, target), labels in self.flows.items():
            whole = nodes[source].kind in closed or nodes[target].kind in closed
            color = stronger(nodes[source].fill) if self.scale is not None and nodes[source].fill else ""
            if whole and len(labels) > 1:
                self.picture.edges.append(PictureEdge(source, target, plural(len(labels), "shape"), 1, color))
                continue
            for label, count in labels.items():
                self.picture.edges.append(PictureEdge(source, target, label, 1 if whole else count, color))


def _counted(leaves: list[Leaf]) -> list[tuple[int, str]]:
    named = sum(leaf.copies for leaf in leaves if leaf.named)
    return [(named, "parameter"), (sum(leaf.copies for leaf in leaves) - named, "input")]


def merge_measures(measures: list[Measures]) -> Measures:
    """What several operations and leaves come to together."""
    found = measures[0].merged(measures[1:]) if measures else Measures()
    # A closed module has no one value, place or list of what it keeps.
    found.value, found.site, found.keeps = None, "", (texts.memory(found.saved),) if found.saved else ()
    return found


def _middle(gradients: tuple[float, float]) -> float:
    low, high = gradients
    if not (math.isfinite(low) and math.isfinite(high)):
        return math.nan
    return math.sqrt(low) * math.sqrt(high) if low > 0 else high


def _stated(facts: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in facts if text)

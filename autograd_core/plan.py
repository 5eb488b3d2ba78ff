"""Plans: what an operation saves for backward and how it is pulled back, for one choice of operands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .formula import Symbol

if TYPE_CHECKING:
    from .graph import Node, VersionCell
    from .op import Op, Rule

# The name under which formulas of derivatives speak of what comes from above.
COTANGENT = Symbol("cotangent")

# The saved values, the version cells of those that can be changed, and their counts.
Kept = tuple[tuple[Any, ...], tuple[Any, ...], tuple[int, ...]]

# Maps a node, the cotangent of its result and the edges that want one to the cotangents of its operands.
Pullback = Callable[["Node", Any, Sequence[Any]], Sequence[Any]]

# What a node saves: in the usual cases one or two operands, or the result; else a list of anything. Up to BOTH it is
# the first operand, alone or with the second.
NOTHING, FIRST, BOTH, SECOND, RESULT, LISTED = range(6)
_USUAL = {(): NOTHING, (0,): FIRST, (1,): SECOND, (0, 1): BOTH, (-1,): RESULT}
# The same by how many operands are saved, where there are more than two: then `places` says which.
_CHOSEN = {1: FIRST, 2: BOTH}

# How often memory was changed, of its version cell.
count_of = itemgetter(0)

# Where an argument of a rule comes from.
_SAVED, _PARAMETER, _SHAPE, _NEEDS = range(4)


class Plan:
    """How one operation is differentiated for one choice of operands: what to save, and the pullback.

    `sources` says where each saved value comes from: a number n >= 0 is operand n, -1 the result, ``("shape", n)``
    a shape and ``("residual", k)`` a kept intermediate. `pullback(node, cotangent, edges)` maps arrays to arrays.
    Shapes of operands that need gradients are not saved: their edges know them.

    `saves` says in one number which values these are, and so where the node has them: in its `value` and
    `other_value`, or, where they are LISTED, all in a tuple that is its `value`. `places` are the two operands that it
    speaks of as the first and the second: the first two indeed, unless others of more are saved.
    `versioned` names what the version cells of saved values belong to: operands by name or place.
    """

    __slots__ = (
        "_all", "_gather", "_joint", "_kept_operands", "_needs", "_rules", "count", "mask", "named_sources", "names",
        "op", "part", "places", "pointwise", "pullback", "saves", "single", "sources", "versioned",
    )  # fmt: skip

    def __init__(self, op: Op, mask: int, count: int) -> None:
        self.op = op
        self.mask = mask
        self.count = count
        # Its nodes have a cotangent, not several.
        self.single: bool = op.outputs == 1
        self.part: str = op.part
        # Its pullback gives cotangents of the result's shape.
        self.pointwise = False
        # Operands in their order.
        self.names = tuple(sorted(self._names(), key=lambda name: (*op.operands, name).index(name)))
        self.sources = tuple(self._source(name) for name in self.names)
        self.named_sources = tuple(zip(self.names, self.sources, strict=True))
        self.versioned = tuple(label for name, source in self.named_sources for label in self._labels(name, source))
        self._gather, self._kept_operands = self._gathering()
        # All operands in their order, and nothing else.
        self._all = self.sources == tuple(range(count))
        self.saves = LISTED if self.sources and not self.single else _USUAL.get(self.sources, LISTED)
        self.places = (0, 1)
        kept = self._kept_operands
        if self.saves == LISTED and self.single and self.sources == kept and len(kept) in _CHOSEN:
            self.saves = _CHOSEN[len(kept)]
            self.places = (kept[0], kept[-1])
        self._needs = tuple(bool(mask >> index & 1) for index in range(count))
        self._joint = self.arguments(op.joint_rule) if op.joint_rule else ()
        self._rules = {} if op.joint_rule else {i: self.arguments(op.rule_for(i)) for i in self.needed()}
        self.pullback: Pullback = (
            self._separate_pullback() if op.joint_rule is None else self._joint_pullback(op.joint_rule)
        )

    def _names(self) -> tuple[str, ...]:
        names = self.op.saved_names(self.mask)
        return tuple(name for name in names if name != "needs" and self._edge_with_shape(name) is None)

    def _edge_with_shape(self, name: str) -> int | None:
        """The operand whose shape `name` asks for, if its edge is sure to exist."""
        operand = name.removesuffix("_shape")
        if operand == name or operand not in self.op.operands or self.op.variadic:
            return None
        index = self.op.operands.index(operand)
        return index if self.mask >> index & 1 else None

    def needed(self) -> Iterator[int]:
        """The operands that need gradients."""
        return (index for index in range(self.count) if self.mask >> index & 1)

    def _source(self, name: str) -> Any:
        op = self.op
        if name == "y":
            return -1
        if name in op.operands and not op.variadic:
            return op.operands.index(name)
        if name in op.residuals:
            return ("residual", op.residuals.index(name))
        if name in ("operands", "shapes"):
            return (name, 0)
        if name.endswith("_shape") and name[: -len("_shape")] in op.operands:
            return ("shape", op.operands.index(name[: -len("_shape")]))
        raise ValueError(
            f"{op.name}: a rule asks for {name!r}, which is no operand, parameter, residual or shape; "
            f"operands {op.operands}, parameters {op.parameters}, residuals {op.residuals}"
        )

    def _labels(self, name: str, source: Any) -> tuple[str | int, ...]:
        """What the version cells of a saved value are called in messages."""
        if source == -1:
            return ("its result",) * self.op.outputs
        if type(source) is int:
            return (name,)
        return tuple(range(self.count)) if source[0] == "operands" else ()

    def _gathering(self) -> tuple[Callable[[Any], Any] | None, tuple[int, ...]]:
        """What picks the saved values from arrays, result and residuals in a row, and which operands are among them.

        None if there are values that do not lie there.
        """
        places = []
        for source in self.sources:
            if type(source) is int:
                places.append(source if source >= 0 else self.count)
            elif source[0] == "residual":
                places.append(self.count + 1 + source[1])
            else:
                return None, ()
        operands = tuple(source for source in self.sources if type(source) is int and source >= 0)
        # A getter of one value gives that alone.
        return (itemgetter(*places) if len(places) > 1 else None), operands

    def keep(
        self, tensors: Sequence[Any], arrays: Sequence[Any], result: Any, cells: Sequence[VersionCell],
        residuals: Sequence[Any],
    ) -> Kept:  # fmt: skip
        """The values to save and, beside them, the version cells of those that can be changed, and their counts.

        `result` and `cells` are those of the one result, or tuples of them where there are several.
        """
        if self._all:
            own = tuple([tensor._version or tensor._demand_version() for tensor in tensors])
            return tuple(arrays), own, tuple(map(count_of, own))
        gather = self._gather
        if gather is not None:
            found = [tensors[index]._version or tensors[index]._demand_version() for index in self._kept_operands]
            if -1 in self.sources:
                found += cells
            return gather((*arrays, result, *residuals)), tuple(found), tuple(map(count_of, found))
        saved: list[Any] = []
        counted: list[VersionCell] = []
        for source in self.sources:
            if source == -1:
                saved.append(result)
                counted += cells
            elif type(source) is int:
                saved.append(arrays[source])
                counted.append(tensors[source]._version or tensors[source]._demand_version())
            else:
                kind, index = source
                if kind == "residual":
                    saved.append(residuals[index])
                elif kind == "shape":
                    saved.append(np.shape(arrays[index]))
                elif kind == "shapes":
                    saved.append(tuple([array.shape for array in arrays]))
                else:
                    saved.append(tuple(arrays))
                    counted += [tensor._version or tensor._demand_version() for tensor in tensors]
        return tuple(saved), tuple(counted), tuple(map(count_of, counted))

    def arguments(self, rule: Rule) -> tuple[tuple[int, Any], ...]:
        """For each argument of `rule` where it comes from: a kind of place, and which."""
        found: list[tuple[int, Any]] = []
        for name in rule.names:
            edge = self._edge_with_shape(name)
            if name in self.names:
                found.append((_SAVED, self.names.index(name)))
            elif name == "needs":
                found.append((_NEEDS, None))
            else:
                found.append((_PARAMETER, name) if edge is None else (_SHAPE, edge))
        return tuple(found)

    def fetch(
        self, node: Node, where: tuple[tuple[int, Any], ...], saved: Sequence[Any], edges: Sequence[Any]
    ) -> list[Any]:
        """The values of a rule's arguments; `saved` stands in for the node's own, `edges` for those that matter."""
        values: list[Any] = []
        for kind, place in where:
            if kind == _SAVED:
                values.append(saved[place])
            elif kind == _PARAMETER:
                values.append(node.parameters[place])
            elif kind == _SHAPE:
                values.append(node.edges[place].shape)
            else:
                values.append(tuple([edge is not None for edge in edges]))
        return values

    def reader(self, place: int) -> Callable[[Node], Any]:
        """What reads the saved value number `place` off a node."""
        if self.saves == LISTED:
            return lambda node: node.value[place]
        return attrgetter(("value", "other_value")[place])

    def _separate_pullback(self) -> Pullback:
        """The pullback of rules that each give the cotangent of one operand."""
        rules = [self._bound(self.op.rules[i], self._rules[i]) if i in self._rules else None for i in range(self.count)]
        if len(rules) == 1 and rules[0] is not None:
            only = rules[0]
            return lambda node, cotangent, edges: (only(node, cotangent, edges),)
        return lambda node, cotangent, edges: [
            None if edge is None or rule is None else rule(node, cotangent, edges)
            for edge, rule in zip(edges, rules, strict=True)
        ]

    def _bound(self, rule: Rule, where: tuple[tuple[int, Any], ...]) -> Callable[[Any, Any, Any], Any]:
        """A rule that looks up its own arguments; rules mostly read one saved value or one shape."""
        function = rule.function
        match where:
            case []:
                return lambda node, cotangent, edges: function(cotangent)
            case [(kind, place)] if kind == _SAVED:
                if place == 0 and self.saves != LISTED:
                    return lambda node, cotangent, edges: function(cotangent, node.value)
                get = self.reader(place)
                return lambda node, cotangent, edges: function(cotangent, get(node))
            case [(kind, place)] if kind == _SHAPE:
                return lambda node, cotangent, edges: function(cotangent, node.edges[place].shape)
        return lambda node, cotangent, edges: function(cotangent, *self.fetch(node, where, node.saved, edges))

    def pull_each(self, node: Node, cotangent: Any, edges: Sequence[Any], saved: Sequence[Any]) -> Sequence[Any]:
        """Apply each operand's own rule; `saved` are arrays, or tensors when the derivative itself is recorded."""
        rules = self.op.rules
        return [
            None
            if edge is None
            else rules[index].function(cotangent, *self.fetch(node, self._rules[index], saved, edges))
            for index, edge in enumerate(edges)
        ]

    def _joint_pullback(self, rule: Rule) -> Callable[[Node, Any, Sequence[Any]], Sequence[Any]]:
        """The pullback of a joint rule, with a shorter way for those that read saved values first.

        Behind them may come `needs`, or arguments that are no tensors.

        On that way an edge that is None, because nobody wants its cotangent, may be given one.
        """
        function = rule.function
        needs = bool(self._joint) and self._joint[-1][0] == _NEEDS
        kinds = [kind for kind, _ in self._joint]
        places = [place for kind, place in self._joint if kind == _SAVED]
        named = [place for kind, place in self._joint if kind == _PARAMETER]
        behind = [_PARAMETER] * len(named) if named else [_NEEDS] * needs
        # A rule that is not told what is needed computes all; what nobody needs is taken out again.
        if kinds != [_SAVED] * len(places) + behind or not places or not (needs or all(self._needs)):
            return lambda node, cotangent, edges: self.pull_jointly(node, cotangent, edges, node.saved or ())
        if len(places) == 1:
            only = places[0]
            get: Callable[[Any], Any] = lambda saved: (saved[only],)  # noqa: E731
        else:
            get = itemgetter(*places)
        listed = self.saves == LISTED
        if named:
            return lambda node, cotangent, edges: function(
                cotangent, *get(node.saved), *[node.parameters[name] for name in named]
            )
        if not needs:
            if listed:
                return lambda node, cotangent, edges: function(cotangent, *get(node.value))
            return lambda node, cotangent, edges: function(cotangent, *get(node.saved))
        # Usually all that the plan knows to need one want it.
        usual, absent = self._needs, self._needs.count(False)

        def pull(node: Node, cotangent: Any, edges: Sequence[Any]) -> Any:
            wanted = usual if edges.count(None) == absent else tuple([edge is not None for edge in edges])
            return function(cotangent, *get(node.value if listed else node.saved), wanted)

        def pull_both(node: Node, cotangent: Any, edges: Sequence[Any]) -> Any:
            wanted = usual if edges.count(None) == absent else tuple([edge is not None for edge in edges])
            return function(cotangent, node.value, node.other_value, wanted)

        if self.saves == BOTH and places == [0, 1]:
            return pull_both

        return pull

    def pull_jointly(self, node: Node, cotangent: Any, edges: Sequence[Any], saved: Sequence[Any]) -> Sequence[Any]:
        """Apply the one rule that returns the cotangents of all operands."""
        rule = self.op.joint_rule
        assert rule is not None
        pulled: Sequence[Any] = rule.function(cotangent, *self.fetch(node, self._joint, saved, edges))
        if None in edges:
            return [None if edge is None else part for edge, part in zip(edges, pulled, strict=True)]
        return pulled

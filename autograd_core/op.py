"""Operation records, the rules of their derivatives, and the one registry.

Three kinds (Elementwise, Structural, Fused) share one way to say what a derivative reads: **the names of a rule's
parameters**. An operand's name asks for that operand's array, ``y`` for the result, ``<operand>_shape`` for a shape,
a residual's name for what the forward kernel kept, and any other name for a non-tensor argument. Only what a rule
asks for, for operands that need a gradient, is kept alive until backward.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .formula import Call, Constant, Expression, Symbol, trace
from .formula.expression import call
from .kernels.emit import Loop, numpy_form

if TYPE_CHECKING:
    from .graph import Node

REGISTRY: dict[str, Op] = {}


@dataclass(frozen=True, slots=True)
class Domain:
    """Where an operand is drawn for tests, benchmarks and plots; `kinks` are points to keep away from."""

    low: float = -3.0
    high: float = 3.0
    kinks: tuple[float, ...] = ()
    kind: str = "float"

    def draw(self, random: np.random.Generator, shape: tuple[int, ...], distance: float = 0.05) -> np.ndarray:
        """Draw float64 values (booleans for the kind ``"bool"``) at least `distance` from every kink."""
        if self.kind == "bool":
            return random.random(shape) < 0.5
        values = np.asarray(random.uniform(self.low, self.high, shape))
        for kink in self.kinks:
            near = np.abs(values - kink) < distance
            values = np.where(near, kink + np.where(values < kink, -distance, distance) * 1.5, values)
        return values


REAL = Domain()
POSITIVE = Domain(0.2, 4.0)
NONZERO = Domain(kinks=(0.0,))
UNIT = Domain(-0.9, 0.9)
BOOL = Domain(kind="bool")


@dataclass(frozen=True, slots=True)
class Sample:
    """One set of arguments an operation is tried with: operand arrays and non-tensor parameters."""

    operands: tuple[Any, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A derivative and where each of its arguments comes from."""

    function: Callable[..., Any]
    names: tuple[str, ...]


# A string, because naming numpy.random imports it, which takes a third of NumPy's own import time.
Samples = Callable[["np.random.Generator"], list[Sample]]


@dataclass(eq=False, kw_only=True)
class Op:
    """One operation: everything the engine, the tests, the benchmarks and the documentation know about it.

    Attributes:
        name: its name in the registry, the field's own.
        operands: names of its tensor operands; one name for all of a variadic operation.
        parameters: names of its non-tensor arguments.
        forward: arrays and parameters to an array (to a tuple if ``outputs`` > 1; with residuals appended if any).
        reference: an independent NumPy statement of the same values, or None.
        torch: dotted name of PyTorch's counterpart below ``torch``, or "" where it has none.
        samples: draws arguments to try it with.
        complex_safe: whether the formula is analytic, so that complex steps check it.
    """

    name: str
    summary: str
    operands: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    forward: Callable[..., Any]
    reference: Callable[..., Any] | None = None
    torch: str = ""
    samples: Samples | None = None
    variadic: bool = False
    view: bool = False
    outputs: int = 1
    differentiable: bool = True
    residuals: tuple[str, ...] = ()
    rules: dict[int, Rule] = field(default_factory=dict)
    joint_rule: Rule | None = None
    plans: dict[Any, Plan] = field(default_factory=dict, repr=False)
    function: Callable[..., Any] | None = field(default=None, repr=False)

    kind = "structural"

    def __post_init__(self) -> None:
        if self.name in REGISTRY:
            raise ValueError(f"an operation named {self.name!r} is registered already")
        if "y" in self.operands:
            raise ValueError(f"{self.name}: 'y' names the result in rules; call the operand something else")
        REGISTRY[self.name] = self

    def plan(self, mask: int, count: int) -> Plan:
        """What to save and how to pull back when the operands in the bit set `mask`, of `count`, need gradients."""
        key = (mask, count) if self.variadic else mask
        found = self.plans.get(key)
        if found is None:
            if not self.differentiable:
                raise NotImplementedError(f"the operation '{self.name}' has no derivative")
            found = self.plans[key] = self._make_plan(mask, count)
        return found

    def _make_plan(self, mask: int, count: int) -> Plan:
        return Plan(self, mask, count)

    def rule_for(self, index: int) -> Rule:
        """The rule of operand `index`."""
        rule = self.joint_rule or self.rules.get(index)
        if rule is None:
            raise NotImplementedError(
                f"the operation '{self.name}' has no derivative with respect to its operand '{self.operands[index]}'"
            )
        return rule

    def saved_names(self, mask: int) -> tuple[str, ...]:
        """What backward reads when the operands in `mask` need gradients: parameters left out."""
        needed = [index for index in range(len(self.operands)) if mask >> index & 1]
        if self.joint_rule is not None:
            needed = needed[:1] or [0]
        found: dict[str, None] = {}
        for index in needed:
            for name in self.rule_for(index).names:
                if name not in self.parameters:
                    found[name] = None
        return tuple(found)


def names_of(function: Callable[..., Any], skip: int = 0) -> tuple[str, ...]:
    """The parameter names of a rule, without its first `skip`."""
    # Read off the code object: inspect.signature takes longer than all the rest of a declaration.
    code = function.__code__
    return code.co_varnames[skip : code.co_argcount + code.co_kwonlyargcount]


def split_signature(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Names of a declaration's operands (positional), its parameters (keyword-only), and whether it is variadic."""
    code = function.__code__
    names, positional = code.co_varnames, code.co_argcount
    named = positional + code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    operands = names[:positional] + (names[named : named + 1] if variadic else ())
    return operands, names[positional:named], variadic


# Where an argument of a rule comes from.
_SAVED, _PARAMETER, _SHAPE, _NEEDS = range(4)


class Plan:
    """How one operation is differentiated for one choice of operands: what to save, and the pullback.

    `sources` says where each saved value comes from: a number n >= 0 is operand n, -1 the result, ``("shape", n)``
    a shape and ``("residual", k)`` a kept intermediate. `pullback(node, cotangent, edges)` maps arrays to arrays.
    Shapes of operands that need gradients are not saved: their edges know them.
    """

    __slots__ = ("_joint", "_rules", "count", "mask", "named_sources", "names", "op", "pullback", "sources")

    def __init__(self, op: Op, mask: int, count: int) -> None:
        self.op = op
        self.mask = mask
        self.count = count
        self.names = self._names()
        self.sources = tuple(self._source(name) for name in self.names)
        self.named_sources = tuple(zip(self.names, self.sources, strict=True))
        self._joint = self.arguments(op.joint_rule) if op.joint_rule else ()
        self._rules = {} if op.joint_rule else {i: self.arguments(op.rule_for(i)) for i in self.needed()}
        self.pullback: Callable[[Node, Any, Sequence[Any]], Sequence[Any]] = (
            self._pull_jointly if op.joint_rule else self._pull_each
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

    def _pull_each(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        return self.pull_each(node, cotangent, edges, node.saved or ())

    def pull_each(self, node: Node, cotangent: Any, edges: Sequence[Any], saved: Sequence[Any]) -> Sequence[Any]:
        """Apply each operand's own rule; `saved` are arrays, or tensors when the derivative itself is recorded."""
        rules = self.op.rules
        return [
            None
            if edge is None
            else rules[index].function(cotangent, *self.fetch(node, self._rules[index], saved, edges))
            for index, edge in enumerate(edges)
        ]

    def _pull_jointly(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        return self.pull_jointly(node, cotangent, edges, node.saved or ())

    def pull_jointly(self, node: Node, cotangent: Any, edges: Sequence[Any], saved: Sequence[Any]) -> Sequence[Any]:
        """Apply the one rule that returns the cotangents of all operands."""
        rule = self.op.joint_rule
        assert rule is not None
        pulled = rule.function(cotangent, *self.fetch(node, self._joint, saved, edges))
        if None in edges:
            return [None if edge is None else c for edge, c in zip(edges, pulled, strict=True)]
        return pulled


@dataclass(eq=False, kw_only=True)
class Elementwise(Op):
    """An operation declared by a scalar formula and its partial derivatives.

    Attributes:
        formula: the declared function.
        partials: for each operand its partial derivative, or None where it has none (booleans).
        domains: where each operand is drawn.
        special: values of the first operand that deserve a look beside random ones.
        promotes: whether integers become floats first, as for every transcendental function.
    """

    formula: Callable[..., Any]
    forward: Callable[..., Any] = field(init=False)
    domains: tuple[Domain, ...] = ()
    special: tuple[float, ...] = ()
    promotes: bool = True
    predicate: bool = False
    _products: dict[int, Expression] = field(default_factory=dict, init=False, repr=False)

    kind = "elementwise"

    def __post_init__(self) -> None:
        self.forward = self._resolve
        super().__post_init__()

    def _resolve(self, *operands: Any, **parameters: Any) -> Any:
        """Stand in for `forward` until the first call decides what it is."""
        if self.numpy is not None:
            self.forward = self.numpy
        elif len(self.operands) == 1 and not self.parameters:
            self.forward = self.loop.unary
        else:
            self.forward = self._run_loop
        return self.forward(*operands, **parameters)

    @functools.cached_property
    def expression(self) -> Expression:
        """The formula read on symbols."""
        return trace(self.formula)

    @functools.cached_property
    def numpy(self) -> Callable[..., Any] | None:
        """NumPy's ufunc, where it is the whole formula."""
        direct = numpy_form(self.expression)
        return direct[0] if direct is not None and direct[1] == self.operands else None

    @functools.cached_property
    def loop(self) -> Loop:
        """The formula as a kernel."""
        return Loop(self.name, [self.expression], self.operands, self.parameters, self.predicate)

    def _run_loop(self, *operands: Any, **parameters: Any) -> np.ndarray:
        if len(operands) == 2 and not parameters and not self.predicate:
            first, second = operands
            if type(first) is type(second) is np.ndarray and first.shape == second.shape:
                return self.loop.first(operands)
        arrays = [operand for operand in operands if isinstance(operand, np.ndarray)]
        shape = arrays[0].shape
        if any(array.shape != shape for array in arrays):
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
        dtype = next((a.dtype for a in arrays if a.dtype.kind == "f"), arrays[0].dtype)
        return self.loop(operands, shape, dtype, [parameters[name] for name in self.parameters])[0]

    def partial_expression(self, index: int) -> Expression:
        """The partial derivative by operand `index`, over operands, ``y`` and parameters."""
        rule = self.rule_for(index)
        symbols = [Symbol(name) for name in rule.names]
        value = rule.function(*symbols)
        return value if isinstance(value, Expression) else Constant(value)

    def product_expression(self, index: int) -> Expression:
        """The cotangent times the partial derivative by operand `index`."""
        found = self._products.get(index)
        if found is None:
            found = self._products[index] = _times_cotangent(self.partial_expression(index))
        return found

    def _make_plan(self, mask: int, count: int) -> Plan:
        return ElementwisePlan(self, mask, count)


COTANGENT = Symbol("cotangent")


def _times_cotangent(partial: Expression) -> Expression:
    """The cotangent times `partial`; where a branch of it is the number 0 nothing passes, not even inf * 0 = NaN."""
    if not isinstance(partial, Call) or partial.function != "where":
        return COTANGENT * partial
    condition, *branches = partial.arguments
    products = [
        branch if isinstance(branch, Constant) and branch.value == 0 else _times_cotangent(branch)
        for branch in branches
    ]
    return call("where", condition, *products)


class ElementwisePlan(Plan):
    """Pulls back through a formula: cotangent times partial, for all needed operands in one fused loop.

    Where every product is a single NumPy operation, or the partial is 1, NumPy does it.
    """

    __slots__ = ("_direct", "_loops", "_only")

    def __init__(self, op: Elementwise, mask: int, count: int) -> None:
        super().__init__(op, mask, count)
        self._loops: dict[int, Loop] = {}
        self._direct = {index: self._direct_form(op.product_expression(index)) for index in self.needed()}
        self._only = mask.bit_length() - 1 if mask & (mask - 1) == 0 else -1
        if all(form is not None for form in self._direct.values()):
            self.pullback = self._pull_directly
        elif count == 1 and not op.parameters:
            self.pullback = self._pull_unary
        else:
            self.pullback = self._pull_fused

    def _direct_form(self, product: Expression) -> tuple[Any, tuple[Any, ...]] | None:
        if product == COTANGENT:
            return None, ()
        form = numpy_form(product)
        if form is None:
            return None
        function, arguments = form
        places = tuple(
            -1 if name == COTANGENT.name else self.names.index(name) if name in self.names else None
            for name in arguments
            if isinstance(name, str)
        )
        # Numbers among the arguments are rare (a partial of 2, say) and go through the loop.
        if len(places) != len(arguments) or None in places:
            return None
        return function, places

    def _pull_directly(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        pulled: list[Any] = []
        saved = node.saved
        assert saved is not None
        for index, edge in enumerate(edges):
            if edge is None:
                pulled.append(None)
                continue
            form = self._direct[index]
            assert form is not None
            function, places = form
            if function is None:
                pulled.append(cotangent)
            else:
                pulled.append(function(*[cotangent if place < 0 else saved[place] for place in places]))
        return pulled

    def _loop(self, mask: int) -> Loop:
        loop = self._loops.get(mask)
        if loop is None:
            op = self.op
            assert isinstance(op, Elementwise)
            chosen = [index for index in self.needed() if mask >> index & 1]
            products = [op.product_expression(index) for index in chosen]
            suffix = "" if self.count == 1 else "_by_" + "_".join(op.operands[index] for index in chosen)
            loop = self._loops[mask] = Loop(
                f"{op.name}_vjp{suffix}", products, (COTANGENT.name, *self.names), op.parameters
            )
        return loop

    def _pull_unary(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        assert node.saved is not None
        return (self._loop(1).first((cotangent, *node.saved)),)

    def _pull_fused(self, node: Node, cotangent: Any, edges: Sequence[Any]) -> Sequence[Any]:
        mask = 0
        for index, edge in enumerate(edges):
            if edge is not None:
                mask |= 1 << index
        saved = node.saved
        assert saved is not None
        op = self.op
        shape = cotangent.shape
        pulled: list[Any]
        if mask & (mask - 1) == 0 and not op.parameters:
            alike = [type(value) is np.ndarray and value.shape == shape for value in saved]
            if all(alike):
                pulled = [None] * len(edges)
                pulled[mask.bit_length() - 1] = self._loop(mask).first((cotangent, *saved))
                return pulled
        found = self._loop(mask)(
            (cotangent, *saved),
            shape,
            cotangent.dtype,
            [node.parameters[name] for name in op.parameters],
        )
        pulled = [None] * len(edges)
        for result, index in zip(found, (i for i, edge in enumerate(edges) if edge is not None), strict=True):
            pulled[index] = result
        return pulled


@dataclass(eq=False, kw_only=True)
class Structural(Op):
    """A structural or linear operation whose rules are written in other registered operations."""


@dataclass(eq=False, kw_only=True)
class Fused(Op):
    """An operation declared by a composition of others, with kernels of its own for forward and derivative.

    Attributes:
        composition: the same mathematics in other operations, on tensors: the operation's meaning.
        derivative: the pullback in other operations over the same saved values; where it is missing, recorded
            derivatives differentiate the composition, and all operands are saved for it.
    """

    composition: Callable[..., Any]
    derivative: Rule | None = None

    kind = "fused"

    def saved_names(self, mask: int) -> tuple[str, ...]:
        names = super().saved_names(mask)
        if self.derivative is not None:
            return tuple(dict.fromkeys(names + tuple(n for n in self.derivative.names if n not in self.parameters)))
        return tuple(dict.fromkeys(self.operands + names))

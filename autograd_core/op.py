"""Operation records, the rules of their derivatives, and the one registry.

Three kinds (Elementwise, Structural, Fused) share one way to say what a derivative reads: **the names of a rule's
parameters**. An operand's name asks for that operand's array, ``y`` for the result, ``<operand>_shape`` for a shape,
a residual's name for what the forward kernel kept, and any other name for a non-tensor argument. Only what a rule
asks for, for operands that need a gradient, is kept alive until backward.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise_pullback import ElementwisePullback
from .formula import Call, Constant, Expression, Symbol, trace
from .formula.expression import call
from .kernels.emit import loop_form, numpy_form
from .kernels.loop import Loop
from .plan import COTANGENT, Plan

_ndarray = np.ndarray
# Elements up to which the call of a function of NumPy takes less than a kernel, even one after the other.
_FEW = 128

REGISTRY: dict[str, Op] = {}


# Plain classes all of them: making a dataclass takes longer than declaring a dozen operations, at every import.


class Domain:
    """Where an operand is drawn for tests, benchmarks and plots; `kinks` are points to keep away from."""

    __slots__ = ("high", "kind", "kinks", "low")

    def __init__(
        self, low: float = -3.0, high: float = 3.0, kinks: tuple[float, ...] = (), kind: str = "float"
    ) -> None:
        self.low = low
        self.high = high
        self.kinks = kinks
        self.kind = kind

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


class Sample:
    """One set of arguments an operation is tried with: operand arrays and non-tensor parameters."""

    __slots__ = ("label", "operands", "parameters")

    def __init__(self, operands: tuple[Any, ...], parameters: dict[str, Any] | None = None, label: str = "") -> None:
        self.operands = operands
        self.parameters = {} if parameters is None else parameters
        self.label = label


class Rule:
    """A derivative and where each of its arguments comes from."""

    __slots__ = ("function", "names")

    def __init__(self, function: Callable[..., Any], names: tuple[str, ...]) -> None:
        self.function = function
        self.names = names


# A string, because naming numpy.random imports it, which takes a third of NumPy's own import time.
Samples = Callable[["np.random.Generator"], list[Sample]]


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
        part: the parameter that is a basic index, if all the operation does is to take it of its operand; its
            derivative is then placed where it belongs without a call of the rule.
        complex_safe: whether the formula is analytic, so that complex steps check it.
    """

    kind = "structural"

    def __init__(
        self,
        *,
        name: str,
        summary: str,
        operands: tuple[str, ...],
        forward: Callable[..., Any],
        parameters: tuple[str, ...] = (),
        reference: Callable[..., Any] | None = None,
        torch: str = "",
        samples: Samples | None = None,
        variadic: bool = False,
        view: bool = False,
        outputs: int = 1,
        differentiable: bool = True,
        residuals: tuple[str, ...] = (),
        part: str = "",
        joint_rule: Rule | None = None,
    ) -> None:
        if name in REGISTRY:
            raise ValueError(f"an operation named {name!r} is registered already")
        if "y" in operands:
            raise ValueError(f"{name}: 'y' names the result in rules; call the operand something else")
        self.name = name
        self.summary = summary
        self.operands = operands
        self.parameters = parameters
        self.forward = forward
        self.reference = reference
        self.torch = torch
        self.samples = samples
        self.variadic = variadic
        self.view = view
        self.outputs = outputs
        self.differentiable = differentiable
        self.residuals = residuals
        self.part = part
        self.joint_rule = joint_rule
        self.rules: dict[int, Rule] = {}
        self.plans: dict[Any, Plan] = {}
        self.function: Callable[..., Any] | None = None
        # One result and nothing kept beside it, from one or two operands: the usual case, called the short way.
        self.plain = outputs == 1 and not residuals and not variadic and len(operands) <= 2
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return f"<{self.kind} operation {self.name}>"

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


class Elementwise(Op):
    """An operation declared by a scalar formula and its partial derivatives.

    Attributes:
        formula: the declared function.
        partials: for each operand its partial derivative, or None where it has none (booleans).
        domains: where each operand is drawn.
        special: values of the first operand that deserve a look beside random ones.
        promotes: whether integers become floats first, as for every transcendental function.
    """

    kind = "elementwise"

    def __init__(
        self,
        *,
        formula: Callable[..., Any],
        domains: tuple[Domain, ...] = (),
        special: tuple[float, ...] = (),
        promotes: bool = True,
        predicate: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(forward=self._resolve, **common)
        self.formula = formula
        self.domains = domains
        # Whether an operand is a condition, which is of booleans whatever the others are of.
        self.conditional = any(domain.kind == "bool" for domain in domains)
        self.special = special
        self.promotes = promotes
        self.predicate = predicate
        # As a set of bits.
        self.all_operands = (1 << len(self.operands)) - 1
        self._products: dict[int, Expression] = {}
        # As `forward` without parameters, for many elements: NumPy's functions, which use one thread, give way. Which
        # of two results that differ in the last bit is taken must not depend on the number of threads.
        self.large: Callable[..., Any] = self._resolve_large

    def _resolve(self, *operands: Any, **parameters: Any) -> Any:
        """Stand in for `forward` until the first call decides what it is."""
        if self.numpy is not None:
            vectorized, exact = loop_form(self.expression)
            if not vectorized or exact or _wide_numpy():
                self.forward = self.numpy
            else:
                many = self.loop.unary if len(self.operands) == 1 else self._run_loop
                self.forward = _by_size(self.numpy, many)
        elif len(self.operands) == 1 and not self.parameters:
            self.forward = self.loop.unary
        else:
            self.forward = self._run_loop
        return self.forward(*operands, **parameters)

    def _resolve_large(self, *operands: Any) -> Any:
        """Stand in for `large` until the first call decides what it is."""
        vectorized, exact = loop_form(self.expression)
        if self.numpy is None or not vectorized or self.predicate:
            self.forward(*operands)  # which decides on itself
            self.large = self.forward
        elif len(self.operands) == 1:
            self.large = _on_threads(self.numpy, self.loop.unary) if exact else self.loop.unary
        else:
            self.large = _spread_on_threads(self.numpy, self.loop) if exact else self._run_loop
        return self.large(*operands)

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
        dtype = next((o.dtype for o in operands if isinstance(o, np.ndarray) and o.dtype.kind == "f"), None)
        if dtype is None:
            dtype = next(o.dtype for o in operands if isinstance(o, np.ndarray))
        # Kernels are compiled for the types of numbers they are given, so all are floats.
        return self.loop(operands, dtype, [float(parameters[name]) for name in self.parameters])[0]

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
        plan = super()._make_plan(mask, count)
        ElementwisePullback(plan)
        return plan


def _wide_numpy() -> bool:
    """Whether NumPy uses AVX-512 here; without it, most of its functions take one element after the other."""
    extensions: Any = np.show_config(mode="dicts")
    return any(name in ("X86_V4", "AVX512_SKX") for name in extensions["SIMD Extensions"]["found"])


def _by_size(few: Callable[..., Any], many: Callable[..., Any]) -> Callable[..., Any]:
    """The first of two functions of arrays for a few elements, as its call takes less, the second for more."""

    def call(*operands: Any) -> Any:
        for operand in operands:
            if type(operand) is _ndarray and operand.size >= _FEW:
                return many(*operands)
        return few(*operands)

    return call


def _on_threads(alone: Callable[[Any], Any], loop: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The first of two functions of one array that give the same, or the second if there are threads to use."""
    from .kernels.jit import most_threads

    return lambda x: alone(x) if most_threads[0] == 1 else loop(x)


def _spread_on_threads(alone: Callable[..., Any], loop: Loop) -> Callable[..., Any]:
    """As :func:`_on_threads`, for several arrays: NumPy repeats rows and columns slowly, one element it need not."""
    from .kernels.jit import most_threads

    def call(*operands: Any) -> Any:
        first = operands[0]
        if most_threads[0] == 1:
            shape = first.shape
            for operand in operands:
                if type(operand) is _ndarray and operand.shape != shape and operand.size != 1:
                    break
            else:
                return alone(*operands)
        return loop(operands, first.dtype)[0]

    return call


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


class Structural(Op):
    """A structural or linear operation whose rules are written in other registered operations."""


class Fused(Op):
    """An operation declared by a composition of others, with kernels of its own for forward and derivative.

    Attributes:
        composition: the same mathematics in other operations, on tensors: the operation's meaning.
        derivative: the pullback in other operations over the same saved values; where it is missing, recorded
            derivatives differentiate the composition, and all operands are saved for it.
    """

    kind = "fused"

    def __init__(self, *, composition: Callable[..., Any], derivative: Rule | None = None, **common: Any) -> None:
        super().__init__(**common)
        self.composition = composition
        self.derivative = derivative

    def saved_names(self, mask: int) -> tuple[str, ...]:
        names = super().saved_names(mask)
        if self.derivative is not None:
            return tuple(dict.fromkeys(names + tuple(n for n in self.derivative.names if n not in self.parameters)))
        return tuple(dict.fromkeys(self.operands + names))

"""The functions formulas are made of.

Each is one record: its NumPy form and its LaTeX. A call dispatches on what it is given: symbols build expressions,
tensors record the operation of the same name (through ``__formula__``), arrays and numbers go to NumPy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import special
from .expression import FUNCTIONS, Call, Constant, Expression, Function, Symbol, call

# What each is called as on tensors, arrays and numbers: Python's operators, and the functions of this file.
_FORMS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


def _register(name: str, numpy: Callable[..., Any], latex: str) -> None:
    FUNCTIONS[name] = Function(name, numpy, latex)


def _function(name: str, numpy: Callable[..., Any], latex: str) -> Callable[..., Any]:
    """Register a named function and return the form that formulas call."""
    _register(name, numpy, latex)

    def apply(*arguments: Any) -> Any:
        for argument in arguments:
            if isinstance(argument, Expression):
                return call(name, *arguments)
        for argument in arguments:
            traced = getattr(type(argument), "__formula__", None)
            if traced is not None:
                return traced(name, arguments)
        return numpy(*arguments)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Apply ``{name}`` to symbols, tensors, arrays or numbers."
    _FORMS[name] = apply
    return apply


def read(expression: Expression, values: dict[str, Any]) -> Any:
    """Read an expression on tensors, arrays or numbers, one for each of its symbols; equal parts are read once."""
    known: dict[Expression, Any] = {}

    def visit(part: Expression) -> Any:
        if isinstance(part, Constant):
            return part.value
        if isinstance(part, Symbol):
            return values[part.name]
        assert isinstance(part, Call)
        if part not in known:
            known[part] = _FORMS[part.function](*map(visit, part.arguments))
        return known[part]

    return visit(expression)


def _stable_sigmoid(x: Any) -> Any:
    exponential = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), exponential, np.ones_like(exponential)) / (1 + exponential)


def _composed(ufunc: np.ufunc) -> Callable[..., Any]:
    """A ufunc whose loop in the kernels is faster than NumPy's, hidden from those who would take NumPy's for it."""
    return lambda x, z: ufunc(x, z)


def _truncated_quotient(x: Any, z: Any) -> Any:
    if np.result_type(x, z).kind == "f":
        return np.trunc(np.true_divide(x, z))
    # Exact for integers too large for a float.
    return np.floor_divide(x - np.fmod(x, z), z)


for _name, _ufunc, _latex in (
    ("add", np.add, "{0} + {1}"),
    ("subtract", np.subtract, "{0} - {1}"),
    ("multiply", np.multiply, r"{0} \, {1}"),
    ("divide", np.divide, r"\frac{{{0}}}{{{1}}}"),
    ("power", np.power, "{{{0}}}^{{{1}}}"),
    ("negative", np.negative, "-{0}"),
    ("less", np.less, "{0} < {1}"),
    ("less_equal", np.less_equal, r"{0} \le {1}"),
    ("greater", np.greater, "{0} > {1}"),
    ("greater_equal", np.greater_equal, r"{0} \ge {1}"),
):
    _register(_name, _ufunc, _latex)

equal = _function("equal", np.equal, "{0} = {1}")
not_equal = _function("not_equal", np.not_equal, r"{0} \ne {1}")
logical_and = _function("logical_and", np.logical_and, r"{0} \wedge {1}")
logical_or = _function("logical_or", np.logical_or, r"{0} \vee {1}")
logical_not = _function("logical_not", np.logical_not, r"\neg {0}")
logical_xor = _function("logical_xor", np.logical_xor, r"{0} \oplus {1}")
isnan = _function("isnan", np.isnan, r"{0} \text{{ is NaN}}")
isinf = _function("isinf", np.isinf, r"\lvert {0} \rvert = \infty")
isfinite = _function("isfinite", np.isfinite, r"\lvert {0} \rvert < \infty")
signbit = _function("signbit", np.signbit, r"{0} \text{{ has a minus sign}}")
where = _function("where", np.where, r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}")
maximum = _function("maximum", np.maximum, r"\max({0}, {1})")
minimum = _function("minimum", np.minimum, r"\min({0}, {1})")
fmax = _function("fmax", np.fmax, r"\operatorname{{fmax}}({0}, {1})")
fmin = _function("fmin", np.fmin, r"\operatorname{{fmin}}({0}, {1})")
abs = _function("abs", np.absolute, r"\lvert {0} \rvert")
sign = _function("sign", lambda x: np.sign(x), r"\operatorname{{sgn}}({0})")
floor = _function("floor", np.floor, r"\lfloor {0} \rfloor")
ceil = _function("ceil", np.ceil, r"\lceil {0} \rceil")
round = _function("round", np.rint, r"\operatorname{{round}}({0})")
trunc = _function("trunc", np.trunc, r"\operatorname{{trunc}}({0})")
copysign = _function("copysign", _composed(np.copysign), r"\lvert {0} \rvert \operatorname{{sgn}}({1})")
floor_divide = _function("floor_divide", _composed(np.floor_divide), r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor")
trunc_divide = _function("trunc_divide", _truncated_quotient, r"\operatorname{{trunc}} \frac{{{0}}}{{{1}}}")
remainder = _function("remainder", _composed(np.remainder), r"{0} \bmod {1}")
fmod = _function("fmod", _composed(np.fmod), r"\operatorname{{fmod}}({0}, {1})")
hypot = _function("hypot", _composed(np.hypot), r"\sqrt{{{0}^2 + {1}^2}}")
sqrt = _function("sqrt", np.sqrt, r"\sqrt{{{0}}}")
cbrt = _function("cbrt", np.cbrt, r"\sqrt[3]{{{0}}}")
exp = _function("exp", np.exp, "e^{{{0}}}")
exp2 = _function("exp2", np.exp2, "2^{{{0}}}")
expm1 = _function("expm1", np.expm1, "e^{{{0}}} - 1")
log = _function("log", np.log, r"\ln {0}")
log2 = _function("log2", np.log2, r"\log_2 {0}")
log10 = _function("log10", np.log10, r"\log_{{10}} {0}")
log1p = _function("log1p", np.log1p, r"\ln(1 + {0})")
sin = _function("sin", np.sin, r"\sin {0}")
cos = _function("cos", np.cos, r"\cos {0}")
tan = _function("tan", np.tan, r"\tan {0}")
arcsin = _function("arcsin", np.arcsin, r"\arcsin {0}")
arccos = _function("arccos", np.arccos, r"\arccos {0}")
arctan = _function("arctan", np.arctan, r"\arctan {0}")
arctan2 = _function("arctan2", np.arctan2, r"\operatorname{{atan2}}({0}, {1})")
sinh = _function("sinh", np.sinh, r"\sinh {0}")
cosh = _function("cosh", np.cosh, r"\cosh {0}")
tanh = _function("tanh", np.tanh, r"\tanh {0}")
asinh = _function("asinh", np.arcsinh, r"\operatorname{{arsinh}} {0}")
acosh = _function("acosh", np.arccosh, r"\operatorname{{arcosh}} {0}")
atanh = _function("atanh", np.arctanh, r"\operatorname{{artanh}} {0}")
sigmoid = _function("sigmoid", _stable_sigmoid, r"\sigma({0})")
softplus = _function("softplus", lambda x: np.logaddexp(x, np.zeros_like(x)), r"\ln(1 + e^{{{0}}})")
erf = _function("erf", special.erf, r"\operatorname{{erf}}({0})")
erfc = _function("erfc", special.erfc, r"\operatorname{{erfc}}({0})")
erfinv = _function("erfinv", special.erfinv, r"\operatorname{{erf}}^{{-1}}({0})")
lgamma = _function("lgamma", special.lgamma, r"\ln \lvert \Gamma({0}) \rvert")
digamma = _function("digamma", special.digamma, r"\psi({0})")
polygamma = _function("polygamma", special.polygamma, r"\psi^{{({1})}}({0})")
i0 = _function("i0", special.i0, "I_0({0})")
i0e = _function("i0e", special.i0e, r"e^{{-\lvert {0} \rvert}} I_0({0})")
i1 = _function("i1", special.i1, "I_1({0})")
i1e = _function("i1e", special.i1e, r"e^{{-\lvert {0} \rvert}} I_1({0})")

__all__ = [name for name in FUNCTIONS if name in globals()]

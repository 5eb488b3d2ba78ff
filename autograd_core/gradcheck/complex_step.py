"""Formulas on complex numbers: the derivative without subtraction, wherever a formula is analytic piece by piece.

``f(x + ih) = f(x) + ih f'(x) + O(h²)`` for real analytic f, so the imaginary part over h is the derivative, exact to
rounding for h as small as 1e-30. Branches are chosen by real parts, which is right away from the points where they
meet. NumPy's own functions serve where they take complex arguments and keep tiny imaginary parts; the rest is written
here, independently of the kernels it checks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..formula import Call, Constant, Expression, Symbol


def _by_real(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose derivative is zero (comparisons, rounding): taken of real parts."""
    return lambda *arguments: function(*(np.real(argument) for argument in arguments))


def _maximum(x: Any, z: Any) -> Any:
    return np.where(np.real(x) >= np.real(z), x, z)


def _minimum(x: Any, z: Any) -> Any:
    return np.where(np.real(x) <= np.real(z), x, z)


def _absolute(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def _copysign(x: Any, z: Any) -> Any:
    return np.where(np.signbit(np.real(x)) == np.signbit(np.real(z)), x, -x)


def _cube_root(x: Any) -> Any:
    magnitude = np.asarray(_absolute(x), complex) ** (1 / 3)
    return np.where(np.real(x) < 0, -magnitude, magnitude)


def _arctan2(y: Any, x: Any) -> Any:
    # Branches differ by constants only; each divides by the larger of the two.
    steep = np.abs(np.real(y)) > np.abs(np.real(x))
    quotient = np.where(steep, x, y) / np.where(steep, y, x)
    angle = np.arctan(np.asarray(quotient, complex))
    flat_offset = np.where(np.real(x) < 0, np.where(np.real(y) < 0, -np.pi, np.pi), 0)
    steep_offset = np.where(np.real(y) < 0, -np.pi / 2, np.pi / 2)
    return np.where(steep, steep_offset - angle, flat_offset + angle)


def _sigmoid(x: Any) -> Any:
    raised = np.exp(-_absolute(x))
    return np.where(np.real(x) < 0, raised, 1.0) / (1 + raised)


def _softplus(x: Any) -> Any:
    return _maximum(x, 0) + np.log1p(np.exp(-_absolute(x)))


def _error_series(x: Any) -> Any:
    """erf near 0, 2/√π exp(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!. Source: Abramowitz and Stegun 1964, 7.1.6."""
    term = total = x
    for n in range(1, 60):
        term = term * (2 * x * x / (2 * n + 1))
        total = total + term
    return 2 / math.sqrt(math.pi) * np.exp(-x * x) * total


def _error_fraction(x: Any) -> Any:
    """erfc far to the right, as a continued fraction. Source: Abramowitz and Stegun 1964, 7.1.14."""
    below = x
    for n in range(200, 0, -1):
        below = x + n / 2 / below
    return np.exp(-x * x) / (math.sqrt(math.pi) * below)


def _complementary_error_function(x: Any) -> Any:
    x = np.asarray(x, complex)
    far = np.abs(x.real) >= 2
    tail = _error_fraction(np.where(far, _absolute(x), 2))
    tail = np.where(x.real < 0, 2 - tail, tail)
    return np.where(far, tail, 1 - _error_series(np.where(far, 0, x)))


def _error_function(x: Any) -> Any:
    x = np.asarray(x, complex)
    far = np.abs(x.real) >= 2
    # Near 0 the complement would lose the digits of a small value.
    return np.where(far, 1 - _complementary_error_function(x), _error_series(np.where(far, 0, x)))


def _power(x: Any, exponent: Any) -> Any:
    return np.power(np.asarray(x, complex), exponent)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "power": _power,
    "sqrt": np.sqrt,
    "cbrt": _cube_root,
    "exp": np.exp,
    "exp2": lambda x: np.exp(x * math.log(2)),
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "arctan2": _arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _error_function,
    "erfc": _complementary_error_function,
    "maximum": _maximum,
    "minimum": _minimum,
    "abs": _absolute,
    "copysign": _copysign,
    "where": np.where,
    "sign": _by_real(np.sign),
    "floor": _by_real(np.floor),
    "ceil": _by_real(np.ceil),
    "round": _by_real(np.rint),
    "trunc": _by_real(np.trunc),
    "equal": _by_real(np.equal),
    "not_equal": _by_real(np.not_equal),
    "less": _by_real(np.less),
    "less_equal": _by_real(np.less_equal),
    "greater": _by_real(np.greater),
    "greater_equal": _by_real(np.greater_equal),
    "floor_divide": _by_real(np.floor_divide),
    "trunc_divide": _by_real(lambda x, z: np.trunc(x / z)),
    "remainder": lambda x, z: x - z * np.floor(np.real(x) / np.real(z)),
    "hypot": lambda x, z: np.sqrt(np.asarray(x * x + z * z, complex)),
    "fmod": lambda x, z: x - z * np.trunc(np.real(x) / np.real(z)),
    "fmax": _maximum,
    "fmin": _minimum,
    "isnan": _by_real(np.isnan),
    "isinf": _by_real(np.isinf),
    "isfinite": _by_real(np.isfinite),
    "signbit": _by_real(np.signbit),
    "logical_xor": _by_real(np.logical_xor),
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
}


def complex_safe(expression: Expression) -> bool:
    """Whether a formula is made only of functions with a complex form here, so that complex steps check it.

    Example:
        >>> from autograd_core import formula as f
        >>> complex_safe(f.trace(lambda x: x * f.sigmoid(x)))
        True
    """
    if not isinstance(expression, Call):
        return True
    return expression.function in FUNCTIONS and all(complex_safe(argument) for argument in expression.arguments)


def evaluate(expression: Expression, values: dict[str, Any]) -> Any:
    """Evaluate a formula on complex arrays, given by the names of its symbols.

    Raises:
        KeyError: for a symbol without a value, or a function without a complex form.

    Example:
        >>> from autograd_core import formula as f
        >>> value = evaluate(f.trace(lambda x: x * x), {"x": 3 + 1e-30j})
        >>> float(value.imag / 1e-30)
        6.0
    """
    if isinstance(expression, Symbol):
        return values[expression.name]
    if isinstance(expression, Constant):
        return expression.value
    assert isinstance(expression, Call)
    return FUNCTIONS[expression.function](*(evaluate(argument, values) for argument in expression.arguments))

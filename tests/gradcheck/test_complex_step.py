"""The complex-step oracle: exact to rounding, independent of NumPy's real functions and of the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import formula as f
from autograd_core.dispatch import elementwise
from autograd_core.gradcheck import complex_safe, gradcheck_report
from autograd_core.gradcheck.complex_step import FUNCTIONS, evaluate
from autograd_core.op import POSITIVE

STEP = 1e-30
NEGATIVE_TOO = {"log", "log2", "log10", "sqrt", "power", "log1p"}


def operands(name: str) -> list[np.ndarray]:
    """Two operands in the domain of every function that takes them."""
    if name == "acosh":
        return [np.linspace(1.1, 4, 9)]
    if name in NEGATIVE_TOO:
        return [np.linspace(0.1, 4, 9), np.linspace(-1, 2, 9)]
    if name == "tan":
        return [np.linspace(-1.3, 1.3, 9)]
    if name in ("arcsin", "arccos", "atanh"):
        return [np.linspace(-0.95, 0.95, 9)]
    return [np.array([-3.2, -1.7, -0.6, -0.04, 0.3, 0.9, 1.6, 3.3]), np.array([1.2, -2.5, -0.7, 2.1, -0.8, 0.2, -3, 1])]


BINARY = {"add", "subtract", "multiply", "divide", "power", "arctan2", "copysign", "maximum", "minimum"}
BINARY |= {"floor_divide", "trunc_divide", "remainder", "fmod", "fmax", "fmin", "hypot"}
REAL = sorted(
    set(FUNCTIONS)
    - {"where", "isnan", "isinf", "isfinite", "signbit", "logical_and", "logical_or", "logical_not", "logical_xor"}
    - {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
)
# Functions that neither NumPy nor a short series gives for complex numbers; finite differences check them.
WITHOUT = {"digamma", "erfinv", "i0", "i0e", "i1", "i1e", "lgamma", "polygamma"}


def symbolic(name: str) -> tuple[f.Expression, list[str]]:
    names = ["x", "z"][: 2 if name in BINARY else 1]
    return f.Call(name, tuple(f.Symbol(n) for n in names)), names


def test_every_function_of_formulas_has_a_complex_form() -> None:
    assert set(FUNCTIONS) == set(f.FUNCTIONS) - WITHOUT


@pytest.mark.parametrize("name", REAL)
def test_values_are_those_of_real_numbers(name: str) -> None:
    expression, names = symbolic(name)
    values = operands(name)[: len(names)]
    found = evaluate(expression, dict(zip(names, (value.astype(complex) for value in values), strict=True)))
    expected = f.FUNCTIONS[name].numpy(*values)
    np.testing.assert_allclose(np.real(found), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", REAL)
def test_derivatives_are_those_of_small_differences(name: str) -> None:
    expression, names = symbolic(name)
    values = operands(name)[: len(names)]
    step = 1e-5
    for moved in range(len(names)):
        shifted = [value + 1j * STEP * (place == moved) for place, value in enumerate(values)]
        found = np.imag(evaluate(expression, dict(zip(names, shifted, strict=True)))) / STEP
        ends = [
            f.FUNCTIONS[name].numpy(*(v + sign * step * (place == moved) for place, v in enumerate(values)))
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * step), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "derivative"),
    [
        ("exp", math.exp),
        ("log1p", lambda x: 1 / (1 + x)),
        ("expm1", math.exp),
        ("tanh", lambda x: 1 / math.cosh(x) ** 2),
        ("erf", lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x)),
        ("erfc", lambda x: -2 / math.sqrt(math.pi) * math.exp(-x * x)),
        ("sigmoid", lambda x: 1 / (2 + math.exp(x) + math.exp(-x))),
        ("softplus", lambda x: 1 / (1 + math.exp(-x))),
        ("cbrt", lambda x: 1 / (3 * math.cbrt(x) ** 2)),
        ("exp2", lambda x: math.log(2) * 2**x),
        ("asinh", lambda x: 1 / math.sqrt(1 + x * x)),
        ("arctan", lambda x: 1 / (1 + x * x)),
    ],
)
def test_derivatives_are_exact_to_rounding(name: str, derivative: Any) -> None:
    x = np.array([1e-9, 0.01, 0.3, 0.99, 2.5, 4.0, 5.5])
    found = np.imag(evaluate(symbolic(name)[0], {"x": x + 1j * STEP})) / STEP
    np.testing.assert_allclose(found, [derivative(value) for value in x], rtol=3e-14)


def test_formula_with_an_unknown_function_is_not_safe() -> None:
    x = f.Symbol("x")
    assert complex_safe(f.Call("tanh", (x,)) + 1)
    assert not complex_safe(x * f.Call("bessel", (x,)))


def test_gradcheck_by_complex_steps(x: ag.Tensor, z: ag.Tensor) -> None:
    assert ag.gradcheck(ag.tanh, x, complex_step=True, atol=1e-14, rtol=1e-13)
    assert ag.gradcheck(ag.atan2, (x, z), complex_step=True)
    large = ag.Tensor(np.linspace(-3, 3, 3001), requires_grad=True)
    assert ag.gradcheck(ag.sigmoid, large, complex_step=True)


def test_errors_below_differences_are_seen() -> None:
    # Nine digits are right: finite differences cannot tell, complex steps can.
    @elementwise(method=False, domain=POSITIVE)
    def log_for_test(x: Any) -> Any:
        """Logarithm."""
        return f.log(x)

    @log_for_test.partial
    def _(x: Any) -> Any:
        return (1 + 1e-9) / x

    x = ag.Tensor(np.linspace(0.5, 3, 5), requires_grad=True)
    assert gradcheck_report(log_for_test, x).passed
    report = gradcheck_report(log_for_test, x, complex_step=True)
    assert not report.passed
    assert report.relative == pytest.approx(1e-9, rel=1e-3)
    assert "complex step" in report.method


def test_only_for_elementwise_operations(x: ag.Tensor) -> None:
    with pytest.raises(ValueError, match="elementwise operation"):
        ag.gradcheck(lambda x: x * x, x, complex_step=True)
    with pytest.raises(ValueError, match="first derivatives only"):
        gradcheck_report(ag.tanh, x, order=2, complex_step=True)

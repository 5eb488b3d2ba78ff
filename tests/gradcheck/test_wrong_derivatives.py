"""The checker can fail: it rejects derivatives that are wrong in every way a derivative has been wrong before."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.declaration import fused, structural
from autograd_core.dispatch import elementwise
from autograd_core.gradcheck import GradcheckReport, gradcheck_report
from autograd_core.ops.linear_maps import raw
from autograd_core.recording import apply

Function = Callable[..., Any]


def cube(rule: Function, **fields: Any) -> Function:
    """x³ with a gradient of the test's choice, ``rule(cotangent, x)``."""

    @structural("cube_for_test", **fields)
    def declared(x: np.ndarray) -> np.ndarray:
        """Cube."""
        return x * x * x

    # Rules say what they read by the names of their parameters.
    @declared.vjp("x")
    def _(cotangent: Any, x: Any) -> Any:
        return rule(cotangent, x)

    return lambda *tensors: apply(declared.op, tensors, {})


def product(rule: Function) -> Function:
    """x z with a rule for both operands, ``rule(cotangent, x, z)``."""

    @structural("product_for_test")
    def declared(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Product."""
        return x * z

    @declared.vjp()
    def _(cotangent: Any, x: Any, z: Any) -> Any:
        return rule(cotangent, x, z)

    return lambda *tensors: apply(declared.op, tensors, {})


def contracts(report: GradcheckReport) -> set[str]:
    assert not report.passed
    return {violation.contract for violation in report.violations}


def test_right_derivative_passes(x: ag.Tensor, z: ag.Tensor) -> None:
    assert gradcheck_report(cube(lambda c, x: c * 3 * x * x), x).passed
    assert gradcheck_report(product(lambda c, x, z: (c * z, c * x)), (x, z)).passed


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast_mode", [False, True], ids=["full", "fast"])
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda c, x: -3 * c * x * x, id="wrong sign"),
        pytest.param(lambda c, x: c * x * x, id="missing factor"),
        pytest.param(lambda c, x: c * 3 * x, id="missing power"),
        pytest.param(lambda c, x: c * 3 * x * x * (1 + 2e-3), id="0.2 percent too much"),
        pytest.param(lambda c, x: c * 3 * x * x + 1e-3 * c, id="offset"),
        pytest.param(lambda c, x: c * 3 * np.where(x > 1.9, 0, x * x), id="one entry missing"),
        pytest.param(lambda c, x: c[::-1] * 3 * x * x, id="cotangent from another element"),
        pytest.param(lambda c, x: c * np.nan, id="not a number"),
    ],
)
def test_wrong_value(x: ag.Tensor, rule: Function, fast_mode: bool) -> None:
    report = gradcheck_report(cube(rule), x, fast_mode=fast_mode)
    assert [pair.passed for pair in report.pairs] == [False]
    with pytest.raises(ag.GradcheckError, match="gradcheck failed") as caught:
        ag.gradcheck(cube_again(rule), x, fast_mode=fast_mode)
    assert not caught.value.report.passed
    assert not ag.gradcheck(cube_again(rule), x, fast_mode=fast_mode, raise_exception=False)


_names = (f"cube_for_test_{number}" for number in itertools.count())


def cube_again(rule: Function) -> Function:
    """As :func:`cube`, under a name of its own."""

    @structural(next(_names))
    def declared(x: np.ndarray) -> np.ndarray:
        """Cube."""
        return x * x * x

    @declared.vjp("x")
    def _(cotangent: Any, x: Any) -> Any:
        return rule(cotangent, x)

    return lambda *tensors: apply(declared.op, tensors, {})


def test_sign_is_named(x: ag.Tensor) -> None:
    assert "the sign is wrong" in str(gradcheck_report(cube(lambda c, x: -3 * c * x * x), x))


def test_elementwise_partial(x: ag.Tensor) -> None:
    @elementwise(method=False)
    def square_for_test(x: Any) -> Any:
        """Square."""
        return x * x

    @square_for_test.partial
    def _(x: Any) -> Any:
        return 3 * x

    assert "analytic is 1.5 times numeric" in str(gradcheck_report(square_for_test, x))


def test_gradient_that_stops_at_detach(x: ag.Tensor) -> None:
    assert not gradcheck_report(lambda x: x * x.detach(), x).passed
    # Where no output requires a gradient, the function must not depend on the input.
    assert not gradcheck_report(lambda x: x.detach() * 2, x).passed
    assert gradcheck_report(lambda x: ag.ones(2, dtype=ag.float64), x).passed


def test_missing_unbroadcast(x: ag.Tensor, z: ag.Tensor) -> None:
    # The gradient of a broadcast operand is a sum over its copies, not one of them.
    report = gradcheck_report(product(lambda c, x, z: (c * z, (c * x)[0])), (x, z))
    assert [pair.passed for pair in report.pairs] == [True, False]
    assert report.worst is not None
    assert report.worst.output_index[0] == 1


def test_gradient_of_a_shape_that_does_not_fit(x: ag.Tensor) -> None:
    with pytest.raises(ValueError, match="reshape"):
        gradcheck_report(cube(lambda c, x: np.ones((4, 3)) * c[0]), x)


# --- promises ---------------------------------------------------------------------------------------------------


def test_cotangent_ignored(x: ag.Tensor) -> None:
    assert {"linear", "zero", "additive"} <= contracts(gradcheck_report(cube(lambda c, x: 3 * x * x), x))


def test_cotangent_used_twice(x: ag.Tensor) -> None:
    assert "linear" in contracts(gradcheck_report(cube(lambda c, x: c * c * 3 * x * x), x))


def test_absolute_value_of_the_cotangent(x: ag.Tensor) -> None:
    # Each row of the Jacobian is right, since one-hot cotangents are not negative.
    report = gradcheck_report(cube(lambda c, x: abs(c) * 3 * x * x), x)
    assert all(pair.passed for pair in report.pairs)
    assert contracts(report) == {"linear", "additive"}


def test_cotangents_that_do_not_add_up(x: ag.Tensor) -> None:
    # Right for one-hot cotangents and for scaled ones, wrong for sums.
    def largest_only(c: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.where(abs(c) == abs(c).max(), c, 0) * 3 * x * x

    assert contracts(gradcheck_report(cube(largest_only), x)) == {"additive"}


def test_random_backward(x: ag.Tensor) -> None:
    random = np.random.default_rng(0)

    def noisy(c: np.ndarray, x: np.ndarray) -> np.ndarray:
        return c * 3 * x * x + 1e-12 * c * random.standard_normal(x.shape)

    function = cube(noisy)
    report = gradcheck_report(function, x)
    assert contracts(report) == {"deterministic"}
    assert all(pair.passed for pair in report.pairs)
    assert gradcheck_report(function, x, nondet_tol=1e-9).passed


def test_function_that_is_not_one(x: ag.Tensor) -> None:
    random = np.random.default_rng(0)
    report = gradcheck_report(lambda x: x * (1 + 1e-6 * random.standard_normal()), x)
    assert contracts(report) == {"pure"}
    assert not report.pairs, "differences of an impure function mean nothing"


def test_input_modified_by_the_function(x: ag.Tensor) -> None:
    @structural("modifies_for_test")
    def declared(x: np.ndarray) -> np.ndarray:
        """Double."""
        x[0] += 1
        return x * 2

    @declared.vjp("x")
    def _(cotangent: Any) -> Any:
        return cotangent * 2

    before = x.detach().clone()
    report = gradcheck_report(lambda x: apply(declared.op, (x,), {}), x)
    assert contracts(report) == {"unmutated"}
    assert "input 0" in report.violations[0].message
    assert x.tolist() == before.tolist(), "and is put back"


def test_input_modified_by_backward(x: ag.Tensor) -> None:
    def scales(c: np.ndarray, x: np.ndarray) -> np.ndarray:
        x *= 2
        return c * 3 * x * x / 4

    before = x.tolist()
    assert contracts(gradcheck_report(cube(scales), x)) == {"unmutated"}
    assert x.tolist() == before


def test_operand_returned_as_gradient(x: ag.Tensor) -> None:
    # The engine owns what rules return and adds into it, so this corrupts the input as soon as gradients add up.
    assert {"unaliased", "linear"} <= contracts(gradcheck_report(cube(lambda c, x: x), x))


def test_one_array_for_two_gradients(x: ag.Tensor) -> None:
    @structural("difference_for_test")
    def declared(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Twice the sum."""
        return 2 * (x + z)

    @declared.vjp()
    def _(cotangent: Any) -> Any:
        both = cotangent * 2
        return both, both

    other = ag.Tensor(np.ones((2, 3)), requires_grad=True)
    report = gradcheck_report(lambda x, z: apply(declared.op, (x, z), {}), (x, other))
    assert "unaliased" in contracts(report)
    assert all(pair.passed for pair in report.pairs)


def test_cotangent_modified(x: ag.Tensor) -> None:
    def negates(c: np.ndarray, x: np.ndarray) -> np.ndarray:
        result = c * 3 * x * x
        c *= -1
        return result

    assert "unmutated" in contracts(gradcheck_report(cube(negates), x))


def test_gradient_of_another_dtype(x: ag.Tensor) -> None:
    report = gradcheck_report(cube(lambda c, x: (c * 3 * x * x).astype(np.float32)), x)
    assert "dtype" in contracts(report)


def test_hook_that_sees_some_passes_only(x: ag.Tensor) -> None:
    def two(x: ag.Tensor) -> tuple[ag.Tensor, ag.Tensor]:
        first, second = x * 2, x * 3
        second.register_hook(lambda gradient: gradient + 1)
        return first, second

    assert "undefined" in contracts(gradcheck_report(two, x))
    assert "undefined" not in contracts(gradcheck_report(two, x, check_undefined_grad=False))


# --- second order -----------------------------------------------------------------------------------------------


def test_rule_that_leaves_the_graph(x: ag.Tensor) -> None:
    # First derivatives are right; recorded, the rule's dependence on x is lost.
    function = cube(lambda c, x: c * 3 * raw(x) * raw(x))
    assert gradcheck_report(function, x).passed
    report = gradcheck_report(function, x, order=2)
    assert [pair.input for pair in report.pairs if not pair.passed] == ["input 0"]
    with pytest.raises(ag.GradcheckError, match="order 2"):
        ag.gradgradcheck(function, x)
    assert not ag.gradgradcheck(function, x, raise_exception=False)


def fused_square(factor: float, composed: float) -> Function:
    """A fused square whose recorded pullback has `factor` for 2, and whose composition is `composed` times x²."""

    @fused("square_for_test", forward=lambda x: x * x)
    def declared(x: Any) -> Any:
        """Square."""
        return x * x * composed

    @declared.vjp("x")
    def _(cotangent: np.ndarray, x: np.ndarray) -> np.ndarray:
        return cotangent * 2 * x

    if factor:

        @declared.derivative
        def _(cotangent: Any, x: Any) -> Any:
            return cotangent * factor * x

    return lambda x: apply(declared.op, (x,), {})


@pytest.mark.parametrize(("factor", "composed"), [(3, 1), (0, 1.5)], ids=["derivative", "composition"])
def test_recorded_gradient_that_differs_from_the_kernel(x: ag.Tensor, factor: float, composed: float) -> None:
    # Its own derivative is consistent, so finite differences of the recorded gradient would not tell.
    function = fused_square(factor, composed)
    assert gradcheck_report(function, x).passed
    assert contracts(gradcheck_report(function, x, order=2)) == {"recorded"}


def test_right_fused_operation_passes(x: ag.Tensor) -> None:
    assert gradcheck_report(fused_square(2, 1), x, order=2).passed


# --- large inputs -----------------------------------------------------------------------------------------------


def test_one_wrong_entry_of_many_is_found() -> None:
    values = np.random.default_rng(1).uniform(0.5, 2, (40, 50))
    wrong = np.ones((40, 50))
    wrong[17, 31] = 1.1
    report = gradcheck_report(cube(lambda c, x: c * 3 * x * x * wrong), ag.Tensor(values, requires_grad=True))
    assert "random directions" in report.method
    assert report.worst is not None
    assert report.worst.input_index == (17, 31)
    assert report.worst.input_flat == 17 * 50 + 31
    assert report.worst.output_index == (17, 31)
    assert report.worst.numeric == pytest.approx(3 * values[17, 31] ** 2)
    assert report.worst.analytic == pytest.approx(3.3 * values[17, 31] ** 2)


def test_errors_that_cancel_are_found() -> None:
    # Equal and opposite: a direction of plus and minus ones would miss it half of the time.
    offset = np.zeros(3000)
    offset[[5, 2000]] = 0.01, -0.01
    x = ag.Tensor(np.linspace(0.5, 2, 3000), requires_grad=True)
    assert not gradcheck_report(cube(lambda c, x: c * (3 * x * x + offset)), x, rtol=1e-5).passed


def test_fast_mode_at_second_order() -> None:
    x = ag.Tensor(np.linspace(0.5, 2, 300), requires_grad=True)
    assert gradcheck_report(lambda x: x * x * x, x, order=2, fast_mode=True).passed
    assert not gradcheck_report(cube(lambda c, x: c * 3 * raw(x) * x), x, order=2, fast_mode=True).passed

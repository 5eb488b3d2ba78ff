"""Every registered operation, checked; and what the check of an operation finds if one is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.declaration import fused, structural
from autograd_core.dispatch import elementwise
from autograd_core.gradcheck import OperationResult, check_operation
from autograd_core.op import BOOL, REAL, REGISTRY, Sample


@pytest.mark.parametrize("name", list(REGISTRY))
def test_operation(name: str) -> None:
    failures = [result for result in check_operation(name) if result.status == "failed"]
    assert not failures, "\n".join(f"{r.check}, {r.case}: {r.detail}" for r in failures)


def failed(results: list[OperationResult]) -> dict[str, str]:
    """The checks that failed, with the detail of the first failure of each."""
    return {result.check: result.detail for result in reversed(results) if result.status == "failed"}


def two_by_two(random: np.random.Generator) -> list[Sample]:
    return [Sample((random.standard_normal((2, 2)),))]


def declare_double(rule: Callable[..., Any] = lambda cotangent: cotangent * 2, **fields: Any) -> str:
    @structural("double_for_test", **{"samples": two_by_two, **fields})
    def declared(x: np.ndarray) -> np.ndarray:
        """Double."""
        return x * 2

    @declared.vjp("x")
    def _(cotangent: Any) -> Any:
        return rule(cotangent)

    return declared.op.name


def test_both_orders_and_values() -> None:
    results = check_operation(declare_double(reference=lambda x: x + x))
    assert [(result.check, result.order, result.status) for result in results] == [
        ("values", 0, "passed"),
        ("gradient", 1, "passed"),
        ("second order", 2, "passed"),
    ]
    assert results[0].kind == "structural"
    assert results[0].case == "(2,2)"


def test_one_order_only() -> None:
    name = declare_double(reference=lambda x: x + x)
    assert {result.check for result in check_operation(name, order=1)} == {"values", "gradient"}
    assert {result.check for result in check_operation(name, order=2)} == {"second order"}
    with pytest.raises(ValueError, match="order must be"):
        check_operation(name, order=3)
    with pytest.raises(KeyError):
        check_operation("no such operation")


def test_the_seed_decides_the_samples() -> None:
    drawn: list[list[float]] = []

    def note(random: np.random.Generator) -> list[Sample]:
        drawn.append(random.standard_normal(3).tolist())
        return two_by_two(random)

    name = declare_double(samples=note)
    for seed in (0, 0, 1):
        check_operation(name, order=1, seed=seed)
    assert drawn[0] == drawn[1] != drawn[2]


def test_wrong_gradient() -> None:
    assert "0.5 times numeric" in failed(check_operation(declare_double(lambda cotangent: cotangent)))["gradient"]


def test_wrong_values() -> None:
    detail = failed(check_operation(declare_double(reference=lambda x: np.where(x > 10, 2 * x, 0))))["values"]
    assert "differs from its reference" in detail
    assert "instead of" in detail


def test_reference_of_another_shape() -> None:
    assert "gives (2, 1)" in failed(check_operation(declare_double(reference=lambda x: 2 * x[:, :1])))["values"]


def test_rule_that_raises() -> None:
    def raises(cotangent: Any) -> Any:
        raise ArithmeticError("no rule")

    assert failed(check_operation(declare_double(raises)))["gradient"].startswith("ArithmeticError: no rule (in raises")


def test_samples_that_raise() -> None:
    def raises(random: np.random.Generator) -> list[Sample]:
        raise ArithmeticError("no samples")

    (result,) = check_operation(declare_double(samples=raises))
    assert result.status == "failed"
    assert "its samples fail: ArithmeticError: no samples" in result.detail


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"samples": None}, "no samples declared"),
        ({"samples": lambda random: []}, "no samples drawn"),
        ({"differentiable": False}, "not differentiable"),
        ({"samples": lambda random: [Sample((np.array([1, 2]),))]}, "no operand has a derivative"),
    ],
)
def test_skipped_with_a_reason(fields: dict[str, Any], reason: str) -> None:
    results = check_operation(declare_double(**fields))
    assert {(result.status, result.detail) for result in results} == {("skipped", reason)}


@pytest.mark.parametrize(
    ("composed", "factor", "check"),
    [(3, 2, "composition"), (2, 3, "composition"), (2, 2, "")],
    ids=["values", "gradient", "right"],
)
def test_fused_against_its_composition(composed: float, factor: float, check: str) -> None:
    @fused("twice_for_test", forward=lambda x: x * 2, samples=two_by_two)
    def declared(x: Any) -> Any:
        """Double."""
        return x * composed

    @declared.vjp("x")
    def _(cotangent: np.ndarray) -> np.ndarray:
        return cotangent * factor

    assert (check in failed(check_operation("twice_for_test"))) == bool(check)


def test_elementwise_cases() -> None:
    @elementwise(domain=(BOOL, REAL, REAL), method=False, special=(1.0,))
    def choose_for_test(condition: Any, x: Any, z: Any, *, scale: Any = 2.0) -> Any:
        """x times scale where the condition holds, else z."""
        from autograd_core import formula as f

        return f.where(condition, x * scale, z)

    @choose_for_test.partial("x")
    def _(condition: Any, scale: Any) -> Any:
        from autograd_core import formula as f

        return f.where(condition, scale, 0)

    @choose_for_test.partial("z")
    def _(condition: Any) -> Any:
        from autograd_core import formula as f

        return f.where(condition, 0, 1)

    results = check_operation("choose_for_test")
    assert not failed(results)
    cases = {result.case for result in results}
    for part in ("0-d", "empty", "long", "transposed", "(3,1) × (1,4) × (4,)", "only x", "only z", "numbers", "scale="):
        assert any(part in case for case in cases), part


def test_only_one_operand_is_tried_alone() -> None:
    # Right when both gradients are wanted, wrong for the second alone: plans differ by what is needed.
    @structural("sum_for_test", samples=lambda random: [Sample((np.ones(2), np.ones(2)))])
    def declared(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Sum."""
        return x + z

    seen: list[bool] = []

    @declared.vjp("x")
    def _(cotangent: Any) -> Any:
        seen.append(True)
        return cotangent * 1

    @declared.vjp("z")
    def _(cotangent: Any) -> Any:
        right = bool(seen)
        seen.clear()
        return cotangent * (1 if right else 2)

    results = check_operation("sum_for_test", order=1)
    assert [result.case for result in results if result.status == "failed"] == ["(2,) × (2,), only z"]


def test_operation_record_is_taken_too() -> None:
    assert {result.status for result in check_operation(ag.REGISTRY["add"], order=1)} == {"passed"}

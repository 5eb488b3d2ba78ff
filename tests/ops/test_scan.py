"""Running sums, products, extrema and recurrences, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.ops.scan import recurrence_primitive
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(7)
X = R.standard_normal((3, 4, 2))
LONG = R.standard_normal((5, 200))
DEEP = R.standard_normal((40, 5, 6))
EMPTY = np.zeros((0, 3))
SCALAR = np.array(1.5)
ZEROS = np.array([[2.0, 0.0, 3.0, 0.0, 1.0], [0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 0.0]])
inf = math.inf


def each_dim(name: str, second: bool = True) -> list[Case]:
    return [
        case(lambda L, x: getattr(L, name)(x, 0), X, second=second),
        case(lambda L, x: getattr(x, name)(-2), X, second=second),
        case(lambda L, x: getattr(x, name)(dim=2), X, second=second),
        case(lambda L, x: getattr(x, name)(0), SCALAR, second=second),
        case(lambda L, x: getattr(x, name)(1), LONG, second=second),
        case(lambda L, x: getattr(x, name)(0), DEEP, second=second),
        case(lambda L, x: getattr(x, name)(1), DEEP, second=second),
    ]


@table(
    *each_dim("cumsum"),
    *each_dim("cumprod")[:-2],
    # PyTorch's second derivative of logcumsumexp is NaN where its own intermediate values are -inf.
    *each_dim("logcumsumexp", second=False),
    *each_dim("cummax"),
    *each_dim("cummin"),
    case(lambda L, x: x.cumprod(0), 1 + DEEP / 50),
    case(lambda L, x: (x.cumsum(0), x.cumsum(1), x.cumprod(1), x.logcumsumexp(1)), EMPTY),
    case(lambda L, x: x.cumprod(1), ZEROS),
    case(lambda L, x: x.cumsum(1, dtype=L.float64), X),
    case(lambda L, x: (x.cumsum(1), x.cumprod(0), x.cummax(1), x.cummin(0)), np.array([[3, 1, 2], [3, 5, 5]])),
    case(lambda L, x: (x.cumsum(0), x.cumprod(1)), np.array([[True, False], [True, True]])),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scans(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@pytest.mark.parametrize("size", [6, 700])
def test_running_extrema_of_ties_and_nan(torch: Any, size: int) -> None:
    values = np.random.default_rng(0).integers(0, 4, (3, size)).astype(np.float32)
    values[1, size // 2] = np.nan
    for name in ("cummax", "cummin"):
        found, expected = getattr(ag.tensor(values), name)(1), getattr(torch.tensor(values), name)(1)
        assert_array_equal(found.values.numpy(), expected.values.numpy())
        assert_array_equal(found.indices.numpy(), expected.indices.numpy())


@pytest.mark.parametrize("size", [4, 600])
def test_running_logarithms_of_infinite_elements(torch: Any, size: int) -> None:
    values = np.zeros((5, size), np.float32)
    values[0] = -inf
    values[1, 2] = inf
    values[2, 1] = np.nan
    values[3, :2] = -inf
    values[4] = np.linspace(-1e30, 1e30, size)
    found = ag.tensor(values).logcumsumexp(1).numpy()
    assert_allclose(found, torch.tensor(values).logcumsumexp(1).numpy(), rtol=1e-6)
    x = ag.tensor(values[[0, 3]], requires_grad=True)
    x.logcumsumexp(1).backward(ag.ones(2, size))
    assert x.grad is not None
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad.numpy()[0].sum() == 0


def test_second_derivatives_of_logcumsumexp() -> None:
    x = ag.tensor(R.standard_normal((3, 5)), requires_grad=True)
    assert ag.gradcheck(lambda t: t.logcumsumexp(1), x)
    assert ag.gradgradcheck(lambda t: t.logcumsumexp(1), x)


@pytest.mark.parametrize(("shape", "dim"), [((7,), 0), ((4, 300), 1), ((50, 3, 20), 0), ((2, 60, 600), 1)])
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrences(shape: Any, dim: int, reverse: bool) -> None:
    factor, x = R.uniform(-0.9, 0.9, shape), R.standard_normal(shape)
    found = recurrence_primitive(factor, x, dim=dim, reverse=reverse)
    factors, values = (np.moveaxis(np.flip(a, dim) if reverse else a, dim, 0) for a in (factor, x))
    held, rows = np.zeros_like(values[0]), []
    for a, b in zip(factors, values, strict=True):
        held = a * held + b
        rows.append(held)
    expected = np.moveaxis(np.stack(rows), 0, dim)
    assert_allclose(found, np.flip(expected, dim) if reverse else expected, rtol=1e-12, atol=1e-12)


def test_the_first_factor_of_a_recurrence_meets_nothing() -> None:
    factor, x = np.full((2, 300), 0.5), np.ones((2, 300))
    factor[:, 0] = inf
    assert np.isfinite(recurrence_primitive(factor, x, dim=1, reverse=False)).all()


def test_in_place_forms() -> None:
    x = ag.tensor([1, 2, 3])
    assert x.cumsum_(0) is x
    assert x.tolist() == [1, 3, 6]
    assert x.cumprod_(0).tolist() == [1, 3, 18]


@pytest.mark.parametrize(
    "call",
    [lambda L, x: x.cumsum(3), lambda L, x: x.cumprod(-4), lambda L, x: x.cummax(5), lambda L, x: x.logcumsumexp(3)],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any) -> None:
    refused(torch, call, X)


def test_semantics_15_cumprod_at_zeros_divides_by_nothing() -> None:
    x = ag.tensor([2.0, 3.0, 0.0], requires_grad=True)
    x.cumprod(0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [4, 2, 6]


@pytest.mark.parametrize("threads", [1, 2])
def test_semantics_73_long_scans_keep_their_digits(threads: int) -> None:
    before = ag.get_num_threads()
    x = np.random.default_rng(2).random((3, 1_000_000), np.float32)
    try:
        ag.set_num_threads(threads)
        assert_allclose(ag.from_numpy(x).cumsum(1).numpy(), np.cumsum(x, 1, dtype=np.float64), rtol=1e-6)
        assert_allclose(ag.from_numpy(x.T).cumsum(0).numpy(), np.cumsum(x.T, 0, dtype=np.float64), rtol=1e-6)
    finally:
        ag.set_num_threads(before)

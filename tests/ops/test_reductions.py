"""Sums, products, moments, extrema and tests of all elements, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.ops.blocks import SMALL, moments_of, product_of, squares_of, sum_of
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(3)
X = R.standard_normal((3, 4, 2))
V = R.standard_normal(5)
SCALAR = np.array(1.5)
EMPTY = np.zeros((0, 3))
ONE = np.array([[2.0]])
DISTINCT = R.permutation(24).astype(float).reshape(3, 4, 2)
NANS = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [4.0, 5.0, 6.0]])
INTS = np.array([[1, 2, 0], [3, 0, 0]])
BOOLS = np.array([[True, False], [True, True]])
BYTES = np.array([1, 0, 2], np.uint8)
inf = math.inf


def every_dim(name: str, **options: Any) -> list[Case]:
    """A reduction over no, one, several and all dimensions, with and without keepdim, on odd shapes too."""
    return [
        case(lambda L, x: getattr(L, name)(x, **options), X),
        case(lambda L, x: getattr(L, name)(x, 1, **options), X),
        case(lambda L, x: getattr(x, name)(dim=-1, keepdim=True, **options), X),
        case(lambda L, x: getattr(x, name)((0, 2), **options), X),
        case(lambda L, x: getattr(x, name)((-1, 0), True, **options), X),
        case(lambda L, x: getattr(x, name)(dim=(), **options), X),
        case(lambda L, x: getattr(x, name)(**options), SCALAR),
        case(lambda L, x: getattr(x, name)(0, **options), SCALAR),
        case(lambda L, x: getattr(x, name)(1, **options), ONE),
    ]


@table(
    *every_dim("sum"),
    *every_dim("mean"),
    *every_dim("nansum"),
    *every_dim("nanmean"),
    *every_dim("logsumexp")[1:5],
    *every_dim("amax")[1:],
    *every_dim("amin")[1:],
    # PyTorch's gradients for dim=() are infinite.
    *every_dim("var")[:5],
    *every_dim("std")[:5],
    case(lambda L, x: (x.sum(0), x.sum(1), x.sum()), EMPTY),
    case(lambda L, x: (x.mean(1), x.prod(0), x.prod(1)), EMPTY),
    case(lambda L, x: (x.logsumexp(0), x.logsumexp(1)), EMPTY),
    case(lambda L, x: (x.nansum(1), x[::2].nanmean(1), x.nanmean(), x.detach().nanmean(1)), NANS),
    case(lambda L, x: L.logsumexp(x * 1000, (0, 1)), X),
    case(lambda L, x: x.sum(dtype=L.float64), X),
    case(lambda L, x: x.mean(0, dtype=L.float32), X.astype(np.float32)),
    case(lambda L, x: (x.sum(), x.sum(1), x.prod(), x.prod(0), x.nansum()), INTS),
    case(lambda L, x: (x.sum(), x.prod(1)), BOOLS),
    case(lambda L, x: x.mean(dtype=L.float32), INTS),
    case(lambda L, x: x.logsumexp(1), INTS),
    case(lambda L, x: (x.amax(), x.amin(1), x.max(), x.min(0)), INTS),
    case(lambda L, x: (x.amax(1), x.max(0), x.all(), x.any(0), x.sum(0)), BOOLS),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_means_and_extrema(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(lambda L, x: x.prod(), X),
    case(lambda L, x: x.prod(1), X),
    case(lambda L, x: x.prod(-1, keepdim=True), X),
    case(lambda L, x: x.prod(0), V),
    case(lambda L, x: x.prod(), SCALAR),
    case(lambda L, x: x.prod(0), SCALAR),
    case(lambda L, x: L.prod(x, dtype=L.float64), INTS),
    case(lambda L, x: x.prod(1), np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(lambda L, x: (x.max(1), x.min(0)), DISTINCT),
    case(lambda L, x: (x.max(-1, True), x.min(0, keepdim=True)), DISTINCT),
    case(lambda L, x: (L.max(x), L.min(x)), DISTINCT),
    case(lambda L, x: (x.max(0), x.min(0)), SCALAR),
    case(lambda L, x, z: (L.max(x, z), L.min(x, z), x.max(z), x.min(other=z)), X, X[:, :1]),
    case(lambda L, x: (*L.aminmax(x), *x.aminmax(dim=1), *x.aminmax(dim=-1, keepdim=True)), X),
    case(lambda L, x: (x.argmax(), x.argmin(1), x.argmax(0, True), x.argmin(dim=-1, keepdim=True)), X),
    case(lambda L, x: (x.argmax(), x.argmax(0), x.argmin(-1, True)), SCALAR),
    case(lambda L, x: x.argmax(keepdim=True), X),
    case(lambda L, x: (x.detach().amax(1), x.max(1), x.argmax(1), x.argmin(1)), NANS),
    case(lambda L, x: (x.argmax(1), x.amax(1), x.argmin(1)), EMPTY),
    case(lambda L, x: x.max(1).values, np.zeros((2, 3))),
)
def test_extrema_with_indices(torch: Any, given: Case) -> None:
    check(torch, given)


@table(
    case(lambda L, x: x.var(1, unbiased=False), X),
    case(lambda L, x: x.var(False), X),
    case(lambda L, x: L.std(x, (0, 1), True, True), X),
    case(lambda L, x: x.std(correction=0), X),
    case(lambda L, x: x.var(dim=2, correction=0.5, keepdim=True), X),
    case(lambda L, x: L.var_mean(x, 1), X),
    case(lambda L, x: L.std_mean(x, (0, 2), correction=0, keepdim=True), X),
    case(lambda L, x: L.std_mean(x, unbiased=False), X),
    case(lambda L, x: L.var_mean(x, False), X),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(lambda L, x: (x.all(), x.any(), x.all(0), x.any(1, keepdim=True), x.all(dim=(0, 1))), INTS),
    case(lambda L, x: (L.all(x, 0), L.any(x)), BOOLS),
    case(lambda L, x: (x.all(), x.any()), BYTES),
    case(lambda L, x: (x.all(), x.any(), x.all(0), x.any(1)), EMPTY),
    case(lambda L, x: (L.count_nonzero(x), x.count_nonzero(1), x.count_nonzero(dim=(0, 1))), INTS),
    case(lambda L, x: L.count_nonzero(x, dim=-1), BOOLS),
)
def test_truth(torch: Any, given: Case) -> None:
    check(torch, given)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x: x.sum(3), [X]),
        (lambda L, x: x.sum((0, 0)), [X]),
        (lambda L, x: x.mean(-4), [X]),
        (lambda L, x: x.mean(), [INTS]),
        (lambda L, x: x.nanmean(), [INTS]),
        (lambda L, x: x.var(), [INTS]),
        (lambda L, x: x.std(0, True, correction=1), [X]),
        (lambda L, x: x.amax(), [np.zeros(0)]),
        (lambda L, x: x.max(), [np.zeros(0)]),
        (lambda L, x: x.amin(0), [EMPTY]),
        (lambda L, x: x.max(0), [EMPTY]),
        (lambda L, x: x.argmax(), [EMPTY]),
        (lambda L, x: x.argmin(0), [EMPTY]),
        (lambda L, x: x.argmax(5), [X]),
        (lambda L, x: x.max(3), [X]),
        (lambda L, x: x.aminmax(dim=(0, 1)), [X]),
        (lambda L, x: x.all(4), [X]),
        (lambda L, x: x.count_nonzero((0, 0)), [X]),
        (lambda L, x: x.sum("a"), [X]),
        (lambda L, x: x.logsumexp(3), [X]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


def test_prod_takes_several_dimensions() -> None:
    # PyTorch's does not; the values are NumPy's.
    assert_allclose(ag.tensor(X).prod((0, 2)).numpy(), np.prod(X, axis=(0, 2)))


# --- the kernels ------------------------------------------------------------------------------------------------

SHAPES = [
    ((SMALL * 2,), (0,)),
    ((SMALL + 7, 1), (0,)),
    ((200, 100), (0,)),
    ((200, 100), (1,)),
    ((3, SMALL), (0,)),
    ((3, SMALL), (1,)),
    ((5, 40, 41), (1,)),
    ((5, 40, 41), (0, 2)),
    ((5, 40, 41), (0, 1, 2)),
    ((SMALL, 3), (1,)),
    ((SMALL, 3), (0,)),
    ((2, 3, 4, 300), (1, 3)),
    ((2, 1, 4000, 1), (0, 1)),
    ((100000, 2), (0,)),
]


@pytest.mark.parametrize("layout", ["C", "transposed", "reversed", "broadcast"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES, ids=str)
def test_semantics_69_73_kernels_agree_with_numpy_in_float64(shape: Any, dim: Any, layout: str) -> None:
    x = (np.random.default_rng(1).standard_normal(shape) + 3).astype(np.float32)
    if layout == "transposed":
        x = np.ascontiguousarray(x.T).T
    elif layout == "reversed":
        x = x[(slice(None, None, -1),) * x.ndim]
    elif layout == "broadcast":
        x = np.broadcast_to(x[:1], shape)
    wide = x.astype(np.float64)
    for keepdim in (False, True):
        assert_allclose(sum_of(x, dim, keepdim), wide.sum(dim, keepdims=keepdim), rtol=2e-7)
        mean, squares = moments_of(x, dim, keepdim)
        assert_allclose(mean, wide.mean(dim, keepdims=keepdim), rtol=2e-6)
        expected = ((wide - wide.mean(dim, keepdims=True)) ** 2).sum(dim, keepdims=keepdim)
        assert_allclose(squares, expected, rtol=2e-5, atol=1e-5)
        assert_allclose(squares_of(x, dim, keepdim), (wide**2).sum(dim, keepdims=keepdim), rtol=2e-7)
    near_one = (1 + (wide - 3) / 1000).astype(np.float32)
    expected = near_one.astype(np.float64).prod(dim)
    assert_allclose(product_of(near_one, dim, False), expected, rtol=1e-5)
    assert_allclose(
        ag.tensor(x).logsumexp(dim).numpy(), np.log(np.exp(wide - 3).sum(axis=dim)) + 3, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(90, 100), (2, 6, 700), (8000,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nan", [np.nan, -np.nan])
def test_a_nan_of_either_sign_is_the_extremum_of_large_arrays(
    random: np.random.Generator, shape: tuple[int, ...], dtype: Any, nan: float
) -> None:
    x = random.standard_normal(shape).astype(dtype)
    x.reshape(-1)[random.integers(0, x.size)] = nan
    for axis in (None, *range(x.ndim)):
        np.testing.assert_array_equal(ag.from_numpy(x).amax(axis).numpy(), x.max(axis))
        np.testing.assert_array_equal(ag.from_numpy(x).amin(axis).numpy(), x.min(axis))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(10_000_000, 1), (1, 10_000_000), (2500, 4000), (1_000_000, 10)])
def test_semantics_73_a_float32_sum_of_ten_million_keeps_its_digits(shape: Any, axis: int) -> None:
    x = np.random.default_rng(2).random(shape, np.float32)
    expected = x.sum(axis, dtype=np.float64)
    assert_allclose(ag.from_numpy(x).sum(axis).numpy(), expected, rtol=1e-6)
    assert_allclose(ag.from_numpy(x).mean(axis).numpy(), expected / shape[axis], rtol=1e-6)
    assert_allclose(ag.from_numpy(x).sum().item(), expected.sum(), rtol=1e-6)


@pytest.mark.parametrize(("shape", "dim"), [((3_000_000,), None), ((700, 900), 0), ((5, 1000, 200), 1)])
def test_semantics_126_sums_do_not_depend_on_the_number_of_threads(shape: Any, dim: Any) -> None:
    x = ag.from_numpy(np.random.default_rng(4).standard_normal(shape).astype(np.float32))
    before = ag.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            ag.set_num_threads(threads)
            results.append([f(x).numpy().tobytes() for f in (lambda t: t.sum(dim), lambda t: t.var(dim), ag.norm)])
    finally:
        ag.set_num_threads(before)
    assert results[0] == results[1]


# --- the contract, row by row -----------------------------------------------------------------------------------


def gradient(function: Any, values: Any) -> list[Any]:
    x = ag.tensor(np.asarray(values, float), requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    found: list[Any] = x.grad.tolist()
    return found


def test_semantics_4_overall_extrema_share_the_gradient_among_ties() -> None:
    assert gradient(lambda x: x.amax(), [1.0, 3.0, 3.0]) == [0, 0.5, 0.5]
    assert gradient(lambda x: x.min(), [1.0, 1.0, 1.0, 1.0]) == [0.25] * 4
    assert gradient(lambda x: x.amax(1), [[2.0, 2.0], [1.0, 0.0]]) == [[0.5, 0.5], [1, 0]]


def test_semantics_5_extrema_along_a_dimension_give_all_to_the_returned_index() -> None:
    assert gradient(lambda x: x.max(0).values, [3.0, 1.0, 3.0]) == [1, 0, 0]
    assert gradient(lambda x: x.min(0).values, [3.0, 1.0, 1.0]) == [0, 1, 0]


def test_semantics_6_ties_are_counted_as_integers() -> None:
    # 2**24 + 1 ones: a float32 count would stay at 2**24.
    x = ag.from_numpy(np.ones(2**24 + 1, np.float32)).requires_grad_()
    x.amax().backward()
    assert x.grad is not None
    assert np.float32(x.grad[0].item()) == np.float32(1 / (2**24 + 1))


def test_semantics_11_standard_deviation_of_a_constant_has_gradient_zero() -> None:
    assert gradient(lambda x: x.std(), [2.0, 2.0, 2.0]) == [0, 0, 0]
    assert gradient(lambda x: x.std(1), [[2.0, 2.0], [1.0, 3.0]])[0] == [0, 0]
    for function in (ag.var, ag.std):
        x = ag.tensor([1.0], requires_grad=True)
        y = function(x)
        y.backward()
        assert math.isnan(y.item())
        assert x.grad is not None
        assert x.grad.shape == (1,)
        assert math.isnan(x.grad.item())


def test_semantics_14_products_of_others_without_division() -> None:
    assert gradient(lambda x: x.prod(), [2.0, 0.0, 3.0]) == [0, 6, 0]
    assert gradient(lambda x: x.prod(), [0.0, 0.0, 3.0]) == [0, 0, 0]
    # 1e-200 * 1e-200 leaves the range of float64; the products of others do not.
    assert_allclose(gradient(lambda x: x.prod(), [1e-200, 1e-200, 1e250]), [1e50, 1e50, 0])


def test_semantics_14_second_derivatives_of_products_at_zeros() -> None:
    x = ag.tensor([0.0, 0.0, 3.0], dtype=ag.float64, requires_grad=True)
    (first,) = ag.grad(x.prod(), x, create_graph=True)
    (second,) = ag.grad(first[0], x)
    assert second.tolist() == [0, 3, 0]


def test_semantics_17_logsumexp_of_infinities() -> None:
    x = ag.tensor([[-inf, -inf], [inf, 0.0], [-inf, 1.0]], requires_grad=True)
    y = x.logsumexp(1)
    assert y.tolist() == [-inf, inf, 1]
    (pulled,) = ag.grad(y, x, ag.tensor([1.0, 0.0, 1.0]))
    assert pulled[0].tolist() == [0, 0]
    assert pulled[2].tolist() == [0, 1]
    large = np.full((1, SMALL + 1), -inf, np.float32)
    assert ag.from_numpy(large).logsumexp(1).tolist() == [-inf]
    large[0, 5] = inf
    assert ag.from_numpy(large).logsumexp(1).tolist() == [inf]
    large[0, 7] = np.nan
    assert math.isnan(ag.from_numpy(large).logsumexp(1).item())


def test_semantics_25_nan_reaches_extrema() -> None:
    x = ag.tensor([1.0, math.nan, 3.0])
    for result in (x.amax(), x.amin(), x.max(), x.max(0).values, x.min(0).values):
        assert math.isnan(result.item())
    assert x.argmax().item() == 1


def test_semantics_66_full_reductions_stay_tensors_with_a_gradient() -> None:
    x = ag.tensor(2.0, requires_grad=True)
    y = x.sum().mean().prod().amax()
    assert y.shape == ()
    y.backward()
    assert x.grad is not None
    assert x.grad.shape == ()


def test_semantics_67_reductions_of_nothing() -> None:
    x = ag.zeros(0, 3, requires_grad=True)
    assert x.sum().item() == 0
    assert x.prod().item() == 1
    assert math.isnan(x.mean().item())
    assert math.isnan(x.var().item())
    assert x.std(0).isnan().tolist() == [True] * 3
    (x.sum() + x.prod() + x.mean()).backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)
    assert_array_equal(x.cumsum(0).detach().numpy(), np.zeros((0, 3)))
    with pytest.raises(ValueError, match="no elements"):
        x.max()

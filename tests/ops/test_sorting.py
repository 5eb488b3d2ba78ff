"""Sorting and selection, quantiles, counts and neighbours, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd_core as ag
from tests.ops.sides import Case, case, check, functional, refused, table

R = np.random.default_rng(5)
X = R.permutation(24).astype(float).reshape(3, 4, 2) / 7
ROW = R.permutation(9).astype(float)
LONG = R.permutation(300).astype(float).reshape(3, 100)
SCALAR = np.array(1.5)
EMPTY = np.zeros((0, 3))
NANS = np.array([[1.0, np.nan, 3.0, 0.0], [np.nan, 2.0, np.nan, 1.0], [4.0, 5.0, 6.0, 7.0]])
VOID = np.array([[np.nan, np.nan], [1.0, np.nan]])
TIES = np.array([[2.0, 1.0, 2.0, 1.0, 3.0], [5.0, 5.0, 5.0, 1.0, 1.0]])
MANY = np.round(R.standard_normal((7, 400, 2)) * 40) / 8
MANY[0, 3:6:2, 0], MANY[1, 2:5, 1], MANY[2, 9:12, 0] = (np.nan, -np.nan), (np.inf, -np.inf, np.nan), (-0.0, 0.0, -0.0)
INTS = np.array([[3, 1, 2], [1, 1, 5]])
BOOLS = np.array([True, False, True])


@table(
    case(lambda L, x: x.sort(), X),
    case(lambda L, x: L.sort(x, 0), X),
    case(lambda L, x: x.sort(1, descending=True), X),
    case(lambda L, x: x.sort(dim=-1, descending=True, stable=True), X),
    case(lambda L, x: L.sort(x, stable=True), TIES, second=False),
    case(lambda L, x: L.sort(x, stable=True, descending=True), TIES, second=False),
    case(lambda L, x: (x.sort(), x.sort(0, True)), NANS),
    case(lambda L, x: (x.sort(), x.argsort(), x.msort()), SCALAR),
    case(lambda L, x: (x.sort(0), x.sort(1), x.argsort(1), x.msort()), EMPTY),
    case(lambda L, x: (L.argsort(x), x.argsort(0, True), x.argsort(dim=1, descending=False)), X),
    case(lambda L, x: x.argsort(stable=True, dim=1, descending=True), TIES),
    case(lambda L, x: L.msort(x), X),
    case(lambda L, x: (x.sort(dim=1, stable=True), x.argsort(dim=1, descending=True, stable=True)), MANY, second=False),
    case(lambda L, x: x.sort(dim=-1, descending=True, stable=True), MANY[..., 0].copy(), second=False),
    case(lambda L, x: (x.detach().sort(1).values, x.detach().sort(-2, descending=True).values), MANY),
    case(lambda L, x: (x.sort(1).values, x.sort(0, True).values, x.argsort(stable=True)), INTS),
    case(lambda L, x: x.sort(stable=True), BOOLS),
    case(lambda L, x: L.topk(x, 2), X),
    case(lambda L, x: x.topk(3, 0, False), X),
    case(lambda L, x: x.topk(2, dim=1, largest=True, sorted=True), X),
    case(lambda L, x: (x.topk(5), x.topk(5, largest=False), x.topk(90), x.topk(100), x.topk(0)), LONG),
    case(lambda L, x: x.topk(2), NANS[:2]),
    case(lambda L, x: x.topk(1), SCALAR),
    case(lambda L, x: x.topk(2).values, INTS),
    case(lambda L, x: L.kthvalue(x, 2), X),
    case(lambda L, x: x.kthvalue(1, 0, True), X),
    case(lambda L, x: x.kthvalue(3, dim=1), X),
    case(lambda L, x: x.kthvalue(50), LONG),
    case(lambda L, x: x.kthvalue(1), SCALAR),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorting(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(lambda L, x: (x.median(), L.median(x, 1), x.median(dim=-1, keepdim=True)), X),
    case(lambda L, x: (x.median(), x.median(0)), ROW),
    case(lambda L, x: x.nanmedian(), X),
    case(lambda L, x: (x.median(1).values, x.nanmedian(1), x.nanmedian(0).values, x.median(), x.nanmedian()), NANS),
    case(lambda L, x: x.nanmedian(1).values, VOID),
    case(lambda L, x: (x.median(), x.median(0)), SCALAR),
    case(lambda L, x: x.median(), TIES),
    case(lambda L, x: x.median(), INTS),
    case(lambda L, x: x.detach().median(), np.zeros(0)),
    case(lambda L, x: (L.mode(x, 1), x.mode()), TIES),
    case(lambda L, x: (x.mode(0, True), x.mode(1)), INTS),
    case(lambda L, x: x.mode(), SCALAR),
    case(lambda L, x: L.quantile(x, 0.3), X),
    case(lambda L, x: x.quantile(0.5, dim=1), X),
    case(lambda L, x: x.quantile(0.25, 0, True), X),
    case(lambda L, x: x.quantile(0.9, keepdim=True), X),
    case(lambda L, x: x.quantile(0.0), X),
    case(lambda L, x: x.quantile(1.0, 2), X),
    case(lambda L, x: x.quantile(0.4), SCALAR),
    *(
        case(lambda L, x, mode=mode: x.quantile(0.4, 1, interpolation=mode), X)
        for mode in ("linear", "lower", "higher", "nearest", "midpoint")
    ),
    case(lambda L, x: (x.detach().quantile(0.5, 1), x.detach().quantile(0.5)), NANS),
    case(lambda L, x: L.nanquantile(x, 0.5, 1), NANS),
    case(lambda L, x: x.nanquantile(0.3), NANS),
    case(lambda L, x: x.detach().nanquantile(0.3, dim=1), VOID),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ranks(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_several_quantiles_come_first(torch: Any, name: str, dim: Any, keepdim: bool) -> None:
    q = [0.1, 0.75, 1.0]
    check(torch, case(lambda L, x: getattr(L, name)(x, L.tensor(q, dtype=x.dtype), dim, keepdim), X))


def test_quantiles_are_differentiable_by_the_probability() -> None:
    x, q = ag.tensor([0.0, 1.0, 4.0], dtype=ag.float64), ag.tensor(0.75, dtype=ag.float64, requires_grad=True)
    (slope,) = ag.grad(x.quantile(q), q)
    assert slope.item() == 6  # (4 - 1) for a rank of 2 q


@table(
    case(lambda L, x: (x.unique(), *x.unique(return_inverse=True, return_counts=True)), INTS),
    case(lambda L, x: x.detach().unique(return_counts=True), TIES),
    case(lambda L, x: x.unique(dim=0, return_inverse=True, return_counts=True), np.array([[3, 1], [3, 1], [2, 2]])),
    case(lambda L, x: x.unique(dim=1, return_inverse=True), np.array([[3, 1, 3], [3, 1, 3]])),
    case(lambda L, x: x.detach().unique(), np.array([np.nan, 1.0, np.nan])),
    case(lambda L, x: L.unique_consecutive(x, return_inverse=True, return_counts=True), np.array([1, 1, 2, 1, 1])),
    case(lambda L, x: x.unique_consecutive(dim=0, return_inverse=True), np.array([[1, 1], [1, 1], [2, 3]])),
    case(lambda L, x: x.unique_consecutive(dim=1, return_counts=True), np.array([[1, 1, 2], [1, 1, 2]])),
    case(lambda L, x: x.unique(), BOOLS),
    case(lambda L, x: (L.bincount(x), x.bincount(minlength=7)), np.array([1, 4, 1])),
    case(lambda L, x: L.bincount(x), np.zeros(0, np.int64)),
    case(lambda L, x, w: x.bincount(w.detach()), np.array([1, 4, 1]), np.array([0.5, 1.0, 2.0])),
    case(lambda L, x: (L.histc(x.detach(), 4), x.detach().histc(bins=3, min=0, max=6)), ROW),
    case(lambda L, x: (x.detach().histc(3), x.detach().histc(3, -1, -1)), np.array([2.0, 2.0])),
    case(lambda L, x: x.detach().histc(5), np.zeros(0)),
    case(lambda L, x: x.detach().histc(4, min=0, max=7), NANS),
)
def test_counts(torch: Any, given: Case) -> None:
    check(torch, given)


BOUNDARIES = np.array([1.0, 2.0, 2.0, 5.0])


@table(
    case(lambda L, b, v: (L.searchsorted(b, v), L.searchsorted(b, v, right=True)), BOUNDARIES, X),
    case(lambda L, b, v: L.searchsorted(b, v, side="right", out_int32=True), BOUNDARIES, ROW),
    case(lambda L, b, v: L.searchsorted(b, v, side="left"), BOUNDARIES, SCALAR),
    case(lambda L, b, v: L.searchsorted(b, v), np.sort(X, -1), X),
    case(lambda L, b, v: L.searchsorted(b, v), BOUNDARIES, np.array([np.nan, 0.0, 9.0])),
    case(
        lambda L, b, s, v: L.searchsorted(b, v, sorter=s),
        np.array([3.0, 1.0, 2.0]),
        np.array([1, 2, 0]),
        np.array([2.5]),
    ),
    case(lambda L, b, v: (L.bucketize(v, b), L.bucketize(v, b, right=True, out_int32=True)), BOUNDARIES, X),
)
def test_places(torch: Any, given: Case) -> None:
    check(torch, given)


def test_a_number_can_be_looked_up() -> None:
    assert ag.searchsorted(ag.tensor([1.0, 2.0, 3.0]), 2.0).item() == 1
    assert ag.bucketize(2.5, ag.tensor([1.0, 2.0, 3.0])).item() == 2


@table(
    case(lambda L, x: L.diff(x), X),
    case(lambda L, x: x.diff(2, 1), X),
    case(lambda L, x: x.diff(n=9, dim=0), X),
    case(lambda L, x: x.diff(0), ROW),
    case(lambda L, x, p, a: x.diff(prepend=p, append=a), X, X[:, :, :1], X),
    case(lambda L, x: x.diff(), BOOLS),
    case(lambda L, x: x.diff(dim=0), INTS),
    case(lambda L, y: L.trapezoid(y), X),
    case(lambda L, y: L.trapz(y, dx=0.5, dim=0), X),
    case(lambda L, y, x: L.trapezoid(y, x), X, np.array([0.0, 0.5])),
    case(lambda L, y, x: L.trapezoid(y, x, dim=1), X, np.array([0.0, 0.5, 2.0, 3.0])),
    case(lambda L, y, x: L.trapezoid(y, x), ROW, ROW),
    case(lambda L, y: L.trapezoid(y), np.array([2.0])),
    case(lambda L, y: L.trapezoid(y), INTS),
    case(lambda L, y: L.cumulative_trapezoid(y, dim=1), X),
    case(lambda L, y, x: L.cumulative_trapezoid(y, x), X, np.array([0.0, 0.5])),
)
def test_neighbours(torch: Any, given: Case) -> None:
    check(torch, given)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x: x.sort(3), [X]),
        (lambda L, x: x.topk(3), [X]),
        (lambda L, x: x.topk(-1), [X]),
        (lambda L, x: x.kthvalue(0), [X]),
        (lambda L, x: x.kthvalue(3), [X]),
        (lambda L, x: x.median(0), [EMPTY]),
        (lambda L, x: x.mode(0), [EMPTY]),
        (lambda L, x: x.quantile(1.5), [X]),
        (lambda L, x: x.quantile(0.5), [INTS]),
        (lambda L, x: x.quantile(0.5), [EMPTY]),
        (lambda L, x: x.quantile(0.5, interpolation="cubic"), [X]),
        (lambda L, x: x.quantile(L.tensor([0.5], dtype=L.float32)), [X]),
        (lambda L, x: x.bincount(), [np.array([-1])]),
        (lambda L, x: x.bincount(), [INTS]),
        (lambda L, x: x.bincount(), [ROW]),
        (lambda L, x: x.bincount(minlength=-1), [np.array([1])]),
        (lambda L, x: x.histc(0), [ROW]),
        (lambda L, x: x.histc(3, 2, 1), [ROW]),
        (lambda L, x: x.histc(3), [INTS]),
        (lambda L, x: x.unique(dim=3), [X]),
        (lambda L, x: L.searchsorted(x, x[0]), [X]),
        (lambda L, x: L.searchsorted(x, x, side="left", right=True), [ROW]),
        (lambda L, x: L.bucketize(x, x), [X]),
        (lambda L, x: x.diff(-1), [ROW]),
        (lambda L, x: x.diff(), [SCALAR]),
        (lambda L, x: L.trapezoid(x, x[:3]), [ROW]),
        (lambda L, x: functional(L).one_hot(x), [np.array([-1])]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


def test_points_and_their_distance_exclude_each_other() -> None:
    with pytest.raises(TypeError, match="not both"):
        ag.trapezoid(ag.ones(3), ag.ones(3), dx=1.0)


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize("descending", [False, True])
def test_sorted_ties_are_a_permutation(size: int, descending: bool) -> None:
    values = np.random.default_rng(0).integers(0, 5, (3, size)).astype(np.float32)
    ordered, indices = ag.tensor(values).sort(1, descending)
    assert_array_equal(ordered.numpy(), np.take_along_axis(values, indices.numpy(), 1))
    assert_array_equal(np.sort(indices.numpy(), 1), np.broadcast_to(np.arange(size), (3, size)))


def test_semantics_5_selections_give_all_to_the_returned_index() -> None:
    x = ag.tensor([2.0, 1.0, 2.0], requires_grad=True)
    for function in (lambda t: t.median(0), lambda t: t.kthvalue(3, 0), lambda t: t.topk(1), lambda t: t.mode(0)):
        values, indices = function(x)
        (pulled,) = ag.grad(values.sum(), x)
        expected = np.zeros(3)
        expected[indices.numpy()] = 1
        assert_array_equal(pulled.numpy(), expected)


def test_semantics_23_indices_require_no_gradient() -> None:
    x = ag.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    for result in (x.sort(), x.topk(1), x.kthvalue(1), x.median(0), x.mode(0), x.cummax(0), x.max(1)):
        assert result.values.requires_grad
        assert not result.indices.requires_grad
    for index in (x.argsort(), x.argmax(), ag.searchsorted(x[0], x[0])):
        assert not index.requires_grad
        assert index.dtype == ag.int64


def test_semantics_25_nan_reaches_medians() -> None:
    x = ag.tensor([1.0, math.nan, 3.0])
    assert math.isnan(x.median().item())
    assert math.isnan(x.median(0).values.item())
    assert x.nanmedian().item() == 1

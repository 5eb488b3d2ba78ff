"""Norms and distances, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
from autograd_core.ops.norms import vector_norm
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(9)
X = R.standard_normal((3, 4, 2))
M = R.standard_normal((3, 4))
SCALAR = np.array(-1.5)
inf = math.inf
ORDERS = (0, 0.5, 1, 1.5, 2, 3, 4.5, -1, -2.5, inf, -inf)


@table(
    *(case(lambda L, x, p=p: x.norm(p), X, second=p not in (inf, -inf, 0)) for p in ORDERS),
    *(case(lambda L, x, p=p: L.norm(x, p, 1, True), X, second=p not in (inf, -inf, 0)) for p in ORDERS),
    case(lambda L, x: x.norm(), X),
    case(lambda L, x: x.norm("fro"), M),
    case(lambda L, x: x.norm("fro", (0, 1)), X),
    case(lambda L, x: x.norm(p=None), X),
    case(lambda L, x: x.norm(2, (0, -1)), X),
    case(lambda L, x: x.norm(3, dim=(0, 2), keepdim=True), X),
    case(lambda L, x: x.norm(dtype=L.float64), M),
    case(lambda L, x: x.norm(), SCALAR),
    case(lambda L, x: (x.norm(), x.norm(1), x.norm(3, 0), x.norm(2, 1)), np.zeros((0, 3))),
    case(lambda L, x, z: L.dist(x, z), X, X[:, :1] + 1),
    case(lambda L, x, z: x.dist(z, 1), X, -X),
    case(lambda L, x, z: x.dist(z, p=3), M, M * 2),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norms(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


def test_the_nuclear_norm(torch: Any) -> None:
    check(torch, case(lambda L, x: x.norm("nuc"), M, second=False))
    check(torch, case(lambda L, x: L.norm(x, "nuc", (0, 1), True), X, second=False))
    check(torch, case(lambda L, x: L.norm(x, "nuc", (2, 1)), X, second=False))


@table(
    *(
        case(
            lambda L, x, z, p=p: L.cdist(x, z, p),
            R.standard_normal((2, 3, 4)),
            R.standard_normal((2, 5, 4)),
            second=False,
        )
        for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, inf)
    ),
    case(lambda L, x, z: L.cdist(x, z), M, R.standard_normal((2, 4)), second=False),
    case(lambda L, x, z: L.cdist(x, z), R.standard_normal((3, 1, 2, 4)), R.standard_normal((2, 5, 4)), second=False),
    case(lambda L, x, z: L.cdist(x, z, p=1), np.zeros((2, 0)), np.zeros((3, 0)), second=False),
    case(lambda L, x, z: L.cdist(x, z), np.zeros((0, 3)), np.ones((2, 3)), second=False),
    case(lambda L, x, z: L.cdist(x, z), R.standard_normal((30, 3)), R.standard_normal((40, 3)), second=False),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_second_derivatives_of_distances(p: float) -> None:
    x, z = (ag.tensor(R.standard_normal((n, 2)), requires_grad=True) for n in (3, 2))
    assert ag.gradgradcheck(lambda a, b: ag.cdist(a, b, p), (x, z))


def test_large_distances_run_on_threads(torch: Any) -> None:
    x, z = R.standard_normal((2, 300, 20)).astype(np.float32), R.standard_normal((2, 250, 20)).astype(np.float32)
    expected = torch.cdist(torch.tensor(x), torch.tensor(z), compute_mode="donot_use_mm_for_euclid_dist")
    assert_allclose(ag.cdist(ag.tensor(x), ag.tensor(z)).numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_small_distances_keep_their_digits() -> None:
    # A matrix product would give 0 or NaN here: the squares are 1e8 and their difference 1e-4.
    x = ag.tensor(np.array([[1e4, 0.0]] * 30, np.float32))
    z = ag.tensor(np.array([[1e4, 1e-2]] * 30, np.float32))
    assert_allclose(ag.cdist(x, z).numpy(), 1e-2, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x: x.norm(), [np.array([1, 2])]),
        (lambda L, x: x.norm("spectral"), [M]),
        (lambda L, x: x.norm("nuc"), [X]),
        (lambda L, x: x.norm(inf), [np.zeros(0)]),
        (lambda L, x: x.norm(-1, 0), [np.zeros((0, 3))]),
        (lambda L, x: x.norm(2, 3), [X]),
        (lambda L, x: x.norm(2, (0, 0)), [X]),
        (lambda L, x: L.cdist(x, x, -1.0), [M]),
        (lambda L, x: L.cdist(x[0], x), [M]),
        (lambda L, x: L.cdist(x, x[:, 1:]), [M]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


def gradient(function: Any, values: Any) -> Any:
    x = ag.tensor(np.asarray(values, float), requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    return x.grad.tolist()


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, inf, -1, -inf])
def test_semantics_9_the_gradient_of_a_norm_at_zero_is_zero(p: float) -> None:
    assert gradient(lambda x: x.norm(p), [0.0, 0.0]) == [0, 0]


def test_semantics_9_conventions_of_norms() -> None:
    assert gradient(lambda x: x.norm() ** 2, [0.0, 0.0]) == [0, 0]
    assert gradient(lambda x: x.norm(1), [2.0, 0.0, -3.0]) == [1, 0, -1]
    assert gradient(lambda x: x.norm(inf), [2.0, -2.0, 1.0]) == [0.5, -0.5, 0]
    assert gradient(lambda x: x.norm(0.5), [0.0, 1.0]) == [0, 1]
    assert gradient(lambda x: ag.cdist(x, x), [[1.0, 2.0], [1.0, 2.0]]) == [[0, 0], [0, 0]]


def test_semantics_10_only_rows_of_zeros_have_gradient_zero() -> None:
    found = gradient(lambda x: x.norm(dim=1), [[0.0, 0.0], [3.0, 4.0]])
    assert_allclose(found, [[0, 0], [0.6, 0.8]])


def test_norms_do_not_overflow_where_squares_would() -> None:
    for size in (3, 10000):
        x = np.full(size, 1e30, np.float32)
        assert_allclose(ag.tensor(x).norm().item(), 1e30 * math.sqrt(size), rtol=1e-6)
        assert_allclose(vector_norm(ag.tensor(x[None]), 2, 1).item(), 1e30 * math.sqrt(size), rtol=1e-6)

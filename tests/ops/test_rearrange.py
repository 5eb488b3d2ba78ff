"""Rolled, flipped, repeated and padded tensors, triangles, diagonals and grids, beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.ops.sides import Case, case, check, functional, refused, table

R = np.random.default_rng(17)
X = R.standard_normal((3, 4, 2))
M = R.standard_normal((3, 4))
V = R.standard_normal(5)
SCALAR = np.array(1.5)
EMPTY = np.zeros((0, 3))
INTS = np.arange(6).reshape(2, 3)
SIGNAL = R.standard_normal((2, 3, 4))
IMAGE = R.standard_normal((2, 1, 4, 5))
VOLUME = R.standard_normal((1, 2, 3, 3, 4))


@table(
    case(
        lambda L, x: (L.roll(x, 1), x.roll(-2, 1), x.roll((1, 2), (0, -1)), x.roll(9, 0), x.roll(shifts=1, dims=2)), X
    ),
    case(lambda L, x: x.roll(1), SCALAR),
    case(lambda L, x: (x.roll(1), x.roll(1, 1)), EMPTY),
    case(lambda L, x: (L.flip(x, (0, 2)), x.flip(1), x.flip(0, -1), x.flip((1,)), x.flip(())), X),
    case(lambda L, x: (x.fliplr(), L.flipud(x), x.flip(0, 1)), M),
    case(lambda L, x: (L.rot90(x), x.rot90(2), x.rot90(3, (1, 0)), x.rot90(-1, [0, 1]), x.rot90(4)), M),
    case(lambda L, x: L.rot90(x, 1, (0, 2)), X),
    case(lambda L, x: (x.repeat(2, 1, 3), x.repeat(2, 1, 1, 1), x.repeat((1, 1, 1)), x.repeat(0, 1, 1)), X),
    case(lambda L, x: (x.repeat(2), x.repeat(2, 3), x.repeat(())), SCALAR),
    case(lambda L, x: (L.tile(x, (2,)), x.tile(2, 1), x.tile((2, 1, 1, 2))), X),
    case(lambda L, x: (x.repeat_interleave(2), x.repeat_interleave(3, 0), L.repeat_interleave(x, 2, dim=-1)), X),
    case(lambda L, x, n: x.repeat_interleave(n, 0), X, np.array([1, 0, 2])),
    case(lambda L, x, n: (x.repeat_interleave(n, dim=1, output_size=8), L.repeat_interleave(n)), X, np.array([2])),
    case(lambda L, n: L.repeat_interleave(n), np.array([1, 2, 0])),
    case(lambda L, x: x.repeat_interleave(2), SCALAR),
    case(lambda L, x: (L.tril(x), x.triu(), x.tril(1), x.triu(-1), x.tril(diagonal=-9), x.triu(9)), M),
    case(lambda L, x: (x.tril(), x.triu(1)), X),
    case(lambda L, x: (x.tril(), x.triu(1)), INTS),
    case(lambda L, x: (L.diagonal(x), x.diagonal(1), x.diagonal(-2), x.diagonal(9), x.diagonal(0, 1, 0)), M),
    case(lambda L, x: (x.diagonal(0, 0, 2), x.diagonal(dim1=-1, dim2=1), x.diagonal(1, 1, 2)), X),
    case(lambda L, x: (L.diag(x), x.diag(1), x.diag(-1)), M),
    case(lambda L, x: (L.diag(x), x.diag(2), x.diag(-1), x.diag_embed(), L.diagflat(x, 1)), V),
    case(lambda L, x: (x.diag_embed(), L.diag_embed(x, 1), x.diag_embed(-1, 0, 2), x.diagflat()), M),
    case(lambda L, x: x.diagflat(), SCALAR),
    case(lambda L, x: (L.trace(x), x.trace()), M),
    case(lambda L, x: x.trace(), INTS),
    case(lambda L, x, z, s: L.block_diag(x, z, s), M, V, SCALAR),
    case(lambda L, x, z: L.block_diag(x, z), M, INTS),
    case(lambda L, x, z: (*L.meshgrid(x, z, indexing="ij"), *L.meshgrid([x, z], indexing="xy")), V, V[:2]),
    case(lambda L, x, z, w: L.meshgrid(x, z, w, indexing="xy"), V, SCALAR, V[:3]),
    case(lambda L, x, z: (L.cartesian_prod(x, z), L.cartesian_prod(x), L.cartesian_prod(x, z, x)), V, V[:2]),
    case(lambda L, x: (L.combinations(x), L.combinations(x, 3), L.combinations(x, r=2, with_replacement=True)), V),
    case(lambda L, x: (L.combinations(x, 1), L.combinations(x, 9)), V),
    case(lambda L, x: (x.detach() * 0 + 1, L.combinations(x.detach(), 0)), V),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rearrangements(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 3)])
@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_indices_of_triangles(torch: Any, shape: Any, offset: int) -> None:
    for name in ("tril_indices", "triu_indices"):
        found = getattr(ag, name)(*shape, offset)
        assert found.tolist() == getattr(torch, name)(*shape, offset).tolist()
        assert found.dtype == ag.int64
    assert ag.tril_indices(2, 2, dtype=ag.int32).dtype == ag.int32


def padded(*widths: int, mode: str = "constant", **options: Any) -> Any:
    return lambda L, x: functional(L).pad(x, widths, mode=mode, **options)


@table(
    case(padded(1, 2), V),
    case(padded(1, 2, value=2.5), X),
    case(padded(0, 0, 1, 0), X),
    case(padded(1, 0, 0, 2, 3, 0), X),
    case(padded(-1, 2), X),
    case(padded(-1, -1, -2, 1, value=1.0), M),
    case(padded(1, 1), SIGNAL),
    case(padded(2, 0), EMPTY),
    case(padded(1, 1, value=3.0), np.arange(3)),
    *(
        case(padded(*widths, mode=mode), array)
        for mode in ("reflect", "replicate", "circular")
        for widths, array in (
            ((1, 2), SIGNAL),
            ((3, 0), SIGNAL),
            ((0, -1), SIGNAL),
            ((-2, 1), M),
            ((2, 1, 1, 3), IMAGE),
            ((0, 0, 1, 1), IMAGE[0]),
            ((1, 1, 2, 0, 1, 1), VOLUME),
        )
    ),
    case(padded(6, 5, mode="replicate"), SIGNAL),
    case(padded(4, 4, mode="circular"), SIGNAL),
)
def test_padding(torch: Any, given: Case) -> None:
    check(torch, given)


@table(
    case(lambda L, c: (functional(L).one_hot(c), functional(L).one_hot(c, 7)), np.array([[0, 2], [3, 1]])),
    case(lambda L, c: functional(L).one_hot(c, num_classes=3), np.zeros(0, np.int64)),
    case(lambda L, c: functional(L).one_hot(c, 3), np.array(1)),
)
def test_one_hot(torch: Any, given: Case) -> None:
    check(torch, given)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x: x.roll((1, 1)), [X]),
        (lambda L, x: x.roll(1, (0, 1)), [X]),
        (lambda L, x: x.roll(1, 3), [X]),
        (lambda L, x: x.roll(1, 0), [SCALAR]),
        (lambda L, x: x.flip(0, 0), [X]),
        (lambda L, x: x.flip(3), [X]),
        (lambda L, x: x.fliplr(), [V]),
        (lambda L, x: x.flipud(), [SCALAR]),
        (lambda L, x: x.rot90(1, (0, 0)), [M]),
        (lambda L, x: x.rot90(1, (0,)), [M]),
        (lambda L, x: x.rot90(), [V]),
        (lambda L, x: x.repeat(2), [M]),
        (lambda L, x: x.repeat(2, -1), [M]),
        (lambda L, x: x.repeat_interleave(-1), [M]),
        (lambda L, x: x.repeat_interleave(L.tensor([1, 2]), 0), [M]),
        (lambda L, x: x.repeat_interleave(2, 5), [M]),
        (lambda L, x: x.tril(), [V]),
        (lambda L, x: x.diagonal(0, 0, 0), [M]),
        (lambda L, x: x.diagonal(0, 0, 2), [M]),
        (lambda L, x: x.diagonal(), [V]),
        (lambda L, x: x.diag(), [X]),
        (lambda L, x: x.diag_embed(0, 1, 1), [M]),
        (lambda L, x: x.trace(), [X]),
        (lambda L, x: L.block_diag(x), [X]),
        (lambda L, x: L.meshgrid(x, indexing="ij"), [M]),
        (lambda L, x: L.meshgrid(x, indexing="ji"), [V]),
        (lambda L, x: L.cartesian_prod(x), [M]),
        (lambda L, x: L.combinations(x), [M]),
        (lambda L, x: L.combinations(x, -1), [V]),
        (padded(1), [M]),
        (padded(1, 1, 1, 1), [V]),
        (padded(-3, -3), [M]),
        (padded(1, 1, mode="mirror"), [SIGNAL]),
        (padded(4, 0, mode="reflect"), [SIGNAL]),
        (padded(5, 0, mode="circular"), [SIGNAL]),
        (padded(1, 1, mode="reflect"), [V]),
        (padded(-2, -2, mode="replicate"), [SIGNAL]),
        (padded(1, 1, mode="reflect", value=1.0), [SIGNAL]),
        (lambda L, x: functional(L).one_hot(x), [V]),
        (lambda L, x: functional(L).one_hot(x, 2), [np.array([2])]),
        (lambda L, x: functional(L).one_hot(x), [np.zeros(0, np.int64)]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


def test_triangles_of_infinite_elements_hold_zeros() -> None:
    # A product with a mask of ones and zeros would give inf * 0, NaN.
    x = ag.full((2, 2), math.inf, requires_grad=True)
    assert x.tril().tolist() == [[math.inf, 0], [math.inf, math.inf]]
    assert ag.zeros(2, 2).fill_(math.inf).triu_().tolist() == [[math.inf, math.inf], [0, math.inf]]


def test_copies_do_not_share_memory() -> None:
    x = ag.tensor(M)
    for copy in (x.flip(0), x.roll(1), x.repeat(1, 1), x.diag(), x.tril(9), x.tile(1), x.rot90(4)):
        assert not np.shares_memory(copy.numpy(), x.numpy())


def test_a_diagonal_can_be_written_to() -> None:
    x = ag.zeros(3, 3)
    x.diagonal().fill_(2.0)
    x.diagonal(1)[0] = 5.0
    assert x.tolist() == [[2, 5, 0], [0, 2, 0], [0, 0, 2]]

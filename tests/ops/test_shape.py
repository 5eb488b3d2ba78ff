"""Views, joins and cuts, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(13)
X = R.standard_normal((3, 4, 2))
M = R.standard_normal((3, 4))
V = R.standard_normal(5)
ONES = R.standard_normal((1, 3, 1))
EMPTY = np.zeros((0, 3))
SCALAR = np.array(1.5)
INTS = np.arange(6).reshape(2, 3)


@table(
    case(lambda L, x: x.reshape(4, 6), X),
    case(lambda L, x: x.reshape((2, -1)), X),
    case(lambda L, x: L.reshape(x, (-1,)), X),
    case(lambda L, x: x.reshape(1, 1), SCALAR),
    case(lambda L, x: x.reshape(()), np.array([[2.0]])),
    case(lambda L, x: (x.reshape(3, 0), x.reshape(-1), x.reshape(-1, 3)), EMPTY),
    case(lambda L, x, z: x.reshape_as(z), X, np.zeros((6, 4))),
    case(lambda L, x: (L.flatten(x), x.flatten(1), x.flatten(0, 1), x.flatten(-2, -1), x.flatten(1, 1)), X),
    case(lambda L, x: (x.flatten(), x.ravel()), SCALAR),
    case(lambda L, x: (L.ravel(x), x.ravel()), X),
    case(lambda L, x: (x.unflatten(1, (2, 2)), L.unflatten(x, -1, (1, -1)), x.unflatten(0, (-1,))), X),
    case(lambda L, x: (x.squeeze(), x.squeeze(0), x.squeeze(1), x.squeeze((0, -1)), L.squeeze(x, -1)), ONES),
    case(lambda L, x: (x.squeeze(), x.squeeze(0), x.unsqueeze(0), x.unsqueeze(-1)), SCALAR),
    case(lambda L, x: (x.unsqueeze(0), x.unsqueeze(-1), L.unsqueeze(x, 2), x.unsqueeze(-3)), X),
    case(lambda L, x: (x.permute(2, 0, 1), x.permute((0, -1, 1)), L.permute(x, (2, 1, 0))), X),
    case(lambda L, x: (x.transpose(0, 2), L.transpose(x, -1, -2), x.swapaxes(0, 1), L.swapdims(x, 1, 2)), X),
    case(lambda L, x: (x.t(), L.t(x), x.T, x.mT), M),
    case(lambda L, x: (x.t(), V.T), V),
    case(lambda L, x: (x.t(), x.transpose(0, -1), x.movedim(0, 0)), SCALAR),
    case(lambda L, x: (x.movedim(0, 2), L.movedim(x, (0, 1), (-1, 0)), x.moveaxis(-1, 0), L.moveaxis(x, 1, 1)), X),
    case(
        lambda L, x: (x.expand(2, 3, 4), x.expand(-1, -1, 5), x.expand((2, 1, 3, 1)), x.broadcast_to((4, 3, 2))), ONES
    ),
    case(lambda L, x: (x.expand(2, 2), x.expand(3), L.broadcast_to(x, (2,))), SCALAR),
    case(lambda L, x: (x.expand(0, 3, 1), x.expand(0, 0, 3, 2)), ONES),
    case(lambda L, x, z: (x.expand_as(z), *L.broadcast_tensors(x, z)), ONES, np.zeros((2, 3, 4))),
    case(lambda L, x: (x.narrow(1, 1, 2), L.narrow(x, 0, 0, 0), x.narrow(-1, -1, 1)), X),
    case(lambda L, x: (x.select(1, 2), L.select(x, 0, -1), x.select(-1, 0)), X),
    case(lambda L, x: (x.unfold(1, 2, 1), x.unfold(1, 3, 2), x.unfold(-1, 2, 5), x.unfold(0, 1, 1)), X),
    case(lambda L, x: (x.unfold(0, 2, 2), x.unfold(0, 5, 1)), V),
    case(lambda L, x: x.unfold(0, 1, 1), SCALAR),
    case(lambda L, x: (L.atleast_1d(x), L.atleast_2d(x), L.atleast_3d(x)), SCALAR),
    case(lambda L, x: (L.atleast_1d(x), L.atleast_2d(x), L.atleast_3d(x)), V),
    case(lambda L, x, z: (L.atleast_3d(x, z), L.atleast_2d((x, z))), M, X),
    case(lambda L, x: (L.nonzero(x), x.nonzero(), *x.nonzero(as_tuple=True)), INTS),
    case(lambda L, x: (x.nonzero(), *L.nonzero(x, as_tuple=True)), np.array(3)),
    case(lambda L, x: x.nonzero(), np.array(0)),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_views(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(lambda L, x, z: L.cat([x, z]), X, X[:1]),
    case(lambda L, x, z: L.cat((x, z), dim=-1), X, X[..., :1]),
    case(lambda L, x: L.cat([x, x, x], 1), X),
    case(lambda L, x, z: (L.concat([x, z], 1), L.concatenate((x, z), dim=1)), X, X[:, :2]),
    case(lambda L, x, e: L.cat([x, e, x]), X, np.zeros(0)),
    case(lambda L, x, e: (L.cat([x, e]), L.cat([e, x]), L.cat([e, e], 1)), np.ones((2, 3)), EMPTY),
    case(lambda L, x, z: L.cat([x, z]), V, np.array([1, 2])),
    case(lambda L, x, z: (L.stack([x, z]), L.stack((x, z), -1), L.stack([x, x, z], dim=1)), X, X + 1),
    case(lambda L, x, z: L.stack([x, z]), SCALAR, SCALAR),
    case(lambda L, x, z: L.stack([x, z]), SCALAR, np.array(2)),
    case(lambda L, x, z: (L.hstack([x, z]), L.vstack([x, x]), L.dstack([x, z, x]), L.column_stack([x, x])), V, V + 1),
    case(lambda L, x, z: (L.hstack([x, z]), L.vstack([x, z]), L.dstack([x, z]), L.row_stack([x, z])), M, M + 1),
    case(
        lambda L, x, z: (L.hstack([x, z]), L.vstack([x, z]), L.dstack([x, z]), L.column_stack([x, z])), SCALAR, SCALAR
    ),
    case(lambda L, x, z: (L.hstack([x, z]), L.dstack([x, z])), X, X),
    case(lambda L, x, z: (L.column_stack([x, z]), L.vstack([z, z])), np.ones((5, 2)), V),
    case(lambda L, x: x.split(2), V),
    case(lambda L, x: (*L.split(x, 3, dim=1), *x.split([1, 0, 3], 1), *x.split(9)), X),
    case(lambda L, x: (*x.split(2), *x.split(0), *x.chunk(3)), np.zeros((0, 2))),
    case(lambda L, x: (*x.chunk(3), *x.chunk(9), *L.chunk(x, 2, 0)), V),
    case(lambda L, x: x.chunk(2, dim=-2), X),
    case(
        lambda L, x: (*x.tensor_split(3), *x.tensor_split((1, 3)), *x.tensor_split([0, 9, 2, -1]), *x.tensor_split(7)),
        V,
    ),
    case(lambda L, x: (*L.tensor_split(x, 3, dim=1), *x.tensor_split(L.tensor([1, 2]), 1)), X),
    case(lambda L, x: (*x.hsplit(2), *x.vsplit(3), *L.dsplit(x, 2), *x.hsplit((1, 2)), *x.dsplit([1])), X),
    case(lambda L, x: (*L.hsplit(x, 5), *x.hsplit([2])), V),
    case(lambda L, x: (*x.unbind(), *L.unbind(x, 1), *x.unbind(-1)), X),
    case(lambda L, x: x.unbind(1), EMPTY),
    case(lambda L, x: (*x.unbind(), *x), V),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_semantics_38_joins_and_cuts(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x: x.reshape(5, 5), [X]),
        (lambda L, x: x.reshape(-1, -1), [X]),
        (lambda L, x: x.reshape(-2), [X]),
        (lambda L, x: x.reshape(0, -1), [EMPTY]),
        (lambda L, x: x.reshape(1.5), [X]),
        (lambda L, x: x.view(7), [X]),
        (lambda L, x: x.t().view(-1), [M]),
        (lambda L, x: x.flatten(1, 0), [X]),
        (lambda L, x: x.flatten(3), [X]),
        (lambda L, x: x.unflatten(1, (3, 2)), [X]),
        (lambda L, x: x.squeeze(3), [X]),
        (lambda L, x: x.unsqueeze(4), [X]),
        (lambda L, x: x.permute(0, 1), [X]),
        (lambda L, x: x.permute(0, 0, 1), [X]),
        (lambda L, x: x.transpose(0, 3), [X]),
        (lambda L, x: x.transpose(0, 1), [SCALAR]),
        (lambda L, x: x.t(), [X]),
        (lambda L, x: x.movedim((0, 0), (0, 1)), [X]),
        (lambda L, x: x.movedim((0, 1), 0), [X]),
        (lambda L, x: x.expand(2, 4, 2), [X]),
        (lambda L, x: x.expand(4), [X]),
        (lambda L, x: x.expand(-1, 3, 4, 2), [X]),
        (lambda L, x: L.broadcast_tensors(x, x[:, :3]), [X]),
        (lambda L, x: x.narrow(0, 2, 2), [X]),
        (lambda L, x: x.narrow(0, 4, 0), [X]),
        (lambda L, x: x.narrow(0, 0, -1), [X]),
        (lambda L, x: x.narrow(0, 0, 1), [SCALAR]),
        (lambda L, x: x.select(0, 3), [X]),
        (lambda L, x: x.select(0, 0), [SCALAR]),
        (lambda L, x: x.unfold(0, 4, 1), [X]),
        (lambda L, x: x.unfold(0, 1, 0), [X]),
        (lambda L, x: L.cat([]), [X]),
        (lambda L, x: L.cat(x), [SCALAR]),
        (lambda L, x: L.cat([x, x[0]]), [X]),
        (lambda L, x: L.cat([x, x[:, :2]]), [X]),
        (lambda L, x: L.cat([x, x], 3), [X]),
        (lambda L, x: L.cat([x, x]), [SCALAR]),
        (lambda L, x: L.stack([]), [X]),
        (lambda L, x: L.stack([x, x[:1]]), [X]),
        (lambda L, x: L.stack([x, x], 5), [X]),
        (lambda L, x: L.hstack([]), [X]),
        (lambda L, x: L.vstack([x, x[:, :2]]), [M]),
        (lambda L, x: x.split(0), [V]),
        (lambda L, x: x.split(-1), [V]),
        (lambda L, x: x.split([1, 1]), [V]),
        (lambda L, x: x.split([6, -1]), [V]),
        (lambda L, x: x.split(1), [SCALAR]),
        (lambda L, x: x.chunk(0), [V]),
        (lambda L, x: x.chunk(2, 1), [V]),
        (lambda L, x: x.tensor_split(0), [V]),
        (lambda L, x: x.tensor_split(2), [SCALAR]),
        (lambda L, x: x.hsplit(2), [V]),
        (lambda L, x: x.vsplit(2), [V]),
        (lambda L, x: x.dsplit(2), [M]),
        (lambda L, x: x.unbind(), [SCALAR]),
        (lambda L, x: x.unbind(3), [X]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


VIEWS = {
    "view": lambda x: x.view(2, 12),
    "view_as": lambda x: x.view_as(ag.zeros(6, 4)),
    "reshape": lambda x: x.reshape(-1),
    "reshape_as": lambda x: x.reshape_as(ag.zeros(6, 4)),
    "flatten": lambda x: x.flatten(1),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, 1),
    "T": lambda x: x.T,
    "movedim": lambda x: x.movedim(0, -1),
    "expand": lambda x: x.expand(2, 3, 4, 2),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(0, 1),
    "split": lambda x: x.split(2, 1)[1],
    "unbind": lambda x: x.unbind(2)[0],
    "diagonal": lambda x: x.diagonal(1, 0, 2),
    "unfold": lambda x: x.unfold(1, 2, 2),
    "slice": lambda x: x[1:, ::-1, None],
    "index": lambda x: x[0],
    "chain": lambda x: x[1:].transpose(0, 2)[0].unsqueeze(1),
    "meshgrid": lambda x: ag.meshgrid(x[0, :, 0], ag.arange(3.0))[0],
}


@pytest.mark.parametrize("name", VIEWS)
def test_semantics_39_views_share_memory_and_version(name: str) -> None:
    x = ag.tensor(X)
    view = VIEWS[name](x)
    assert np.shares_memory(view.numpy(), x.numpy())
    before = view.version
    x[...] = 7.0
    assert view.tolist() == np.full(view.shape, 7.0).tolist()
    assert view.version == before + 1


@pytest.mark.parametrize("size", [1, 3])
def test_expand_is_a_view_also_of_one_element(size: int) -> None:
    x = ag.zeros(1)
    expanded = x.expand(size)
    x.fill_(3.0)
    assert expanded.tolist() == [3.0] * size


def test_semantics_69_reshaping_what_is_not_contiguous_copies() -> None:
    x = ag.tensor(M)
    assert not np.shares_memory(x.T.reshape(-1).numpy(), x.numpy())
    with pytest.raises(ValueError, match="reshape"):
        x.T.view(-1)


def test_sizes_may_be_numpy_integers_and_tensors() -> None:
    x = ag.arange(6.0)
    assert x.reshape(np.int64(2), 3).shape == (2, 3)
    assert x.narrow(0, ag.tensor(1), 2).tolist() == [1, 2]
    assert x.select(0, ag.tensor(-1)).item() == 5
    assert x.view(np.int64(3), -1).shape == (3, 2)

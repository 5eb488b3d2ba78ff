"""Reading and writing by index tensors and masks, beside PyTorch; the kernels beside NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.ops.index_maps import add_at, gather_along_primitive, scatter_along_primitive
from tests.ops.sides import Case, case, check, refused, table

R = np.random.default_rng(19)
X = R.standard_normal((3, 4, 2))
M = R.standard_normal((3, 4))
V = R.standard_normal(5)
SCALAR = np.array(1.5)
SOURCE = R.standard_normal((3, 4))
INTS = np.arange(12).reshape(3, 4)
INDEX = np.array([[0, 3, 1], [2, 2, 0]])
UNIQUE = np.array([[0, 3, 1], [2, 1, 0]])
ROWS = np.array([2, 0, 2])
NONE = np.zeros(0, np.int64)
MASK = M > 0.2


def cut(L: Any, source: Any, index: Any) -> Any:
    """A source as large as its index for PyTorch, which refuses to differentiate by a larger one."""
    return source if L is ag else source[tuple(map(slice, index.shape))]


@table(
    case(lambda L, x, i: (L.gather(x, 1, i), x.gather(dim=-1, index=i)), M, INDEX),
    case(lambda L, x, i: x.gather(0, i), M, INDEX % 3),
    case(lambda L, x, i: x.gather(1, i), X, R.integers(0, 4, (3, 7, 2))),
    case(lambda L, x, i: x.gather(2, i), X, R.integers(0, 2, (2, 3, 300))),
    case(lambda L, x, i: x.gather(0, i), M, R.integers(0, 3, (400, 3))),
    case(lambda L, x, i: (x.gather(0, i), x.gather(-1, i[0])), SCALAR, np.array([0, 0])),
    case(lambda L, x, i: x.gather(1, i), M, np.zeros((2, 0), np.int64)),
    case(lambda L, x, i: x.gather(0, i), INTS, INDEX % 3),
    case(lambda L, x, i: (L.take_along_dim(x, i, 1), x.take_along_dim(i[:1], dim=1)), M, np.tile(INDEX[:1], (3, 1))),
    case(lambda L, x, i: x.take_along_dim(i, 0), M, np.array([[-1], [2]])),
    case(lambda L, x, i: x.take_along_dim(i), M, INDEX),
    case(lambda L, x, i: (L.index_select(x, 0, i), x.index_select(-2, i)), X, ROWS),
    case(lambda L, x, i: x.index_select(2, i), X, np.array([1])),
    case(lambda L, x, i: x.index_select(1, i), X, NONE),
    case(lambda L, x, i: x.index_select(0, i), SCALAR, np.array([0])),
    case(lambda L, x, i: x.index_select(0, i), M, np.array(1)),
    case(lambda L, x, i: (L.take(x, i), x.take(i[0])), X, np.array([[0, 23], [-1, 5]])),
    case(lambda L, x, i: x.take(i), SCALAR, np.array([0, 0])),
    case(lambda L, x: (L.masked_select(x, x > 0), x.masked_select(x[:1] > 0)), M),
    case(lambda L, x, m: x.masked_select(m), M, MASK[:, :1]),
    case(lambda L, x, m: x.masked_select(m), SCALAR, np.array(True)),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reading(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


@table(
    case(
        lambda L, x, i, s: (L.scatter(x, 1, i, cut(L, s, i)), x.scatter(dim=1, index=i, src=cut(L, s, i))),
        M,
        UNIQUE,
        SOURCE,
        second=False,
    ),
    case(lambda L, x, i: (x.scatter(0, i, 2.5), L.scatter(x, 1, i, -1.0)), M, INDEX % 3),
    case(lambda L, x, i, s: x.scatter(0, i, cut(L, s, i)), X, np.zeros((1, 3, 2), np.int64) + 2, X, second=False),
    case(lambda L, x, i, s: x.scatter(0, i, s), INTS, UNIQUE % 3 * 0 + [[0], [1]], INTS + 5),
    case(lambda L, x, i: x.scatter(0, i, 2.5), SCALAR, np.array(0)),
    case(
        lambda L, x, i, s: (L.scatter_add(x, 1, i, cut(L, s, i)), x.scatter_add(-1, i, cut(L, s, i))), M, INDEX, SOURCE
    ),
    case(lambda L, x, i, s: x.scatter_add(0, i, cut(L, s, i)), M, INDEX % 3, SOURCE),
    case(lambda L, x, i, s: x.scatter_add(0, i, s), M, R.integers(0, 3, (300, 4)), R.standard_normal((300, 4))),
    case(lambda L, x, i, s: x.scatter_add(0, i, s), INTS, INDEX % 3, INTS),
    case(lambda L, x, i, s: x.scatter_add(1, i, cut(L, s, i)), M, np.zeros((0, 3), np.int64), SOURCE),
    case(lambda L, x, i, s: (L.index_add(x, 0, i, s), x.index_add(0, i, s, alpha=-2)), X, ROWS, X),
    case(lambda L, x, i, s: x.index_add(-1, i, s), X, np.array([1]), X[..., :1]),
    case(lambda L, x, i, s: x.index_add(0, i, s), SCALAR, np.array([0]), SCALAR),
    case(lambda L, x, i, s: x.index_add(1, i, s), X, NONE, X[:, :0]),
    case(lambda L, x, i, s: L.index_copy(x, 0, i, s), X, np.array([2, 0]), X[:2] * 2),
    case(lambda L, x, i, s: x.index_copy(1, i, s), M, np.array([3, 0]), SOURCE[:, :2]),
    case(lambda L, x, i: (L.index_fill(x, 0, i, 3.0), x.index_fill(1, i, -1)), M, np.array([-1, 0])),
    case(lambda L, x, i, v: x.index_fill(0, i, v), X, ROWS, SCALAR),
    case(lambda L, x, i, v: L.index_put(x, (i, i), v), M, np.array([0, 2]), V[:2]),
    case(lambda L, x, i, v: x.index_put((i,), v), M, np.array([2, 0]), V[:1]),
    case(lambda L, x, i, v: x.index_put((i, i), v, accumulate=True), M, ROWS, V[:3]),
    case(lambda L, x, i, v: x.index_put((i,), v, True), M, ROWS, SOURCE),
    case(lambda L, x, m, v: (x.index_put((m,), v), x.index_put((m,), v, accumulate=True)), M, MASK, SCALAR),
    case(lambda L, x, i, s: (x.put(i, s), L.put(x, i, s, accumulate=True)), M, np.array([0, 11, -3]), V[:3]),
    case(lambda L, x, m: (L.masked_fill(x, m, 2.0), x.masked_fill(m[:1], -math.inf).exp()), M, MASK),
    case(lambda L, x, m, v: x.masked_fill(m, v), M, MASK[:, :1], SCALAR),
    case(lambda L, x, m: x.masked_fill(m, 3), V[:2], np.array([[True, False], [True, True]])),
    case(lambda L, x, m: x.masked_fill(m, 1.5), INTS, MASK),
    case(lambda L, x, m, s: L.masked_scatter(x, m, s), M, MASK, SOURCE),
    case(lambda L, x, m, s: x.masked_scatter(m, s), M, MASK[:1], X),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_writing(torch: Any, given: Case, dtype: Any) -> None:
    check(torch, given, dtype)


DISTINCT = R.permutation(36).astype(float) / 5


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1])
def test_scatter_reduce(torch: Any, reduce: str, include_self: bool, dim: int) -> None:
    index = INDEX if dim else INDEX % 3
    x, source = DISTINCT[:12].reshape(3, 4), DISTINCT[12:24].reshape(3, 4)

    def call(L: Any, a: Any, i: Any, s: Any) -> Any:
        return L.scatter_reduce(a, dim, i, cut(L, s, i), reduce, include_self=include_self)

    check(torch, case(call, x, index, source, second=False))


@pytest.mark.filterwarnings("ignore:The reduce argument:UserWarning")
@pytest.mark.parametrize("reduce", ["add", "multiply"])
def test_scatter_with_a_reduction(torch: Any, reduce: str) -> None:
    check(torch, case(lambda L, x, i, s: x.detach().scatter(1, i, s.detach(), reduce=reduce), M, INDEX, SOURCE))
    check(torch, case(lambda L, x, i: x.detach().scatter(1, i, 3.0, reduce=reduce), M, INDEX))


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_scatter_reduce_of_integers(torch: Any, reduce: str) -> None:
    check(torch, case(lambda L, x, i, s: x.scatter_reduce(1, i, s, reduce), INTS, INDEX, -INTS - 1))


@pytest.mark.parametrize("reduce", ["prod", "amax", "mean"])
@pytest.mark.parametrize("include_self", [True, False])
def test_second_derivatives_of_scatter_reduce(reduce: str, include_self: bool) -> None:
    x, s = (ag.tensor(DISTINCT[a : a + 12].reshape(3, 4), requires_grad=True) for a in (0, 12))
    function = lambda a, b: a.scatter_reduce(1, ag.tensor(INDEX), b, reduce, include_self=include_self)  # noqa: E731
    assert ag.gradcheck(function, (x, s))
    assert ag.gradgradcheck(function, (x, s))


def test_products_at_zeros_are_exact() -> None:
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    s = ag.tensor([0.0, 5.0, 0.0, 0.0], requires_grad=True)
    x.scatter_reduce(0, ag.tensor([0, 0, 1, 1]), s, "prod").sum().backward()
    assert x.grad is not None
    assert s.grad is not None
    assert x.grad.tolist() == [0, 0]
    assert s.grad.tolist() == [10, 0, 0, 0]


def test_extrema_share_the_gradient_among_ties(torch: Any) -> None:
    check(
        torch,
        case(
            lambda L, x, i, s: x.scatter_reduce(0, i, s, "amax"),
            np.array([2.0, 1.0]), np.array([0, 0, 1]), np.array([2.0, 1.0, 5.0]), second=False,
        ),
    )  # fmt: skip


def test_of_repeated_writes_the_last_stays_and_gets_the_gradient() -> None:
    x, s = ag.zeros(3, requires_grad=True), ag.tensor([1.0, 2.0, 4.0], requires_grad=True)
    y = x.scatter(0, ag.tensor([1, 1, 0]), s)
    assert y.tolist() == [4, 2, 0]
    y.sum().backward()
    assert s.grad is not None
    assert x.grad is not None
    assert s.grad.tolist() == [0, 1, 1]
    assert x.grad.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "call",
    [
        lambda L, x, i, s: x.scatter_(1, i, cut(L, s, i)),
        lambda L, x, i, s: x.scatter_(1, i, 2.0),
        lambda L, x, i, s: x.scatter_add_(1, i, cut(L, s, i)),
        lambda L, x, i, s: x.scatter_reduce_(1, i, cut(L, s, i), "amax", include_self=False),
        lambda L, x, i, s: x.index_add_(0, i[0], s[:3]),
        lambda L, x, i, s: x.index_copy_(0, i[0], s[:3]),
        lambda L, x, i, s: x.index_fill_(0, i[0], 1.0),
        lambda L, x, i, s: x.index_put_((i[0],), s[:3]),
        lambda L, x, i, s: x.index_put_((i[0],), s[:3], accumulate=True),
        lambda L, x, i, s: x.put_(i + L.tensor([[0], [3]]), s[:2, :3]),
        lambda L, x, i, s: x.masked_fill_(x.detach() > 0, 2.0),
        lambda L, x, i, s: x.masked_scatter_(x.detach() > 0, s),
        lambda L, x, i, s: x.tril_(),
        lambda L, x, i, s: x.triu_(1),
    ],
)
def test_in_place_forms(torch: Any, call: Any) -> None:
    index = np.array([[0, 2, 1], [2, 1, 0]])
    given = case(lambda L, x, i, s: call(L, x * 1, i, s), M, index, SOURCE, second=False)
    check(torch, given)
    x = ag.tensor(M)
    before = x.version
    assert call(ag, x, ag.tensor(index), ag.tensor(SOURCE)) is x
    assert x.version > before


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda L, x, i: x.gather(1, i), [M, np.array([[-1]])]),
        (lambda L, x, i: x.gather(1, i), [M, np.array([[4]])]),
        (lambda L, x, i: x.gather(1, i), [M, np.array([0])]),
        (lambda L, x, i: x.gather(1, i), [M, np.zeros((4, 1), int)]),
        (lambda L, x, i: x.gather(2, i), [M, INDEX]),
        (lambda L, x, i: x.gather(1, i), [M, INDEX.astype(float)]),
        (lambda L, x, i: x.take_along_dim(i, 1), [M, np.array([0])]),
        (lambda L, x, i: x.index_select(0, i), [M, np.array([3])]),
        (lambda L, x, i: x.index_select(0, i), [M, np.array([-1])]),
        (lambda L, x, i: x.index_select(0, i), [M, INDEX]),
        (lambda L, x, i: x.take(i), [M, np.array([12])]),
        (lambda L, x, i: x.scatter(1, i, x), [M, np.array([[5]])]),
        (lambda L, x, i: x.scatter(1, i, x[:1]), [M, INDEX]),
        (lambda L, x, i: x.scatter(1, i, x.float()), [M, INDEX]),
        (lambda L, x, i: x.scatter(1, i, x, reduce="max"), [M, INDEX]),
        (lambda L, x, i: x.scatter_add(1, i, 3.0), [M, INDEX]),
        (lambda L, x, i: x.scatter_reduce(1, i, x, "median"), [M, INDEX]),
        (lambda L, x, i: x.index_add(0, i, x[:2]), [M, np.array([0])]),
        (lambda L, x, i: x.index_add(0, i, x[:1]), [M, np.array([-1])]),
        (lambda L, x, i: x.index_copy(0, i, x[:1]), [M, np.array([3])]),
        (lambda L, x, i: x.index_fill(0, i, x[0]), [M, np.array([0])]),
        (lambda L, x, i: x.index_fill(0, i, 1.0), [M, np.array([3])]),
        (lambda L, x, i: x.index_put((i,), x[:, :3]), [M, np.array([0])]),
        (lambda L, x, i: x.put(i, x), [M, np.array([0])]),
        (lambda L, x, m: x.masked_fill(m, 1.0), [M, INTS]),
        (lambda L, x, m: x.masked_fill(m, x[0]), [M, MASK]),
        (lambda L, x, m: x.masked_fill(m, 1.0), [M, MASK[:, :3]]),
        (lambda L, x, m: x.masked_select(m), [M, INTS]),
        (lambda L, x, m: x.masked_scatter(m, x[0, :1]), [M, MASK]),
    ],
)
def test_wrong_arguments_are_refused(torch: Any, call: Any, arrays: Any) -> None:
    refused(torch, call, *arrays)


# --- adding at indices ------------------------------------------------------------------------------------------

BIG = np.random.default_rng(0)
INDICES: dict[str, Any] = {
    "rows": (BIG.integers(-20, 20, 300),),
    "columns": (slice(None), BIG.integers(-30, 30, 300)),
    "last": (slice(None), slice(None), BIG.integers(0, 7, 300)),
    "blocks of rows": (BIG.integers(0, 20, (30, 20)),),
    "two": (BIG.integers(-20, 20, 400), BIG.integers(0, 30, 400)),
    "all": tuple(BIG.integers(0, size, 900) for size in (20, 30, 7)),
    "broadcast": (BIG.integers(0, 20, (40, 1)), BIG.integers(0, 30, 25)),
    "apart": (BIG.integers(0, 20, 300), slice(None), BIG.integers(0, 7, 300)),
    "mixed": (slice(2, 15, 3), BIG.integers(0, 30, 200), None),
    "with a number": (3, BIG.integers(0, 30, 300)),
    "mask": (BIG.random((20, 30, 7)) < 0.5,),
    "mask of rows": (BIG.random(20) < 0.7,),
    "mask and slice": (BIG.random((20, 30)) < 0.5, slice(1, 6)),
    "mask and array": (BIG.random(20) < 2, BIG.integers(0, 30, 20)),
    "ellipsis": (Ellipsis, BIG.integers(-7, 7, 100)),
    "slices": (slice(None, None, -2), slice(3, 20)),
    "empty": (np.zeros(0, np.int64),),
    "int32": (BIG.integers(-20, 20, 300).astype(np.int32),),
    "uint8": (BIG.integers(0, 20, 300).astype(np.uint8),),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("name", INDICES)
def test_semantics_34_35_adding_at_indices_is_numpys(name: str, dtype: Any) -> None:
    index = INDICES[name]
    found, expected = (np.ones((20, 30, 7), dtype) for _ in range(2))
    values = (BIG.standard_normal(found[index].shape) * 10).astype(dtype)
    add_at(found, index, values)
    np.add.at(expected, index, values)
    assert_array_equal(found, expected)  # bit by bit: in the same order
    add_at(found, index, np.asarray(values[..., :1]))
    np.add.at(expected, index, values[..., :1])
    assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", INDICES)
def test_semantics_34_gradients_of_reading_are_numpys(name: str) -> None:
    index = INDICES[name]
    x = ag.zeros(20, 30, 7, requires_grad=True)
    y = x[index]
    cotangent = BIG.standard_normal(y.shape).astype(np.float32)
    (pulled,) = ag.grad(y, x, ag.tensor(cotangent))
    expected = np.zeros(x.shape, np.float32)
    np.add.at(expected, index, cotangent)
    assert_array_equal(pulled.numpy(), expected)


@pytest.mark.parametrize("bad", [20, -21, 10**9])
def test_semantics_36_indices_are_checked_before_a_kernel_runs(bad: int) -> None:
    full, index = np.zeros((20, 30)), np.zeros(300, np.int64)
    index[123] = bad
    with pytest.raises(IndexError, match="out of"):
        add_at(full, (index,), np.ones((300, 30)))
    assert not full.any()
    x = ag.ones(20, 30)
    wide = np.zeros((20, 300), np.int64)
    wide[3, 4] = bad + 10 if bad > 0 else bad
    for call in (
        lambda: x[ag.tensor(index)],
        lambda: x.index_add(0, ag.tensor(index), ag.ones(300, 30)),
        lambda: x.gather(1, ag.tensor(wide)),
        lambda: x.scatter_add(1, ag.tensor(wide), ag.ones(20, 300)),
    ):
        with pytest.raises(IndexError):
            call()


@pytest.mark.parametrize("shape", [(3, 4), (30, 40), (5, 40, 6)])
@pytest.mark.parametrize("dim", [0, 1])
def test_kernels_along_a_dimension(shape: Any, dim: int) -> None:
    wide = (*shape[:dim], 2 * shape[dim], *shape[dim + 1 :])
    x, index = BIG.standard_normal(shape), BIG.integers(0, shape[dim], wide)
    assert_array_equal(gather_along_primitive(x, index=index, dim=dim), np.take_along_axis(x, index, dim))
    values = BIG.standard_normal(wide)
    expected = np.zeros(shape)
    for place in np.ndindex(wide):
        expected[(*place[:dim], index[place], *place[dim + 1 :])] += values[place]
    assert_allclose(scatter_along_primitive(values, index=index, dim=dim, size=shape[dim]), expected, rtol=1e-12)


def test_semantics_43_indices_may_be_changed_after_the_forward_pass() -> None:
    for read in (lambda x, i: x[i], lambda x, i: x.index_select(0, i), lambda x, i: x.gather(0, i), ag.take):
        x, i = ag.tensor([1.0, 2.0, 3.0], requires_grad=True), ag.tensor([0, 2])
        y = read(x, i)
        i.fill_(1)
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [1, 0, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64])
def test_semantics_75_every_integer_dtype_indexes(dtype: Any) -> None:
    x, index = ag.tensor([1.0, 2.0, 3.0]), ag.tensor(np.array([2, 0], dtype))
    for found in (x.index_select(0, index), x.gather(0, index), x.take(index)):
        assert found.tolist() == [3, 1]

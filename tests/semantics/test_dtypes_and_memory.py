"""Dtypes, shapes and memory: section 2C of the semantics, each test named after its row."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from autograd_core.kernels.jit import compile_statistics


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_semantics_63_integers_and_bools_cannot_require_gradients(dtype: str) -> None:
    with pytest.raises(TypeError, match="only floating tensors can require gradients"):
        ag.Tensor([1, 0], dtype=dtype, requires_grad=True)
    with pytest.raises(TypeError):
        ag.ones(2, dtype=dtype).requires_grad_()
    with pytest.raises(TypeError):
        ag.ones(2, dtype=dtype, requires_grad=True)
    tensor = ag.ones(2, dtype=dtype)
    with pytest.raises(TypeError):
        tensor.requires_grad = True
    assert not tensor.requires_grad


@pytest.mark.parametrize("scalar", [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.sqrt(2)])
def test_semantics_64_scalars_are_weak(scalar: Any) -> None:
    """NumPy's own, too: a float64 number must not turn a float32 model into a float64 one."""
    x = ag.ones(3, requires_grad=True)
    for result in (x * scalar, scalar * x, x + scalar, scalar - x, x / scalar, scalar / x, x**scalar, x - scalar):
        assert isinstance(result, ag.Tensor)
        assert result.dtype == ag.float32
        assert result.requires_grad
    in_place = ag.ones(3)
    in_place *= scalar
    assert in_place.dtype == ag.float32


def test_semantics_64_a_float_scalar_lifts_integers_to_the_default_dtype() -> None:
    assert (ag.tensor([1, 2]) * 0.5).dtype == ag.float32
    assert (ag.tensor([1, 2]) * 2).dtype == ag.int64
    assert (ag.tensor([True]) + 1).dtype == ag.int64
    ag.set_default_dtype("float64")
    try:
        assert (ag.tensor([1, 2]) * 0.5).dtype == ag.float64
        assert (ag.ones(2, dtype="float32") * 0.5).dtype == ag.float32
        assert ag.tensor(1.5).dtype == ag.float64
    finally:
        ag.set_default_dtype("float32")
    with pytest.raises(TypeError):
        ag.set_default_dtype("int32")


def test_semantics_65_integers_divide_to_the_default_dtype() -> None:
    quotient = ag.tensor([1, 2]) / ag.tensor([2, 4])
    assert quotient.dtype == ag.float32
    assert quotient.tolist() == [0.5, 0.5]
    assert (ag.tensor([1, 2]) / 2).dtype == ag.float32
    with pytest.raises(TypeError, match="floating"):
        ag.tensor([1, 2]).mean()
    assert ag.tensor([1, 2]).mean(dtype="float64").item() == 1.5


def test_semantics_66_zero_dimensional_results_stay_arrays() -> None:
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    results = (
        x.sum(), x.mean(), x.max(), x.std(), x[0, 0], x[0] @ x[1], x.sum() * 2, x.sum().exp(), x.sum().sigmoid(),
        x.reshape(-1)[1], x.sum().reshape(()), -x.sum(), x.sum().clone(), ag.where(x.sum() > 0, x.sum(), 0.0),
    )  # fmt: skip
    for result in results:
        assert type(result.detach().numpy()) is np.ndarray
        assert result.shape == ()
        assert result.dtype == ag.float32
        (gradient,) = ag.grad(result, x, retain_graph=True)
        assert gradient.shape == (2, 2)
    for index in (x.argmax(), x.detach().max(0).indices.sum(), (x > 0).all(), (x > 0).any()):
        assert type(index.numpy()) is np.ndarray
    scalar = ag.tensor(2.0, requires_grad=True)
    (scalar * scalar).backward()
    assert type(scalar.grad.numpy()) is np.ndarray
    assert scalar.grad.item() == 4.0
    assert isinstance(scalar.item(), float)


def test_semantics_67_empty_tensors() -> None:
    x = ag.zeros(0, 3, requires_grad=True)
    assert x.sum().item() == 0
    assert math.isnan(x.mean().item())
    assert np.isnan(x.mean(0).detach().numpy()).all()
    for extremum in (ag.max, ag.min, ag.amax, ag.amin, ag.argmax, ag.argmin):
        with pytest.raises((ValueError, IndexError), match="no elements"):
            extremum(x)
    with pytest.raises(IndexError, match="no elements"):
        x.max(0)
    functions = (
        lambda x: x.sum(),
        lambda x: x.mean(),
        lambda x: x.mean(1).sum(),
        lambda x: x.var(),
        lambda x: x.std(1).sum(),
        lambda x: (x * x).exp().sum(),
        lambda x: x.softmax(1).sum(),
        lambda x: x.log_softmax(0).sum(),
        lambda x: (x @ ag.ones(3, 2)).sum(),
        lambda x: ag.linear(x, ag.ones(4, 3), ag.ones(4)).sum(),
        lambda x: ag.cat([x, ag.ones(1, 3)]).sum(),
        lambda x: x[:0].sum() + x[ag.tensor([], dtype="int64")].sum(),
        lambda x: x.amax(1).sum(),
        lambda x: ag.cross_entropy(x, ag.zeros(0, dtype="int64"), reduction="sum"),
        lambda x: x.max(dim=1).values.sum(),
        lambda x: ag.where(x > 0, x, 0.0).sum(),
    )
    for function in functions:
        x.grad = None
        function(x).backward()
        assert x.grad.shape == (0, 3)
        assert x.grad.dtype == ag.float32


def test_semantics_68_an_empty_batch_leaves_running_statistics_alone() -> None:
    mean, variance = ag.zeros(3), ag.ones(3)
    out = ag.batch_norm(ag.zeros(0, 3), mean, variance, training=True)
    assert out.shape == (0, 3)
    assert mean.tolist() == [0.0] * 3
    assert variance.tolist() == [1.0] * 3


def test_semantics_70_an_odd_stride_on_an_axis_of_length_one() -> None:
    base = np.arange(4.0, dtype=np.float32)
    odd = np.lib.stride_tricks.as_strided(base, (1, 4), (-400, 4))
    for function in (ag.exp, ag.sigmoid, lambda x: x.softmax(1), lambda x: ag.linear(x, ag.ones(2, 4), ag.ones(2))):
        assert_allclose(
            function(ag.from_numpy(odd)).numpy(), function(ag.tensor(base).reshape(1, 4)).numpy(), rtol=1e-6
        )


FOREIGN = {
    "object": np.array([1, None], object),
    "complex": np.array([1j]),
    "float16": np.ones(2, np.float16),
    "longdouble": np.ones(2, np.longdouble),
    "text": np.array(["a"]),
    "datetime": np.array(["2020-01-01"], "datetime64[D]"),
    "uint64": np.ones(2, np.uint64),
    "structured": np.zeros(2, [("a", "f4")]),
}


@pytest.mark.parametrize("array", FOREIGN.values(), ids=FOREIGN)
def test_semantics_71_dtypes_the_engine_lacks_are_refused_with_their_name(array: np.ndarray) -> None:
    for make in (ag.Tensor, ag.tensor, ag.from_numpy, ag.as_tensor, lambda a: ag.ones(2) * a):
        with pytest.raises(TypeError, match="not supported"):
            make(array)


@pytest.mark.parametrize("name", [">f4", ">f8", ">i4", ">i2"])
def test_semantics_71_foreign_byte_orders_are_converted(name: str) -> None:
    array = np.array([1, 2, 3], name)
    tensor = ag.tensor(array)
    assert tensor.dtype.isnative
    assert tensor.tolist() == [1, 2, 3]
    assert (tensor * 2).tolist() == [2, 4, 6]
    assert (ag.ones(3) * array).tolist() == [1.0, 2.0, 3.0]


def test_semantics_71_subclasses_become_plain_arrays_or_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = np.matrix([[1.0, 2.0]])
    assert type(ag.tensor(matrix).numpy()) is np.ndarray
    with pytest.raises(TypeError, match="masked"):
        ag.tensor(np.ma.masked_array([1.0, 2.0], [True, False]))


def test_semantics_72_half_precision_is_refused_with_the_remedy() -> None:
    for make in (lambda: ag.zeros(2, dtype="float16"), lambda: ag.tensor([1.0]).to(np.float16)):
        with pytest.raises(TypeError, match="float16 is not supported: convert to float32"):
            make()
    assert ag.tensor(np.ones(2, np.float16), dtype="float32").dtype == ag.float32


LONG = 1_000_000


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize(
    ("shape", "dim"),
    [((LONG,), None), ((LONG, 2), 0), ((2, LONG), 1), ((LONG // 10, 10), (0, 1)), ((1000, 2, 1000), (0, 2))],
)
def test_semantics_73_float32_sums_keep_their_digits(shape: Any, dim: Any, name: str) -> None:
    """Row after row in float32, a million tenths are off by a hundredth."""
    array = np.full(shape, 0.1, np.float32)
    result = getattr(ag.from_numpy(array), name)(dim).numpy()
    expected = getattr(np, name)(array, axis=dim, dtype=np.float64)
    assert_allclose(result, expected, rtol=3e-6)


def test_semantics_73_the_gradient_of_a_broadcast_bias_keeps_its_digits() -> None:
    bias = ag.zeros(2, requires_grad=True)
    (bias + ag.zeros(LONG, 2)).backward(ag.full((LONG, 2), 0.1))
    assert_allclose(bias.grad.numpy(), LONG * float(np.float32(0.1)), rtol=3e-6)


def test_semantics_73_variance_of_numbers_with_a_large_mean() -> None:
    array = (1e4 + 0.1 * np.random.default_rng(0).standard_normal((1000, 3))).astype(np.float32)
    assert_allclose(ag.from_numpy(array).var(0).numpy(), array.astype(np.float64).var(0, ddof=1), rtol=1e-3)


def test_semantics_73_softmax_over_a_long_row_sums_to_one() -> None:
    x = ag.from_numpy(np.random.default_rng(0).standard_normal(LONG).astype(np.float32))
    assert x.softmax(0).numpy().astype(np.float64).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_semantics_74_constants_in_formulas_do_not_promote(dtype: str) -> None:
    functions = (
        ag.sigmoid, ag.relu, ag.silu, ag.softplus, ag.elu, ag.erf, ag.tanh, ag.leaky_relu, ag.square, ag.rsqrt,
        ag.reciprocal, ag.expm1, ag.log1p, ag.atan,
    )  # fmt: skip
    for function in functions:
        x = ag.tensor([0.5, 1.5], dtype=dtype, requires_grad=True)
        result = function(x)
        (first,) = ag.grad(result.sum(), x, create_graph=True)
        assert result.dtype == first.dtype == np.dtype(dtype)
        if first.requires_grad:
            assert ag.grad(first.sum(), x)[0].dtype == np.dtype(dtype)


def test_semantics_74_arithmetic_is_numpys_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        a, b = (random.standard_normal(1000).astype(dtype) for _ in range(2))
        x, y = ag.from_numpy(a), ag.from_numpy(b)
        for ours, theirs in (
            (x + y, a + b), (x - y, a - b), (x * y, a * b), (x / y, a / b), (x * 0.1, a * dtype(0.1)), (-x, -a),
            (x.abs().sqrt(), np.sqrt(np.abs(a))), (x.square(), a * a), (x.reciprocal(), 1 / a),
            (x.relu(), np.maximum(a, 0)),
        ):  # fmt: skip
            assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_semantics_75_labels_of_any_integer_dtype_are_accepted(dtype: str) -> None:
    logits = ag.tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True)
    loss = ag.cross_entropy(logits, ag.tensor([1, 0], dtype=dtype))
    loss.backward()
    assert loss.item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2, rel=1e-6)
    assert logits[ag.tensor([1, 0], dtype=dtype)].tolist() == [[2.0, 0.0], [0.0, 1.0]]


def test_semantics_75_labels_of_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match="bool"):
        ag.cross_entropy(ag.ones(2, 3), ag.tensor([True, False]))
    with pytest.raises(ValueError, match="probabilities must have the logits' shape"):
        ag.cross_entropy(ag.ones(2, 3), ag.tensor([1.0, 0.0]))


def test_semantics_75_integers_wrap_like_numpys_and_floats_do_not() -> None:
    first, second = ag.tensor([1], dtype="uint8"), ag.tensor([2], dtype="uint8")
    assert (first - second).tolist() == [255]
    assert (first.float() - second).tolist() == [-1.0]


def test_semantics_76_a_list_of_tensors_is_refused_with_the_remedy() -> None:
    x = ag.ones(2, requires_grad=True)
    for data in ([x, x], (x, x), [[x], [x]], [1.0, x[0]], [np.ones(2), x]):
        for make in (ag.tensor, ag.Tensor, ag.as_tensor):
            with pytest.raises(TypeError, match=r"stack\(\) or cat\(\)"):
                make(data)
    assert ag.stack([x, x]).requires_grad


def test_semantics_76_numpy_never_makes_an_object_array_of_tensors() -> None:
    x = ag.ones(2)
    assert np.array([x, x]).dtype == np.float32
    with pytest.raises(ag.GraphError):
        np.array([ag.ones(2, requires_grad=True)] * 2)
    with pytest.raises(ag.GraphError):
        np.array(ag.ones(2, requires_grad=True))


def test_semantics_77_length_iteration_and_membership() -> None:
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    rows = list(x)
    assert [row.tolist() for row in rows] == [[1.0, 2.0], [3.0, 4.0]]
    sum(row.sum() * weight for row, weight in zip(rows, (1.0, 10.0), strict=True)).backward()
    assert x.grad.tolist() == [[1.0, 1.0], [10.0, 10.0]]
    assert 3.0 in x
    assert 5.0 not in x
    assert ag.tensor(4.0) in x
    _, second = x
    assert second.tolist() == [3.0, 4.0]
    with pytest.raises(TypeError):
        len(ag.tensor(1.0))
    with pytest.raises(TypeError):
        iter(ag.tensor(1.0))


@pytest.mark.parametrize(
    "number", [np.float32(2), np.float64(2), np.int64(2), np.bool_(True), np.array(2.0), np.uint8(2)]
)
def test_semantics_77_numpys_scalars_on_the_left(number: Any) -> None:
    x = ag.ones(3, requires_grad=True)
    for result in (number * x, number + x, number / x, number**x):
        assert isinstance(result, ag.Tensor)
        assert result.requires_grad
        assert result.dtype == ag.float32
    if number.dtype.kind != "b":
        assert isinstance(number - x, ag.Tensor)
    comparison = number < x
    assert isinstance(comparison, ag.Tensor)
    assert comparison.dtype == ag.bool_


def test_semantics_132_memory_layouts_cost_no_new_signature() -> None:
    """The full set is asked of every operation in test_contracts.py; here one chain, dtype by dtype."""

    def step(array: np.ndarray) -> None:
        x = ag.from_numpy(array).requires_grad_()
        (x.sigmoid() * x).softmax(-1).sum().backward()

    for dtype in (np.float32, np.float64):
        step(np.ones((4, 6), dtype))
        before = compile_statistics()
        step(np.ones((6, 4), dtype).T)
        step(np.ones((4, 12), dtype)[:, ::-2])
        step(np.broadcast_to(np.ones(6, dtype), (4, 6)))
        step(np.ones((5, 4, 6), dtype))
        assert compile_statistics() == before

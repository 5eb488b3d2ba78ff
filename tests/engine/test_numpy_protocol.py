"""NumPy meets tensors: every combination gives a tensor with its graph, or a TypeError; never a lost graph."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
from autograd_core.op import REGISTRY

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
OTHERS: dict[str, Any] = {
    "array": np.array([[2.0, 3.0]], np.float32),
    "float64 array": np.array([[2.0, 3.0]]),
    "integer array": np.array([[2, 3]]),
    "0-d array": np.array(2.0, np.float32),
    "float32 number": np.float32(2),
    "float64 number": np.float64(2),
    "int64 number": np.int64(2),
    "empty array": np.ones((0, 2), np.float32),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_with_numpy_on_either_side(name: str, other: Any) -> None:
    function = OPERATORS[name]
    values = np.array([[1.5, 2.5]], np.float32)
    for left in (True, False):
        x = ag.tensor(values, requires_grad=True)
        result = function(other, x) if left else function(x, other)
        expected = function(other, values) if left else function(values, other)
        assert type(result) is ag.Tensor
        assert result.detach().numpy().dtype != object
        assert_allclose(result.detach().numpy(), expected, rtol=1e-6)
        if name in ("+", "-", "*", "/", "**"):
            assert result.requires_grad
            result.sum().backward()
            assert x.grad.shape == x.shape
            assert x.grad.dtype == ag.float32
        else:
            assert result.dtype == ag.bool_


def test_matrix_products_with_numpy_on_either_side() -> None:
    w = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    x = ag.ones(3, 2, requires_grad=True)
    for result in (w @ x, np.matmul(w, x), np.dot(w, x), x @ w, np.matmul(x, w)):
        assert type(result) is ag.Tensor
        assert result.requires_grad
    (w @ x).sum().backward()
    assert_allclose(x.grad.numpy(), np.repeat(w.sum(0)[:, None], 2, axis=1))
    with pytest.raises(ag.GraphError, match="detach"):
        w.dot(x)  # a method that asks nobody; the conversion it starts with refuses


UFUNCS = {op.reference.__name__: op for op in REGISTRY.values() if isinstance(op.reference, np.ufunc) and op.function}


@pytest.mark.parametrize("op", UFUNCS.values(), ids=UFUNCS)
def test_ufuncs_that_have_an_operation_are_traced(op: Any) -> None:
    random = np.random.default_rng(0)
    arrays = [np.asarray(domain.draw(random, (3,))).astype(np.float32) for domain in op.domains]
    tensors = [ag.tensor(array, requires_grad=True) for array in arrays]
    result = op.reference(*tensors)
    assert type(result) is ag.Tensor
    assert_allclose(result.detach().numpy(), op.reference(*arrays), rtol=1e-5)
    assert result.requires_grad == op.differentiable
    if len(arrays) == 2:
        for mixed in (op.reference(arrays[0], tensors[1]), op.reference(tensors[0], arrays[1])):
            assert type(mixed) is ag.Tensor
            assert mixed.requires_grad == op.differentiable


REFUSED: dict[str, Any] = {
    "a ufunc without an operation": lambda x: np.nextafter(x, x),
    "another one": lambda x: np.spacing(x),
    "reduce": lambda x: np.add.reduce(x),
    "accumulate": lambda x: np.add.accumulate(x),
    "outer": lambda x: np.multiply.outer(x, x),
    "at": lambda x: np.add.at(np.zeros(2), np.array([0, 1]), x),
    "out": lambda x: np.add(x, x, out=np.zeros(2)),
    "where": lambda x: np.add(x, x, where=np.array([True, False])),
    "dtype": lambda x: np.add(x, x, dtype=np.float64),
    "array += tensor": lambda x: operator.iadd(np.zeros(2, np.float32), x),
    "a function without one": lambda x: np.median(x),
    "fft": lambda x: np.fft.fft(x),
    "linalg": lambda x: np.linalg.cond(x),
    "percentile": lambda x: np.percentile(x, 50),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_has_no_traced_form_is_a_type_error_that_names_it(call: Any) -> None:
    for x in (ag.ones(2, requires_grad=True), ag.ones(2)):
        with pytest.raises(TypeError, match=r"numpy\.\w+"):
            call(x)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x),
        lambda x: np.sum(x, axis=0),
        lambda x: np.sum(x, axis=(0, 1), keepdims=True),
        lambda x: np.mean(x, axis=1),
        lambda x: np.max(x),
        lambda x: np.min(x, axis=0, keepdims=True),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.reshape(x, -1),
        lambda x: np.transpose(x),
        lambda x: np.transpose(x, (1, 0)),
        lambda x: np.concatenate([x, x]),
        lambda x: np.concatenate((x, x), axis=1),
        lambda x: np.stack([x, x], axis=2),
        lambda x: np.squeeze(np.expand_dims(x, 1), axis=1),
        lambda x: np.broadcast_to(x, (4, 2, 3)),
        lambda x: np.where(np.array([True, False, True]), x, 0.0),
    ],
)
def test_functions_that_have_an_operation_are_traced(call: Any) -> None:
    array = np.arange(6.0).reshape(2, 3)
    x = ag.tensor(array, requires_grad=True)
    result = call(x)
    assert type(result) is ag.Tensor
    assert result.requires_grad
    assert_allclose(result.detach().numpy(), call(array))


def test_questions_about_shape_are_answered_without_leaving_the_graph() -> None:
    x = ag.ones(2, 3, requires_grad=True)
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2
    assert np.size(x) == 6


def test_conversion_to_an_array() -> None:
    array = np.arange(3.0, dtype=np.float32)
    x = ag.from_numpy(array)
    assert np.shares_memory(np.asarray(x), array)
    assert not np.shares_memory(np.array(x), array)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float64, copy=False)
    with pytest.raises(ag.GraphError, match=r"\.detach\(\)\.numpy\(\)"):
        np.asarray(ag.ones(2, requires_grad=True))
    assert float(np.float32(ag.tensor(2.5))) == 2.5
    assert list(np.arange(3)[ag.tensor([0, 2])]) == [0, 2]


def test_tensors_in_numpys_containers() -> None:
    array = np.zeros((2, 2), np.float32)
    array[0] = ag.ones(2)
    array[1, ag.tensor(0)] = ag.tensor(5.0)
    assert array.tolist() == [[1.0, 1.0], [5.0, 0.0]]
    with pytest.raises((ag.GraphError, ValueError)):
        array[0] = ag.ones(2, requires_grad=True)

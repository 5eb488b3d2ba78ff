"""Indices, joins and einsum: rows 34 to 38, each test named after its row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
from tests.leaves import leaf

INDICES = {
    "repeated": np.array([0, 2, 2, 0, -1]),
    "negative": np.array([-1, -3, -1]),
    "empty": np.array([], np.int64),
    "mask": np.array([True, False, True]),
    "mask of nothing": np.zeros(3, bool),
    "full mask": np.arange(12).reshape(3, 4) % 3 == 0,
    "slice and array": (slice(0, 2), np.array([1, 1, 0])),
    "array and slice": (np.array([2, 2]), slice(1, 3)),
    "pairs": (np.array([0, 0, 2]), np.array([1, 1, 3])),
    "none and array": (None, np.array([1, 1])),
    "ellipsis and array": (Ellipsis, np.array([3, 3, 0])),
    "integer and array": (1, np.array([3, 3, 0])),
    "matrix": np.array([[0, 1], [1, 1]]),
    "slice": slice(None, None, -1),
    "integer": 1,
    "everything": Ellipsis,
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_semantics_34_35_the_gradient_of_indexing_is_numpy_add_at(index: Any) -> None:
    x = leaf(np.arange(12.0).reshape(3, 4))
    part = x[index]
    cotangent = np.random.default_rng(0).standard_normal(part.shape)
    part.backward(ag.tensor(cotangent))
    expected = np.zeros((3, 4))
    np.add.at(expected, index, cotangent)
    assert_allclose(x.grad.numpy(), expected, rtol=1e-14)


def test_semantics_35_an_integer_apart_from_an_array_follows_numpy() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    index = (0, slice(None), np.array([3, 1]))
    assert_array_equal(ag.tensor(array)[index].numpy(), array[index])


@pytest.mark.parametrize("index", [3, -4, (0, 4), np.array([0, 3]), np.array([-4]), (slice(None), np.array([0, 9]))])
def test_semantics_36_an_index_out_of_range_raises(index: Any) -> None:
    x = leaf(np.arange(12.0).reshape(3, 4))
    with pytest.raises(IndexError, match="out of bounds"):
        x[index]
    with pytest.raises(IndexError, match="out of bounds"):
        ag.zeros(3, 4)[index] = 1.0


def test_semantics_34_changing_the_index_after_the_forward_pass_changes_nothing() -> None:
    for index in (np.array([0, 1]), ag.tensor([0, 1])):
        x = leaf([1.0, 2.0, 3.0])
        picked = x[index]
        (index.numpy() if isinstance(index, ag.Tensor) else index)[:] = 2
        picked.sum().backward()
        assert x.grad.tolist() == [1.0, 1.0, 0.0]


EQUATIONS = {
    "trace": ("ii->", [(3, 3)]),
    "diagonal": ("ii->i", [(3, 3)]),
    "diagonal of a cube": ("iji->j", [(2, 3, 2)]),
    "sum of one operand only": ("ij,k->i", [(2, 3), (4,)]),
    "broadcast of size one": ("ij,ij->ij", [(2, 3), (1, 3)]),
    "ellipsis": ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]),
    "ellipsis that broadcasts": ("...i,...i->...", [(2, 1, 3), (4, 3)]),
    "implicit output": ("ba", [(2, 3)]),
    "implicit product": ("ij,jk", [(2, 3), (3, 4)]),
    "outer": ("i,j->ij", [(2,), (3,)]),
    "three operands": ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
    "empty": ("ij,jk->ik", [(2, 0), (0, 3)]),
    "scalars": (",->", [(), ()]),
    "repeated in both": ("ii,i->i", [(3, 3), (3,)]),
}


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS.values(), ids=EQUATIONS)
def test_semantics_37_einsum(equation: str, shapes: Any, torch: Any) -> None:
    random = np.random.default_rng(0)
    arrays = [np.asarray(random.standard_normal(shape)) for shape in shapes]
    tensors = [leaf(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, expected = ag.einsum(equation, *tensors), torch.einsum(equation, *theirs)
    assert_allclose(result.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    assert_allclose(result.detach().numpy(), np.einsum(equation, *arrays), atol=1e-12)
    cotangent = np.asarray(random.standard_normal(result.shape))
    result.backward(ag.tensor(cotangent))
    expected.backward(torch.tensor(cotangent))
    for ours, reference in zip(tensors, theirs, strict=True):
        assert_allclose(ours.grad.numpy(), reference.grad.numpy(), atol=1e-12)


def test_semantics_37_einsum_of_the_same_tensor_twice() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    ag.einsum("ij,ij->", x, x).backward()
    assert x.grad.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_semantics_38_joins_of_empty_parts_negative_axes_and_the_same_tensor_twice() -> None:
    x, empty = leaf([[1.0, 2.0]]), leaf(np.zeros((0, 2)))
    joined = ag.cat([x, empty, x], dim=-2)
    assert joined.shape == (2, 2)
    (joined * ag.tensor([[1.0, 2.0], [10.0, 20.0]], dtype="float64")).sum().backward()
    assert x.grad.tolist() == [[11.0, 22.0]]
    assert empty.grad.shape == (0, 2)
    first, second = x.split([0, 2], dim=-1)
    assert (first.shape, second.shape) == ((1, 0), (1, 2))
    mixed = ag.cat([leaf([1.0], "float32"), ag.tensor([1, 2])])
    assert mixed.dtype == ag.float32

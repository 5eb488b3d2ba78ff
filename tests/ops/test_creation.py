"""Making tensors: what is read, in which dtype, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, ag.int64),
        (1.0, ag.float32),
        (True, ag.bool_),
        ([], ag.float32),
        ([[]], ag.float32),
        ([1, 2.0], ag.float32),
        ([True, 2], ag.int64),
        ([1.0, True], ag.float32),
        (range(3), None),
        (np.float64(1), ag.float64),
        ([np.float64(1)], ag.float64),
        (np.array([1.0]), ag.float64),
        (np.array([1], np.uint8), ag.uint8),
        (np.bool_(True), ag.bool_),
    ],
)
def test_inferred_dtypes(data: Any, dtype: Any) -> None:
    if dtype is None:
        with pytest.raises(TypeError, match="range"):
            ag.tensor(data)
        return
    assert ag.tensor(data).dtype is dtype


def test_a_tensor_of_a_tensor_copies_its_values_only() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = ag.tensor(x * 2)
    assert y.tolist() == [2.0, 4.0]
    assert not y.requires_grad
    z = ag.Tensor(x, dtype="float64", requires_grad=True)
    assert z.dtype == ag.float64
    assert z.is_leaf


@pytest.mark.parametrize("name", ["zeros", "ones", "empty"])
def test_sizes_separately_or_as_a_sequence(name: str) -> None:
    make = getattr(ag, name)
    for tensor in (make(2, 3), make((2, 3)), make([2, 3]), make(np.int64(2), 3)):
        assert tensor.shape == (2, 3)
        assert tensor.dtype == ag.float32
    assert make().shape == make(()).shape == ()
    assert make(0).shape == (0,)
    for wrong in ((2.0,), ("2",), (True,), (None,)):
        with pytest.raises(TypeError):
            make(*wrong)
    with pytest.raises(ValueError, match="negative"):
        make(-1)


def test_dtypes_by_any_name() -> None:
    for name in ("float64", np.float64, np.dtype("f8"), ag.float64, float):
        assert ag.zeros(1, dtype=name).dtype is ag.float64
    for wrong in ("float128", "nonsense", 3, complex):
        with pytest.raises(TypeError):
            ag.zeros(1, dtype=wrong)


def test_requires_grad_at_creation() -> None:
    for tensor in (
        ag.zeros(2, requires_grad=True),
        ag.full((2,), 1.5, requires_grad=True),
        ag.eye(2, requires_grad=True),
        ag.arange(0.0, 1.0, 0.5, requires_grad=True),
        ag.linspace(0, 1, 3, requires_grad=True),
        ag.ones_like(ag.ones(2), requires_grad=True),
    ):
        assert tensor.requires_grad
        assert tensor.is_leaf


def test_creation_ignores_the_default_dtype_where_the_data_decides() -> None:
    ag.set_default_dtype("float64")
    try:
        assert ag.zeros(1).dtype == ag.tensor(1.0).dtype == ag.arange(0.0, 1.0).dtype == ag.float64
        assert ag.tensor(np.float32(1)).dtype == ag.float32
        assert ag.rand(1).dtype == ag.float64
    finally:
        ag.set_default_dtype("float32")


def test_from_numpy_shares_both_ways() -> None:
    array = np.zeros((2, 3))
    tensor = ag.from_numpy(array.T)
    tensor[0, 0] = 5.0
    array[1, 2] = 7.0
    assert array[0, 0] == 5
    assert tensor[2, 1].item() == 7
    assert tensor.shape == (3, 2)


def test_ragged_nested_sequences_say_so() -> None:
    for ragged in ([[1], [1, 2]], [1, [2]], [[[1]], [[1], [2]]]):
        with pytest.raises(ValueError, match="rectangle"):
            ag.tensor(ragged)

"""Tensors as text: PyTorch's, where the two promise the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag

TABLE: dict[str, Any] = {
    "0-d": 2.5,
    "0-d of an integer value": 2.0,
    "0-d int": 3,
    "bool": True,
    "bools": [True, False],
    "integers": [1, -20, 300],
    "matrix of integers": [[1, 2], [30, 4]],
    "whole floats": [1.0, 2.0, 3.0],
    "floats": [1.5, -2.25, 3.125],
    "rounded": [0.12345678, 1.0],
    "a third": [1 / 3],
    "matrix": [[1.0, 2.5], [-3.0, 4.125]],
    "cube": [[[1.0, 2.0]], [[3.0, 4.0]]],
    "large": [1e10, 1.0],
    "small": [1e-10, 1.0],
    "hundred thousands": [123456.0, 1.0],
    "wide range": [1e-3, 1e3],
    "very large": [1e30],
    "infinities": [np.inf, -np.inf, 1.0],
    "nan": [np.nan, 1.5],
    "only nan": [np.nan],
    "zeros": [0.0, 0.0],
    "negative zero": [-0.0],
    "empty": [],
    "long row": list(range(50)),
    "long row of floats": [k / 7 for k in range(30)],
}


@pytest.mark.parametrize("values", TABLE.values(), ids=TABLE)
def test_values_print_as_in_pytorch(values: Any, torch: Any) -> None:
    assert repr(ag.tensor(values)) == repr(torch.tensor(values))


@pytest.mark.parametrize("shape", [(2000,), (50, 50), (3, 1200), (1100, 2)])
def test_large_tensors_are_summarised_as_in_pytorch(shape: Any, torch: Any) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    assert repr(ag.tensor(array)) == repr(torch.tensor(array))


def test_flags_and_dtypes(torch: Any) -> None:
    assert repr(ag.ones(2, requires_grad=True)) == repr(torch.ones(2, requires_grad=True))
    assert repr(ag.ones(2, dtype="float64")) == "tensor([1., 1.], dtype=float64)"
    assert repr(ag.ones(2, dtype="int32")) == "tensor([1, 1], dtype=int32)"
    assert repr(ag.ones(2, requires_grad=True) * 2) == "tensor([2., 2.], grad_fn=<mul>)"
    assert repr(ag.zeros(0, 3)) == repr(torch.zeros(0, 3))
    assert repr(ag.zeros(0, dtype="int64")).replace("dtype=", "dtype=torch.") == repr(torch.zeros(0, dtype=torch.int64))
    assert str(ag.ones(1)) == repr(ag.ones(1))


def test_the_default_dtype_is_the_one_left_out() -> None:
    ag.set_default_dtype("float64")
    try:
        assert repr(ag.ones(1)) == "tensor([1.])"
        assert repr(ag.ones(1, dtype="float32")) == "tensor([1.], dtype=float32)"
    finally:
        ag.set_default_dtype("float32")


def test_printing_leaves_numpys_options_alone() -> None:
    before = np.get_printoptions()
    with np.printoptions(precision=1, threshold=2, suppress=True):
        assert repr(ag.tensor([1.23456, 2.0, 3.0])) == "tensor([1.2346, 2.0000, 3.0000])"
    assert np.get_printoptions() == before

"""Promotion of dtypes, and the dtypes of made tensors, against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.oracle.libraries import assert_same, torch
from tests.strategies import constant

pytestmark = pytest.mark.torch


DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")
KINDS = ("tensor", "0-d")
BINARY: dict[str, Any] = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "eq": lambda x, y: x == y,
    "lt": lambda x, y: x < y,
}


def operand(library: Any, dtype: str, kind: str) -> Any:
    array = np.array([1, 0, 1] if kind == "tensor" else 1, dtype)
    return constant(array) if library is ag else torch.from_numpy(np.atleast_1d(array)).reshape(array.shape)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("first", DTYPES)
def test_promotion_of_two_tensors(name: str, first: str) -> None:
    """Every pair of dtypes, each with dimensions and without."""
    function = BINARY[name]
    for second, kind, other in itertools.product(DTYPES, KINDS, KINDS):
        with np.errstate(all="ignore"):
            result = function(operand(ag, first, kind), operand(ag, second, other))
        expected = function(operand(torch, first, kind), operand(torch, second, other))
        assert_same(result, expected)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("first", DTYPES)
def test_promotion_of_a_tensor_and_a_number(name: str, first: str) -> None:
    function = BINARY[name]
    for number, kind in itertools.product((True, 2, 2.5), KINDS):
        with np.errstate(all="ignore"):
            result = function(operand(ag, first, kind), number)
            reflected = function(number, operand(ag, first, kind))
        assert_same(result, function(operand(torch, first, kind), number))
        assert_same(reflected, function(number, operand(torch, first, kind)))


@pytest.mark.parametrize("first", DTYPES[1:])
def test_promotion_of_powers(first: str) -> None:
    for second, kind, other in itertools.product(DTYPES[1:], KINDS, KINDS):
        result = operand(ag, first, kind) ** operand(ag, second, other)
        assert_same(result, operand(torch, first, kind) ** operand(torch, second, other))
    for number in (2, 0.5):
        assert_same(operand(ag, first, "tensor") ** number, operand(torch, first, "tensor") ** number)
        assert_same(number ** operand(ag, first, "tensor"), number ** operand(torch, first, "tensor"))


@pytest.mark.parametrize("name", ["exp", "sqrt", "sigmoid", "sin", "abs", "neg", "sign", "square", "relu", "isnan"])
def test_dtype_of_functions_of_integers(name: str) -> None:
    for dtype in DTYPES[1:]:
        array = np.array([1, 0, 3], dtype)
        ours = getattr(ag, name)(constant(array))
        theirs = getattr(torch, name)(torch.from_numpy(array))
        assert_same(ours, theirs)


@pytest.mark.parametrize("first", DTYPES)
def test_where_and_maximum_promote(first: str) -> None:
    condition = np.array([True, False, True])
    for second, kind, other in itertools.product(DTYPES, KINDS, KINDS):
        ours = operand(ag, first, kind), operand(ag, second, other)
        theirs = operand(torch, first, kind), operand(torch, second, other)
        assert_same(ag.where(constant(condition), *ours), torch.where(torch.from_numpy(condition), *theirs))
        assert_same(ag.maximum(*ours), torch.maximum(*theirs))
        assert_same(ag.minimum(*ours), torch.minimum(*theirs))


@pytest.mark.parametrize("name", ["add_", "mul_", "sub_", "div_"])
def test_promotion_in_place(name: str) -> None:
    """In place a result must fit the category of the dtype it is stored in: both store it, or both refuse."""
    for first, second in itertools.product(DTYPES, (*DTYPES, True, 2, 2.5)):
        if name == "sub_" and (first == "bool" or second is True or second == "bool"):
            continue  # PyTorch refuses to subtract bool tensors from numbers too; NumPy only from each other
        given = (
            (operand(ag, second, "tensor"), operand(torch, second, "tensor"))
            if isinstance(second, str)
            else (second, second)
        )
        target, expected = operand(ag, first, "tensor"), operand(torch, first, "tensor")
        try:
            with np.errstate(all="ignore"):
                getattr(expected, name)(given[1])
        except RuntimeError:
            with pytest.raises((TypeError, RuntimeError)):
                getattr(target, name)(given[0])
        else:
            with np.errstate(all="ignore"):
                getattr(target, name)(given[0])
            assert_same(target, expected)


CREATED: dict[str, Any] = {
    "float": lambda library: library.tensor(1.5),
    "int": lambda library: library.tensor(3),
    "bool": lambda library: library.tensor(True),
    "empty list": lambda library: library.tensor([]),
    "nested": lambda library: library.tensor([[1, 2], [3, 4]]),
    "mixed": lambda library: library.tensor([1, 2.5]),
    "bools and integers": lambda library: library.tensor([True, 2]),
    "float64 array": lambda library: library.tensor(np.array([1.0])),
    "float64 number": lambda library: library.tensor(np.float64(1.0)),
    "dtype": lambda library: library.tensor([1.7, -1.7], dtype=library.int32),
    "arange": lambda library: library.arange(5),
    "arange of floats": lambda library: library.arange(0.0, 1.0, 0.25),
    "arange downwards": lambda library: library.arange(5, 0, -2),
    "arange of nothing": lambda library: library.arange(0),
    "arange dtype": lambda library: library.arange(1, 4, dtype=library.float32),
    "arange fraction": lambda library: library.arange(0, 1, 0.3),
    "linspace": lambda library: library.linspace(-1, 1, 7),
    "linspace of one": lambda library: library.linspace(2, 3, 1),
    "zeros": lambda library: library.zeros(2, 3),
    "zeros of a tuple": lambda library: library.zeros((2, 0)),
    "zeros of 0-d": lambda library: library.zeros(()),
    "ones": lambda library: library.ones(2, dtype=library.int64),
    "full of int": lambda library: library.full((2,), 3),
    "full of float": lambda library: library.full((2,), 3.5),
    "full of bool": lambda library: library.full((2, 2), True),
    "full dtype": lambda library: library.full((2,), 3, dtype=library.float64),
    "eye": lambda library: library.eye(3),
    "eye of two sizes": lambda library: library.eye(2, 4, dtype=library.float64),
    "zeros_like": lambda library: library.zeros_like(library.tensor([1, 2])),
    "ones_like dtype": lambda library: library.ones_like(library.tensor([1, 2]), dtype=library.float64),
    "full_like": lambda library: library.full_like(library.tensor([1.0, 2.0]), 3),
}


@pytest.mark.parametrize("create", CREATED.values(), ids=CREATED)
def test_creation(create: Any) -> None:
    assert_same(create(ag), create(torch))

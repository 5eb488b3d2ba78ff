"""Predicates and comparisons beyond Python's operators: what kind of number, how close, equal as a whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import formula as f
from ..declaration import attach
from ..dispatch import as_operand, as_tensor_operand, elementwise
from ..tensor import Tensor
from .calling import alias, is_floating, public
from .elementwise import PREDICATE, eq, ge, gt, le, logical_and, logical_not, logical_or, lt, ne
from .inplace import in_place


@elementwise(**PREDICATE, special=(0.0, np.nan, np.inf), reference=np.isnan, torch="isnan")
def isnan(x: Any) -> Any:
    """Whether a value is NaN."""
    return f.isnan(x)


@elementwise(**PREDICATE, special=(0.0, np.nan, np.inf, -np.inf), reference=np.isinf, torch="isinf")
def isinf(x: Any) -> Any:
    """Whether a value is infinite."""
    return f.isinf(x)


@elementwise(**PREDICATE, special=(0.0, np.nan, np.inf, -np.inf), reference=np.isfinite, torch="isfinite")
def isfinite(x: Any) -> Any:
    """Whether a value is neither infinite nor NaN."""
    return f.isfinite(x)


@elementwise(**PREDICATE, special=(0.0, np.nan, np.inf, -np.inf), reference=np.isposinf, torch="isposinf")
def isposinf(x: Any) -> Any:
    """Whether a value is positive infinity."""
    return f.equal(x, math.inf)


@elementwise(**PREDICATE, special=(0.0, np.nan, np.inf, -np.inf), reference=np.isneginf, torch="isneginf")
def isneginf(x: Any) -> Any:
    """Whether a value is negative infinity."""
    return f.equal(x, -math.inf)


@elementwise(**PREDICATE, special=(0.0, -0.0, np.inf, -np.inf), reference=np.signbit, torch="signbit")
def signbit(x: Any) -> Any:
    """Whether a value has a minus sign, negative zero included."""
    return f.signbit(x)


@elementwise(**PREDICATE, reference=np.logical_xor, torch="logical_xor")
def logical_xor(x: Any, z: Any) -> Any:
    """Whether one of two values is nonzero and the other is not."""
    return f.logical_xor(x, z)


@elementwise(
    name="isclose", **PREDICATE, special=(0.0, np.nan, np.inf), reference=np.isclose, torch="isclose", method=False
)
def _isclose(x: Any, z: Any, *, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Any:
    """Whether |x - z| <= atol + rtol |z|; infinities are close to themselves, NaN only if `equal_nan`."""
    near = f.logical_and(f.isfinite(x - z), f.abs(x - z) <= atol + rtol * f.abs(z))
    both_nan = f.logical_and(f.isnan(x), f.isnan(z))
    return f.logical_or(f.logical_or(f.equal(x, z), near), f.logical_and(f.not_equal(equal_nan, 0), both_nan))


@public(_isclose, method=True)
def isclose(input: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol |other|, elementwise.

    Infinities are close to themselves; NaN is close to nothing, or to NaN if `equal_nan`.

    Raises:
        TypeError: if the dtypes differ.
        ValueError: if a tolerance is negative.
    """
    given = as_operand(other, "isclose")
    if isinstance(given, Tensor) and isinstance(input, Tensor) and given.dtype != input.dtype:
        raise TypeError(f"isclose: the dtypes must be equal, got {input.dtype} and {given.dtype}")
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: tolerances must not be negative, got rtol={rtol} and atol={atol}")
    if not is_floating(input) and not is_floating(given):
        # Differences of integers may leave their range.
        input = input.to(np.float64)
        given = given.to(np.float64) if isinstance(given, Tensor) else float(given)
    return _isclose(input, given, rtol=float(rtol), atol=float(atol), equal_nan=bool(equal_nan))


def allclose(input: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as :func:`isclose` says."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


def equal(input: Tensor, other: Any) -> bool:
    """Whether two tensors have the same shape and equal elements; NaN is equal to nothing."""
    given = as_tensor_operand(other, "equal")
    return input.shape == given.shape and bool(eq(input, given)._array.all())


attach("allclose", allclose)
attach("equal", equal)
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
for _name, _function in (
    ("greater", gt),
    ("greater_equal", ge),
    ("less", lt),
    ("less_equal", le),
    ("not_equal", ne),
):
    alias(_function, _name)
# Predicates have no gradient, so operators leaves their in-place forms to this file.
for _function in (eq, ne, lt, le, gt, ge, logical_not, logical_and, logical_or, logical_xor):
    attach(f"{_function.__name__}_", in_place(_function, _function.__name__))

__all__ = [
    "allclose",
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "less",
    "less_equal",
    "logical_xor",
    "not_equal",
    "signbit",
]

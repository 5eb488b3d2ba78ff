"""Numbers as the machine holds them: mantissa and exponent, neighbours, common divisors, membership in a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..broadcasting import broadcast_shapes
from ..declaration import attach
from ..dispatch import as_operand, as_tensor_operand, cast
from ..tensor import Tensor, wrap
from .arguments import floating
from .calling import alias
from .elementwise import log, mul, pow
from .special import lgamma


class MantissaAndExponent(NamedTuple):
    """What :func:`frexp` returns: input = mantissa · 2^exponent."""

    mantissa: Tensor
    exponent: Tensor


def ldexp(input: Any, other: Any) -> Tensor:
    """input · 2^other, differentiable in both.

    Example:
        >>> import autograd_core as ag
        >>> ag.ldexp(ag.tensor([1.0, 3.0]), ag.tensor([2, -1])).tolist()
        [4.0, 1.5]
    """
    exponent = as_tensor_operand(other, "ldexp")
    if exponent.dtype.kind != "f":
        exponent = cast(exponent, dtypes.get_default_dtype())
    return mul(input, pow(2.0, exponent))


def frexp(input: Tensor) -> MantissaAndExponent:
    """Mantissas of magnitude in [0.5, 1) and exponents as int32; zeros, infinities and NaN have exponent 0.

    Raises:
        TypeError: for integers and booleans.

    Example:
        >>> import autograd_core as ag
        >>> ag.frexp(ag.tensor([3.0])).mantissa.item()
        0.75
    """
    tensor = floating(input, "frexp")
    exponent = np.asarray(np.frexp(tensor._array)[1], np.int32)
    # The power of two that scales a subnormal number up is no float; half of it, twice, is.
    half = exponent // 2
    one = tensor.dtype.type(1)
    scales = [wrap(np.asarray(np.ldexp(one, -part)), None) for part in (half, exponent - half)]
    return MantissaAndExponent(tensor * scales[0] * scales[1], wrap(exponent, None))


def nextafter(input: Tensor, other: Any) -> Tensor:
    """The floating number next to `input` in the direction of `other`; a constant to gradients.

    Raises:
        TypeError: for integers and booleans.
    """
    first, second = floating(input, "nextafter"), floating(other, "nextafter")
    dtype = dtypes.promote(first.dtype, second.dtype)
    broadcast_shapes(first.shape, second.shape, operation="nextafter")
    return wrap(np.asarray(np.nextafter(first._array.astype(dtype), second._array.astype(dtype))), None)


def _integral(name: str, ufunc: np.ufunc, summary: str) -> Callable[[Any, Any], Tensor]:
    def call(input: Any, other: Any) -> Tensor:
        operands = [as_operand(value, name) for value in (input, other)]
        if not any(isinstance(operand, Tensor) for operand in operands):
            raise TypeError(f"{name}() needs at least one tensor")
        arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
        dtype = dtypes.result_type(arrays)
        if dtype.kind not in "iu":
            raise TypeError(f"{name} needs integer tensors, got {dtype}")
        return wrap(np.asarray(ufunc(*(np.asarray(array).astype(dtype, copy=False) for array in arrays))), None)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = summary + "\n\n    Raises:\n        TypeError: for floating and bool tensors."
    return call


gcd = _integral("gcd", np.gcd, "The greatest common divisor of integers, elementwise; gcd(0, 0) = 0.")
lcm = _integral("lcm", np.lcm, "The least common multiple of integers, elementwise.")


def isreal(input: Tensor) -> Tensor:
    """Whether a value has no imaginary part, which is true of all: complex tensors are not supported."""
    return wrap(np.ones(as_tensor_operand(input, "isreal").shape, bool), None)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each of `elements` occurs among `test_elements`; with `invert` whether it does not.

    Args:
        elements, test_elements: tensors or numbers, at least one of them a tensor.
        assume_unique: that neither holds an element twice, which is quicker.
        invert: negate.
    """
    given = [as_operand(value, "isin") for value in (elements, test_elements)]
    if not any(isinstance(value, Tensor) for value in given):
        raise TypeError("isin() needs at least one tensor")
    arrays = [value._array if isinstance(value, Tensor) else np.asarray(value) for value in given]
    # NumPy's short cut for unique elements returns a line whatever the shape.
    found = np.isin(arrays[0], arrays[1], assume_unique=assume_unique, invert=invert)
    return wrap(np.asarray(found).reshape(arrays[0].shape), None)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`.

    Source: Anderson, "An Introduction to Multivariate Statistical Analysis", section 7.2: the sum of
    ln Γ(input + (1 - i) / 2) over i from 1 to p, and p (p - 1) / 4 · ln π.

    Raises:
        ValueError: for p below 1.
    """
    if isinstance(p, bool) or not isinstance(p, (int, np.integer)):
        raise TypeError(f"mvlgamma: p must be an int, got {type(p).__name__}")
    if p < 1:
        raise ValueError(f"mvlgamma: p must be at least 1, got {p}")
    tensor = as_tensor_operand(input, "mvlgamma")
    if tensor.dtype.kind != "f":
        tensor = cast(tensor, dtypes.get_default_dtype())
    total = lgamma(tensor)
    for place in range(1, int(p)):
        total = total + lgamma(tensor - place / 2)
    return total + p * (p - 1) / 4 * float(np.log(np.pi))


multigammaln = mvlgamma


def entr(input: Tensor) -> Tensor:
    """-x ln x, the entropy of a probability: 0 at 0, and -inf for negative x."""
    tensor = as_tensor_operand(input, "entr")
    if tensor.dtype.kind != "f":
        tensor = cast(tensor, dtypes.get_default_dtype())
    from .elementwise import where

    positive = tensor > 0
    # The logarithm sees only what it is used for, so that no NaN comes back from where it is not.
    inside = where(positive, tensor, 1.0)
    edge = np.where(tensor._array < 0, -np.inf, np.where(np.isnan(tensor._array), np.nan, 0))
    return where(positive, -inside * log(inside), wrap(edge.astype(tensor.dtype), None))


for _function in (ldexp, gcd, lcm, nextafter, mvlgamma):
    alias(_function, _function.__name__)
attach("frexp", frexp)
attach("isreal", isreal)

__all__ = ["frexp", "gcd", "isin", "isreal", "lcm", "ldexp", "mvlgamma", "nextafter"]

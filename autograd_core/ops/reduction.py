"""Reductions: sums, products, logarithms of sums, and tests of all elements.

Means and variances are in :mod:`.moments`, extrema in :mod:`.extrema`; this module passes them on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..broadcasting import normalize_dims
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand, cast
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from . import extrema, moments
from .arguments import Dim, Extremes, ValuesAndIndices, converted, floating, summable
from .blocks import exponentials_of, extremum_of, fold, logsumexp_gradient_of, product_gradient_of, product_of
from .extrema import *  # noqa: F403
from .extrema import amax_primitive as amax_primitive, amin_primitive as amin_primitive
from .linear_maps import (
    cat_primitive,
    expand_reduced,
    kept_shape,
    permute_primitive,
    raw,
    reshape_primitive,
    slice_primitive,
    sum_primitive,
)
from .moments import *  # noqa: F403
from .moments import mean_primitive as mean_primitive, var_primitive as var_primitive
from .scan import cumprod_primitive


def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over all dimensions or over `dim`.

    Args:
        input: any shape; integers and booleans are summed as int64.
        dim: a dimension, several, or None for all.
        keepdim: keep the reduced dimensions with size 1.
        dtype: convert to this dtype first.

    Raises:
        IndexError: if a dimension is out of range.

    Example:
        >>> import autograd_core as ag
        >>> ag.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
        tensor([4., 6.])
    """
    input = summable(input, dtype, "sum")
    parameters = {"dim": normalize_dims(dim, input.ndim, "sum"), "keepdim": keepdim}
    result: Tensor = apply(sum_primitive.op, (input,), parameters)
    return result


def nansum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum of the elements that are not NaN; those receive no gradient. Arguments and errors as :func:`sum`."""
    tensor = converted(input, dtype, "nansum")
    if tensor.dtype.kind == "f":
        tensor = f.where(np.isnan(tensor._array), 0.0, tensor)
    return sum(tensor, dim, keepdim)


def nanmean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean of the elements that are not NaN; NaN where there is none. Arguments and errors as :func:`mean`."""
    tensor = floating(converted(input, dtype, "nanmean"), "nanmean")
    number = sum(wrap(~np.isnan(tensor._array), None), dim, keepdim)
    return nansum(tensor, dim, keepdim) / cast(number, tensor.dtype)


# --- products ---------------------------------------------------------------------------------------------------


@structural(
    "prod",
    torch="prod",
    reference=lambda x, dim, keepdim: np.prod(x, axis=dim, keepdims=keepdim),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"dim": (1,), "keepdim": False}),
        Sample((random.standard_normal((2, 3, 2)),), {"dim": (0, 2), "keepdim": True}),
        Sample((np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 4.0]]),), {"dim": (1,), "keepdim": False}),
        Sample((random.standard_normal((0, 3)),), {"dim": (0,), "keepdim": False}),
        Sample((random.uniform(0.9, 1.1, (90, 80)),), {"dim": (1,), "keepdim": False}),
    ],
)
def prod_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Product over dimensions; 1 of no elements."""
    return np.asarray(product_of(x, dim, keepdim))


def _excluding(x: Any, reverse: bool) -> Any:
    """Products along the last dimension of all elements before each one, or after it."""
    length = x.shape[-1]
    part = slice_primitive(x, index=(Ellipsis, slice(1, None) if reverse else slice(0, length - 1)))
    running = cumprod_primitive(part, dim=x.ndim - 1, reverse=reverse)
    ones = np.ones((*x.shape[:-1], 1), raw(x).dtype)
    return cat_primitive(*((running, ones) if reverse else (ones, running)), dim=x.ndim - 1)


@prod_primitive.vjp("x")
def _(cotangent: Any, x: Any, dim: tuple[int, ...]) -> Any:
    # The product of the others, from both sides: exact where elements are zero.
    if not raw(x).size:
        return expand_reduced(cotangent, x.shape, dim)
    if isinstance(x, np.ndarray) and isinstance(cotangent, np.ndarray):
        found = product_gradient_of(cotangent.reshape(kept_shape(x.shape, dim)), x, dim)
        if found is not None:
            return found
    kept = tuple(axis for axis in range(x.ndim) if axis not in dim)
    order = (*kept, *dim)
    turned = permute_primitive(x, dims=order)
    rows = reshape_primitive(turned, shape=(*(x.shape[axis] for axis in kept), -1))
    others = _excluding(rows, reverse=False) * _excluding(rows, reverse=True)
    back = sorted(range(x.ndim), key=order.__getitem__)
    others = permute_primitive(reshape_primitive(others, shape=turned.shape), dims=tuple(back))
    return expand_reduced(cotangent, x.shape, dim) * others


def prod(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Product over all dimensions or over `dim`; gradients are exact also where elements are zero.

    Args:
        input: any shape; integers and booleans are multiplied as int64.
        dim: a dimension, several (which PyTorch's does not take), or None for all.
        keepdim: keep the reduced dimensions with size 1.
        dtype: convert to this dtype first.

    Raises:
        IndexError: if a dimension is out of range.
    """
    input = summable(input, dtype, "prod")
    parameters = {"dim": normalize_dims(dim, input.ndim, "prod"), "keepdim": keepdim}
    result: Tensor = apply(prod_primitive.op, (input,), parameters)
    return result


# --- logarithm of a sum of exponentials -------------------------------------------------------------------------


def _logsumexp_reference(x: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    if len(dim) == 1:
        return fold(np.logaddexp, x, dim, keepdim)
    return np.asarray(np.log(np.sum(np.exp(x), axis=dim, keepdims=keepdim)))


@structural(
    "logsumexp",
    torch="logsumexp",
    reference=_logsumexp_reference,
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)) * 3,), {"dim": (1,), "keepdim": False}),
        Sample((random.standard_normal((2, 3, 2)),), {"dim": (0, 1, 2), "keepdim": False}),
        Sample((random.standard_normal((2, 3)) * 300,), {"dim": (0,), "keepdim": True}),
    ],
)
def logsumexp_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """log of the sum of exp over dimensions, shifted by the maximum; -inf of no elements."""
    if not x.size:
        return np.asarray(np.log(fold(np.add, x, dim, keepdim)))
    largest = extremum_of(x, dim, True, largest=True)
    # An infinite maximum is the result; subtracted, it would leave inf - inf.
    finite = np.isfinite(largest)
    shift = np.where(finite, largest, x.dtype.type(0))
    total = np.where(finite, np.log(exponentials_of(x, dim, shift)) + shift, largest)
    return total if keepdim else np.asarray(np.squeeze(total, axis=dim))


@logsumexp_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: tuple[int, ...]) -> Any:
    # Where everything is -inf the gradient is 0, and exp(-inf - 0) says so.
    empty = raw(y) == -np.inf
    if empty.any():
        y = f.where(empty, 0.0, y)
    if isinstance(x, np.ndarray) and isinstance(cotangent, np.ndarray):
        kept = kept_shape(x.shape, dim)
        found = logsumexp_gradient_of(cotangent.reshape(kept), x, raw(y).reshape(kept), dim)
        if found is not None:
            return found
    return expand_reduced(cotangent, x.shape, dim) * f.exp(x - expand_reduced(y, x.shape, dim))


def logsumexp(input: Tensor, dim: Dim, keepdim: bool = False) -> Tensor:
    """log of the sum of exp over `dim`, finite for elements of any size; -inf elements receive gradient 0.

    Args:
        input: any shape; integers become the default dtype.
        dim: a dimension or several; None means all.
        keepdim: keep the reduced dimensions with size 1.

    Raises:
        IndexError: if a dimension is out of range.
    """
    input = as_tensor_operand(input, "logsumexp")
    if input.dtype.kind != "f":
        input = cast(input, dtypes.get_default_dtype())
    parameters = {"dim": normalize_dims(dim, input.ndim, "logsumexp"), "keepdim": keepdim}
    result: Tensor = apply(logsumexp_primitive.op, (input,), parameters)
    return result


# --- tests of all elements --------------------------------------------------------------------------------------


def _truth_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.random((3, 4)) < 0.7,), {"dim": (0, 1), "keepdim": False}),
        Sample((random.integers(0, 2, (3, 4)).astype(float),), {"dim": (1,), "keepdim": True}),
    ]


def _truth(name: str, function: Any, summary: str) -> Any:
    def forward(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
        return np.asarray(function(x, axis=dim, keepdims=keepdim))

    forward.__doc__ = summary
    return structural(name, torch=name, differentiable=False, reference=forward, samples=_truth_samples)(forward)


all_primitive = _truth("all", np.all, "Whether all elements over dimensions are nonzero or True.")
any_primitive = _truth("any", np.any, "Whether any element over dimensions is nonzero or True.")
count_nonzero_primitive = _truth("count_nonzero", np.count_nonzero, "Number of elements over dimensions not zero.")


def _reduce_truth(declaration: Any, input: Any, dim: Dim, keepdim: bool) -> Tensor:
    name = declaration.op.name
    input = as_tensor_operand(input, name)
    parameters = {"dim": normalize_dims(dim, input.ndim, name), "keepdim": keepdim}
    result: Tensor = apply(declaration.op, (input,), parameters)
    # Bytes stand for booleans in PyTorch's older code, and stay bytes.
    return cast(result, dtypes.uint8) if input.dtype is dtypes.uint8 else result


def all(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are nonzero or True; True of none.

    Raises:
        IndexError: if a dimension is out of range.
    """
    return _reduce_truth(all_primitive, input, dim, keepdim)


def any(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Whether any element is nonzero or True; False of none. Errors as :func:`all`."""
    return _reduce_truth(any_primitive, input, dim, keepdim)


def count_nonzero(input: Tensor, dim: Dim = None) -> Tensor:
    """The number of elements that are not zero, of all or over `dim`.

    Raises:
        IndexError: if a dimension is out of range.
    """
    input = as_tensor_operand(input, "count_nonzero")
    parameters = {"dim": normalize_dims(dim, input.ndim, "count_nonzero"), "keepdim": False}
    result: Tensor = apply(count_nonzero_primitive.op, (input,), parameters)
    return result


_OWN = (sum, nansum, nanmean, prod, logsumexp, all, any, count_nonzero)
for _function in _OWN:
    attach(_function.__name__, _function)

__all__ = [
    "Extremes",
    "ValuesAndIndices",
    *extrema.__all__,
    *moments.__all__,
    *(_function.__name__ for _function in _OWN),
]

"""Running sums, products, extrema and linear recurrences along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import formula as f
from ..broadcasting import Shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .arguments import ValuesAndIndices, floating, summable
from .blocks import around, run
from .inplace import in_place
from .linear_maps import cat_primitive, raw, scatter_along_primitive, slice_primitive

if TYPE_CHECKING:
    from ..kernels import scan as kernels
else:
    kernels = lazy_import("autograd_core.kernels.scan")

# Elements below which NumPy's loops are used, so that Numba is not loaded for them.
_SMALL = 512


def _is_large(x: np.ndarray) -> bool:
    return x.size >= _SMALL and x.dtype.kind == "f"


def _block(x: np.ndarray, dim: int) -> np.ndarray:
    return contiguous(x).reshape(around(x.shape, dim))


def _reversed(x: np.ndarray, dim: int, reverse: bool) -> np.ndarray:
    return np.flip(x, dim) if reverse else x


def _samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"dim": 1, "reverse": False}),
        Sample((random.standard_normal((3, 2, 2)),), {"dim": 0, "reverse": True}),
        Sample((random.standard_normal((2, 0)),), {"dim": 1, "reverse": False}),
        Sample((random.uniform(0.9, 1.1, (3, 200)),), {"dim": 1, "reverse": True}),
        Sample((random.uniform(0.9, 1.1, (4, 50, 3)),), {"dim": 1, "reverse": False}),
    ]


# --- sums and products ------------------------------------------------------------------------------------------


@structural(
    "cumsum",
    torch="cumsum",
    reference=lambda x, dim, reverse: _reversed(np.cumsum(_reversed(x, dim, reverse), dim), dim, reverse),
    samples=_samples,
)
def cumsum_primitive(x: np.ndarray, *, dim: int, reverse: bool) -> np.ndarray:
    """Running sums along a dimension, from its end if reversed."""
    if _is_large(x):
        out = np.empty(x.shape, x.dtype)
        run(kernels, "cumsum", x.size, _block(x, dim), reverse, out.reshape(around(x.shape, dim)))
        return out
    return _reversed(np.add.accumulate(_reversed(x, dim, reverse), axis=dim), dim, reverse)


@cumsum_primitive.vjp("x")
def _(cotangent: Any, dim: int, reverse: bool) -> Any:
    return cumsum_primitive(cotangent, dim=dim, reverse=not reverse)


@structural(
    "cumprod",
    torch="cumprod",
    reference=lambda x, dim, reverse: _reversed(np.cumprod(_reversed(x, dim, reverse), dim), dim, reverse),
    samples=lambda random: [
        *_samples(random),
        Sample((np.array([2.0, 3.0, 0.0, 4.0, 0.0, 5.0]),), {"dim": 0, "reverse": False}),
    ],
)
def cumprod_primitive(x: np.ndarray, *, dim: int, reverse: bool) -> np.ndarray:
    """Running products along a dimension, from its end if reversed."""
    if _is_large(x):
        out = np.empty(x.shape, x.dtype)
        run(kernels, "cumprod", x.size, _block(x, dim), reverse, out.reshape(around(x.shape, dim)))
        return out
    return _reversed(np.multiply.accumulate(_reversed(x, dim, reverse), axis=dim), dim, reverse)


def _shifted(x: Any, dim: int, forward: bool, first: float) -> Any:
    """The elements moved one place on along `dim`, or back, with `first` where none comes from."""
    length = x.shape[dim]
    before: tuple[Any, ...] = (slice(None),) * dim
    kept = slice_primitive(x, index=(*before, slice(0, length - 1) if forward else slice(1, None)))
    edge = np.full((*x.shape[:dim], 1, *x.shape[dim + 1 :]), first, raw(x).dtype)
    return cat_primitive(*((edge, kept) if forward else (kept, edge)), dim=dim)


@cumprod_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: int, reverse: bool) -> Any:
    # x[i] meets the product of what came before and, through x[i+1], …, all that follows: nothing is divided.
    if not raw(x).size:
        return cotangent
    following = _shifted(x, dim, forward=reverse, first=0.0)
    tail = recurrence_primitive(following, cotangent, dim=dim, reverse=not reverse)
    return _shifted(y, dim, forward=not reverse, first=1.0) * tail


def _recurrence_reference(factor: np.ndarray, x: np.ndarray, dim: int, reverse: bool) -> np.ndarray:
    factors, values = (np.moveaxis(_reversed(a, dim, reverse), dim, 0) for a in (factor, x))
    rows: list[np.ndarray] = []
    for a, b in zip(factors, values, strict=True):
        rows.append(a * rows[-1] + b if rows else b)
    return _reversed(np.moveaxis(np.stack(rows) if rows else values, 0, dim), dim, reverse)


@structural(
    "recurrence",
    reference=_recurrence_reference,
    samples=lambda random: [
        Sample((s.operands[0] * 0.5, random.standard_normal(s.operands[0].shape)), s.parameters)
        for s in _samples(random)
    ],
)
def recurrence_primitive(factor: np.ndarray, x: np.ndarray, *, dim: int, reverse: bool) -> np.ndarray:
    """y[i] = factor[i] y[i-1] + x[i] along a dimension, from y[-1] = 0; from its end if reversed."""
    out = np.empty(x.shape, x.dtype)
    if x.size:
        target = out.reshape(around(x.shape, dim))
        run(kernels, "recurrence", x.size, _block(factor, dim), _block(x, dim), reverse, target)
    return out


@recurrence_primitive.vjp("x")
def _(cotangent: Any, factor: Any, dim: int, reverse: bool) -> Any:
    if not cotangent.shape[dim]:
        return cotangent
    return recurrence_primitive(
        _shifted(factor, dim, forward=reverse, first=0.0), cotangent, dim=dim, reverse=not reverse
    )


@recurrence_primitive.vjp("factor")
def _(cotangent: Any, factor: Any, y: Any, dim: int, reverse: bool) -> Any:
    if not cotangent.shape[dim]:
        return cotangent
    pulled = recurrence_primitive(
        _shifted(factor, dim, forward=reverse, first=0.0), cotangent, dim=dim, reverse=not reverse
    )
    return pulled * _shifted(y, dim, forward=not reverse, first=0.0)


def _along(input: Tensor, dim: int, operation: str) -> tuple[Tensor, int, bool]:
    """The tensor with a dimension to walk, which a 0-d one lacks, and whether it had to be given one."""
    dim = normalize_dim(dim, input.ndim, operation)
    return (input, dim, False) if input.ndim else (input.reshape(1), 0, True)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`.

    Args:
        input: any shape; integers and booleans are summed as int64.
        dim: the dimension.
        dtype: convert to this dtype first.

    Raises:
        IndexError: if the dimension is out of range.

    Example:
        >>> import autograd_core as ag
        >>> ag.tensor([1, 2, 3]).cumsum(0)
        tensor([1, 3, 6])
    """
    tensor, dim, flat = _along(summable(input, dtype, "cumsum"), dim, "cumsum")
    result: Tensor = apply(cumsum_primitive.op, (tensor,), {"dim": dim, "reverse": False})
    return result.reshape(()) if flat else result


def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`, with gradients that are exact also at zeros; arguments as :func:`cumsum`."""
    tensor, dim, flat = _along(summable(input, dtype, "cumprod"), dim, "cumprod")
    result: Tensor = apply(cumprod_primitive.op, (tensor,), {"dim": dim, "reverse": False})
    return result.reshape(()) if flat else result


# --- logarithms of sums -----------------------------------------------------------------------------------------


@structural(
    "logcumsumexp",
    torch="logcumsumexp",
    reference=lambda x, dim: np.logaddexp.accumulate(x, axis=dim),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)) * 3,), {"dim": 1}),
        Sample((random.standard_normal((3, 2, 2)) * 100,), {"dim": 0}),
        Sample((random.standard_normal((2, 300)),), {"dim": 1}),
    ],
)
def logcumsumexp_primitive(x: np.ndarray, *, dim: int) -> np.ndarray:
    """Running log of the sum of exp along a dimension."""
    if not _is_large(x):
        return np.logaddexp.accumulate(x, axis=dim)
    out = np.empty(x.shape, x.dtype)
    run(kernels, "logcumsumexp", 64 * x.size, _block(x, dim), out.reshape(around(x.shape, dim)))
    return out


@logcumsumexp_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any, dim: int) -> Any:
    # The sum over j >= i of c[j] exp(x[i] - y[j]), as a recurrence from the end whose factors never exceed 1.
    if not raw(x).size:
        return cotangent
    safe = f.where(raw(y) == -np.inf, 0.0, y) if (raw(y) == -np.inf).any() else y
    before: tuple[Any, ...] = (slice(None),) * dim
    earlier = slice_primitive(safe, index=(*before, slice(0, x.shape[dim] - 1)))
    later = slice_primitive(safe, index=(*before, slice(1, None)))
    last = np.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), raw(x).dtype)
    factor = cat_primitive(f.exp(earlier - later), last, dim=dim)
    return f.exp(x - safe) * recurrence_primitive(factor, cotangent, dim=dim, reverse=True)


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Running log of the sum of exp along `dim`, finite for elements of any size.

    Raises:
        TypeError: for integers.
        IndexError: if the dimension is out of range.
    """
    tensor, dim, flat = _along(floating(input, "logcumsumexp"), dim, "logcumsumexp")
    result: Tensor = apply(logcumsumexp_primitive.op, (tensor,), {"dim": dim})
    return result.reshape(()) if flat else result


# --- extrema ----------------------------------------------------------------------------------------------------


def _cumulative_extremum(x: np.ndarray, dim: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    if _is_large(x):
        shape = around(x.shape, dim)
        out, index = np.empty(x.shape, x.dtype), np.empty(x.shape, np.int64)
        run(kernels, "cummax", 2 * x.size, _block(x, dim), sign, out.reshape(shape), index.reshape(shape))
        return out, index
    values = (np.maximum if sign > 0 else np.minimum).accumulate(x, axis=dim)
    places = np.arange(x.shape[dim]).reshape(-1, *(1,) * (x.ndim - dim - 1))
    # Of equal elements the last, and of NaN too; other elements equal no running value that is NaN.
    return values, np.maximum.accumulate(np.where((x == values) | (x != x), places, 0), axis=dim)


def _extremum_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.permutation(12).astype(float).reshape(3, 4),), {"dim": 1}),
        Sample((random.permutation(600).astype(float).reshape(3, 100, 2),), {"dim": 1}),
        Sample((random.permutation(600).astype(float),), {"dim": 0}),
    ]


@structural(
    "cummax",
    torch="cummax",
    residuals=("indices",),
    reference=lambda x, dim: np.maximum.accumulate(x, axis=dim),
    samples=_extremum_samples,
)
def cummax_primitive(x: np.ndarray, *, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Running maximum along a dimension and where it is: the last of equal ones."""
    return _cumulative_extremum(x, dim, 1)


@structural(
    "cummin",
    torch="cummin",
    residuals=("indices",),
    reference=lambda x, dim: np.minimum.accumulate(x, axis=dim),
    samples=_extremum_samples,
)
def cummin_primitive(x: np.ndarray, *, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Running minimum along a dimension and where it is: the last of equal ones."""
    return _cumulative_extremum(x, dim, -1)


@cummax_primitive.vjp("x")
@cummin_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, indices: np.ndarray, dim: int) -> Any:
    return scatter_along_primitive(cotangent, index=indices, dim=dim, size=x_shape[dim])


def _running(declaration: Any, input: Any, dim: int) -> ValuesAndIndices:
    name = declaration.op.name
    tensor, dim, flat = _along(as_tensor_operand(input, name), dim, name)
    values, (indices,) = apply_with_residuals(declaration.op, (tensor,), {"dim": dim})
    if flat:
        return ValuesAndIndices(values.reshape(()), wrap(indices.reshape(()), None))
    return ValuesAndIndices(values, wrap(indices, None))


def cummax(input: Tensor, dim: int) -> ValuesAndIndices:
    """Running maximum along `dim` and its indices, of equal elements the last, which gets the gradient.

    Raises:
        IndexError: if the dimension is out of range.
    """
    return _running(cummax_primitive, input, dim)


def cummin(input: Tensor, dim: int) -> ValuesAndIndices:
    """Running minimum along `dim` and its indices; as :func:`cummax`."""
    return _running(cummin_primitive, input, dim)


PUBLIC = (cumsum, cumprod, logcumsumexp, cummax, cummin)
for _function in PUBLIC:
    attach(_function.__name__, _function)
attach("cumsum_", in_place(cumsum, "cumsum"))
attach("cumprod_", in_place(cumprod, "cumprod"))

__all__ = [_function.__name__ for _function in PUBLIC]

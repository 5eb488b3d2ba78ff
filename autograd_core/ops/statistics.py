"""Quantiles, counts and distinct values, and sums and differences of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, formula as f
from ..broadcasting import normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand, cast
from ..op import Sample
from ..tensor import Tensor, wrap
from .arguments import floating, integers
from .linear_maps import cat_primitive, gather_along_primitive, reshape_primitive, slice_primitive
from .reduction import sum
from .sorting import sort

_INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


# --- quantiles --------------------------------------------------------------------------------------------------


def _quantile(
    input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool, name: str
) -> Tensor:
    tensor = floating(input, name)
    # A number has the input's dtype from the start: rounded to another first, it would be another number.
    probabilities = q if isinstance(q, Tensor) else wrap(np.asarray(q, tensor.dtype), None)
    if probabilities.dtype is not tensor.dtype:
        raise TypeError(f"{name}: q must have the input's dtype {tensor.dtype}, got {probabilities.dtype}")
    if probabilities.ndim > 1:
        raise ValueError(f"{name}: q must be a number or one-dimensional, got shape {probabilities.shape}")
    if not ((probabilities._array >= 0) & (probabilities._array <= 1)).all():
        raise ValueError(f"{name}: q must lie in [0, 1], got {probabilities.tolist()}")
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"{name}: interpolation must be one of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}")
    if not tensor.numel():
        raise ValueError(f"{name}: there are no elements, shape {tensor.shape}")
    kept = [1] * tensor.ndim
    if dim is None:
        rows = tensor.reshape(-1)
    else:
        axis = normalize_dim(dim, tensor.ndim, name)
        rows = tensor.movedim(axis, -1) if tensor.ndim else tensor.reshape(1)
        kept = [1 if d == axis else size for d, size in enumerate(tensor.shape)]
    result = _between(sort(rows, -1).values, probabilities, interpolation, ignore_nan)
    # Quantiles come first, and if asked for the reduced dimensions stay with size 1.
    front = result.movedim(-1, 0)
    shape = (*probabilities.shape, *(kept if keepdim else rows.shape[:-1]))
    placed: Tensor = reshape_primitive(front, shape=shape)
    return placed


def _between(ordered: Tensor, q: Tensor, interpolation: str, ignore_nan: bool) -> Tensor:
    """Quantiles of ordered rows, NaN last in them, along a new last dimension."""
    missing = np.isnan(ordered._array)
    valid = ordered.shape[-1] - np.count_nonzero(missing, axis=-1, keepdims=True)
    last = np.maximum(valid - 1, 0) if ignore_nan else np.full(valid.shape, ordered.shape[-1] - 1)
    # Any NaN makes a row's quantiles NaN, unless NaN are left out: then only a row of nothing else.
    void = valid == 0 if ignore_nan else valid < ordered.shape[-1]
    ranks = q.reshape(-1) * wrap(last.astype(ordered.dtype), None)
    if interpolation in ("lower", "higher", "nearest"):
        rounded = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation](ranks._array)
        picked = gather_along_primitive(ordered, index=rounded.astype(np.int64), dim=ordered.ndim - 1)
    else:
        floor = np.floor(ranks._array)
        below, above = floor.astype(np.int64), np.ceil(ranks._array).astype(np.int64)
        low = gather_along_primitive(ordered, index=below, dim=ordered.ndim - 1)
        high = gather_along_primitive(ordered, index=above, dim=ordered.ndim - 1)
        weight: Any = 0.5 if interpolation == "midpoint" else ranks - wrap(floor, None)
        picked = low + f.where(below == above, 0.0, (high - low) * weight)
    result: Tensor = f.where(np.broadcast_to(void, picked.shape), np.nan, picked) if void.any() else picked
    return result


def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Quantiles of all elements or along `dim`, NaN where an element is.

    Args:
        input: any floating shape.
        q: a number in [0, 1], or a one-dimensional tensor of them, of the input's dtype.
        dim: the dimension, or None for all elements.
        keepdim: keep the reduced dimensions with size 1.
        interpolation: "linear", "lower", "higher", "nearest" or "midpoint".

    Returns:
        The reduced shape; if `q` is one-dimensional, its size comes first.

    Raises:
        TypeError: for integers and for dtypes that differ.
        ValueError: for probabilities out of range, an unknown interpolation, and no elements.
    """
    return _quantile(input, q, dim, keepdim, interpolation, False, "quantile")


def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Quantiles of the elements that are not NaN; arguments and errors as :func:`quantile`."""
    return _quantile(input, q, dim, keepdim, interpolation, True, "nanquantile")


# --- counts -----------------------------------------------------------------------------------------------------


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, … occurs; with `weights`, their sums instead. It has no derivative.

    Raises:
        TypeError: if `input` is not of integers.
        ValueError: if it is not one-dimensional, holds a negative number, or the weights have another shape.
    """
    array = integers(input, "bincount", keep=False)
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise ValueError("bincount: the input must be one-dimensional and not negative")
    if minlength < 0:
        raise ValueError(f"bincount: minlength must not be negative, got {minlength}")
    if weights is None:
        return wrap(np.bincount(array, minlength=minlength).astype(np.int64, copy=False), None)
    given = as_tensor_operand(weights, "bincount")._array
    if given.shape != array.shape:
        raise ValueError(f"bincount: weights of shape {given.shape} do not fit an input of shape {array.shape}")
    dtype = np.float32 if given.dtype == np.float32 else np.float64
    return wrap(np.bincount(array, given, minlength).astype(dtype), None)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count the elements in `bins` intervals of equal width from `min` to `max`; those outside are left out.

    If both bounds are equal they are the smallest and the largest element. It has no derivative.

    Raises:
        TypeError: for integers.
        ValueError: for bounds in the wrong order or not finite, and if `bins` is not positive.
    """
    array = floating(input, "histc")._array.reshape(-1)
    if bins <= 0:
        raise ValueError(f"histc: bins must be positive, got {bins}")
    low, high = float(min), float(max)
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"histc: the range from {low} to {high} must be finite and ascending")
    inside = array[(array >= low) & (array <= high)]
    places = ((inside - array.dtype.type(low)) * array.dtype.type(bins / (high - low))).astype(np.int64)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins)
    return wrap(counts.astype(array.dtype), None)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in ascending order, or the distinct slices along `dim`. It has no derivative.

    Args:
        input: any shape.
        sorted: accepted for PyTorch's sake; the result is always in order.
        return_inverse: also return where each element of the input is in the result.
        return_counts: also return how often each occurs.
        dim: compare slices along this dimension instead of elements.

    Raises:
        IndexError: if the dimension is out of range.
    """
    array = as_tensor_operand(input, "unique")._array
    axis = None if dim is None else normalize_dim(dim, array.ndim, "unique")
    found, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = inverse.reshape(array.shape if axis is None else -1)
    return _parts(found, inverse, counts, return_inverse, return_counts)


def _parts(found: np.ndarray, inverse: np.ndarray, counts: np.ndarray, with_inverse: bool, with_counts: bool) -> Any:
    parts = [wrap(np.ascontiguousarray(found), None)]
    if with_inverse:
        parts.append(wrap(inverse.astype(np.int64, copy=False), None))
    if with_counts:
        parts.append(wrap(counts.astype(np.int64, copy=False), None))
    return parts[0] if len(parts) == 1 else tuple(parts)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements, of the flattened tensor or of slices along `dim`; as :func:`unique`."""
    array = as_tensor_operand(input, "unique_consecutive")._array
    axis = 0 if dim is None else normalize_dim(dim, array.ndim, "unique_consecutive")
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, axis, 0)
    starts = np.ones(rows.shape[0], bool)
    starts[1:] = (rows[1:] != rows[:-1]).reshape(max(0, rows.shape[0] - 1), -1).any(axis=1)
    inverse = np.cumsum(starts) - 1
    counts = np.bincount(inverse) if inverse.size else np.zeros(0, np.int64)
    found = np.moveaxis(rows[starts], 0, axis) if dim is not None else rows[starts]
    shape = array.shape if dim is None else (-1,)
    return _parts(found, inverse.reshape(shape), counts, return_inverse, return_counts)


# --- places in a sorted sequence --------------------------------------------------------------------------------


@structural(
    "searchsorted",
    torch="searchsorted",
    differentiable=False,
    reference=lambda boundaries, values, right: np.searchsorted(boundaries, values, "right" if right else "left"),
    samples=lambda random: [Sample((np.sort(random.standard_normal(5)), random.standard_normal(3)), {"right": False})],
)
def searchsorted_primitive(boundaries: np.ndarray, values: np.ndarray, *, right: bool) -> np.ndarray:
    """Where values would enter sorted rows: before equal elements, or after them if `right`."""
    side: Any = "right" if right else "left"
    if boundaries.ndim == 1:
        return np.asarray(np.searchsorted(boundaries, values, side))
    out = np.empty(values.shape, np.int64)
    for place in np.ndindex(boundaries.shape[:-1]):
        out[place] = np.searchsorted(boundaries[place], values[place], side)
    return out


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """For each value the place in a sorted sequence that it would enter.

    Args:
        sorted_sequence: shape (n,), or (…, n) with a sequence for each row of `input`.
        input: a number; any shape for one sequence, else (…, m).
        out_int32: return int32 instead of int64.
        right, side: after equal elements (``right=True`` or ``side="right"``), else before them.
        sorter: indices that sort `sorted_sequence`, if it is not sorted itself.

    Raises:
        ValueError: for shapes that do not fit, and for contradictory sides.
    """
    rows = as_tensor_operand(sorted_sequence, "searchsorted")._array
    values = as_tensor_operand(input, "searchsorted")._array
    if side not in (None, "left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise ValueError("searchsorted: side='left' contradicts right=True")
    if sorter is not None:
        order = integers(sorter, "searchsorted", keep=False)
        if order.shape != rows.shape:
            raise ValueError(f"searchsorted: sorter has shape {order.shape}, the sequence {rows.shape}")
        rows = np.take_along_axis(rows, order, axis=-1)
    if rows.ndim == 0 or (rows.ndim > 1 and (values.ndim != rows.ndim or values.shape[:-1] != rows.shape[:-1])):
        raise ValueError(
            f"searchsorted: sequences of shape {rows.shape} and values of shape {values.shape} must agree in all "
            "dimensions but the last, unless there is one sequence"
        )
    places = np.asarray(searchsorted_primitive(rows, values, right=right or side == "right"))
    return wrap(places.astype(dtypes.int32 if out_int32 else dtypes.int64, copy=False), None)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """For each value the number of the interval between sorted `boundaries` that it lies in.

    Raises:
        ValueError: if `boundaries` is not one-dimensional.
    """
    edges = as_tensor_operand(boundaries, "bucketize")
    if edges.ndim != 1:
        raise ValueError(f"bucketize: boundaries must be one-dimensional, got shape {edges.shape}")
    return searchsorted(edges, input, out_int32=out_int32, right=right)


# --- neighbours -------------------------------------------------------------------------------------------------


def _ends(tensor: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The elements without the first, and without the last, along a dimension."""
    before: tuple[Any, ...] = (slice(None),) * dim
    length = tensor.shape[dim]
    return (
        slice_primitive(tensor, index=(*before, slice(1, None))),
        slice_primitive(tensor, index=(*before, slice(0, max(0, length - 1)))),
    )


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Differences of neighbours along `dim`, `n` times over; of booleans, whether they differ.

    Args:
        input: at least one dimension.
        n: how many times.
        dim: the dimension.
        prepend, append: values to join on before, at either end.

    Raises:
        ValueError: for 0-d tensors and for negative `n`.
        IndexError: if the dimension is out of range.
    """
    tensor = as_tensor_operand(input, "diff")
    if tensor.ndim == 0:
        raise ValueError("diff: a 0-d tensor has no neighbours")
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    dim = normalize_dim(dim, tensor.ndim, "diff")
    if n == 0:
        return tensor
    parts = [as_tensor_operand(part, "diff") for part in (prepend, tensor, append) if part is not None]
    if len(parts) > 1:
        tensor = cat_primitive(*parts, dim=dim)
    for _ in range(min(n, tensor.shape[dim])):
        later, earlier = _ends(tensor, dim)
        tensor = f.not_equal(later, earlier) if tensor.dtype.kind == "b" else later - earlier
    return tensor


def _areas(y: Any, x: Any, dx: Any, dim: int, operation: str) -> tuple[Tensor, int]:
    values = as_tensor_operand(y, operation)
    if values.ndim == 0:
        raise ValueError(f"{operation}: a 0-d tensor has no neighbours")
    dim = normalize_dim(dim, values.ndim, operation)
    if values.dtype.kind != "f":
        values = cast(values, dtypes.get_default_dtype())
    later, earlier = _ends(values, dim)
    if x is None:
        return (later + earlier) * (dx * 0.5), dim
    points = as_tensor_operand(x, operation)
    if points.ndim == 1 and values.ndim > 1:
        if points.shape[0] != values.shape[dim]:
            raise ValueError(f"{operation}: {points.shape[0]} points for dimension {dim} of shape {values.shape}")
        points = reshape_primitive(points, shape=(-1, *(1,) * (values.ndim - dim - 1)))
        widths = diff(points, dim=0)
    else:
        widths = diff(points, dim=dim)
    return (later + earlier) * widths * 0.5, dim


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Integral along `dim` by the trapezoidal rule.

    Args:
        y: values.
        x: the points they belong to; neighbours are `dx` apart, 1 unless given, if it is left out.
        dx: the distance of neighbours.
        dim: the dimension.

    Raises:
        TypeError: if both `x` and `dx` are given.
        ValueError: if the points do not fit the values.
    """
    areas, dim = _trapezoids(y, x, dx, dim, "trapezoid")
    return sum(areas, dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Running integral along `dim`; arguments and errors as :func:`trapezoid`."""
    areas, dim = _trapezoids(y, x, dx, dim, "cumulative_trapezoid")
    result: Tensor = areas.cumsum(dim)
    return result


def _trapezoids(y: Any, x: Any, dx: Any, dim: int, operation: str) -> tuple[Tensor, int]:
    if x is not None and dx is not None:
        raise TypeError(f"{operation}(): give the points x or their distance dx, not both")
    return _areas(y, x, 1 if dx is None else dx, dim, operation)


trapz = trapezoid

METHODS = (quantile, nanquantile, bincount, histc, unique, unique_consecutive, diff)
for _function in METHODS:
    attach(_function.__name__, _function)

__all__ = [
    "bucketize",
    "cumulative_trapezoid",
    "searchsorted",
    "trapezoid",
    "trapz",
    *(_function.__name__ for _function in METHODS),
]

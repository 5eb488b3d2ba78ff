"""Sorting and selecting along a dimension; each operation's gradient goes to the elements that its indices name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import formula as f
from ..broadcasting import Shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..kernels.boundary import contiguous, row_major
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .arguments import ValuesAndIndices, floating
from .blocks import run
from .extrema import along, place_along
from .linear_maps import expand_reduced, raw, scatter_along_primitive

if TYPE_CHECKING:
    from ..kernels import sorting as kernels
else:
    kernels = lazy_import("autograd_core.kernels.sorting")

# NumPy's quick sort, with vectors, is as fast up to this length, its stable one up to the second, and no kernel is
# loaded for fewer elements than the third.
_SHORT, _SHORT_STABLE, _FEW = 256, 32, 2048
# What sorting an element costs, in elements of light work.
_COST = 50


def _by_digits(x: np.ndarray, dim: int, descending: bool, stable: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Elements in order along a dimension and where they came from, from a kernel; None where NumPy does as well."""
    if x.size < _FEW or x.dtype.kind != "f" or not (_SHORT_STABLE if stable else _SHORT) < x.shape[dim] < 1 << 31:
        return None
    rows = contiguous(np.moveaxis(x, dim, -1))
    bits = rows.reshape(-1, rows.shape[-1]).view(f"u{x.itemsize}")
    # NaN is above infinity, and -0.0 is the sign alone.
    sign, infinity = np.array([-0.0, np.inf], x.dtype).view(bits.dtype)
    values, places = np.empty_like(bits), np.empty(bits.shape, np.int64)
    run(kernels, "sort", _COST * x.size, bits, sign, infinity, descending, values, places)
    found, origin = values.view(x.dtype).reshape(rows.shape), places.reshape(rows.shape)
    if dim == x.ndim - 1:
        return found, origin
    # Bits are moved, so that the numbers of places pass for floats.
    turned = row_major(np.moveaxis(origin.view(np.float64), -1, dim))
    return row_major(np.moveaxis(found, -1, dim)), turned.view(np.int64)


def _order(x: np.ndarray, dim: int, descending: bool, stable: bool) -> np.ndarray:
    """Indices that sort along a dimension, NaN as the largest; ties in their order if `stable`."""
    found = _by_digits(x, dim, descending, stable)
    if found is not None:
        return found[1]
    # NumPy's quick sort is several times as fast, but leaves the order of equal elements open.
    kind: Any = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=dim, kind=kind)
    # Sorted from behind and read from behind, equal elements come out in their own order.
    order = x.shape[dim] - 1 - np.argsort(np.flip(x, dim), axis=dim, kind=kind)
    return np.ascontiguousarray(np.flip(order, dim))


def _distinct(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.permutation(int(np.prod(shape))).astype(float).reshape(shape)


def _scatter_rule(cotangent: Any, x_shape: Shape, indices: np.ndarray, dim: int) -> Any:
    return scatter_along_primitive(cotangent, index=indices, dim=dim, size=x_shape[dim])


# --- sorting ----------------------------------------------------------------------------------------------------


@structural(
    "sort",
    torch="sort",
    residuals=("indices",),
    reference=lambda x, dim, descending, stable: -np.sort(-x, axis=dim) if descending else np.sort(x, axis=dim),
    samples=lambda random: [
        Sample((_distinct(random, 3, 4),), {"dim": 1, "descending": False, "stable": False}),
        Sample((_distinct(random, 3, 4, 2),), {"dim": 0, "descending": True, "stable": True}),
        Sample((_distinct(random, 0, 2),), {"dim": 0, "descending": True, "stable": False}),
    ],
)
def sort_primitive(x: np.ndarray, *, dim: int, descending: bool, stable: bool) -> tuple[np.ndarray, np.ndarray]:
    """Elements in order along a dimension, and where they came from."""
    found = _by_digits(x, dim, descending, stable)
    if found is not None:
        return found
    indices = _order(x, dim, descending, stable)
    return np.take_along_axis(x, indices, axis=dim), indices


sort_primitive.vjp("x")(_scatter_rule)


@structural(
    "argsort",
    torch="argsort",
    differentiable=False,
    reference=lambda x, dim, descending, stable: np.argsort(-x if descending else x, axis=dim),
    samples=lambda random: [
        Sample((_distinct(random, 3, 4),), {"dim": 1, "descending": False, "stable": False}),
        Sample((_distinct(random, 3, 4),), {"dim": 0, "descending": True, "stable": True}),
    ],
)
def argsort_primitive(x: np.ndarray, *, dim: int, descending: bool, stable: bool) -> np.ndarray:
    """Indices that sort along a dimension."""
    return _order(x, dim, descending, stable)


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """Elements in order along `dim`, with their indices; NaN counts as the largest.

    Args:
        input: any shape.
        dim: the dimension.
        descending: largest first.
        stable: keep the order of equal elements.

    Raises:
        IndexError: if the dimension is out of range.
    """
    input = as_tensor_operand(input, "sort")
    dim = normalize_dim(dim, input.ndim, "sort")
    if input.ndim == 0:
        values, indices = sort(input.reshape(1), 0)
        return ValuesAndIndices(values.reshape(()), indices.reshape(()))
    parameters = {"dim": dim, "descending": bool(descending), "stable": bool(stable)}
    values, (found,) = apply_with_residuals(sort_primitive.op, (input,), parameters)
    return ValuesAndIndices(values, wrap(found, None))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Indices that sort along `dim`; arguments and errors as :func:`sort`."""
    input = as_tensor_operand(input, "argsort")
    dim = normalize_dim(dim, input.ndim, "argsort")
    if input.ndim == 0:
        return wrap(np.zeros((), np.int64), None)
    parameters = {"dim": dim, "descending": bool(descending), "stable": bool(stable)}
    result: Tensor = apply(argsort_primitive.op, (input,), parameters)
    return result


def msort(input: Tensor) -> Tensor:
    """Elements in ascending order along the first dimension."""
    return sort(input, 0).values


# --- the k largest or smallest ----------------------------------------------------------------------------------


def _selected(x: np.ndarray, k: int, dim: int, largest: bool) -> np.ndarray:
    """Indices of the `k` largest or smallest along a dimension, in order."""
    length = x.shape[dim]
    if k == 0 or length == 0:
        return np.zeros((*x.shape[:dim], k, *x.shape[dim + 1 :]), np.int64)
    if dim != x.ndim - 1:
        return np.moveaxis(_selected(np.moveaxis(x, dim, -1), k, x.ndim - 1, largest), -1, dim)
    if 4 * k > length:
        return _order(x, dim, largest, False)[..., :k]
    part = np.argpartition(x, length - k if largest else k - 1, axis=-1)
    part = part[..., length - k :] if largest else part[..., :k]
    order = _order(np.take_along_axis(x, part, axis=-1), dim, largest, False)
    return np.take_along_axis(part, order, axis=-1)


def _topk_reference(x: np.ndarray, k: int, dim: int, largest: bool) -> np.ndarray:
    ordered = -np.sort(-x, axis=dim) if largest else np.sort(x, axis=dim)
    return np.take(ordered, np.arange(k), axis=dim)


@structural(
    "topk",
    torch="topk",
    residuals=("indices",),
    reference=_topk_reference,
    samples=lambda random: [
        Sample((_distinct(random, 3, 6),), {"k": 2, "dim": 1, "largest": True}),
        Sample((_distinct(random, 9, 2),), {"k": 2, "dim": 0, "largest": False}),
        Sample((_distinct(random, 9),), {"k": 2, "dim": 0, "largest": True}),
        Sample((_distinct(random, 2, 3),), {"k": 0, "dim": 1, "largest": True}),
    ],
)
def topk_primitive(x: np.ndarray, *, k: int, dim: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    """The k largest or smallest along a dimension, in order, and where they are."""
    indices = np.ascontiguousarray(_selected(x, k, dim, largest))
    return np.take_along_axis(x, indices, axis=dim), indices


topk_primitive.vjp("x")(_scatter_rule)


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The `k` largest (or smallest) elements along `dim`, with their indices; NaN counts as the largest.

    Args:
        input: any shape.
        k: how many.
        dim: the dimension.
        largest: False for the smallest.
        sorted: accepted for PyTorch's sake; the result is always in order.

    Raises:
        IndexError: if the dimension is out of range, or has fewer than `k` elements.
    """
    input = as_tensor_operand(input, "topk")
    dim = normalize_dim(dim, input.ndim, "topk")
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise IndexError(f"topk: k = {k} is out of range for dimension {dim} of shape {input.shape}")
    if input.ndim == 0:
        values, indices = topk(input.reshape(1), k)
        return ValuesAndIndices(values.reshape(()), indices.reshape(())) if k else ValuesAndIndices(values, indices)
    parameters = {"k": int(k), "dim": dim, "largest": bool(largest)}
    values, (found,) = apply_with_residuals(topk_primitive.op, (input,), parameters)
    return ValuesAndIndices(values, wrap(found, None))


# --- one element by its rank ------------------------------------------------------------------------------------


def _at_rank(x: np.ndarray, rank: int, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    indices = np.take(np.argpartition(x, rank, axis=dim), [rank], axis=dim)
    return _taken(x, indices, dim, keepdim)


def _taken(x: np.ndarray, indices: np.ndarray, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    values = np.take_along_axis(x, indices, axis=dim)
    return values if keepdim else np.squeeze(values, axis=dim), indices


def _place_rule(cotangent: Any, x_shape: Shape, indices: np.ndarray, dim: int) -> Any:
    return place_along(cotangent, indices, x_shape, dim)


def _rank_samples(**parameters: Any) -> Any:
    return lambda random: [
        Sample((_distinct(random, 3, 4),), {"dim": 1, "keepdim": False, **parameters}),
        Sample((_distinct(random, 5, 2),), {"dim": 0, "keepdim": True, **parameters}),
    ]


@structural(
    "kthvalue",
    torch="kthvalue",
    residuals=("indices",),
    reference=lambda x, k, dim, keepdim: np.take(np.sort(x, dim), [k - 1] if keepdim else k - 1, axis=dim),
    samples=_rank_samples(k=2),
)
def kthvalue_primitive(x: np.ndarray, *, k: int, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """The k-th smallest element along a dimension and where it is."""
    return _at_rank(x, k - 1, dim, keepdim)


def _median_indices(x: np.ndarray, dim: int, ignore_nan: bool) -> np.ndarray:
    """Where the lower median along a dimension is: of a row with NaN the first NaN, unless they are ignored."""
    length = x.shape[dim]
    missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    rank = (length - 1) // 2
    if not missing.any():
        return np.take(np.argpartition(x, rank, axis=dim), [rank], axis=dim)
    if not ignore_nan:
        found = np.take(np.argpartition(x, rank, axis=dim), [rank], axis=dim)
        return np.where(missing.any(axis=dim, keepdims=True), np.argmax(missing, axis=dim, keepdims=True), found)
    ranks = np.maximum(np.count_nonzero(~missing, axis=dim, keepdims=True) - 1, 0) // 2
    return np.take_along_axis(np.argsort(x, axis=dim, kind="stable"), ranks, axis=dim)


def _median_reference(x: np.ndarray, dim: int, keepdim: bool, ignore_nan: bool) -> np.ndarray:
    middle = (x.shape[dim] - 1) // 2
    return np.take(np.sort(x, axis=dim), [middle] if keepdim else middle, axis=dim)


@structural(
    "median_along",
    torch="median",
    residuals=("indices",),
    reference=_median_reference,
    samples=lambda random: [*_rank_samples(ignore_nan=False)(random), *_rank_samples(ignore_nan=True)(random)],
)
def median_along_primitive(
    x: np.ndarray, *, dim: int, keepdim: bool, ignore_nan: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The lower median along a dimension and where it is."""
    return _taken(x, _median_indices(x, dim, ignore_nan), dim, keepdim)


def _modal_indices(x: np.ndarray, dim: int) -> np.ndarray:
    """Where the most frequent value along a dimension is found last; of equally frequent ones the smallest."""
    order = np.moveaxis(np.argsort(x, axis=dim, kind="stable"), dim, -1)
    ordered = np.take_along_axis(np.moveaxis(x, dim, -1), order, axis=-1)
    places = np.arange(ordered.shape[-1])
    starts = np.ones(ordered.shape, bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    # How many equal elements there were up to here: the run that is longest first is the smallest of the longest.
    run = places - np.maximum.accumulate(np.where(starts, places, 0), axis=-1)
    last = np.argmax(run, axis=-1, keepdims=True)
    return np.moveaxis(np.take_along_axis(order, last, axis=-1), -1, dim)


@structural(
    "mode",
    torch="mode",
    residuals=("indices",),
    reference=lambda x, dim, keepdim: np.min(x, axis=dim, keepdims=keepdim),
    samples=_rank_samples(),
)
def mode_primitive(x: np.ndarray, *, dim: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """The most frequent value along a dimension, the smallest of several, and where it is last."""
    return _taken(x, _modal_indices(x, dim), dim, keepdim)


for _declaration in (kthvalue_primitive, median_along_primitive, mode_primitive):
    _declaration.vjp("x")(_place_rule)


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The `k`-th smallest element along `dim`, counted from 1, with its index; NaN counts as the largest.

    Raises:
        IndexError: if the dimension is out of range, or has fewer than `k` elements.
    """
    tensor = as_tensor_operand(input, "kthvalue")
    size = tensor.shape[normalize_dim(dim, tensor.ndim, "kthvalue")] if tensor.ndim else 1
    if not 1 <= k <= size:
        raise IndexError(f"kthvalue: k = {k} is out of range for dimension {dim} of shape {tensor.shape}")
    return along(kthvalue_primitive, tensor, dim, keepdim, "kthvalue", k=int(k))


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesAndIndices:
    """The most frequent value along `dim`, with its last index; the smallest of equally frequent ones.

    Raises:
        IndexError: if the dimension is out of range or empty.
    """
    return along(mode_primitive, input, dim, keepdim, "mode")


@structural(
    "median",
    torch="median",
    reference=lambda x, ignore_nan: np.sort(x, axis=None)[(x.size - 1) // 2],
    samples=lambda random: [
        Sample((_distinct(random, 3, 4),), {"ignore_nan": False}),
        Sample((_distinct(random, 5),), {"ignore_nan": True}),
    ],
)
def median_primitive(x: np.ndarray, *, ignore_nan: bool) -> np.ndarray:
    """The lower median of all elements; those that equal it share the gradient."""
    flat = x.reshape(-1)
    return flat[_median_indices(flat, 0, ignore_nan)[0]]


@median_primitive.vjp("x")
def _(cotangent: Any, x: Any, y: Any) -> Any:
    values, middle = raw(x), raw(y)
    attained = np.isnan(values) if np.isnan(middle) else values == middle
    share = cotangent / max(1, int(np.count_nonzero(attained)))
    return f.where(attained, expand_reduced(share, x.shape, tuple(range(x.ndim))), 0.0)


def _median(input: Any, dim: int | None, keepdim: bool, ignore_nan: bool, name: str) -> Any:
    tensor = as_tensor_operand(input, name)
    if dim is not None:
        return along(median_along_primitive, tensor, dim, keepdim, name, ignore_nan=ignore_nan)
    if not tensor.numel():
        # As in PyTorch; there is nothing a gradient could go to.
        return wrap(np.full((), np.nan, floating(tensor, name).dtype), None)
    return apply(median_primitive.op, (tensor,), {"ignore_nan": ignore_nan})


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median: of an even number of elements the lower one, and NaN if any is.

    Args:
        input: any shape.
        dim: None for the median of all elements, whose gradient ties share; a dimension for a pair
            ``(values, indices)``, where the indexed element gets the gradient.
        keepdim: with a dimension, keep it with size 1.

    Raises:
        IndexError: if the dimension is out of range or empty.
    """
    return _median(input, dim, keepdim, False, "median")


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the elements that are not NaN; arguments, results and errors as :func:`median`."""
    return _median(input, dim, keepdim, True, "nanmedian")


PUBLIC = (sort, argsort, msort, topk, kthvalue, mode, median, nanmedian)
for _function in PUBLIC:
    attach(_function.__name__, _function)

__all__ = [_function.__name__ for _function in PUBLIC]

"""Reading and writing at indices: pairs of maps that are each other's transposes, and the ways to write.

gather ↔ scatter-add by NumPy's indices, and along one dimension by an array of indices for each result. Writing has
two forms, over what is there and on top of it. :mod:`.linear_maps` has the rest of the vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import formula as f
from ..broadcasting import Shape
from ..declaration import structural
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..tensor import Tensor
from .blocks import around, run

if TYPE_CHECKING:
    from ..kernels import scatter as kernels
else:
    kernels = lazy_import("autograd_core.kernels.scatter")

Index = tuple[Any, ...]

# Elements below which NumPy's own loops are used, so that Numba is not loaded for them.
_SMALL = 512


def raw(value: Any) -> Any:
    """The array of a tensor, an array as it is: for the parts of a rule that carry no gradient."""
    return value._array if isinstance(value, Tensor) else value


def _normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape)


def _counted(index: np.ndarray, size: int) -> np.ndarray:
    """Indices as int64 counted from the front, checked: kernels would read foreign memory otherwise."""
    if index.size:
        low, high = int(index.min()), int(index.max())
        if low < -size or high >= size:
            raise IndexError(f"index {low if low < -size else high} is out of range for a dimension of size {size}")
        if low < 0:
            return np.where(index < 0, index + size, index).astype(np.int64, copy=False)
    return index.astype(np.int64, copy=False)


def _is_integers(entry: Any) -> bool:
    return isinstance(entry, np.ndarray) and entry.dtype.kind in "iu"


def _is_all(entry: Any) -> bool:
    return isinstance(entry, slice) and entry == slice(None)


def only_array(index: Index) -> int | None:
    """The dimension that one array of integers indexes while all others are whole, else None."""
    place = None
    for axis, entry in enumerate(index):
        if place is None and _is_integers(entry):
            place = axis
        elif not _is_all(entry):
            return None
    return place


def add_at(full: np.ndarray, index: Index, values: np.ndarray) -> None:
    """``numpy.add.at(full, index, values)`` for a C-contiguous `full`, by kernels where there is much to add."""
    if values.size < _SMALL or full.dtype.kind != "f" or values.dtype != full.dtype:
        np.add.at(full, index, values)
        return
    axis = only_array(index)
    if axis is not None:
        outer, size, inner = around(full.shape, axis)
        rows = _counted(index[axis], size).reshape(-1)
    elif all(_is_integers(entry) for entry in index):
        inner = int(np.prod(full.shape[len(index) :]))
        outer, size = 1, full.size // max(1, inner)
        rows = np.zeros((), np.int64)
        for entry, length in zip(index, full.shape, strict=False):
            rows = rows * length + _counted(entry, length)
        rows = rows.reshape(-1)
    elif len(index) == 1 and getattr(index[0], "dtype", None) == np.bool_:
        full[index] += values
        return
    else:
        outer, size, inner = 1, full.size, 1
        rows = np.arange(full.size).reshape(full.shape)[index].reshape(-1)
    if values.size != outer * rows.size * inner:
        values = np.broadcast_to(values, full[index].shape)
    added = contiguous(values).reshape(outer, rows.size, inner)
    if outer == inner == 1:
        add: Any = kernels.add_flat
        add(full.reshape(-1), contiguous(rows), added.reshape(-1))
    else:
        run(kernels, "add_rows", values.size, full.reshape(outer, size, inner), contiguous(rows), added)


# --- by NumPy's indices -----------------------------------------------------------------------------------------


@structural(
    "gather_index",
    reference=lambda x, index: x[index],
    samples=lambda random: [
        Sample((_normal(random, 5, 4),), {"index": (np.array([0, 2, 2, -1]),)}),
        Sample((_normal(random, 5, 4),), {"index": (slice(1, 4), np.array([[0, 3], [3, 3]]))}),
        Sample((_normal(random, 3, 2),), {"index": (np.array([[True, False], [True, True], [False, False]]),)}),
        Sample((_normal(random, 2, 3, 4),), {"index": (np.array([0, 1, 1]), slice(None), np.array([3, 0, 3]))}),
        Sample((_normal(random, 4, 3),), {"index": (slice(None), np.array([[0, -1], [2, 0]]))}),
    ],
)
def gather_primitive(x: np.ndarray, *, index: Index) -> np.ndarray:
    """Advanced indexing: integer arrays and masks, mixed with slices; a copy."""
    axis = only_array(index)
    # take() is faster, and differs only where a 0-d index makes a view.
    return np.asarray(x[index]) if axis is None else np.asarray(x.take(index[axis], axis=axis))


@gather_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, index: Index) -> Any:
    return scatter_add_primitive(cotangent, shape=x_shape, index=index)


def _scatter_reference(x: np.ndarray, shape: Shape, index: Index) -> np.ndarray:
    full = np.zeros(shape)
    np.add.at(full, index, x)
    return full


@structural(
    "scatter_add_index",
    reference=_scatter_reference,
    samples=lambda random: [
        Sample((_normal(random, 4, 4),), {"shape": (5, 4), "index": (np.array([0, 2, 2, -1]),)}),
        Sample((_normal(random, 2, 3),), {"shape": (2, 4), "index": (slice(None), np.array([3, 3, 0]))}),
        Sample((_normal(random, 300, 4),), {"shape": (5, 4), "index": (random.integers(-5, 5, 300),)}),
        Sample((_normal(random, 600),), {"shape": (5, 4), "index": tuple(random.integers(-4, 4, (2, 600)))}),
    ],
)
def scatter_add_primitive(x: np.ndarray, *, shape: Shape, index: Index) -> np.ndarray:
    """Zeros of a shape with values added at indices, repeated ones as often as they occur."""
    full = np.zeros(shape, x.dtype)
    add_at(full, index, x)
    return full


@scatter_add_primitive.vjp("x")
def _(cotangent: Any, index: Index) -> Any:
    return gather_primitive(cotangent, index=index)


def _put_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((_normal(random, 4, 3), _normal(random, 3)), {"index": (slice(1, 3),)}),
        Sample((_normal(random, 4, 3), _normal(random, 2, 3)), {"index": (np.array([0, 2]),)}),
        Sample((_normal(random, 4), _normal(random, 3)), {"index": (np.array([0, 2, 0]),)}),
        Sample((_normal(random, 2, 2), _normal(random, 1)), {"index": (np.array([[True, False], [True, True]]),)}),
    ]


def _overwritten(x: np.ndarray, value: np.ndarray, index: Index) -> np.ndarray:
    result = x.copy()
    result[index] = value
    return result


@structural("index_overwrite", reference=_overwritten, samples=_put_samples)
def overwrite_primitive(x: np.ndarray, value: np.ndarray, *, index: Index) -> np.ndarray:
    """A copy of `x` with `value` written at an index; of places written twice the last value stays."""
    result = np.array(x, order="C")
    result[index] = value
    return result


@overwrite_primitive.vjp("x")
def _(cotangent: Any, index: Index) -> Any:
    return overwrite_primitive(cotangent, np.zeros((), raw(cotangent).dtype), index=index)


@overwrite_primitive.vjp("value")
def _(cotangent: Any, index: Index) -> Any:
    read = gather_primitive(cotangent, index=index)
    if not any(_is_integers(entry) for entry in index):
        return read
    # Of an index that repeats, the last write wins, and only it gets the gradient.
    order = np.full(cotangent.shape, -1, np.int64)
    places = np.arange(raw(read).size).reshape(read.shape)
    order[index] = places
    winners = order[index] == places
    return read if winners.all() else f.where(winners, read, 0.0)


def _accumulated(x: np.ndarray, value: np.ndarray, index: Index) -> np.ndarray:
    result = x.copy()
    np.add.at(result, index, value)
    return result


@structural("index_accumulate", reference=_accumulated, samples=_put_samples)
def accumulate_primitive(x: np.ndarray, value: np.ndarray, *, index: Index) -> np.ndarray:
    """A copy of `x` with `value` added at an index, at repeated places as often as they occur."""
    result = np.array(x, order="C")
    add_at(result, index, value)
    return result


@accumulate_primitive.vjp("x")
def _(cotangent: Any) -> Any:
    return cotangent


@accumulate_primitive.vjp("value")
def _(cotangent: Any, index: Index) -> Any:
    return gather_primitive(cotangent, index=index)


# --- along one dimension ----------------------------------------------------------------------------------------


def along_mesh(index: np.ndarray, dim: int) -> Index:
    """NumPy's index for an array of indices along `dim`."""
    mesh: list[Any] = list(np.ogrid[tuple(slice(size) for size in index.shape)])
    mesh[dim] = index
    return tuple(mesh)


@structural(
    "gather",
    torch="gather",
    reference=lambda x, index, dim: np.take_along_axis(x, index, axis=dim),
    samples=lambda random: [
        Sample((_normal(random, 3, 4),), {"index": random.integers(0, 4, (3, 6)), "dim": 1}),
        Sample((_normal(random, 3, 4, 2),), {"index": random.integers(0, 3, (2, 4, 2)), "dim": 0}),
        Sample((_normal(random, 5, 4),), {"index": random.integers(0, 5, (200, 4)), "dim": 0}),
        Sample((_normal(random, 2, 3),), {"index": np.zeros((2, 0), np.int64), "dim": 1}),
    ],
)
def gather_along_primitive(x: np.ndarray, *, index: np.ndarray, dim: int) -> np.ndarray:
    """y[i, j, k] = x[i, index[i, j, k], k] along one dimension; indices are checked and not negative."""
    if index.size < _SMALL or x.dtype.kind != "f":
        return np.take_along_axis(x, index, axis=dim)
    out = np.empty(index.shape, x.dtype)
    places, values = index.reshape(around(index.shape, dim)), contiguous(x).reshape(around(x.shape, dim))
    run(kernels, "take_along", 4 * index.size, values, contiguous(places), out.reshape(places.shape))
    return out


@gather_along_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, index: np.ndarray, dim: int) -> Any:
    return scatter_along_primitive(cotangent, index=index, dim=dim, size=x_shape[dim])


def _scatter_along_reference(x: np.ndarray, index: np.ndarray, dim: int, size: int) -> np.ndarray:
    full = np.zeros((*x.shape[:dim], size, *x.shape[dim + 1 :]))
    for place, value in np.ndenumerate(x):
        full[(*place[:dim], index[place], *place[dim + 1 :])] += value
    return full


@structural(
    "scatter_add",
    torch="scatter_add",
    reference=_scatter_along_reference,
    samples=lambda random: [
        Sample((_normal(random, 3, 6),), {"index": random.integers(0, 4, (3, 6)), "dim": 1, "size": 4}),
        Sample((_normal(random, 200, 3),), {"index": random.integers(0, 5, (200, 3)), "dim": 0, "size": 5}),
    ],
)
def scatter_along_primitive(x: np.ndarray, *, index: np.ndarray, dim: int, size: int) -> np.ndarray:
    """Zeros with x[i, j, k] added at [i, index[i, j, k], k] along one dimension."""
    full = np.zeros((*index.shape[:dim], size, *index.shape[dim + 1 :]), x.dtype)
    if index.size < _SMALL or x.dtype.kind != "f":
        np.add.at(full, along_mesh(index, dim), x)
        return full
    places = contiguous(index).reshape(around(index.shape, dim))
    values = contiguous(x).reshape(places.shape)
    run(kernels, "add_along", 4 * index.size, full.reshape(around(full.shape, dim)), places, values)
    return full


@scatter_along_primitive.vjp("x")
def _(cotangent: Any, index: np.ndarray, dim: int) -> Any:
    return gather_along_primitive(cotangent, index=index, dim=dim)

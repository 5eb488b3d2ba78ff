"""Linear maps that are each other's transposes: the vocabulary in which derivatives are written.

Every rule here and in the other families is a combination of these operations, so it runs on arrays at first order
and on tensors, recorded, at every higher one. They live in one file because each pair needs the other:
sum ↔ expand, reshape ↔ reshape, permute ↔ permute, slice ↔ embed, cat ↔ slices, and gather ↔ scatter_add from
:mod:`.index_maps`, which this module passes on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..broadcasting import Shape
from ..declaration import structural
from ..kernels.boundary import reshaped
from ..op import Sample
from ..tensor import Tensor
from .blocks import spread_of, sum_of
from .index_maps import (
    accumulate_primitive,
    gather_along_primitive,
    gather_primitive,
    overwrite_primitive,
    raw,
    scatter_add_primitive,
    scatter_along_primitive,
)


def _normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape)


# --- sum and expand ---------------------------------------------------------------------------------------------


@structural(
    "sum",
    torch="sum",
    reference=lambda x, dim, keepdim: np.sum(x, axis=dim, keepdims=keepdim),
    samples=lambda random: [
        Sample((_normal(random, 3, 4),), {"dim": (0, 1), "keepdim": False}),
        Sample((_normal(random, 3, 4, 2),), {"dim": (1,), "keepdim": True}),
        Sample((_normal(random),), {"dim": (), "keepdim": False}),
        Sample((_normal(random, 2, 0),), {"dim": (1,), "keepdim": False}),
        Sample((_normal(random, 90, 80),), {"dim": (0,), "keepdim": False}),
    ],
)
def sum_primitive(x: np.ndarray, *, dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """Sum over dimensions."""
    return sum_of(x, dim, keepdim)


@sum_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, dim: tuple[int, ...]) -> Any:
    return expand_reduced(cotangent, x_shape, dim)


def kept_shape(shape: Shape, dim: tuple[int, ...]) -> Shape:
    """The shape after reducing `dim` with keepdim."""
    return tuple(1 if axis in dim else size for axis, size in enumerate(shape))


def expand_reduced(value: Any, shape: Shape, dim: tuple[int, ...]) -> Any:
    """Spread a reduced value over the dimensions it was reduced from."""
    if value.size == 1 and type(value) is not Tensor:
        return _filled(value, shape)
    kept = kept_shape(shape, dim)
    if value.shape != kept:
        value = reshape_primitive(value, shape=kept)
    return value if kept == shape else expand_primitive(value, shape=shape)


def _expand_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((_normal(random, 3, 1),), {"shape": (2, 3, 4)}),
        Sample((_normal(random),), {"shape": (2, 2)}),
        Sample((_normal(random, 1, 2),), {"shape": (0, 2)}),
    ]


@structural("spread", reference=lambda x, shape: np.broadcast_to(x, shape), samples=_expand_samples)
def expand_primitive(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    """Repeat dimensions of size 1, and add leading ones, by whatever is quickest; the form for derivatives."""
    if x.size == 1:
        return _filled(x, shape)
    found = spread_of(x, shape)
    return np.broadcast_to(x, shape) if found is None else found


def _filled(x: Any, shape: Shape) -> np.ndarray:
    """An array of one number everywhere."""
    if shape:
        found = spread_of(x.reshape((1,) * len(shape)), shape)
        if found is not None:
            return found
    full = np.empty(shape, x.dtype)
    full.fill(x.item())
    return full


@structural(
    "expand",
    view=True,
    torch="broadcast_to",
    reference=lambda x, shape: np.broadcast_to(x, shape),
    samples=_expand_samples,
)
def expand_view_primitive(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    """Repeat dimensions of size 1, and add leading ones, as a view."""
    return np.broadcast_to(x, shape)


@expand_view_primitive.vjp("x")
@expand_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape) -> Any:
    added = cotangent.ndim - len(x_shape)
    dim = tuple(range(added)) + tuple(
        axis + added for axis, size in enumerate(x_shape) if size == 1 and cotangent.shape[axis + added] != 1
    )
    return reshape_primitive(sum_primitive(cotangent, dim=dim, keepdim=False), shape=x_shape)


# --- reshape and permute ----------------------------------------------------------------------------------------


@structural(
    "reshape",
    view=True,
    torch="reshape",
    reference=lambda x, shape: np.reshape(x, shape),
    samples=lambda random: [
        Sample((_normal(random, 3, 4),), {"shape": (2, 6)}),
        Sample((_normal(random, 1),), {"shape": ()}),
        Sample((_normal(random, 0, 3),), {"shape": (3, 0)}),
    ],
)
def reshape_primitive(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    """The same elements in another shape, row-major; a view where memory allows."""
    return reshaped(x, shape)


@reshape_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape) -> Any:
    return reshape_primitive(cotangent, shape=x_shape)


@structural(
    "permute",
    view=True,
    torch="permute",
    reference=lambda x, dims: np.transpose(x, dims),
    samples=lambda random: [
        Sample((_normal(random, 3, 4, 2),), {"dims": (2, 0, 1)}),
        Sample((_normal(random, 3, 4),), {"dims": (1, 0)}),
    ],
)
def permute_primitive(x: np.ndarray, *, dims: tuple[int, ...]) -> np.ndarray:
    """The dimensions in another order, as a view."""
    return x.transpose(dims)


@permute_primitive.vjp("x")
def _(cotangent: Any, dims: tuple[int, ...]) -> Any:
    inverse = [0] * len(dims)
    for position, source in enumerate(dims):
        inverse[source] = position
    return permute_primitive(cotangent, dims=tuple(inverse))


def swap_last(value: Any) -> Any:
    """Transpose the last two dimensions, of arrays and tensors alike."""
    if type(value) is np.ndarray:
        return value.swapaxes(-1, -2)
    dims = tuple(range(value.ndim))
    return permute_primitive(value, dims=(*dims[:-2], dims[-1], dims[-2]))


# --- slices and their embedding ---------------------------------------------------------------------------------


@structural(
    "slice",
    view=True,
    part="index",
    reference=lambda x, index: x[index],
    samples=lambda random: [
        Sample((_normal(random, 5, 4),), {"index": (slice(1, 4, 2), 1)}),
        Sample((_normal(random, 5, 4),), {"index": (Ellipsis, None, slice(None, None, -1))}),
        Sample((_normal(random, 3),), {"index": (2,)}),
    ],
)
def slice_primitive(x: np.ndarray, *, index: tuple[Any, ...]) -> np.ndarray:
    """Basic indexing: integers, slices, None and Ellipsis; a view."""
    part = x[index]
    # Integers for every dimension give NumPy's scalars, which are copies; with an Ellipsis a 0-d view.
    return part if type(part) is np.ndarray else x[(*index, Ellipsis)]


@slice_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, index: tuple[Any, ...]) -> Any:
    return embed_primitive(cotangent, shape=x_shape, index=index)


def _embed_reference(x: np.ndarray, shape: Shape, index: tuple[Any, ...]) -> np.ndarray:
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    full = np.zeros(shape)
    np.put(full, places, x)
    return full


@structural(
    "embed",
    reference=_embed_reference,
    samples=lambda random: [
        Sample((_normal(random, 2),), {"shape": (5, 4), "index": (slice(1, 4, 2), 1)}),
    ],
)
def embed_primitive(x: np.ndarray, *, shape: Shape, index: tuple[Any, ...]) -> np.ndarray:
    """Zeros of a shape with a slice of them set: the transpose of slicing."""
    # In the likeness of x: images that lie channels-last in memory stay so.
    full = np.zeros_like(x, shape=shape) if x.ndim == len(shape) else np.zeros(shape, x.dtype)
    full[index] = x
    return full


@embed_primitive.vjp("x")
def _(cotangent: Any, index: tuple[Any, ...]) -> Any:
    return slice_primitive(cotangent, index=index)


# --- concatenation ----------------------------------------------------------------------------------------------


@structural(
    "cat",
    torch="cat",
    reference=lambda *tensors, dim: np.concatenate(tensors, axis=dim),
    samples=lambda random: [
        Sample((_normal(random, 2, 3), _normal(random, 2, 1)), {"dim": 1}),
        Sample((_normal(random, 2, 3), _normal(random, 0, 3), _normal(random, 1, 3)), {"dim": 0}),
    ],
)
def cat_primitive(*tensors: np.ndarray, dim: int) -> np.ndarray:
    """Join tensors along an existing dimension."""
    return np.concatenate(tensors, axis=dim)


@cat_primitive.vjp()
def _(cotangent: Any, shapes: tuple[Shape, ...], needs: tuple[bool, ...], dim: int) -> list[Any]:
    before: tuple[Any, ...] = (slice(None),) * dim
    pulled: list[Any] = []
    start = 0
    for shape, needed in zip(shapes, needs, strict=True):
        stop = start + shape[dim]
        pulled.append(slice_primitive(cotangent, index=(*before, slice(start, stop))) if needed else None)
        start = stop
    return pulled


__all__ = [
    "accumulate_primitive",
    "cat_primitive",
    "embed_primitive",
    "expand_primitive",
    "expand_reduced",
    "expand_view_primitive",
    "gather_along_primitive",
    "gather_primitive",
    "kept_shape",
    "overwrite_primitive",
    "permute_primitive",
    "raw",
    "reshape_primitive",
    "scatter_add_primitive",
    "scatter_along_primitive",
    "slice_primitive",
    "sum_primitive",
    "swap_last",
]

"""Views: the same memory in other shapes, other orders, or only a part of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..broadcasting import Shape, as_shape, broadcast_shapes, normalize_dim
from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..recording import apply
from ..tensor import Tensor
from . import joining
from .joining import *  # noqa: F403
from .linear_maps import expand_view_primitive, permute_primitive, reshape_primitive, slice_primitive


def _reshape(input: Tensor, shape: Shape) -> Tensor:
    result: Tensor = apply(reshape_primitive.op, (input,), {"shape": shape})
    return result


def _resolve(shape: Shape, total: int, given: Shape, operation: str) -> Shape:
    """Fill in a size of -1, and check that the sizes hold all elements."""
    unknown = [position for position, size in enumerate(shape) if size == -1]
    if len(unknown) > 1 or any(size < -1 for size in shape):
        raise ValueError(f"{operation}: at most one size may be -1 and none smaller, got {shape}")
    if unknown:
        known = math.prod(size for size in shape if size != -1)
        if known == 0 or total % known:
            raise ValueError(f"{operation}: shape {shape} cannot hold the {total} elements of shape {given}")
        shape = tuple(total // known if size == -1 else size for size in shape)
    if math.prod(shape) != total:
        raise ValueError(f"{operation}: shape {shape} cannot hold the {total} elements of shape {given}")
    return shape


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape: a view where memory allows, else a copy.

    Args:
        input: any shape.
        shape: the new sizes, separately or as one sequence; one may be -1 and is computed.

    Raises:
        ValueError: if the sizes do not hold the elements.
    """
    input = as_tensor_operand(input, "reshape")
    return _reshape(input, _resolve(as_shape(shape), input.numel(), input.shape, "reshape"))


def view(input: Tensor, *shape: Any) -> Tensor:
    """The same memory in another shape.

    Raises:
        ValueError: if the sizes do not hold the elements, or only a copy could have that shape.
        TypeError: for a dtype instead of sizes; reading memory as another dtype has no derivative.
    """
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer, Sequence)):
        raise TypeError("view() takes sizes; to convert the dtype use .to(dtype)")
    result = reshape(input, *shape)
    if result._base is None and input.numel():
        raise ValueError(
            f"view: a tensor of shape {input.shape} that is not contiguous has no view of shape {result.shape}; "
            "use reshape()"
        )
    return result


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """The same memory in the shape of another tensor; errors as :func:`view`."""
    return view(input, *other.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of another tensor; errors as :func:`reshape`."""
    return reshape(input, *other.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from `start_dim` to `end_dim` into one; a 0-d tensor becomes 1-d."""
    input = as_tensor_operand(input, "flatten")
    start = normalize_dim(start_dim, input.ndim, "flatten")
    end = normalize_dim(end_dim, input.ndim, "flatten")
    if input.ndim == 0:
        return _reshape(input, (1,))
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = input.shape
    return _reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All dimensions joined into one."""
    input = as_tensor_operand(input, "ravel")
    return _reshape(input, (input.numel(),))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split the dimension `dim` into several of the given `sizes`, one of which may be -1."""
    input = as_tensor_operand(input, "unflatten")
    dim = normalize_dim(dim, input.ndim, "unflatten")
    shape = input.shape
    if not shape:
        raise ValueError("unflatten: a 0-d tensor has no dimension to split")
    split = _resolve(as_shape(tuple(sizes)), shape[dim], (shape[dim],), "unflatten")
    return _reshape(input, (*shape[:dim], *split, *shape[dim + 1 :]))


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Remove dimensions of size 1: all, or those among `dim`."""
    input = as_tensor_operand(input, "squeeze")
    if dim is None:
        chosen = tuple(range(input.ndim))
    else:
        dims = (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
        chosen = tuple(normalize_dim(d, input.ndim, "squeeze") for d in dims)
    return _reshape(input, tuple(s for axis, s in enumerate(input.shape) if s != 1 or axis not in chosen))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 at `dim`."""
    input = as_tensor_operand(input, "unsqueeze")
    dim = normalize_dim(dim, input.ndim + 1, "unsqueeze")
    return _reshape(input, (*input.shape[:dim], 1, *input.shape[dim:]))


# --- other orders -----------------------------------------------------------------------------------------------


def _permute(input: Tensor, order: tuple[int, ...]) -> Tensor:
    result: Tensor = apply(permute_primitive.op, (input,), {"dims": order})
    return result


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in the given order, as a view.

    Raises:
        ValueError: if `dims` does not name each dimension once.
    """
    input = as_tensor_operand(input, "permute")
    given = dims[0] if len(dims) == 1 and isinstance(dims[0], Sequence) else dims
    try:
        order = _known_order(input.ndim, *given)
    except TypeError:  # for what is no integer, and what cannot be looked up
        order = _order(input.ndim, *given)
    return _permute(input, order)


def _order(ndim: int, *dims: Any) -> tuple[int, ...]:
    given = as_shape(dims)
    order = tuple(normalize_dim(d, ndim, "permute") for d in given)
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"permute: dims {given} must name each of {ndim} dimensions once")
    return order


# Checking costs more than all else that a view does. Types tell True from 1.
_known_order = functools.lru_cache(maxsize=512, typed=True)(_order)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions, as a view."""
    input = as_tensor_operand(input, "transpose")
    first, second = (normalize_dim(d, input.ndim, "transpose") for d in (dim0, dim1))
    if input.ndim == 0:
        return input
    order = list(range(input.ndim))
    order[first], order[second] = second, first
    return _permute(input, tuple(order))


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions, as a view: :func:`transpose` by NumPy's name."""
    return transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions, as a view: :func:`transpose` by another name."""
    return transpose(input, dim0, dim1)


def t(input: Tensor) -> Tensor:
    """Transpose a matrix; vectors and 0-d tensors stay as they are."""
    input = as_tensor_operand(input, "t")
    if input.ndim > 2:
        raise ValueError(f"t() takes at most 2 dimensions, got shape {input.shape}")
    return transpose(input, 0, 1) if input.ndim == 2 else input


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions to new places; the others keep their order.

    Raises:
        ValueError: unless both name as many dimensions, each once.
        IndexError: if a dimension is out of range.
    """
    input = as_tensor_operand(input, "movedim")
    sources, targets = (
        [normalize_dim(d, input.ndim, "movedim") for d in ((dims,) if isinstance(dims, (int, np.integer)) else dims)]
        for dims in (source, destination)
    )
    if len(sources) != len(targets) or len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError(f"movedim: source {source} and destination {destination} must name as many distinct dims")
    if not input.ndim:
        return input
    order = [d for d in range(input.ndim) if d not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return _permute(input, tuple(order))


def moveaxis(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions to new places: :func:`movedim` by NumPy's name."""
    return movedim(input, source, destination)


# --- repeated views ---------------------------------------------------------------------------------------------


def expand(input: Tensor, *size: Any) -> Tensor:
    """Repeat dimensions of size 1, and add leading ones, without copying; -1 keeps a size.

    Raises:
        ValueError: if a size other than 1 would change.
    """
    input = as_tensor_operand(input, "expand")
    sizes = as_shape(size)
    added = len(sizes) - input.ndim
    if added < 0 or any(s < 0 for s in sizes[:added]):
        raise ValueError(f"expand: shape {input.shape} cannot be expanded to {sizes}")
    full = tuple(input.shape[axis - added] if wanted == -1 else wanted for axis, wanted in enumerate(sizes))
    for axis, own in enumerate(input.shape):
        if own not in (1, full[axis + added]) or full[axis + added] < 0:
            raise ValueError(f"expand: shape {input.shape} cannot be expanded to {sizes}")
    result: Tensor = apply(expand_view_primitive.op, (input,), {"shape": full})
    return result


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Expand to the shape of another tensor."""
    return expand(input, *other.shape)


def broadcast_to(input: Tensor, *shape: Any) -> Tensor:
    """Expand to `shape`."""
    return expand(input, *shape)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Expand several tensors to their common shape."""
    shape = broadcast_shapes(*(tensor.shape for tensor in tensors), operation="broadcast_tensors")
    return tuple(expand(tensor, *shape) for tensor in tensors)


# --- parts ------------------------------------------------------------------------------------------------------


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The part of `input` from `start` with `length` along `dim`, as a view.

    Raises:
        IndexError: if it leaves the dimension.
        ValueError: for 0-d tensors.
    """
    input = as_tensor_operand(input, "narrow")
    dim = normalize_dim(dim, input.ndim, "narrow")
    if not input.ndim:
        raise ValueError("narrow: a 0-d tensor has no dimension to narrow")
    size, start = input.shape[dim], int(start)
    begin = start + size if start < 0 else start
    if not -size <= start <= size or length < 0 or begin + length > size:
        raise IndexError(f"narrow: start {start} and length {length} leave dimension {dim} of size {size}")
    index = (*(slice(None),) * dim, slice(begin, begin + length))
    result: Tensor = apply(slice_primitive.op, (input,), {"index": index})
    return result


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at one `index` along `dim`, without that dimension, as a view.

    Raises:
        IndexError: for an index or a dimension out of range, and for 0-d tensors.
    """
    input = as_tensor_operand(input, "select")
    if not input.ndim:
        raise IndexError("select: a 0-d tensor has no dimension to select from")
    dim = normalize_dim(dim, input.ndim, "select")
    index = int(index)
    if not -input.shape[dim] <= index < input.shape[dim]:
        raise IndexError(f"select: index {index} is out of range for dimension {dim} of shape {input.shape}")
    result: Tensor = apply(slice_primitive.op, (input,), {"index": (*(slice(None),) * dim, index)})
    return result


METHODS = (
    reshape, view, view_as, reshape_as, flatten, ravel, unflatten, squeeze, unsqueeze, permute, transpose, swapaxes,
    swapdims, t, movedim, moveaxis, expand, expand_as, broadcast_to, narrow, select,
)  # fmt: skip
for _function in METHODS:
    attach(_function.__name__, _function)

Tensor.T = property(  # type: ignore[attr-defined]
    lambda self: permute(self, *reversed(range(self.ndim))), doc="The dimensions in reverse order, as a view."
)
Tensor.mT = property(  # type: ignore[attr-defined]
    lambda self: transpose(self, -2, -1), doc="The last two dimensions exchanged, as a view."
)

# Methods only, in PyTorch too.
_HIDDEN = (view, view_as, reshape_as, expand, expand_as)
__all__ = [*(f.__name__ for f in METHODS if f not in _HIDDEN), "broadcast_tensors", *joining.__all__]

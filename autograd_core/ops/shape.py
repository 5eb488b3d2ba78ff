"""Shapes: views, joins and splits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..broadcasting import Shape, as_shape, broadcast_shapes, normalize_dim
from ..dispatch import apply, as_tensor_operand, attach, cast
from ..tensor import Tensor
from .linear_maps import (
    cat_primitive,
    expand_primitive,
    permute_primitive,
    reshape_primitive,
    slice_primitive,
)


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
    """
    if len(shape) == 1 and not isinstance(shape[0], (int, Sequence)):
        raise TypeError("view() takes sizes; to convert the dtype use .to(dtype)")
    result = reshape(input, *shape)
    if result._base is None and input.numel():
        raise ValueError(
            f"view: a tensor of shape {input.shape} that is not contiguous has no view of shape {result.shape}; "
            "use reshape()"
        )
    return result


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


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split the dimension `dim` into several of the given `sizes`, one of which may be -1."""
    input = as_tensor_operand(input, "unflatten")
    dim = normalize_dim(dim, input.ndim, "unflatten")
    shape = input.shape
    split = _resolve(as_shape(tuple(sizes)), shape[dim], (shape[dim],), "unflatten")
    return _reshape(input, (*shape[:dim], *split, *shape[dim + 1 :]))


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Remove dimensions of size 1: all, or those among `dim`."""
    input = as_tensor_operand(input, "squeeze")
    if dim is None:
        chosen = tuple(range(input.ndim))
    else:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        chosen = tuple(normalize_dim(d, input.ndim, "squeeze") for d in dims)
    return _reshape(input, tuple(s for axis, s in enumerate(input.shape) if s != 1 or axis not in chosen))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 at `dim`."""
    input = as_tensor_operand(input, "unsqueeze")
    dim = normalize_dim(dim, input.ndim + 1, "unsqueeze")
    return _reshape(input, (*input.shape[:dim], 1, *input.shape[dim:]))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in the given order, as a view.

    Raises:
        ValueError: if `dims` does not name each dimension once.
    """
    input = as_tensor_operand(input, "permute")
    order = tuple(normalize_dim(d, input.ndim, "permute") for d in as_shape(dims))
    if sorted(order) != list(range(input.ndim)):
        raise ValueError(f"permute: dims {as_shape(dims)} must name each of {input.ndim} dimensions once")
    result: Tensor = apply(permute_primitive.op, (input,), {"dims": order})
    return result


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions, as a view."""
    input = as_tensor_operand(input, "transpose")
    if input.ndim == 0:
        return input
    first, second = (normalize_dim(d, input.ndim, "transpose") for d in (dim0, dim1))
    order = list(range(input.ndim))
    order[first], order[second] = second, first
    result: Tensor = apply(permute_primitive.op, (input,), {"dims": tuple(order)})
    return result


def t(input: Tensor) -> Tensor:
    """Transpose a matrix; vectors and 0-d tensors stay as they are."""
    input = as_tensor_operand(input, "t")
    if input.ndim > 2:
        raise ValueError(f"t() takes at most 2 dimensions, got shape {input.shape}")
    return transpose(input, 0, 1) if input.ndim == 2 else input


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions to new places; the others keep their order."""
    input = as_tensor_operand(input, "movedim")
    sources = [normalize_dim(d, input.ndim, "movedim") for d in ((source,) if isinstance(source, int) else source)]
    targets = [
        normalize_dim(d, input.ndim, "movedim")
        for d in ((destination,) if isinstance(destination, int) else destination)
    ]
    if len(sources) != len(targets) or len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError(f"movedim: source {source} and destination {destination} must name as many distinct dims")
    order = [d for d in range(input.ndim) if d not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return permute(input, *order)


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
    full = tuple(
        input.shape[axis - added] if wanted == -1 else wanted for axis, wanted in enumerate(sizes)
    )
    for axis, own in enumerate(input.shape):
        if own not in (1, full[axis + added]):
            raise ValueError(f"expand: shape {input.shape} cannot be expanded to {sizes}")
    result: Tensor = apply(expand_primitive.op, (input,), {"shape": full})
    return result


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Expand to the shape of another tensor."""
    return expand(input, *other.shape)


def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Expand to `shape`."""
    return expand(input, *shape)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Expand several tensors to their common shape."""
    shape = broadcast_shapes(*(tensor.shape for tensor in tensors), operation="broadcast_tensors")
    return tuple(expand(tensor, *shape) for tensor in tensors)


def _join(tensors: Sequence[Tensor], name: str) -> list[Tensor]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        raise TypeError(f"{name}() takes a sequence of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise ValueError(f"{name}() needs at least one tensor")
    operands = [as_tensor_operand(tensor, name) for tensor in tensors]
    dtype = operands[0].dtype
    for operand in operands[1:]:
        dtype = dtypes.promote(dtype, operand.dtype)
    return [cast(operand, dtype) for operand in operands]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension; the other sizes must agree.

    Raises:
        ValueError: if no tensors are given or other sizes differ.
    """
    operands = _join(tensors, "cat")
    # 1-d empty tensors join with anything, as in PyTorch.
    operands = [o for o in operands if o.shape != (0,)] or operands[:1]
    dim = normalize_dim(dim, operands[0].ndim, "cat")
    if operands[0].ndim == 0:
        raise ValueError("cat: 0-d tensors cannot be joined; use stack()")
    others = {(*o.shape[:dim], *o.shape[dim + 1 :]) if o.ndim > dim else o.shape for o in operands}
    if len(others) != 1 or len({o.ndim for o in operands}) != 1:
        shapes = ", ".join(str(o.shape) for o in operands)
        raise ValueError(f"cat: shapes {shapes} differ outside dimension {dim}")
    result: Tensor = apply(cat_primitive.op, operands, {"dim": dim})
    return result


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Raises:
        ValueError: if no tensors are given or shapes differ.
    """
    operands = _join(tensors, "stack")
    if len({o.shape for o in operands}) != 1:
        raise ValueError(f"stack: shapes {', '.join(str(o.shape) for o in operands)} differ")
    dim = normalize_dim(dim, operands[0].ndim + 1, "stack")
    return cat([unsqueeze(operand, dim) for operand in operands], dim)


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The part of `input` from `start` with `length` along `dim`, as a view."""
    input = as_tensor_operand(input, "narrow")
    dim = normalize_dim(dim, input.ndim, "narrow")
    size = input.shape[dim]
    if not -size <= start <= size or length < 0 or (start % size if start < 0 else start) + length > size:
        raise IndexError(f"narrow: start {start} and length {length} leave dimension {dim} of size {size}")
    start = start + size if start < 0 else start
    index = (*(slice(None),) * dim, slice(start, start + length))
    result: Tensor = apply(slice_primitive.op, (input,), {"index": index})
    return result


def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into views along `dim`: pieces of one size (the last may be smaller) or of the given sizes."""
    input = as_tensor_operand(input, "split")
    dim = normalize_dim(dim, input.ndim, "split")
    total = input.shape[dim]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size <= 0:
            raise ValueError(f"split: the size of the pieces must be positive, got {size}")
        sections = [min(size, total - start) for start in range(0, total, size)] or [0]
    else:
        sections = list(split_size_or_sections)
        if sum(sections) != total or min(sections, default=0) < 0:
            raise ValueError(f"split: sizes {sections} do not add up to {total}, the size of dimension {dim}")
    pieces, start = [], 0
    for length in sections:
        pieces.append(narrow(input, dim, start, length))
        start += length
    return tuple(pieces)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into at most `chunks` views of equal size along `dim`; the last may be smaller."""
    if chunks <= 0:
        raise ValueError(f"chunk: the number of chunks must be positive, got {chunks}")
    input = as_tensor_operand(input, "chunk")
    total = input.shape[normalize_dim(dim, input.ndim, "chunk")]
    return split(input, max(1, -(-total // chunks)), dim)


METHODS = (
    reshape, view, flatten, unflatten, squeeze, unsqueeze, permute, transpose, t, movedim, expand, expand_as,
    broadcast_to, narrow, split, chunk,
)  # fmt: skip
for _function in METHODS:
    attach(_function.__name__, _function)

Tensor.T = property(  # type: ignore[attr-defined]
    lambda self: permute(self, *reversed(range(self.ndim))), doc="The dimensions in reverse order, as a view."
)
Tensor.mT = property(  # type: ignore[attr-defined]
    lambda self: transpose(self, -2, -1), doc="The last two dimensions exchanged, as a view."
)

__all__ = [*(f.__name__ for f in METHODS), "broadcast_tensors", "cat", "stack"]

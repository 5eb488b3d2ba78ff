"""Joining tensors and cutting them apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import normalize_dim
from ..declaration import attach
from ..dispatch import as_tensor_operand, cast
from ..recording import apply
from ..tensor import Tensor
from .linear_maps import cat_primitive, reshape_primitive, slice_primitive


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
        IndexError: if the dimension is out of range.
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


def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension: :func:`cat` by another name."""
    return cat(tensors, dim)


def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension: :func:`cat` by NumPy's name."""
    return cat(tensors, dim)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Raises:
        ValueError: if no tensors are given or shapes differ.
        IndexError: if the dimension is out of range.
    """
    operands = _join(tensors, "stack")
    if len({o.shape for o in operands}) != 1:
        raise ValueError(f"stack: shapes {', '.join(str(o.shape) for o in operands)} differ")
    shape = operands[0].shape
    dim = normalize_dim(dim, len(shape) + 1, "stack")
    widened = [reshape_primitive(operand, shape=(*shape[:dim], 1, *shape[dim:])) for operand in operands]
    result: Tensor = apply(cat_primitive.op, widened, {"dim": dim})
    return result


def _at_least(rank: int, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    found = []
    for given in tensors:
        tensor = as_tensor_operand(given, f"atleast_{rank}d")
        if tensor.ndim < rank:
            # A vector becomes a row of a matrix, and a matrix the front of a block.
            front = rank - tensor.ndim if rank < 3 or not tensor.ndim else 2 - tensor.ndim
            shape = (*(1,) * front, *tensor.shape, *(1,) * (rank - front - tensor.ndim))
            tensor = reshape_primitive(tensor, shape=shape)
        found.append(tensor)
    return found[0] if len(found) == 1 else tuple(found)


def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dimension; of several a tuple."""
    return _at_least(1, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dimensions: (n,) becomes (1, n). Of several a tuple."""
    return _at_least(2, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dimensions: (n,) becomes (1, n, 1) and (n, m) (n, m, 1). Of several a tuple."""
    return _at_least(3, tensors)


def _widened(tensors: Sequence[Tensor], rank: int, name: str) -> list[Tensor]:
    return [_at_least(rank, (tensor,)) for tensor in _join(tensors, name)]


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors side by side: along the second dimension, vectors along their only one."""
    operands = _widened(tensors, 1, "hstack")
    return cat(operands, 0 if operands[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors as rows, one below the other; vectors count as one row."""
    return cat(_widened(tensors, 2, "vstack"), 0)


def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors as rows: :func:`vstack` by another name."""
    return vstack(tensors)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the third dimension."""
    return cat(_widened(tensors, 3, "dstack"), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors as columns; vectors count as one column."""
    columns = [
        reshape_primitive(tensor, shape=(tensor.numel(), 1)) if tensor.ndim < 2 else tensor
        for tensor in _join(tensors, "column_stack")
    ]
    return cat(columns, 1)


# --- cutting ----------------------------------------------------------------------------------------------------


def _pieces(input: Tensor, bounds: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    """Views from each bound to the next along `dim`."""
    before = (slice(None),) * dim
    return tuple(
        apply(slice_primitive.op, (input,), {"index": (*before, slice(start, max(start, stop)))})
        for start, stop in itertools.pairwise(bounds)
    )


def _cuttable(input: Any, dim: int, name: str) -> tuple[Tensor, int, int]:
    tensor = as_tensor_operand(input, name)
    if tensor.ndim == 0:
        raise ValueError(f"{name}: a 0-d tensor has no dimension to cut")
    dim = normalize_dim(dim, tensor.ndim, name)
    return tensor, dim, tensor.shape[dim]


def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into views along `dim`: pieces of one size (the last may be smaller) or of the given sizes.

    Raises:
        ValueError: for sizes that do not add up to the dimension's, or are negative, and for 0-d tensors.
        IndexError: if the dimension is out of range.
    """
    tensor, dim, total = _cuttable(input, dim, "split")
    if isinstance(split_size_or_sections, (int, np.integer)):
        size = int(split_size_or_sections)
        if size < 0 or (size == 0 and total):
            raise ValueError(f"split: the size of the pieces must be positive, got {size}")
        return _pieces(tensor, [*range(0, total, size), total] if total else [0, 0], dim)
    sections = list(split_size_or_sections)
    if sum(sections) != total or min(sections, default=0) < 0:
        raise ValueError(f"split: sizes {sections} do not add up to {total}, the size of dimension {dim}")
    return _pieces(tensor, [0, *(sum(sections[: place + 1]) for place in range(len(sections)))], dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into at most `chunks` views of equal size along `dim`; the last may be smaller.

    Raises:
        ValueError: if `chunks` is not positive, and for 0-d tensors.
        IndexError: if the dimension is out of range.
    """
    if chunks <= 0:
        raise ValueError(f"chunk: the number of chunks must be positive, got {chunks}")
    tensor, dim, total = _cuttable(input, dim, "chunk")
    return split(tensor, -(-total // chunks), dim) if total else _pieces(tensor, [0] * (chunks + 1), dim)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut into views along `dim`: into a number of nearly equal pieces, or at the given places.

    Raises:
        ValueError: for a number that is not positive, and for 0-d tensors.
        IndexError: if the dimension is out of range.
    """
    tensor, dim, total = _cuttable(input, dim, "tensor_split")
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, (int, np.integer)):
        if given <= 0:
            raise ValueError(f"tensor_split: the number of pieces must be positive, got {given}")
        longer = total % given
        bounds = [place * (total // given) + min(place, longer) for place in range(given + 1)]
    else:
        bounds = [0, *(min(total, max(0, place + total if place < 0 else place)) for place in given), total]
    return _pieces(tensor, bounds, dim)


def _axis_split(name: str, axis: int, least: int) -> Any:
    def cut(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        tensor = as_tensor_operand(input, name)
        if tensor.ndim < least:
            raise ValueError(f"{name}: expected at least {least} dimensions, got shape {tensor.shape}")
        dim = min(axis, tensor.ndim - 1)
        if isinstance(indices_or_sections, int) and tensor.shape[dim] % max(1, indices_or_sections):
            raise ValueError(f"{name}: dimension {dim} of shape {tensor.shape} is no multiple of {indices_or_sections}")
        return tensor_split(tensor, indices_or_sections, dim)

    cut.__name__ = cut.__qualname__ = name
    where = "second dimension, vectors along their only one" if name == "hsplit" else f"dimension {axis}"
    cut.__doc__ = f"Cut into views along the {where}: into equal pieces, or at places."
    return cut


hsplit = _axis_split("hsplit", 1, 1)
vsplit = _axis_split("vsplit", 0, 2)
dsplit = _axis_split("dsplit", 2, 3)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all slices along `dim`, without that dimension.

    Raises:
        IndexError: if the dimension is out of range, and for 0-d tensors.
    """
    tensor = as_tensor_operand(input, "unbind")
    if not tensor.ndim:
        raise IndexError("unbind: a 0-d tensor has no dimension to take apart")
    dim = normalize_dim(dim, tensor.ndim, "unbind")
    before = (slice(None),) * dim
    return tuple(
        apply(slice_primitive.op, (tensor,), {"index": (*before, place)}) for place in range(tensor.shape[dim])
    )


METHODS = (split, chunk, tensor_split, hsplit, vsplit, dsplit, unbind)
for _function in METHODS:
    attach(_function.__name__, _function)

_JOINS = (
    atleast_1d, atleast_2d, atleast_3d, cat, concat, concatenate, stack, hstack, vstack, row_stack, dstack,
    column_stack,
)  # fmt: skip
__all__ = [_function.__name__ for _function in (*METHODS, *_JOINS)]

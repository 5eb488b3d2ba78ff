"""Copies with a region replaced: a slice, a place along a dimension, a diagonal; and reduction into rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..broadcasting import normalize_dim
from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..recording import apply
from ..tensor import Tensor
from .arguments import check_range, integers, written
from .diagonals import diagonal
from .inplace import in_place
from .linear_maps import overwrite_primitive
from .segments import reduce_at

_REDUCTIONS = {"prod": "prod", "mean": "mean", "amax": "amax", "amin": "amin"}


def _replaced(tensor: Tensor, value: Tensor, index: tuple[Any, ...], shape: tuple[int, ...], operation: str) -> Tensor:
    if value.shape != shape:
        raise ValueError(f"{operation}: the source must have the region's shape {shape}, got {value.shape}")
    result: Tensor = apply(overwrite_primitive.op, (tensor, value), {"index": index})
    return result


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with `src` in place of what ``input.select(dim, index)`` shows.

    Raises:
        IndexError: if the dimension or the index is out of range.
        ValueError: if the source has another shape.
        TypeError: if it has another dtype.

    Example:
        >>> import autograd_core as ag
        >>> ag.select_scatter(ag.zeros(2, 2), ag.ones(2), 0, 1).tolist()
        [[0.0, 0.0], [1.0, 1.0]]
    """
    tensor, value = written(input, src, "select_scatter")
    if not tensor.ndim:
        raise IndexError("select_scatter: a 0-d tensor has no dimension to select from")
    axis = normalize_dim(dim, tensor.ndim, "select_scatter")
    size = tensor.shape[axis]
    if not -size <= index < size:
        raise IndexError(f"select_scatter: index {index} is out of range for dimension {dim} of shape {tensor.shape}")
    shape = tensor.shape[:axis] + tensor.shape[axis + 1 :]
    return _replaced(tensor, value, (*(slice(None),) * axis, int(index)), shape, "select_scatter")


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with `src` in place of the slice ``start:end:step`` along `dim`.

    Raises:
        IndexError: if the dimension is out of range.
        ValueError: if the source has another shape, or the step is not positive.
        TypeError: if it has another dtype.
    """
    tensor, value = written(input, src, "slice_scatter")
    if not tensor.ndim:
        raise IndexError("slice_scatter: a 0-d tensor has no dimension to cut")
    if step < 1:
        raise ValueError(f"slice_scatter: step must be positive, got {step}")
    axis = normalize_dim(dim, tensor.ndim, "slice_scatter")
    part = slice(start, end, step)
    length = len(range(*part.indices(tensor.shape[axis])))
    shape = (*tensor.shape[:axis], length, *tensor.shape[axis + 1 :])
    return _replaced(tensor, value, (*(slice(None),) * axis, part), shape, "slice_scatter")


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with `src` in place of what ``input.diagonal(offset, dim1, dim2)`` shows.

    Raises:
        IndexError: if a dimension is out of range.
        ValueError: if the dimensions are the same, or the source has another shape.
        TypeError: if it has another dtype.
    """
    tensor, value = written(input, src, "diagonal_scatter")
    places = diagonal(_numbered(tensor), offset, dim1, dim2)._array
    index = np.unravel_index(places, tensor.shape)
    return _replaced(tensor, value, index, places.shape, "diagonal_scatter")


def _numbered(tensor: Tensor) -> Tensor:
    return Tensor(np.arange(tensor.numel()).reshape(tensor.shape))


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy with the slices of `source` along `dim` reduced into those that a one-dimensional index names.

    Args:
        input: at least one dimension.
        dim: the dimension.
        index: a vector of integers, one for each slice of `source`.
        source: as `input`, with the index's length along `dim`.
        reduce: "prod", "mean", "amax" or "amin".
        include_self: whether what was there takes part.

    Raises:
        IndexError: for an index or a dimension out of range.
        ValueError: for a source of another shape, and another `reduce`.
        TypeError: for an index not of integers, and a source of another dtype.
    """
    if reduce not in _REDUCTIONS:
        raise ValueError(f"index_reduce: reduce must be one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    tensor, value = written(input, as_tensor_operand(source, "index_reduce"), "index_reduce")
    if not tensor.ndim:
        raise ValueError("index_reduce: expected at least one dimension")
    axis = normalize_dim(dim, tensor.ndim, "index_reduce")
    places = integers(index, "index_reduce")
    expected = (*tensor.shape[:axis], places.size, *tensor.shape[axis + 1 :])
    if places.ndim != 1 or value.shape != expected:
        raise ValueError(
            f"index_reduce: an index of shape {places.shape} needs a source of shape {expected}, got {value.shape}"
        )
    rows = check_range(places, tensor.shape[axis], "index_reduce")
    return reduce_at(tensor, (*(slice(None),) * axis, rows), value, reduce, include_self)


METHODS = (select_scatter, slice_scatter, diagonal_scatter, index_reduce)
for _function in METHODS:
    attach(_function.__name__, _function)
attach("index_reduce_", in_place(index_reduce, "index_reduce"))

__all__ = [_function.__name__ for _function in METHODS]

"""Shapes: broadcasting, its transpose, and the checks of dimension arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Shape = tuple[int, ...]


def unbroadcast_axes(shape: Shape, target: Shape) -> tuple[Shape, Shape]:
    """The axes of `shape` to sum, away and in place, so that a cotangent of `shape` fits an operand of `target`.

    Returns the leading axes that broadcasting added and the axes it stretched from size 1.
    """
    added = len(shape) - len(target)
    stretched = tuple(axis + added for axis, size in enumerate(target) if size == 1 and shape[axis + added] != 1)
    return tuple(range(added)), stretched


# Rows that are added one after the other before their sums are: float32 keeps six digits of any number of rows then.
_BLOCK = 64


def add_over(array: np.ndarray, axes: Shape, keepdims: bool = False) -> Any:
    """Sum over `axes`: pairwise along contiguous memory, as NumPy does; float32 along other axes in blocks."""
    if array.size > 2 * _BLOCK and array.dtype == np.float32:
        for axis in axes:
            length = array.shape[axis]
            if length <= 2 * _BLOCK or abs(array.strides[axis]) == array.itemsize:
                continue
            whole = length - length % _BLOCK
            before = (slice(None),) * axis
            blocks = array[(*before, slice(whole))].reshape(
                *array.shape[:axis], whole // _BLOCK, _BLOCK, *array.shape[axis + 1 :]
            )
            total = add_over(np.add.reduce(blocks, axis=axis + 1), axes, keepdims)
            rest = array[(*before, slice(whole, None))]
            return total + add_over(rest, axes, keepdims) if rest.size else total
    if len(axes) == array.ndim and not keepdims:
        return np.add.reduce(array, axis=None)
    return np.add.reduce(array, axis=axes, keepdims=keepdims)  # type: ignore[call-overload]


def unbroadcast(array: np.ndarray, target: Shape) -> np.ndarray:
    """Sum `array` down to the shape `target` that it was broadcast from.

    The transpose of broadcasting: every element of the operand receives the sum of the cotangents of its copies.
    """
    added, stretched = unbroadcast_axes(array.shape, target)
    if added or stretched:
        array = add_over(array, added + stretched, keepdims=True)
    return array.reshape(target)


def broadcast_shapes(*shapes: Shape, operation: str) -> Shape:
    """The common shape of `shapes`; the error names `operation` and all of them."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(str(tuple(s)) for s in shapes)
        raise ValueError(f"{operation}: shapes {listed} cannot be broadcast together") from None


def normalize_dim(dim: int, ndim: int, operation: str) -> int:
    """Return `dim` counted from the front; a 0-d tensor accepts 0 and -1, as in PyTorch.

    Raises:
        IndexError: if `dim` lies outside ``[-ndim, ndim)``.
        TypeError: if `dim` is not an integer.
    """
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise TypeError(f"{operation}: dim must be an int, got {type(dim).__name__}")
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(
            f"{operation}: dimension {dim} is out of range for a {ndim}-d tensor (expected {-limit} to {limit - 1})"
        )
    return int(dim) % limit


def normalize_dims(dim: int | Sequence[int] | None, ndim: int, operation: str) -> tuple[int, ...]:
    """Return the dims to reduce, sorted as given from the front; None and an empty sequence mean all of them."""
    if dim is None:
        return tuple(range(ndim))
    if type(dim) is int and -ndim <= dim < ndim:
        return (dim if dim >= 0 else dim + ndim,)
    if isinstance(dim, (int, np.integer)):
        return (normalize_dim(dim, ndim, operation),) if ndim else _check_zero_dimensional(dim, operation)
    found = tuple(normalize_dim(d, ndim, operation) for d in dim)
    if len(set(found)) != len(found):
        raise ValueError(f"{operation}: dim {tuple(dim)} names a dimension more than once")
    return (found if ndim else ()) if found else tuple(range(ndim))


def _check_zero_dimensional(dim: int, operation: str) -> tuple[int, ...]:
    normalize_dim(dim, 0, operation)
    return ()


def as_shape(size: tuple[Any, ...]) -> Shape:
    """Read sizes given as ``(2, 3)`` or as one sequence ``((2, 3),)``."""
    if len(size) == 1 and isinstance(size[0], Sequence):
        size = tuple(size[0])
    for entry in size:
        if isinstance(entry, bool) or not isinstance(entry, (int, np.integer)):
            raise TypeError(f"sizes must be integers, got {entry!r} in {size}")
    return tuple(int(entry) for entry in size)

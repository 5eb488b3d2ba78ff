"""Rearrangements: rolled, flipped and repeated tensors, triangles and diagonals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import as_shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .arguments import integers
from .inplace import in_place
from .linear_maps import expand_view_primitive, gather_primitive, reshape_primitive

# --- rolled and flipped -----------------------------------------------------------------------------------------


@structural(
    "roll",
    torch="roll",
    reference=lambda x, shifts, dims: np.roll(x, shifts, dims),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"shifts": (1, -2), "dims": (0, 1)}),
        Sample((random.standard_normal((0, 4)),), {"shifts": (1,), "dims": (0,)}),
    ],
)
def roll_primitive(x: np.ndarray, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    """Move elements along dimensions; those that leave at one end enter at the other."""
    return np.roll(x, shifts, dims)


@roll_primitive.vjp("x")
def _(cotangent: Any, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    return roll_primitive(cotangent, shifts=tuple(-shift for shift in shifts), dims=dims)


@structural(
    "flip",
    torch="flip",
    reference=lambda x, dims: np.flip(x, dims),
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"dims": (0, 1)}),
        Sample((random.standard_normal((3, 4)),), {"dims": (1,)}),
    ],
)
def flip_primitive(x: np.ndarray, *, dims: tuple[int, ...]) -> np.ndarray:
    """Reverse the order along dimensions; a copy."""
    return np.array(np.flip(x, dims), order="C")


@flip_primitive.vjp("x")
def _(cotangent: Any, dims: tuple[int, ...]) -> Any:
    return flip_primitive(cotangent, dims=dims)


def _as_tuple(value: Any) -> tuple[int, ...]:
    return (int(value),) if isinstance(value, (int, np.integer)) else tuple(int(entry) for entry in value)


def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Move elements along `dims` (of the flattened tensor if left out); those that leave enter at the other end.

    Raises:
        ValueError: unless there are as many shifts as dims.
        IndexError: if a dimension is out of range.
    """
    tensor, steps = as_tensor_operand(input, "roll"), _as_tuple(shifts)
    axes = () if dims is None else _as_tuple(dims)
    if not axes:
        if len(steps) != 1:
            raise ValueError(f"roll: without dims there must be one shift, got {steps}")
        flat = reshape_primitive(tensor, shape=(tensor.numel(),))
        rolled: Tensor = apply(roll_primitive.op, (flat,), {"shifts": steps, "dims": (0,)})
        return _shaped(rolled, tensor.shape)
    if len(steps) != len(axes):
        raise ValueError(f"roll: shifts {steps} and dims {axes} must be as many")
    if not tensor.ndim:
        raise IndexError("roll: a 0-d tensor has no dimension to roll along")
    axes = tuple(normalize_dim(axis, tensor.ndim, "roll") for axis in axes)
    result: Tensor = apply(roll_primitive.op, (tensor,), {"shifts": steps, "dims": axes})
    return result


def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy with the order along `dims` reversed.

    Raises:
        ValueError: if a dimension is named twice.
        IndexError: if a dimension is out of range.
    """
    tensor, given = as_tensor_operand(input, "flip"), as_shape(dims)
    axes = tuple(normalize_dim(axis, tensor.ndim, "flip") for axis in given)
    if len(set(axes)) != len(axes):
        raise ValueError(f"flip: dims {given} name a dimension more than once")
    result: Tensor = apply(flip_primitive.op, (tensor,), {"dims": axes if tensor.ndim else ()})
    return result


def _shaped(tensor: Tensor, shape: Any) -> Tensor:
    result: Tensor = apply(reshape_primitive.op, (tensor,), {"shape": tuple(shape)})
    return result


def _with_rank(input: Any, least: int, operation: str) -> Tensor:
    tensor = as_tensor_operand(input, operation)
    if tensor.ndim < least:
        raise ValueError(f"{operation}: expected at least {least} dimensions, got shape {tensor.shape}")
    return tensor


def fliplr(input: Tensor) -> Tensor:
    """A copy with the columns in reverse order."""
    return flip(_with_rank(input, 2, "fliplr"), 1)


def flipud(input: Tensor) -> Tensor:
    """A copy with the rows in reverse order."""
    return flip(_with_rank(input, 1, "flipud"), 0)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn by 90 degrees `k` times, from the first of `dims` towards the second.

    Raises:
        ValueError: unless `dims` names two different dimensions.
        IndexError: if a dimension is out of range.
    """
    tensor = _with_rank(input, 2, "rot90")
    axes = [normalize_dim(axis, tensor.ndim, "rot90") for axis in dims]
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"rot90: dims must be two different dimensions, got {tuple(dims)}")
    first, second = axes
    k %= 4
    if k == 2:
        return flip(tensor, first, second)
    turned = tensor if k == 0 else tensor.transpose(first, second)
    return flip(turned, *([] if k == 0 else [first if k == 1 else second]))


# --- repeated ---------------------------------------------------------------------------------------------------


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """A copy repeated along each dimension; more numbers than dimensions add leading ones.

    Raises:
        ValueError: for fewer numbers than dimensions, and for negative ones.
    """
    tensor, times = as_tensor_operand(input, "repeat"), as_shape(repeats)
    if len(times) < tensor.ndim or min(times, default=0) < 0:
        raise ValueError(f"repeat: {times} must hold a number, not negative, for each dimension of {tensor.shape}")
    shape = (*(1,) * (len(times) - tensor.ndim), *tensor.shape)
    pairs = reshape_primitive(tensor, shape=tuple(itertools.chain.from_iterable((1, size) for size in shape)))
    full = tuple(itertools.chain.from_iterable(zip(times, shape, strict=True)))
    spread = apply(expand_view_primitive.op, (pairs,), {"shape": full})
    sizes = tuple(number * size for number, size in zip(times, shape, strict=True))
    result: Tensor = apply(reshape_primitive.op, (spread,), {"shape": sizes})
    return result if result._base is None else result.clone()


def tile(input: Tensor, *dims: Any) -> Tensor:
    """A copy repeated along the last dimensions; as :func:`repeat`, with ones for numbers that are left out."""
    tensor, times = as_tensor_operand(input, "tile"), as_shape(dims)
    return repeat(tensor, *(1,) * (tensor.ndim - len(times)), *times)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element, or slice along `dim`, repeated before the next one.

    Args:
        input: any shape. Alone, it holds numbers of repetitions, and the positions repeated as often are returned.
        repeats: a number for all, or a tensor of one for each.
        dim: the dimension; left out, the tensor is flattened.
        output_size: accepted for PyTorch's sake.

    Raises:
        ValueError: for negative repetitions, and unless there are as many as elements.
        IndexError: if the dimension is out of range.
    """
    tensor = as_tensor_operand(input, "repeat_interleave")
    if repeats is None:
        counts = integers(tensor, "repeat_interleave", keep=False)
        return wrap(np.repeat(np.arange(counts.size), _checked(counts, counts.size)), None)
    if dim is None:
        tensor, dim = tensor.reshape(-1), 0
    dim = normalize_dim(dim, tensor.ndim, "repeat_interleave")
    if not tensor.ndim:
        tensor = tensor.reshape(1)
    size = tensor.shape[dim]
    given = np.asarray(repeats) if isinstance(repeats, (int, list, tuple)) else repeats
    counts = _checked(integers(given, "repeat_interleave", keep=False).reshape(-1), size)
    places = np.repeat(np.arange(size), counts)
    result: Tensor = apply(gather_primitive.op, (tensor,), {"index": (*(slice(None),) * dim, places)})
    return result


def _checked(counts: np.ndarray, size: int) -> np.ndarray:
    if counts.size not in (1, size) or counts.ndim != 1:
        raise ValueError(f"repeat_interleave: {counts.size} numbers of repetitions for {size} elements")
    if counts.size and counts.min() < 0:
        raise ValueError("repeat_interleave: repetitions must not be negative")
    return counts


# --- triangles --------------------------------------------------------------------------------------------------


def _triangle_samples(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal((3, 4)),), {"diagonal": 0}),
        Sample((random.standard_normal((2, 3, 3)),), {"diagonal": -1}),
        Sample((random.standard_normal((2, 3)),), {"diagonal": 1}),
    ]


@structural("tril", torch="tril", reference=lambda x, diagonal: np.tril(x, diagonal), samples=_triangle_samples)
def tril_primitive(x: np.ndarray, *, diagonal: int) -> np.ndarray:
    """The lower triangle of matrices, zeros above."""
    return np.tril(x, diagonal)


@structural("triu", torch="triu", reference=lambda x, diagonal: np.triu(x, diagonal), samples=_triangle_samples)
def triu_primitive(x: np.ndarray, *, diagonal: int) -> np.ndarray:
    """The upper triangle of matrices, zeros below."""
    return np.triu(x, diagonal)


@tril_primitive.vjp("x")
def _(cotangent: Any, diagonal: int) -> Any:
    return tril_primitive(cotangent, diagonal=diagonal)


@triu_primitive.vjp("x")
def _(cotangent: Any, diagonal: int) -> Any:
    return triu_primitive(cotangent, diagonal=diagonal)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices, up to a `diagonal` counted upwards from the main one; zeros above.

    Raises:
        ValueError: for fewer than two dimensions.
    """
    result: Tensor = apply(tril_primitive.op, (_with_rank(input, 2, "tril"),), {"diagonal": int(diagonal)})
    return result


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices, from a `diagonal` on; zeros below. Errors as :func:`tril`."""
    result: Tensor = apply(triu_primitive.op, (_with_rank(input, 2, "triu"),), {"diagonal": int(diagonal)})
    return result


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """Rows and columns of the elements in the lower triangle of a (row, col) matrix, as a tensor of two rows."""
    return _triangle_indices(np.tril_indices(row, offset, col), dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """Rows and columns of the elements in the upper triangle of a (row, col) matrix, as a tensor of two rows."""
    return _triangle_indices(np.triu_indices(row, offset, col), dtype)


def _triangle_indices(found: Any, dtype: Any) -> Tensor:
    return wrap(np.stack(found).astype(dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)), None)


METHODS = (roll, flip, fliplr, flipud, rot90, tile, repeat_interleave, tril, triu)
for _function in (*METHODS, repeat):
    attach(_function.__name__, _function)
for _function in (tril, triu):
    attach(f"{_function.__name__}_", in_place(_function, _function.__name__))

__all__ = ["tril_indices", "triu_indices", *(_function.__name__ for _function in METHODS)]

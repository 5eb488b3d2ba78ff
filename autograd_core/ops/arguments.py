"""Reading the arguments that reductions and indexing operations have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..dispatch import as_tensor_operand, cast
from ..graph import thread
from ..tensor import Tensor, wrap

Dim = int | Sequence[int] | None


class ValuesAndIndices(NamedTuple):
    """What an operation along one dimension returns when it finds elements."""

    values: Tensor
    indices: Tensor


class Extremes(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor


def floating(input: Any, operation: str) -> Tensor:
    """`input` as a floating tensor.

    Raises:
        TypeError: for integers and booleans.
    """
    if type(input) is Tensor and input._array.dtype.kind == "f":
        return input
    tensor = as_tensor_operand(input, operation)
    if tensor.dtype.kind != "f":
        raise TypeError(f"{operation}() needs a floating tensor, got {tensor.dtype}; convert it with .float()")
    return tensor


def converted(input: Any, dtype: Any, operation: str) -> Tensor:
    """`input` as a tensor, of `dtype` unless that is None."""
    tensor = as_tensor_operand(input, operation)
    return tensor if dtype is None else cast(tensor, dtypes.as_dtype(dtype))


def summable(input: Any, dtype: Any, operation: str) -> Tensor:
    """`input` in the dtype its elements are added in: `dtype`, or int64 for integers and booleans."""
    if dtype is None and type(input) is Tensor and input._array.dtype.kind == "f":
        return input
    tensor = converted(input, dtype, operation)
    return cast(tensor, dtypes.int64) if dtype is None and tensor.dtype.kind != "f" else tensor


def integers(index: Any, operation: str, keep: bool = True) -> np.ndarray:
    """An array of indices from a tensor or an array; a copy of its own where a graph will `keep` it.

    Raises:
        TypeError: if it is floating or bool.
    """
    array = as_tensor_operand(index, operation)._array
    if array.dtype.kind not in "iu":
        raise TypeError(f"{operation}: indices must be integers, got {array.dtype}")
    # The graph keeps the indices, and whoever gave them may change them afterwards.
    return array.astype(np.int64, copy=keep and thread.mode.enabled)


def check_range(index: np.ndarray, size: int, operation: str, negative: bool = False) -> np.ndarray:
    """Indices counted from the front, for a dimension of `size`.

    Raises:
        IndexError: for indices out of range, and for negative ones unless they are allowed.
    """
    if not index.size:
        return index
    low, high = int(index.min()), int(index.max())
    if low < (-size if negative else 0) or high >= size:
        wrong = high if high >= size else low
        raise IndexError(f"{operation}: index {wrong} is out of range for a dimension of size {size}")
    return np.where(index < 0, index + size, index) if low < 0 else index


def written(input: Any, source: Any, operation: str) -> tuple[Tensor, Tensor]:
    """The tensor written to and what is written, which must have its dtype; a number gets it.

    Raises:
        TypeError: for a source of another dtype.
    """
    tensor = as_tensor_operand(input, operation)
    if isinstance(source, (bool, int, float)):
        return tensor, wrap(np.asarray(source).astype(tensor.dtype), None)
    value = as_tensor_operand(source, operation)
    if value.dtype is not tensor.dtype:
        raise TypeError(f"{operation}: the source must have the tensor's dtype {tensor.dtype}, got {value.dtype}")
    return tensor, value


def scalar_for(input: Any, value: Any, operation: str) -> tuple[Tensor, Tensor]:
    """The tensor written to, and a number or a 0-d tensor in its dtype.

    Raises:
        ValueError: for a value with dimensions.
    """
    tensor = as_tensor_operand(input, operation)
    number = as_tensor_operand(value, operation)
    if number.ndim:
        raise ValueError(f"{operation}: the value must be a number or a 0-d tensor, got shape {number.shape}")
    return tensor, cast(number, tensor.dtype)

"""Tensors as text, in PyTorch's form: four decimals, aligned, summarised above a thousand elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dtypes
from .tensor import Tensor

_DECIMALS = 4
_LINE_WIDTH = 80
# Above this many elements only so many at each end of a dimension are written.
_THRESHOLD = 1000
_EDGE = 3


def to_text(tensor: Tensor) -> str:
    """Write a tensor with its values, its dtype where it is not the obvious one, and where it came from."""
    array = tensor._array
    prefix = "tensor(" if type(tensor) is Tensor else f"{type(tensor).__name__}("
    summarise = array.size > _THRESHOLD
    body = _write(array, len(prefix), summarise, _formatter(_shown(array) if summarise else array))
    notes = []
    if not array.size and array.shape != (0,):
        notes.append(f"size={array.shape}")
    obvious = array.dtype in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_)
    if not obvious or (not array.size and array.dtype != dtypes.get_default_dtype()):
        notes.append(f"dtype={array.dtype.name}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn=<{tensor.grad_fn.name}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return prefix + ", ".join([body, *notes]) + ")"


def _shown(array: np.ndarray) -> np.ndarray:
    """The elements that a summary shows."""
    for axis, size in enumerate(array.shape):
        if size > 2 * _EDGE:
            kept = [*range(_EDGE), *range(size - _EDGE, size)]
            array = np.take(array, kept, axis=axis)
    return array


def _formatter(array: np.ndarray) -> Callable[[Any], str]:
    """How to write each element of `array`, all in one width."""
    write = _number_format(array) if array.dtype.kind == "f" else str
    # Zeros, infinities and NaN do not widen the columns.
    counted = array[np.isfinite(array) & (array != 0)] if array.dtype.kind == "f" else array.ravel()
    width = max((len(write(value)) for value in counted.tolist()), default=0)
    return lambda value: write(value).rjust(width)


def _number_format(array: np.ndarray) -> Callable[[float], str]:
    """Whole numbers with a bare point, others with four decimals, both with exponents where magnitudes ask for it."""
    values = np.abs(array[np.isfinite(array) & (array != 0)].astype(np.float64))
    if not values.size:
        return lambda value: f"{value:.0f}." if math.isfinite(value) else str(value)
    largest, smallest = float(values.max()), float(values.min())
    whole = bool((values == np.ceil(values)).all())
    if largest / smallest > 1000 or largest > 1e8 or (smallest < 1e-4 and not whole):
        return lambda value: f"{value:.{_DECIMALS}e}"
    if whole:
        return lambda value: f"{value:.0f}." if math.isfinite(value) else str(value)
    return lambda value: f"{value:.{_DECIMALS}f}"


def _write(array: np.ndarray, indent: int, summarise: bool, write: Callable[[Any], str]) -> str:
    """The elements in nested brackets."""
    if not array.ndim:
        return write(array.item())
    if not array.size:
        return "[]"
    cut = summarise and array.shape[0] > 2 * _EDGE
    if array.ndim == 1:
        values = array.tolist()
        if cut:
            parts = [write(v) for v in values[:_EDGE]] + [" ..."] + [write(v) for v in values[-_EDGE:]]
        else:
            parts = [write(value) for value in values]
        width = len(parts[0]) + 2
        in_line = max(1, (_LINE_WIDTH - indent) // width)
        lines = [", ".join(parts[start : start + in_line]) for start in range(0, len(parts), in_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = [*array[:_EDGE], None, *array[-_EDGE:]] if cut else list(array)
    written = ["..." if row is None else _write(row, indent + 1, summarise, write) for row in rows]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(written) + "]"


Tensor.__repr__ = to_text  # type: ignore[method-assign, assignment]

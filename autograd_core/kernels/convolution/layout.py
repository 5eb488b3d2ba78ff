"""Channels-last memory behind arrays of shape (N, C, …): a transposed view to whoever looks at shapes."""

from __future__ import annotations

import math

import numpy as np

from ..boundary import empty_in_order, row_major


def channels_last_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array of shape (N, C, …) whose memory is (N, …, C), and its own."""
    return empty_in_order(shape, dtype, (0, *range(2, len(shape)), 1))


def line_of(array: np.ndarray) -> tuple[np.ndarray, bool]:
    """The memory of an array of shape (N, C, …) as one line, and whether it is channels-first.

    A copy, channels-last, if it is neither the one nor the other, or can't be written: kernels are compiled for
    writeable memory, and for no other strides.
    """
    last = array.transpose(0, *range(2, array.ndim), 1)
    if array.flags.writeable:
        if last.flags.c_contiguous:
            return last.reshape(-1), False
        if array.flags.c_contiguous:
            return array.reshape(-1), array.shape[1] > 1
    return row_major(last).reshape(-1), False


def is_channels_last(array: np.ndarray) -> bool:
    """Whether the memory of an array of shape (N, C, …) is (N, …, C)."""
    return array.transpose(0, *range(2, array.ndim), 1).flags.c_contiguous


def volume(size: tuple[int, ...], fill: int = 1) -> tuple[int, int, int]:
    """Spatial sizes as those of a volume: with leading ones."""
    filled = (fill,) * (3 - len(size)) + tuple(size)
    return filled[0], filled[1], filled[2]


def pixels_of(array: np.ndarray) -> int:
    """Spatial positions of an array of shape (N, C, …)."""
    return math.prod(array.shape[2:])


__all__ = ["channels_last_empty", "is_channels_last", "line_of", "pixels_of", "volume"]

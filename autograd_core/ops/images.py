"""Images in memory: which way they lie, and as the blocks that kernels take.

To their user images are (N, C, …) with one to three spatial dimensions. In memory their channels come last once they
have been through a convolution; kernels take either order and keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..broadcasting import Shape
from ..kernels.boundary import contiguous

# The dimensions of images in memory, channels last, by how many there are.
_ORDERS = {ndim: (0, *range(2, ndim), 1) for ndim in (3, 4, 5)}

# For each number of dimensions an array whose memory is channels-last; NumPy makes others in its likeness.
_CHANNELS_LAST = {
    ndim: np.empty((2,) * ndim, np.float32).transpose(0, ndim - 1, *range(1, ndim - 1)) for ndim in (3, 4, 5)
}


def is_channels_last(array: np.ndarray) -> bool:
    """Whether channels are what lies closest together in memory; single pixels count, single channels do not."""
    # Those of most images that are not are seen from one stride, which takes less than turning them.
    strides = array.strides
    if len(strides) < 3 or strides[1] != array.itemsize or array.shape[1] < 2:
        return False
    return array.transpose(_ORDERS[len(strides)]).flags.c_contiguous


def empty_images(shape: Shape, dtype: Any, channels_last: bool) -> np.ndarray:
    """Images not filled in, in either order; an array of its own, not a view of another."""
    if channels_last:
        return np.empty_like(_CHANNELS_LAST[len(shape)], dtype=dtype, shape=shape)
    return np.empty(shape, dtype)


def in_memory(array: np.ndarray, channels_last: bool) -> np.ndarray:
    """The dimensions of images in the order of memory: as they are, or with the channels behind all others."""
    return array.transpose(_ORDERS[array.ndim]) if channels_last else array


def as_blocks(array: np.ndarray, channels_last: bool) -> np.ndarray:
    """Images as a C-contiguous block (outer, pixels, inner): a view where memory allows it, else a copy.

    `inner` is the channels if they are to come last, else 1.
    """
    samples, channels, *sizes = array.shape
    block = contiguous(in_memory(array, channels_last))
    return block.reshape((samples, prod(sizes), channels) if channels_last else (samples * channels, prod(sizes), 1))


def spatial_numbers(value: Any, count: int, name: str, operation: str, minimum: int = 0) -> tuple[int, ...]:
    """A number for each spatial dimension, from one for all or a sequence.

    Raises:
        TypeError: for what is no integer.
        ValueError: for a sequence of another length, and numbers below `minimum`.
    """
    given = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(given) == 1:
        given *= count
    if len(given) != count:
        raise ValueError(f"{operation}: {name} must be one integer or {count}, got {value!r}")
    numbers = []
    for number in given:
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise TypeError(f"{operation}: {name} must be of integers, got {value!r}")
        if number < minimum:
            raise ValueError(f"{operation}: {name} must be at least {minimum}, got {value!r}")
        numbers.append(int(number.__index__()))
    return tuple(numbers)


__all__: list[str] = []

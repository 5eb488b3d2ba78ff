"""Which elements of an image each window of a pooling reads: arithmetic on sizes, without arrays of values."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np


class Window(NamedTuple):
    """The windows along one spatial dimension.

    Attributes:
        size, out: elements along it, and windows.
        kernel, stride, padding, dilation: of windows at regular distances; a kernel of 0 stands for adaptive windows,
            which divide the elements into `out` parts as equal as can be.
        whole: for averages, whether a window counts the padding it covers.
    """

    size: int
    out: int
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    whole: bool = True


def regular(
    size: int,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    ceil_mode: bool,
    operation: str,
    whole: bool = True,
) -> Window:
    """Windows at regular distances.

    Raises:
        ValueError: if padding exceeds half of the kernel, which could leave a window empty, or no window fits.
    """
    if 2 * padding > kernel:
        raise ValueError(f"{operation}: padding {padding} must not exceed half of the kernel size {kernel}")
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1  # the last window must begin inside the image or the padding before it
    if size < 1 or out < 1:
        raise ValueError(
            f"{operation}: a kernel of {kernel} with padding {padding} and dilation {dilation} does not fit a size "
            f"of {size}"
        )
    window = Window(size, out, kernel, stride, padding, dilation, whole)
    first, stop = ranges(window)
    if dilation > 1 and (first >= stop).any():
        raise ValueError(f"{operation}: dilation {dilation} and padding {padding} leave a window without elements")
    return window


@functools.lru_cache(maxsize=1024)
def ranges(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Where each window begins and ends, cut to the image; steps of the dilation lead from the first to the last."""
    number = np.arange(window.out)
    if not window.kernel:
        return number * window.size // window.out, -(-(number + 1) * window.size // window.out)
    begin = number * window.stride - window.padding
    skipped = -(np.minimum(begin, 0) // window.dilation)
    first = begin + skipped * window.dilation
    stop = np.minimum(begin + window.dilation * (window.kernel - 1) + 1, window.size)
    return first, stop


@functools.lru_cache(maxsize=1024)
def _covers(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """For each element the range of windows that may read it."""
    first, stop = ranges(window)
    if window.kernel:
        # With a dilation this is more than the windows that do, and in order, which their first elements may not be.
        first = np.maximum(np.arange(window.out) * window.stride - window.padding, 0)
    place = np.arange(window.size)
    return np.searchsorted(stop, place, side="right"), np.searchsorted(first, place, side="right")


@functools.lru_cache(maxsize=1024)
def _counts(window: Window) -> np.ndarray:
    """How many elements each window is divided by."""
    first, stop = ranges(window)
    if window.kernel and window.whole:
        begin = np.arange(window.out) * window.stride - window.padding
        return np.minimum(begin + window.kernel, window.size + window.padding) - begin
    return stop - first


def apart(windows: tuple[Window, ...]) -> tuple[bool, bool]:
    """Whether no two windows share an element (with a dilation they may), and whether each element is in one."""
    disjoint = complete = True
    for window in windows:
        first, stop = ranges(window)
        disjoint &= window.dilation == 1 and bool((first[1:] >= stop[:-1]).all())
        complete &= bool(first[0] == 0 and stop[-1] == window.size and (first[1:] <= stop[:-1]).all())
    return disjoint, complete


@functools.lru_cache(maxsize=1024)
def whole_scale(windows: tuple[Window, ...], divisor: int | None) -> float | None:
    """What the sum of an image is multiplied with for its average, where the one window is the image; else None."""
    for window in windows:
        if window.out != 1 or window.dilation != 1:
            return None
        first, stop = ranges(window)
        if first[0] != 0 or stop[0] != window.size:
            return None
    return 1 / (divisor or math.prod([int(_counts(window)[0]) for window in windows]))


# What a thread takes at a time reads about so many pixels, which with a block of channels fit the second cache.
_BAND = 1024


def in_bands(begin: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table of what each result reads, ``places[begin[q]:begin[q + 1]]``, headed by bands of results.

    A band has its first and last result and the range of places they read.
    """
    results = len(begin) - 1
    count = max(1, min(results, -(-max(results, int(places.max(initial=0)) + 1) // _BAND)))
    edges = np.arange(count + 1) * results // count
    bands = np.zeros((count, 4), np.int64)
    for band, first, last in zip(bands, edges[:-1], edges[1:], strict=True):
        read = places[begin[first] : begin[last]]
        band[:] = first, last, *((read.min(), read.max() + 1) if read.size else (0, 0))
    return bands, begin, places


@functools.lru_cache(maxsize=256)
def table(windows: tuple[Window, ...], transposed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pixels each window reads, in bands; transposed, which windows may read each pixel.

    Pixels and windows are numbered row by row.
    """
    places = np.zeros((), np.int64)
    inside = np.ones((), bool)
    for axis, window in enumerate(windows):
        first, stop = (_covers if transposed else ranges)(window)
        step = 1 if transposed else window.dilation
        taps = np.arange(-(-int((stop - first).max(initial=1)) // step)) * step
        along = first[:, None] + taps
        kept = along < stop[:, None]
        # One axis for the results and one for the taps of each dimension: results first.
        shape = (*(1,) * axis, len(first), *(1,) * (len(windows) - axis - 1))
        shape += (*(1,) * axis, len(taps), *(1,) * (len(windows) - axis - 1))
        places = places * (window.out if transposed else window.size) + along.reshape(shape)
        inside = inside & kept.reshape(shape)
    results = math.prod([window.size if transposed else window.out for window in windows])
    counts = inside.reshape(results, -1).sum(axis=1)
    begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return in_bands(begin, np.broadcast_to(places, inside.shape)[inside].astype(np.int32))


@functools.lru_cache(maxsize=256)
def average_table(
    windows: tuple[Window, ...], divisor: int | None, transposed: bool, dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As :func:`table`, with the weight of all that is read: for its window one by the count, or by the `divisor`."""
    count = np.ones(())
    for window in windows:
        count = count[..., None] * _counts(window)
    if divisor is not None:
        count = np.full(count.shape, divisor)
    share = (1 / count).reshape(-1).astype(dtype)
    bands, begin, places = table(windows, transposed)
    return bands, begin, places, share[places] if transposed else np.repeat(share, np.diff(begin))

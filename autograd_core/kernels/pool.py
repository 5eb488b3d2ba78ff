"""Pooling: maxima and sums over windows of images.

Images come as C-contiguous blocks (outer, pixels, inner): channels-last images with their channels as `inner`, others
with a plane each and an `inner` of 1. The window of pixel q of the result reads the pixels
``places[begin[q]:begin[q + 1]]``, so kernels know nothing of dimensions, strides or padding. The transposed maps come
with the table of what reads each pixel: every kernel but one gathers, threads write disjoint pixels, and results do not
depend on their number.
"""

from __future__ import annotations

from .jit import inline, prange, serial_and_parallel
from .lanes import add_chosen_rows, combine_rows, max_of_rows, spread_chosen_rows, sum_of_rows

# Pixels of the result that a thread takes at a time.
_PIXELS = 64


@inline
def _tasks(outer, pixels):
    return outer * ((pixels + _PIXELS - 1) // _PIXELS)


@inline
def _pixels(task, pixels):
    """The image of a task, and its first and last pixel."""
    tasks = (pixels + _PIXELS - 1) // _PIXELS
    first = task % tasks * _PIXELS
    return task // tasks, first, min(pixels, first + _PIXELS)


def _max_pool(x, begin, places, out, index):
    """Largest element of each window, and the pixel it came from: the first of equals, the last NaN if there is one."""
    outer, pixels, inner = out.shape
    line, out_line, index_line = x.reshape(-1), out.reshape(-1), index.reshape(-1)
    for task in prange(_tasks(outer, pixels)):
        image, first, last = _pixels(task, pixels)
        start, to = image * x.shape[1], image * pixels
        for pixel in range(first, last):
            if inner > 1:
                max_of_rows(
                    line, start, places, begin[pixel], begin[pixel + 1], out_line, index_line, to + pixel, inner
                )
                continue
            chosen = places[begin[pixel]]
            best = line[start + chosen]
            for tap in range(begin[pixel] + 1, begin[pixel + 1]):
                value = line[start + places[tap]]
                if value > best or value != value:
                    best, chosen = value, places[tap]
            out_line[to + pixel], index_line[to + pixel] = best, chosen


def _max_pool_transpose(x, index, begin, places, out):
    """Send each element to the pixel it was chosen from; those that come to one pixel are added."""
    outer, pixels, inner = out.shape
    line, index_line, out_line = x.reshape(-1), index.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, pixels)):
        image, first, last = _pixels(task, pixels)
        start, to = image * x.shape[1], image * pixels
        for pixel in range(first, last):
            if inner > 1:
                add_chosen_rows(
                    line, index_line, start, places, begin[pixel], begin[pixel + 1], pixel, out_line, to + pixel, inner
                )
                continue
            total = out.dtype.type(0)
            for tap in range(begin[pixel], begin[pixel + 1]):
                if index_line[start + places[tap]] == pixel:
                    total += line[start + places[tap]]
            out_line[to + pixel] = total


def _max_pool_spread(x, index, begin, places, out):
    """As the transpose, for windows that do not overlap; the table is theirs, and `out` is 0 where there is none."""
    outer, pixels, inner = x.shape
    line, index_line, out_line = x.reshape(-1), index.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, pixels)):
        image, first, last = _pixels(task, pixels)
        start, to = image * pixels, image * out.shape[1]
        for pixel in range(first, last):
            if inner > 1:
                spread_chosen_rows(
                    line, index_line, start + pixel, to, places, begin[pixel], begin[pixel + 1], out_line, inner
                )
                continue
            for tap in range(begin[pixel], begin[pixel + 1]):
                out_line[to + places[tap]] = out.dtype.type(0)
            out_line[to + index_line[start + pixel]] = line[start + pixel]


def _sum_pool(x, begin, places, before, after, out):
    """Sums over windows of elements scaled by their pixel, `before`, then scaled by the window's, `after`."""
    outer, pixels, inner = out.shape
    line, out_line = x.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, pixels)):
        image, first, last = _pixels(task, pixels)
        start, to = image * x.shape[1], image * pixels
        for pixel in range(first, last):
            if inner > 1:
                sum_of_rows(
                    line,
                    start,
                    places,
                    begin[pixel],
                    begin[pixel + 1],
                    before,
                    after[pixel],
                    out_line,
                    to + pixel,
                    inner,
                )
                continue
            total = 0.0
            for tap in range(begin[pixel], begin[pixel + 1]):
                total += line[start + places[tap]] * before[places[tap]]
            out_line[to + pixel] = total * after[pixel]


def _resample(x, begin, places, weights, out):
    """Sums over windows of elements, each times the weight that its window gives it."""
    outer, pixels, inner = out.shape
    line, out_line = x.reshape(-1), out.reshape(-1)
    for task in prange(_tasks(outer, pixels)):
        image, first, last = _pixels(task, pixels)
        start, to = image * x.shape[1], image * pixels
        for pixel in range(first, last):
            if inner > 1:
                combine_rows(line, start, places, weights, begin[pixel], begin[pixel + 1], out_line, to + pixel, inner)
                continue
            total = out.dtype.type(0)
            for tap in range(begin[pixel], begin[pixel + 1]):
                total += line[start + places[tap]] * weights[tap]
            out_line[to + pixel] = total


resample_serial, resample_parallel = serial_and_parallel(_resample)
max_pool_serial, max_pool_parallel = serial_and_parallel(_max_pool)
max_pool_transpose_serial, max_pool_transpose_parallel = serial_and_parallel(_max_pool_transpose)
max_pool_spread_serial, max_pool_spread_parallel = serial_and_parallel(_max_pool_spread)
sum_pool_serial, sum_pool_parallel = serial_and_parallel(_sum_pool)

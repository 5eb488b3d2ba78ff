"""The maps that poolings are made of: largest elements and averages of windows, and what undoes them.

A maximum is undone by sending each element back to its place, an average by averaging with windows and elements
exchanged, so derivatives of any order are poolings again.
"""

from __future__ import annotations

import itertools
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import structural
from ..kernels.boundary import flat
from ..lazy import lazy_import
from ..op import Sample
from .blocks import run
from .images import as_blocks, empty_images, in_memory, is_channels_last
from .index_maps import along_mesh
from .pooling_windows import Window, apart, average_table, ranges, table, whole_scale

if TYPE_CHECKING:
    from ..kernels import pool as kernels
else:
    kernels = lazy_import("autograd_core.kernels.pool")

Windows = tuple[Window, ...]


# --- maxima -----------------------------------------------------------------------------------------------------


def _every_window(windows: Windows) -> Any:
    """The place of each window and the index of what it reads."""
    for place in itertools.product(*(range(window.out) for window in windows)):
        index = []
        for window, number in zip(windows, place, strict=True):
            first, stop = ranges(window)
            index.append(slice(first[number], stop[number], window.dilation))
        yield (slice(None), slice(None), *place), (slice(None), slice(None), *index)


def _max_reference(x: np.ndarray, windows: Windows) -> np.ndarray:
    out = np.empty((*x.shape[:2], *(window.out for window in windows)))
    for place, index in _every_window(windows):
        out[place] = x[index].max(axis=tuple(range(2, x.ndim)))
    return out


def _samples(random: np.random.Generator) -> list[Sample]:
    def distinct(*shape: int) -> np.ndarray:
        return random.permutation(int(np.prod(shape))).reshape(shape) / 4 - 3

    return [
        Sample((distinct(2, 3, 5),), {"windows": (Window(5, 3, 3, 2, 1),)}),
        Sample((distinct(1, 2, 4, 5),), {"windows": (Window(4, 2, 2, 2), Window(5, 2, 2, 2))}),
        Sample((distinct(2, 3, 4, 4),), {"windows": (Window(4, 3), Window(4, 1))}),
        Sample((distinct(1, 2, 3, 4, 5),), {"windows": (Window(3, 2, 2), Window(4, 4, 3, 1, 1), Window(5, 3, 1, 2))}),
    ]


def _dilated(random: np.random.Generator) -> list[Sample]:
    x = random.permutation(1 * 2 * 6 * 7).reshape(1, 2, 6, 7) / 4
    return [Sample((x,), {"windows": (Window(6, 3, 2, 2, 1, 2), Window(7, 5, 3, 1, 1, 2))})]


@structural(
    "max_pool",
    residuals=("index",),
    reference=_max_reference,
    samples=lambda random: _samples(random) + _dilated(random),
)
def max_pool_primitive(x: np.ndarray, *, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """The largest element of each window; of equals the first is chosen, and NaN wins."""
    last = is_channels_last(x)
    shape = (*x.shape[:2], *[window.out for window in windows])
    out, index = empty_images(shape, x.dtype, last), empty_images(shape, np.int32, last)
    if out.size:
        results = as_blocks(out, last), as_blocks(index, last)
        run(kernels, "max_pool", x.size, as_blocks(x, last), *table(windows, False), *results)
    return out, index


@max_pool_primitive.vjp("x")
def _(cotangent: Any, index: np.ndarray, windows: Windows) -> Any:
    return max_pool_transpose_primitive(cotangent, index=index, windows=windows)


def _chosen(random: np.random.Generator) -> list[Sample]:
    found = []
    for sample in _samples(random) + _dilated(random):
        (x,), windows = sample.operands, sample.parameters["windows"]
        y, index = max_pool_primitive.op.forward(x, windows=windows)
        found.append(Sample((random.standard_normal(y.shape),), {"index": index, "windows": windows}))
    return found


def _transpose_reference(x: np.ndarray, index: np.ndarray, windows: Windows) -> np.ndarray:
    full = np.zeros((*x.shape[:2], int(np.prod([window.size for window in windows]))))
    lines = (*x.shape[:2], -1)
    np.add.at(full, along_mesh(index.reshape(lines), 2), x.reshape(lines))
    return full.reshape(*x.shape[:2], *(window.size for window in windows))


@structural("max_pool_transpose", reference=_transpose_reference, samples=_chosen)
def max_pool_transpose_primitive(x: np.ndarray, *, index: np.ndarray, windows: Windows) -> np.ndarray:
    """Each element at the place in its window that a maximum came from; what meets there is added."""
    last = is_channels_last(index)
    out = empty_images((*x.shape[:2], *[window.size for window in windows]), x.dtype, last)
    if out.size:
        blocks = as_blocks(x, last), as_blocks(index, last)
        if not last:
            run(kernels, "max_pool_scatter", out.size, *blocks, as_blocks(out, last))
            return out
        disjoint, complete = apart(windows)
        if disjoint and not complete:
            out.fill(0)
        kernel = "max_pool_spread" if disjoint else "max_pool_transpose"
        run(kernels, kernel, out.size, *blocks, *table(windows, not disjoint), as_blocks(out, last))
    return out


@max_pool_transpose_primitive.vjp("x")
def _(cotangent: Any, index: np.ndarray, windows: Windows) -> Any:
    return max_pool_take_primitive(cotangent, index=index, windows=windows)


def _taken(random: np.random.Generator) -> list[Sample]:
    return [
        Sample((random.standard_normal(sample.operands[0].shape),), chosen.parameters)
        for sample, chosen in zip(_samples(random) + _dilated(random), _chosen(random), strict=True)
    ]


@structural(
    "max_pool_take",
    reference=lambda x, index, windows: np.take_along_axis(
        x.reshape(*x.shape[:2], -1), index.reshape(*x.shape[:2], -1).astype(np.int64), 2
    ).reshape(index.shape),
    samples=_taken,
)
def max_pool_take_primitive(x: np.ndarray, *, index: np.ndarray, windows: Windows) -> np.ndarray:
    """The element of each window at the place that a maximum came from."""
    planes = x.reshape(*x.shape[:2], -1)
    places = index.reshape(*index.shape[:2], -1).astype(np.int64)
    return np.take_along_axis(planes, places, axis=2).reshape(index.shape)


@max_pool_take_primitive.vjp("x")
def _(cotangent: Any, index: np.ndarray, windows: Windows) -> Any:
    return max_pool_transpose_primitive(cotangent, index=index, windows=windows)


# --- averages ---------------------------------------------------------------------------------------------------


def _average_reference(
    x: np.ndarray, windows: Windows, divisor: int | None, transposed: bool, channels_last: bool
) -> np.ndarray:
    if transposed:
        full = np.zeros((*x.shape[:2], *(window.size for window in windows)))
    else:
        full = np.empty((*x.shape[:2], *(window.out for window in windows)))
    for place, index in _every_window(windows):
        count = 1.0
        for window, number in zip(windows, place[2:], strict=True):
            begin = number * window.stride - window.padding
            end = min(begin + window.kernel, window.size + window.padding)
            first, stop = (part[number] for part in ranges(window))
            count *= end - begin if window.kernel and window.whole else stop - first
        if transposed:
            full[index] += x[place].reshape(*x.shape[:2], *(1,) * len(windows)) / (divisor or count)
        else:
            full[place] = x[index].sum(axis=tuple(range(2, x.ndim))) / (divisor or count)
    return full


def _averages(random: np.random.Generator, transposed: bool = False) -> list[Sample]:
    found: list[Sample] = []
    for sample in _samples(random):
        (x,), windows = sample.operands, sample.parameters["windows"]
        shape = (*x.shape[:2], *(window.out for window in windows)) if transposed else x.shape
        for divisor in (None, 3) if windows[0].kernel else (None,):
            last = len(found) % 2 == 1
            parameters = {"windows": windows, "divisor": divisor, "transposed": transposed, "channels_last": last}
            found.append(Sample((random.standard_normal(shape),), parameters))
    cut = tuple(window._replace(whole=False) for window in found[0].parameters["windows"])
    found.append(Sample(found[0].operands, {**found[0].parameters, "windows": cut}))
    return found


@structural(
    "avg_pool",
    reference=_average_reference,
    samples=lambda random: _averages(random) + _averages(random, True),
)
def avg_pool_primitive(
    x: np.ndarray, *, windows: Windows, divisor: int | None, transposed: bool, channels_last: bool
) -> np.ndarray:
    """The average of each window; transposed, each window's value over its count, added at all it reads.

    The result lies in memory as is asked for: what came from single pixels does not show how the images lie.
    """
    scale = None if transposed else whole_scale(windows, divisor)
    if scale is not None:
        return _averages_of_images(x, scale, channels_last)
    sizes = [window.size if transposed else window.out for window in windows]
    out = empty_images((*x.shape[:2], *sizes), x.dtype, channels_last)
    if out.size:
        blocks = as_blocks(x, channels_last), *average_table(windows, divisor, transposed, x.dtype)
        run(kernels, "resample", max(x.size, out.size), *blocks, as_blocks(out, channels_last))
    return out


def _averages_of_images(x: np.ndarray, scale: float, channels_last: bool) -> np.ndarray:
    """The sum of each image times `scale`, as a single pixel, which lies in memory either way."""
    samples, channels, *sizes = x.shape
    out = np.empty((samples, channels, *[1] * len(sizes)), x.dtype)
    if out.size:
        outer, inner = (samples, channels) if channels_last else (samples * channels, 1)
        line = flat(in_memory(x, channels_last))
        run(kernels, "mean_of_images", x.size, line, outer, prod(sizes), inner, scale, out.ravel())
    return out


@avg_pool_primitive.vjp("x")
def _(cotangent: Any, windows: Windows, divisor: int | None, transposed: bool, channels_last: bool) -> Any:
    options: Any = {"windows": windows, "divisor": divisor, "channels_last": channels_last}
    return avg_pool_primitive(cotangent, transposed=not transposed, **options)


__all__: list[str] = []

"""Pooling over windows of images: largest elements, averages and power averages, at regular distances or adaptive.

A maximum is undone by sending each element back to its place, an average by averaging with windows and elements
exchanged, so derivatives of any order are poolings again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..broadcasting import Shape
from ..declaration import structural
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .arguments import ValuesAndIndices, floating
from .blocks import run
from .images import as_blocks, empty_images, is_channels_last, spatial_numbers
from .index_maps import along_mesh
from .pooling_windows import Window, apart, ranges, regular, scales, table

if TYPE_CHECKING:
    from ..kernels import pool as kernels
else:
    kernels = lazy_import("autograd_core.kernels.pool")

Windows = tuple[Window, ...]
Numbers = int | Sequence[int]


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


def _average_reference(x: np.ndarray, windows: Windows, divisor: int | None, transposed: bool) -> np.ndarray:
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
    found = []
    for sample in _samples(random):
        (x,), windows = sample.operands, sample.parameters["windows"]
        shape = (*x.shape[:2], *(window.out for window in windows)) if transposed else x.shape
        for divisor in (None, 3) if windows[0].kernel else (None,):
            parameters = {"windows": windows, "divisor": divisor, "transposed": transposed}
            found.append(Sample((random.standard_normal(shape),), parameters))
    cut = tuple(window._replace(whole=False) for window in found[0].parameters["windows"])
    found.append(Sample(found[0].operands, {**found[0].parameters, "windows": cut}))
    return found


@structural(
    "avg_pool",
    reference=_average_reference,
    samples=lambda random: _averages(random) + _averages(random, True),
)
def avg_pool_primitive(x: np.ndarray, *, windows: Windows, divisor: int | None, transposed: bool) -> np.ndarray:
    """The average of each window; transposed, each window's value over its count, added at all it reads."""
    last = is_channels_last(x)
    sizes = [window.size if transposed else window.out for window in windows]
    out = empty_images((*x.shape[:2], *sizes), x.dtype, last)
    if out.size:
        before, after = scales(windows, divisor, x.dtype)
        factors = (after, before) if transposed else (before, after)
        blocks = as_blocks(x, last), *table(windows, transposed), *factors
        run(kernels, "sum_pool", max(x.size, out.size), *blocks, as_blocks(out, last))
    return out


@avg_pool_primitive.vjp("x")
def _(cotangent: Any, windows: Windows, divisor: int | None, transposed: bool) -> Any:
    return avg_pool_primitive(cotangent, windows=windows, divisor=divisor, transposed=not transposed)


# --- what users call --------------------------------------------------------------------------------------------


def _images(input: Any, count: int, operation: str) -> tuple[Tensor, bool]:
    """The images as a batch, and whether they were one."""
    images = floating(input, operation)
    if images.ndim not in (count + 1, count + 2):
        raise ValueError(
            f"{operation}: expected an input of {count + 1} or {count + 2} dimensions, (N, C, ...) or (C, ...), "
            f"got shape {images.shape}"
        )
    batched = images.ndim == count + 2
    return images if batched else images.unsqueeze(0), batched


def _make_regular(
    sizes: Shape,
    kernel_size: Numbers,
    stride: Numbers | None,
    padding: Numbers,
    dilation: Numbers,
    ceil_mode: bool,
    operation: str,
    whole: bool = True,
) -> Windows:
    count = len(sizes)
    kernel = spatial_numbers(kernel_size, count, "kernel_size", operation, 1)
    # PyTorch's torch.nn.functional takes an empty stride as none.
    given = kernel if stride is None or stride in ((), []) else stride
    strides = spatial_numbers(given, count, "stride", operation, 1)
    paddings = spatial_numbers(padding, count, "padding", operation)
    steps = spatial_numbers(dilation, count, "dilation", operation, 1)
    return tuple(
        regular(size, wide, by, around, step, ceil_mode, operation, whole)
        for size, wide, by, around, step in zip(sizes, kernel, strides, paddings, steps, strict=True)
    )


def _make_adaptive(sizes: Shape, output_size: Any, operation: str) -> Windows:
    count = len(sizes)
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * count
    if len(given) != count:
        raise ValueError(f"{operation}: output_size must be one number or {count}, got {output_size!r}")
    outs = [size if wanted is None else wanted for size, wanted in zip(sizes, given, strict=True)]
    if 0 in sizes:
        raise ValueError(f"{operation}: there is nothing to pool in images of {sizes}")
    wanted = spatial_numbers(outs, count, "output_size", operation, 1)
    return tuple(Window(size, out) for size, out in zip(sizes, wanted, strict=True))


def _remembering(make: Callable[..., Windows]) -> Callable[..., Windows]:
    """`make` with a memory for arguments that can be looked up; lists cannot, and are read anew each time."""
    known = functools.lru_cache(maxsize=512)(make)

    def find(*arguments: Any) -> Windows:
        try:
            return known(*arguments)
        except TypeError:
            return make(*arguments)

    return find


_regular, _adaptive = _remembering(_make_regular), _remembering(_make_adaptive)


def _largest(images: Tensor, windows: Windows, batched: bool, return_indices: bool) -> Any:
    out, (index,) = apply_with_residuals(max_pool_primitive.op, (images,), {"windows": windows})
    values = out if batched else out.squeeze(0)
    if not return_indices:
        return values
    places = wrap(index.astype(np.int64), None)
    return ValuesAndIndices(values, places if batched else places.squeeze(0))


def _max_pool(count: int) -> Callable[..., Any]:
    name = f"max_pool{count}d"

    def pool(
        input: Tensor,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        dilation: Numbers = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        images, batched = _images(input, count, name)
        windows = _regular(images.shape[2:], kernel_size, stride, padding, dilation, ceil_mode, name)
        return _largest(images, windows, batched, return_indices)

    return _named(
        pool,
        name,
        f"""The largest element of each window of {_WHAT[count]}; padding counts as minus infinity.

    Of equal elements the first, in row-major order, receives the gradient; NaN wins.

    Args:
        input: shape {_shape(count)} or without N.
        kernel_size, stride, padding, dilation: one number or {count}; the stride is the kernel's size unless given.
        ceil_mode: whether a last window may reach beyond the padding, if it begins inside the image or before it.
        return_indices: return a named tuple of values and their places in each plane, counted row by row.

    Raises:
        TypeError: for integers.
        ValueError: for a shape or a window that does not fit, and padding beyond half of the kernel.
    """,
    )


def _avg_pool(count: int) -> Callable[..., Tensor]:
    name = f"avg_pool{count}d"

    def pool(
        input: Tensor,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        images, batched = _images(input, count, name)
        windows = _regular(images.shape[2:], kernel_size, stride, padding, 1, ceil_mode, name, bool(count_include_pad))
        if divisor_override is not None and divisor_override == 0:
            raise ValueError(f"{name}: divisor_override must not be 0")
        parameters = {"windows": windows, "divisor": divisor_override, "transposed": False}
        out: Tensor = apply(avg_pool_primitive.op, (images,), parameters)
        return out if batched else out.squeeze(0)

    return _named(
        pool,
        name,
        f"""The average of each window of {_WHAT[count]}.

    Args:
        input: shape {_shape(count)} or without N.
        kernel_size, stride, padding: one number or {count}; the stride is the kernel's size unless given.
        ceil_mode: whether a last window may reach beyond the padding, if it begins inside the image or before it.
        count_include_pad: whether the zeros of the padding count.
        divisor_override: what to divide the sums by instead of the number of elements.

    Raises:
        TypeError: for integers.
        ValueError: for a shape or a window that does not fit, padding beyond half of the kernel, and a divisor of 0.
    """,
    )


def _adaptive_avg_pool(count: int) -> Callable[..., Tensor]:
    name = f"adaptive_avg_pool{count}d"

    def pool(input: Tensor, output_size: Any) -> Tensor:
        images, batched = _images(input, count, name)
        parameters = {"windows": _adaptive(images.shape[2:], output_size, name), "divisor": None, "transposed": False}
        out: Tensor = apply(avg_pool_primitive.op, (images,), parameters)
        return out if batched else out.squeeze(0)

    return _named(pool, name, f"Averages over {_WHAT[count]} divided into {_ADAPTIVE.format(count)}")


def _adaptive_max_pool(count: int) -> Callable[..., Any]:
    name = f"adaptive_max_pool{count}d"

    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        images, batched = _images(input, count, name)
        return _largest(images, _adaptive(images.shape[2:], output_size, name), batched, return_indices)

    return _named(
        pool,
        name,
        f"The largest elements of {_WHAT[count]} divided into {_ADAPTIVE.format(count)}\n    With `return_indices` a "
        "named tuple of values and their places in each plane.\n    ",
    )


_WHAT = {1: "sequences", 2: "images", 3: "volumes"}
_ADAPTIVE = """windows whose sizes differ by one at most, or overlap by one.

    Window i of n reads the elements from floor(i size / n) up to ceil((i + 1) size / n).

    Args:
        input: shape (N, C, ...) or without N.
        output_size: one number or {}; None keeps a size.

    Raises:
        TypeError: for integers.
        ValueError: for a shape that does not fit.
    """


def _shape(count: int) -> str:
    return f"(N, C, {', '.join('DHW'[3 - count :] if count > 1 else 'L')})"


def _named(function: Any, name: str, doc: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_max_pool, (1, 2, 3))

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

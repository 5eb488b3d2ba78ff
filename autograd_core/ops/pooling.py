"""Pooling over windows of images: largest elements and averages, at regular distances or adaptive."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..broadcasting import Shape
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, wrap
from .arguments import ValuesAndIndices, floating
from .images import is_channels_last, spatial_numbers
from .pooling_maps import Windows, avg_pool_primitive, max_pool_primitive
from .pooling_windows import Window, regular

Numbers = int | Sequence[int]


def _images(input: Any, count: int, operation: str) -> tuple[Tensor, bool]:
    """The images as a batch, and whether they were one."""
    images = floating(input, operation)
    ndim = images._array.ndim
    if ndim == count + 2:
        return images, True
    if ndim != count + 1:
        raise ValueError(
            f"{operation}: expected an input of {count + 1} or {count + 2} dimensions, (N, C, ...) or (C, ...), "
            f"got shape {images.shape}"
        )
    return images.unsqueeze(0), False


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


def _average(images: Tensor, windows: Windows, divisor: int | None) -> Tensor:
    last = is_channels_last(images._array)
    parameters = {"windows": windows, "divisor": divisor, "transposed": False, "channels_last": last}
    out: Tensor = apply(avg_pool_primitive.op, (images,), parameters)
    return out


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
        out = _average(images, windows, divisor_override)
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
        out = _average(images, _adaptive(images.shape[2:], output_size, name), None)
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

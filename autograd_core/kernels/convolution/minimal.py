"""Convolution with kernels of 3×3 by minimal filtering: a quarter of the multiplications.

Winograd's F(4×4, 3×3): an output of 4×4 takes 36 multiplications for each pair of channels instead of 144,

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A

for a patch d of 6×6 and a kernel g. Over channels the elementwise product is a matrix product for each of the 36
places. The map is bilinear, so the weight's gradient is Gᵀ [Σ (A ȳ Aᵀ) ⊙ (Bᵀ d B)] G over all patches.

Source: Lavin and Gray 2016, "Fast algorithms for convolutional neural networks".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit import inline, prange, serial_and_parallel
from ..pieces import clear, copy
from ..simd import LANES, ROWS, product_tile, square_transform

_ROWS = ROWS
_LANES = LANES["float32"]
_SIDE, _PATCH, _PLACES = 4, 6, 36
# Places lie this much more than their size apart: at powers of two all would compete for the same lines of the cache.
GAP = 16

_wide = product_tile(ROWS, 2)
_narrow = product_tile(ROWS, 1)


def _of_patch(v: Any, d: list[Any]) -> list[Any]:
    """Bᵀ d."""
    even, odd = v.scaled(-4.0, d[2], d[4]), v.scaled(-4.0, d[1], d[3])
    near, far = v.subtract(d[4], d[2]), v.subtract(d[3], d[1])
    return [
        v.scaled(4.0, d[0], v.scaled(-5.0, d[2], d[4])),
        v.add(even, odd),
        v.subtract(even, odd),
        v.scaled(2.0, far, near),
        v.scaled(-2.0, far, near),
        v.scaled(4.0, d[1], v.scaled(-5.0, d[3], d[5])),
    ]


def _to_output(v: Any, m: list[Any]) -> list[Any]:
    """Aᵀ m."""
    near, near_odd = v.add(m[1], m[2]), v.subtract(m[1], m[2])
    far, far_odd = v.add(m[3], m[4]), v.subtract(m[3], m[4])
    return [
        v.add(m[0], v.add(near, far)),
        v.scaled(2.0, far_odd, near_odd),
        v.scaled(4.0, far, near),
        v.add(v.scaled(8.0, far_odd, near_odd), m[5]),
    ]


def _of_kernel(v: Any, g: list[Any]) -> list[Any]:
    """G g."""
    even = v.scaled(-1 / 6, v.add(g[0], g[2]))
    wide = v.scaled(1 / 24, g[0], v.scaled(1 / 6, g[2]))
    return [
        v.scaled(1 / 4, g[0]),
        v.scaled(-1 / 6, g[1], even),
        v.scaled(1 / 6, g[1], even),
        v.scaled(1 / 12, g[1], wide),
        v.scaled(-1 / 12, g[1], wide),
        g[2],
    ]


def _of_cotangent(v: Any, y: list[Any]) -> list[Any]:
    """A y."""
    even, odd = v.add(y[0], y[2]), v.add(y[1], y[3])
    wide_even, wide_odd = v.scaled(4.0, y[2], y[0]), v.scaled(8.0, y[3], v.scaled(2.0, y[1]))
    return [
        y[0],
        v.add(even, odd),
        v.subtract(even, odd),
        v.add(wide_even, wide_odd),
        v.subtract(wide_even, wide_odd),
        y[3],
    ]


def _to_kernel(v: Any, p: list[Any]) -> list[Any]:
    """Gᵀ p."""
    near, near_odd = v.add(p[1], p[2]), v.subtract(p[2], p[1])
    far, far_odd = v.add(p[3], p[4]), v.subtract(p[3], p[4])
    return [
        v.scaled(1 / 4, p[0], v.scaled(-1 / 6, near, v.scaled(1 / 24, far))),
        v.scaled(1 / 6, near_odd, v.scaled(1 / 12, far_odd)),
        v.scaled(1 / 6, v.subtract(far, near), p[5]),
    ]


_patch_transform = square_transform(_PATCH, _of_patch)
_output_transform = square_transform(_PATCH, _to_output, shifted=True)
_kernel_transform = square_transform(3, _of_kernel)
_cotangent_transform = square_transform(_SIDE, _of_cotangent)
_gradient_transform = square_transform(_PATCH, _to_kernel)


@inline
def _transform_patch(x, image, height, width, channels, top, left, patch, out, start, step):
    """The transform of the patch whose first pixel is (top, left), with zeros where it lies outside the image."""
    source = image * height * width * channels
    if top >= 0 and left >= 0 and top + _PATCH <= height and left + _PATCH <= width:
        first = source + (top * width + left) * channels
        for channel in range(0, channels, _LANES):
            _patch_transform(out, start + channel, _PATCH * step, step, x, first + channel, width * channels, channels,
                             x, 0)  # fmt: skip
        return
    before, behind = max(0, -left), max(0, left + _PATCH - width)
    for line in range(_PATCH):
        place = line * _PATCH * channels
        if top + line < 0 or top + line >= height or before + behind >= _PATCH:
            clear(patch, place, _PATCH * channels)
            continue
        clear(patch, place, before * channels)
        copy(patch, place + before * channels, x, source + ((top + line) * width + left + before) * channels,
             (_PATCH - before - behind) * channels)  # fmt: skip
        clear(patch, place + (_PATCH - behind) * channels, behind * channels)
    for channel in range(0, channels, _LANES):
        _patch_transform(out, start + channel, _PATCH * step, step, patch, channel, _PATCH * channels, channels, x, 0)


def _transform_kernel(packed, columns, inner, out):
    """G g Gᵀ of packed weights [block of columns][tap][inner][column]: the same for each of the 36 places."""
    step = columns * inner + GAP
    blocks = (columns + 2 * _LANES - 1) // (2 * _LANES)
    for block in prange(blocks):
        column = block * 2 * _LANES
        panel = min(2 * _LANES, columns - column)
        for channel in range(inner):
            for part in range(0, panel, _LANES):
                place = channel * panel + part
                _kernel_transform(out, column * inner + place, _PATCH * step, step, packed, column * 9 * inner + place,
                                  3 * inner * panel, inner * panel, packed, 0)  # fmt: skip


kernel_serial, kernel_parallel = serial_and_parallel(_transform_kernel)


def _gather(x, count, height, width, channels, top, left, out_height, out_width, columns, patches, weight, initial,
            out):  # fmt: skip
    """The convolution of images with `top` and `left` zeros before them, `patches` patches at a time."""
    down, across = (out_height + _SIDE - 1) // _SIDE, (out_width + _SIDE - 1) // _SIDE
    total = count * down * across
    chunks = (total + patches - 1) // patches
    w_step = columns * channels + GAP
    for task in prange(chunks):
        first = total * task // chunks
        present = total * (task + 1) // chunks - first
        x_step, out_step = patches * channels + GAP, patches * columns + GAP
        transformed, products = np.empty(_PLACES * x_step, x.dtype), np.empty(_PLACES * out_step, x.dtype)
        patch = np.empty(_PATCH * _PATCH * max(channels, columns), x.dtype)
        rows = (present + _ROWS - 1) // _ROWS * _ROWS
        x_rows, out_rows, nothing = np.empty(rows, np.int64), np.empty(rows, np.int64), np.zeros(1, np.int64)
        for row in range(rows):
            x_rows[row], out_rows[row] = min(row, present - 1) * channels, min(row, present - 1) * columns
        for number in range(present):
            image, place = (first + number) // (down * across), (first + number) % (down * across)
            _transform_patch(x, image, height, width, channels, place // across * _SIDE - top,
                             place % across * _SIDE - left, patch, transformed, number * channels, x_step)  # fmt: skip
        for place in range(_PLACES):
            for column in range(0, columns, 2 * _LANES):
                w_start = place * w_step + column * channels
                for row in range(0, rows, _ROWS):
                    if columns - column >= 2 * _LANES:
                        _wide(products, place * out_step + column, out_rows, transformed, place * x_step, x_rows, row,
                              nothing, nothing, 0, 1, channels, 1, weight, w_start, 0, 2 * _LANES, initial, columns, 0,
                              0)  # fmt: skip
                    else:
                        _narrow(products, place * out_step + column, out_rows, transformed, place * x_step, x_rows, row,
                                nothing, nothing, 0, 1, channels, 1, weight, w_start, 0, _LANES, initial, columns, 0,
                                0)  # fmt: skip
        for number in range(present):
            image, place = (first + number) // (down * across), (first + number) % (down * across)
            line, pixel = place // across * _SIDE, place % across * _SIDE
            target = ((image * out_height + line) * out_width + pixel) * columns
            lines, pixels = min(_SIDE, out_height - line), min(_SIDE, out_width - pixel)
            for column in range(0, columns, _LANES):
                start = number * columns + column
                if lines == _SIDE and pixels == _SIDE:
                    _output_transform(out, target + column, out_width * columns, columns, products, start,
                                      _PATCH * out_step, out_step, initial, column)  # fmt: skip
                else:
                    _output_transform(patch, column, _SIDE * columns, columns, products, start, _PATCH * out_step,
                                      out_step, initial, column)  # fmt: skip
            if lines < _SIDE or pixels < _SIDE:
                for i in range(lines):
                    copy(out, target + i * out_width * columns, patch, i * _SIDE * columns, pixels * columns)


gather_serial, gather_parallel = serial_and_parallel(_gather)


def _correlate(x, y, count, height, width, channels, top, left, y_height, y_width, columns, patches, x_transformed,
               y_transformed, sums, out):  # fmt: skip
    """out[tap, channel, column] = the weight's gradient; `patches` patches are transformed at a time, then summed."""
    down, across = (y_height + _SIDE - 1) // _SIDE, (y_width + _SIDE - 1) // _SIDE
    total = count * down * across
    x_step, y_step, step = patches * channels + GAP, patches * columns + GAP, channels * columns + GAP
    blocks = (columns + 2 * _LANES - 1) // (2 * _LANES)
    x_rows, out_rows, nothing = np.arange(channels), np.arange(channels) * columns, np.zeros(1, np.int64)
    for first in range(0, total, patches):
        present = min(patches, total - first)
        groups = (present + 7) // 8
        for group in prange(groups):
            patch = np.empty(_PATCH * _PATCH * max(channels, columns), x.dtype)
            for number in range(group * 8, min(group * 8 + 8, present)):
                image, place = (first + number) // (down * across), (first + number) % (down * across)
                line, pixel = place // across * _SIDE, place % across * _SIDE
                _transform_patch(x, image, height, width, channels, line - top, pixel - left, patch, x_transformed,
                                 number * channels, x_step)  # fmt: skip
                source = ((image * y_height + line) * y_width + pixel) * columns
                lines, pixels = min(_SIDE, y_height - line), min(_SIDE, y_width - pixel)
                if lines < _SIDE or pixels < _SIDE:
                    clear(patch, 0, _SIDE * _SIDE * columns)
                    for i in range(lines):
                        copy(patch, i * _SIDE * columns, y, source + i * y_width * columns, pixels * columns)
                    for column in range(0, columns, _LANES):
                        _cotangent_transform(y_transformed, number * columns + column, _PATCH * y_step, y_step, patch,
                                             column, _SIDE * columns, columns, y, 0)  # fmt: skip
                else:
                    for column in range(0, columns, _LANES):
                        _cotangent_transform(y_transformed, number * columns + column, _PATCH * y_step, y_step, y,
                                             source + column, y_width * columns, columns, y, 0)  # fmt: skip
        for item in prange(_PLACES * blocks):
            place, column = item // blocks, item % blocks * 2 * _LANES
            start = place * step + column
            for row in range(0, channels, _ROWS):
                if first == 0:
                    for i in range(_ROWS):
                        clear(sums, start + (row + i) * columns, min(2 * _LANES, columns - column))
                if columns - column >= 2 * _LANES:
                    _wide(sums, start, out_rows, x_transformed, place * x_step, x_rows, row, nothing, nothing, 0, 1,
                          present, channels, y_transformed, place * y_step + column, 0, columns, sums,
                          start + row * columns, columns, 0)  # fmt: skip
                else:
                    _narrow(sums, start, out_rows, x_transformed, place * x_step, x_rows, row, nothing, nothing, 0, 1,
                            present, channels, y_transformed, place * y_step + column, 0, columns, sums,
                            start + row * columns, columns, 0)  # fmt: skip
    for channel in prange(channels):
        for column in range(0, columns, _LANES):
            place = channel * columns + column
            _gradient_transform(out, place, 3 * channels * columns, channels * columns, sums, place, _PATCH * step,
                                step, sums, 0)  # fmt: skip


correlate_serial, correlate_parallel = serial_and_parallel(_correlate)

"""Patches of images as columns and back, and rearrangements of pixels and channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..declaration import structural
from ..dispatch import as_tensor_operand
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import floating
from .images import spatial_numbers

Pair = tuple[int, int]
Numbers = int | Sequence[int]


class Patches(NamedTuple):
    """Where patches of an image begin and what they read; everything is a pair of height and width."""

    size: Pair
    kernel: Pair
    dilation: Pair
    padding: Pair
    stride: Pair

    @property
    def counts(self) -> Pair:
        """How many patches there are along both dimensions."""
        first, second = (
            (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, dilation, padding, stride in zip(*self, strict=True)
        )
        return first, second

    def places(self) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """For each place of a patch the index, into a padded image, of what all patches have there."""
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                begin = i * self.dilation[0], j * self.dilation[1]
                parts = (
                    slice(first, first + stride * (count - 1) + 1, stride)
                    for first, stride, count in zip(begin, self.stride, self.counts, strict=True)
                )
                yield i, j, (slice(None), slice(None), *parts)


def _padded(shape: tuple[int, ...], dtype: Any, patches: Patches) -> tuple[np.ndarray, np.ndarray]:
    """Zeros with the padding around, and the view of what is inside."""
    (height, width), (above, left) = patches.size, patches.padding
    full = np.zeros((*shape, height + 2 * above, width + 2 * left), dtype)
    return full, full[:, :, above : above + height, left : left + width]


def _im2col_reference(x: np.ndarray, patches: Patches) -> np.ndarray:
    rows, columns = patches.counts
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in patches.padding)))
    found = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * patches.stride[0], column * patches.stride[1]
            part = padded[
                :,
                :,
                top : top + patches.dilation[0] * (patches.kernel[0] - 1) + 1 : patches.dilation[0],
                left : left + patches.dilation[1] * (patches.kernel[1] - 1) + 1 : patches.dilation[1],
            ]
            found.append(part.reshape(x.shape[0], -1))
    return np.stack(found, axis=2)


_PATCHES = (
    Patches((4, 5), (2, 3), (1, 1), (0, 0), (1, 1)),
    Patches((5, 4), (3, 2), (2, 1), (1, 1), (2, 1)),
    Patches((3, 3), (1, 1), (1, 1), (0, 1), (2, 2)),
)


def _samples(random: np.random.Generator, transposed: bool) -> list[Sample]:
    found = []
    for patches in _PATCHES:
        rows, columns = patches.counts
        shape = (2, 2 * patches.kernel[0] * patches.kernel[1], rows * columns) if transposed else (2, 2, *patches.size)
        found.append(Sample((random.standard_normal(shape),), {"patches": patches}))
    return found


@structural("im2col", reference=_im2col_reference, samples=lambda random: _samples(random, False))
def im2col_primitive(x: np.ndarray, *, patches: Patches) -> np.ndarray:
    """The patches of each image as columns, a patch's elements channel by channel and row by row."""
    full, inside = _padded(x.shape[:2], x.dtype, patches)
    inside[...] = x
    out = np.empty((*x.shape[:2], *patches.kernel, *patches.counts), x.dtype)
    for i, j, index in patches.places():
        out[:, :, i, j] = full[index]
    return out.reshape(x.shape[0], x.shape[1] * out.shape[2] * out.shape[3], out.shape[4] * out.shape[5])


@im2col_primitive.vjp("x")
def _(cotangent: Any, patches: Patches) -> Any:
    return col2im_primitive(cotangent, patches=patches)


def _col2im_reference(x: np.ndarray, patches: Patches) -> np.ndarray:
    # The transpose of a linear map, from its matrix: the images of all unit vectors.
    channels = x.shape[1] // (patches.kernel[0] * patches.kernel[1])
    count = channels * patches.size[0] * patches.size[1]
    units = np.eye(count).reshape(count, channels, *patches.size)
    matrix = _im2col_reference(units, patches).reshape(count, -1)
    return (x.reshape(x.shape[0], -1) @ matrix.T).reshape(x.shape[0], channels, *patches.size)


@structural("col2im", reference=_col2im_reference, samples=lambda random: _samples(random, True))
def col2im_primitive(x: np.ndarray, *, patches: Patches) -> np.ndarray:
    """Images from columns of patches; where patches overlap their elements are added."""
    channels = x.shape[1] // (patches.kernel[0] * patches.kernel[1])
    columns = x.reshape(x.shape[0], channels, *patches.kernel, *patches.counts)
    full, inside = _padded((x.shape[0], channels), x.dtype, patches)
    for i, j, index in patches.places():
        # What all patches have at one place never coincides, so each place is one addition.
        full[index] += columns[:, :, i, j]
    return np.ascontiguousarray(inside)


@col2im_primitive.vjp("x")
def _(cotangent: Any, patches: Patches) -> Any:
    return im2col_primitive(cotangent, patches=patches)


def _pair(value: Any, name: str, operation: str, minimum: int = 0) -> Pair:
    first, second = spatial_numbers(value, 2, name, operation, minimum)
    return first, second


def _patches(
    size: Pair, kernel_size: Numbers, dilation: Numbers, padding: Numbers, stride: Numbers, operation: str
) -> Patches:
    patches = Patches(
        size,
        _pair(kernel_size, "kernel_size", operation, 1),
        _pair(dilation, "dilation", operation, 1),
        _pair(padding, "padding", operation),
        _pair(stride, "stride", operation, 1),
    )
    if min(patches.counts) < 1:
        raise ValueError(f"{operation}: patches of {patches.kernel} do not fit images of {size}")
    return patches


def im2col(
    input: Tensor, kernel_size: Numbers, dilation: Numbers = 1, padding: Numbers = 0, stride: Numbers = 1
) -> Tensor:
    """The patches that a window takes from images, as columns.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        kernel_size, dilation, padding, stride: of the window, one number or two.

    Returns:
        Shape (N, C · kernel, patches) or (C · kernel, patches).

    Raises:
        TypeError: for integers.
        ValueError: for shapes that do not fit.
    """
    images = floating(input, "unfold")
    if images.ndim not in (3, 4):
        raise ValueError(f"unfold: expected images of shape (N, C, H, W) or (C, H, W), got {images.shape}")
    batch = images if images.ndim == 4 else images.unsqueeze(0)
    height, width = batch.shape[2:]
    patches = _patches((height, width), kernel_size, dilation, padding, stride, "unfold")
    columns: Tensor = apply(im2col_primitive.op, (batch,), {"patches": patches})
    return columns if images.ndim == 4 else columns.squeeze(0)


def col2im(
    input: Tensor,
    output_size: Numbers,
    kernel_size: Numbers,
    dilation: Numbers = 1,
    padding: Numbers = 0,
    stride: Numbers = 1,
) -> Tensor:
    """Images from the columns of :func:`im2col`; where patches overlap their elements are added.

    Args:
        input: shape (N, C · kernel, patches) or (C · kernel, patches).
        output_size: height and width of the images.
        kernel_size, dilation, padding, stride: of the window, one number or two.

    Returns:
        Shape (N, C, H, W) or (C, H, W).

    Raises:
        TypeError: for integers.
        ValueError: for shapes that do not fit.
    """
    columns = floating(input, "fold")
    if columns.ndim not in (2, 3):
        raise ValueError(f"fold: expected columns of shape (N, C * kernel, patches), got {columns.shape}")
    batch = columns if columns.ndim == 3 else columns.unsqueeze(0)
    patches = _patches(_pair(output_size, "output_size", "fold", 1), kernel_size, dilation, padding, stride, "fold")
    rows, number = patches.counts
    area = patches.kernel[0] * patches.kernel[1]
    if batch.shape[1] % area or batch.shape[2] != rows * number:
        raise ValueError(
            f"fold: columns of shape {columns.shape} do not fit {rows} × {number} patches of {area} elements a channel"
        )
    images: Tensor = apply(col2im_primitive.op, (batch,), {"patches": patches})
    return images if columns.ndim == 3 else images.squeeze(0)


# --- pixels and channels ----------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels into pixels: (…, C r², H, W) to (…, C, H r, W r).

    Raises:
        ValueError: if the channels cannot be divided by r².

    Source: Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel network".
    """
    images = as_tensor_operand(input, "pixel_shuffle")
    (factor,) = spatial_numbers(upscale_factor, 1, "upscale_factor", "pixel_shuffle", 1)
    if images.ndim < 3 or images.shape[-3] % (factor * factor):
        raise ValueError(f"pixel_shuffle: channels of shape {images.shape} cannot be divided by {factor}²")
    *lead, channels, height, width = images.shape
    split = images.reshape(-1, channels // (factor * factor), factor, factor, height, width)
    return split.permute(0, 1, 4, 2, 5, 3).reshape(*lead, split.shape[1], height * factor, width * factor)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels into channels: (…, C, H r, W r) to (…, C r², H, W), the inverse of :func:`pixel_shuffle`.

    Raises:
        ValueError: if height and width cannot be divided by r.
    """
    images = as_tensor_operand(input, "pixel_unshuffle")
    (factor,) = spatial_numbers(downscale_factor, 1, "downscale_factor", "pixel_unshuffle", 1)
    if images.ndim < 3 or images.shape[-1] % factor or images.shape[-2] % factor:
        raise ValueError(f"pixel_unshuffle: the image of shape {images.shape} cannot be divided by {factor}")
    *lead, channels, height, width = images.shape
    split = images.reshape(-1, channels, height // factor, factor, width // factor, factor)
    shuffled = split.permute(0, 1, 3, 5, 2, 4)
    return shuffled.reshape(*lead, channels * factor * factor, height // factor, width // factor)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels of `groups` groups dealt out in turn: (N, g C, …) with channel i of group k moved to i g + k.

    Raises:
        ValueError: if the channels cannot be divided by the groups.

    Source: Zhang et al. 2018, "ShuffleNet".
    """
    images = as_tensor_operand(input, "channel_shuffle")
    (count,) = spatial_numbers(groups, 1, "groups", "channel_shuffle", 1)
    if images.ndim < 3 or images.shape[1] % count:
        raise ValueError(f"channel_shuffle: channels of shape {images.shape} cannot be divided into {count} groups")
    split = images.reshape(images.shape[0], count, images.shape[1] // count, *images.shape[2:])
    return split.transpose(1, 2).reshape(*images.shape)


__all__ = ["channel_shuffle", "col2im", "im2col", "pixel_shuffle", "pixel_unshuffle"]

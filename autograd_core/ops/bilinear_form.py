"""Convolution, its transpose and its weight gradient: three maps of one bilinear form.

The derivative of each is the two others, so derivatives of any order are convolutions again. The `size` of each is the
spatial size of what it makes; the window's `padding` counts the zeros before the first element, and as many follow the
last as the size asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..broadcasting import Shape
from ..declaration import structural
from ..lazy import lazy_import
from ..op import Sample
from .linear_maps import permute_primitive, reshape_primitive, sum_primitive

if TYPE_CHECKING:
    from ..kernels import convolution as kernels
else:
    kernels = lazy_import("autograd_core.kernels.convolution")


class Window(NamedTuple):
    """How the window moves over x, and into how many groups channels are divided."""

    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int


# Shapes of x and weight, size of y, and the window.
_SHAPES: tuple[tuple[Shape, Shape, Shape, Window], ...] = (
    ((2, 3, 7), (4, 3, 3), (4,), Window((2,), (1,), (1,), 1)),
    ((2, 3, 5, 6), (5, 3, 3, 3), (5, 6), Window((1, 1), (1, 1), (1, 1), 1)),
    ((1, 4, 8, 5), (6, 2, 3, 2), (2, 2), Window((3, 2), (0, 1), (2, 3), 2)),
    ((2, 3, 4, 4), (3, 1, 2, 2), (4, 4), Window((1, 1), (0, 0), (1, 1), 3)),
    ((2, 3, 4, 3), (2, 3, 1, 1), (4, 3), Window((1, 1), (0, 0), (1, 1), 1)),
    ((1, 2, 3, 4, 3), (2, 2, 2, 3, 1), (2, 2, 5), Window((1, 2, 1), (0, 0, 1), (1, 1, 1), 1)),
)


def _samples(random: np.random.Generator, first: str, second: str) -> list[Sample]:
    """Two of the form's three operands, and the size of the third."""
    found = []
    for x, weight, size, window in _SHAPES:
        shapes = {"x": x, "weight": weight, "y": (x[0], weight[0], *size)}
        (left,) = shapes.keys() - {first, second}
        operands = tuple(random.standard_normal(shapes[name]) for name in (first, second))
        found.append(Sample(operands, {"size": shapes[left][2:], "window": window}))
    return found


def _volumes(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], *(1,) * (5 - array.ndim), *array.shape[2:])


def _along_channels(bias: np.ndarray, dimensions: int) -> np.ndarray:
    return bias.reshape(-1, *(1,) * dimensions)


def _convolution_reference(x: np.ndarray, weight: np.ndarray, size: Shape, window: Window) -> np.ndarray:
    form = kernels.geometry_of(x.shape, weight.shape, size, *window)
    return kernels.plain.convolve(_volumes(x), _volumes(weight), form).reshape(x.shape[0], weight.shape[0], *size)


def _transpose_reference(y: np.ndarray, weight: np.ndarray, size: Shape, window: Window) -> np.ndarray:
    shape = (y.shape[0], weight.shape[1] * window.groups, *size)
    form = kernels.geometry_of(shape, weight.shape, y.shape[2:], *window)
    return kernels.plain.transpose(_volumes(y), _volumes(weight), form).reshape(shape)


def _weight_reference(x: np.ndarray, y: np.ndarray, size: Shape, window: Window) -> np.ndarray:
    shape = (y.shape[1], x.shape[1] // window.groups, *size)
    form = kernels.geometry_of(x.shape, shape, y.shape[2:], *window)
    return kernels.plain.weight(_volumes(x), _volumes(y), form).reshape(shape)


@structural(
    "convolution",
    reference=_convolution_reference,
    samples=lambda random: _samples(random, "x", "weight"),
)
def convolution_primitive(x: np.ndarray, weight: np.ndarray, *, size: Shape, window: Window) -> np.ndarray:
    """Sums of weight times x over a window that moves over x."""
    return kernels.convolve(x, weight, None, kernels.geometry_of(x.shape, weight.shape, size, *window), size)


@structural(
    "convolution_bias",
    reference=lambda x, weight, bias, size, window: (
        _convolution_reference(x, weight, size, window) + _along_channels(bias, len(size))
    ),
    samples=lambda random: [
        Sample((*sample.operands, random.standard_normal(sample.operands[1].shape[0])), sample.parameters)
        for sample in _samples(random, "x", "weight")
    ],
)
def convolution_bias_primitive(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, size: Shape, window: Window
) -> np.ndarray:
    """Convolution plus a number for each channel of the result."""
    return kernels.convolve(x, weight, bias, kernels.geometry_of(x.shape, weight.shape, size, *window), size)


@structural(
    "convolution_transpose",
    reference=_transpose_reference,
    samples=lambda random: _samples(random, "y", "weight"),
)
def convolution_transpose_primitive(
    operand: np.ndarray, weight: np.ndarray, *, size: Shape, window: Window
) -> np.ndarray:
    """The transpose of convolution with a weight: each element spread over the window it was the sum of."""
    shape = (operand.shape[0], weight.shape[1] * window.groups, *size)
    form = kernels.geometry_of(shape, weight.shape, operand.shape[2:], *window)
    return kernels.transpose(operand, weight, form, size)


@structural(
    "convolution_weight",
    reference=_weight_reference,
    samples=lambda random: _samples(random, "x", "y"),
)
def convolution_weight_primitive(x: np.ndarray, other: np.ndarray, *, size: Shape, window: Window) -> np.ndarray:
    """Sums over images and places of x times another tensor, for each tap between them: the weight's gradient."""
    shape = (other.shape[1], x.shape[1] // window.groups, *size)
    return kernels.weight(x, other, kernels.geometry_of(x.shape, shape, other.shape[2:], *window), size)


# Each map is linear in both operands: its derivative by one is the map that makes such a one, of the cotangent and the
# other operand.


@convolution_bias_primitive.vjp("x")
@convolution_primitive.vjp("x")
def _(cotangent: Any, weight: Any, x_shape: Shape, window: Window) -> Any:
    return convolution_transpose_primitive(cotangent, weight, size=x_shape[2:], window=window)


@convolution_bias_primitive.vjp("weight")
@convolution_primitive.vjp("weight")
def _(cotangent: Any, x: Any, weight_shape: Shape, window: Window) -> Any:
    return convolution_weight_primitive(x, cotangent, size=weight_shape[2:], window=window)


@convolution_bias_primitive.vjp("bias")
def _sum_over_pixels(cotangent: Any) -> Any:
    # Rows of channels, as they lie in memory.
    last = permute_primitive(cotangent, dims=(0, *range(2, cotangent.ndim), 1))
    return sum_primitive(reshape_primitive(last, shape=(-1, cotangent.shape[1])), dim=(0,), keepdim=False)


@convolution_transpose_primitive.vjp("operand")
def _(cotangent: Any, weight: Any, operand_shape: Shape, window: Window) -> Any:
    return convolution_primitive(cotangent, weight, size=operand_shape[2:], window=window)


@convolution_transpose_primitive.vjp("weight")
def _(cotangent: Any, operand: Any, weight_shape: Shape, window: Window) -> Any:
    return convolution_weight_primitive(cotangent, operand, size=weight_shape[2:], window=window)


@convolution_weight_primitive.vjp("x")
def _(cotangent: Any, other: Any, x_shape: Shape, window: Window) -> Any:
    return convolution_transpose_primitive(other, cotangent, size=x_shape[2:], window=window)


@convolution_weight_primitive.vjp("other")
def _(cotangent: Any, x: Any, other_shape: Shape, window: Window) -> Any:
    return convolution_primitive(x, cotangent, size=other_shape[2:], window=window)

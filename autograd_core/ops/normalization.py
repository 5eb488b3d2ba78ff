"""Layer, root-mean-square, group and instance normalisation: each sample by statistics of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..broadcasting import as_shape
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..graph import thread
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply, apply_with_residuals
from ..tensor import Tensor, cell_of, wrap
from .batch_normalization import batch_norm, columns_of_row
from .blocks import run
from .elementwise import sqrt
from .images import as_blocks, empty_images, is_channels_last
from .moments import mean_primitive, var_primitive

if TYPE_CHECKING:
    from ..kernels import norm_rows as kernels
else:
    kernels = lazy_import("autograd_core.kernels.norm_rows")


# --- over the last dimensions ------------------------------------------------------------------------------------


def _rows(array: np.ndarray, dims: int) -> np.ndarray:
    """An array as a matrix whose rows are its last `dims` dimensions."""
    if not array.size:
        return np.empty((0, 1), array.dtype)
    return contiguous(array).reshape(-1, math.prod(array.shape[array.ndim - dims :]))


def _by_rows(x: np.ndarray, weight: np.ndarray, bias: Any, dims: int, eps: float) -> tuple[np.ndarray, np.ndarray]:
    rows = _rows(x, dims)
    statistics = np.empty((3, rows.shape[0]))
    out = np.empty(x.shape, x.dtype)
    offset = np.empty(0, x.dtype) if bias is None else contiguous(bias).reshape(-1)
    scale = contiguous(weight).reshape(-1)
    run(kernels, "layer_norm", x.size, rows, scale, offset, bias is not None, eps, statistics, _rows(out, dims))
    return out, statistics


def _pull_rows(
    cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray, dims: int, centred: bool
) -> list[Any]:
    x_cotangent = np.empty(x.shape, x.dtype)
    weight_cotangent, bias_cotangent = np.empty(weight.shape, x.dtype), np.empty(weight.shape, x.dtype)
    if not x.size:
        weight_cotangent[...] = bias_cotangent[...] = 0
        return [x_cotangent, weight_cotangent, bias_cotangent]
    operands = (_rows(cotangent, dims), _rows(x, dims), contiguous(weight).reshape(-1), centred, statistics)
    found = (_rows(x_cotangent, dims), weight_cotangent.reshape(-1), bias_cotangent.reshape(-1))
    run(kernels, "layer_norm_vjp", x.size, *operands, *found)
    return [x_cotangent, weight_cotangent, bias_cotangent]


def _last(x: Any, dims: int) -> tuple[int, ...]:
    return tuple(range(x.ndim - dims, x.ndim))


def _layer_norm_reference(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, dims: int, eps: float) -> np.ndarray:
    axes = _last(x, dims)
    normalised = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return np.asarray(normalised * weight + bias)


def _layer_norm_samples(count: int) -> Any:
    def draw(random: np.random.Generator) -> list[Sample]:
        found = []
        for shape, dims in (((3, 5), 1), ((2, 3, 4), 2), ((4,), 1)):
            shapes = (shape, *(shape[len(shape) - dims :],) * count)
            found.append(Sample(tuple(random.standard_normal(s) for s in shapes), {"dims": dims, "eps": 1e-3}))
        return found

    return draw


@fused(
    "layer_norm",
    forward=lambda x, weight, bias, *, dims, eps: _by_rows(x, weight, bias, dims, eps),
    residuals=("statistics",),
    reference=_layer_norm_reference,
    samples=_layer_norm_samples(2),
)
def layer_norm_primitive(x: Any, weight: Any, bias: Any, *, dims: int, eps: float) -> Any:
    """Normalise the last dimensions by their own mean and biased variance, then scale and shift."""
    axes = _last(x, dims)
    centred = x - mean_primitive(x, dim=axes, keepdim=True)
    return centred / sqrt(var_primitive(x, dim=axes, correction=0, keepdim=True) + eps) * weight + bias


@layer_norm_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray, dims: int) -> list[Any]:
    return _pull_rows(cotangent, x, weight, statistics, dims, True)


@fused(
    "rms_norm",
    forward=lambda x, weight, *, dims, eps: _by_rows(x, weight, None, dims, eps),
    residuals=("statistics",),
    reference=lambda x, weight, dims, eps: x / np.sqrt((x * x).mean(_last(x, dims), keepdims=True) + eps) * weight,
    samples=_layer_norm_samples(1),
)
def rms_norm_primitive(x: Any, weight: Any, *, dims: int, eps: float) -> Any:
    """Divide the last dimensions by their root mean square, then scale."""
    return x / sqrt(mean_primitive(x * x, dim=_last(x, dims), keepdim=True) + eps) * weight


@rms_norm_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray, dims: int) -> list[Any]:
    return _pull_rows(cotangent, x, weight, statistics, dims, False)[:2]


def _prepare(input: Any, normalized_shape: Any, name: str, **vectors: Any) -> tuple[Tensor, int, list[Tensor]]:
    """The floating input, the number of dimensions to normalise, and weight and bias, whose defaults are 1 and 0."""
    input = as_tensor_operand(input, name)
    if isinstance(normalized_shape, int):
        normalized_shape = (normalized_shape,)
    shape = as_shape((normalized_shape,))
    if input.dtype.kind != "f":
        raise TypeError(f"{name}() needs a floating tensor, got {input.dtype}")
    if not shape or tuple(input.shape[max(0, input.ndim - len(shape)) :]) != shape:
        raise ValueError(f"{name}: an input of shape {input.shape} does not end in the normalized shape {shape}")
    found = []
    for which, value in vectors.items():
        if value is None:
            make = np.ones if which == "weight" else np.zeros
            found.append(wrap(make(shape, input.dtype), None))
            continue
        value = as_tensor_operand(value, name)
        if value.shape != shape:
            raise ValueError(f"{name}: {which} must have shape {shape}, got {value.shape}")
        found.append(cast(value, input.dtype))
    return input, len(shape), found


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Layer normalisation: (x - mean) / √(variance + eps) · weight + bias over the last dimensions.

    Args:
        input: shape (…, *normalized_shape), floating.
        normalized_shape: sizes of the dimensions that share mean and biased variance.
        weight, bias: of that shape, or None for 1 and 0.
        eps: added to the variance inside the root.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for integers.

    Example:
        >>> import autograd_core as ag
        >>> ag.layer_norm(ag.tensor([[1.0, 3.0], [10.0, 30.0]]), 2)
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])

    Source: Ba, Kiros and Hinton 2016, "Layer normalization".
    """
    input, dims, vectors = _prepare(input, normalized_shape, "layer_norm", weight=weight, bias=bias)
    result: Tensor = apply(layer_norm_primitive.op, (input, *vectors), {"dims": dims, "eps": float(eps)})
    return result


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Root-mean-square normalisation: x / √(mean(x²) + eps) · weight over the last dimensions.

    Args:
        input: shape (…, *normalized_shape), floating.
        normalized_shape: sizes of the dimensions that share a mean square.
        weight: of that shape, or None for 1.
        eps: added to the mean square inside the root; None for the machine epsilon of the input's dtype.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for integers.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization".
    """
    input, dims, vectors = _prepare(input, normalized_shape, "rms_norm", weight=weight)
    epsilon = float(np.finfo(input.dtype).eps) if eps is None else float(eps)
    result: Tensor = apply(rms_norm_primitive.op, (input, *vectors), {"dims": dims, "eps": epsilon})
    return result


# --- over groups of channels -------------------------------------------------------------------------------------


class _Groups:
    """How the memory of (N, C, d1, …) is read: a row for each sample and group, or channels side by side."""

    __slots__ = ("_groups", "_last", "argument", "name")

    def __init__(self, x: np.ndarray, groups: int) -> None:
        self._groups = groups
        self._last = x.ndim <= 5 and is_channels_last(x)
        self.name = "group_norm_last" if self._last else "group_norm"
        # What the kernel is told of the groups: how many there are, or how many channels each has.
        self.argument = groups if self._last else x.shape[1] // groups

    def lines(self, array: np.ndarray) -> np.ndarray:
        """An array of the shape as the kernels take it: a view where its memory lies that way, else a copy."""
        if not self._last:
            return contiguous(array).reshape(array.shape[0] * self._groups, -1)
        columns = columns_of_row(array.shape[1], math.prod(array.shape[2:]))
        return as_blocks(array, channels_last=True).reshape(array.shape[0], -1, columns)

    def empty(self, x: np.ndarray) -> np.ndarray:
        """A new array like `x`, whose memory lies the same way."""
        return empty_images(x.shape, x.dtype, self._last)


def _group_norm_forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, groups: int, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    layout = _Groups(x, groups)
    out = layout.empty(x)
    statistics = np.zeros((3, x.shape[0] * groups))
    if x.size:
        operands = layout.lines(x), contiguous(weight), contiguous(bias), layout.argument, eps, statistics
        run(kernels, layout.name, x.size, *operands, layout.lines(out))
    return out, statistics


def _group_norm_reference(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, groups: int, eps: float) -> np.ndarray:
    parts = x.reshape(x.shape[0], groups, -1)
    normalised = (parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + eps)
    shape = (-1, *(1,) * (x.ndim - 2))
    return np.asarray(normalised.reshape(x.shape) * weight.reshape(shape) + bias.reshape(shape))


@fused(
    "group_norm",
    forward=_group_norm_forward,
    residuals=("statistics",),
    reference=_group_norm_reference,
    samples=lambda random: [
        Sample(
            tuple(random.standard_normal(s) for s in (shape, shape[1:2], shape[1:2])), {"groups": groups, "eps": 1e-3}
        )
        for shape, groups in (((2, 4, 3), 2), ((3, 2, 2, 2), 1), ((2, 3, 4), 3), ((2, 6), 3))
    ],
)
def group_norm_primitive(x: Any, weight: Any, bias: Any, *, groups: int, eps: float) -> Any:
    """Normalise each group of channels of each sample by its own mean and biased variance, then scale and shift."""
    parts = x.reshape(x.shape[0], groups, -1)
    centred = parts - mean_primitive(parts, dim=(2,), keepdim=True)
    normalised = centred / sqrt(var_primitive(parts, dim=(2,), correction=0, keepdim=True) + eps)
    shape = (-1, *(1,) * (x.ndim - 2))
    return normalised.reshape(x.shape) * weight.reshape(shape) + bias.reshape(shape)


@group_norm_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray, groups: int) -> list[Any]:
    layout = _Groups(x, groups)
    x_cotangent = layout.empty(x)
    weight_cotangent, bias_cotangent = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    if x.size:
        operands = layout.lines(cotangent), layout.lines(x), contiguous(weight), layout.argument, statistics
        found = layout.lines(x_cotangent), weight_cotangent, bias_cotangent
        run(kernels, f"{layout.name}_vjp", x.size, *operands, *found)
    return [x_cotangent, weight_cotangent, bias_cotangent]


def _channel_vectors(input: Tensor, name: str, weight: Any, bias: Any) -> list[Tensor]:
    channels, found = input.shape[1], []
    for which, value, make in (("weight", weight, np.ones), ("bias", bias, np.zeros)):
        if value is None:
            found.append(wrap(make(channels, input.dtype), None))
            continue
        if tuple(value.shape) != (channels,):
            raise ValueError(f"{name}: {which} must have shape ({channels},), got {tuple(value.shape)}")
        found.append(cast(as_tensor_operand(value, name), input.dtype))
    return found


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Group normalisation: each group of channels of each sample by its own mean and biased variance.

    Images in channels-last memory (N, d1, …, C seen through a transpose) give a result in channels-last memory.

    Args:
        input: shape (N, C, …), floating.
        num_groups: how many groups of consecutive channels; divides C.
        weight, bias: shape (C,), or None for 1 and 0.
        eps: added to the variance inside the root.

    Raises:
        ValueError: for shapes and numbers that do not fit, and for one value per group.

    Source: Wu and He 2018, "Group normalization".
    """
    input = as_tensor_operand(input, "group_norm")
    if input.ndim < 2 or input.dtype.kind != "f":
        raise ValueError(f"group_norm: expected a floating tensor (N, C, ...), got {input.dtype} {input.shape}")
    channels = input.shape[1]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"group_norm: {channels} channels do not divide into {num_groups} groups")
    if input.numel() // channels * (channels // num_groups) == 1:
        raise ValueError(f"group_norm: one value per group has no variance, got shape {input.shape}")
    vectors = _channel_vectors(input, "group_norm", weight, bias)
    parameters = {"groups": int(num_groups), "eps": float(eps)}
    result: Tensor = apply(group_norm_primitive.op, (input, *vectors), parameters)
    return result


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Instance normalisation: each channel of each sample by its own mean and biased variance.

    Args:
        input: shape (N, C, d1, …), floating.
        running_mean, running_var: shape (C,), moved in place towards the means over the samples of mean and unbiased
            variance; what normalises without `use_input_stats`.
        weight, bias: shape (C,), or None for 1 and 0.
        use_input_stats: whether to normalise by the input's own statistics.
        momentum: weight of the new value in the running statistics.
        eps: added to the variance inside the root.

    Raises:
        ValueError: for wrong shapes, one value per channel, or running statistics that are missing.

    Source: Ulyanov, Vedaldi and Lempitsky 2016, "Instance normalization: the missing ingredient for fast stylization".
    """
    input = as_tensor_operand(input, "instance_norm")
    if input.ndim < 3 or input.dtype.kind != "f":
        raise ValueError(f"instance_norm: expected a floating tensor (N, C, d1, ...), got {input.dtype} {input.shape}")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    samples, channels, size = input.shape[0], input.shape[1], math.prod(input.shape[2:])
    for which, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is not None and tuple(value.shape) != (channels,):
            raise ValueError(f"instance_norm: {which} must have shape ({channels},), got {tuple(value.shape)}")
    if size == 1:
        raise ValueError(f"instance_norm: needs more than one value per channel, got shape {input.shape}")
    vectors = _channel_vectors(input, "instance_norm", weight, bias)
    parameters = {"groups": channels, "eps": float(eps)}
    result, (statistics,) = apply_with_residuals(group_norm_primitive.op, (input, *vectors), parameters)
    if running_mean is not None and running_var is not None and samples and size and not thread.mode.recomputing:
        means, variances = statistics[:2].reshape(2, samples, channels).mean(1)
        for running, found in ((running_mean, means), (running_var, variances * (size / (size - 1)))):
            running._array[...] = (1 - momentum) * running._array + momentum * found
            cell_of(running)[0] += 1
    normalized: Tensor = result
    return normalized


__all__ = ["group_norm", "instance_norm", "layer_norm", "rms_norm"]

"""Batch normalisation, alone and with what follows it in residual networks: an addition and ReLU in the same pass."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..graph import thread
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply_with_residuals
from ..tensor import Tensor, cell_of, wrap
from .blocks import run
from .elementwise import sqrt
from .images import empty_images
from .moments import mean_primitive, var_primitive
from .rectifiers import relu

if TYPE_CHECKING:
    from ..kernels import norm as kernels
else:
    kernels = lazy_import("autograd_core.kernels.norm")


# Elements of a row that loops over it aim at; a power of two.
_LANES = 128


def columns_of_row(channels: int, places: int) -> int:
    """How many columns a row has that holds the channels of one place or, where those are few, of several."""
    return channels * gcd(places, 1 << max(0, (_LANES // max(1, channels)).bit_length() - 1)) or 1


# What stands for an array that is not there: empty ones of as many dimensions as the kernels' arrays have.
_NOTHING = {
    (name, char): np.empty((0,) * dimensions, char)
    for name, dimensions in (("columns", 2), ("planes", 3))
    for char in "fd"
}


class _Layout:
    """How the memory of (N, C, d1, …) is read: as rows of features, or as planes of places.

    Arrays in channels-last memory, (N, d1, …, C) seen through a transpose, are rows; their results lie the same way.
    """

    __slots__ = ("_order", "_shape", "_wide", "name")

    def __init__(self, x: np.ndarray) -> None:
        self._shape = x.shape
        self._order: tuple[int, ...] = ()
        if x.ndim == 2:
            self.name = "columns"
            return
        self._order = (0, *range(2, x.ndim), 1)
        last = x.transpose(self._order).flags.c_contiguous and (x.shape[1] > 1 or not x.flags.c_contiguous)
        self.name = "columns" if last else "planes"
        self._wide = columns_of_row(x.shape[1], x.size // max(1, x.shape[1]))

    def lines(self, array: np.ndarray) -> np.ndarray:
        """An array of the shape as the kernels take it: a view where its memory lies that way, else a copy."""
        if not self._order:
            return contiguous(array)
        if self.name == "columns":
            return contiguous(array.transpose(self._order)).reshape(-1, self._wide)
        return contiguous(array).reshape(self._shape[0], self._shape[1], -1)

    def empty(self, dtype: Any) -> np.ndarray:
        """A new array of the shape, whose memory lies that way."""
        if self.name == "planes" or not self._order:
            return np.empty(self._shape, dtype)
        return empty_images(self._shape, dtype, channels_last=True)

    def nothing(self, dtype: np.dtype[Any]) -> np.ndarray:
        """What stands for an array that is not there."""
        return _NOTHING[self.name, dtype.char]


def _forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    other: np.ndarray | None,
    rectified: bool,
    eps: float,
    mean: np.ndarray | None,
    variance: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    layout = _Layout(x)
    # Mean, variance and reciprocal deviation in float64: they are few, and all else depends on them.
    statistics = np.zeros((3, x.shape[1]))
    fixed = mean is not None and variance is not None
    if fixed:
        statistics[0], statistics[1] = mean, variance
    out = layout.empty(x.dtype)
    if x.size:
        added = layout.nothing(x.dtype) if other is None else layout.lines(other)
        parameters = (contiguous(weight), contiguous(bias), added, rectified, fixed, eps, statistics)
        run(kernels, layout.name, x.size, layout.lines(x), *parameters, layout.lines(out))
    return out, statistics


def _pull_back(
    cotangent: np.ndarray,
    x: np.ndarray,
    y: np.ndarray | None,
    weight: np.ndarray,
    statistics: np.ndarray,
    fixed: bool,
) -> list[Any]:
    """Cotangents of x, weight and bias, and of the sum before ReLU."""
    layout = _Layout(x)
    x_cotangent = layout.empty(x.dtype)
    # Two arrays: parts of one would look shared to the engine, which then copies them.
    weight_cotangent, bias_cotangent = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    masked = None if y is None else layout.empty(x.dtype)
    if x.size:
        result, passed = (
            (layout.nothing(x.dtype), layout.nothing(x.dtype))
            if y is None or masked is None
            else (layout.lines(y), layout.lines(masked))
        )
        operands = (layout.lines(cotangent), layout.lines(x), result, contiguous(weight), fixed, statistics)
        found = (layout.lines(x_cotangent), weight_cotangent, bias_cotangent, passed)
        run(kernels, f"{layout.name}_vjp", x.size, *operands, *found)
    return [x_cotangent, weight_cotangent, bias_cotangent, masked]


def _batch_norm_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    *,
    eps: float,
    mean: np.ndarray | None = None,
    variance: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    return _forward(x, weight, bias, None, False, eps, mean, variance)


def _rectified_forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, eps: float, mean: Any = None, variance: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    return _forward(x, weight, bias, None, True, eps, mean, variance)


def _added_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    other: np.ndarray,
    *,
    eps: float,
    mean: Any = None,
    variance: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    return _forward(x, weight, bias, other, True, eps, mean, variance)


def _reference(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float, mean: Any = None, variance: Any = None
) -> np.ndarray:
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *(1,) * (x.ndim - 2))
    mean = x.mean(axes) if mean is None else mean
    variance = x.var(axes) if variance is None else variance
    normalised = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + eps)
    return np.asarray(normalised * weight.reshape(shape) + bias.reshape(shape))


def _samples(*, other: bool = False) -> Any:
    def draw(random: np.random.Generator) -> list[Sample]:
        found = []
        for shape, eps, fixed in (
            ((6, 3), 1e-5, False),
            ((2, 1), 1e-1, False),
            ((3, 2, 2, 2), 1e-3, False),
            ((2, 3, 4), 1e-3, True),
            ((40, 2), 1e-3, True),
        ):
            channels = (shape[1],)
            shapes = (shape, channels, channels) + ((shape,) if other else ())
            given = (random.standard_normal(channels), random.random(channels) + 0.5) if fixed else (None, None)
            parameters = {"eps": eps, "mean": given[0], "variance": given[1]}
            found.append(Sample(tuple(random.standard_normal(s) for s in shapes), parameters))
        return found

    return draw


@fused(
    "batch_norm",
    forward=_batch_norm_forward,
    residuals=("statistics",),
    reference=_reference,
    samples=_samples(),
)
def batch_norm_primitive(
    x: Any, weight: Any, bias: Any, *, eps: float, mean: np.ndarray | None = None, variance: np.ndarray | None = None
) -> Any:
    """Normalise each channel by the batch's own mean and biased variance, or by given ones, then scale and shift."""
    axes = (0, *range(2, x.ndim))
    shape = (x.shape[1], *(1,) * (x.ndim - 2))
    if mean is not None and variance is not None:
        centred = x - wrap(mean.astype(x.dtype).reshape(shape), None)
        deviation = wrap(np.sqrt(variance + eps).astype(x.dtype).reshape(shape), None)
    else:
        # Pictures of the composition call these by their names.
        mean = mean_primitive(x, dim=axes, keepdim=True)
        variance = var_primitive(x, dim=axes, correction=0, keepdim=True)
        centred, deviation = x - mean, sqrt(variance + eps)
    normalized = centred / deviation
    return normalized * weight.reshape(shape) + bias.reshape(shape)


@batch_norm_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray, mean: Any) -> list[Any]:
    return _pull_back(cotangent, x, None, weight, statistics, mean is not None)[:3]


@fused(
    "batch_norm_relu",
    forward=_rectified_forward,
    residuals=("statistics",),
    reference=lambda x, weight, bias, **options: np.maximum(_reference(x, weight, bias, **options), 0),
    samples=_samples(),
)
def batch_norm_relu_primitive(
    x: Any, weight: Any, bias: Any, *, eps: float, mean: Any = None, variance: Any = None
) -> Any:
    """max(batch normalisation, 0)."""
    return relu(batch_norm_primitive(x, weight, bias, eps=eps, mean=mean, variance=variance))


@batch_norm_relu_primitive.vjp()
def _(
    cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, y: np.ndarray, statistics: np.ndarray, mean: Any
) -> list[Any]:
    return _pull_back(cotangent, x, y, weight, statistics, mean is not None)[:3]


@fused(
    "batch_norm_add_relu",
    forward=_added_forward,
    residuals=("statistics",),
    reference=lambda x, weight, bias, other, **options: np.maximum(_reference(x, weight, bias, **options) + other, 0),
    samples=_samples(other=True),
)
def batch_norm_add_relu_primitive(
    x: Any, weight: Any, bias: Any, other: Any, *, eps: float, mean: Any = None, variance: Any = None
) -> Any:
    """max(batch normalisation + another array, 0): how a block of a residual network ends."""
    return relu(batch_norm_primitive(x, weight, bias, eps=eps, mean=mean, variance=variance) + other)


@batch_norm_add_relu_primitive.vjp()
def _(
    cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, y: np.ndarray, statistics: np.ndarray, mean: Any
) -> list[Any]:
    return _pull_back(cotangent, x, y, weight, statistics, mean is not None)


def _normalize(
    declaration: Any,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    more: tuple[Tensor, ...] = (),
) -> Tensor:
    name = declaration.op.name
    input = as_tensor_operand(input, name)
    array = input._array
    shape, dtype = array.shape, array.dtype
    if len(shape) < 2 or dtype.kind != "f":
        raise ValueError(f"{name}: expected a floating tensor of shape (N, C, ...), got {dtype} {shape}")
    channels = shape[1]
    expected = (channels,)
    given = running_mean, running_var, weight, bias
    for value in given:
        if value is not None and value.shape != expected:
            which = ("running_mean", "running_var", "weight", "bias")[[other is value for other in given].index(True)]
            raise ValueError(f"{name}: {which} must have shape ({channels},), got {tuple(value.shape)}")
    if not training and (running_mean is None or running_var is None):
        raise ValueError(f"{name}: running statistics are needed outside training")
    weight = wrap(np.ones(channels, dtype), None) if weight is None else cast(weight, dtype)
    bias = wrap(np.zeros(channels, dtype), None) if bias is None else cast(bias, dtype)
    parameters: dict[str, Any] = {"eps": float(eps), "mean": None, "variance": None}
    count = array.size // max(channels, 1)
    if training and count == 1:
        raise ValueError(f"{name}: training needs more than one value per channel, got shape {shape}")
    if not training:
        assert running_mean is not None
        assert running_var is not None
        # Copies: a later batch in training moves them, and a second derivative reads them again.
        parameters["mean"], parameters["variance"] = running_mean._array.copy(), running_var._array.copy()
    out, (statistics,) = apply_with_residuals(declaration.op, (input, weight, bias, *more), parameters)
    if training and count and running_mean is not None and running_var is not None and not thread.mode.recomputing:
        kernels.move_statistics(running_mean._array, running_var._array, statistics, count, float(momentum))
        cell_of(running_mean)[0] += 1
        cell_of(running_var)[0] += 1
    normalized: Tensor = out
    return normalized


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalisation over every dimension but the second.

    In training the batch's mean and biased variance normalise, and the running statistics move towards the batch's
    mean and unbiased variance by `momentum`; otherwise the running statistics normalise. Images in channels-last
    memory (N, d1, …, C seen through a transpose) give a result in channels-last memory.

    Args:
        input: shape (N, C) or (N, C, d1, …).
        running_mean, running_var: shape (C,), updated in place in training; None to use the batch's always.
        weight, bias: shape (C,), or None for 1 and 0.
        training: whether to use the batch's statistics.
        momentum: weight of the new value in the running statistics.
        eps: added to the variance inside the root.

    Raises:
        ValueError: for wrong shapes, a single value per channel in training, or statistics that are missing.

    Example:
        >>> import autograd_core as ag
        >>> ag.batch_norm(ag.tensor([[0.0, 1.0], [2.0, 5.0]]), None, None, training=True)
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])

    Source: Ioffe and Szegedy 2015, algorithm 1.
    """
    return _normalize(batch_norm_primitive, input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_relu(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    residual: Tensor | None = None,
) -> Tensor:
    """ReLU of :func:`batch_norm`, of its sum with `residual` if that is given, in one pass over memory.

    Args:
        residual: a tensor of the input's shape and dtype.
        input, running_mean, running_var, weight, bias, training, momentum, eps: as :func:`batch_norm` takes them.

    Raises:
        ValueError: as :func:`batch_norm` does, and if the residual's shape or dtype is not the input's.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.tensor([[0.0, 1.0], [2.0, 5.0]])
        >>> ag.batch_norm_relu(x, None, None, training=True, residual=ag.ones(2, 2) * 3)
        tensor([[2.0000, 2.0000],
                [4.0000, 4.0000]])
    """
    arguments = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    if residual is None:
        return _normalize(batch_norm_relu_primitive, *arguments)
    residual = as_tensor_operand(residual, "batch_norm_relu")
    if residual.shape != input.shape or residual.dtype != input.dtype:
        raise ValueError(
            f"batch_norm_relu: the residual must be {input.dtype} of shape {input.shape}, "
            f"got {residual.dtype} of shape {residual.shape}"
        )
    return _normalize(batch_norm_add_relu_primitive, *arguments, (residual,))


__all__ = ["batch_norm", "batch_norm_relu"]

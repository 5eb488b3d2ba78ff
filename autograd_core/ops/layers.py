"""What layers compute: affine maps, batch normalisation and dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, random
from .. import formula as f
from ..dispatch import apply, apply_with_residuals, as_tensor_operand, cast, elementwise, fused
from ..graph import mode
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import BOOL, REAL, Sample
from ..tensor import Tensor, cell_of, wrap
from .elementwise import sqrt
from .linalg import matmul_primitive
from .linear_maps import swap_last
from .moments import mean_primitive, var_primitive

if TYPE_CHECKING:
    from ..kernels import affine
    from ..kernels import norm as kernels
else:
    affine = lazy_import("autograd_core.kernels.affine")
    kernels = lazy_import("autograd_core.kernels.norm")


_EVERYTHING = (True, True, True)

# --- affine maps ------------------------------------------------------------------------------------------------


def _linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    if x.ndim == 2:
        return affine.forward(contiguous(x), contiguous(weight), contiguous(bias))
    rows = contiguous(x).reshape(-1, x.shape[-1])
    return affine.forward(rows, contiguous(weight), contiguous(bias)).reshape(*x.shape[:-1], weight.shape[0])


@fused(
    "linear",
    forward=_linear_forward,
    reference=lambda x, weight, bias: x @ weight.T + bias,
    torch="nn.functional.linear",
    samples=lambda random: [
        Sample(tuple(random.standard_normal(s) for s in ((3, 4), (2, 4), (2,)))),
        Sample(tuple(random.standard_normal(s) for s in ((2, 3, 4), (5, 4), (5,)))),
        Sample(tuple(random.standard_normal(s) for s in ((4,), (5, 4), (5,)))),
    ],
)
def linear_primitive(x: Any, weight: Any, bias: Any) -> Any:
    """x weightᵀ + bias over the last dimension."""
    if x.ndim == 1:
        return (matmul_primitive(x.reshape(1, -1), swap_last(weight)) + bias).reshape(-1)
    return matmul_primitive(x, swap_last(weight)) + bias


@linear_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, needs: tuple[bool, ...]) -> Sequence[Any]:
    pulled: list[Any] = [None, None, None]
    if x.ndim == 2:
        # No reshaping: a view would look shared to the engine, which then copies it.
        rows = contiguous(cotangent)
        if needs == _EVERYTHING:
            return affine.vjp(rows, contiguous(x), contiguous(weight))
        if needs[0]:
            pulled[0] = affine.input_vjp(rows, contiguous(weight))
        if needs[1] or needs[2]:
            pulled[1], pulled[2] = affine.parameter_vjp(rows, contiguous(x))
        return pulled
    rows = contiguous(cotangent).reshape(-1, weight.shape[0])
    if needs[0]:
        pulled[0] = affine.input_vjp(rows, contiguous(weight)).reshape(x.shape)
    if needs[1] or needs[2]:
        pulled[1], pulled[2] = affine.parameter_vjp(rows, contiguous(x).reshape(-1, x.shape[-1]))
    return pulled


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map of the last dimension, ``input @ weight.T + bias``.

    Args:
        input: shape (…, in_features).
        weight: shape (out_features, in_features).
        bias: shape (out_features,), or None.

    Returns:
        Shape (…, out_features).

    Raises:
        ValueError: if shapes do not fit.
    """
    try:
        # Rows of one dtype: all that layers of a network give, and no need to look further.
        x, w, b = input._array, weight._array, bias._array  # type: ignore[union-attr]
        if (
            x.ndim == 2
            and x.dtype is w.dtype is b.dtype
            and x.dtype.kind == "f"
            and w.shape == (b.size, x.shape[1])
            and b.ndim == 1
        ):
            return apply(linear_primitive.op, (input, weight, bias), {})
    except AttributeError:
        pass
    input, weight = as_tensor_operand(input, "linear"), as_tensor_operand(weight, "linear")
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input of shape {input.shape} does not fit a weight of shape {weight.shape}; "
            f"expected (..., in_features) and (out_features, in_features)"
        )
    dtype = weight._array.dtype
    if input._array.dtype is not dtype:
        dtype = dtypes.promote(input.dtype, dtype)
        input, weight = cast(input, dtype), cast(weight, dtype)
    if bias is None:
        return input @ weight.T
    bias = as_tensor_operand(bias, "linear")
    if bias.shape != (weight.shape[0],):
        raise ValueError(f"linear: bias must have shape ({weight.shape[0]},), got {bias.shape}")
    result: Tensor = apply(linear_primitive.op, (input, weight, cast(bias, dtype)), {})
    return result


# --- batch normalisation ----------------------------------------------------------------------------------------


def _batch_norm_forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    x = contiguous(x)
    # Mean, variance and reciprocal deviation in float64: they are few, and float32 sums over a batch lose digits.
    statistics = np.empty((3, x.shape[1]))
    out = np.empty(x.shape, x.dtype)
    kernels.batch_norm(x, contiguous(weight), contiguous(bias), eps, statistics, out)
    return out, statistics


def _batch_norm_reference(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    return np.asarray((x - x.mean(0)) / np.sqrt(x.var(0) + eps) * weight + bias)


@fused(
    "batch_norm",
    forward=_batch_norm_forward,
    residuals=("statistics",),
    reference=_batch_norm_reference,
    samples=lambda random: [
        Sample(tuple(random.standard_normal(s) for s in ((6, 3), (3,), (3,))), {"eps": 1e-5}),
        Sample(tuple(random.standard_normal(s) for s in ((2, 1), (1,), (1,))), {"eps": 1e-1}),
    ],
)
def batch_norm_primitive(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """Normalise each column by the batch's own mean and biased variance, then scale and shift."""
    mean = mean_primitive(x, dim=(0,), keepdim=False)
    variance = var_primitive(x, dim=(0,), correction=0, keepdim=False)
    normalized = (x - mean) / sqrt(variance + eps)
    return normalized * weight + bias


@batch_norm_primitive.vjp()
def _(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, statistics: np.ndarray) -> list[Any]:
    x_cotangent = np.empty(x.shape, x.dtype)
    parameter_cotangents = np.empty((2, x.shape[1]), x.dtype)
    kernels.batch_norm_vjp(
        contiguous(cotangent), contiguous(x), statistics, contiguous(weight), x_cotangent, parameter_cotangents
    )
    return [x_cotangent, parameter_cotangents[0], parameter_cotangents[1]]


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
    mean and unbiased variance by `momentum`; otherwise the running statistics normalise.

    Args:
        input: shape (N, C) or (N, C, d1, …).
        running_mean, running_var: shape (C,), updated in place in training; None to use the batch's always.
        weight, bias: shape (C,), or None for 1 and 0.
        training: whether to use the batch's statistics.
        momentum: weight of the new value in the running statistics.
        eps: added to the variance inside the root.

    Raises:
        ValueError: for wrong shapes, a single value per channel in training, or statistics that are missing.

    Source: Ioffe and Szegedy 2015, algorithm 1.
    """
    input = as_tensor_operand(input, "batch_norm")
    if input.ndim < 2:
        raise ValueError(f"batch_norm: expected shape (N, C, ...), got {input.shape}")
    channels = input.shape[1]
    vectors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in vectors.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise ValueError(f"batch_norm: {name} must have shape ({channels},), got {tuple(value.shape)}")
    if not training and (running_mean is None or running_var is None):
        raise ValueError("batch_norm: running statistics are needed outside training")
    weight = wrap(np.ones(channels, input.dtype), None) if weight is None else cast(weight, input.dtype)
    bias = wrap(np.zeros(channels, input.dtype), None) if bias is None else cast(bias, input.dtype)
    if not training:
        assert running_mean is not None
        assert running_var is not None
        shape = (channels, *(1,) * (input.ndim - 2))
        scale = weight / sqrt(running_var + eps)
        return (input - running_mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)
    count = input.numel() // max(channels, 1)
    if count == 1:
        raise ValueError(f"batch_norm: training needs more than one value per channel, got shape {input.shape}")
    rows = input if input.ndim == 2 else input.movedim(1, -1).reshape(-1, channels)
    parameters = {"eps": float(eps)}
    out, (statistics,) = apply_with_residuals(batch_norm_primitive.op, (rows, weight, bias), parameters)
    if count and running_mean is not None and running_var is not None and not mode.recomputing:
        kernels.move_statistics(running_mean._array, running_var._array, statistics, count, float(momentum))
        cell_of(running_mean)[0] += 1
        cell_of(running_var)[0] += 1
    if input.ndim == 2:
        normalized: Tensor = out
    else:
        normalized = out.reshape(input.shape[0], *input.shape[2:], channels).movedim(-1, 1)
    return normalized


# --- dropout ----------------------------------------------------------------------------------------------------


@elementwise(
    domain=(REAL, BOOL),
    reference=lambda x, mask, scale: np.where(mask, x * scale, 0),
    torch="",
    method=False,
)
def masked_scale(x: Any, mask: Any, *, scale: Any = 2.0) -> Any:
    """x times scale where the mask holds, else 0: dropout with its mask drawn."""
    return f.where(mask, x * scale, 0)


@masked_scale.partial("x")
def _(mask: Any, scale: Any) -> Any:
    return f.where(mask, scale, 0)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing outside training.

    The mask comes from the default generator, so :func:`autograd_core.manual_seed` repeats it.

    Raises:
        ValueError: if `p` lies outside [0, 1].

    Source: Srivastava et al. 2014; inverted scaling.
    """
    input = as_tensor_operand(input, "dropout")
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p must lie in [0, 1], got {p}")
    if not training or p == 0:
        return input
    scale = 0.0 if math.isclose(p, 1) else 1 / (1 - p)
    mask = wrap(random.keep_mask(input.shape, 1 - p), None)
    return masked_scale(input, mask, scale=scale)


__all__ = ["batch_norm", "dropout", "linear"]

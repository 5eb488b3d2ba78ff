"""Layers, activations and losses as functions, with PyTorch's names and arguments.

Everything here is composed of autograd_core's operations, which bring their derivatives with them.

Example:
    >>> import autograd_core as ag
    >>> import nn.functional as F
    >>> F.softplus(ag.zeros(1))
    tensor([0.6931])
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import autograd_core as ag
from autograd_core import Tensor, batch_norm, linear
from autograd_core import log_softmax as _log_softmax
from autograd_core import softmax as _softmax

from .functional_loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

# Klambauer et al. 2017, "Self-normalizing neural networks": the fixed point of mean 0 and variance 1.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _finish(input: Tensor, inplace: bool, function: Callable[..., Tensor], *arguments: Any, **named: Any) -> Tensor:
    """Apply `function`; in place if asked to, which saves no memory here but changes `input` as in PyTorch."""
    if not inplace:
        return function(input, *arguments, **named)
    # What the operation saves for backward must not be overwritten.
    result: Tensor = input.copy_(function(input.clone(), *arguments, **named))
    return result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing outside training.

    Args:
        input: any shape.
        p: in [0, 1].
        training: whether to drop anything.
        inplace: overwrite `input`.

    Raises:
        ValueError: if `p` lies outside [0, 1].
    """
    return _finish(input, inplace, ag.dropout, p, training)


# --- activations ------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) elementwise; the derivative at 0 is 0."""
    return ag.relu(input) if not inplace else _finish(input, True, ag.relu)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6) elementwise; the derivative at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; the derivative at the limits is 0.

    Raises:
        ValueError: if `min_val` exceeds `max_val`.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} must not exceed max_val {max_val}")
    return _finish(input, inplace, _limit, float(min_val), float(max_val))


def _limit(input: Tensor, low: float, high: float) -> Tensor:
    return ag.where(input <= low, low, ag.where(input >= high, high, input))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x for positive x, else negative_slope · x; the derivative at 0 is negative_slope."""
    return _finish(input, inplace, ag.leaky_relu, negative_slope=negative_slope)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x for positive x, else weight · x, with a learned weight (He et al. 2015).

    Args:
        input: shape (N, C, …), or any shape for a single weight.
        weight: shape (1,), or (C,) for one a channel.

    Raises:
        ValueError: if the weights do not fit the channels.
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or (weight.numel() != 1 and weight.numel() != channels):
        raise ValueError(f"prelu: weight must have shape (1,) or ({channels},), got {weight.shape}")
    if weight.numel() != 1:
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    elif input.ndim == 0:
        weight = weight.reshape(())
    return ag.where(input > 0, input, weight * input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x for positive x, else alpha (exp(x) - 1) (Clevert et al. 2016)."""
    return _finish(input, inplace, ag.elu, alpha=alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return _finish(input, inplace, lambda x: _SELU_SCALE * ag.elu(x, alpha=_SELU_ALPHA))


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017); continuously differentiable for every alpha.

    Raises:
        ValueError: if `alpha` is 0.
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    return _finish(input, inplace, _celu, float(alpha))


def _celu(input: Tensor, alpha: float) -> Tensor:
    positive = input > 0
    # The exponential of 0 is taken where it is not used, so that it cannot overflow there.
    return ag.where(positive, input, alpha * ag.expm1(ag.where(positive, 0.0, input) / alpha))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit, x Φ(x) (Hendrycks and Gimpel 2016).

    Args:
        input: any shape.
        approximate: "none", or "tanh" for ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).

    Raises:
        ValueError: for any other approximation.
    """
    if approximate == "none":
        function = ag.REGISTRY["gelu_exact"].function
        assert function is not None
        exact: Tensor = function(input)
        return exact
    if approximate != "tanh":
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return 0.5 * input * (1 + ag.tanh(math.sqrt(2 / math.pi) * (input + 0.044715 * (input * input * input))))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x σ(x), also called Swish (Ramachandran et al. 2017)."""
    return _finish(input, inplace, ag.silu)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x)) (Misra 2019)."""
    return _finish(input, inplace, lambda x: x * ag.tanh(ag.softplus(x)))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Smooth ReLU, log(1 + exp(beta x)) / beta; x itself where beta x exceeds the threshold.

    Raises:
        ValueError: if `beta` is 0.
    """
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    smooth = ag.softplus(input) if beta == 1 else ag.softplus(input * beta) / beta
    # The kernel is stable by itself; in float32 the default threshold changes no bit of value or derivative.
    if threshold >= 20 and input.dtype == ag.float32:
        return smooth
    return ag.where(input * beta > threshold, input, smooth)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + ag.abs(input))


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ag.sigmoid(input)


def logsigmoid(input: Tensor) -> Tensor:
    """log σ(x), finite for every finite x."""
    return -ag.softplus(-input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ag.tanh(input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + ½ limited to [0, 1]."""
    return _finish(input, inplace, lambda x: _limit(x, -3.0, 3.0) / 6 + 0.5)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x) (Howard et al. 2019)."""
    return _finish(input, inplace, lambda x: x * (_limit(x, -3.0, 3.0) / 6 + 0.5))


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """exp(x) / Σ exp(x) along `dim`; leaving `dim` out is deprecated, as in PyTorch.

    Raises:
        TypeError: for integers.
        IndexError: if the dimension is out of range.
    """
    return _softmax(input, _dimension(input, dim, "softmax"), dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """The logarithm of :func:`softmax`, finite for logits of any size; the same arguments and errors."""
    return _log_softmax(input, _dimension(input, dim, "log_softmax"), dtype=dtype)


def _dimension(input: Tensor, dim: int | None, name: str) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"{name}: choosing the dimension implicitly is deprecated; pass dim=...", UserWarning, stacklevel=3)
    return 0 if input.ndim in (0, 1, 3) else 1


__all__ = [
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]

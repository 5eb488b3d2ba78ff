"""Layers, activations and losses as functions, with PyTorch's names and arguments.

Everything here is composed of autograd_core's operations, which bring their derivatives with them.

Example:
    >>> import autograd_core as ag
    >>> import nn.functional as F
    >>> F.softplus(ag.zeros(1))
    tensor([0.6931])
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import autograd_core as ag
from autograd_core import (
    Tensor,
    batch_norm,
    celu,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    elu,
    gelu,
    glu,
    group_norm,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    instance_norm,
    layer_norm,
    leaky_relu,
    linear,
    log_softmax as _log_softmax,
    logsigmoid,
    mish,
    one_hot,
    pad,
    prelu,
    relu6,
    rms_norm,
    rrelu,
    selu,
    sigmoid,
    silu,
    softmax as _softmax,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
)

from .functional_distance import bilinear, cosine_similarity, normalize, pairwise_distance, pdist
from .functional_images import *
from .functional_images import __all__ as _images
from .functional_layers import *
from .functional_layers import __all__ as _layers
from .functional_likelihood import *
from .functional_likelihood import __all__ as _likelihoods
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
from .functional_margin import *
from .functional_margin import __all__ as _margins


def _finish(input: Tensor, inplace: bool, function: Callable[..., Tensor], *arguments: Any, **named: Any) -> Tensor:
    """Apply `function`; in place if asked to, which saves no memory here but changes `input` as in PyTorch."""
    if not inplace:
        return function(input, *arguments, **named)
    # What the operation saves for backward must not be overwritten.
    result: Tensor = input.copy_(function(input.clone(), *arguments, **named))
    return result


# --- activations ------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0) elementwise; the derivative at 0 is 0."""
    return ag.relu(input) if not inplace else _finish(input, True, ag.relu)


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


def softmin(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """exp(-x) / Σ exp(-x) along `dim`; the same arguments and errors as :func:`softmax`."""
    return _softmax(-input, _dimension(input, dim, "softmin"), dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the relaxed categorical distribution (Jang et al. 2017; Maddison et al. 2017).

    Args:
        logits: unnormalised logarithms of probabilities.
        tau: temperature.
        hard: return one-hot vectors, with the gradient of the relaxed sample (straight through).
        eps: ignored, as in PyTorch.
        dim: the dimension of the categories.
    """
    noise = -ag.zeros_like(logits).exponential_().log()
    soft = _softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    place = soft.detach().argmax(dim, keepdim=True)
    one = ag.zeros_like(soft.detach()).scatter(dim, place, 1.0)
    return one - soft.detach() + soft


def _dimension(input: Tensor, dim: int | None, name: str) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"{name}: choosing the dimension implicitly is deprecated; pass dim=...", UserWarning, stacklevel=3)
    return 0 if input.ndim in (0, 1, 3) else 1


__all__ = [
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "cross_entropy",
    "elu",
    "gelu",
    "glu",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "instance_norm",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]
__all__ += _images
__all__ += _layers
__all__ += _likelihoods
__all__ += _margins

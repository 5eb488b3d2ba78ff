"""Folding batch normalisation into the linear map before it, for inference."""

from __future__ import annotations

import copy
import itertools
from typing import Any, TypeVar

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from ..container import Sequential
from ..convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..layers import Identity, Linear
from ..module import Module
from ..normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..parameter import Parameter

_TRANSPOSED = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
_CONVOLUTIONS = (Conv1d, Conv2d, Conv3d, *_TRANSPOSED)
_NORMALIZATIONS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)

Convolution = Conv1d | Conv2d | Conv3d | ConvTranspose1d | ConvTranspose2d | ConvTranspose3d
Normalization = BatchNorm1d | BatchNorm2d | BatchNorm3d
Map = TypeVar("Map", bound=Module)


def _fold(linear: Map, channels: int, bn: Normalization, axis: int, groups: int, operation: str) -> Map:
    """A copy of a linear map whose output channels are scaled and shifted as `bn` does in evaluation."""
    if linear.training or bn.training:
        raise ValueError(f"{operation}: both modules must be in evaluation mode; call .eval() first")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError(f"{operation}: the normalisation keeps no running statistics")
    if bn.num_features != channels:
        raise ValueError(f"{operation}: {channels} outputs do not fit {bn.num_features} normalised features")

    def read(tensor: Tensor | None, default: float) -> np.ndarray:
        if tensor is None:
            return np.full(channels, default)
        return np.asarray(tensor.detach().numpy(), np.float64)

    known: Any = linear
    scale = read(bn.weight, 1.0) / np.sqrt(read(bn.running_var, 1.0) + bn.eps)
    weight = read(known.weight, 0.0)
    if axis == 0:
        weight = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    else:
        # Transposed: (in, out / groups, …), where each group of inputs has output channels of its own.
        parts = zip(np.split(weight, groups), np.split(scale, groups), strict=True)
        weight = np.concatenate([part * own.reshape(1, -1, *(1,) * (weight.ndim - 2)) for part, own in parts])
    bias = (read(known.bias, 0.0) - read(bn.running_mean, 0.0)) * scale + read(bn.bias, 0.0)
    fused: Any = copy.deepcopy(linear)
    dtype, grad = known.weight.dtype, known.weight.requires_grad
    fused.weight = Parameter(ag.tensor(weight, dtype=dtype), grad)
    fused.bias = Parameter(ag.tensor(bias, dtype=dtype), grad)
    return fused


def fuse_linear_bn_eval(linear: Linear, bn: BatchNorm1d) -> Linear:
    """One affine map that does what `linear` and `bn` do in evaluation: W̃ = s W, b̃ = s (b - mean) + shift.

    s is weight / √(variance + eps); the arithmetic is float64's.

    Args:
        linear, bn: both in evaluation mode, the second with running statistics.

    Returns:
        A new Linear, in evaluation mode.

    Raises:
        ValueError: if one of them is in training mode, there are no running statistics, or the sizes differ.

    Source: Jacob et al. 2018, section 3.2.
    """
    return _fold(linear, linear.out_features, bn, 0, 1, "fuse_linear_bn_eval")


def fuse_conv_bn_eval(conv: Any, bn: Normalization, transpose: bool = False) -> Any:
    """One convolution that does what `conv` and `bn` do in evaluation, as :func:`fuse_linear_bn_eval`.

    Args:
        conv, bn: both in evaluation mode, the second with running statistics.
        transpose: there for PyTorch's sake; transposed convolutions are told by their class.

    Returns:
        A new convolution of the same class, in evaluation mode.

    Raises:
        ValueError: if one of them is in training mode, there are no running statistics, or the sizes differ.
    """
    axis = 1 if transpose or isinstance(conv, _TRANSPOSED) else 0
    return _fold(conv, conv.out_channels, bn, axis, conv.groups, "fuse_conv_bn_eval")


def fuse_batch_norm(module: Module) -> Module:
    """A copy of a network for inference, each batch normalisation folded into the linear map right before it.

    Pairs are those of neighbours in every :class:`nn.Sequential`, and those a module names in its attribute
    ``normalized_pairs``, as the blocks of :mod:`nn.models` do: pairs of the names of a linear or convolution layer and
    of the normalisation that it alone feeds. :class:`nn.Identity` takes the place of the normalisation, so paths stay
    as they are.

    Args:
        module: in evaluation mode; it is not changed.

    Raises:
        ValueError: if it is in training mode.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.fuse_batch_norm(nn.MLP(2, [3], 1, normalization=True).eval())[1]
        Identity()
        >>> fused = nn.fuse_batch_norm(nn.models.resnet18(num_classes=10, stem="cifar").eval())
        >>> any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
        False
    """
    if any(part.training for part in module.modules()):
        raise ValueError("fuse_batch_norm: the network must be in evaluation mode; call .eval() first")
    fused = copy.deepcopy(module)
    for part in fused.modules():
        pairs = list(getattr(part, "normalized_pairs", ()))
        if isinstance(part, Sequential):
            names = [name for name, _ in part.named_children()]
            pairs += itertools.pairwise(names)
        for first, second in pairs:
            linear, norm = getattr(part, first), getattr(part, second)
            if type(norm) not in _NORMALIZATIONS or norm.running_mean is None:
                continue
            if type(linear) is Linear and type(norm) is BatchNorm1d:
                joined: Module = fuse_linear_bn_eval(linear, norm)
            elif type(linear) in _CONVOLUTIONS:
                joined = fuse_conv_bn_eval(linear, norm)
            else:
                continue
            setattr(part, first, joined)
            setattr(part, second, Identity().eval())
    return fused


__all__ = ["fuse_batch_norm", "fuse_conv_bn_eval", "fuse_linear_bn_eval"]

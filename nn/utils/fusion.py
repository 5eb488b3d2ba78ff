"""Folding batch normalisation into the affine map before it, for inference."""

from __future__ import annotations

import copy

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from ..container import Sequential
from ..layers import Identity, Linear
from ..module import Module
from ..normalization import BatchNorm1d
from ..parameter import Parameter


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
    if linear.training or bn.training:
        raise ValueError("fuse_linear_bn_eval: both modules must be in evaluation mode; call .eval() first")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("fuse_linear_bn_eval: the normalisation keeps no running statistics")
    if bn.num_features != linear.out_features:
        raise ValueError(
            f"fuse_linear_bn_eval: {linear.out_features} outputs do not fit {bn.num_features} normalised features"
        )

    def read(tensor: Tensor | None, default: float) -> np.ndarray:
        if tensor is None:
            return np.full(bn.num_features, default)
        return np.asarray(tensor.detach().numpy(), np.float64)

    scale = read(bn.weight, 1.0) / np.sqrt(read(bn.running_var, 1.0) + bn.eps)
    weight = read(linear.weight, 0.0) * scale[:, None]
    bias = (read(linear.bias, 0.0) - read(bn.running_mean, 0.0)) * scale + read(bn.bias, 0.0)
    fused = copy.deepcopy(linear)
    dtype = linear.weight.dtype
    fused.weight = Parameter(ag.tensor(weight, dtype=dtype), linear.weight.requires_grad)
    fused.bias = Parameter(ag.tensor(bias, dtype=dtype), linear.weight.requires_grad)
    return fused


def fuse_batch_norm(module: Module) -> Module:
    """A copy of a network for inference, each batch normalisation folded into the Linear right before it.

    Pairs are found in every :class:`nn.Sequential` of the network; :class:`nn.Identity` takes the place of the
    normalisation, so paths stay as they are.

    Args:
        module: in evaluation mode; it is not changed.

    Raises:
        ValueError: if it is in training mode.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.fuse_batch_norm(nn.MLP(2, [3], 1, normalization=True).eval())[1]
        Identity()
    """
    if any(part.training for part in module.modules()):
        raise ValueError("fuse_batch_norm: the network must be in evaluation mode; call .eval() first")
    fused = copy.deepcopy(module)
    for part in fused.modules():
        if not isinstance(part, Sequential):
            continue
        for position in range(len(part) - 1):
            linear, norm = part[position], part[position + 1]
            if type(linear) is Linear and type(norm) is BatchNorm1d and norm.running_mean is not None:
                part[position] = fuse_linear_bn_eval(linear, norm)
                part[position + 1] = Identity().eval()
    return fused


__all__ = ["fuse_batch_norm", "fuse_linear_bn_eval"]

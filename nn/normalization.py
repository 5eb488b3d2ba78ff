"""Normalisation layers; those with running statistics come from :mod:`nn.channel_normalization`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional
from .channel_normalization import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from .layers import positive_size
from .module import Module
from .parameter import Parameter


def _normalized_shape(value: Any, owner: str) -> tuple[int, ...]:
    sizes = value if isinstance(value, Sequence) else (value,)
    return tuple(positive_size(size, "normalized_shape", owner) for size in sizes)


class LayerNorm(Module):
    """Layer normalisation over the last dimensions: (x - mean) / √(variance + eps) · weight + bias.

    Args:
        normalized_shape: sizes of the dimensions that share mean and biased variance.
        eps: added to the variance, inside the root.
        elementwise_affine: whether there are a learned weight and bias.
        bias: whether an affine layer has a bias.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (…, *normalized_shape), output the same; weight and bias normalized_shape.

    Raises:
        ValueError: when called with shapes that do not end in the normalised one.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.LayerNorm(2)(ag.tensor([[1.0, 3.0]]))
        tensor([[-1.0000,  1.0000]], grad_fn=<layer_norm>)

    Source: Ba, Kiros and Hinton 2016.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _normalized_shape(normalized_shape, "LayerNorm")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", Parameter(ag.ones(shape, dtype=dtype)) if elementwise_affine else None)
        self.register_parameter(
            "bias", Parameter(ag.zeros(shape, dtype=dtype)) if elementwise_affine and bias else None
        )

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """Root-mean-square normalisation over the last dimensions: x / √(mean(x²) + eps) · weight.

    Args:
        normalized_shape: sizes of the dimensions that share a mean square.
        eps: added to the mean square, inside the root; None for the machine epsilon of the input's dtype.
        elementwise_affine: whether there is a learned weight.
        dtype: of the weight; the default dtype unless given.

    Shape:
        input (…, *normalized_shape), output the same; weight normalized_shape.

    Raises:
        ValueError: when called with shapes that do not end in the normalised one.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.RMSNorm(2, elementwise_affine=False)(ag.tensor([[3.0, 3.0]])).tolist()
        [[1.0, 1.0]]

    Source: Zhang and Sennrich 2019.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _normalized_shape(normalized_shape, "RMSNorm")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", Parameter(ag.ones(shape, dtype=dtype)) if elementwise_affine else None)

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Group normalisation: each group of channels of each sample by its own mean and biased variance.

    Args:
        num_groups: how many groups of consecutive channels.
        num_channels: C; a multiple of `num_groups`.
        eps: added to the variance, inside the root.
        affine: whether there are a learned weight and bias.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (N, C, …), output the same; weight and bias (C,).

    Raises:
        ValueError: if the channels do not divide into the groups.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.GroupNorm(2, 4)(ag.randn(2, 4, 3)).shape
        (2, 4, 3)

    Source: Wu and He 2018.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_groups = positive_size(num_groups, "num_groups", "GroupNorm", minimum=1)
        self.num_channels = positive_size(num_channels, "num_channels", "GroupNorm")
        if self.num_channels % self.num_groups:
            raise ValueError(f"GroupNorm: num_channels {num_channels} must be a multiple of num_groups {num_groups}")
        self.eps = eps
        self.affine = affine
        self.register_parameter("weight", Parameter(ag.ones(num_channels, dtype=dtype)) if affine else None)
        self.register_parameter("bias", Parameter(ag.zeros(num_channels, dtype=dtype)) if affine else None)

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "RMSNorm",
]

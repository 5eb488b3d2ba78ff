"""Layers that are neither activations nor normalisations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import init
from .module import Module
from .parameter import Parameter


def positive_size(value: Any, name: str, owner: str, minimum: int = 0) -> int:
    """`value` as an int; TypeError or ValueError, naming it and its owner, if it is no size."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{owner}: {name} must be an integer, got {type(value).__name__}")
    size = int(value.__index__())
    if size < minimum:
        raise ValueError(f"{owner}: {name} must be at least {minimum}, got {size}")
    return size


class Linear(Module):
    """Affine map of the last dimension, x Wᵀ + b.

    Weights start uniform in ±1/√in_features, and so does the bias: PyTorch's ``kaiming_uniform_`` with a = √5.

    Args:
        in_features: size of the last dimension of the input.
        out_features: size of the last dimension of the output.
        bias: whether there is a bias.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (…, in_features), output (…, out_features); weight (out_features, in_features), bias (out_features,).

    Raises:
        TypeError, ValueError: if a size is no non-negative integer.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Linear(4, 5)(ag.ones(8, 4)).shape
        (8, 5)
    """

    weight: Parameter
    bias: Parameter | None
    _rectifies = True

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = None) -> None:
        super().__init__()
        self.in_features = positive_size(in_features, "in_features", "Linear")
        self.out_features = positive_size(out_features, "out_features", "Linear")
        self.weight = Parameter(ag.empty(self.out_features, self.in_features, dtype=dtype))
        self.register_parameter("bias", Parameter(ag.empty(self.out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor, rectified: bool = False) -> Tensor:
        """Shape (…, in_features) to (…, out_features). `rectified` asks for ReLU of the result, in the same pass."""
        return (ag.linear_relu if rectified else ag.linear)(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes, and whether there is a bias."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Returns its input; takes and ignores any arguments, so that it can stand in for another layer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input itself."""
        return input


class Flatten(Module):
    """Joins the dimensions from `start_dim` to `end_dim` into one.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Flatten()(ag.ones(8, 3, 4, 4)).shape
        (8, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, d1, …) to (N, d1 · …) by default."""
        flat: Tensor = input.flatten(self.start_dim, self.end_dim)
        return flat

    def extra_repr(self) -> str:
        """The dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several.

    Args:
        dim: the dimension to split.
        unflattened_size: the sizes that take its place, one of which may be -1.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Unflatten(1, (3, -1))(ag.ones(8, 48)).shape
        (8, 3, 16)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = tuple(
            positive_size(size, "unflattened_size", "Unflatten", minimum=-1) for size in unflattened_size
        )

    def forward(self, input: Tensor) -> Tensor:
        """Shape (…, d, …) to (…, *unflattened_size, …)."""
        split: Tensor = input.unflatten(self.dim, self.unflattened_size)
        return split

    def extra_repr(self) -> str:
        """The dimension and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


__all__ = ["Flatten", "Identity", "Linear", "Unflatten"]

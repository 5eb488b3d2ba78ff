"""Normalisation layers."""

from __future__ import annotations

from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import positive_size
from .module import Module
from .parameter import Parameter


class _BatchNorm(Module):
    """Batch normalisation over every dimension but the second; subclasses say which numbers of dimensions they take."""

    _dimensions: tuple[int, ...]

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_features = positive_size(num_features, "num_features", type(self).__name__)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        size = self.num_features
        self.register_parameter("weight", Parameter(ag.ones(size, dtype=dtype)) if affine else None)
        self.register_parameter("bias", Parameter(ag.zeros(size, dtype=dtype)) if affine and bias else None)
        self.register_buffer("running_mean", ag.zeros(size, dtype=dtype) if track_running_stats else None)
        self.register_buffer("running_var", ag.ones(size, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", ag.tensor(0, dtype=ag.int64) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batches seen."""
        for tensor, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if tensor is not None:
                tensor.fill_(value)

    def reset_parameters(self) -> None:
        """Forget the running statistics, and set the weight to 1 and the bias to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        if input.ndim not in self._dimensions:
            expected = " or ".join(f"{dimensions}D" for dimensions in self._dimensions)
            raise ValueError(f"{type(self).__name__}: expected {expected} input (got {input.ndim}D input)")
        if input.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} features in dimension 1, got shape {input.shape}"
            )
        training = self.training
        tracking = not training or self.track_running_stats
        mean = self.running_mean if tracking else None
        variance = self.running_var if tracking else None
        counter = self.num_batches_tracked if training and tracking else None
        momentum = self.momentum
        if momentum is None:
            # The cumulative average weights the new batch by one over the number of batches, itself included.
            momentum = 0.0 if counter is None else 1 / (counter.item() + 1)
        output = functional.batch_norm(
            input, mean, variance, self.weight, self.bias, training or mean is None, momentum, self.eps
        )
        # An empty batch says nothing about the statistics and is not counted.
        if counter is not None and output.numel():
            counter.numpy()[...] += 1
        return output

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of features: (x - mean) / √(variance + eps) · weight + bias, channel by channel.

    In training mean and biased variance are the batch's, and the running statistics move towards its mean and
    unbiased variance; in evaluation the running statistics are used.

    Args:
        num_features: C, the size of the second dimension.
        eps: added to the variance, inside the root.
        momentum: the weight of the *new* value in the running statistics; None for a cumulative average.
        affine: whether there are a learned weight and bias.
        track_running_stats: whether running statistics are kept; without them the batch's are used always.
        bias: whether an affine layer has a bias.
        dtype: of the parameters and statistics; the default dtype unless given.

    Shape:
        input (N, C) or (N, C, L), output the same; all parameters and statistics (C,).

    Raises:
        ValueError: when called with other shapes, and in training with one value per channel. An empty batch leaves
            the statistics and their counter as they are.

    Example:
        >>> import autograd_core as ag, nn
        >>> norm = nn.BatchNorm1d(2)
        >>> norm(ag.tensor([[0.0, 1.0], [2.0, 5.0]]))
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]], grad_fn=<batch_norm>)
        >>> norm.running_mean.tolist(), norm.num_batches_tracked.item()
        ([0.10000000149011612, 0.30000001192092896], 1)

    Source: Ioffe and Szegedy 2015, algorithms 1 and 2.
    """

    _dimensions = (2, 3)


__all__ = ["BatchNorm1d"]

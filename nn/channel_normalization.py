"""Normalisation layers with running statistics for each channel: batch and instance normalisation."""

from __future__ import annotations

from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import positive_size
from .module import Module
from .parameter import Parameter


class _ChannelNorm(Module):
    """A layer with a weight, a bias and running statistics for each channel, all of which may be left out."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
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


class _BatchNorm(_ChannelNorm):
    """Batch normalisation over every dimension but the second; subclasses say which numbers of dimensions they take."""

    _dimensions: tuple[int, ...]
    _rectifies = True

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
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias=bias, dtype=dtype)

    def forward(self, input: Tensor, residual: Tensor | None = None, rectified: bool = False) -> Tensor:
        """Shape kept. `rectified` asks for ReLU of the result, and of its sum with a residual, in the same pass."""
        if residual is not None and not rectified:
            raise ValueError(f"{type(self).__name__}: a residual is added before ReLU only; pass rectified=True")
        shape = input.shape
        if len(shape) not in self._dimensions:
            expected = " or ".join(f"{dimensions}D" for dimensions in self._dimensions)
            raise ValueError(f"{type(self).__name__}: expected {expected} input (got {len(shape)}D input)")
        if shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} features in dimension 1, got shape {shape}"
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
        arguments = (input, mean, variance, self.weight, self.bias, training or mean is None, momentum, self.eps)
        output = ag.batch_norm_relu(*arguments, residual) if rectified else functional.batch_norm(*arguments)
        # An empty batch says nothing about the statistics and is not counted.
        if counter is not None and output.numel():
            counted = counter.numpy()
            counted.fill(counted.item() + 1)  # a quarter of the time that adding to an array of one element takes
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


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images; see :class:`BatchNorm1d`.

    Images in channels-last memory stay in it.

    Shape:
        input (N, C, H, W), output the same; all parameters and statistics (C,).

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.BatchNorm2d(3)(ag.randn(2, 3, 4, 4)).shape
        (2, 3, 4, 4)
    """

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes, (N, C, D, H, W); see :class:`BatchNorm1d`."""

    _dimensions = (5,)


class _InstanceNorm(_ChannelNorm):
    """Instance normalisation; subclasses say how many dimensions a batch has. One sample may come without the first."""

    _dimensions: int
    momentum: float

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        name, batched = type(self).__name__, self._dimensions
        if input.ndim not in (batched - 1, batched):
            raise ValueError(f"{name}: expected {batched - 1}D or {batched}D input (got {input.ndim}D input)")
        if input.shape[input.ndim - batched + 1] != self.num_features:
            raise ValueError(f"{name}: expected {self.num_features} channels, got an input of shape {input.shape}")
        images = input.unsqueeze(0) if input.ndim < batched else input
        output = functional.instance_norm(
            images,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum,
            self.eps,
        )
        return output if images is input else output.squeeze(0)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation: each channel of each sample by its own mean and biased variance.

    Args:
        num_features: C.
        eps: added to the variance, inside the root.
        momentum: the weight of the *new* value in the running statistics.
        affine: whether there are a learned weight and bias.
        track_running_stats: whether running statistics are kept, and used in evaluation.
        dtype: of the parameters and statistics; the default dtype unless given.

    Shape:
        input (N, C, L) or (C, L), output the same.

    Raises:
        ValueError: when called with other shapes, or with one value per channel.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.InstanceNorm1d(1)(ag.tensor([[[0.0, 2.0]]]))
        tensor([[[-1.0000,  1.0000]]])

    Source: Ulyanov, Vedaldi and Lempitsky 2016.
    """

    _dimensions = 3


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images, (N, C, H, W) or (C, H, W); see :class:`InstanceNorm1d`."""

    _dimensions = 4


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes, (N, C, D, H, W) or (C, D, H, W); see :class:`InstanceNorm1d`."""

    _dimensions = 5


__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
]

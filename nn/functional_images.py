"""What layers of images compute: poolings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import autograd_core as ag
from autograd_core import (
    Tensor,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)

_Numbers = int | Sequence[int]


def _lp_pool(
    average: Callable[..., Tensor],
    largest: Callable[..., Tensor],
    input: Tensor,
    norm_type: float,
    kernel: tuple[int, ...],
    stride: _Numbers | None,
    ceil_mode: bool,
) -> Tensor:
    if math.isinf(norm_type):
        sign = 1.0 if norm_type > 0 else -1.0
        return sign * largest(sign * input.abs(), kernel, stride, 0, 1, ceil_mode)
    mean = average(input**norm_type, kernel, stride, 0, ceil_mode)
    # The sign and the magnitude: a sum of 0 has the gradient 0 then, not the infinite one of a root.
    total = ag.sign(mean) * ag.relu(mean.abs()) * math.prod(kernel)
    rooted: Tensor = total ** (1.0 / norm_type)
    return rooted


def _kernel(kernel_size: _Numbers, count: int) -> tuple[int, ...]:
    return tuple(kernel_size) if isinstance(kernel_size, Sequence) else (kernel_size,) * count


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: _Numbers, stride: _Numbers | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over windows of sequences, p being `norm_type`; for an infinite one the largest magnitude.

    Raises:
        ValueError: for a shape or a window that does not fit.
    """
    return _lp_pool(avg_pool1d, max_pool1d, input, norm_type, _kernel(kernel_size, 1), stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: _Numbers, stride: _Numbers | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over windows of images, as :func:`lp_pool1d`."""
    return _lp_pool(avg_pool2d, max_pool2d, input, norm_type, _kernel(kernel_size, 2), stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: _Numbers, stride: _Numbers | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over windows of volumes, as :func:`lp_pool1d`."""
    return _lp_pool(avg_pool3d, max_pool3d, input, norm_type, _kernel(kernel_size, 3), stride, ceil_mode)


__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

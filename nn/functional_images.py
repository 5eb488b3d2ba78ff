"""What layers of images compute: poolings, patches, other sizes, rearrangements."""

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
    affine_grid,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    channel_shuffle,
    col2im as fold,
    grid_sample,
    im2col as unfold,
    interpolate,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    pixel_shuffle,
    pixel_unshuffle,
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
    total = ag.sign(mean).detach() * ag.relu(mean.abs()) * math.prod(kernel)
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


def _max_unpool(
    count: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: _Numbers,
    stride: _Numbers | None,
    padding: _Numbers,
    output_size: Sequence[int] | None,
) -> Tensor:
    name = f"max_unpool{count}d"
    if tuple(indices.shape) != tuple(input.shape) or input.ndim not in (count + 1, count + 2):
        raise ValueError(
            f"{name}: expected an input of {count + 1} or {count + 2} dimensions and indices of its shape, got "
            f"{tuple(input.shape)} and {tuple(indices.shape)}"
        )
    kernel = _kernel(kernel_size, count)
    steps, around = _kernel(kernel if stride is None else stride, count), _kernel(padding, count)
    inner = input.shape[-count:]
    usual = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(inner, steps, around, kernel, strict=True)]
    wanted = usual if output_size is None else list(output_size)[-count:]
    if any(abs(size - own) >= step for size, own, step in zip(wanted, usual, steps, strict=True)):
        raise ValueError(f"{name}: output_size {wanted} is not within a stride of {usual}")
    lead = input.shape[: input.ndim - count]
    values, places = input.reshape(*lead, -1), indices.reshape(*lead, -1)
    full = ag.zeros(*lead, math.prod(wanted), dtype=input.dtype)
    return full.scatter(len(lead), places, values).reshape(*lead, *wanted)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Numbers,
    stride: _Numbers | None = None,
    padding: _Numbers = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Largest elements back at the places that :func:`max_pool1d` found them at, zeros elsewhere.

    Args:
        input, indices: what the pooling returned, of one shape.
        kernel_size, stride, padding: the pooling's.
        output_size: the size before pooling, where it does not follow from the others.

    Raises:
        ValueError: for shapes or sizes that do not fit.
        IndexError: for a place outside the output.
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Numbers,
    stride: _Numbers | None = None,
    padding: _Numbers = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Largest elements of images back at their places, as :func:`max_unpool1d`."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Numbers,
    stride: _Numbers | None = None,
    padding: _Numbers = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Largest elements of volumes back at their places, as :func:`max_unpool1d`."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta.

    Args:
        input: shape (N, C, …).
        size: how many channels around each one count; beyond the first and the last there are zeros.
        alpha, beta, k: as in the formula.

    Raises:
        ValueError: for fewer than three dimensions.

    Source: Krizhevsky et al. 2012, section 3.3.
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expected at least 3 dimensions, got shape {tuple(input.shape)}")
    squares = (input * input).reshape(input.shape[0], 1, input.shape[1], -1)
    padded = ag.pad(squares, (0, 0, size // 2, (size - 1) // 2))
    mean: Tensor = avg_pool2d(padded, (size, 1), stride=1).reshape(*input.shape)
    return input / (mean * alpha + k) ** beta


__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "affine_grid",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "channel_shuffle",
    "fold",
    "grid_sample",
    "interpolate",
    "local_response_norm",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
]

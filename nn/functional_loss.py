"""Losses as functions; :mod:`nn.functional` offers them.

`reduction` is "none" for the losses themselves, "mean" or "sum". Shapes that would broadcast are refused: (N, 1)
against (N,) is never meant.
"""

from __future__ import annotations

import math

import autograd_core as ag
from autograd_core import Tensor, binary_cross_entropy_with_logits, cross_entropy, nll_loss

REDUCTIONS = ("none", "mean", "sum")
# PyTorch's lower limit of log(p) in binary_cross_entropy.
_LOG_FLOOR = -100.0


def check_reduction(reduction: str, name: str) -> None:
    """Raise ValueError unless `reduction` is "none", "mean" or "sum"."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{name}: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    reduced: Tensor = losses.mean() if reduction == "mean" else losses.sum()
    return reduced


def _check(input: Tensor, target: Tensor, reduction: str, name: str) -> tuple[Tensor, Tensor]:
    check_reduction(reduction, name)
    input, target = ag.as_tensor(input), ag.as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(f"{name}: target shape {target.shape} must equal the input's {input.shape}")
    return input, target


def _weighted(losses: Tensor, weight: Tensor | None, reduction: str, name: str) -> Tensor:
    """The losses reduced; with weights of their shape, the mean is that of the weights."""
    if weight is None:
        return _reduce(losses, reduction)
    if tuple(weight.shape) != losses.shape:
        raise ValueError(f"{name}: weight must have the input's shape {losses.shape}, got {tuple(weight.shape)}")
    losses = losses * weight
    if reduction == "mean":
        mean: Tensor = losses.sum() / weight.sum()
        return mean
    return _reduce(losses, reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Squared error (input - target)².

    Args:
        input, target: any shape, the same.
        reduction: "none", "mean" (of the weights, where there are some) or "sum".
        weight: of that shape, multiplied with the errors.

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.
    """
    if weight is None:
        return ag.mse_loss(input, target, reduction=reduction)
    check_reduction(reduction, "mse_loss")
    return _weighted(ag.mse_loss(input, target, reduction="none"), weight, reduction, "mse_loss")


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Absolute error |input - target|; the arguments and errors of :func:`mse_loss`."""
    input, target = _check(input, target, reduction, "l1_loss")
    return _weighted(ag.abs(input - target), weight, reduction, "l1_loss")


def huber_loss(
    input: Tensor, target: Tensor, *, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """½ d² for errors |d| up to `delta`, delta (|d| - ½ delta) beyond (Huber 1964).

    Args:
        input, target: any shape, the same.
        reduction: "none", "mean" or "sum".
        delta: where the parabola turns into lines; positive.
        weight: of that shape, multiplied with the losses.

    Raises:
        ValueError: if the shapes differ, the reduction is unknown, or `delta` is not positive.
    """
    input, target = _check(input, target, reduction, "huber_loss")
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    losses = _huber(input, target, float(delta))
    if weight is None:
        return _reduce(losses, reduction)
    # As in PyTorch, the mean here is that of the elements, whatever they weigh.
    return _reduce(_weighted(losses, weight, "none", "huber_loss"), reduction)


def _huber(input: Tensor, target: Tensor, delta: float) -> Tensor:
    distance = ag.abs(input - target)
    # One expression for both branches: m (|d| - m / 2) with m = min(|d|, delta).
    limited = ag.minimum(distance, delta)
    return limited * (distance - 0.5 * limited)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """½ d² / beta for errors |d| below `beta`, |d| - ½ beta beyond (Girshick 2015).

    Args:
        input, target: any shape, the same.
        reduction: "none", "mean" or "sum".
        beta: where the parabola turns into lines; 0 gives :func:`l1_loss`.

    Raises:
        ValueError: if the shapes differ, the reduction is unknown, or `beta` is negative.
    """
    input, target = _check(input, target, reduction, "smooth_l1_loss")
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return _reduce(_huber(input, target, float(beta)) / float(beta), reduction)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of probabilities, -t log(p) - (1 - t) log(1 - p), with logarithms limited to -100.

    Where a probability is exactly 0 or 1 and wrong, the loss is 100 and its gradient 0; a sigmoid that has saturated
    passes next to nothing back either. Prefer :func:`binary_cross_entropy_with_logits`, which has neither problem.

    Args:
        input: probabilities, any shape.
        target: probabilities of the same shape.
        weight: rescales each element; broadcasts.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: if the shapes differ, an input lies outside [0, 1], or the reduction is unknown.
    """
    input, target = _check(input, target, reduction, "binary_cross_entropy")
    if ag.logical_or(input < 0, input > 1).any():
        raise ValueError("binary_cross_entropy: inputs must lie in [0, 1]; for logits use the form with logits")
    target = target.to(input.dtype)
    losses = -(target * _limited_log(input) + (1 - target) * _limited_log(1 - input))
    if weight is not None:
        losses = losses * weight
    return _reduce(losses, reduction)


def _limited_log(probability: Tensor) -> Tensor:
    limited = probability < math.exp(_LOG_FLOOR)
    # The logarithm is taken of 1 where it is not used, so that its infinite derivative does not meet a 0.
    return ag.where(limited, _LOG_FLOOR, ag.log(ag.where(limited, 1.0, probability)))


__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]

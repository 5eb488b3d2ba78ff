"""Losses that are negative log-likelihoods and divergences, as functions; :mod:`nn.functional` offers them."""

from __future__ import annotations

import math

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from .functional_loss import _check, _reduce, check_reduction


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence, target · (log target - input), elementwise; 0 where the target is 0.

    Args:
        input: log-probabilities, any shape.
        target: probabilities of the same shape, or their logarithms.
        reduction: "none", "mean" (over all elements), "sum", or "batchmean", the sum over the size of the batch.
        log_target: whether `target` holds logarithms.

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.

    Source: Kullback and Leibler 1951.
    """
    batchmean = reduction == "batchmean"
    input, target = _check(input, target, "sum" if batchmean else reduction, "kl_div")
    losses = ag.exp(target) * (target - input) if log_target else ag.xlogy(target, target) - target * input
    if batchmean:
        mean: Tensor = losses.sum() / max(1, input.shape[0] if input.ndim else 1)
        return mean
    return _reduce(losses, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts under Poisson distributions, less a constant.

    Args:
        input: logarithms of the expected counts, or the counts themselves, any shape.
        target: counts of the same shape.
        log_input: whether `input` holds logarithms.
        full: add Stirling's approximation of log target! where the target exceeds 1.
        eps: added inside the logarithm of counts.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.
    """
    input, target = _check(input, target, reduction, "poisson_nll_loss")
    losses = ag.exp(input) - target * input if log_input else input - target * ag.log(input + eps)
    if full:
        above = target > 1
        # The logarithm is taken of 1 where it is not used, so that its infinite derivative does not meet a 0.
        safe = ag.where(above, target, 1.0)
        stirling = safe * ag.log(safe) - safe + 0.5 * ag.log(2 * math.pi * safe)
        losses = losses + ag.where(above, stirling, 0.0)
    return _reduce(losses, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood under normal distributions, ½ (log var + (input - target)² / var).

    Args:
        input: means, any shape.
        target: of the same shape.
        var: variances: a number, of the input's shape, or with its last dimension 1 or left out.
        full: add the constant ½ log 2π.
        eps: variances below count as this; their gradient passes unchanged.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: for shapes that do not fit, a negative variance, and an unknown reduction.

    Source: Nix and Weigend 1994.
    """
    check_reduction(reduction, "gaussian_nll_loss")
    variance = ag.full(input.shape, float(var), dtype=input.dtype) if isinstance(var, (int, float)) else var
    if variance.shape != input.shape:
        if variance.shape == input.shape[:-1]:
            variance = variance.unsqueeze(-1)
        elif variance.shape != (*input.shape[:-1], 1):
            raise ValueError(f"gaussian_nll_loss: var of shape {variance.shape} does not fit {input.shape}")
    if (variance.detach() < 0).any():
        raise ValueError("gaussian_nll_loss: var holds negative entries")
    lifted = np.maximum(0, eps - variance.detach().numpy())
    variance = variance + ag.from_numpy(lifted)
    difference = input - target
    losses = 0.5 * (ag.log(variance) + difference * difference / variance)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return _reduce(losses, reduction)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: minus the log-probability of all alignments of a target.

    Args:
        log_probs: log-probabilities, shape (T, N, C) or (T, C).
        targets: class indices, shape (N, S), or all targets one after the other; none may be the blank.
        input_lengths: how many steps of each sample count, shape (N,) or ().
        target_lengths: how long each target is, shape (N,) or ().
        blank: the class that stands for no output.
        reduction: "none", "mean" (each loss over its target's length first) or "sum".
        zero_infinity: count impossible targets as 0, with gradient 0.

    Raises:
        ValueError: for lengths and shapes that do not fit, and an unknown reduction.

    Source: Graves, Fernández, Gomez and Schmidhuber 2006, section 4.1.
    """
    check_reduction(reduction, "ctc_loss")
    batched = log_probs.ndim == 3
    if log_probs.ndim not in (2, 3):
        raise ValueError(f"ctc_loss: expected (T, N, C) or (T, C), got {log_probs.shape}")
    x = log_probs if batched else log_probs.unsqueeze(1)
    steps, samples, classes = x.shape
    inputs, lengths = (np.asarray(ag.as_tensor(given).numpy()).reshape(-1) for given in (input_lengths, target_lengths))
    if inputs.shape != (samples,) or lengths.shape != (samples,) or (inputs > steps).any() or (lengths < 0).any():
        raise ValueError(f"ctc_loss: {samples} lengths of inputs up to {steps}, and as many of targets, are needed")
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank {blank} lies outside [0, {classes})")
    labels = _padded(targets.numpy(), lengths, batched, blank, classes)
    # The target with blanks around and between: position 2s + 1 is its s-th entry.
    longest = labels.shape[1]
    extended = np.full((samples, 2 * longest + 1), blank)
    extended[:, 1::2] = labels
    leap = np.zeros(extended.shape, bool)
    leap[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    rows = np.arange(samples)[:, None]
    nothing = np.asarray(-np.inf, x.dtype)
    low = ag.full((samples, 2), -math.inf, dtype=x.dtype)
    started = np.arange(extended.shape[1]) < 2
    alpha = ag.where(ag.from_numpy(np.broadcast_to(started, extended.shape).copy()), x[0][rows, extended], nothing)
    barred = ag.from_numpy(np.where(leap, 0, -np.inf).astype(x.dtype))
    for step in range(1, steps):
        shifted = ag.cat([low, alpha], 1)
        width = extended.shape[1]
        paths = ag.stack([alpha, shifted[:, 1 : width + 1], shifted[:, :width] + barred])
        following = ag.logsumexp(paths, 0) + x[step][rows, extended]
        running = step < inputs
        alpha = following if running.all() else ag.where(ag.from_numpy(running[:, None]), following, alpha)
    ends = np.stack([2 * lengths, np.maximum(2 * lengths - 1, 0)], 1)
    last = alpha[rows, ends]
    both = ag.from_numpy(np.stack([np.zeros(samples), np.where(lengths > 0, 0, -np.inf)], 1).astype(x.dtype))
    losses = -ag.logsumexp(last + both, 1)
    if zero_infinity:
        losses = ag.where(ag.from_numpy(np.isfinite(losses.detach().numpy())), losses, 0.0)
    if reduction == "mean":
        mean: Tensor = (losses / ag.from_numpy(np.maximum(lengths, 1).astype(x.dtype))).mean()
        return mean
    return _reduce(losses if batched else losses.squeeze(0), reduction)


def _padded(targets: np.ndarray, lengths: np.ndarray, batched: bool, blank: int, classes: int) -> np.ndarray:
    """The targets as (N, longest), with blanks behind their ends."""
    longest = int(lengths.max(initial=0))
    labels = np.full((lengths.size, longest), blank)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    together = targets.ndim == 1 and (batched or lengths.size > 1)
    if together and targets.size < starts[-1]:
        raise ValueError(f"ctc_loss: {targets.size} targets are fewer than their lengths' sum {starts[-1]}")
    if not together and (targets.shape[-1] < longest or targets.size // max(1, targets.shape[-1]) < lengths.size > 1):
        raise ValueError(f"ctc_loss: targets of shape {targets.shape} do not hold {lengths.size} up to {longest} long")
    for row, length in enumerate(lengths):
        own = targets[starts[row] : starts[row] + length] if together else np.atleast_2d(targets)[row, :length]
        if ((own < 0) | (own >= classes)).any():
            raise ValueError(f"ctc_loss: targets must lie in [0, {classes}), got {own.tolist()}")
        labels[row, :length] = own
    return labels


__all__ = ["ctc_loss", "gaussian_nll_loss", "kl_div", "poisson_nll_loss"]

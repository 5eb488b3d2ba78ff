"""Losses of margins and of distances as functions; :mod:`nn.functional` offers them.

`reduction` is "none" for the losses themselves, "mean" or "sum".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from .functional_distance import pairwise_distance
from .functional_loss import _check, _reduce, check_reduction

# What keeps the cosine of a vector of zeros finite, as in PyTorch.
_COSINE_EPSILON = 1e-12


def _positive(input: Tensor) -> Tensor:
    return ag.relu(input)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target · input)), for targets of ±1.

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.
    """
    input, target = _check(input, target, reduction, "soft_margin_loss")
    return _reduce(ag.softplus(-target * input), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The input where the target is 1, max(0, margin - input) where it is -1.

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.
    """
    input, target = _check(input, target, reduction, "hinge_embedding_loss")
    near = ag.where(ag.ne(target, 1), _positive(margin - input), 0.0)
    return _reduce(near + ag.where(ag.ne(target, -1), input, 0.0), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - target · (input1 - input2)): a target of 1 wants the first to be larger, -1 the second.

    Raises:
        ValueError: if numbers of dimensions differ or the reduction is unknown.
    """
    check_reduction(reduction, "margin_ranking_loss")
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(f"margin_ranking_loss: {input1.shape}, {input2.shape} and {target.shape} differ in dimensions")
    return _reduce(_positive(-target * (input1 - input2) + margin), reduction)


def _labels(target: Tensor, shape: tuple[int, ...], classes: int, name: str, lowest: int = 0) -> np.ndarray:
    """Integer targets of a shape, in range."""
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: targets must be integers, got {target.dtype}")
    if target.shape != shape:
        raise ValueError(f"{name}: targets must have shape {shape}, got {target.shape}")
    labels = target.numpy().astype(np.int64)
    wrong = labels[(labels < lowest) | (labels >= classes)]
    if wrong.size:
        raise IndexError(f"{name}: target {wrong[0]} lies outside [{lowest}, {classes})")
    return labels


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ over the other classes of max(0, margin - input[target] + input[class])^p, over the number of classes.

    Args:
        input: shape (N, C) or (C,).
        target: class indices, shape (N,) or ().
        p: 1 or 2.
        margin: how much larger the target's score should be.
        weight: a weight for each class, shape (C,), applied to that of the target.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: for shapes that do not fit, and for another `p` or reduction.
        IndexError, TypeError: for targets that are no classes.

    Source: Crammer and Singer 2001.
    """
    check_reduction(reduction, "multi_margin_loss")
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    if input.ndim not in (1, 2):
        raise ValueError(f"multi_margin_loss: expected (N, C) or (C,), got {input.shape}")
    classes = input.shape[-1]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ValueError(f"multi_margin_loss: weight must have shape ({classes},), got {tuple(weight.shape)}")
    labels = _labels(target, input.shape[:-1], classes, "multi_margin_loss").reshape(-1)
    rows = input.reshape(-1, classes)
    places = np.arange(labels.size)
    terms = _positive(rows - rows[places, labels].unsqueeze(1) + margin)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight.detach()[labels].unsqueeze(1)
    others = np.ones(rows.shape, input.dtype)
    others[places, labels] = 0
    losses = (terms * ag.from_numpy(others)).sum(1) / classes
    return _reduce(losses.reshape(input.shape[:-1]), reduction)


def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Σ over the targets t and all other classes of max(0, 1 - input[t] + input[class]), over the number of classes.

    Args:
        input: shape (N, C) or (C,).
        target: class indices, of the input's shape; those before the first -1 count.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: for shapes that do not fit and an unknown reduction.
        IndexError, TypeError: for targets that are no classes.
    """
    check_reduction(reduction, "multilabel_margin_loss")
    if input.ndim not in (1, 2):
        raise ValueError(f"multilabel_margin_loss: expected (N, C) or (C,), got {input.shape}")
    classes = input.shape[-1]
    labels = _labels(target, input.shape, classes, "multilabel_margin_loss", -1).reshape(-1, classes)
    rows = input.reshape(-1, classes)
    counted = np.cumprod(labels >= 0, axis=1, dtype=np.int64) > 0
    own = np.where(counted, labels, 0)
    others = np.ones(labels.shape, bool)
    for row, (line, kept) in enumerate(zip(own, counted, strict=True)):
        others[row, line[kept]] = False
    picked = rows[np.arange(len(labels))[:, None], own]
    terms = _positive(1 - picked.unsqueeze(2) + rows.unsqueeze(1))
    mask = (counted[:, :, None] & others[:, None, :]).astype(input.dtype)
    losses = (terms * ag.from_numpy(mask)).sum((1, 2)) / classes
    return _reduce(losses.reshape(input.shape[:-1]), reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """The mean over the classes of the binary cross-entropy of logits.

    Args:
        input, target: shape (N, C) or (C,); targets in [0, 1].
        weight: multiplied with each class's loss, shape (C,).
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: if the shapes differ or the reduction is unknown.
    """
    input, target = _check(input, target, reduction, "multilabel_soft_margin_loss")
    losses = ag.binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    return _reduce(losses.mean(-1), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cosine where the target is 1, max(0, cosine - margin) where it is -1.

    Args:
        input1, input2: shape (N, D) or (D,).
        target: shape (N,) or ().

    Raises:
        ValueError: for shapes that do not fit and an unknown reduction.
    """
    check_reduction(reduction, "cosine_embedding_loss")
    if input1.shape != input2.shape or input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(
            f"cosine_embedding_loss: expected (N, D), (N, D) and (N,), got {input1.shape}, {input2.shape} and "
            f"{target.shape}"
        )
    lengths = ((input1 * input1).sum(-1) + _COSINE_EPSILON) * ((input2 * input2).sum(-1) + _COSINE_EPSILON)
    cosine = (input1 * input2).sum(-1) / ag.sqrt(lengths)
    losses = ag.where(ag.eq(target, 1), 1 - cosine, 0.0) + ag.where(ag.eq(target, -1), _positive(cosine - margin), 0.0)
    return _reduce(losses, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin).

    Args:
        anchor, positive, negative: any shape that the distance takes.
        distance_function: of two tensors; the Euclidean distance of the last dimension unless given.
        margin: how much farther the negative should be; positive.
        swap: measure the negative from the positive where that is nearer (Balntas et al. 2016).
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: if the margin is not positive, numbers of dimensions differ, or the reduction is unknown.
    """
    name = "triplet_margin_with_distance_loss"
    check_reduction(reduction, name)
    if margin <= 0:
        raise ValueError(f"{name}: the margin must be positive, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(f"{name}: {anchor.shape}, {positive.shape} and {negative.shape} differ in dimensions")
    distance: Callable[..., Any] = pairwise_distance if distance_function is None else distance_function
    far = distance(anchor, negative)
    if swap:
        far = ag.minimum(far, distance(positive, negative))
    return _reduce(_positive(distance(anchor, positive) - far + margin), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """As :func:`triplet_margin_with_distance_loss`, by the norm of order `p` of the difference plus `eps`."""

    def distance(first: Tensor, second: Tensor) -> Tensor:
        return pairwise_distance(first, second, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]

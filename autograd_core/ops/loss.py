"""Losses that are operations of their own, for accuracy or speed; the others are compositions in ``nn``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .blocks import run
from .linear_maps import gather_primitive, raw
from .pointwise_loss import (
    logistic_loss,
    squared_error,
    summed_logistic_loss_primitive,
    summed_square_error_primitive,
)
from .softmax import log_softmax

if TYPE_CHECKING:
    from ..kernels import cross_entropy as kernels
else:
    kernels = lazy_import("autograd_core.kernels.cross_entropy")

# How much dearer an element is than an addition: in short rows it takes 2 ns.
_WORK = 8


def _cross_entropy_forward(
    x: np.ndarray,
    *,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> tuple[np.ndarray, np.ndarray, float]:
    statistics = np.empty((2, x.shape[0]), x.dtype)
    losses = np.empty(x.shape[0], x.dtype)
    weights = np.empty(0, x.dtype) if weight is None else contiguous(weight)
    operands = contiguous(x), contiguous(target), weights, ignore_index, label_smoothing
    total, counted, wrong = run(kernels, "cross_entropy", _WORK * x.size, *operands, statistics, losses)
    if wrong >= 0:
        raise IndexError(
            f"cross_entropy: target {target[wrong]} lies outside [0, {x.shape[1]}) and is not {ignore_index}"
        )
    if reduction == "mean":
        total = total / counted if counted else math.nan
    return losses if reduction == "none" else np.asarray(total, x.dtype), statistics, counted


def _cross_entropy_samples(random: np.random.Generator) -> list[Sample]:
    common = {"ignore_index": -100}
    return [
        Sample(
            (random.standard_normal((4, 3)),),
            {"target": np.array([0, 2, -100, 1]), "weight": None, "label_smoothing": 0.0, "reduction": "mean"} | common,
        ),
        Sample(
            (random.standard_normal((3, 4)),),
            {
                "target": np.array([3, 0, 0]),
                "weight": np.array([0.5, 1.0, 2.0, 1.5]),
                "label_smoothing": 0.2,
                "reduction": "none",
            }
            | common,
        ),
        # Rows long enough to be worked one by one.
        Sample(
            (random.standard_normal((2, 60)),),
            {"target": np.array([59, 3]), "weight": None, "label_smoothing": 0.1, "reduction": "sum"} | common,
        ),
    ]


@fused(
    "cross_entropy",
    forward=_cross_entropy_forward,
    residuals=("statistics", "counted"),
    samples=_cross_entropy_samples,
)
def cross_entropy_primitive(
    x: Any, *, target: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float, reduction: str
) -> Any:
    """Cross-entropy of logits (rows, classes) and class indices: log-softmax, then the weighted mean of picked ones."""
    log_probabilities = log_softmax(x, 1)
    weights = np.ones(x.shape[1], x.dtype) if weight is None else weight
    kept = target != ignore_index
    labels = np.where(kept, target, 0)
    counted = np.where(kept, weights[labels], 0).astype(x.dtype)
    losses = -gather_primitive(log_probabilities, index=(np.arange(target.size), labels))
    losses = losses * (counted * x.dtype.type(1 - label_smoothing))
    if label_smoothing:
        share = np.where(kept, label_smoothing / weights.size, 0).astype(x.dtype)
        losses = losses - (log_probabilities * weights).sum(1) * share
    if reduction == "none":
        return losses
    return losses.sum() / float(counted.sum()) if reduction == "mean" else losses.sum()


@cross_entropy_primitive.vjp("x")
def _(
    cotangent: np.ndarray,
    x: np.ndarray,
    statistics: np.ndarray,
    counted: float,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> np.ndarray:
    out = np.empty(x.shape, x.dtype)
    # All targets ignored: the loss is NaN by definition, its gradient 0.
    factor = 1.0 if reduction != "mean" else 1 / counted if counted else 0.0
    weights = np.empty(0, x.dtype) if weight is None else contiguous(weight)
    above = contiguous(np.asarray(cotangent)).reshape(-1)
    arguments = (above, factor, contiguous(x), contiguous(target), weights, ignore_index, label_smoothing)
    run(kernels, "cross_entropy_vjp", _WORK * x.size, *arguments, statistics, out)
    return out


REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: str, operation: str) -> None:
    """Raise ValueError unless `reduction` is one of PyTorch's."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{operation}: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")


def reduce_loss(losses: Tensor, reduction: str, operation: str) -> Tensor:
    """The losses themselves, their mean or their sum."""
    check_reduction(reduction, operation)
    if reduction == "none":
        return losses
    reduced: Tensor = losses.mean() if reduction == "mean" else losses.sum()
    return reduced


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy between logits and targets: softmax and negative log-likelihood in one, gradient p - e_k.

    Args:
        input: logits of shape (C,), (N, C) or (N, C, d1, …).
        target: class indices of shape (), (N,) or (N, d1, …), any integer dtype; or class probabilities of
            the shape of `input`.
        weight: a weight for each class, shape (C,).
        ignore_index: targets of this value count for nothing.
        reduction: "none", "mean" (weighted, over the targets not ignored; NaN if all are) or "sum".
        label_smoothing: in [0, 1]; this share of each target is spread evenly over the classes.

    Raises:
        ValueError: for shapes that do not fit and for options out of range.
        IndexError: for a target outside [0, C) that is not `ignore_index`.
        TypeError: for targets that are neither integers nor probabilities.

    Source: Szegedy et al. 2016, section 7, for label smoothing.
    """
    check_reduction(reduction, "cross_entropy")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    input, target = as_tensor_operand(input, "cross_entropy"), as_tensor_operand(target, "cross_entropy")
    if input.dtype.kind != "f" or input.ndim == 0:
        raise ValueError(f"cross_entropy: logits must be floating with a class dimension, got {input!r}")
    class_dim = 0 if input.ndim == 1 else 1
    classes = input.shape[class_dim]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ValueError(f"cross_entropy: weight must have shape ({classes},), got {tuple(weight.shape)}")
    if target.dtype.kind == "f":
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing, class_dim)
    expected = (*input.shape[:class_dim], *input.shape[class_dim + 1 :])
    if target.shape != expected:
        raise ValueError(
            f"cross_entropy: logits of shape {input.shape} need targets of shape {expected} (class indices) or "
            f"{input.shape} (probabilities), got {target.shape}"
        )
    if target.dtype.kind == "b":
        raise TypeError("cross_entropy: targets must be integers or probabilities, got bool")
    # Copies of targets and weights: backward reads them again, and the user may have changed his by then.
    labels = np.array(target._array, np.int64, order="C").reshape(-1)
    rows = input.movedim(class_dim, -1).reshape(-1, classes) if input.ndim != 2 else input
    weights = None if weight is None else raw(weight).astype(input.dtype)
    result: Tensor = apply(
        cross_entropy_primitive.op,
        (rows,),
        {
            "target": labels,
            "weight": weights,
            "ignore_index": int(ignore_index),
            "label_smoothing": float(label_smoothing),
            "reduction": reduction,
        },
    )
    return result.reshape(expected) if reduction == "none" and result.shape != expected else result


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float, class_dim: int
) -> Tensor:
    if target.shape != input.shape:
        raise ValueError(f"cross_entropy: probabilities must have the logits' shape {input.shape}, got {target.shape}")
    classes = input.shape[class_dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    weighted = log_softmax(input, class_dim) * cast(target, input.dtype)
    if weight is not None:
        weighted = weighted * weight.reshape(classes, *(1,) * (input.ndim - class_dim - 1))
    losses = -weighted.sum(class_dim)
    if reduction == "mean":
        return losses.sum() / losses.numel()
    return reduce_loss(losses, reduction, "cross_entropy")


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of logits: sigmoid and cross-entropy in one, finite for logits of any size.

    Args:
        input: logits of any shape.
        target: probabilities in [0, 1] of the same shape.
        weight: rescales each element; broadcasts.
        reduction: "none", "mean" or "sum".
        pos_weight: weight of positive examples; broadcasts.

    Raises:
        ValueError: if shapes differ or the reduction is unknown.
    """
    check_reduction(reduction, "binary_cross_entropy_with_logits")
    input = as_tensor_operand(input, "binary_cross_entropy_with_logits")
    target = as_tensor_operand(target, "binary_cross_entropy_with_logits")
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: target shape {target.shape} must equal the logits' {input.shape}"
        )
    floating = input.dtype.kind == "f"
    target = cast(target, input.dtype if floating else dtypes.get_default_dtype())
    if floating and weight is None and pos_weight is None and reduction != "none":
        result: Tensor = apply(summed_logistic_loss_primitive.op, (input, target), {"mean": reduction == "mean"})
        return result
    losses = logistic_loss(input, target)
    if pos_weight is not None:
        # log(1 + exp(-x)) is the part a positive example contributes.
        losses = losses + (pos_weight - 1) * target * logistic_loss(input, 1)
    if weight is not None:
        losses = losses * weight
    return reduce_loss(losses, reduction, "binary_cross_entropy_with_logits")


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Squared error, (input - target)**2, averaged or summed.

    Raises:
        ValueError: if shapes differ: (N, 1) against (N,) would broadcast to (N, N), which is never meant.
    """
    check_reduction(reduction, "mse_loss")
    input, target = as_tensor_operand(input, "mse_loss"), as_tensor_operand(target, "mse_loss")
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: target shape {target.shape} must equal the input's {input.shape}")
    if reduction != "none" and input.dtype is target.dtype and input.dtype.kind == "f":
        result: Tensor = apply(summed_square_error_primitive.op, (input, target), {"mean": reduction == "mean"})
        return result
    return reduce_loss(squared_error(input, target), reduction, "mse_loss")


__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "mse_loss"]

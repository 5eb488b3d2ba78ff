"""Losses of classes that are operations of their own, for accuracy or speed, beside those of :mod:`.pointwise_loss`.

The others are compositions in ``nn``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import formula as f
from ..broadcasting import Shape
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Op, Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .blocks import run
from .linear_maps import gather_primitive, raw
from .pointwise_loss import binary_cross_entropy_with_logits, check_reduction, mse_loss, reduce_loss
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
    sums = run(kernels, "cross_entropy", _WORK * x.size, *operands, statistics, losses)
    result, counted = _reduced("cross_entropy", x, losses, sums, target, ignore_index, reduction)
    return result, statistics, counted


def _reduced(
    operation: str,
    x: np.ndarray,
    losses: np.ndarray,
    sums: tuple[float, float, int],
    target: np.ndarray,
    ignore_index: int,
    reduction: str,
) -> tuple[np.ndarray, float]:
    """The result, and the sum of the targets' weights, of what a kernel returned: both sums and the first wrong row."""
    total, counted, wrong = sums
    if wrong >= 0:
        raise IndexError(
            f"{operation}: target {target[wrong]} lies outside [0, {x.shape[1]}) and is not {ignore_index}"
        )
    if reduction == "mean":
        # If nothing counts, the mean is 0 / 0.
        total = total / counted if counted else math.nan
    return losses if reduction == "none" else np.asarray(total, x.dtype), counted


def _factor(counted: float, reduction: str) -> float:
    """What a reduction multiplies cotangents by. If all targets are ignored, the loss is NaN, its gradient 0."""
    return 1.0 if reduction != "mean" else 1 / counted if counted else 0.0


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
    weights = np.empty(0, x.dtype) if weight is None else contiguous(weight)
    above = contiguous(np.asarray(cotangent)).reshape(-1)
    arguments = (
        above,
        _factor(counted, reduction),
        contiguous(x),
        contiguous(target),
        weights,
        ignore_index,
        label_smoothing,
    )
    run(kernels, "cross_entropy_vjp", _WORK * x.size, *arguments, statistics, out)
    return out


def _picked_forward(
    x: np.ndarray, *, target: np.ndarray, weight: np.ndarray | None, ignore_index: int, reduction: str
) -> tuple[np.ndarray, float]:
    losses = np.empty(x.shape[0], x.dtype)
    weights = np.empty(0, x.dtype) if weight is None else contiguous(weight)
    sums = kernels.picked(contiguous(x), contiguous(target), weights, ignore_index, losses)
    return _reduced("nll_loss", x, losses, sums, target, ignore_index, reduction)


@fused(
    "nll_loss",
    forward=_picked_forward,
    residuals=("counted",),
    samples=lambda random: [
        Sample(sample.operands, {name: value for name, value in sample.parameters.items() if name != "label_smoothing"})
        for sample in _cross_entropy_samples(random)
    ],
)
def nll_loss_primitive(
    x: Any, *, target: np.ndarray, weight: np.ndarray | None, ignore_index: int, reduction: str
) -> Any:
    """Negative log-likelihood of log-probabilities (rows, classes): the weighted mean of those the targets pick."""
    weights = np.ones(x.shape[1], x.dtype) if weight is None else weight
    kept = target != ignore_index
    labels = np.where(kept, target, 0)
    counted = np.where(kept, weights[labels], 0).astype(x.dtype)
    picked = gather_primitive(x, index=(np.arange(target.size), labels))
    losses = f.where(wrap(kept, None), -picked * counted, 0.0)
    if reduction != "mean":
        return losses if reduction == "none" else losses.sum()
    count = float(counted.sum())
    return losses.sum() / count if count else losses.sum() * 0.0 + math.nan


@nll_loss_primitive.vjp("x")
def _(
    cotangent: np.ndarray,
    x_shape: Shape,
    counted: float,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    reduction: str,
) -> np.ndarray:
    out = np.zeros(x_shape, cotangent.dtype)
    weights = np.empty(0, out.dtype) if weight is None else contiguous(weight)
    above = contiguous(np.asarray(cotangent)).reshape(-1)
    operands = (above, _factor(counted, reduction), contiguous(target), weights, ignore_index)
    run(kernels, "picked_vjp", target.size, *operands, out)
    return out


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
    options = {"ignore_index": int(ignore_index), "label_smoothing": float(label_smoothing), "reduction": reduction}
    return _row_by_row(cross_entropy_primitive.op, input, target, weight, class_dim, options)


def _row_by_row(
    op: Op, input: Tensor, target: Tensor, weight: Tensor | None, class_dim: int, options: dict[str, Any]
) -> Tensor:
    """Apply a loss of rows of classes."""
    # Copies of targets and weights: backward reads them again, and the user may have changed his by then.
    labels = np.array(target._array, np.int64, order="C").reshape(-1)
    rows = input.movedim(class_dim, -1).reshape(-1, input.shape[class_dim]) if input.ndim != 2 else input
    weights = None if weight is None else raw(weight).astype(input.dtype)
    result: Tensor = apply(op, (rows,), {"target": labels, "weight": weights, **options})
    return result.reshape(target.shape) if options["reduction"] == "none" and result.shape != target.shape else result


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability of the target class.

    Args:
        input: log-probabilities of shape (C,), (N, C) or (N, C, d1, …).
        target: class indices of shape (), (N,) or (N, d1, …), any integer dtype.
        weight: a weight for each class, shape (C,).
        ignore_index: targets of this value count for nothing.
        reduction: "none", "mean" (weighted, over the targets not ignored; NaN if all are) or "sum".

    Raises:
        ValueError: for shapes that do not fit, and for an unknown reduction.
        IndexError: for a target outside [0, C) that is not `ignore_index`.
        TypeError: for targets that are not integers.

    Example:
        >>> import autograd_core as ag
        >>> ag.nll_loss(ag.tensor([[-0.5, -1.0], [-2.0, -0.25]]), ag.tensor([0, 1]))
        tensor(0.3750)
    """
    check_reduction(reduction, "nll_loss")
    input, target = as_tensor_operand(input, "nll_loss"), as_tensor_operand(target, "nll_loss")
    shape = input.shape
    if not shape or input.dtype.kind != "f":
        raise ValueError(f"nll_loss: expected log-probabilities with a class dimension, got {input.dtype} {shape}")
    class_dim = 0 if len(shape) == 1 else 1
    expected = (*shape[:class_dim], *shape[class_dim + 1 :])
    if target.dtype.kind not in "iu":
        raise TypeError(f"nll_loss: targets must be integers, got {target.dtype}")
    if target.shape != expected:
        raise ValueError(f"nll_loss: an input of shape {shape} needs targets {expected}, got {target.shape}")
    if weight is not None and tuple(weight.shape) != (shape[class_dim],):
        raise ValueError(f"nll_loss: weight must have shape ({shape[class_dim]},), got {tuple(weight.shape)}")
    options = {"ignore_index": int(ignore_index), "reduction": reduction}
    return _row_by_row(nll_loss_primitive.op, input, target, weight, class_dim, options)


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


__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "mse_loss", "nll_loss"]

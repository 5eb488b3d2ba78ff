"""Losses of single elements, and the sums and means of those that are used most, each as one operation."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes, formula as f
from ..declaration import fused
from ..dispatch import as_tensor_operand, cast, elementwise
from ..kernels.boundary import flat
from ..kernels.loop import Loop
from ..lazy import lazy_import
from ..op import REAL, Domain, Sample
from ..plan import COTANGENT
from ..recording import apply
from ..tensor import Tensor
from .blocks import run, sum_of

if TYPE_CHECKING:
    from ..kernels import square_error as square_kernels
else:
    square_kernels = lazy_import("autograd_core.kernels.square_error")


@elementwise(promotes=True, reference=lambda x, target: (x - target) ** 2, torch="", method=False)
def squared_error(x: Any, target: Any) -> Any:
    """(x - target)**2."""
    return (x - target) * (x - target)


@squared_error.partial("x")
def _(x: Any, target: Any) -> Any:
    return 2 * (x - target)


@squared_error.partial("target")
def _(x: Any, target: Any) -> Any:
    return -2 * (x - target)


def _summed_square_error(x: np.ndarray, target: np.ndarray, *, mean: bool) -> np.ndarray:
    total = run(square_kernels, "square_error", x.size, flat(x), flat(target))
    return np.asarray(total / x.size if mean and x.size else (math.nan if mean else total), x.dtype)


@fused(
    "summed_square_error",
    forward=_summed_square_error,
    reference=lambda x, target, mean: (np.mean if mean else np.sum)((x - target) ** 2),
    samples=lambda random: [
        Sample(tuple(random.standard_normal((2, 3, 4))), {"mean": True}),
        Sample(tuple(random.standard_normal((2, 5))), {"mean": False}),
    ],
)
def summed_square_error_primitive(x: Any, target: Any, *, mean: bool) -> Any:
    """Sum or mean of (x - target)**2 over all elements."""
    losses = squared_error(x, target)
    return losses.mean() if mean else losses.sum()


def _pull_square_error(cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> np.ndarray:
    """The cotangent of `x`; with its arguments exchanged, that of `target`."""
    out = np.empty(x.shape, x.dtype)
    scale = 2.0 * float(cotangent) / (x.size if mean and x.size else 1)
    run(square_kernels, "square_error_gradient", x.size, flat(x), flat(target), scale, out.reshape(-1))
    return out


@summed_square_error_primitive.vjp("x")
def _(cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> np.ndarray:
    return _pull_square_error(cotangent, x, target, mean)


@summed_square_error_primitive.vjp("target")
def _(cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> np.ndarray:
    return _pull_square_error(cotangent, target, x, mean)


@elementwise(
    domain=(REAL, Domain(0.05, 0.95)),
    special=(0.0, 1e3, -1e3),
    reference=lambda x, target: np.logaddexp(0, x) - x * target,
    torch="",
    method=False,
)
def logistic_loss(x: Any, target: Any) -> Any:
    """Binary cross-entropy of a logit, log(1 + exp(x)) - x target; 0 where an infinite logit is right."""
    # Where the target is 0 or 1 the product is left out, because inf * 0 is NaN.
    linear = f.where(
        f.equal(target, 0),
        f.maximum(x, 0),
        f.where(f.equal(target, 1), f.maximum(-x, 0), f.maximum(x, 0) - x * target),
    )
    return linear + f.log1p(f.exp(-f.abs(x)))


@logistic_loss.partial("x")
def _(x: Any, target: Any) -> Any:
    return f.sigmoid(x) - target


@logistic_loss.partial("target")
def _(x: Any) -> Any:
    return -x


def _summed_logistic_loss(x: np.ndarray, target: np.ndarray, *, mean: bool) -> np.ndarray:
    (losses,) = logistic_loss.op.loop((x, target), x.dtype)
    total = sum_of(losses.reshape(-1), (0,), False)
    if mean:
        total /= x.size or math.nan
    return total


@fused(
    "summed_logistic_loss",
    forward=_summed_logistic_loss,
    reference=lambda x, target, mean: (np.mean if mean else np.sum)(np.logaddexp(0, x) - x * target),
    samples=lambda random: [
        Sample((random.standard_normal((2, 3, 4)), random.random((2, 3, 4))), {"mean": True}),
        Sample((random.standard_normal((2, 5)), random.random((2, 5))), {"mean": False}),
    ],
)
def summed_logistic_loss_primitive(x: Any, target: Any, *, mean: bool) -> Any:
    """Sum or mean of the binary cross-entropies of logits."""
    losses = logistic_loss(x, target)
    return losses.mean() if mean else losses.sum()


@functools.cache
def _logistic_gradient(operand: str) -> Loop:
    """The loop of the cotangent of an operand of the loss, which is a number times its partial derivative."""
    op = logistic_loss.op
    product = op.product_expression(op.operands.index(operand))
    return Loop(f"summed_{op.name}_vjp_by_{operand}", [product], op.operands, (COTANGENT.name,))


def _pull_logistic_loss(operand: str, cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> Any:
    scale = float(cotangent) / (x.size if mean and x.size else 1)
    return _logistic_gradient(operand)((x, target), x.dtype, (scale,))[0]


@summed_logistic_loss_primitive.vjp("x")
def _(cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> Any:
    return _pull_logistic_loss("x", cotangent, x, target, mean)


@summed_logistic_loss_primitive.vjp("target")
def _(cotangent: np.ndarray, x: np.ndarray, target: np.ndarray, mean: bool) -> Any:
    return _pull_logistic_loss("target", cotangent, x, target, mean)


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

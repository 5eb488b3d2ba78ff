"""Losses as modules; each applies its namesake in :mod:`nn.functional`, which says what the options mean."""

from __future__ import annotations

from autograd_core import Tensor

from . import functional
from .functional_loss import check_reduction
from .module import Module


class _Loss(Module):
    """A loss with a way to reduce it: "none", "mean" or "sum"."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with weights, kept as a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """Squared error, (input - target)².

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.MSELoss()(ag.tensor([1.0, 2.0]), ag.tensor([0.0, 0.0])).item()
        2.5
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """Absolute error |input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """½ d² / beta for errors |d| below `beta`, |d| - ½ beta beyond; 0 gives the absolute error.

    Raises:
        ValueError: if `beta` is negative, when called.
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """½ d² for errors |d| up to `delta`, delta (|d| - ½ delta) beyond.

    Raises:
        ValueError: if `delta` is not positive, when called.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities, with logarithms limited to -100; prefer :class:`BCEWithLogitsLoss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """Binary cross-entropy of logits: sigmoid and cross-entropy in one, finite for logits of any size.

    Args:
        weight: rescales each element; broadcasts.
        reduction: "none", "mean" or "sum".
        pos_weight: weight of positive examples; broadcasts.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.BCEWithLogitsLoss()(ag.tensor([0.0]), ag.tensor([1.0])).item()
        0.6931471824645996
    """

    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Two tensors of one shape to a scalar, or to that shape without reduction."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class NLLLoss(_WeightedLoss):
    """Negative log-likelihood of log-probabilities and class indices.

    Args:
        weight: a weight for each class, shape (C,).
        ignore_index: targets of this value count for nothing.
        reduction: "none", "mean" or "sum".
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """(N, C, …) and (N, …) to a scalar, or to (N, …) without reduction."""
        return functional.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of logits and class indices or probabilities: softmax and negative log-likelihood in one.

    Args:
        weight: a weight for each class, shape (C,).
        ignore_index: targets of this value count for nothing.
        reduction: "none", "mean" or "sum".
        label_smoothing: in [0, 1]; this share of each target is spread evenly over the classes.

    Raises:
        ValueError: for options out of range.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.CrossEntropyLoss()(ag.zeros(3, 4), ag.tensor([0, 1, 3])).item()
        1.3862943649291992
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"CrossEntropyLoss: label_smoothing must lie in [0, 1], got {label_smoothing}")
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, …) and targets (N, …) to a scalar, or to (N, …) without reduction."""
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
]

"""Lowering the rate when progress stops."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from ..options import fraction, nonnegative, number, whole
from .base import LRScheduler, check_optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not improved for more than `patience` epochs.

    Args:
        optimizer: whose rates to change.
        mode: ``"min"`` if a smaller metric is better, ``"max"`` if a larger one is.
        factor: on the rate, at least 0 and below 1.
        patience: epochs without improvement that are borne.
        threshold: an improvement is more than this.
        threshold_mode: ``"rel"`` to measure the threshold by the best metric so far, ``"abs"`` as it is.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: where the rate stops; one number, or one for each group.
        eps: a reduction by no more than this is left undone.

    Raises:
        TypeError, ValueError: for bad arguments.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        label = type(self).__name__
        check_optimizer(self, optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"{label}: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"{label}: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        self.factor = fraction(f"{label}: factor", factor)
        if self.factor == 1:
            raise ValueError(f"{label}: factor must be below 1, or nothing is reduced")
        groups = len(optimizer.param_groups)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else nonnegative(f"{label}: min_lr", min_lr)
        limits = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(limits) != groups:
            raise ValueError(f"{label}: {len(limits)} values of min_lr for {groups} parameter groups")
        self.mode = mode
        self.threshold = number(f"{label}: threshold", threshold)
        self.threshold_mode = threshold_mode
        self.patience = whole(f"{label}: patience", patience)
        self.cooldown = whole(f"{label}: cooldown", cooldown)
        self.min_lrs = [nonnegative(f"{label}: min_lr", limit) for limit in limits]
        self.eps = nonnegative(f"{label}: eps", eps)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self.optimizer = optimizer
        self._last_lr = self._present()

    def step(self, metrics: Any) -> None:  # type: ignore[override]  # as in PyTorch, it needs the metric
        """Look at the metric of an epoch, a number or a tensor with one element, and lower the rates if it is time.

        NaN is no improvement.

        Raises:
            TypeError: if it is no number.
        """
        if isinstance(metrics, (str, bytes)):
            raise TypeError(f"{type(self).__name__}: the metric must be a number, got {metrics!r}")
        current = float(metrics)
        self.last_epoch += 1
        if self._improves(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._present()

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at present."""
        return self.cooldown_counter > 0

    def _improves(self, metric: float) -> bool:
        direction = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            bound = self.best * (1.0 + direction * self.threshold)
        else:
            bound = self.best + direction * self.threshold
        return metric > bound if self.mode == "max" else metric < bound

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs) and self.default_min_lr is not None:
            self.min_lrs = [self.default_min_lr] * len(groups)
        if len(groups) != len(self.min_lrs):
            raise ValueError(
                f"{type(self).__name__} was made for {len(self.min_lrs)} groups, the optimiser has {len(groups)}: set "
                "min_lrs to one value for each"
            )
        for group, limit in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, limit)
            if old - new > self.eps:
                group["lr"] = new

"""Schedules along a cosine."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from ..options import count, nonnegative
from .base import LRScheduler


class CosineAnnealingLR(LRScheduler):
    r"""Lower the rate along half a cosine, from its base to `eta_min` in `T_max` epochs, and back up in as many.

    At epoch t the rate is η_min + ½ (η₀ − η_min) (1 + cos(π t / T_max)), computed from the present rate, so that a
    rate changed from outside stays changed.

    Args:
        optimizer: whose rates to change.
        T_max: epochs of the descent, at least 1.
        eta_min: the lowest rate, at least 0.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Reference: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017 (the annealing
    without the restarts).

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803
        self.T_max = count("CosineAnnealingLR: T_max", T_max)
        self.eta_min = nonnegative("CosineAnnealingLR: eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        epoch, half, low = self.last_epoch, self.T_max, self.eta_min
        if self._is_initial:
            return self._present()
        if (epoch - 1 - half) % (2 * half) == 0:
            # At the bottom a ratio to the present rate says nothing.
            rise = (1 - math.cos(math.pi / half)) / 2
            pairs = zip(self._present(), self.base_lrs, strict=True)
            return [rate + (base - low) * rise for rate, base in pairs]
        ratio = (1 + math.cos(math.pi * epoch / half)) / (1 + math.cos(math.pi * (epoch - 1) / half))
        return [ratio * (rate - low) + low for rate in self._present()]

    def _rates_of_start(self) -> list[float]:
        return list(self.base_lrs)


class CosineAnnealingWarmRestarts(LRScheduler):
    r"""Lower the rate along half a cosine, again and again: SGDR.

    In a run of T epochs, t epochs after its start, the rate is η_min + ½ (η₀ − η_min) (1 + cos(π t / T)). The first
    run has `T_0` epochs, each later one `T_mult` times as many as the one before.

    Args:
        optimizer: whose rates to change.
        T_0: epochs of the first run, at least 1.
        T_mult: factor on the length of each run, an integer of at least 1.
        eta_min: the lowest rate, at least 0.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Reference: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0 = self.T_i = count("CosineAnnealingWarmRestarts: T_0", T_0)
        self.T_mult = count("CosineAnnealingWarmRestarts: T_mult", T_mult)
        self.eta_min = nonnegative("CosineAnnealingWarmRestarts: eta_min", eta_min)
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to `epoch`, which may be a fraction: ``step(epoch + batch / batches)``.

        Raises:
            ValueError: if `epoch` is negative.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            self._warn_if_early()
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go_to(nonnegative("CosineAnnealingWarmRestarts: epoch", epoch))
            self.last_epoch = math.floor(epoch)
        self._step_count += 1
        self._set(self.get_lr())

    def _go_to(self, epoch: float) -> None:
        """Find the run that holds `epoch`, and the place in it."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            runs = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**runs - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**runs

    def _restart(self) -> None:
        self.last_epoch, self.T_cur, self.T_i = 0, 0, self.T_0
        self._set(self.get_lr())

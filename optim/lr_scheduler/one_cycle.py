"""The one-cycle policy."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Group, Optimizer
from ..options import count, decay_rate, flag, fraction, nonnegative
from .base import LRScheduler, check_optimizer

# Where a phase ends, as a step, and the keys of the group's values it leads from and to.
_Phase = tuple[float, str, str, str, str]


class OneCycleLR(LRScheduler):
    """Raise the rate from a low start to `max_lr` and lower it to next to nothing, with momentum doing the opposite.

    One cycle is the whole training: call :meth:`step` after each batch. The start is max_lr / `div_factor`, the end
    start / `final_div_factor`. With `three_phase` the rate comes down to the start as slowly as it went up, and to
    the end after that.

    Args:
        optimizer: whose rates to change.
        max_lr: the highest rate; one number, or one for each group.
        total_steps: batches in the cycle; or give `epochs` and `steps_per_epoch`.
        epochs: epochs in the cycle.
        steps_per_epoch: batches in an epoch.
        pct_start: which part of the cycle rises, from 0 to 1.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: whether to change the momentum (β₁ where there is one) from `max_momentum` to `base_momentum`
            and back.
        base_momentum: the lowest momentum; one number, or one for each group.
        max_momentum: the highest momentum; one number, or one for each group.
        div_factor: the highest rate over the first.
        final_div_factor: the first rate over the last.
        three_phase: a descent in two parts.
        last_epoch: see :class:`LRScheduler`; counted in batches.

    Raises:
        TypeError, ValueError: for bad arguments, or an optimiser without momentum to cycle. Nothing has been changed.

    Reference: Smith & Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
    arXiv:1708.07120, 2017 (with three phases).

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=0.1, momentum=0.9)
        >>> scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 5, pct_start=0.4, div_factor=4.0)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += [round(rate, 4) for rate in scheduler.get_last_lr()]
        ...     optimizer.step()
        ...     if len(rates) < 5:
        ...         scheduler.step()
        >>> rates
        [0.25, 1.0, 0.75, 0.25, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if total_steps is not None:
            self.total_steps = count("OneCycleLR: total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = count("OneCycleLR: epochs", epochs)
            self.total_steps *= count("OneCycleLR: steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = flag("OneCycleLR: cycle_momentum", cycle_momentum)
        self.use_beta1 = "betas" in optimizer.defaults
        if self.cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(f"OneCycleLR: {type(optimizer).__name__} has no momentum: give cycle_momentum=False")
        rising = fraction("OneCycleLR: pct_start", pct_start)
        self._phases = _phases(self.total_steps, rising, flag("OneCycleLR: three_phase", three_phase))
        groups = optimizer.param_groups
        peaks = [nonnegative("OneCycleLR: max_lr", value) for value in _each("max_lr", max_lr, groups)]
        lows = [decay_rate("OneCycleLR: base_momentum", m) for m in _each("base_momentum", base_momentum, groups)]
        highs = [decay_rate("OneCycleLR: max_momentum", m) for m in _each("max_momentum", max_momentum, groups)]
        divisors = [nonnegative("OneCycleLR: div_factor", div_factor)]
        divisors.append(nonnegative("OneCycleLR: final_div_factor", final_div_factor))
        if 0 in divisors:
            raise ValueError("OneCycleLR: div_factor and final_div_factor must be above 0")
        if last_epoch == -1:
            for group, peak, low, high in zip(groups, peaks, lows, highs, strict=True):
                start = peak / divisors[0]
                group.update(initial_lr=start, max_lr=peak, min_lr=start / divisors[1])
                if self.cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
                    self._set_momentum(group, high)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: the cycle has {self.total_steps} steps and is over; this is step {step}")
        # One step beyond the end is allowed: it continues the last phase.
        index = next((index for index, phase in enumerate(self._phases) if step <= phase[0]), len(self._phases) - 1)
        end, start_rate, end_rate, start_momentum, end_momentum = self._phases[index]
        begin = self._phases[index - 1][0] if index else 0.0
        share = (step - begin) / (end - begin) if end > begin else 1.0
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[start_rate], group[end_rate], share))
            if self.cycle_momentum:
                self._set_momentum(group, self._between(group[start_momentum], group[end_momentum], share))
        return rates

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def _set_momentum(self, group: Group, momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


def _phases(steps: int, rising: float, three: bool) -> list[_Phase]:
    up = (rising * steps - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [up, (steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    down = (2 * rising * steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    return [up, down, (steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]


def _each(name: str, value: Any, groups: list[Group]) -> list[Any]:
    """The values for the groups, of one for all or one for each."""
    if not isinstance(value, (list, tuple)):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise ValueError(f"OneCycleLR: {len(value)} values of {name} for {len(groups)} parameter groups")
    return list(value)

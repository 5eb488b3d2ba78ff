"""One schedule after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer
from .plateau import ReduceLROnPlateau


class SequentialLR(LRScheduler):
    """Use several schedules, each from its milestone on, where it starts at its epoch 0: a warm-up and then a decay.

    Args:
        optimizer: whose rates to change.
        schedulers: schedules of that optimiser, in their order.
        milestones: the epochs at which the second and each further one takes over, increasing.
        last_epoch: only −1: to resume, use :meth:`load_state_dict`.

    Raises:
        TypeError: if an entry is no scheduler.
        ValueError: if the numbers do not fit, milestones do not increase, or a scheduler belongs to another optimiser
            or needs a metric.

    Example:
        >>> import autograd_core as ag, optim
        >>> from optim import lr_scheduler
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> decay = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler = lr_scheduler.SequentialLR(optimizer, [warm_up, decay], milestones=[2])
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        _check(optimizer, schedulers, milestones)
        if last_epoch != -1:
            raise ValueError("SequentialLR: last_epoch must be -1; to resume, call load_state_dict()")
        self.optimizer = optimizer
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = 0
        # Each schedule has set its own start when it was made: take that back, and let the first set its own again.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._undo()
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def _undo(self) -> None:
        """Go back by the step that the constructors of the schedules took."""
        for scheduler in self._schedulers:
            if isinstance(scheduler, SequentialLR):
                scheduler._undo()
            else:
                scheduler.last_epoch -= 1

    def _initial_step(self) -> None:
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self.last_epoch = 0
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Go to the next epoch, and to the next schedule if its milestone has come."""
        self.last_epoch += 1
        index = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[index]
        if index > 0 and self._milestones[index - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _restart(self) -> None:
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._restart()
        self._last_lr = first.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimiser, with the state dicts of the schedules."""
        return {
            "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers],
            "_milestones": list(self._milestones),
            "last_epoch": self.last_epoch,
            "_last_lr": list(self._last_lr),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        checked = self._checked_state(state_dict)
        states = checked.pop("_schedulers")
        if len(states) != len(self._schedulers):
            raise ValueError(f"SequentialLR: the state dict has {len(states)} schedules, not {len(self._schedulers)}")
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler._checked_state(state)
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update(checked)


def _check(optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
    if not schedulers:
        raise ValueError("SequentialLR needs at least one schedule")
    for index, scheduler in enumerate(schedulers):
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"SequentialLR: entry {index} is no scheduler but a {type(scheduler).__name__}")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"SequentialLR: entry {index} is a ReduceLROnPlateau, whose step() needs a metric")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"SequentialLR: the {type(scheduler).__name__} at {index} belongs to another optimiser")
    if len(milestones) != len(schedulers) - 1:
        raise ValueError(
            f"SequentialLR: {len(schedulers)} schedules need {len(schedulers) - 1} milestones, got {len(milestones)}"
        )
    if any(later <= earlier for earlier, later in pairwise(milestones)):
        raise ValueError(f"SequentialLR: milestones must increase, got {list(milestones)}")

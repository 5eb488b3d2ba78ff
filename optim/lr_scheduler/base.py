"""The base of all schedules."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """Base class of all schedules; a subclass defines :meth:`get_lr`.

    The constructor notes each group's rate as its ``"initial_lr"`` and sets the rate of epoch 0, which changes
    nothing unless the schedule starts lower. An epoch is whatever lies between two calls of :meth:`step`.

    Args:
        optimizer: whose rates to change.
        last_epoch: −1 to start; to resume without a state dict, the last epoch that was finished.

    Attributes:
        optimizer: as given.
        base_lrs: for each group its initial rate.
        last_epoch: the epoch whose rates are set.

    Raises:
        TypeError: if `optimizer` is no optimiser.
        ValueError: to resume, if a group has no ``"initial_lr"``.

    Example:
        >>> import autograd_core as ag, optim
        >>> class SquareRootLR(optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [rate / (self.last_epoch + 1) ** 0.5 for rate in self.base_lrs]
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = SquareRootLR(optimizer)
        >>> for _ in range(3):
        ...     optimizer.step()
        ...     scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(self, optimizer)
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        for index, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: group {index} has no 'initial_lr', which resuming at last_epoch="
                    f"{last_epoch} needs: load the optimiser's state dict first, or start with last_epoch=-1"
                )
        self.optimizer = optimizer
        self.base_lrs: list[float] = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the epoch after `last_epoch`; not a step of the user's."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rates of the groups at `last_epoch`, computed from the present ones; see :meth:`get_last_lr`."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[float]:
        """The rates that were set last."""
        return list(self._last_lr)

    def step(self) -> None:
        """Go to the next epoch: call it after the optimiser's own ``step()``.

        Warns:
            UserWarning: if the optimiser has not stepped yet, so that its first rate would never be used.
        """
        self._warn_if_early()
        self._step_count += 1
        self.last_epoch += 1
        self._set(self.get_lr())

    def _warn_if_early(self) -> None:
        optimizer = self.optimizer
        # Only an optimiser that counts its steps can tell: one with a step() of its own may not.
        counts = type(optimizer).step is Optimizer.step
        if self._step_count == 1 and counts and not optimizer.steps_taken:
            warnings.warn(
                f"{type(self).__name__}.step() was called before the optimiser's step(), so the first learning rate "
                "of the schedule is skipped: call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )

    def _set(self, rates: list[float]) -> None:
        groups = self.optimizer.param_groups
        if len(rates) != len(groups):
            raise ValueError(
                f"{type(self).__name__} has rates for {len(rates)} groups, the optimiser has {len(groups)}: make the "
                "scheduler after the last group was added"
            )
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = float(rate)
        self._last_lr = self._present()

    def _present(self) -> list[float]:
        """The rates as they are."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _restart(self) -> None:
        """Go to epoch 0, whatever the rates are: for schedules that start later than the training."""
        self.last_epoch = 0
        self._set(self._rates_of_start())

    def _rates_of_start(self) -> list[float]:
        return self.get_lr()

    # --- saving and loading -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimiser."""
        return {name: copy.deepcopy(value) for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of `state_dict`; the optimiser, whose own state dict has the rates, is not touched.

        Raises:
            TypeError: if it is no dictionary.
            ValueError: if entries are missing, or it is for another number of groups; nothing has been loaded then.
        """
        self.__dict__.update(self._checked_state(state_dict))

    def _checked_state(self, state_dict: Mapping[str, Any]) -> dict[str, Any]:
        label = type(self).__name__
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"{label}: a state dict must be a dictionary, got {type(state_dict).__name__}")
        missing = sorted(set(self.__dict__) - {"optimizer"} - set(state_dict))
        if missing:
            raise ValueError(f"{label}: the state dict lacks {', '.join(missing)}")
        found, groups = len(state_dict["_last_lr"]), len(self.optimizer.param_groups)
        if found != groups:
            raise ValueError(f"{label}: the state dict has rates for {found} groups, the optimiser has {groups}")
        return {name: copy.deepcopy(value) for name, value in state_dict.items() if name in self.__dict__}


def check_optimizer(scheduler: object, optimizer: object) -> None:
    """Raise TypeError unless `optimizer` is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(scheduler).__name__} needs an Optimizer, got {type(optimizer).__name__}")

"""Schedules that multiply: by steps, at milestones, each epoch, linearly, and by any function."""

from __future__ import annotations

import copy
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from ..options import count, fraction, nonnegative
from .base import LRScheduler, check_optimizer


class StepLR(LRScheduler):
    """Multiply the rate by `gamma` every `step_size` epochs.

    At epoch t the rate is η₀ γ^⌊t / step_size⌋, unless something else has changed it meanwhile: the present rate is
    what gets multiplied.

    Args:
        optimizer: whose rates to change.
        step_size: epochs between two changes, at least 1.
        gamma: the factor, at least 0.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = count("StepLR: step_size", step_size)
        self.gamma = nonnegative("StepLR: gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._present()
        return [rate * self.gamma for rate in self._present()]

    def _rates_of_start(self) -> list[float]:
        return list(self.base_lrs)


class MultiStepLR(LRScheduler):
    """Multiply the rate by `gamma` at each milestone.

    Args:
        optimizer: whose rates to change.
        milestones: epochs, each at least 0; one that is named twice counts twice.
        gamma: the factor, at least 0.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        listed = list(milestones)
        for milestone in listed:
            if isinstance(milestone, bool) or not isinstance(milestone, int) or milestone < 0:
                raise ValueError(f"MultiStepLR: milestones must be integers of at least 0, got {milestone!r}")
        self.milestones = Counter(listed)
        self.gamma = nonnegative("MultiStepLR: gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = self.gamma ** self.milestones[self.last_epoch]
        return [rate * factor for rate in self._present()]

    def _rates_of_start(self) -> list[float]:
        return [rate * self.gamma ** self.milestones[0] for rate in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiply the rate by `gamma` every epoch: η₀ γᵗ at epoch t.

    Args:
        optimizer: whose rates to change.
        gamma: the factor, at least 0.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = nonnegative("ExponentialLR: gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factor = 1.0 if self._is_initial else self.gamma
        return [rate * factor for rate in self._present()]

    def _rates_of_start(self) -> list[float]:
        return list(self.base_lrs)


class LinearLR(LRScheduler):
    """Change the rate linearly from `start_factor` to `end_factor` times its base: a warm-up.

    At epoch t ≤ T the rate is η₀ (a + (b − a) t / T) with the factors a and b.

    Args:
        optimizer: whose rates to change.
        start_factor: above 0 and at most 1.
        end_factor: from 0 to 1.
        total_iters: epochs until the end factor is reached, at least 1.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        TypeError, ValueError: for bad arguments.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = fraction("LinearLR: start_factor", start_factor)
        if self.start_factor == 0:
            raise ValueError("LinearLR: start_factor must be above 0, from where rates are multiplied upwards")
        self.end_factor = fraction("LinearLR: end_factor", end_factor)
        self.total_iters = count("LinearLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [rate * self.start_factor for rate in self._present()]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._present()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [rate * (1.0 + rise / before) for rate in self._present()]

    def _rates_of_start(self) -> list[float]:
        return [rate * self.start_factor for rate in self.base_lrs]


class LambdaLR(LRScheduler):
    """Multiply the initial rate by a function of the epoch: η₀ f(t).

    Args:
        optimizer: whose rates to change.
        lr_lambda: the function f, or one for each group.
        last_epoch: see :class:`LRScheduler`.

    Functions are not part of the state dict, but the attributes of callable objects are.

    Raises:
        TypeError: if it is no function.
        ValueError: if the numbers of functions and groups differ.

    Example:
        >>> import autograd_core as ag, optim
        >>> optimizer = optim.SGD([ag.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        groups = len(optimizer.param_groups)
        functions: list[Any] = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        if len(functions) != groups:
            raise ValueError(f"LambdaLR: {len(functions)} functions for {groups} parameter groups")
        for function in functions:
            if not callable(function):
                raise TypeError(f"LambdaLR: lr_lambda must be a function, got {type(function).__name__}")
        self.lr_lambdas: list[Callable[[int], float]] = functions
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [rate * float(function(self.last_epoch)) for rate, function in pairs]

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything but the optimiser and the functions."""
        kept = {name: value for name, value in self.__dict__.items() if name not in ("optimizer", "lr_lambdas")}
        attributes = [
            None if isinstance(function, types.FunctionType) else copy.deepcopy(function.__dict__)
            for function in self.lr_lambdas
        ]
        return {**copy.deepcopy(kept), "lr_lambdas": attributes}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        checked = self._checked_state(state_dict)
        for function, attributes in zip(self.lr_lambdas, checked.pop("lr_lambdas"), strict=True):
            if attributes is not None:
                function.__dict__.update(attributes)
        self.__dict__.update(checked)

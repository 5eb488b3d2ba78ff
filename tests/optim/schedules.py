"""Following the rates and momenta of an optimiser through a schedule."""

from __future__ import annotations

from typing import Any

import numpy as np


def two_groups(optimizers: Any, library: Any, name: str = "SGD") -> Any:
    parameters = [library.tensor(np.ones(2), requires_grad=True) for _ in range(2)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    groups = [{"params": [parameters[0]]}, {"params": [parameters[1]], "lr": 0.3}]
    return getattr(optimizers, name)(groups, lr=0.1, **options)


def options_of(optimizer: Any) -> list[Any]:
    """What a schedule may change."""
    return [
        [float(group["lr"]) for group in optimizer.param_groups],
        [group.get("momentum", group.get("betas")) for group in optimizer.param_groups],
    ]


def run(optimizer: Any, scheduler: Any, epochs: int) -> list[Any]:
    history = [options_of(optimizer)]
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == rates_of(optimizer)
        history.append(options_of(optimizer))
    return history


def rates_of(optimizer: Any) -> list[float]:
    return [group["lr"] for group in optimizer.param_groups]


def assert_close(own: list[Any], other: list[Any]) -> None:
    for one, two in zip(own, other, strict=True):
        np.testing.assert_allclose(np.array(one[0]), np.array(two[0]), rtol=1e-12, atol=1e-17)
        np.testing.assert_allclose(np.array(one[1]), np.array(two[1]), rtol=1e-12)

"""Lowering the rate on a plateau: PyTorch's rates, NaN, resuming, groups that come later."""

from __future__ import annotations

import json
from typing import Any

import pytest

import autograd_core as ag
import optim
from optim import lr_scheduler
from tests.optim.problems import with_gradients
from tests.optim.schedules import assert_close, options_of, rates_of, two_groups

METRICS = [3.0, 2.5, 2.5, 2.5, float("nan"), 2.49, 2.6, 2.6, 1.0, 1.0, 1.0, 0.9999, 0.99985, 5, 5, 5, 5, 5, 5, 0.5, -1]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("options", [{}, {"cooldown": 2}, {"min_lr": [0.02, 0.2]}, {"min_lr": 0.05}, {"eps": 0.04}])
def test_semantics_121_plateau_equals_torch(
    torch: Any, mode: str, threshold_mode: str, options: dict[str, Any]
) -> None:
    histories = []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        optimizer = two_groups(optimizers, library)
        scheduler = optimizers.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, factor=0.5, patience=2, threshold=1e-3, threshold_mode=threshold_mode, **options
        )
        history = []
        for metric in METRICS:
            scheduler.step(library.tensor(metric))
            history.append(options_of(optimizer))
        histories.append(history)
    assert_close(*histories)
    assert histories[0][0] != histories[0][-1]


def test_semantics_121_nan_is_no_improvement() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    scheduler.step(1.0)
    scheduler.step(float("nan"))
    scheduler.step(ag.tensor(float("nan")))
    assert scheduler.get_last_lr() == [0.5]
    assert scheduler.best == 1.0
    with pytest.raises(TypeError):
        scheduler.step()
    with pytest.raises(TypeError, match=r"a number, got '1\.0'"):
        scheduler.step("1.0")


def test_plateau_resumes() -> None:
    histories = []
    for stop in (None, 7):
        optimizer = two_groups(optim, ag)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1)
        history = []
        for epoch, metric in enumerate(METRICS):
            if epoch == stop:
                saved = json.loads(json.dumps(scheduler.state_dict()))
                rates = optimizer.state_dict()
                optimizer = two_groups(optim, ag)
                scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
                optimizer.load_state_dict(rates)
                scheduler.load_state_dict(saved)
            scheduler.step(metric)
            history.append(options_of(optimizer))
        histories.append(history)
    assert histories[0] == histories[1]


def test_plateau_takes_groups_that_come_later() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    one = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, min_lr=0.25)
    each = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, min_lr=[0.25])
    optimizer.add_param_group({"params": with_gradients((1,)), "lr": 0.375})
    for _ in range(2):
        one.step(1.0)
    assert rates_of(optimizer) == [0.5, 0.25]
    each.step(1.0)
    with pytest.raises(ValueError, match="made for 1 groups, the optimiser has 2"):
        each.step(1.0)

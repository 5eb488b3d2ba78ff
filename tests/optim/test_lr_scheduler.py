"""Learning-rate schedules: PyTorch's sequences, resuming, and what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from optim import lr_scheduler
from tests.optim.problems import with_gradients
from tests.optim.schedules import assert_close, options_of, rates_of, run, two_groups

Make = Callable[[Any, Any], Any]


class Halving:
    """A schedule function with a memory, which belongs into the state dict."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, epoch: int) -> float:
        self.calls += 1
        return 0.5**epoch + self.calls * 1e-6


def _sequence(s: Any, o: Any, *parts: Any, milestones: list[int]) -> Any:
    return s.SequentialLR(o, [part(s, o) for part in parts], milestones=milestones)


# Each makes a schedule from the module of schedules and an optimiser.
SCHEDULES: dict[str, Make] = {
    "step": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "step each": lambda s, o: s.StepLR(o, step_size=1),
    "multi-step": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.3),
    "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.9),
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, lambda epoch: 1 + epoch]),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
    "cosine of one": lambda s, o: s.CosineAnnealingLR(o, T_max=1),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4, eta_min=0.02),
    "longer restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.25, total_iters=6),
    "linear down": lambda s, o: s.LinearLR(o, 1.0, 0.2, 4),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=[0.5, 2.0], total_steps=30),
    "one cycle linear": lambda s, o: s.OneCycleLR(
        o,
        1.0,
        epochs=5,
        steps_per_epoch=6,
        anneal_strategy="linear",
        pct_start=0.2,
        base_momentum=0.7,
        max_momentum=0.8,
    ),
    "one cycle in three": lambda s, o: s.OneCycleLR(o, 1.0, 31, three_phase=True, div_factor=10, final_div_factor=50),
    "one cycle, fixed momentum": lambda s, o: s.OneCycleLR(o, 1.0, 30, cycle_momentum=False),
    "warm-up and cosine": lambda s, o: _sequence(s, o, SCHEDULES["linear"], SCHEDULES["cosine"], milestones=[6]),
    "warm-up, exponential, step": lambda s, o: _sequence(
        s, o, SCHEDULES["linear"], SCHEDULES["exponential"], SCHEDULES["step"], milestones=[4, 11]
    ),
    "step and restarts": lambda s, o: _sequence(s, o, SCHEDULES["step"], SCHEDULES["restarts"], milestones=[5]),
    "multi-step and lambda": lambda s, o: _sequence(s, o, SCHEDULES["multi-step"], SCHEDULES["lambda"], milestones=[7]),
    "cycle after warm-up": lambda s, o: _sequence(s, o, SCHEDULES["linear"], SCHEDULES["one cycle"], milestones=[3]),
}
EPOCHS = 26


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_semantics_120_rates_equal_torch(torch: Any, schedule: str, name: str) -> None:
    histories = []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        optimizer = two_groups(optimizers, library, name)
        histories.append(run(optimizer, SCHEDULES[schedule](optimizers.lr_scheduler, optimizer), EPOCHS))
    assert_close(*histories)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("stop", [1, 4, 6, 12])
def test_semantics_120_resumed_equals_uninterrupted(schedule: str, stop: int) -> None:
    optimizer = two_groups(optim, ag)
    scheduler = SCHEDULES[schedule](lr_scheduler, optimizer)
    run(optimizer, scheduler, stop)
    saved, saved_scheduler = optimizer.state_dict(), scheduler.state_dict()
    expected = run(optimizer, scheduler, 10)
    other = two_groups(optim, ag)
    resumed = SCHEDULES[schedule](lr_scheduler, other)
    other.load_state_dict(saved)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.load_state_dict(saved_scheduler)
        assert resumed.get_last_lr() == rates_of(other)
        assert run(other, resumed, 10) == expected
    assert scheduler.state_dict() != saved_scheduler, "what was saved is a copy"


@pytest.mark.parametrize("schedule", ["step", "multi-step", "exponential", "lambda", "cosine", "linear", "one cycle"])
def test_semantics_120_resuming_with_last_epoch_equals_torch(torch: Any, schedule: str) -> None:
    """The older way to resume: the optimiser's state dict, and the number of the last finished epoch."""
    constructors: dict[str, Make] = {
        "step": lambda s, o: s.StepLR(o, 3, gamma=0.5, last_epoch=6),
        "multi-step": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.3, last_epoch=6),
        "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.9, last_epoch=6),
        "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch), last_epoch=6),
        "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=0.01, last_epoch=6),
        "linear": lambda s, o: s.LinearLR(o, start_factor=0.25, total_iters=6, last_epoch=6),
        "one cycle": lambda s, o: s.OneCycleLR(o, [0.5, 2.0], 30, last_epoch=6),
    }
    histories = []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        optimizer = two_groups(optimizers, library)
        run(optimizer, SCHEDULES[schedule](optimizers.lr_scheduler, optimizer), 7)
        saved = optimizer.state_dict()
        optimizer = two_groups(optimizers, library)
        with pytest.raises((ValueError, KeyError), match="initial_lr"):
            constructors[schedule](optimizers.lr_scheduler, optimizer)
        optimizer.load_state_dict(saved)
        histories.append(run(optimizer, constructors[schedule](optimizers.lr_scheduler, optimizer), 10))
    assert_close(*histories)


def test_semantics_120_a_rate_that_was_changed_stays_changed() -> None:
    optimizer = two_groups(optim, ag)
    scheduler = lr_scheduler.StepLR(optimizer, 3, gamma=0.5)
    run(optimizer, scheduler, 2)
    saved, saved_scheduler = optimizer.state_dict(), scheduler.state_dict()
    other = two_groups(optim, ag)
    resumed = lr_scheduler.StepLR(other, 3, gamma=0.5)
    other.load_state_dict(saved)
    resumed.load_state_dict(saved_scheduler)
    other.param_groups[0]["lr"] = 1.0
    assert [rates[0][0] for rates in run(other, resumed, 4)] == [1.0, 0.5, 0.5, 0.5, 0.25]


def test_semantics_120_golden_rates() -> None:
    """Known without PyTorch."""
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    scheduler = lr_scheduler.MultiStepLR(optimizer, [2, 4], gamma=0.5)
    assert [rates[0][0] for rates in run(optimizer, scheduler, 5)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    rates = [r[0][0] for r in run(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 4), 9)]
    np.testing.assert_allclose(rates, [(1 + math.cos(math.pi * t / 4)) / 2 for t in range(10)], atol=1e-15)


def test_the_first_step_uses_the_base_rate() -> None:
    (x,) = with_gradients((1,))
    x.grad = ag.ones(1, dtype=ag.float64)
    optimizer = optim.SGD([x], lr=0.5)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.1)
    before = x.item()
    optimizer.step()
    scheduler.step()
    assert x.item() == before - 0.5
    optimizer.step()
    assert x.item() == pytest.approx(before - 0.55)


# --- restarts by hand, functions with memory ------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2])
def test_restarts_at_fractions_of_epochs_equal_torch(torch: Any, factor: int) -> None:
    histories = []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        optimizer = two_groups(optimizers, library)
        scheduler = optimizers.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=factor)
        history = []
        for epoch in (0.0, 0.25, 0.5, 2.75, 3.5, 9.5, 4, 20.25, 1):
            scheduler.step(epoch)
            history.append(options_of(optimizer))
        for _ in range(3):
            optimizer.step()
            scheduler.step()
            history.append(options_of(optimizer))
        histories.append(history)
    assert_close(*histories)


def test_callable_objects_keep_their_memory() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, Halving())
    run(optimizer, scheduler, 3)
    saved = scheduler.state_dict()
    expected = run(optimizer, scheduler, 3)
    other = optim.SGD(with_gradients((1,)), lr=1.0)
    resumed = lr_scheduler.LambdaLR(other, Halving())
    resumed.load_state_dict(saved)
    assert saved["lr_lambdas"] == [{"calls": 4}]
    other.param_groups[0]["lr"] = expected[0][0][0]
    assert run(other, resumed, 3) == expected


def test_a_cycle_whose_rise_takes_no_step() -> None:
    """PyTorch divides by zero here."""
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, 10, pct_start=0.1)
    assert scheduler.get_last_lr() == [1.0]
    assert np.isfinite([rates[0][0] for rates in run(optimizer, scheduler, 9)]).all()


def test_a_cycle_ends() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, 3)
    run(optimizer, scheduler, 3)
    with pytest.raises(ValueError, match="3 steps and is over; this is step 4"):
        scheduler.step()


# --- misuse ---------------------------------------------------------------------------------------------------------


def test_a_scheduler_before_the_optimiser_warns_once() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="first learning rate of the schedule is skipped") as caught:
        scheduler.step()
    assert caught[0].filename == __file__
    scheduler.step()


def test_no_false_alarms() -> None:
    class Own(optim.Optimizer):
        def step(self, closure: Any = None) -> None:
            pass

    own = Own(with_gradients((1,)), {"lr": 1.0})
    scheduler = lr_scheduler.ExponentialLR(own, 0.5)
    own.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5]
    plain = optim.SGD(with_gradients((1,)), lr=1.0)
    resumed = lr_scheduler.ExponentialLR(plain, 0.5)
    resumed.load_state_dict(scheduler.state_dict())
    resumed.step()


def test_groups_that_come_after_the_scheduler() -> None:
    optimizer = optim.SGD(with_gradients((1,)), lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)
    optimizer.add_param_group({"params": with_gradients((1,))})
    optimizer.step()
    with pytest.raises(ValueError, match="rates for 1 groups, the optimiser has 2"):
        scheduler.step()


def _plain() -> optim.SGD:
    return optim.SGD(with_gradients((1,)), lr=1.0)


def _step(optimizer: Any) -> Any:
    return lr_scheduler.StepLR(optimizer, 1)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s, o: s.StepLR(3.0, 1), TypeError, "StepLR needs an Optimizer, got float"),
        (lambda s, o: s.ReduceLROnPlateau(None), TypeError, "ReduceLROnPlateau needs an Optimizer, got NoneType"),
        (lambda s, o: s.OneCycleLR([o], 1.0, 3), TypeError, "got list"),
        (lambda s, o: s.StepLR(o, 0), ValueError, "step_size must be at least 1, got 0"),
        (lambda s, o: s.StepLR(o, 2.5), TypeError, "step_size must be an integer, got 2.5"),
        (lambda s, o: s.StepLR(o, 1, gamma=-1), ValueError, "gamma must be at least 0"),
        (lambda s, o: s.StepLR(o, 1, gamma=math.nan), ValueError, "gamma must be finite"),
        (lambda s, o: s.MultiStepLR(o, [1, -2]), ValueError, "milestones must be integers of at least 0, got -2"),
        (lambda s, o: s.ExponentialLR(o, "half"), TypeError, "gamma must be a number"),
        (lambda s, o: s.LambdaLR(o, 0.5), TypeError, "must be a function, got float"),
        (lambda s, o: s.LambdaLR(o, [math.exp, math.exp]), ValueError, "2 functions for 1 parameter groups"),
        (lambda s, o: s.LinearLR(o, start_factor=0), ValueError, "start_factor must be above 0"),
        (lambda s, o: s.LinearLR(o, end_factor=1.5), ValueError, "end_factor must be between 0 and 1"),
        (lambda s, o: s.CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=0), ValueError, "T_mult must be at least 1"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "epoch must be at least 0"),
        (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "total_steps, or epochs and steps_per_epoch"),
        (lambda s, o: s.OneCycleLR(o, [1.0, 2.0], 5), ValueError, "2 values of max_lr for 1"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 5, pct_start=2.0), ValueError, "pct_start must be between 0 and 1"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 5, anneal_strategy="log"), ValueError, "'cos' or 'linear', got 'log'"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 5, div_factor=0), ValueError, "div_factor and final_div_factor"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 5, max_momentum=1.0), ValueError, "max_momentum must be .* below 1"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="low"), ValueError, "'min' or 'max', got 'low'"),
        (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "'rel' or 'abs', got 'x'"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be below 1"),
        (lambda s, o: s.ReduceLROnPlateau(o, patience=-1), ValueError, "patience must be at least 0"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "2 values of min_lr for 1"),
        (lambda s, o: s.SequentialLR(o, [], []), ValueError, "at least one schedule"),
        (lambda s, o: s.SequentialLR(o, [_step(o)], [1]), ValueError, "1 schedules need 0 milestones, got 1"),
        (lambda s, o: s.SequentialLR(o, [_step(o), 3], [1]), TypeError, "entry 1 is no scheduler but a int"),
        (lambda s, o: s.SequentialLR(o, [_step(_plain())], []), ValueError, "StepLR at 0 belongs to another"),
        (lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError, "needs a metric"),
        (lambda s, o: s.SequentialLR(o, [_step(o)] * 3, [4, 2]), ValueError, r"must increase, got \[4, 2\]"),
        (lambda s, o: s.StepLR(o, 1, last_epoch=3), ValueError, "group 0 has no 'initial_lr'.*last_epoch=3"),
    ],
)
def test_bad_arguments(make: Make, error: type[Exception], message: str) -> None:
    optimizer = _plain()
    with pytest.raises(error, match=message):
        make(lr_scheduler, optimizer)
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_a_cycle_needs_momentum() -> None:
    with pytest.raises(ValueError, match="Adagrad has no momentum: give cycle_momentum=False"):
        lr_scheduler.OneCycleLR(optim.Adagrad(with_gradients((1,))), 1.0, 5)


def test_bad_state_dicts() -> None:
    optimizer = _plain()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    before = scheduler.state_dict()
    with pytest.raises(TypeError, match="a dictionary, got list"):
        scheduler.load_state_dict([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lacks gamma, step_size"):
        scheduler.load_state_dict(lr_scheduler.LinearLR(_plain()).state_dict())
    with pytest.raises(ValueError, match="rates for 2 groups, the optimiser has 1"):
        scheduler.load_state_dict(lr_scheduler.StepLR(two_groups(optim, ag), 3).state_dict())
    assert scheduler.state_dict() == before
    with pytest.raises(NotImplementedError, match="get_lr"):
        lr_scheduler.LRScheduler(optimizer)


def test_state_dicts_of_torch_are_read(torch: Any) -> None:
    other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(other, 9)
    run(other, theirs, 4)
    optimizer = _plain()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 5)
    scheduler.load_state_dict(theirs.state_dict())
    optimizer.param_groups[0]["lr"] = other.param_groups[0]["lr"]
    for _ in range(5):
        other.step()
        theirs.step()
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(scheduler.get_last_lr(), theirs.get_last_lr(), rtol=1e-12)

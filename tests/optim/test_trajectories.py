"""Fifty steps of every optimiser, with every option, equal PyTorch's to rounding; Lion's equal its definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from tests.optim.problems import PROBLEMS, Problem, follow, start

STEPS = 50

# Optimiser, options, and a learning rate that Rosenbrock's valley bears (adaptive methods bear any).
CASES: list[tuple[str, dict[str, Any], float]] = [
    ("SGD", {}, 1e-4),
    ("SGD", {"momentum": 0.9}, 1e-4),
    ("SGD", {"momentum": 0.9, "dampening": 0.3}, 1e-4),
    ("SGD", {"momentum": 0.9, "nesterov": True}, 1e-4),
    ("SGD", {"momentum": 0.5, "maximize": True}, 1e-4),
    ("Adam", {}, 0.05),
    ("Adam", {"betas": (0.5, 0.6), "eps": 1e-2}, 0.05),
    ("Adam", {"amsgrad": True}, 0.05),
    ("Adam", {"maximize": True}, 0.05),
    ("Adam", {"amsgrad": True, "maximize": True}, 0.05),
    ("AdamW", {}, 0.05),
    ("AdamW", {"amsgrad": True}, 0.05),
    ("AdamW", {"maximize": True}, 0.05),
    ("Adagrad", {}, 0.1),
    ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5}, 0.1),
    ("Adagrad", {"maximize": True}, 0.1),
    ("Adadelta", {}, 1.0),
    ("Adadelta", {"rho": 0.5, "eps": 1e-3, "maximize": True}, 0.5),
    ("RMSprop", {}, 0.01),
    ("RMSprop", {"alpha": 0.5, "momentum": 0.9}, 0.01),
    ("RMSprop", {"centered": True}, 0.01),
    ("RMSprop", {"centered": True, "momentum": 0.5}, 0.01),
    ("RMSprop", {"maximize": True}, 0.01),
    ("Adamax", {}, 0.05),
    ("Adamax", {"betas": (0.8, 0.95), "maximize": True}, 0.05),
    ("NAdam", {}, 0.05),
    ("NAdam", {"decoupled_weight_decay": True}, 0.05),
    ("NAdam", {"momentum_decay": 0.1, "maximize": True}, 0.05),
    ("RAdam", {}, 5e-4),
    ("RAdam", {"decoupled_weight_decay": True}, 5e-4),
    ("RAdam", {"betas": (0.5, 0.9), "maximize": True}, 5e-4),
]


def _label(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={option}" for name, option in value.items()) or "plain"
    return value.name if isinstance(value, Problem) else str(value)


@pytest.fixture
def double(torch: Any) -> Iterator[Any]:
    """PyTorch with float64 as the default, so that the scalars it keeps (NAdam's product of momenta) are float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize("problem", PROBLEMS, ids=_label)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1], ids=["no decay", "decay"])
@pytest.mark.parametrize(("name", "options", "lr"), CASES, ids=_label)
def test_trajectory_equals_torch(
    double: Any, name: str, options: dict[str, Any], lr: float, weight_decay: float, problem: Problem
) -> None:
    options = {"lr": lr, "weight_decay": weight_decay, **options}
    sign = -1.0 if options.get("maximize") else 1.0
    ways = []
    for library, optimizers in ((ag, optim), (double, double.optim)):
        parameters = start(library, problem)
        optimizer = getattr(optimizers, name)(parameters, **options)
        ways.append(follow(library, problem, parameters, optimizer, STEPS, sign))
    assert np.isfinite(ways[1]).all()
    np.testing.assert_allclose(ways[0], ways[1], rtol=1e-11, atol=1e-13)
    assert not np.allclose(ways[0][0], ways[0][-1])


@pytest.mark.parametrize("problem", PROBLEMS, ids=_label)
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.5, "betas": (0.5, 0.8)}, {"maximize": True}], ids=_label)
def test_lion_follows_its_definition(options: dict[str, Any], problem: Problem) -> None:
    lr, (beta1, beta2) = 0.01, options.get("betas", (0.9, 0.99))
    sign = -1.0 if options.get("maximize") else 1.0
    parameters = start(ag, problem)
    optimizer = optim.Lion(parameters, lr=lr, **options)
    values = [value.copy() for value in problem.starts]
    averages = [np.zeros_like(value) for value in values]
    for _ in range(STEPS):
        optimizer.zero_grad()
        (sign * problem.loss(ag, *parameters)).sum().backward()
        for index, parameter in enumerate(parameters):
            gradient = sign * parameter.grad.numpy()
            direction = np.sign(beta1 * averages[index] + (1 - beta1) * gradient)
            values[index] = values[index] * (1 - lr * options.get("weight_decay", 0)) - lr * direction
            averages[index] = beta2 * averages[index] + (1 - beta2) * gradient
        optimizer.step()
        for parameter, value in zip(parameters, values, strict=True):
            np.testing.assert_allclose(parameter.detach().numpy(), value, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax", "Adadelta"])
def test_parameters_without_gradients_and_groups_as_in_torch(double: Any, name: str) -> None:
    """Gradients that come and go, and groups with options of their own: each parameter ages alone."""
    random = np.random.default_rng(3)
    values = [random.normal(size=(4, 3)), random.normal(size=4), random.normal(size=2)]
    gradients = [[random.normal(size=value.shape) for value in values] for _ in range(12)]
    present = random.random((12, 3)) < 0.6
    present[:, 0] |= np.arange(12) > 5
    extra = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    results = []
    for library, optimizers in ((ag, optim), (double, double.optim)):
        parameters = [library.tensor(value, requires_grad=True) for value in values]
        groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.3, "weight_decay": 0.2}]
        optimizer = getattr(optimizers, name)(groups, lr=0.1, **extra)
        for step in range(12):
            for index, parameter in enumerate(parameters):
                parameter.grad = library.tensor(gradients[step][index]) if present[step, index] else None
            optimizer.step()
        results.append(np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters]))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-11)


def test_float32_stays_close_to_torch(torch: Any) -> None:
    problem = PROBLEMS[2]
    ways = []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        parameters = start(library, problem, np.float32)

        def loss(library: Any, weight: Any, bias: Any) -> Any:
            return ((weight * weight).sum() + (bias - 1).abs().sum()) * 0.5

        optimizer = optimizers.AdamW(parameters, lr=0.05, weight_decay=0.1)
        ways.append(follow(library, Problem("", loss, ()), parameters, optimizer, STEPS))
    assert ways[0].dtype == np.float32
    np.testing.assert_allclose(ways[0], ways[1], rtol=2e-5, atol=2e-6)

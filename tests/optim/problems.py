"""Small problems to minimise, here and in PyTorch, and the parameters' way through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_core as ag

# Every optimiser that steps by a formula, with the options that give it the most state.
FULL: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Adagrad": {},
    "Adadelta": {},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {},
    "Lion": {},
}
_random = np.random.default_rng(7)
_INPUTS = _random.normal(size=(12, 3))
_TARGETS = _random.normal(size=(12, 2))


def _parabola(library: Any, x: Any) -> Any:
    scale = library.tensor(np.array([1.0, 10.0, 0.1]))
    return (scale * x * x).sum() - x.sum()


def _rosenbrock(library: Any, x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _regression(library: Any, weight: Any, bias: Any) -> Any:
    return ((library.tensor(_INPUTS) @ weight + bias - library.tensor(_TARGETS)) ** 2).mean()


@dataclass(frozen=True)
class Problem:
    """A loss of some parameters, and where they start."""

    name: str
    loss: Callable[..., Any]
    starts: tuple[np.ndarray, ...]


PROBLEMS = (
    Problem("parabola", _parabola, (np.array([1.0, -2.0, 3.0]),)),
    Problem("rosenbrock", _rosenbrock, (np.array(-1.2), np.array(1.0))),
    Problem("regression", _regression, (_random.normal(size=(3, 2)), _random.normal(size=2))),
)


def start(library: Any, problem: Problem, dtype: Any = np.float64) -> list[Any]:
    """Parameters of `problem` in `library`."""
    return [library.tensor(value.astype(dtype), requires_grad=True) for value in problem.starts]


def follow(
    library: Any, problem: Problem, parameters: list[Any], optimizer: Any, steps: int, sign: float = 1.0
) -> np.ndarray:
    """The parameters after each of `steps`, one row a step."""
    rows = []
    for _ in range(steps):
        optimizer.zero_grad()
        (sign * problem.loss(library, *parameters)).sum().backward()
        optimizer.step()
        rows.append(np.concatenate([p.detach().numpy().ravel() for p in parameters]))
    return np.array(rows)


def with_gradients(*shapes: tuple[int, ...], dtype: Any = np.float64, seed: int = 0) -> list[ag.Tensor]:
    """Random parameters that have random gradients."""
    random = np.random.default_rng(seed)
    parameters = [ag.tensor(random.normal(size=shape).astype(dtype), requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = ag.tensor(random.normal(size=parameter.shape).astype(dtype))
    return parameters

"""L-BFGS and its line search: PyTorch's iterates, resuming, and what is refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from optim.line_search import Point, cubic_minimum, strong_wolfe
from tests.optim.problems import PROBLEMS, Problem, start, with_gradients

OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.5, "max_iter": 3, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "max_eval": 6, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "lr": 20.0, "max_iter": 2, "max_eval": 30},
]


def _closure(library: Any, problem: Problem, parameters: list[Any], optimizer: Any) -> Any:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = problem.loss(library, *parameters).sum()
        loss.backward()
        return loss

    return closure


def _values(parameters: list[Any]) -> np.ndarray:
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters])


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
@pytest.mark.parametrize("options", OPTIONS)
def test_iterates_equal_torch(torch: Any, options: dict[str, Any], problem: Problem) -> None:
    if problem.name == "rosenbrock" and "line_search_fn" not in options:
        options = {**options, "lr": 1e-3}
    ways, losses, counts = [], [], []
    for library, optimizers in ((ag, optim), (torch, torch.optim)):
        parameters = start(library, problem)
        optimizer = optimizers.LBFGS(parameters, **options)
        closure = _closure(library, problem, parameters, optimizer)
        losses.append([optimizer.step(closure).item() for _ in range(4)])
        ways.append(_values(parameters))
        state = optimizer.state[parameters[0]]
        counts.append((state["func_evals"], state.get("n_iter", 0), len(state.get("old_dirs", ()))))
    assert counts[0] == counts[1]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(ways[0], ways[1], rtol=1e-6, atol=1e-9)


def test_rosenbrock_is_solved() -> None:
    parameters = start(ag, PROBLEMS[1])
    optimizer = optim.LBFGS(parameters, line_search_fn="strong_wolfe", max_iter=100)
    with ag.no_grad():  # the closure records all the same
        optimizer.step(_closure(ag, PROBLEMS[1], parameters, optimizer))
    np.testing.assert_allclose(_values(parameters), 1, rtol=1e-4)
    assert all(parameter.is_leaf for parameter in parameters)


@pytest.mark.parametrize("options", OPTIONS[1:4])
def test_semantics_122_resumed_equals_uninterrupted(options: dict[str, Any]) -> None:
    problem = PROBLEMS[2]
    parameters = start(ag, problem)
    optimizer = optim.LBFGS(parameters, **options)
    closure = _closure(ag, problem, parameters, optimizer)
    optimizer.step(closure)
    saved = optimizer.state_dict()
    twins = [ag.tensor(parameter.detach(), requires_grad=True) for parameter in parameters]
    resumed = optim.LBFGS(twins)
    resumed.load_state_dict(saved)
    kept = copy.deepcopy(saved["state"][0])
    for _ in range(3):
        optimizer.step(closure)
        resumed.step(_closure(ag, problem, twins, resumed))
    assert np.array_equal(_values(parameters), _values(twins))
    for name, value in saved["state"][0].items():
        if isinstance(value, list):
            assert [np.asarray(v).tolist() for v in value] == [np.asarray(v).tolist() for v in kept[name]]


def test_state_of_torch_is_continued(torch: Any) -> None:
    problem = PROBLEMS[2]
    theirs = start(torch, problem)
    other = torch.optim.LBFGS(theirs, lr=0.5, max_iter=3)
    closure = _closure(torch, problem, theirs, other)
    other.step(closure)
    saved = copy.deepcopy(other.state_dict())
    own = [ag.tensor(parameter.detach().numpy(), requires_grad=True) for parameter in theirs]
    optimizer = optim.LBFGS(own)
    optimizer.load_state_dict(saved)
    for _ in range(2):
        other.step(closure)
        optimizer.step(_closure(ag, problem, own, optimizer))
    np.testing.assert_allclose(_values(own), _values(theirs), rtol=1e-8)


def test_float32_and_missing_gradients() -> None:
    used = ag.tensor(np.float32([3.0, -4.0]), requires_grad=True)
    unused = ag.ones(2, 2, requires_grad=True)
    optimizer = optim.LBFGS([unused, used], line_search_fn="strong_wolfe")

    def closure() -> ag.Tensor:
        optimizer.zero_grad()
        loss = (used * used).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 25
    assert used.dtype == np.float32
    np.testing.assert_allclose(used.detach().numpy(), 0, atol=1e-5)
    assert (unused.detach().numpy() == 1).all()


def test_what_is_refused() -> None:
    one, two = with_gradients((2,), (2,))
    with pytest.raises(TypeError, match="needs a closure"):
        optim.LBFGS([one]).step()
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [one]}, {"params": [two]}])
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([one]).add_param_group({"params": [two]})
    for options, error, message in (
        ({"line_search_fn": "armijo"}, ValueError, "None or 'strong_wolfe', got 'armijo'"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"max_eval": 1.5}, TypeError, "max_eval must be an integer"),
        ({"history_size": 0}, ValueError, "history_size"),
        ({"lr": -1}, ValueError, "lr must be at least 0"),
        ({"tolerance_grad": math.nan}, ValueError, "tolerance_grad must be finite"),
    ):
        with pytest.raises(error, match=message):
            optim.LBFGS([one], **options)


# --- the line search ------------------------------------------------------------------------------------------------


def _line(loss: Any, slope: Any) -> Any:
    return lambda step: Point(step, loss(step), np.array([slope(step)]), slope(step))


def test_the_minimum_of_a_cubic() -> None:
    point = _line(lambda t: t**3 - 3 * t, lambda t: 3 * t * t - 3)
    for one, two in ((0.0, 2.0), (2.0, 0.0), (0.5, 1.25)):
        assert cubic_minimum(point(one), point(two)) == pytest.approx(1.0)
    assert cubic_minimum(point(1.5), point(2.0)) == 1.5, "the end that is nearest"
    assert cubic_minimum(point(0.0), point(2.0), (1.2, 5.0)) == 1.2
    falling = _line(lambda t: -(t**3) - t, lambda t: -3 * t * t - 1)
    assert cubic_minimum(falling(-1.0), falling(1.0)) == 0.0, "no minimum: the middle"
    assert math.isfinite(cubic_minimum(point(1.0), point(1.0), (0.0, 2.0)))


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 1e3])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
        (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
        (lambda t: (t - 2) ** 2 if t < 5 else math.nan, lambda t: 2 * (t - 2) if t < 5 else math.nan),
        (lambda t: math.cosh(t - 3) if t < 700 else math.inf, lambda t: math.sinh(t - 3) if t < 700 else math.inf),
        (lambda t: math.sin(3 * t) + 0.1 * t * t - 4 * t, lambda t: 3 * math.cos(3 * t) + 0.2 * t - 4),
    ],
)
def test_wolfe_conditions_hold(loss: Any, slope: Any, first: float) -> None:
    evaluate = _line(loss, slope)
    start = evaluate(0.0)
    point, used = strong_wolfe(evaluate, start, first, 1.0, 50)
    assert used < 50
    assert point.loss <= start.loss + 1e-4 * point.step * start.slope
    assert abs(point.slope) <= 0.9 * abs(start.slope)

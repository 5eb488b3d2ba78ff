"""Derivatives of derivatives, and of operations with several outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
from autograd_core.declaration import structural
from autograd_core.op import REGISTRY, Sample
from autograd_core.recording import apply
from tests.leaves import leaf

# --- derivatives of any order -----------------------------------------------------------------------------------------


def derivatives(function: Any, point: float, orders: int) -> list[float]:
    """The value and the first derivatives of a scalar function, each from the graph of the one before."""
    x = leaf(point)
    current = function(x)
    found = [current.item()]
    for _ in range(orders):
        (current,) = ag.grad(current, x, create_graph=True, allow_unused=True, materialize_grads=True)
        found.append(current.item())
        if not current.requires_grad:
            break
    return found


CLOSED_FORMS = {
    "power": (lambda x: x**5, 1.3, [1.3**5, 5 * 1.3**4, 20 * 1.3**3, 60 * 1.3**2, 120 * 1.3]),
    "exp": (lambda x: x.exp(), 0.7, [math.exp(0.7)] * 5),
    "sin": (lambda x: x.sin(), 0.7, [math.sin(0.7), math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)]),
    "log": (lambda x: x.log(), 2.0, [math.log(2), 1 / 2, -1 / 4, 2 / 8, -6 / 16]),
    "reciprocal": (lambda x: 1 / x, 2.0, [1 / 2, -1 / 4, 2 / 8, -6 / 16, 24 / 32]),
    "sqrt": (lambda x: x.sqrt(), 4.0, [2, 1 / 4, -1 / 32, 3 / 256]),
    "product": (lambda x: x * x.exp(), 0.5, [(0.5 + k) * math.exp(0.5) for k in range(5)]),
    "composition": (lambda x: (x * x).exp(), 0.0, [1, 0, 2, 0, 12]),
}


@pytest.mark.parametrize("case", CLOSED_FORMS.values(), ids=CLOSED_FORMS)
def test_higher_derivatives_have_their_closed_forms(case: Any) -> None:
    function, point, expected = case
    assert_allclose(derivatives(function, point, len(expected) - 1), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "erf", "softplus", "silu", "elu", "gelu", "softmax", "std"])
def test_third_derivatives_agree_with_pytorch(name: str, torch: Any) -> None:
    values = [0.3, 0.7, 0.2]

    def third(library: Any, x: Any) -> Any:
        if library is ag:
            function = REGISTRY["gelu_exact"].function if name == "gelu" else getattr(ag, name)
        else:
            function = getattr(torch.nn.functional, name, None) or getattr(torch, name)
        y = (function(x, 0) if name == "softmax" else function(x)) ** 2
        differentiate = ag.grad if library is ag else torch.autograd.grad
        (first,) = differentiate(y.sum(), x, create_graph=True)
        (second,) = differentiate((first * first).sum(), x, create_graph=True)
        return differentiate((second * second).sum(), x)[0]

    ours = third(ag, leaf(values)).numpy()
    theirs = third(torch, torch.tensor(values, dtype=torch.float64, requires_grad=True)).numpy()
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_mixed_partial_derivatives_commute() -> None:
    x, y = leaf(0.7), leaf(1.3)
    z = (x * y).sin() * x.exp()
    by_x, by_y = ag.grad(z, [x, y], create_graph=True)
    (first,) = ag.grad(by_x, y, retain_graph=True)
    (second,) = ag.grad(by_y, x)
    assert first.item() == pytest.approx(second.item(), rel=1e-13)


def test_a_gradient_penalty_trains_through_its_own_gradient() -> None:
    w = leaf([[0.5, -0.3]])
    x = leaf([[1.0, 2.0]])
    (slope,) = ag.grad((x @ w.T).tanh().sum(), x, create_graph=True)
    ((slope * slope).sum()).backward()
    # slope = w (1 - t^2); d(|w|^2 (1 - t^2)^2)/dw = 2 w (1-t^2)^2 - 4 |w|^2 (1-t^2)^2 t x
    t = math.tanh(0.5 - 0.6)
    expected = 2 * np.array([0.5, -0.3]) * (1 - t * t) ** 2 - 4 * 0.34 * (1 - t * t) ** 2 * t * np.array([1.0, 2.0])
    assert_allclose(w.grad.numpy()[0], expected, rtol=1e-12)


def test_create_graph_keeps_the_graph_for_another_pass() -> None:
    x = leaf(2.0)
    y = x**3
    (first,) = ag.grad(y, x, create_graph=True)
    (again,) = ag.grad(y, x)
    assert first.item() == again.item() == 12.0
    with pytest.raises(ag.GraphError):
        ag.grad(y, x)


def test_gradients_flow_through_the_cotangent_too() -> None:
    x, v = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (product,) = ag.grad(x**2, x, v, create_graph=True)
    (by_v,) = ag.grad(product.sum(), v)
    assert by_v.tolist() == [2.0, 4.0]


# --- operations with several outputs ----------------------------------------------------------------------------------


@pytest.fixture
def halves() -> Iterator[Any]:
    """A declared operation with two floating results and one of integers, removed again afterwards."""

    def forward(x: np.ndarray) -> Any:
        return x[: len(x) // 2] * 2, x[len(x) // 2 :] * 3, np.array(len(x))

    @structural("test_halves", outputs=3, samples=lambda random: [Sample((random.standard_normal(4),))])
    def operation(x: np.ndarray) -> Any:
        """Two scaled halves and the length."""
        return forward(x)

    @operation.vjp()
    def _(cotangent: Any, x_shape: Any) -> list[Any]:
        first, second = cotangent[0], cotangent[1]
        return [
            ag.cat([first * 2, second * 3]) if isinstance(first, ag.Tensor) else np.concatenate([first * 2, second * 3])
        ]

    yield lambda x: apply(operation.op, (x,), {})
    del REGISTRY["test_halves"]


def test_every_output_of_an_operation_may_be_used_or_not(halves: Any) -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0])
    first, second, length = halves(x)
    assert first.requires_grad
    assert second.requires_grad
    assert not length.requires_grad
    assert length.item() == 4
    (first.sum() + second.sum() + second.sum()).backward()
    assert x.grad.tolist() == [2.0, 2.0, 6.0, 6.0]
    x.grad = None
    halves(x)[1].sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 3.0, 3.0]
    x.grad = None
    first, _, _ = halves(x)
    (first * first).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0, 0.0, 0.0]


def test_an_operation_with_several_outputs_differentiates_twice(halves: Any) -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0])
    first, second, _ = halves(x)
    (gradient,) = ag.grad((first**3).sum() + second.sum(), x, create_graph=True)
    (gradient.sum()).backward()
    assert gradient.tolist() == [24.0, 96.0, 3.0, 3.0]  # (2x)^3 = 8 x^3
    assert x.grad.tolist() == [48.0, 96.0, 0.0, 0.0]

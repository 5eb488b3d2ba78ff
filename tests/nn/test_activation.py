"""Activations against PyTorch: values, gradients, kinks, options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import functional

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ReLU", {}),
    ("ReLU6", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 4, "init": 0.1}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.7}),
    ("SELU", {}),
    ("CELU", {}),
    ("CELU", {"alpha": 2.0}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Mish", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 2.0, "threshold": 3.0}),
    ("Softplus", {"beta": 0.5}),
    ("Softsign", {}),
    ("Sigmoid", {}),
    ("LogSigmoid", {}),
    ("Tanh", {}),
    ("Hardtanh", {}),
    ("Hardtanh", {"min_val": -0.5, "max_val": 2.0}),
    ("Hardsigmoid", {}),
    ("Hardswish", {}),
    ("Softmax", {"dim": 1}),
    ("Softmax", {"dim": 0}),
    ("LogSoftmax", {"dim": -1}),
]
# Each kink of the table, at itself and beside it, and values that saturate.
POINTS = np.array(
    [-1e3, -25.0, -6.0, -3.0, -1.5, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 12.0, 1e3]
)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_are_pytorchs(torch: Any, name: str, options: dict[str, Any], dtype: str) -> None:
    own, other = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    own.to(dtype)
    other.to(getattr(torch, dtype))
    values = np.resize(POINTS, (5, 4)).astype(dtype)
    cotangent = np.random.default_rng(1).standard_normal(values.shape).astype(dtype)
    x, y = ag.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    result, expected = own(x), other(y)
    # PyTorch rounds the sixth in the derivatives of these two to float32.
    exact = 1e-7 if name.startswith("Hards") else 1e-9
    tolerance = {"rtol": 3e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": exact, "atol": 1e-12}
    np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), **tolerance)
    result.backward(ag.tensor(cotangent))
    expected.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), **tolerance)
    for parameter, theirs in zip(own.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), theirs.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
def test_nan_stays_and_dtype_is_kept(name: str, options: dict[str, Any]) -> None:
    activation = getattr(nn, name)(**options)
    for dtype in (ag.float32, ag.float64):
        result = activation.to(dtype)(ag.full((4, 4), float("nan"), dtype=dtype))
        assert result.dtype == dtype
        assert np.isnan(result.detach().numpy()).all()


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if not case[0].startswith(("Softm", "LogSoftm"))])
def test_second_derivatives(name: str, options: dict[str, Any]) -> None:
    """Against finite differences of the first, away from kinks."""
    activation = getattr(nn, name)(**options).double()
    values = np.array([[-1.7, -0.7, 0.3, 1.3]])

    def slope(point: np.ndarray, create_graph: bool = False) -> Any:
        x = ag.tensor(point, requires_grad=True)
        (first,) = ag.grad((activation(x) * x).sum(), x, create_graph=create_graph)
        return x, first

    x, first = slope(values, create_graph=True)
    (second,) = ag.grad(first.sum(), x)
    step = 1e-6
    expected = (slope(values + step)[1] - slope(values - step)[1]).numpy() / (2 * step)
    np.testing.assert_allclose(second.numpy(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "name",
    ["ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardtanh", "Hardsigmoid", "Hardswish"],
)
def test_in_place_forms(name: str) -> None:
    values = np.linspace(-4, 4, 9)
    x = ag.tensor(values, requires_grad=True)
    expected = getattr(nn, name)()(x)
    (gradient,) = ag.grad(expected.sum(), x)
    hidden = x * 1
    result = getattr(nn, name)(inplace=True)(hidden)
    assert result is hidden
    assert result.tolist() == expected.tolist()
    (again,) = ag.grad(result.sum(), x)
    assert again.tolist() == gradient.tolist()


def test_leaving_out_the_dimension_is_deprecated() -> None:
    x = ag.randn(2, 3)
    for function in (functional.softmax, functional.log_softmax):
        with pytest.warns(UserWarning, match="choosing the dimension implicitly is deprecated"):
            implicit = function(x)
        assert implicit.tolist() == function(x, dim=1).tolist()
    with pytest.warns(UserWarning, match="deprecated"):
        assert functional.softmax(ag.randn(3)).sum().item() == pytest.approx(1)
    assert functional.softmax(ag.tensor([1, 2]), 0, dtype=ag.float64).dtype == ag.float64


def test_bad_options_are_refused() -> None:
    x = ag.ones(2, 3)
    with pytest.raises(ValueError, match="approximate must be 'none' or 'tanh', got 'erf'"):
        functional.gelu(x, "erf")
    with pytest.raises(ValueError, match="beta must not be 0"):
        functional.softplus(x, beta=0)
    with pytest.raises(ValueError, match="alpha must not be 0"):
        functional.celu(x, alpha=0)
    with pytest.raises(ValueError, match="min_val 2 must not exceed max_val 1"):
        functional.hardtanh(x, 2, 1)
    with pytest.raises(ValueError, match="min_val must lie below max_val"):
        nn.Hardtanh(1, 1)
    with pytest.raises(ValueError, match=r"weight must have shape \(1,\) or \(3,\), got \(2,\)"):
        functional.prelu(x, ag.ones(2))
    with pytest.raises(ValueError, match="num_parameters must be at least 1, got 0"):
        nn.PReLU(0)


def test_learned_slopes() -> None:
    slopes = nn.PReLU(2)
    for shape in ((3, 2), (3, 2, 4)):
        assert slopes(-ag.ones(*shape)).tolist() == np.full(shape, -0.25).tolist()
    assert nn.PReLU()(ag.tensor(-2.0)).item() == -0.5


def test_selu_keeps_mean_and_variance() -> None:
    # Klambauer et al. 2017: (0, 1) is the fixed point for standard normal input.
    result = functional.selu(ag.randn(200_000, dtype=ag.float64)).numpy()
    assert abs(result.mean()) < 0.02
    assert abs(result.var() - 1) < 0.02

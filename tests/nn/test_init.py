"""Initialisers: bounds, variances, repeatability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from nn import init


def weight(*shape: int, dtype: Any = ag.float64) -> nn.Parameter:
    return nn.Parameter(ag.empty(*shape, dtype=dtype))


def test_semantics_109_default_of_linear_is_uniform_within_one_over_root_fan_in() -> None:
    layer = nn.Linear(25, 4000)
    values, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for drawn in (values, bias):
        assert np.abs(drawn).max() <= 0.2
        assert np.abs(drawn).max() > 0.199
        assert drawn.var() == pytest.approx(0.2**2 / 3, rel=0.05)
        assert abs(drawn.mean()) < 0.01


def test_semantics_109_fans_of_dense_and_convolution_weights() -> None:
    assert init._calculate_fan_in_and_fan_out(ag.empty(5, 4)) == (4, 5)
    assert init._calculate_fan_in_and_fan_out(ag.empty(8, 3, 2, 5)) == (30, 80)
    for shape in ((3,), ()):
        with pytest.raises(ValueError, match="2 or more dimensions"):
            init._calculate_fan_in_and_fan_out(ag.empty(*shape))


@pytest.mark.torch
@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "conv_transpose1d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
@pytest.mark.parametrize("param", [None, 0.3])
def test_gains_are_pytorchs(torch: Any, name: str, param: float | None) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-12)


def test_unknown_gains_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown nonlinearity 'rleu'; known are leaky_relu"):
        init.calculate_gain("rleu")
    with pytest.raises(ValueError, match="must be a number, got True"):
        init.calculate_gain("leaky_relu", True)


# Variances from the papers: Glorot 2 / (in + out), He 2 / in, for a weight of 300 outputs and 100 inputs.
@pytest.mark.parametrize(
    ("function", "options", "variance"),
    [
        (init.xavier_normal_, {}, 2 / 400),
        (init.xavier_uniform_, {}, 2 / 400),
        (init.xavier_uniform_, {"gain": 3.0}, 9 * 2 / 400),
        (init.kaiming_normal_, {}, 2 / 100),
        (init.kaiming_uniform_, {}, 2 / 100),
        (init.kaiming_uniform_, {"mode": "fan_out"}, 2 / 300),
        (init.kaiming_normal_, {"a": 0.5}, 2 / 1.25 / 100),
        (init.kaiming_normal_, {"nonlinearity": "linear"}, 1 / 100),
        (init.normal_, {"std": 0.3}, 0.09),
        (init.uniform_, {"a": -1.0, "b": 2.0}, 9 / 12),
    ],
)
def test_variances(function: Any, options: dict[str, Any], variance: float) -> None:
    for dtype in (ag.float32, ag.float64):
        tensor = weight(300, 100, dtype=dtype)
        assert function(tensor, **options) is tensor
        assert tensor.requires_grad
        assert tensor.is_leaf
        assert tensor.detach().numpy().var() == pytest.approx(variance, rel=0.04)


def test_bounds_of_uniform_initialisers() -> None:
    for function, bound in ((init.xavier_uniform_, math.sqrt(6 / 400)), (init.kaiming_uniform_, math.sqrt(6 / 100))):
        largest = np.abs(function(weight(300, 100)).detach().numpy()).max()
        assert 0.999 * bound < largest <= bound
    convolution = np.abs(init.kaiming_uniform_(weight(64, 16, 3, 3)).detach().numpy()).max()
    assert 0.99 * math.sqrt(6 / 144) < convolution <= math.sqrt(6 / 144)


@pytest.mark.parametrize(
    ("function", "growth"),
    [
        (init.xavier_normal_, 1.0),
        (init.xavier_uniform_, 1.0),
        (init.kaiming_uniform_, 2.0),
        (lambda tensor: init.normal_(tensor, std=0.105), 100 * 0.105**2),
    ],
)
def test_variance_of_activations_through_twenty_layers(function: Any, growth: float) -> None:
    """Over many random linear networks the variance is multiplied by fan-in times weight variance in each layer."""
    networks, layers, width = 256, 20, 100
    tensor = ag.empty(width, width)
    state = np.ones((networks, width), np.float32)
    for layer in range(1, layers + 1):
        state = np.stack([function(tensor).numpy() @ activations for activations in state])
        assert np.mean(state**2) == pytest.approx(growth**layer, rel=0.1)


def test_truncated_normal() -> None:
    values = init.trunc_normal_(weight(200, 100)).detach().numpy()
    assert np.abs(values).max() <= 2
    # The variance of a standard normal cut at ±2 is 0.7737 (Johnson, Kotz and Balakrishnan 1994, section 13.10.1).
    assert values.var() == pytest.approx(0.7737, rel=0.03)
    assert abs(values.mean()) < 0.03
    moved = init.trunc_normal_(weight(100, 100), mean=1.0, std=0.5, a=0.9, b=5.0).detach().numpy()
    assert moved.min() >= 0.9
    # Far tails: the mean of a standard normal above z is close to z + 1/z.
    for sign in (1, -1):
        low, high = sorted((sign * 10.0, sign * 60.0))
        tail = sign * init.trunc_normal_(weight(100, 20), a=low, b=high).detach().numpy()
        assert tail.min() >= 10
        assert tail.mean() == pytest.approx(10.098, rel=1e-3)
    with pytest.raises(ValueError, match="a below b"):
        init.trunc_normal_(weight(2, 2), a=1, b=1)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 2, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal_(weight(*shape), gain=2.0).detach().numpy().reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)
    assert init.orthogonal_(weight(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.orthogonal_(weight(3))


def test_constants_identity_and_sparse() -> None:
    tensor = weight(2, 3)
    assert init.constant_(tensor, 1.5).tolist() == [[1.5] * 3] * 2
    assert init.zeros_(tensor).tolist() == [[0.0] * 3] * 2
    assert init.ones_(tensor).tolist() == [[1.0] * 3] * 2
    assert init.eye_(tensor).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert tensor.requires_grad
    sparse = init.sparse_(weight(10, 50), sparsity=0.35).detach().numpy()
    assert ((sparse == 0).sum(axis=0) == 4).all()
    for function in (init.eye_, lambda t: init.sparse_(t, 0.5)):
        with pytest.raises(ValueError, match="matrix"):
            function(weight(2, 2, 2))


def test_the_seed_repeats_every_initialiser() -> None:
    functions: list[Any] = [getattr(init, name) for name in init.__all__ if name not in ("calculate_gain", "sparse_")]
    for function in [*functions, lambda t, **named: init.sparse_(t, 0.3, **named)]:
        arguments = (0.5,) if function is init.constant_ else ()
        ag.manual_seed(5)
        first = function(weight(4, 5), *arguments).tolist()
        ag.manual_seed(5)
        assert function(weight(4, 5), *arguments).tolist() == first
    generator = ag.Generator(1)
    state = ag.get_rng_state()["state"]["counter"].tolist()
    first = init.normal_(weight(3, 3), generator=generator).tolist()
    assert ag.get_rng_state()["state"]["counter"].tolist() == state
    assert init.normal_(weight(3, 3), generator=ag.Generator(1)).tolist() == first


def test_initialising_is_not_recorded_and_is_counted() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.version
    init.normal_(layer.weight)
    assert layer.weight.is_leaf
    assert layer.weight.version == before + 1


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a must not exceed b, got 2\.0 and 1\.0"):
        init.uniform_(weight(2, 2), 2.0, 1.0)
    with pytest.raises(ValueError, match="std must not be negative"):
        init.normal_(weight(2, 2), std=-1)
    with pytest.raises(ValueError, match="mode must be 'fan_in' or 'fan_out', got 'fan'"):
        init.kaiming_normal_(weight(2, 2), mode="fan")
    for function in (init.uniform_, init.normal_, init.trunc_normal_, init.orthogonal_):
        with pytest.raises(TypeError, match=f"{function.__name__} fills floating tensors, got int64"):
            function(ag.tensor([[1, 2], [3, 4]]))

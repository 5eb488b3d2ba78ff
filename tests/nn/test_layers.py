"""Linear, shape layers, dropout, and the multi-layer perceptron."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import nn.functional


def test_linear_computes_an_affine_map(random: np.random.Generator) -> None:
    layer = nn.Linear(3, 2)
    for shape in ((3,), (4, 3), (2, 4, 3), (0, 3)):
        inputs = random.standard_normal(shape).astype(np.float32)
        expected = inputs @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        np.testing.assert_allclose(layer(ag.tensor(inputs)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(3, 2, dtype=ag.float64).weight.dtype == ag.float64
    assert nn.Linear(0, 2)(ag.ones(4, 0)).tolist() == [[0.0, 0.0]] * 4
    with pytest.raises(ValueError, match=r"\(4, 5\) does not fit a weight of shape \(2, 3\)"):
        layer(ag.ones(4, 5))
    with pytest.raises(ValueError, match="Linear: in_features must be at least 0, got -1"):
        nn.Linear(-1, 2)
    with pytest.raises(TypeError, match="Linear: out_features must be an integer, got float"):
        nn.Linear(1, 2.0)  # type: ignore[arg-type]


@pytest.mark.torch
@pytest.mark.parametrize("bias", [True, False])
def test_linear_gradients_are_pytorchs(torch: Any, random: np.random.Generator, bias: bool) -> None:
    own, other = nn.Linear(3, 2, bias), torch.nn.Linear(3, 2, bias)
    own.load_state_dict(other.state_dict())
    inputs = random.standard_normal((4, 3)).astype(np.float32)
    x, y = ag.tensor(inputs, requires_grad=True), torch.tensor(inputs, requires_grad=True)
    own(x).square().sum().backward()
    other(y).square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(own.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_shape_layers() -> None:
    x = ag.randn(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, 1))(x).shape == (2, 3, 1, 4)
    assert nn.Identity(1, unused=2)(x) is x
    with pytest.raises(TypeError, match="unflattened_size must be an integer, got str"):
        nn.Unflatten(1, "ab")  # type: ignore[arg-type]


# --- dropout ----------------------------------------------------------------------------------------------------


def test_semantics_85_dropout_limits_and_scale() -> None:
    x = ag.ones(200, 50, requires_grad=True)
    assert nn.Dropout(0.0)(x).tolist() == x.tolist()
    gone = nn.Dropout(1.0)(x)
    assert not gone.detach().numpy().any()
    gone.sum().backward()
    assert not x.grad.numpy().any()
    assert nn.Dropout(0.5).eval()(x).tolist() == x.tolist()
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="has to be between 0 and 1"):
            nn.Dropout(wrong)
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            nn.functional.dropout(x, wrong)
    kept = nn.Dropout(0.3)(x).detach().numpy()
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.7)}
    # 10,000 independent draws: five standard deviations of the share that is kept are 0.023.
    assert abs((kept != 0).mean() - 0.7) < 0.023


def test_semantics_86_dropout_stores_its_mask() -> None:
    # Zeros and negative inputs: the mask cannot be read off the output.
    x = ag.tensor(np.tile([0.0, -1.0], 500), requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    values, gradients = y.detach().numpy(), x.grad.numpy()
    assert set(np.unique(gradients)) == {0.0, 2.0}
    assert (gradients[::2] == 2).any()
    np.testing.assert_array_equal(values[1::2], -gradients[1::2])


def test_dropout_repeats_with_the_seed_and_differs_without() -> None:
    layer = nn.Dropout(0.5)
    ag.manual_seed(3)
    first, second = layer(ag.ones(100)).tolist(), layer(ag.ones(100)).tolist()
    ag.manual_seed(3)
    assert layer(ag.ones(100)).tolist() == first != second


def test_dropout_in_place() -> None:
    x = ag.ones(50)
    assert nn.Dropout(0.5, inplace=True)(x) is x
    assert 0.0 in x.tolist()


# --- the perceptron ---------------------------------------------------------------------------------------------


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("sizes", "expected"), [((4, [5], 1), 31), ((4, [4, 3, 5], 1), 61), ((4, 5, 1), 31), ((4, [], 2), 10)]
)
def test_parameter_counts(sizes: Any, expected: int) -> None:
    assert count(nn.MLP(*sizes)) == expected


def test_layers_of_the_perceptron() -> None:
    model = nn.MLP(2, [32, 32, 16], 1, normalization=True, dropout=0.1, activation="gelu", bias=False)
    hidden = ["Linear", "BatchNorm1d", "GELU", "Dropout"]
    assert [type(layer).__name__ for layer in model] == hidden * 3 + ["Linear"]
    assert [layer.weight.shape for layer in model if isinstance(layer, nn.Linear)] == [
        (32, 2),
        (32, 32),
        (16, 32),
        (1, 16),
    ]
    assert all(layer.bias is None for layer in model if isinstance(layer, nn.Linear))
    assert model(ag.randn(8, 2)).shape == (8, 1)
    custom = nn.MLP(2, (3,), 1, activation=lambda: nn.LeakyReLU(0.3), normalization=lambda size: nn.Identity())
    assert re.sub(r"\s+", "", repr(custom)) == (
        "MLP((0):Linear(in_features=2,out_features=3,bias=True)(1):Identity()(2):LeakyReLU(negative_slope=0.3)"
        "(3):Linear(in_features=3,out_features=1,bias=True))"
    )
    # Each layer has a module of its own: learned slopes are not shared.
    assert count(nn.MLP(1, [1, 1], 1, activation="prelu")) == 8
    assert count(nn.MLP(1, [1, 1], 1, activation=nn.PReLU)) == 8


def test_bad_arguments_of_the_perceptron() -> None:
    with pytest.raises(ValueError, match="unknown activation 'rleu'; known are"):
        nn.MLP(2, [3], 1, activation="rleu")
    with pytest.raises(TypeError, match="activation must be a name, or a function that makes a module; got ReLU"):
        nn.MLP(2, [3], 1, activation=nn.ReLU())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="normalization must be a bool, or a function"):
        nn.MLP(2, [3], 1, normalization="batch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"MLP: hidden\[1\] must be at least 0, got -3"):
        nn.MLP(2, [3, -3], 1)
    with pytest.raises(TypeError, match=r"MLP: hidden\[0\] must be an integer, got float"):
        nn.MLP(2, 3.0, 1)  # type: ignore[arg-type]


def test_identity_activations_collapse_to_one_affine_map(random: np.random.Generator) -> None:
    model = nn.MLP(3, [5, 4], 2, activation="identity").double()
    weight, bias = np.eye(3), np.zeros(3)
    for layer in model:
        if isinstance(layer, nn.Linear):
            weight = layer.weight.detach().numpy() @ weight
            bias = layer.weight.detach().numpy() @ bias + layer.bias.detach().numpy()
    inputs = random.standard_normal((6, 3))
    np.testing.assert_allclose(model(ag.tensor(inputs)).detach().numpy(), inputs @ weight.T + bias, rtol=1e-12)


def test_xor_is_solved_by_hand_set_weights() -> None:
    # Goodfellow et al. 2016, section 6.1: two hidden units suffice.
    model = nn.MLP(2, [2], 1)
    model.load_state_dict(
        {
            "0.weight": np.ones((2, 2)),
            "0.bias": np.array([0.0, -1.0]),
            "2.weight": np.array([[1.0, -2.0]]),
            "2.bias": np.zeros(1),
        }
    )
    assert model(ag.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])).flatten().tolist() == [0.0, 1.0, 1.0, 0.0]

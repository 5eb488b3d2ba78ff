"""Convolution layers: PyTorch's parameters, names, initial values and results."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from tests.rounding import assert_sums_close

LAYERS = ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")


def spatial(name: str) -> tuple[int, ...]:
    return (7, 6, 5)[: int(name[-2])]


def gradients(layer: Any, x: Any) -> list[np.ndarray]:
    """What a layer makes of its input, then the gradients of half the squares' sum, by the input and the parameters."""
    result = layer(x)
    (result.square().sum() / 2).backward()
    return [tensor.detach().numpy() for tensor in (result, x.grad, *(p.grad for p in layer.parameters()))]


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_layers_take_pytorchs_state_and_give_its_results(torch: Any, name: str, bias: bool, dtype: Any) -> None:
    options: dict[str, Any] = {"stride": 2, "padding": 1, "groups": 2, "bias": bias, "dilation": 2}
    if "Transpose" in name:
        options["output_padding"] = 1
    own, other = getattr(nn, name)(4, 6, 3, **options), getattr(torch.nn, name)(4, 6, 3, **options)
    assert repr(own) == repr(other)
    assert list(own.state_dict()) == list(other.state_dict())
    own.load_state_dict(other.state_dict())
    own.to(dtype)
    inputs = np.random.default_rng(0).standard_normal((2, 4, *spatial(name))).astype(dtype)
    found = gradients(own, ag.tensor(inputs, requires_grad=True))
    wide = other.double()
    exact = gradients(wide, torch.tensor(inputs.astype(np.float64), requires_grad=True))
    # The same sums over absolute values.
    for parameter in wide.parameters():
        parameter.grad = None
        parameter.data.abs_()
    magnitudes = gradients(wide, torch.tensor(np.abs(inputs).astype(np.float64), requires_grad=True))
    # A result adds up a window of channels; a gradient adds up such results: at most one for each of the output's.
    window = 4 // 2 * 3 ** len(spatial(name)) + 1
    for number, (mine, theirs, magnitude) in enumerate(zip(found, exact, magnitudes, strict=True)):
        assert mine.dtype == dtype
        assert_sums_close(mine, theirs, window + (exact[0].size // 6 if number else 0), magnitude)


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (2, 1), "same", "valid"])
def test_padding_modes_are_pytorchs(torch: Any, mode: str, padding: Any) -> None:
    own = nn.Conv2d(3, 4, (4, 3), padding=padding, padding_mode=mode)
    other = torch.nn.Conv2d(3, 4, (4, 3), padding=padding, padding_mode=mode)
    assert repr(own) == repr(other)
    own.load_state_dict(other.state_dict())
    inputs = np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype(np.float32)
    expected = other(torch.tensor(inputs)).detach().numpy()
    np.testing.assert_allclose(own(ag.tensor(inputs)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.torch
def test_output_size_chooses_among_the_sizes_a_transpose_can_have(torch: Any) -> None:
    own, other = nn.ConvTranspose2d(3, 4, 3, stride=3), torch.nn.ConvTranspose2d(3, 4, 3, stride=3)
    own.load_state_dict(other.state_dict())
    inputs = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)
    for size in itertools.product((12, 13, 14), repeat=2):
        expected = other(torch.tensor(inputs), output_size=size).detach().numpy()
        found = own(ag.tensor(inputs), output_size=size).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"dimension 0 can be 12 to 14"):
        own(ag.tensor(inputs), output_size=(15, 12))
    with pytest.raises(ValueError, match="output_size must have 2 or 4 elements"):
        own(ag.tensor(inputs), output_size=(12,))


def test_semantics_109_initial_values_are_uniform_within_the_fan_in() -> None:
    ag.manual_seed(0)
    layer = nn.Conv2d(16, 64, 3, groups=2)
    bound = 1 / np.sqrt(8 * 9)
    weight = layer.weight.detach().numpy()
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert layer.bias is not None
    assert np.abs(layer.bias.detach().numpy()).max() <= bound


WRONG: dict[str, Any] = {
    "groups of the input": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        ValueError,
        "in_channels must be divisible by groups",
    ),
    "groups of the output": (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
    "no groups": (lambda: nn.Conv2d(4, 3, 3, groups=0), ValueError, "groups must be at least 1, got 0"),
    "kernel": (lambda: nn.Conv2d(4, 3, (3, 3, 3)), ValueError, "kernel_size must be an integer or a tuple of 2"),
    "stride": (lambda: nn.Conv1d(4, 3, 3, stride=0), ValueError, "stride must be at least 1, got 0"),
    "padding": (lambda: nn.Conv1d(4, 3, 3, padding="full"), ValueError, "'same' or 'valid', got 'full'"),
    "same with stride": (lambda: nn.Conv1d(4, 3, 3, padding="same", stride=2), ValueError, "needs stride 1"),
    "mode": (lambda: nn.Conv1d(4, 3, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of zeros"),
    "mode of a transpose": (
        lambda: nn.ConvTranspose1d(4, 3, 3, padding_mode="circular"),
        ValueError,
        "only padding_mode='zeros'",
    ),
    "channels of a float": (lambda: nn.Conv1d(4.0, 3, 3), TypeError, "in_channels must be an integer, got float"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_are_refused(case: Any) -> None:
    make, error, message = case
    with pytest.raises(error, match=message):
        make()

"""Dropout and random numbers by keys: the generator's words, distributions, whole channels, what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import random as numbers

FAMILY = {
    "dropout": (4, 5),
    "dropout1d": (4, 5, 6),
    "dropout2d": (4, 5, 6, 3),
    "dropout3d": (4, 5, 6, 3, 2),
    "alpha_dropout": (4, 5),
    "feature_alpha_dropout": (4, 5, 6),
}


def mixed(word: int) -> int:
    """SplitMix64's output function on whole numbers, as its authors give it."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def test_the_published_sequence() -> None:
    """The first outputs of SplitMix64 from the state 1234567, as tables of test vectors give them."""
    words = [mixed((1234567 + n * 0x9E3779B97F4A7C15) % 2**64) for n in (1, 2, 3)]
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    from autograd_core.kernels import random as kernels

    out = np.empty(3)
    kernels.uniform_float64_serial(np.uint64(1234567), out)
    assert out.tolist() == [(word >> 11) * 2.0**-53 for word in words]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [numbers.LARGE, 300_001])
def test_distributions(dtype: Any, size: int) -> None:
    ag.manual_seed(5)
    uniform = ag.rand(size, dtype=dtype).numpy().astype(np.float64)
    normal = ag.randn(size, dtype=dtype).numpy().astype(np.float64)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    bound = 5 / math.sqrt(size)
    for power in (1, 2, 3, 4):
        assert abs((uniform**power).mean() - 1 / (power + 1)) < bound
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((normal**power).mean() - moment) < bound * math.sqrt(spread)
    # Neighbours, and the two halves of a block, which share words, have nothing to do with each other.
    for values in (uniform - 0.5, normal):
        for lag in (1, 2, 1023, 1024, 1025):
            assert abs((values[lag:] * values[:-lag]).mean()) < bound
    counts = np.histogram(uniform, 64, (0, 1))[0]
    assert ((counts - size / 64) ** 2).sum() / (size / 64) < 130  # chi-squared with 63 degrees of freedom


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_draws_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    outer = ag.get_num_threads()
    try:
        ag.set_num_threads(threads)
        ag.manual_seed(3)
        drawn = [ag.rand(70_001), ag.randn(70_001), ag.dropout(ag.ones(70_001), 0.3)]
    finally:
        ag.set_num_threads(outer)
    ag.manual_seed(3)
    for found, draw in zip(drawn, (ag.rand, ag.randn, lambda n: ag.dropout(ag.ones(n), 0.3)), strict=True):
        assert found.tolist() == draw(70_001).tolist()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_that_is_kept_and_its_scale(p: float) -> None:
    x = ag.ones(200_000, requires_grad=True)
    result = ag.dropout(x, p)
    result.backward(ag.ones(200_000))
    kept = result.detach().numpy()
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / (1 - p))}
    assert abs((kept != 0).mean() - (1 - p)) < 5 * math.sqrt(p * (1 - p) / 200_000)
    assert (x.grad.numpy() == kept).all()


def test_all_and_nothing() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert ag.dropout(x, 0.0) is x
    assert ag.dropout(x, 0.7, training=False) is x
    for name, shape in FAMILY.items():
        given = ag.ones(shape, requires_grad=True)
        result = getattr(ag, name)(given, 1.0, True)
        result.sum().backward()
        assert not result.detach().numpy().any()
        assert not given.grad.numpy().any()


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d"])
def test_whole_channels(name: str) -> None:
    shape = (30, 20, *FAMILY[name][2:])
    for given in (shape, (300, *shape[2:])):
        if name == "dropout2d" and given is not shape:
            given = (30, 20, 6)  # three dimensions are (N, C, L) to it
        result = getattr(ag, name)(ag.ones(given), 0.25).numpy()
        own = 1 if len(given) < len(shape) and name != "dropout2d" else 2
        lines = result.reshape(math.prod(given[:own]), -1)
        assert (lines == lines[:, :1]).all()
        assert set(np.unique(lines)) == {np.float32(0), np.float32(1 / 0.75)}


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_keeps_mean_and_variance(name: str) -> None:
    x = ag.randn(400, 500, 2)
    result = getattr(ag, name)(x, 0.3, True).numpy()
    assert abs(result.mean()) < 0.02
    assert abs(result.var() - 1) < 0.02
    assert getattr(ag, name)(x, 0.3) is x


def test_memory_order_and_repetition() -> None:
    x = ag.from_numpy(np.ones((2, 5, 6, 3), np.float32)).permute(0, 3, 1, 2)
    ag.manual_seed(1)
    result = ag.dropout(x, 0.5).numpy()
    assert result.transpose(0, 2, 3, 1).flags.c_contiguous
    ag.manual_seed(1)
    assert (ag.dropout(x, 0.5).numpy() == result).all()
    assert (ag.dropout(x, 0.5).numpy() != result).any()


@pytest.mark.parametrize("name", FAMILY)
def test_layers_of_dropout(name: str) -> None:
    kind = getattr(nn, "".join(part.capitalize() for part in name.split("_")))
    layer, x = kind(0.5), ag.ones(FAMILY[name])
    ag.manual_seed(2)
    expected = getattr(nn.functional, name)(x, 0.5, True)
    ag.manual_seed(2)
    assert layer(x).tolist() == expected.tolist()
    assert layer.eval()(x) is x
    with pytest.raises(ValueError, match="between 0 and 1"):
        kind(1.5)
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"p must lie in \[0, 1\]"):
            getattr(ag, name)(x, p, True)
    with pytest.raises(TypeError, match="floating"):
        getattr(ag, name)(x.long(), 0.5, True)
    in_place = ag.ones(FAMILY[name])
    ag.manual_seed(2)
    assert kind(0.5, inplace=True)(in_place) is in_place
    assert in_place.tolist() == expected.tolist()


def test_shapes_without_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="dropout3d: expected 4 or 5 dimensions"):
        ag.dropout3d(ag.ones(2, 3), 0.5)
    with pytest.raises(ValueError, match="feature_alpha_dropout: expected"):
        ag.feature_alpha_dropout(ag.ones(3), 0.5, True)

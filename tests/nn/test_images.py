"""Layers of images: they print as PyTorch's, and compute what the functions do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
import nn

# Layer: arguments, and the shape of an input it takes.
LAYERS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "AdaptiveAvgPool1d": ((3,), (2, 4, 7)),
    "AdaptiveAvgPool2d": (((1, 1),), (2, 4, 7, 5)),
    "AdaptiveAvgPool3d": (((2, None, 1),), (1, 2, 4, 3, 5)),
    "AdaptiveMaxPool1d": ((3,), (2, 4, 7)),
    "AdaptiveMaxPool2d": (((2, 3),), (2, 4, 7, 5)),
    "AdaptiveMaxPool3d": ((2,), (1, 2, 4, 3, 5)),
    "AvgPool1d": ((3, 2, 1), (2, 4, 7)),
    "AvgPool2d": ((3, 2, 1, True, False), (2, 4, 7, 5)),
    "AvgPool3d": ((2,), (1, 2, 4, 3, 5)),
    "ChannelShuffle": ((2,), (2, 4, 3, 3)),
    "CircularPad1d": ((1,), (2, 4, 7)),
    "CircularPad2d": (((1, 2, 0, 1),), (2, 4, 7, 5)),
    "CircularPad3d": ((1,), (1, 2, 4, 3, 5)),
    "ConstantPad1d": (((1, 2), 3.5), (2, 4, 7)),
    "ConstantPad2d": ((1, -1.0), (2, 4, 7, 5)),
    "ConstantPad3d": ((1, 0.5), (1, 2, 4, 3, 5)),
    "Fold": (((4, 5), 2), (2, 8, 12)),
    "LPPool1d": ((2, 3), (2, 4, 7)),
    "LPPool2d": ((2, 3, 2), (2, 4, 7, 5)),
    "LPPool3d": ((2, 2), (1, 2, 4, 3, 5)),
    "LocalResponseNorm": ((3, 0.1), (2, 4, 7, 5)),
    "MaxPool1d": ((2,), (2, 4, 7)),
    "MaxPool2d": ((3, 2, 1), (2, 4, 7, 5)),
    "MaxPool3d": (((1, 2, 2), 2), (1, 2, 4, 3, 5)),
    "PixelShuffle": ((2,), (2, 4, 3, 3)),
    "PixelUnshuffle": ((2,), (2, 3, 4, 6)),
    "ReflectionPad1d": ((1,), (2, 4, 7)),
    "ReflectionPad2d": ((2,), (2, 4, 7, 5)),
    "ReflectionPad3d": ((1,), (1, 2, 4, 3, 5)),
    "ReplicationPad1d": ((3,), (2, 4, 7)),
    "ReplicationPad2d": ((1,), (2, 4, 7, 5)),
    "ReplicationPad3d": ((1,), (1, 2, 4, 3, 5)),
    "Unfold": ((2,), (2, 4, 7, 5)),
    "Upsample": ((None, 2), (2, 4, 3, 3)),
    "UpsamplingBilinear2d": ((5,), (2, 4, 3, 3)),
    "UpsamplingNearest2d": ((None, 2), (2, 4, 3, 3)),
    "ZeroPad1d": ((1,), (2, 4, 7)),
    "ZeroPad2d": (((1, 0, -1, 2),), (2, 4, 7, 5)),
    "ZeroPad3d": ((1,), (1, 2, 4, 3, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_prints_and_computes_as_pytorchs(torch: Any, name: str, random: np.random.Generator) -> None:
    arguments, shape = LAYERS[name]
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert repr(ours) == repr(theirs)
    x = np.abs(random.standard_normal(shape)).astype(np.float32)
    found, wanted = ours(ag.from_numpy(x)), theirs(torch.from_numpy(x))
    assert_allclose(found.numpy(), wanted.numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_unpooling_layers(torch: Any, dimensions: int, random: np.random.Generator) -> None:
    x = random.standard_normal((2, 3, *(6, 4, 4)[:dimensions])).astype(np.float32)
    found = []
    for library, tensor in ((nn, ag.from_numpy(x)), (torch.nn, torch.from_numpy(x))):
        pool = getattr(library, f"MaxPool{dimensions}d")(2, return_indices=True)
        unpool = getattr(library, f"MaxUnpool{dimensions}d")(2)
        found.append((repr(unpool), unpool(*pool(tensor)).numpy()))
    assert found[0][0] == found[1][0]
    assert_allclose(found[0][1], found[1][1])


def test_padding_of_a_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(ValueError, match="one integer or 4"):
        nn.ZeroPad2d((1, 2, 3))

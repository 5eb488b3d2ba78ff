"""Interpolation, patches and rearrangements of images against PyTorch, in both orders of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
from nn import functional


def channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def compare(torch: Any, x: np.ndarray, function: Callable[[Any, Any], Any]) -> None:
    """`function(functional, images)` of both libraries: values, and gradients by the images."""
    for order in (np.ascontiguousarray, channels_last):
        ours, theirs = ag.from_numpy(order(x)).requires_grad_(), torch.from_numpy(x.copy()).requires_grad_()
        found, wanted = function(functional, ours), function(torch.nn.functional, theirs)
        assert found.shape == tuple(wanted.shape)
        assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=2e-5, atol=2e-5)
        cotangent = np.random.default_rng(1).standard_normal(wanted.shape).astype(np.float32)
        found.backward(ag.from_numpy(cotangent))
        wanted.backward(torch.from_numpy(cotangent))
        assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=2e-5, atol=2e-5)


SIZES = [{"size": size} for size in (1, 3, 9)] + [{"scale_factor": scale} for scale in (0.5, 1.5, 2, 2.7)]
SIZES.append({"scale_factor": 1.7, "recompute_scale_factor": True})
MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
}


@pytest.mark.parametrize("mode", MODES)
def test_interpolation(torch: Any, mode: str) -> None:
    """semantics-107."""
    for dimensions in MODES[mode]:
        x = images(2, 5, *(7, 5, 4)[:dimensions])
        for sizes in SIZES:
            for align in (None, False, True) if "linear" in mode or "cubic" in mode else (None,):
                options = {**sizes, "mode": mode, "align_corners": align}
                compare(torch, x, lambda library, t, options=options: library.interpolate(t, **options))


def test_interpolation_of_single_pixels_and_of_no_images(torch: Any) -> None:
    for shape in ((1, 1, 1, 1), (0, 3, 4, 4), (2, 17, 1, 6)):
        compare(torch, images(*shape), lambda library, t: library.interpolate(t, (3, 5), mode="bilinear"))
        compare(torch, images(*shape), lambda library, t: library.interpolate(t, (2, 2), mode="nearest"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 3, "mode": "sharp"}, "mode must be"),
        ({"size": 3, "mode": "linear"}, "does not fit"),
        ({"size": 3, "mode": "nearest", "align_corners": True}, "align_corners"),
        ({}, "exactly one"),
        ({"size": 3, "scale_factor": 2}, "exactly one"),
        ({"size": (3, 3, 3)}, "one number or 2"),
        ({"scale_factor": 0.01}, "positive"),
        ({"size": 3, "recompute_scale_factor": True}, "recompute_scale_factor"),
    ],
)
def test_interpolation_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ag.interpolate(ag.ones(1, 1, 4, 4), **options)


@pytest.mark.parametrize("window", [(3,), (1,), (2, 1, 1, 2), ((2, 3), (2, 1), (0, 1), (1, 2)), ((6, 4), 1, 0, 5)])
def test_patches_and_back(torch: Any, window: tuple[Any, ...]) -> None:
    """semantics-99: overlapping patches add up."""
    x = images(2, 8, 6, 4)
    compare(torch, x, lambda library, t: library.unfold(t, *window))
    columns = torch.nn.functional.unfold(torch.from_numpy(x), *window).numpy()
    compare(torch, columns, lambda library, t: library.fold(t, (6, 4), *window))


def test_images_without_a_batch_have_patches_too(torch: Any) -> None:
    x = images(3, 5, 5)
    found = functional.unfold(ag.from_numpy(x), 2).numpy()
    assert_allclose(found, torch.nn.functional.unfold(torch.from_numpy(x), 2).numpy())
    assert functional.fold(ag.from_numpy(found), (5, 5), 2).shape == (3, 5, 5)


def test_pixels_and_channels_change_places(torch: Any) -> None:
    x = images(2, 8, 6, 4)
    compare(torch, x, lambda library, t: library.pixel_shuffle(t, 2))
    compare(torch, x, lambda library, t: library.pixel_unshuffle(t, 2))
    compare(torch, x, lambda library, t: library.channel_shuffle(t, 4))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_normalisation(torch: Any, size: int) -> None:
    compare(torch, images(2, 8, 6, 4), lambda library, t: library.local_response_norm(t, size, 0.1, 0.7, 2.0))
    compare(torch, images(2, 8, 6), lambda library, t: library.local_response_norm(t, size))


@pytest.mark.parametrize("power", [1, 2, 3, np.inf, -np.inf])
def test_power_averages(torch: Any, power: float) -> None:
    x = np.abs(images(2, 8, 6, 7)) + 0.1
    for kernel, stride, ceil in ((2, None, False), (3, 2, True), ((2, 3), 1, False)):
        compare(torch, x, lambda library, t, k=kernel, s=stride, c=ceil: library.lp_pool2d(t, power, k, s, ceil_mode=c))
    compare(torch, x[:, :, 0], lambda library, t: library.lp_pool1d(t, power, 3, 2))
    compare(torch, x[:, :, None], lambda library, t: library.lp_pool3d(t, power, (1, 2, 3)))


def test_the_power_average_of_zeros_has_no_infinite_gradient() -> None:
    x = ag.zeros(1, 1, 2, 2, requires_grad=True)
    functional.lp_pool2d(x, 2, 2).sum().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_unpooling_puts_the_largest_back(torch: Any, dimensions: int) -> None:
    x = images(2, 3, *(6, 5, 4)[:dimensions])
    pool, unpool = f"max_pool{dimensions}d", f"max_unpool{dimensions}d"

    def there_and_back(library: Any, t: Any) -> Any:
        values, indices = getattr(library, pool)(t, 2, return_indices=True)
        return getattr(library, unpool)(values, indices, 2, output_size=list(t.shape))

    compare(torch, x, there_and_back)


def test_unpooling_refuses_sizes_out_of_reach() -> None:
    values, indices = functional.max_pool2d(ag.ones(1, 1, 4, 4), 2, return_indices=True)
    with pytest.raises(ValueError, match="not within a stride"):
        functional.max_unpool2d(values, indices, 2, output_size=(9, 9))

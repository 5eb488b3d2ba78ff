"""Sampling at points of a grid: values and derivatives against PyTorch, finite differences, and refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag

MODES = list(itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (False, True)))


def drawn(size: tuple[int, ...], out: tuple[int, ...], reach: float = 1.7) -> tuple[np.ndarray, np.ndarray]:
    """Images of that size and points that reach beyond their edges, whatever the mode."""
    random = np.random.default_rng(3)
    x = random.standard_normal((2, 3, *size))
    return x, random.uniform(-reach, reach, (2, *out, len(size)))


def compare(torch: Any, x: np.ndarray, grid: np.ndarray, mode: str, padding: str, align: bool) -> None:
    sides = []
    for library in (ag, torch):
        functional = ag if library is ag else torch.nn.functional
        image, points = (library.tensor(array, requires_grad=True) for array in (x, grid))
        y = functional.grid_sample(image, points, mode, padding, align)
        weight = library.tensor(np.random.default_rng(4).standard_normal(tuple(y.shape)))
        grads = (library.grad if library is ag else torch.autograd.grad)((y * weight).sum(), (image, points))
        sides.append([found.detach().numpy() for found in (y, *grads)])
    for ours, theirs in zip(*sides, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("mode", "padding", "align"), MODES)
def test_images_against_pytorch(torch: Any, mode: str, padding: str, align: bool) -> None:
    for size, out in (((5, 7), (4, 3)), ((1, 4), (2, 6)), ((3, 3), (1, 1))):
        compare(torch, *drawn(size, out), mode, padding, align)


@pytest.mark.parametrize(("mode", "padding", "align"), [found for found in MODES if found[0] != "bicubic"])
def test_volumes_against_pytorch(torch: Any, mode: str, padding: str, align: bool) -> None:
    compare(torch, *drawn((3, 5, 4), (2, 3, 4)), mode, padding, align)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_blocks_of_channels_and_points_in_both_orders_of_memory(torch: Any, mode: str, channels_last: bool) -> None:
    """More channels than a block has and no multiple of it, more points than are worked on at a time."""
    random = np.random.default_rng(5)
    x, grid = random.standard_normal((2, 19, 9, 8)), random.uniform(-1.3, 1.3, (2, 65, 70, 2))
    weight = random.standard_normal((2, 19, 65, 70))
    sides = []
    for library in (ag, torch):
        functional = ag if library is ag else torch.nn.functional
        image, points = library.tensor(x, requires_grad=True), library.tensor(grid, requires_grad=True)
        read, above = image, library.tensor(weight)
        if channels_last and library is ag:
            turned = ag.tensor(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), requires_grad=True)
            image, read = turned, turned.permute(0, 3, 1, 2)
            above = ag.tensor(np.ascontiguousarray(weight.transpose(0, 2, 3, 1))).permute(0, 3, 1, 2)
        y = functional.grid_sample(read, points, mode, "reflection", False)
        y.backward(above)
        by_image = image.grad.permute(0, 3, 1, 2) if channels_last and library is ag else image.grad
        sides.append([found.detach().numpy() for found in (y, by_image, points.grad)])
    for ours, theirs in zip(*sides, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("align", [False, True])
def test_points_on_elements_and_edges_in_single_precision(torch: Any, align: bool) -> None:
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    line = np.array([-2, -1.25, -1, -0.75, -0.25, 0, 0.25, 0.5, 1, 1.25, 3], np.float32)
    grid = np.stack(np.meshgrid(line, line), axis=-1)[None]
    for mode, padding in itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")):
        ours = ag.grid_sample(ag.tensor(x), ag.tensor(grid), mode, padding, align)
        theirs = torch.nn.functional.grid_sample(torch.tensor(x), torch.tensor(grid), mode, padding, align)
        assert ours.dtype == np.float32
        assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_derivatives_of_both_orders_by_finite_differences(mode: str) -> None:
    x, grid = drawn((4, 5), (2, 2), 0.9)
    operands = tuple(ag.tensor(array[:1], requires_grad=True) for array in (x[:, :2], grid))

    def sample(image: ag.Tensor, points: ag.Tensor) -> ag.Tensor:
        return ag.grid_sample(image, points, mode, "reflection", False)

    assert ag.gradcheck(sample, operands)
    assert ag.gradgradcheck(sample, operands)


@pytest.mark.filterwarnings("ignore:.*unit-size grids:UserWarning")
@pytest.mark.parametrize("align", [False, True, None])
def test_affine_grids_against_pytorch(torch: Any, align: bool | None) -> None:
    random = np.random.default_rng(0)
    for size in ((2, 3, 4, 5), (1, 1, 1, 3), (2, 2, 3, 1, 4)):
        count = len(size) - 2
        theta, cotangent = random.standard_normal((size[0], count, count + 1)), random.standard_normal((*size, count))
        sides = []
        for library in (ag, torch):
            functional = ag if library is ag else torch.nn.functional
            leaf = library.tensor(theta, requires_grad=True)
            grid = functional.affine_grid(leaf, size, align_corners=bool(align))
            (grid * library.tensor(cotangent[:, 0])).sum().backward()
            sides.append((grid.detach().numpy(), leaf.grad.numpy()))
        for ours, theirs in zip(*sides, strict=True):
            assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_identity_gives_the_image_back() -> None:
    image = np.random.default_rng(1).standard_normal((2, 3, 6, 5)).astype(np.float32)
    same = np.tile(np.eye(2, 3, dtype=np.float32), (2, 1, 1))
    grid = ag.affine_grid(ag.tensor(same), image.shape)
    assert_allclose(ag.grid_sample(ag.tensor(image), grid).numpy(), image, rtol=0, atol=2e-6)


def test_points_that_are_nan_lie_outside() -> None:
    x = ag.ones(1, 1, 3, 3)
    grid = ag.tensor([[[[float("nan"), 0.0], [0.0, 0.0]]]])
    assert_array_equal(ag.grid_sample(x, grid).numpy(), [[[[0.0, 1.0]]]])


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_what_lies_outside_is_not_read(torch: Any, mode: str, channels_last: bool) -> None:
    values = np.ones((1, 3, 4, 4))
    values[0, :, 0, 0], values[0, :, 1, 1] = np.inf, np.nan
    points = np.array([[[[5.0, 5.0], [0.9, 0.9], [-1.2, 0.4], [-1.0, -1.0]]]])
    above = np.array([np.inf, 1.0, 1.0, 1.0]) * np.ones((1, 3, 1, 1))
    found, expected = [], []
    for library, results in ((ag, found), (torch, expected)):
        given = library.tensor(np.ascontiguousarray(np.moveaxis(values, 1, -1)) if channels_last else values)
        given.requires_grad_()
        image = given.permute(0, 3, 1, 2) if channels_last else given
        functional = ag if library is ag else torch.nn.functional
        result = functional.grid_sample(image, library.tensor(points), mode=mode, align_corners=False)
        result.backward(library.tensor(above))
        results += [result.detach().numpy(), given.grad.numpy()]
    for own, other in zip(found, expected, strict=True):
        assert_allclose(own, other, rtol=1e-12)


def test_no_samples_and_no_points(torch: Any) -> None:
    for shape, points in (((0, 3, 4, 4), (0, 2, 2, 2)), ((2, 3, 4, 4), (2, 0, 2, 2))):
        y = ag.grid_sample(ag.zeros(*shape), ag.zeros(*points))
        assert y.shape == tuple(
            torch.nn.functional.grid_sample(torch.zeros(*shape), torch.zeros(*points), align_corners=False).shape
        )


@pytest.mark.parametrize(
    ("image", "grid", "options", "message"),
    [
        ((1, 1, 2, 2), (1, 2, 2, 3), {}, "expected an input"),
        ((1, 1, 2, 2), (2, 2, 2, 2), {}, "expected an input"),
        ((1, 1, 2), (1, 2, 1), {}, "expected an input"),
        ((1, 1, 2, 2), (1, 2, 2, 2), {"mode": "linear"}, "mode must be"),
        ((1, 1, 2, 2), (1, 2, 2, 2), {"padding_mode": "wrap"}, "padding_mode must be"),
        ((1, 1, 2, 2, 2), (1, 2, 2, 2, 3), {"mode": "bicubic"}, "bicubic is for images"),
        ((1, 1, 0, 2), (1, 2, 2, 2), {}, "nothing to read"),
    ],
)
def test_refusals(image: tuple[int, ...], grid: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ag.grid_sample(ag.zeros(*image), ag.zeros(*grid), **options)


def test_refusals_of_affine_grids_and_dtypes() -> None:
    with pytest.raises(ValueError, match="expected theta"):
        ag.affine_grid(ag.zeros(1, 3, 3), (1, 1, 2, 2))
    with pytest.raises(ValueError, match="sizes must be positive"):
        ag.affine_grid(ag.zeros(1, 2, 3), (1, 1, 0, 2))
    with pytest.raises(TypeError, match="floating"):
        ag.affine_grid(ag.zeros(1, 2, 3).long(), (1, 1, 2, 2))
    with pytest.raises(TypeError, match="one dtype"):
        ag.grid_sample(ag.zeros(1, 1, 2, 2), ag.zeros(1, 2, 2, 2, dtype=ag.float64))

"""Images read at points between their elements: grids of coordinates, affine ones, and sampling there.

A sample is a sum of a few elements (:mod:`.points`) with weights that depend on where the point lies between them: the
weights are elementwise operations on the coordinates, and kernels of their own where nobody asks how they came about.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import fused
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import floating
from .blocks import run
from .creation import from_numpy
from .elementwise import where as select
from .images import empty_images, is_channels_last
from .joining import stack
from .points import products, put, take, take_weighted_primitive

if TYPE_CHECKING:
    from ..kernels import grids as kernels
else:
    kernels = lazy_import("autograd_core.kernels.grids")

# How many elements a point reads along a dimension, and what lies outside, in the kernels' order.
MODES = {"nearest": 1, "bilinear": 2, "bicubic": 4}
PADDINGS = ("zeros", "border", "reflection")
# The time to find a place and its weight beside that of an addition.
_LOCATING = 8

# --- where points lie -------------------------------------------------------------------------------------------

# Keys 1981, "Cubic convolution interpolation for digital image processing"; the constant is PyTorch's.
_CUBIC = -0.75

Tap = tuple[np.ndarray, np.ndarray, Tensor]


def _chosen(where: np.ndarray, value: Tensor, other: Any) -> Tensor:
    """`value` where it is wanted, else a constant; no derivative comes from the rest."""
    return select(from_numpy(where), value, from_numpy(np.broadcast_to(other, where.shape).astype(value.dtype)))


def _clipped(place: Tensor, size: int) -> Tensor:
    """Held inside; on the edge and beyond there is no derivative, as in PyTorch."""
    found = place.detach().numpy()
    return _chosen((found > 0) & (found < size - 1), place, np.clip(found, 0, size - 1))


def _reflected(place: Tensor, size: int, align: bool) -> Tensor:
    """Mirrored at the first and last elements, or at their outer edges, until inside."""
    low, span = (0.0, size - 1.0) if align else (-0.5, float(size))
    if not span:
        return _chosen(np.zeros(place.shape, bool), place, 0.0)
    distance = (place - low).abs()
    found = distance.detach().numpy()
    with np.errstate(invalid="ignore"):
        flips = np.floor(found / span)
    odd = np.mod(flips, 2) == 1
    sign = np.where(odd, -1, 1).astype(found.dtype)
    # extra = distance - flips * span, and its mirror image span - extra where the number of flips is odd
    offset = np.where(odd, (flips + 1) * span, -flips * span) + low
    return _clipped(distance * from_numpy(sign) + from_numpy(offset.astype(found.dtype)), size)


def _padded(place: Tensor, size: int, padding: str, align: bool) -> Tensor:
    if padding == "border":
        return _clipped(place, size)
    return _reflected(place, size, align) if padding == "reflection" else place


def _tap(place: np.ndarray, size: int, weight: Tensor) -> Tap:
    """A place as an index, whether it is inside, and the weight there."""
    inside = (place >= 0) & (place <= size - 1)
    return np.where(inside, place, 0).astype(np.int32), inside, weight


def _linear(place: Tensor, size: int) -> list[Tap]:
    first = np.floor(place.detach().numpy())
    part = place - from_numpy(first)
    return [_tap(first, size, 1 - part), _tap(first + 1, size, part)]


def _nearest(place: Tensor, size: int) -> list[Tap]:
    found = np.rint(place.detach().numpy())
    # A step has the derivative 0 everywhere, and the grid gets zeros rather than nothing.
    return [_tap(found, size, _chosen(np.zeros(found.shape, bool), place, 1.0))]


def _cubic(place: Tensor, size: int, padding: str, align: bool) -> list[Tap]:
    first = np.floor(place.detach().numpy())
    part = place - from_numpy(first)
    taps = []
    for step in range(-1, 3):
        distance = part + 1 if step == -1 else part if step == 0 else step - part
        if step in (0, 1):
            weight = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1
        else:
            weight = ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
        whole = _padded(from_numpy(first + first.dtype.type(step)), size, padding, align).numpy()
        taps.append(_tap(whole, size, weight))
    return taps


def _taps(place: Tensor, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    """What the points at `place`, from -1 to 1 along one dimension, read there."""
    place = (place + 1) * (0.5 * (size - 1)) if align else ((place + 1) * size - 1) * 0.5
    if mode == "bicubic":
        return _cubic(place, size, padding, align)
    place = _padded(place, size, padding, align)
    return _linear(place, size) if mode == "bilinear" else _nearest(place, size)


# --- the operation ----------------------------------------------------------------------------------------------


def _located(
    grid: np.ndarray, sizes: tuple[int, ...], mode: str, padding: str, align: bool
) -> tuple[tuple[Any, ...], np.ndarray, np.ndarray]:
    """What the kernels are told of a grid (images, points, dimensions), and the places and weights of its points."""
    images, points, count = grid.shape
    taps = MODES[mode]
    told = (contiguous(grid), np.array(sizes), taps, PADDINGS.index(padding), align)
    shape = (images, taps**count, points)
    places, weights = np.empty(shape, np.int32), np.empty(shape, grid.dtype)
    run(kernels, "locate", _LOCATING * places.size, *told, places, weights)
    return told, places, weights


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(*images.shape[:2], prod(images.shape[2:]))


def _points(grid: np.ndarray) -> np.ndarray:
    return grid.reshape(grid.shape[0], prod(grid.shape[1:-1]), grid.shape[-1])


def _forward(x: np.ndarray, grid: np.ndarray, *, mode: str, padding: str, align: bool) -> np.ndarray:
    planes = _flat(x)
    out = empty_images((*x.shape[:2], *grid.shape[1:-1]), x.dtype, is_channels_last(planes))
    _, places, weights = _located(_points(grid), x.shape[2:], mode, padding, align)
    take(planes, weights, places, _flat(out))
    return out


def _reference(x: np.ndarray, grid: np.ndarray, mode: str, padding: str, align: bool) -> np.ndarray:
    """Written out point by point, for padding with zeros and no cubes."""
    sizes = x.shape[2:]
    out = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for image, *point in np.ndindex(grid.shape[:-1]):
        moved, extent = (grid[(image, *point)][::-1] + 1) / 2, np.array(sizes)
        place = moved * (extent - 1) if align else moved * extent - 0.5
        for near in np.ndindex(*sizes):
            distances = np.abs(place - near)
            weight = np.prod(np.maximum(0, 1 - distances)) if mode == "bilinear" else float((distances < 0.5).all())
            out[(image, slice(None), *point)] += weight * x[(image, slice(None), *near)]
    return out


def _samples(random: np.random.Generator) -> list[Sample]:
    found = []
    for shape, points, mode, align in (
        ((2, 3, 4, 5), (2, 3), "bilinear", False),
        ((1, 2, 3, 2), (1, 4), "bilinear", True),
        ((1, 2, 2, 3, 2), (2, 1, 2), "bilinear", False),
        ((1, 2, 4, 3), (3, 1), "nearest", False),
    ):
        count = len(points)
        grid = random.uniform(-1.2, 1.2, (shape[0], *points, count))
        found.append(Sample((random.standard_normal(shape), grid), {"mode": mode, "padding": "zeros", "align": align}))
    return found


@fused("grid_sample", forward=_forward, reference=_reference, samples=_samples)
def grid_sample_primitive(x: Any, grid: Any, *, mode: str, padding: str, align: bool) -> Any:
    """Images read at the points of a grid, whose last dimension holds their coordinates."""
    samples, channels, *sizes = x.shape
    points, count = prod(grid.shape[1:-1]), len(sizes)
    flat = grid.reshape(samples, points, count)
    # The grid's last coordinate belongs to the first spatial dimension.
    along = [_taps(flat[:, :, count - 1 - axis], size, mode, padding, align) for axis, size in enumerate(sizes)]
    places, weights = [], []
    for taps in itertools.product(*along):
        index, inside = taps[0][0], taps[0][1]
        for (other, within, _), size in zip(taps[1:], sizes[1:], strict=True):
            index, inside = index * size + other, inside & within
        weight = functools.reduce(lambda product, factor: product * factor, [tap[2] for tap in taps])
        places.append(index)
        weights.append(weight if inside.all() else _chosen(inside, weight, 0.0))
    chosen = np.stack(places, axis=1).astype(np.int32)
    out = take_weighted_primitive(x.reshape(samples, channels, prod(sizes)), stack(weights, 1), places=chosen)
    return out.reshape(samples, channels, *grid.shape[1:-1])


@grid_sample_primitive.vjp("x")
def _(
    cotangent: np.ndarray, grid: np.ndarray, x_shape: tuple[int, ...], mode: str, padding: str, align: bool
) -> np.ndarray:
    planes = _flat(cotangent)
    out = empty_images(x_shape, cotangent.dtype, is_channels_last(planes))
    _, places, weights = _located(_points(grid), x_shape[2:], mode, padding, align)
    put(planes, weights, places, _flat(out))
    return out


@grid_sample_primitive.vjp("grid")
def _(cotangent: np.ndarray, x: np.ndarray, grid: np.ndarray, mode: str, padding: str, align: bool) -> np.ndarray:
    if mode == "nearest":  # a step has the derivative 0 everywhere
        return np.zeros_like(grid)
    told, places, _ = _located(_points(grid), x.shape[2:], mode, padding, align)
    out = np.empty(grid.shape, grid.dtype)
    by_weights = products(_flat(x), _flat(cotangent), places)
    run(kernels, "slopes", _LOCATING * places.size, *told, by_weights, _points(out))
    return out


# --- what users call --------------------------------------------------------------------------------------------


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images read at points given by a grid: a spatial transformer's sampler.

    Args:
        input: shape (N, C, H, W), or (N, C, D, H, W).
        grid: shape (N, H_out, W_out, 2), or (N, D_out, H_out, W_out, 3); the points (x, y) or (x, y, z), whose -1 and 1
            are the edges of the image. A point that is NaN lies outside.
        mode: "bilinear" (also for volumes), "nearest" (halves go to even elements), or "bicubic" for images.
        padding_mode: what lies outside: "zeros", the "border" elements, or the image's "reflection".
        align_corners: whether -1 and 1 are the centres of the corner elements, rather than their outer edges; None
            stands for False.

    Returns:
        Shape (N, C, H_out, W_out), or (N, C, D_out, H_out, W_out). Between elements the weights have a derivative with
        respect to the grid; at elements that of the piece behind is taken, and held points have none.

    Raises:
        TypeError: for integers, and dtypes that differ.
        ValueError: for an unknown mode or padding, shapes that do not fit, and images without elements.

    Example:
        >>> import autograd_core as ag
        >>> image = ag.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
        >>> ag.grid_sample(image, ag.tensor([[[[0.0, 0.0], [1.0, 1.0]]]]), align_corners=True).tolist()
        [[[[1.5, 3.0]]]]

    Source: Jaderberg et al. 2015, "Spatial Transformer Networks", section 3.3.
    """
    images, grid = floating(input, "grid_sample"), floating(grid, "grid_sample")
    count = images.ndim - 2
    if images.dtype != grid.dtype:
        raise TypeError(f"grid_sample: input and grid must have one dtype, got {images.dtype} and {grid.dtype}")
    if mode not in MODES:
        raise ValueError(f"grid_sample: mode must be bilinear, nearest or bicubic, got {mode!r}")
    if padding_mode not in PADDINGS:
        raise ValueError(f"grid_sample: padding_mode must be zeros, border or reflection, got {padding_mode!r}")
    if count not in (2, 3) or grid.ndim != count + 2 or grid.shape[-1] != count or grid.shape[0] != images.shape[0]:
        raise ValueError(
            "grid_sample: expected an input (N, C, H, W) and a grid (N, H_out, W_out, 2), or an input (N, C, D, H, W) "
            f"and a grid (N, D_out, H_out, W_out, 3), got {images.shape} and {grid.shape}"
        )
    if mode == "bicubic" and count == 3:
        raise ValueError("grid_sample: bicubic is for images (N, C, H, W), not for volumes")
    sizes = images.shape[2:]
    if 0 in sizes:
        raise ValueError(f"grid_sample: there is nothing to read in images of {sizes}")
    out: Tensor = apply(
        grid_sample_primitive.op,
        (images, grid),
        {"mode": mode, "padding": padding_mode, "align": bool(align_corners)},
    )
    return out


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The grid of points that affine maps give, for :func:`grid_sample`.

    Args:
        theta: shape (N, 2, 3), for each image the matrix that takes (x, y, 1) of the output to (x, y) of the input; or
            (N, 3, 4) for volumes.
        size: of the output, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as for :func:`grid_sample`.

    Returns:
        Shape (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        TypeError: for integers.
        ValueError: if `theta` and `size` do not fit each other, or a size is not positive.

    Example:
        >>> import autograd_core as ag
        >>> ag.affine_grid(ag.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2)).tolist()
        [[[[0.0, 0.0], [1.0, 0.0]]]]

    Source: Jaderberg et al. 2015, "Spatial Transformer Networks", equation 1.
    """
    theta, wanted = floating(theta, "affine_grid"), tuple(int(number) for number in size)
    count = len(wanted) - 2
    if count not in (2, 3) or theta.shape != (wanted[0], count, count + 1):
        raise ValueError(
            "affine_grid: expected theta (N, 2, 3) and a size (N, C, H, W), or theta (N, 3, 4) and a size "
            f"(N, C, D, H, W), got {theta.shape} and {wanted}"
        )
    if min(wanted) < 1:
        raise ValueError(f"affine_grid: sizes must be positive, got {wanted}")
    lines = []
    for number in wanted[2:]:
        line = np.linspace(-1, 1, number) if number > 1 else np.zeros(1)
        lines.append(line if align_corners else line * ((number - 1) / number))
    mesh = np.meshgrid(*lines, indexing="ij")
    points = np.stack([*reversed(mesh), np.ones_like(mesh[0])], axis=-1).reshape(-1, count + 1).astype(theta.dtype)
    grid: Tensor = (from_numpy(points) @ theta.transpose(1, 2)).reshape(wanted[0], *wanted[2:], count)
    return grid


__all__ = ["affine_grid", "grid_sample"]

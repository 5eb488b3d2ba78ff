"""Images read at points between their elements: grids of coordinates, affine ones, and sampling there.

A sample is a sum of a few elements with weights that depend on where the point lies between them. The sum, what undoes
it for the elements and for the weights are three maps of one trilinear form, as convolution and its transposes are;
the weights are elementwise operations on the coordinates. So derivatives of any order are of the same kinds.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import structural
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import floating
from .blocks import run
from .creation import from_numpy
from .elementwise import where as select
from .joining import stack

if TYPE_CHECKING:
    from ..kernels import points as kernels
else:
    kernels = lazy_import("autograd_core.kernels.points")

# --- the trilinear form -----------------------------------------------------------------------------------------


def _samples(random: np.random.Generator, *names: str) -> list[Sample]:
    found = []
    for images, channels, size, points, taps in ((2, 3, 5, 4, 2), (1, 1, 1, 3, 1), (1, 2, 6, 1, 4)):
        shapes = {"x": (images, channels, size), "weight": (images, points, taps), "y": (images, channels, points)}
        places = random.integers(0, size, (images, points, taps)).astype(np.int32)
        parameters: dict[str, Any] = {"places": places}
        if "x" not in names:
            parameters["size"] = size
        found.append(Sample(tuple(random.standard_normal(shapes[name]) for name in names), parameters))
    return found


def _read(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """x[i, c, places[i, p, t]], of shape (images, channels, points, taps)."""
    return np.stack([line[:, place] for line, place in zip(x, places, strict=True)])


def _put_reference(y: np.ndarray, weight: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    full = np.zeros((*y.shape[:2], size))
    for image, channel in np.ndindex(*y.shape[:2]):
        np.add.at(full[image, channel], places[image], weight[image] * y[image, channel][:, None])
    return full


@structural(
    "take_weighted",
    reference=lambda x, weight, places: np.einsum("icpt,ipt->icp", _read(x, places), weight),
    samples=lambda random: _samples(random, "x", "weight"),
)
def take_weighted_primitive(x: np.ndarray, weight: np.ndarray, *, places: np.ndarray) -> np.ndarray:
    """For each point and channel the sum of the elements at its places, each times its weight."""
    out = np.empty((*x.shape[:2], places.shape[1]), x.dtype)
    run(kernels, "take", out.size * places.shape[2], contiguous(x), contiguous(weight), contiguous(places), out)
    return out


@structural(
    "put_weighted",
    reference=_put_reference,
    samples=lambda random: _samples(random, "y", "weight"),
)
def put_weighted_primitive(operand: np.ndarray, weight: np.ndarray, *, places: np.ndarray, size: int) -> np.ndarray:
    """Each point's element, times its weights, added at its places."""
    out = np.empty((*operand.shape[:2], size), operand.dtype)
    work = operand.size * places.shape[2]
    run(kernels, "put", work, contiguous(operand), contiguous(weight), contiguous(places), out)
    return out


@structural(
    "point_products",
    reference=lambda x, operand, places: np.einsum("icpt,icp->ipt", _read(x, places), operand),
    samples=lambda random: _samples(random, "x", "y"),
)
def point_products_primitive(x: np.ndarray, operand: np.ndarray, *, places: np.ndarray) -> np.ndarray:
    """For each point and each of its places the product of the point's element and the one there, over channels."""
    out = np.empty(places.shape, x.dtype)
    work = operand.size * places.shape[2]
    run(kernels, "products", work, contiguous(x), contiguous(operand), contiguous(places), out)
    return out


@take_weighted_primitive.vjp("x")
def _take_by_x(cotangent: Any, weight: Any, x_shape: tuple[int, ...], places: np.ndarray) -> Any:
    return put_weighted_primitive(cotangent, weight, places=places, size=x_shape[2])


@take_weighted_primitive.vjp("weight")
def _take_by_weight(cotangent: Any, x: Any, places: np.ndarray) -> Any:
    return point_products_primitive(x, cotangent, places=places)


@put_weighted_primitive.vjp("operand")
def _put_by_operand(cotangent: Any, weight: Any, places: np.ndarray) -> Any:
    return take_weighted_primitive(cotangent, weight, places=places)


@put_weighted_primitive.vjp("weight")
def _put_by_weight(cotangent: Any, operand: Any, places: np.ndarray) -> Any:
    return point_products_primitive(cotangent, operand, places=places)


@point_products_primitive.vjp("x")
def _products_by_x(cotangent: Any, operand: Any, x_shape: tuple[int, ...], places: np.ndarray) -> Any:
    return put_weighted_primitive(operand, cotangent, places=places, size=x_shape[2])


@point_products_primitive.vjp("operand")
def _products_by_operand(cotangent: Any, x: Any, places: np.ndarray) -> Any:
    return take_weighted_primitive(x, cotangent, places=places)


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
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample: mode must be bilinear, nearest or bicubic, got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
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
    samples, points = images.shape[0], prod(grid.shape[1:-1])
    flat = grid.reshape(samples, points, count)
    # The grid's last coordinate belongs to the first spatial dimension.
    along = [
        _taps(flat[:, :, count - 1 - axis], size, mode, padding_mode, bool(align_corners))
        for axis, size in enumerate(sizes)
    ]
    places, weights = [], []
    for taps in itertools.product(*along):
        index, inside = taps[0][0], taps[0][1]
        for (other, within, _), size in zip(taps[1:], sizes[1:], strict=True):
            index, inside = index * size + other, inside & within
        weight = functools.reduce(lambda product, factor: product * factor, [tap[2] for tap in taps])
        places.append(index)
        weights.append(weight if inside.all() else _chosen(inside, weight, 0.0))
    out: Tensor = apply(
        take_weighted_primitive.op,
        (images.reshape(samples, images.shape[1], prod(sizes)), stack(weights, 2)),
        {"places": np.stack(places, axis=2).astype(np.int32)},
    )
    return out.reshape(samples, images.shape[1], *grid.shape[1:-1])


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

"""Sums of a few elements of each plane for each point.

The sum, what undoes it for the elements and for the weights are three maps of one trilinear form, as convolution and
its transposes are of a bilinear one. The derivatives of each are the other two, so those of any order are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import structural
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from .blocks import run
from .images import empty_images, is_channels_last

if TYPE_CHECKING:
    from ..kernels import points as kernels
else:
    kernels = lazy_import("autograd_core.kernels.points")


def _samples(random: np.random.Generator, *names: str) -> list[Sample]:
    found = []
    # Single points and planes of one element lie as if their channels came last.
    sizes = (2, 3, 5, 4, 2), (1, 1, 1, 3, 1), (1, 2, 6, 1, 4), (2, 3, 1, 4, 2)
    for images, channels, size, points, taps in sizes:
        shapes = {"x": (images, channels, size), "weight": (images, taps, points), "y": (images, channels, points)}
        places = random.integers(0, size, (images, taps, points)).astype(np.int32)
        parameters: dict[str, Any] = {"places": places}
        if "x" not in names:
            parameters["size"] = size
        found.append(Sample(tuple(random.standard_normal(shapes[name]) for name in names), parameters))
    return found


def _read(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """x[i, c, places[i, t, p]], of shape (images, channels, taps, points)."""
    return np.stack([line[:, place] for line, place in zip(x, places, strict=True)])


def _put_reference(y: np.ndarray, weight: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    full = np.zeros((*y.shape[:2], size))
    for image, channel in np.ndindex(*y.shape[:2]):
        np.add.at(full[image, channel], places[image], weight[image] * y[image, channel])
    return full


def _last(planes: np.ndarray) -> np.ndarray | None:
    """Planes (images, channels, size) as (images, size, channels), if that is how their memory lies."""
    return contiguous(planes.swapaxes(1, 2)) if is_channels_last(planes) else None


def take(x: np.ndarray, weight: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Into `out`, whose memory lies as that of x does."""
    work = out.size * places.shape[1]
    if (last := _last(x)) is not None:
        run(kernels, "take_last", work, last, weight, places, out.swapaxes(1, 2))
    else:
        run(kernels, "take", work, contiguous(x), weight, places, out)


def put(y: np.ndarray, weight: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Into `out`, whose memory lies as that of y does."""
    work = y.size * places.shape[1]
    if (last := _last(y)) is not None:
        run(kernels, "put_last", work, last, weight, places, out.swapaxes(1, 2))
    else:
        run(kernels, "put", work, contiguous(y), weight, places, out)


def products(x: np.ndarray, y: np.ndarray, places: np.ndarray) -> np.ndarray:
    out = np.empty(places.shape, x.dtype)
    work = y.size * places.shape[1]
    if (last := _last(x)) is not None:
        run(kernels, "products_last", work, last, contiguous(y.swapaxes(1, 2)), places, out)
    else:
        run(kernels, "products", work, contiguous(x), contiguous(y), places, out)
    return out


@structural(
    "take_weighted",
    reference=lambda x, weight, places: np.einsum("ictp,itp->icp", _read(x, places), weight),
    samples=lambda random: _samples(random, "x", "weight"),
)
def take_weighted_primitive(x: np.ndarray, weight: np.ndarray, *, places: np.ndarray) -> np.ndarray:
    """For each point and channel the sum of the elements at its places, each times its weight."""
    out = empty_images((*x.shape[:2], places.shape[2]), x.dtype, is_channels_last(x))
    take(x, contiguous(weight), places, out)
    return out


@structural(
    "put_weighted",
    reference=_put_reference,
    samples=lambda random: _samples(random, "y", "weight"),
)
def put_weighted_primitive(operand: np.ndarray, weight: np.ndarray, *, places: np.ndarray, size: int) -> np.ndarray:
    """Each point's element, times its weights, added at its places."""
    out = empty_images((*operand.shape[:2], size), operand.dtype, is_channels_last(operand))
    put(operand, contiguous(weight), places, out)
    return out


@structural(
    "point_products",
    reference=lambda x, operand, places: np.einsum("ictp,icp->itp", _read(x, places), operand),
    samples=lambda random: _samples(random, "x", "y"),
)
def point_products_primitive(x: np.ndarray, operand: np.ndarray, *, places: np.ndarray) -> np.ndarray:
    """For each point and each of its places the product of the point's element and the one there, over channels."""
    return products(x, operand, places)


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


__all__: list[str] = []

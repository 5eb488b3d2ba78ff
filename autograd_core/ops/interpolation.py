"""Images of another size: nearest elements, linear and cubic interpolation, one dimension after the other.

Along one dimension every result is a sum of a few elements with weights that depend on sizes alone: a linear map, whose
transpose is another.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..declaration import structural
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .arguments import floating
from .blocks import around, run
from .images import empty_images, is_channels_last
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .pooling_windows import in_bands

if TYPE_CHECKING:
    from ..kernels import pool as kernels
else:
    kernels = lazy_import("autograd_core.kernels.pool")


class Resampling(NamedTuple):
    """How one dimension is resampled.

    Attributes:
        size, out: elements before and after.
        kind: "nearest", "nearest-exact", "linear" or "cubic".
        scale: elements of the input for one of the output, None for the ratio of the sizes.
        align: whether the first and last elements of both stand at the same places, rather than their outer edges.
    """

    size: int
    out: int
    kind: str
    scale: float | None = None
    align: bool = False


# Keys 1981, "Cubic convolution interpolation for digital image processing"; the constant is PyTorch's.
_CUBIC = -0.75


@functools.lru_cache(maxsize=256)
def _taps(how: Resampling) -> tuple[np.ndarray, np.ndarray]:
    """For each result the elements it is made of and their weights, both (out, taps)."""
    place = np.arange(how.out)
    last = how.size - 1
    scale = how.size / how.out if how.scale is None else how.scale
    if how.kind.startswith("nearest"):
        # In single precision, as PyTorch does whatever the dtype: where a place falls between two decides.
        moved = place.astype(np.float32) + np.float32(0.5 if how.kind == "nearest-exact" else 0)
        found = np.minimum(np.floor(moved * np.float32(scale)).astype(np.int64), last)[:, None]
        return found, np.ones(found.shape)
    if how.align:
        source = place * (last / (how.out - 1) if how.out > 1 else 0.0)
    else:
        source = (place + 0.5) * scale - 0.5
        if how.kind == "linear":
            source = np.maximum(source, 0.0)
    first = np.floor(source).astype(np.int64)
    if how.kind == "linear":
        first = np.minimum(first, last)
        part = np.clip(source - first, 0, 1)
        return np.stack([first, np.minimum(first + 1, last)], axis=1), np.stack([1 - part, part], axis=1)
    part = (source - first)[:, None]
    distance = np.abs(part - np.arange(-1, 3))
    inner = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1
    outer = ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
    return np.clip(first[:, None] + np.arange(-1, 3), 0, last), np.where(distance <= 1, inner, outer)


@functools.lru_cache(maxsize=256)
def _table(how: Resampling, transposed: bool, dtype: np.dtype[Any]) -> tuple[np.ndarray, ...]:
    """What each result reads, in bands, with its weights."""
    found, weights = _taps(how)
    from_, to = found.reshape(-1), np.repeat(np.arange(how.out), found.shape[1])
    flat = weights.reshape(-1)
    if transposed:
        order = np.argsort(from_, kind="stable")
        from_, to, flat = to[order], from_[order], flat[order]
    counts = np.bincount(to, minlength=how.size if transposed else how.out)
    begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return *in_bands(begin, from_.astype(np.int32)), flat.astype(dtype)


def _reference(x: np.ndarray, how: Resampling, dim: int, transposed: bool) -> np.ndarray:
    matrix = np.zeros((how.out, how.size))
    found, weights = _taps(how)
    for row, (places, shares) in enumerate(zip(found, weights, strict=True)):
        for place, share in zip(places, shares, strict=True):
            matrix[row, place] += share
    return np.moveaxis(np.moveaxis(x, dim, -1) @ (matrix if transposed else matrix.T), -1, dim)


def _samples(random: np.random.Generator) -> list[Sample]:
    found = []
    for how, dim in (
        (Resampling(4, 7, "linear"), 2),
        (Resampling(5, 3, "cubic"), 3),
        (Resampling(5, 8, "cubic", None, True), 3),
        (Resampling(4, 6, "nearest"), 2),
        (Resampling(4, 9, "linear", 0.43, False), 2),
        (Resampling(5, 4, "nearest-exact"), 3),
    ):
        shape = [2, 3, 4, 5]
        for transposed in (False, True):
            shape[dim] = how.out if transposed else how.size
            found.append(Sample((random.standard_normal(shape),), {"how": how, "dim": dim, "transposed": transposed}))
    return found


@structural("resample", reference=_reference, samples=_samples)
def resample_primitive(x: np.ndarray, *, how: Resampling, dim: int, transposed: bool) -> np.ndarray:
    """Interpolate along one dimension; transposed, give each element what the results it is part of weight it with."""
    last = is_channels_last(x)
    shape = list(x.shape)
    shape[dim] = how.size if transposed else how.out
    out = empty_images(tuple(shape), x.dtype, last)
    if out.size:
        order = (0, *range(2, x.ndim), 1) if last else tuple(range(x.ndim))
        axis = order.index(dim)
        source, target = contiguous(x.transpose(order)), out.transpose(order)
        blocks = source.reshape(around(source.shape, axis)), *_table(how, transposed, x.dtype)
        run(kernels, "resample", max(x.size, out.size), *blocks, target.reshape(around(target.shape, axis)))
    return out


@resample_primitive.vjp("x")
def _(cotangent: Any, how: Resampling, dim: int, transposed: bool) -> Any:
    return resample_primitive(cotangent, how=how, dim=dim, transposed=not transposed)


_KINDS = {"linear": (1, "linear"), "bilinear": (2, "linear"), "trilinear": (3, "linear"), "bicubic": (2, "cubic")}
_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area")


def _output_sizes(sizes: Sequence[int], size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The wanted sizes, and the scales that were given instead."""
    count = len(sizes)
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: exactly one of size and scale_factor must be given")
    given = scale_factor if size is None else size
    values = list(given) if isinstance(given, Sequence) else [given] * count
    if len(values) != count:
        raise ValueError(f"interpolate: size and scale_factor must be one number or {count}, got {given!r}")
    scales: list[float | None]
    if size is not None:
        wanted, scales = [int(value) for value in values], [None] * count
    else:
        wanted = [math.floor(own * float(value)) for own, value in zip(sizes, values, strict=True)]
        scales = [float(value) for value in values]
    if min(wanted, default=1) < 1 or min(sizes, default=1) < 1:
        raise ValueError(f"interpolate: sizes must be positive, got {tuple(sizes)} to {tuple(wanted)}")
    return wanted, scales


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Images of another size.

    Args:
        input: shape (N, C, …) with one to three spatial dimensions.
        size: the wanted spatial size, one number or one for each dimension.
        scale_factor: instead of a size, by how much; sizes are rounded down.
        mode: "nearest" (whose places PyTorch's earlier versions have), "nearest-exact" (the nearest indeed), "linear",
            "bilinear", "trilinear" for one, two and three dimensions, "bicubic" for two, or "area", averages.
        align_corners: for the linear and cubic modes, whether the centres of the corner elements keep their places,
            rather than their outer corners.
        recompute_scale_factor: whether places follow from the rounded sizes, rather than from the given scale.

    Raises:
        TypeError: for integers.
        ValueError: for an unknown mode, one that does not fit the number of dimensions, and sizes that do not fit.

    Example:
        >>> import autograd_core as ag
        >>> ag.interpolate(ag.tensor([[[0.0, 1.0]]]), scale_factor=2, mode="linear").tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
    """
    images = floating(input, "interpolate")
    count = images.ndim - 2
    if mode not in _MODES:
        raise ValueError(f"interpolate: mode must be one of {', '.join(_MODES)}, got {mode!r}")
    if count not in (1, 2, 3) or (mode in _KINDS and _KINDS[mode][0] != count):
        raise ValueError(f"interpolate: {mode!r} does not fit an input of shape {images.shape}")
    if align_corners is not None and mode not in _KINDS:
        raise ValueError(f"interpolate: align_corners goes with linear and cubic modes only, not with {mode!r}")
    if recompute_scale_factor and size is not None:
        raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, not with size")
    wanted, scales = _output_sizes(images.shape[2:], size, scale_factor)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[count - 1](images, wanted)
    kind = _KINDS[mode][1] if mode in _KINDS else mode
    for axis, (own, out, scale) in enumerate(zip(images.shape[2:], wanted, scales, strict=True), 2):
        step = None if scale is None or recompute_scale_factor else 1 / scale
        how = Resampling(own, out, kind, step, bool(align_corners))
        if own != out or (step is not None and step != 1):
            images = apply(resample_primitive.op, (images,), {"how": how, "dim": axis, "transposed": False})
    return images


__all__ = ["interpolate"]

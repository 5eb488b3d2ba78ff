"""Dropout: elements or whole channels left out at random. A mask is a function of a key, never kept in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..declaration import structural
from ..dispatch import as_tensor_operand
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..random import Generator, default_generator, draw_key
from ..recording import apply
from ..tensor import Tensor, wrap
from .blocks import run

if TYPE_CHECKING:
    from ..kernels import random as kernels
else:
    kernels = lazy_import("autograd_core.kernels.random")

# Klambauer et al. 2017: minus alpha times scale of selu, the value it tends to.
_SATURATION = -1.7580993408473766


def _threshold(keep: float) -> int:
    """Below which a 32-bit word keeps its element."""
    return min(round(keep * 2**32), 2**32 - 1)


def _reference(x: np.ndarray, key: int, keep: float, order: tuple[int, ...]) -> np.ndarray:
    """The generator's definition, word by word."""
    modulus, half = 2**64, 1024
    line = x.transpose(order).ravel()
    kept = []
    for place in range(line.size):
        block, within = divmod(place, 2 * half)
        word = (key + (block * half + within % half + 1) * 0x9E3779B97F4A7C15) % modulus
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % modulus
        word = (word ^ word >> 27) * 0x94D049BB133111EB % modulus
        word ^= word >> 31
        kept.append((word >> 32 if within >= half else word % 2**32) < _threshold(keep))
    scale = 1 / keep if keep else 0.0
    shape = [x.shape[axis] for axis in order]
    return np.where(kept, line * scale, 0).reshape(shape).transpose(np.argsort(order))


@structural(
    "dropout",
    reference=_reference,
    samples=lambda random: [
        Sample((random.standard_normal((3, 4)),), {"key": 7, "keep": 0.6, "order": (0, 1)}),
        Sample((random.standard_normal((2, 3, 2)),), {"key": 2**63 + 5, "keep": 0.5, "order": (0, 2, 1)}),
        Sample((random.standard_normal((2500,)),), {"key": 1, "keep": 0.9, "order": (0,)}),
    ],
)
def dropout_primitive(x: np.ndarray, *, key: int, keep: float, order: tuple[int, ...]) -> np.ndarray:
    """Keep elements with a probability, scaled by its inverse, and zero the others, by the words that a key gives.

    Words go to the elements in memory order, which `order` says, outermost dimension first.
    """
    turned = x.transpose(order)
    memory = np.empty(turned.shape, x.dtype)
    if memory.size:
        scale = 1 / keep if keep else 0.0
        line = contiguous(turned).reshape(-1)
        arguments = (np.uint64(key), np.uint32(_threshold(keep)), scale, memory.reshape(-1))
        run(kernels, "dropout", 2 * x.size, line, *arguments)
    if order == tuple(range(x.ndim)):
        return memory
    return memory.transpose(sorted(range(x.ndim), key=order.__getitem__))


@dropout_primitive.vjp("x")
def _(cotangent: Any, key: int, keep: float, order: tuple[int, ...]) -> Any:
    # The map is linear and its own transpose.
    return dropout_primitive(cotangent, key=key, keep=keep, order=order)


def _check(input: Any, p: float, name: str) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p must lie in [0, 1], got {p}")
    tensor = as_tensor_operand(input, name)
    if tensor.dtype.kind != "f":
        raise TypeError(f"{name}() needs a floating tensor, got {tensor.dtype}")
    return tensor


def _memory_order(array: np.ndarray) -> tuple[int, ...]:
    order = tuple(range(array.ndim))
    if array.flags.c_contiguous:
        return order
    by_stride = tuple(sorted(order, key=lambda axis: -abs(array.strides[axis])))
    return by_stride if array.transpose(by_stride).flags.c_contiguous else order


def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing outside training.

    The mask is drawn from the default generator unless another is given, so :func:`autograd_core.manual_seed` repeats
    it, whatever the number of threads.

    Args:
        input: any floating shape.
        p: in [0, 1].
        training: whether to drop anything.
        generator: where the mask's key comes from.

    Raises:
        ValueError: if `p` lies outside [0, 1].
        TypeError: for integers.

    Example:
        >>> import autograd_core as ag
        >>> kept = ag.dropout(ag.ones(1000), 0.25)
        >>> sorted(set(kept.tolist()))
        [0.0, 1.3333333730697632]

    Source: Srivastava et al. 2014; inverted scaling.
    """
    input = _check(input, p, "dropout")
    if not training or p == 0:
        return input
    parameters = {
        "key": draw_key((generator or default_generator).numpy),
        "keep": 1.0 - p,
        "order": _memory_order(input._array),
    }
    result: Tensor = apply(dropout_primitive.op, (input,), parameters)
    return result


def _drawn(shape: tuple[int, ...], p: float, dtype: Any) -> np.ndarray:
    """1 with probability 1 - p, else 0."""
    key = draw_key(default_generator.numpy)
    order = tuple(range(len(shape)))
    return dropout_primitive(np.full(shape, 1 - p, dtype), key=key, keep=1 - p, order=order) != 0


def _channels(input: Tensor, batched: int, name: str) -> tuple[int, ...]:
    """The shape of a mask of channels: of (N, C, …), or of (C, …) where there is no batch."""
    if input.ndim not in (batched - 1, batched):
        raise ValueError(f"{name}: expected {batched - 1} or {batched} dimensions, got shape {input.shape}")
    own = 2 if input.ndim == batched else 1
    return (*input.shape[:own], *(1,) * (input.ndim - own))


def _feature_dropout(input: Any, p: float, training: bool, batched: int, name: str) -> Tensor:
    input = _check(input, p, name)
    shape = _channels(input, batched, name)
    if name == "dropout2d" and input.ndim == 3:
        shape = (*input.shape[:2], 1)  # PyTorch's reading: (N, C, L)
    if not training or p == 0:
        return input
    scale = 1 / (1 - p) if p < 1 else 0.0
    result: Tensor = input * wrap((_drawn(shape, p, input.dtype) * scale).astype(input.dtype), None)
    return result


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability `p` and scale the others by 1 / (1 - p).

    Raises:
        ValueError: for `p` outside [0, 1] and for other shapes.

    Source: Tompson et al. 2015, "Efficient object localization using convolutional networks".
    """
    return _feature_dropout(input, p, training, 3, "dropout1d")


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """As :func:`dropout1d`, for (N, C, H, W); three dimensions are read as (N, C, L), as PyTorch does."""
    return _feature_dropout(input, p, training, 4, "dropout2d")


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """As :func:`dropout1d`, for (N, C, D, H, W) or (C, D, H, W)."""
    return _feature_dropout(input, p, training, 5, "dropout3d")


def _alpha(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """Set what is dropped to selu's saturation, and restore mean 0 and variance 1 by an affine map."""
    if p == 1:
        zeros: Tensor = input * 0.0
        return zeros
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SATURATION**2))
    kept = _drawn(shape, p, input.dtype)
    offset = np.where(kept, 0.0, _SATURATION * scale) - scale * _SATURATION * p
    result: Tensor = input * wrap((kept * scale).astype(input.dtype), None) + wrap(offset.astype(input.dtype), None)
    return result


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False) -> Tensor:
    """Dropout for networks of selu: elements are set to its saturation, and mean 0 and variance 1 are kept.

    Args:
        input: any floating shape.
        p: in [0, 1].
        training: whether to drop anything.

    Raises:
        ValueError: if `p` lies outside [0, 1].

    Source: Klambauer et al. 2017, "Self-normalizing neural networks", section 4.
    """
    input = _check(input, p, "alpha_dropout")
    return _alpha(input, input.shape, p) if training and p else input


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False) -> Tensor:
    """As :func:`alpha_dropout`, for whole channels of (N, C, …).

    Raises:
        ValueError: for `p` outside [0, 1], and for fewer than two dimensions.
    """
    input = _check(input, p, "feature_alpha_dropout")
    if input.ndim < 2:
        raise ValueError(f"feature_alpha_dropout: expected (N, C, ...), got shape {input.shape}")
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha(input, shape, p) if training and p else input


__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

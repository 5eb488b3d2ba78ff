"""Windows along a dimension, and sums of them at the places they were taken from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..broadcasting import Shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, cell_of
from .linear_maps import reshape_primitive


def _folded(x: np.ndarray, shape: Shape, dim: int, size: int, step: int) -> np.ndarray:
    full = np.zeros(shape, x.dtype)
    windows = np.moveaxis(full, dim, -1)
    for offset in range(size):
        # The elements that windows have at one place never coincide, so each place is one addition.
        windows[..., offset : offset + step * (x.shape[dim] - 1) + 1 : step] += np.moveaxis(x[..., offset], dim, -1)
    return full


def _windows(x: np.ndarray, dim: int, size: int, step: int) -> np.ndarray:
    number = (x.shape[dim] - size) // step + 1
    shape = (*x.shape[:dim], number, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=x.flags.writeable)


@structural(
    "unfold",
    reference=lambda x, dim, size, step: np.moveaxis(
        np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, size, dim), dim, 0)[::step], 0, dim
    ),
    samples=lambda random: [
        Sample((random.standard_normal((3, 7)),), {"dim": 1, "size": 3, "step": 2}),
        Sample((random.standard_normal((5, 2)),), {"dim": 0, "size": 2, "step": 1}),
        Sample((random.standard_normal((5, 2)),), {"dim": 0, "size": 1, "step": 3}),
    ],
)
def unfold_primitive(x: np.ndarray, *, dim: int, size: int, step: int) -> np.ndarray:
    """Windows along a dimension, in a new last one; a view."""
    return _windows(x, dim, size, step)


@unfold_primitive.vjp("x")
def _(cotangent: Any, x_shape: Shape, dim: int, size: int, step: int) -> Any:
    return fold_primitive(cotangent, shape=x_shape, dim=dim, size=size, step=step)


@structural(
    "fold_windows",
    samples=lambda random: [
        Sample((random.standard_normal((2, 4, 4, 3)),), {"shape": (2, 9, 4), "dim": 1, "size": 3, "step": 2}),
        Sample((random.standard_normal((4, 2)),), {"shape": (5,), "dim": 0, "size": 2, "step": 1}),
    ],
)
def fold_primitive(x: np.ndarray, *, shape: Shape, dim: int, size: int, step: int) -> np.ndarray:
    """The sum of windows at the places they were taken from: the transpose of unfolding."""
    return _folded(x, shape, dim, size, step)


@fold_primitive.vjp("x")
def _(cotangent: Any, dim: int, size: int, step: int) -> Any:
    return unfold_primitive(cotangent, dim=dim, size=size, step=step)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` along a dimension, `step` apart, in a new last dimension; a view.

    Raises:
        ValueError: for a size that does not fit, and a step that is not positive.
        IndexError: if the dimension is out of range.
    """
    input = as_tensor_operand(input, "unfold")
    axis = normalize_dim(dimension, input.ndim, "unfold")
    source = input if input.ndim else reshape_primitive(input, shape=(1,))
    if not 0 <= size <= source.shape[axis]:
        raise ValueError(f"unfold: windows of {size} do not fit dimension {axis} of shape {input.shape}")
    if step <= 0:
        raise ValueError(f"unfold: step must be positive, got {step}")
    result: Tensor = apply(unfold_primitive.op, (source,), {"dim": axis, "size": int(size), "step": int(step)})
    # NumPy's windows do not say whose memory they show.
    result._version, result._base = cell_of(source), source
    return result if input.ndim else result.reshape(size)


attach("unfold", unfold)

# Tensor.unfold is a method only; PyTorch's function of that name is another one.
__all__: list[str] = []

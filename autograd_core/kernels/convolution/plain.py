"""The three maps of a convolution in NumPy, tap by tap: where nothing is compiled, and what kernels are tested against.

Arrays have three spatial dimensions: x (N, C, D, H, W), w (K, C / groups, …), y (N, K, …).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .geometry import Geometry

Window = tuple[tuple[int, ...], tuple[Any, ...], tuple[Any, ...]]


def _windows(geometry: Geometry) -> Iterator[Window]:
    """For each tap the places of x it meets, and those of y it meets them from."""
    g = geometry
    for tap in itertools.product(*map(range, g.w_size)):
        x_slices, y_slices = [], []
        for r, x, y, s, p, d in zip(tap, g.x_size, g.y_size, g.stride, g.padding, g.dilation, strict=True):
            shift = r * d - p
            first = max(0, -(shift // s))
            last = min(y, (x - 1 - shift) // s + 1)
            if first >= last:
                break
            x_slices.append(slice(first * s + shift, (last - 1) * s + shift + 1, s))
            y_slices.append(slice(first, last))
        else:
            yield tap, tuple(x_slices), tuple(y_slices)


def _grouped(array: np.ndarray, groups: int, axis: int) -> np.ndarray:
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def convolve(x: np.ndarray, w: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The map from x and w to y."""
    g = geometry
    y: Any = np.zeros((len(x), g.groups, g.y_group, *g.y_size), x.dtype)
    xs: Any = _grouped(x, g.groups, 1)
    ws: Any = _grouped(w, g.groups, 0)
    for tap, x_slices, y_slices in _windows(g):
        y[(..., *y_slices)] += np.einsum("ngc...,gkc->ngk...", xs[(..., *x_slices)], ws[(..., *tap)])
    return y.reshape(len(x), g.y_channels, *g.y_size)


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The map from y and w to x."""
    g = geometry
    x: Any = np.zeros((len(y), g.groups, g.x_group, *g.x_size), y.dtype)
    ys: Any = _grouped(y, g.groups, 1)
    ws: Any = _grouped(w, g.groups, 0)
    for tap, x_slices, y_slices in _windows(g):
        x[(..., *x_slices)] += np.einsum("ngk...,gkc->ngc...", ys[(..., *y_slices)], ws[(..., *tap)])
    return x.reshape(len(y), g.x_channels, *g.x_size)


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The map from x and y to w."""
    g = geometry
    w: Any = np.zeros((g.groups, g.y_group, g.x_group, *g.w_size), x.dtype)
    xs: Any = _grouped(x, g.groups, 1)
    ys: Any = _grouped(y, g.groups, 1)
    for tap, x_slices, y_slices in _windows(g):
        w[(..., *tap)] = np.einsum("ngcdhw,ngkdhw->gkc", xs[(..., *x_slices)], ys[(..., *y_slices)])
    return w.reshape(g.y_channels, g.x_group, *g.w_size)


__all__ = ["convolve", "transpose", "weight"]

"""Convolution, its transpose and its weight gradient on arrays of one, two or three spatial dimensions.

All take and return arrays of shape (N, C, …) as users see them. What they return lies channels-last in memory; what
they take is fastest so, and is converted on the way otherwise.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..jit import DISABLED
from . import channelwise, plain, spread, tiles, winograd
from .geometry import Geometry
from .layout import channels_last_empty, is_channels_last, volume


@functools.lru_cache(maxsize=1024)
def geometry_of(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    y_size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Geometry:
    """The geometry of x of shape (N, C, …), a weight of shape (K, C / groups, …) and y of a spatial size."""
    return Geometry(
        volume(x_shape[2:]),
        volume(y_size),
        volume(w_shape[2:]),
        volume(stride),
        volume(padding, 0),
        volume(dilation),
        groups,
        x_shape[1],
        w_shape[0],
    )


def _volumes(array: np.ndarray) -> np.ndarray:
    return array.reshape(*array.shape[:2], *volume(array.shape[2:]))


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, geometry: Geometry, size: Any) -> np.ndarray:
    """y of spatial `size` from x and w, with a bias for each of its channels or None."""
    g = geometry
    shape = (x.shape[0], g.y_channels, *size)
    if DISABLED:
        y = plain.convolve(_volumes(x), w.reshape(*w.shape[:2], *g.w_size), g).reshape(shape)
        return y if bias is None else y + bias.reshape(-1, *(1,) * len(size))
    out = channels_last_empty(shape, x.dtype)
    if not out.size or not x.size or not w.size:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * len(size))
    elif g.is_depthwise:
        channelwise.convolve(x, w, bias, g, out)
    elif winograd.suits(g, x.shape[0], x.dtype):
        winograd.convolve(x, w, bias, g, out)
    else:
        tiles.convolve(x, w, bias, g, out)
    return out


def transpose(y: np.ndarray, w: np.ndarray, geometry: Geometry, size: Any) -> np.ndarray:
    """x of spatial `size` from y and w."""
    g = geometry
    shape = (y.shape[0], g.x_channels, *size)
    if DISABLED:
        return plain.transpose(_volumes(y), w.reshape(*w.shape[:2], *g.w_size), g).reshape(shape)
    out = channels_last_empty(shape, y.dtype)
    if not out.size or not y.size or not w.size:
        out[...] = 0
    elif g.is_depthwise:
        channelwise.transpose(y, w, g, out)
    elif winograd.suits(g, y.shape[0], y.dtype):
        winograd.transpose(y, w, g, out)
    elif spread.suits(g, y.dtype):
        spread.transpose(y, w, g, out)
    else:
        tiles.transpose(y, w, g, out)
    return out


def weight(x: np.ndarray, y: np.ndarray, geometry: Geometry, size: Any) -> np.ndarray:
    """w of spatial `size` from x and y."""
    g = geometry
    shape = (g.y_channels, g.x_group, *size)
    if DISABLED:
        return plain.weight(_volumes(x), _volumes(y), g).reshape(shape)
    if not x.size or not y.size:
        return np.zeros(shape, x.dtype)
    out = np.empty(shape, x.dtype)
    if not out.size:
        return out
    if g.is_depthwise:
        channelwise.weight(x, y, g, out)
    elif winograd.suits(g, x.shape[0], x.dtype):
        winograd.weight(x, y, g, out)
    else:
        tiles.weight(x, y, g, out)
    return out


__all__ = ["Geometry", "channels_last_empty", "convolve", "geometry_of", "is_channels_last", "transpose", "weight"]

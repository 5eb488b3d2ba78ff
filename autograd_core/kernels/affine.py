"""Affine maps of rows, x weightᵀ + bias, forward and backward, each as one call."""

from __future__ import annotations

import numpy as np

from .blas import AVAILABLE
from .jit import inline, prange, serial_and_parallel
from .matmul import A_ROW, NOTHING, THREADED_WORK, multiply_part, parts_of, run

# Rows whose cotangents of the bias are added in one go.
_BLOCK = 256


def _forward(x, weight, bias, out, parts):
    for part in prange(parts):
        multiply_part(False, True, x, weight, A_ROW, bias, out, part, parts)


_forward_serial, _forward_parallel = serial_and_parallel(_forward)


@inline
def _sum_rows(cotangent, out, first, last):
    """The sums of the columns from `first` to `last` - 1."""
    size = last - first
    result = out[first:last]
    result[:] = cotangent.dtype.type(0)
    block = np.empty(size, cotangent.dtype)
    # Sums of sums: the rounding errors of one long sum grow with its length.
    for start in range(0, cotangent.shape[0], _BLOCK):
        block[:] = cotangent.dtype.type(0)
        for row in range(start, min(cotangent.shape[0], start + _BLOCK)):
            line = cotangent[row, first:last]
            for column in range(size):
                block[column] += line[column]
        for column in range(size):
            result[column] += block[column]


def _vjp(cotangent, x, weight, x_out, weight_out, bias_out, parts):
    """All cotangents at once, those that are wanted not being empty; each part has its share of each."""
    for part in prange(parts):
        nothing = np.empty(0, cotangent.dtype)
        if weight_out.size:
            multiply_part(True, False, cotangent, x, NOTHING, nothing, weight_out, part, parts)
        if x_out.size:
            multiply_part(False, False, cotangent, weight, NOTHING, nothing, x_out, part, parts)
        if bias_out.size:
            _sum_rows(cotangent, bias_out, bias_out.size * part // parts, bias_out.size * (part + 1) // parts)


_vjp_serial, _vjp_parallel = serial_and_parallel(_vjp)


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x weightᵀ + bias for contiguous matrices (rows, in), (out, in) and a vector (out,)."""
    if not AVAILABLE or not x.size or not weight.size:
        return np.add(np.matmul(x, weight.T), bias)
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    work = x.size * weight.shape[0]
    if work < THREADED_WORK:
        _forward_serial(x, weight, bias, out, 1)
        return out
    parts = parts_of(out.shape[0], out.shape[1], x.shape[1])
    run(_forward_serial, _forward_parallel, work, x, weight, bias, out, parts)
    return out


def _pull(
    cotangent: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray,
    weight_out: np.ndarray,
    bias_out: np.ndarray,
) -> None:
    work = max(out.size * weight.shape[0], weight_out.size * cotangent.shape[0])
    if work < THREADED_WORK:
        _vjp_serial(cotangent, x, weight, out, weight_out, bias_out, 1)
        return
    rows, columns = out.shape if out.size else weight_out.shape
    parts = parts_of(rows, columns, work // (rows * columns))
    run(_vjp_serial, _vjp_parallel, work, cotangent, x, weight, out, weight_out, bias_out, parts)


def input_vjp(cotangent: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Write the cotangent of x to the matrix `out`."""
    if not AVAILABLE or not cotangent.size or not weight.size:
        np.matmul(cotangent, weight, out)
        return
    nothing = np.empty((0, 0), out.dtype)
    _pull(cotangent, nothing, weight, out, nothing, nothing.reshape(-1))


def parameter_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cotangents of weight and bias."""
    if not AVAILABLE or not cotangent.size or not x.size:
        return np.matmul(cotangent.T, x), np.add.reduce(cotangent, axis=0)
    weight_out = np.empty((cotangent.shape[1], x.shape[1]), x.dtype)
    bias_out = np.empty(cotangent.shape[1], x.dtype)
    nothing = np.empty((0, 0), x.dtype)
    _pull(cotangent, x, nothing, nothing, weight_out, bias_out)
    return weight_out, bias_out


def vjp(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cotangents of weight and bias; that of x goes to the matrix `out`.

    One call for all, which small layers would spend much of their time on.
    """
    if not AVAILABLE or not cotangent.size or not x.size:
        input_vjp(cotangent, weight, out)
        return parameter_vjp(cotangent, x)
    weight_out = np.empty(weight.shape, x.dtype)
    bias_out = np.empty(weight.shape[0], x.dtype)
    _pull(cotangent, x, weight, out, weight_out, bias_out)
    return weight_out, bias_out

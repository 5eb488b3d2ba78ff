"""Affine maps of rows, x weightᵀ + bias, forward and backward, each as one call."""

from __future__ import annotations

import numpy as np

from .blas import AVAILABLE, gemm
from .jit import PARALLEL, inline, kernel, prange, serial_and_parallel, thread_count
from .matmul import THREADED_WORK, multiply

# Rows whose cotangents of the bias are added in one go.
_BLOCK = 256


@kernel
def _forward(x, weight, bias, out):
    for row in range(out.shape[0]):
        line = out[row]
        for column in range(line.size):
            line[column] = bias[column]
    gemm(False, True, x, weight, 1.0, out)


@inline
def _sum_rows(cotangent, out, first, last):
    """The sums of the columns from `first` to `last` - 1."""
    rows = cotangent.shape[0]
    result = out[first:last]
    result[:] = cotangent.dtype.type(0)
    block = np.empty(last - first, cotangent.dtype)
    # Sums of sums: the rounding errors of one long sum grow with its length.
    for start in range(0, rows, _BLOCK):
        stop = min(rows, start + _BLOCK)
        whole = start + (stop - start) // 4 * 4
        block[:] = cotangent.dtype.type(0)
        # Four rows at a time: the block is read and written once for them.
        for row in range(start, whole, 4):
            a, b = cotangent[row, first:last], cotangent[row + 1, first:last]
            c, d = cotangent[row + 2, first:last], cotangent[row + 3, first:last]
            for column in range(block.size):
                block[column] += (a[column] + b[column]) + (c[column] + d[column])
        for row in range(whole, stop):
            line = cotangent[row, first:last]
            for column in range(block.size):
                block[column] += line[column]
        for column in range(block.size):
            result[column] += block[column]


@kernel
def _vjp(cotangent, x, weight, x_out, weight_out, bias_out):
    """All cotangents at once, those that are wanted not being empty."""
    if weight_out.size:
        gemm(True, False, cotangent, x, 0.0, weight_out)
    if x_out.size:
        gemm(False, False, cotangent, weight, 0.0, x_out)
    if bias_out.size:
        _sum_rows(cotangent, bias_out, 0, bias_out.size)


def _sum_columns(cotangent, out, parts):
    for part in prange(parts):
        _sum_rows(cotangent, out, out.size * part // parts, out.size * (part + 1) // parts)


_sum_columns_serial, _sum_columns_parallel = serial_and_parallel(_sum_columns)


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x weightᵀ + bias for contiguous matrices (rows, in), (out, in) and a vector (out,)."""
    if not AVAILABLE or not x.size or not weight.size:
        return np.add(np.matmul(x, weight.T), bias)
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    if x.size * weight.shape[0] < THREADED_WORK:
        _forward(x, weight, bias, out)
    else:
        multiply(False, True, x, weight, out, bias)
    return out


def _pull(
    cotangent: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray,
    weight_out: np.ndarray,
    bias_out: np.ndarray,
) -> None:
    if max(out.size * weight.shape[0], weight_out.size * cotangent.shape[0]) < THREADED_WORK:
        _vjp(cotangent, x, weight, out, weight_out, bias_out)
        return
    if weight_out.size:
        multiply(True, False, cotangent, x, weight_out)
    if out.size:
        multiply(False, False, cotangent, weight, out)
    if bias_out.size:
        parts = thread_count(cotangent.size)
        if parts > 1:
            with PARALLEL:
                _sum_columns_parallel(cotangent, bias_out, parts)
        else:
            _sum_columns_serial(cotangent, bias_out, 1)


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

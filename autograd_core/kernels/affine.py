"""Affine maps of rows, x weightᵀ + bias, alone and through ReLU, forward and backward, each as one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blas import AVAILABLE, gemm
from .jit import PARALLEL, inline, kernel, prange, serial_and_parallel, thread_count
from .matmul import THREADED_WORK, multiply

# Rows whose cotangents of the bias are added in one go.
_BLOCK = 256


@inline
def _rectify(line):
    """ReLU of a line, in place; NaN stays."""
    zero = line.dtype.type(0)
    for i in range(line.size):
        line[i] = zero if line[i] < zero else line[i]


@inline
def _pass_positive(cotangent, result, out):
    """The cotangent of what ReLU was applied to: that of its `result` where this is not 0; lines all of them."""
    zero = out.dtype.type(0)
    for i in range(out.size):
        out[i] = zero if result[i] <= zero else cotangent[i]


def _rectify_parts(line, parts):
    size = line.size
    for part in prange(parts):
        _rectify(line[size * part // parts : size * (part + 1) // parts])


def _pass_parts(cotangent, result, out, parts):
    size = out.size
    for part in prange(parts):
        first, last = size * part // parts, size * (part + 1) // parts
        _pass_positive(cotangent[first:last], result[first:last], out[first:last])


_rectify_serial, _rectify_parallel = serial_and_parallel(_rectify_parts)
_pass_serial, _pass_parallel = serial_and_parallel(_pass_parts)


@kernel
def _forward(x, weight, bias, rectified, out):
    for row in range(out.shape[0]):
        line = out[row]
        for column in range(line.size):
            line[column] = bias[column]
    gemm(False, True, x, weight, 1.0, out)
    if rectified:
        _rectify(out.reshape(-1))


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
def _vjp(cotangent, result, x, weight, rectified, x_wanted, parameters_wanted, x_out, weight_out, bias_out):
    """All cotangents that are wanted at once; `result` is what ReLU made of the map's, if that is `rectified`."""
    if rectified:
        passed = np.empty(cotangent.shape, cotangent.dtype)
        _pass_positive(cotangent.reshape(-1), result.reshape(-1), passed.reshape(-1))
        cotangent = passed
    if parameters_wanted:
        gemm(True, False, cotangent, x, 0.0, weight_out)
        _sum_rows(cotangent, bias_out, 0, bias_out.size)
    if x_wanted:
        gemm(False, False, cotangent, weight, 0.0, x_out)


def _sum_columns(cotangent, out, parts):
    for part in prange(parts):
        _sum_rows(cotangent, out, out.size * part // parts, out.size * (part + 1) // parts)


_sum_columns_serial, _sum_columns_parallel = serial_and_parallel(_sum_columns)


def _run(serial: Any, parallel: Any, size: int, *arguments: Any) -> None:
    """Run a kernel whose last argument is the number of its parts, on threads where `size` elements are worth it."""
    parts = thread_count(size)
    if parts > 1:
        with PARALLEL:
            parallel(*arguments, parts)
    else:
        serial(*arguments, 1)


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, rectified: bool = False) -> np.ndarray:
    """x weightᵀ + bias for contiguous matrices (rows, in), (out, in) and a vector (out,); ReLU of it if `rectified`."""
    if not AVAILABLE or not x.size or not weight.size:
        plain = np.add(np.matmul(x, weight.T), bias)
        return np.maximum(plain, 0, plain) if rectified else plain
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    if x.size * weight.shape[0] < THREADED_WORK:
        _forward(x, weight, bias, rectified, out)
        return out
    multiply(False, True, x, weight, out, bias)
    if rectified:
        _run(_rectify_serial, _rectify_parallel, out.size, out.reshape(-1))
    return out


def vjp(
    cotangent: np.ndarray,
    result: np.ndarray | None,
    x: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray | None,
    parameters: bool = True,
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """The cotangents of weight and bias unless there is no need of them; that of x goes to the matrix `out`.

    One call of a kernel for all of a small layer, which would spend much of its time on several.

    Args:
        cotangent: contiguous, as all matrices are, (rows, out).
        result: what ReLU made of the map's result; None where there was no ReLU.
        x, weight: (rows, in) and (out, in).
        out: as `x`, or None if there is no need of it.
        parameters: whether weight and bias need theirs.
    """
    if not AVAILABLE or not cotangent.size or not x.size:
        if result is not None:
            cotangent = np.where(result <= 0, cotangent.dtype.type(0), cotangent)
        if out is not None:
            np.matmul(cotangent, weight, out)
        return (np.matmul(cotangent.T, x), np.add.reduce(cotangent, axis=0)) if parameters else (None, None)
    # What is not wanted stands in for where it would go, and is not written to.
    weight_out = np.empty(weight.shape, x.dtype) if parameters else weight
    bias_out = np.empty(weight.shape[0], x.dtype) if parameters else weight.reshape(-1)
    if x.size * weight.shape[0] < THREADED_WORK:
        made, rectified = (cotangent, False) if result is None else (result, True)
        wanted, target = (False, x) if out is None else (True, out)
        _vjp(cotangent, made, x, weight, rectified, wanted, parameters, target, weight_out, bias_out)
    else:
        if result is not None:
            passed = np.empty(cotangent.shape, cotangent.dtype)
            lines = cotangent.reshape(-1), result.reshape(-1), passed.reshape(-1)
            _run(_pass_serial, _pass_parallel, passed.size, *lines)
            cotangent = passed
        if parameters:
            multiply(True, False, cotangent, x, weight_out)
        if out is not None:
            multiply(False, False, cotangent, weight, out)
        if parameters:
            _run(_sum_columns_serial, _sum_columns_parallel, cotangent.size, cotangent, bias_out)
    return (weight_out, bias_out) if parameters else (None, None)

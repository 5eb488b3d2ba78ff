"""Affine maps of rows, x weightᵀ + bias, forward and backward, each as one call."""

from __future__ import annotations

import numpy as np

from .blas import AVAILABLE, gemm, gemm_block
from .jit import kernel, prange, serial_and_parallel
from .matmul import THREADED_WORK, parts_of, run, split

# Rows whose cotangents of the bias are added in one go.
_BLOCK = 256


@kernel
def _forward(x, weight, bias, out):
    rows, columns = out.shape
    for row in range(rows):
        for column in range(columns):
            out[row, column] = bias[column]
    gemm(False, True, x, weight, 1.0, out)


def _forward_parts(x, weight, bias, out, parts):
    for part in prange(parts):
        rows, columns = split(out.shape[0], out.shape[1], part, parts)
        for row in range(rows[0], rows[1]):
            out[row, columns[0] : columns[1]] = bias[columns[0] : columns[1]]
        gemm_block(False, True, x, weight, 1.0, out, rows, columns)


_forward_serial, _forward_parallel = serial_and_parallel(_forward_parts)


@kernel
def _sum_rows(cotangent, out):
    rows, columns = cotangent.shape
    out[:] = cotangent.dtype.type(0)
    block = np.empty(columns, cotangent.dtype)
    # Sums of sums: the rounding errors of one long sum grow with its length.
    for start in range(0, rows, _BLOCK):
        block[:] = cotangent.dtype.type(0)
        for row in range(start, min(rows, start + _BLOCK)):
            for column in range(columns):
                block[column] += cotangent[row, column]
        for column in range(columns):
            out[column] += block[column]


@kernel
def _input_vjp(cotangent, weight, out):
    gemm(False, False, cotangent, weight, 0.0, out)


@kernel
def _parameter_vjp(cotangent, x, weight_out, bias_out):
    gemm(True, False, cotangent, x, 0.0, weight_out)
    _sum_rows(cotangent, bias_out)


@kernel
def _vjp(cotangent, x, weight, x_out, weight_out, bias_out):
    _input_vjp(cotangent, weight, x_out)
    _parameter_vjp(cotangent, x, weight_out, bias_out)


def _vjp_parts(cotangent, x, weight, x_out, weight_out, bias_out, parts):
    """All cotangents at once, those that are wanted not being empty: a thread has something to do while one lasts."""
    for task in prange(2 * parts + 1):
        if task == 2 * parts:
            if bias_out.size:
                _sum_rows(cotangent, bias_out)
        elif task >= parts:
            if x_out.size:
                rows, columns = split(x_out.shape[0], x_out.shape[1], task - parts, parts)
                gemm_block(False, False, cotangent, weight, 0.0, x_out, rows, columns)
        elif weight_out.size:
            rows, columns = split(weight_out.shape[0], weight_out.shape[1], task, parts)
            gemm_block(True, False, cotangent, x, 0.0, weight_out, rows, columns)


_vjp_serial, _vjp_parallel = serial_and_parallel(_vjp_parts)


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x weightᵀ + bias for contiguous matrices (rows, in), (out, in) and a vector (out,)."""
    if not AVAILABLE or not x.size or not weight.size:
        return np.add(np.matmul(x, weight.T), bias)
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    work = x.size * weight.shape[0]
    if work < THREADED_WORK:
        _forward(x, weight, bias, out)
    else:
        parts = parts_of(out.shape[0], out.shape[1], x.shape[1])
        run(_forward_serial, _forward_parallel, work, x, weight, bias, out, parts)
    return out


def input_vjp(cotangent: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Write the cotangent of x to the matrix `out`."""
    if not AVAILABLE or not cotangent.size or not weight.size:
        np.matmul(cotangent, weight, out)
        return
    work = out.size * weight.shape[0]
    if work < THREADED_WORK:
        _input_vjp(cotangent, weight, out)
    else:
        nothing, none = np.empty((0, 0), out.dtype), np.empty(0, out.dtype)
        parts = parts_of(out.shape[0], out.shape[1], weight.shape[0])
        run(_vjp_serial, _vjp_parallel, work, cotangent, nothing, weight, out, nothing, none, parts)


def parameter_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cotangents of weight and bias."""
    if not AVAILABLE or not cotangent.size or not x.size:
        return np.matmul(cotangent.T, x), np.add.reduce(cotangent, axis=0)
    weight_out = np.empty((cotangent.shape[1], x.shape[1]), x.dtype)
    bias_out = np.empty(cotangent.shape[1], x.dtype)
    work = weight_out.size * x.shape[0]
    if work < THREADED_WORK:
        _parameter_vjp(cotangent, x, weight_out, bias_out)
    else:
        nothing = np.empty((0, 0), x.dtype)
        parts = parts_of(weight_out.shape[0], weight_out.shape[1], x.shape[0])
        run(_vjp_serial, _vjp_parallel, work, cotangent, x, nothing, nothing, weight_out, bias_out, parts)
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
    work = x.size * weight.shape[0]
    if work < THREADED_WORK:
        _vjp(cotangent, x, weight, out, weight_out, bias_out)
    else:
        parts = parts_of(x.shape[0], x.shape[1], weight.shape[0])
        run(_vjp_serial, _vjp_parallel, work, cotangent, x, weight, out, weight_out, bias_out, parts)
    return weight_out, bias_out

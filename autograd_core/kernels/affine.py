"""Affine maps of rows, x weightᵀ + bias, forward and backward, each as one call."""

from __future__ import annotations

import numpy as np

from .blas import AVAILABLE, gemm, prepare
from .jit import kernel

# Rows whose cotangents of the bias are added in one go.
_BLOCK = 256


@kernel
def _forward(x, weight, bias, out):
    rows, columns = out.shape
    for row in range(rows):
        for column in range(columns):
            out[row, column] = bias[column]
    gemm(False, True, x, weight, 1.0, out)


@kernel
def _input_vjp(cotangent, weight, out):
    gemm(False, False, cotangent, weight, 0.0, out)


@kernel
def _parameter_vjp(cotangent, x, weight_out, bias_out):
    gemm(True, False, cotangent, x, 0.0, weight_out)
    rows, columns = cotangent.shape
    bias_out[:] = cotangent.dtype.type(0)
    block = np.empty(columns, cotangent.dtype)
    # Sums of sums: the rounding errors of one long sum grow with its length.
    for start in range(0, rows, _BLOCK):
        block[:] = cotangent.dtype.type(0)
        for row in range(start, min(rows, start + _BLOCK)):
            for column in range(columns):
                block[column] += cotangent[row, column]
        for column in range(columns):
            bias_out[column] += block[column]


@kernel
def _vjp(cotangent, x, weight, x_out, weight_out, bias_out):
    _input_vjp(cotangent, weight, x_out)
    _parameter_vjp(cotangent, x, weight_out, bias_out)


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """x weightᵀ + bias for contiguous matrices (rows, in), (out, in) and a vector (out,)."""
    if not AVAILABLE or not x.size or not weight.size:
        return np.add(np.matmul(x, weight.T), bias)
    out = np.empty((x.shape[0], weight.shape[0]), x.dtype)
    prepare(x.size * weight.shape[0])
    _forward(x, weight, bias, out)
    return out


def input_vjp(cotangent: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The cotangent of x."""
    if not AVAILABLE or not cotangent.size or not weight.size:
        return np.matmul(cotangent, weight)
    out = np.empty((cotangent.shape[0], weight.shape[1]), cotangent.dtype)
    prepare(out.size * weight.shape[0])
    _input_vjp(cotangent, weight, out)
    return out


def parameter_vjp(cotangent: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cotangents of weight and bias."""
    if not AVAILABLE or not cotangent.size or not x.size:
        return np.matmul(cotangent.T, x), np.add.reduce(cotangent, axis=0)
    weight_out = np.empty((cotangent.shape[1], x.shape[1]), x.dtype)
    bias_out = np.empty(cotangent.shape[1], x.dtype)
    prepare(x.size * cotangent.shape[1])
    _parameter_vjp(cotangent, x, weight_out, bias_out)
    return weight_out, bias_out


def vjp(cotangent: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cotangents of x, weight and bias in one call, which small layers would spend much of their time on."""
    if not AVAILABLE or not cotangent.size or not x.size:
        return input_vjp(cotangent, weight), *parameter_vjp(cotangent, x)
    x_out = np.empty(x.shape, x.dtype)
    weight_out = np.empty(weight.shape, x.dtype)
    bias_out = np.empty(weight.shape[0], x.dtype)
    prepare(x.size * weight.shape[0])
    _vjp(cotangent, x, weight, x_out, weight_out, bias_out)
    return x_out, weight_out, bias_out

"""Softmax, log-softmax and the losses on them: row kernels over the last of two dimensions.

All take C-contiguous matrices (rows, classes). Sums run in float64, so long rows keep their digits.
"""

from __future__ import annotations

import math

from .jit import kernel


@kernel
def softmax(x, out):
    """exp(x - max) / sum exp(x - max), row by row."""
    rows, columns = x.shape
    for row in range(rows):
        largest = x[row, 0]
        for column in range(columns):
            value = x[row, column]
            if value > largest or value != value:
                largest = value
        total = 0.0
        for column in range(columns):
            shifted = math.exp(x[row, column] - largest)
            out[row, column] = shifted
            total += shifted
        scale = x.dtype.type(1.0 / total)
        for column in range(columns):
            out[row, column] *= scale


@kernel
def softmax_vjp(cotangent, y, out):
    """y * (cotangent - sum(cotangent * y)), row by row."""
    rows, columns = y.shape
    for row in range(rows):
        total = 0.0
        for column in range(columns):
            total += cotangent[row, column] * y[row, column]
        mean = y.dtype.type(total)
        for column in range(columns):
            out[row, column] = y[row, column] * (cotangent[row, column] - mean)


@kernel
def log_softmax(x, out):
    """x - max - log sum exp(x - max), row by row."""
    rows, columns = x.shape
    for row in range(rows):
        largest = x[row, 0]
        for column in range(columns):
            value = x[row, column]
            if value > largest or value != value:
                largest = value
        total = 0.0
        for column in range(columns):
            total += math.exp(x[row, column] - largest)
        logarithm = x.dtype.type(math.log(total))
        for column in range(columns):
            out[row, column] = (x[row, column] - largest) - logarithm


@kernel
def log_softmax_vjp(cotangent, y, out):
    """cotangent - exp(y) sum(cotangent), row by row."""
    rows, columns = y.shape
    for row in range(rows):
        total = 0.0
        for column in range(columns):
            total += cotangent[row, column]
        sum_ = y.dtype.type(total)
        for column in range(columns):
            out[row, column] = cotangent[row, column] - math.exp(y[row, column]) * sum_


@kernel
def cross_entropy_vjp(scale, log_probabilities, target, uniform, smooth_scale, out):
    """Gradient of the cross-entropy by the logits, row by row: row_scale * softmax minus the target distribution.

    `scale[row]` weights the target class and `smooth_scale[row]` the part that label smoothing spreads with the class
    weights `uniform`; rows that are ignored carry zeros in both.
    """
    rows, columns = out.shape
    weight = out.dtype.type(0)
    for column in range(columns):
        weight += uniform[column]
    for row in range(rows):
        label = target[row]
        total = scale[row] + smooth_scale[row] * weight
        for column in range(columns):
            spread = smooth_scale[row] * uniform[column]
            # exp(-inf) * 0 is 0, so ignored rows and impossible classes stay 0.
            out[row, column] = math.exp(log_probabilities[row, column]) * total - spread
        if 0 <= label < columns:
            out[row, label] -= scale[row]


__all__ = ["cross_entropy_vjp", "log_softmax", "log_softmax_vjp", "softmax", "softmax_vjp"]

"""The gradient of products over the middle one of three dimensions, (outer, length, inner), of a flat line.

Each element meets the product of the others. Where the whole product is an ordinary number it is divided by the
element, in double precision; else, where elements are zero or the product leaves the range, products from both sides
are multiplied, so that nothing is lost.
"""

from __future__ import annotations

import math

import numpy as np

from autograd_core.kernels.jit import inline, prange, serial_and_parallel, summing

_COLUMNS = 64
# A product below has lost digits on the way, or is zero.
_LEAST = 1e-290


@summing
def _product_of_line(line):
    total = 1.0
    for i in range(line.size):
        total *= np.float64(line[i])
    return total


@inline
def _divide(line, total, out):
    for i in range(line.size):
        out[i] = total / line[i]


@inline
def _both_sides(line, cotangent, before, out):
    total = 1.0
    for i in range(line.size):
        before[i] = total
        total *= line[i]
    total = np.float64(cotangent)
    for i in range(line.size - 1, -1, -1):
        out[i] = before[i] * total
        total *= line[i]


def _product_gradient(x, cotangent, outer, length, inner, out):
    """cotangent times the product of the other elements over the middle dimension."""
    if inner == 1:
        for row in prange(outer):
            line, result = x[row * length : (row + 1) * length], out[row * length : (row + 1) * length]
            total = _product_of_line(line)
            if abs(total) > _LEAST and abs(total) < math.inf:
                _divide(line, total * cotangent[row], result)
            else:
                _both_sides(line, cotangent[row], np.empty(length), result)
    else:
        groups = (inner + _COLUMNS - 1) // _COLUMNS
        for task in prange(outer * groups):
            row, first = task // groups, task % groups * _COLUMNS
            last = min(inner, first + _COLUMNS)
            start = row * length * inner
            total = np.ones(last - first)
            for step in range(length):
                line = x[start + step * inner + first : start + step * inner + last]
                for lane in range(total.size):
                    total[lane] *= line[lane]
            ordinary = True
            for lane in range(total.size):
                ordinary &= abs(total[lane]) > _LEAST and abs(total[lane]) < math.inf
            shares = cotangent[row * inner + first : row * inner + last]
            if ordinary:
                for lane in range(total.size):
                    total[lane] *= shares[lane]
                for step in range(length):
                    line = x[start + step * inner + first : start + step * inner + last]
                    result = out[start + step * inner + first : start + step * inner + last]
                    for lane in range(total.size):
                        result[lane] = total[lane] / line[lane]
            else:
                before = np.empty((length, last - first))
                total[:] = 1.0
                for step in range(length):
                    line, product = x[start + step * inner + first : start + step * inner + last], before[step]
                    for lane in range(total.size):
                        product[lane] = total[lane]
                        total[lane] *= line[lane]
                for lane in range(total.size):
                    total[lane] = shares[lane]
                for back in range(length):
                    step = length - 1 - back
                    line, product = x[start + step * inner + first : start + step * inner + last], before[step]
                    result = out[start + step * inner + first : start + step * inner + last]
                    for lane in range(total.size):
                        result[lane] = product[lane] * total[lane]
                        total[lane] *= line[lane]


product_gradient_serial, product_gradient_parallel = serial_and_parallel(_product_gradient)

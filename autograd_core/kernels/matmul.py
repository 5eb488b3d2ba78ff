"""Products of matrices and of batches of matrices, split over threads where they are large.

A part of a product may be rounded otherwise than the same elements of the whole. So a product is split into as many
parts as there are threads, or, where results must not depend on their number, into parts that its shape alone decides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import config
from . import panels, small_products
from .blas import AVAILABLE, gemm, gemm_block
from .boundary import contiguous, flat
from .jit import PARALLEL, inline, kernel, prange, serial_and_parallel, thread_count
from .lines import dot_line
from .simd import WIDTH

# Multiplications from which a second thread pays.
THREADED_WORK = 1 << 20
# Parts a product is split into at most in deterministic mode, and multiplications that each should have at least.
_PARTS, _PART = 8, 1 << 19
# Multiplications up to which NumPy's call is the fastest; measured from 4×4 by 4×4 (0.3 of a kernel's time) to 32×32 by
# 32×32 (0.5).
_SMALL = 1 << 15
# Rows and columns that the innermost loops take at a time.
_TILE = 16
# Where tiles over packed panels are as fast as the library's products (0.7 to 1.1 of their time) and need less memory:
# with wide vectors, from so many columns on.
_TILED, _TILED_COLUMNS = WIDTH == 64, 32

NOTHING, A_ROW = panels.NOTHING, panels.A_ROW
_NO_ROW = {np.dtype(name): np.empty(0, name) for name in ("float32", "float64")}


@inline
def split(rows, columns, part, parts):
    """First and last + 1 of the rows and of the columns of one part of a matrix: bands across its longer side."""
    longer = max(rows, columns)
    tiles = (longer + _TILE - 1) // _TILE
    band = (min(longer, tiles * part // parts * _TILE), min(longer, tiles * (part + 1) // parts * _TILE))
    if columns >= rows:
        return (0, rows), band
    return band, (0, columns)


def parts_of(rows: int, columns: int, inner: int) -> int:
    """How many parts a product is split into."""
    most = _PARTS if config.are_deterministic_algorithms_enabled() else config.get_num_threads()
    return max(1, min(most, (max(rows, columns) + _TILE - 1) // _TILE, rows * columns * inner // _PART))


def _by_tiles(transpose_a, transpose_b, a, b, origin, initial, c, parts):
    for part in prange(parts):
        rows, columns = split(c.shape[0], c.shape[1], part, parts)
        panels.multiply(transpose_a, transpose_b, a, b, origin, initial, c, rows, columns)


def _by_library(transpose_a, transpose_b, a, b, origin, initial, c, parts):
    for part in prange(parts):
        rows, columns = split(c.shape[0], c.shape[1], part, parts)
        if origin == A_ROW:
            # Lines that are counted from zero: LLVM vectorises no loop whose first index may be negative.
            first = initial[columns[0] : columns[1]]
            for row in range(rows[0], rows[1]):
                line = c[row, columns[0] : columns[1]]
                for column in range(line.size):
                    line[column] = first[column]
        gemm_block(transpose_a, transpose_b, a, b, 1.0 if origin == A_ROW else 0.0, c, rows, columns)


# Two kernels, and flags that are arguments: who multiplies small matrices does not wait until tiles are compiled, and
# who multiplies large ones waits once.
_tiles, _library = serial_and_parallel(_by_tiles), serial_and_parallel(_by_library)


def multiply(
    transpose_a: bool, transpose_b: bool, a: np.ndarray, b: np.ndarray, c: np.ndarray, row: np.ndarray | None = None
) -> None:
    """c = op(a) @ op(b), plus `row` in each of its rows, for large contiguous matrices; op transposes where asked.

    The whole product's shape decides how each of its parts is computed.
    """
    terms = a.shape[0] if transpose_a else a.shape[1]
    rows, columns = c.shape
    serial, parallel = _tiles if _TILED and columns >= _TILED_COLUMNS else _library
    origin, initial = (NOTHING, _NO_ROW[c.dtype]) if row is None else (A_ROW, row)
    parts = parts_of(rows, columns, terms)
    run(serial, parallel, rows * columns * terms, transpose_a, transpose_b, a, b, origin, initial, c, parts)


@kernel
def _multiply_whole(transpose_a, transpose_b, a, b, c):
    gemm(transpose_a, transpose_b, a, b, 0.0, c)


def _multiply_batch(transpose_a, transpose_b, a, b, c):
    for place in prange(c.shape[0]):
        first = a[place] if a.shape[0] > 1 else a[0]
        second = b[place] if b.shape[0] > 1 else b[0]
        gemm(transpose_a, transpose_b, first, second, 0.0, c[place])


batch_serial, batch_parallel = serial_and_parallel(_multiply_batch)


# Rows of a matrix that a task multiplies with a vector, or adds up.
_BAND = 64


def _times_vector(matrix, vector, out):
    rows = matrix.shape[0]
    for band in prange((rows + _BAND - 1) // _BAND):
        for row in range(band * _BAND, min(rows, (band + 1) * _BAND)):
            out[row] = dot_line(matrix[row], vector)


def _add_rows(matrix, vector, out):
    """The sum of a matrix's rows, each times its element of `vector`: bands of columns side by side."""
    rows, columns = matrix.shape
    width = max(_BAND, (columns + _PARTS - 1) // _PARTS)
    for band in prange((columns + width - 1) // width):
        left, right = band * width, min(columns, (band + 1) * width)
        result = out[left:right]
        result[:] = vector.dtype.type(0)
        whole = rows // 4 * 4
        # Four rows at a time: the result is read and written once for them.
        for row in range(0, whole, 4):
            first, second = matrix[row, left:right], matrix[row + 1, left:right]
            third, fourth = matrix[row + 2, left:right], matrix[row + 3, left:right]
            a, b, c, d = vector[row], vector[row + 1], vector[row + 2], vector[row + 3]
            for i in range(result.size):
                result[i] += (a * first[i] + b * second[i]) + (c * third[i] + d * fourth[i])
        for row in range(whole, rows):
            line = matrix[row, left:right]
            factor = vector[row]
            for i in range(result.size):
                result[i] += factor * line[i]


def _outer(column, row, out):
    for band in prange((column.size + _BAND - 1) // _BAND):
        for i in range(band * _BAND, min(column.size, (band + 1) * _BAND)):
            factor, line = column[i], out[i]
            for j in range(line.size):
                line[j] = factor * row[j]


times_vector_serial, times_vector_parallel = serial_and_parallel(_times_vector)
add_rows_serial, add_rows_parallel = serial_and_parallel(_add_rows)
outer_serial, outer_parallel = serial_and_parallel(_outer)


def _oriented(x: np.ndarray) -> tuple[bool, np.ndarray]:
    """A matrix or batch as the kernels take it, and whether that is its transpose: no copy is made of transposes."""
    if x.flags.c_contiguous:
        return False, contiguous(x)
    turned = x.swapaxes(-1, -2)
    return (True, contiguous(turned)) if turned.flags.c_contiguous else (False, contiguous(x))


def matmul(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """As :func:`numpy.matmul`, for operands of at least two dimensions and one dtype."""
    if x.ndim == 2 == z.ndim and x.size * z.shape[1] <= _SMALL:
        # NumPy's own: what comes before the call of a kernel takes longer than the product.
        return x.dot(z)
    if not AVAILABLE or x.dtype.kind != "f" or not x.size or not z.size:
        return np.asarray(np.matmul(x, z))
    if x.ndim == 2 == z.ndim:
        return _product(x, z)
    if z.ndim == 2 and x.flags.c_contiguous:
        return _product(x.reshape(-1, x.shape[-1]), z).reshape(*x.shape[:-1], z.shape[1])
    return _batch(x, z)


def _product(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    rows, columns = x.shape[0], z.shape[1]
    out = np.empty((rows, columns), x.dtype)
    if x.shape[1] == 1:
        if out.size <= _SMALL:
            return np.multiply(x, z, out)
        run(outer_serial, outer_parallel, out.size, flat(x), flat(z), out)
        return out
    transpose_x, x = _oriented(x)
    transpose_z, z = _oriented(z)
    if columns == 1 or rows == 1:
        matrix, vector, transposed = (x, z, transpose_x) if columns == 1 else (z, x, not transpose_z)
        kernels = (add_rows_serial, add_rows_parallel) if transposed else (times_vector_serial, times_vector_parallel)
        run(*kernels, matrix.size, matrix, vector.reshape(-1), out.reshape(-1))
        return out
    work = out.size * (x.shape[0] if transpose_x else x.shape[1])
    if work < THREADED_WORK:
        _multiply_whole(transpose_x, transpose_z, x, z, out)
    else:
        multiply(transpose_x, transpose_z, x, z, out)
    return out


def _batch(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    leading = np.broadcast_shapes(x.shape[:-2], z.shape[:-2])
    out = np.empty((*leading, x.shape[-2], z.shape[-1]), x.dtype)
    lines = []
    for operand in (x, z):
        single = operand.ndim == 2 or all(size == 1 for size in operand.shape[:-2])
        if not single and operand.shape[:-2] != leading:
            operand = np.broadcast_to(operand, (*leading, *operand.shape[-2:]))
        transposed, line = _oriented(operand)
        lines.append((transposed, line.reshape(-1, *line.shape[-2:])))
    (transpose_x, first), (transpose_z, second) = lines
    products = out.reshape(-1, *out.shape[-2:])
    if small_products.BETTER and 0 < math.prod(products.shape[1:]) * x.shape[-1] <= small_products.MOST:
        serial, parallel = small_products.multiply_serial, small_products.multiply_parallel
    else:
        serial, parallel = batch_serial, batch_parallel
    run(serial, parallel, out.size * x.shape[-1], transpose_x, transpose_z, first, second, products)
    return out


def run(serial: Any, parallel: Any, work: int, *arguments: Any) -> None:
    """Run a kernel in its parallel form where `work`, in multiplications, is worth it."""
    if thread_count(work, THREADED_WORK) > 1:
        with PARALLEL:
            parallel(*arguments)
    else:
        serial(*arguments)

"""A generated loop over many small arrays at once: row by row, from the address of a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lazy import lazy_import
from .emit import CHUNK
from .loop import Loop

if TYPE_CHECKING:
    from . import jit, objects
else:
    # They import Numba, so not before there is something to run.
    jit = lazy_import("autograd_core.kernels.jit")
    objects = lazy_import("autograd_core.kernels.objects")

# Names that the generated kernels use themselves.
RESERVED = (
    {"i", "size", "start", "stop", "chunk", "real", "zero", "one", "math", "np", "prange", "body", "serial", "parallel"}
    | {"rows", "rows_on_threads", "arrays", "count", "left_out", "dtype", "limit", "objects", "marked", "total"}
    | {"row", "line", "chunks", "places", "carray", "pointer", "words", "entries", "size_of", "fits", "HEADER"}
)

_ROWS = """

from numba import carray

from autograd_core.kernels.objects import HEADER, entries, fits, pointer, size_of, words


@inline
def line(array_object, start, stop):
    return carray(pointer(words(array_object + HEADER, 1)[0] + start * {itemsize}), stop - start, real)


@kernel
def rows(arrays, count, left_out, dtype, limit, {parameters}):
    objects = entries(arrays, {columns} * count)
    marked, total = 0, 0
    for row in range(count):
        if not left_out[row]:
            if fits(objects, row, count, {leader}, {written}, dtype):
                total += size_of(objects[row])
            else:
                left_out[row] = True
                marked += 1
    if marked or total >= limit:
        return marked or -1
    start = 0
    for row in range(count):
        if not left_out[row]:
            stop = size_of(objects[row])
            body({lines}, {parameters})
    return 0


@kernel(parallel=True)
def rows_on_threads(arrays, count, left_out, {parameters}):
    objects = entries(arrays, {columns} * count)
    chunks = 0
    for row in range(count):
        if not left_out[row]:
            chunks += (size_of(objects[row]) + {chunk} - 1) // {chunk}
    places = np.empty((chunks, 3), np.int64)
    chunk = 0
    for row in range(count):
        if not left_out[row]:
            size = size_of(objects[row])
            for start in range(0, size, {chunk}):
                places[chunk, 0] = row
                places[chunk, 1] = start
                places[chunk, 2] = min(size, start + {chunk})
                chunk += 1
    for chunk in prange(chunks):
        row, start, stop = places[chunk, 0], places[chunk, 1], places[chunk, 2]
        body({lines}, {parameters})
"""


def objects_readable() -> bool:
    """Whether compiled code can look into lists and arrays; if not, rows are run one at a time."""
    return objects.readable()


class RowsLoop(Loop):
    """A loop that overwrites operands, with two more kernels that take the address of a list of arrays.

    ``rows`` returns 0 once it has run them. It does nothing and returns how many rows do not fit, having marked them,
    or −1 if there is enough to do for threads; ``rows_on_threads`` is for then.
    """

    __slots__ = ()

    def source(self, dtype: np.dtype[Any]) -> str:
        """What the module for `dtype` says."""
        return super().source(dtype) + _ROWS.format(
            columns=len(self.operands),
            leader=self.operands.index(self.updates[0]),
            written=sum(1 << self.operands.index(name) for name in self.updates),
            itemsize=dtype.itemsize,
            chunk=CHUNK,
            lines=", ".join(
                f"line(objects[{index} * count + row], start, stop)" for index in range(len(self.operands))
            ),
            parameters=", ".join(self.parameters),
        )

    def run_rows(
        self, arrays: list[np.ndarray], left_out: np.ndarray, dtype: np.dtype[Any], values: list[float]
    ) -> bool:
        """Run all rows that are not left out; or, if some do not fit, none, mark those as left out and return True.

        Args:
            arrays: column by column, those of an operand for all rows.
            left_out: for each row whether it is.
            dtype: all arrays' that take part.
            values: of the parameters.
        """
        module = self.variants.get(dtype) or self.variant(dtype)
        count, limit = len(left_out), jit.PARALLEL_THRESHOLD
        found: int = module.rows(id(arrays), count, left_out, id(dtype), limit, *values)
        if found < 0 and jit.thread_count(limit) > 1:
            with jit.PARALLEL:
                module.rows_on_threads(id(arrays), count, left_out, *values)
        elif found < 0:
            module.rows(id(arrays), count, left_out, id(dtype), 1 << 62, *values)
        return found > 0

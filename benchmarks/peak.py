"""The processor's peak: fused multiplications and additions in registers, with nothing read in between."""

from __future__ import annotations

import time

import numpy as np

from autograd_core.kernels.jit import PARALLEL, kernel, prange
from autograd_core.kernels.simd import LANES, ROWS, product_tile

_tile = product_tile(ROWS, 2)
_ROWS, _LANES = ROWS, LANES["float32"]
_INNER, _TIMES, _REPEATS = 4096, 200, 9


@kernel(parallel=True)
def _work(threads, rows, x, w, out):
    nothing, places = np.zeros(1, np.int64), rows * 2 * _LANES
    for thread in prange(threads):
        for _ in range(_TIMES):
            _tile(out, thread * _ROWS * 2 * _LANES, places, x, 0, rows, 0, nothing, nothing, 0, 1, _INNER, 0, w, 0, 0,
                  0, out, thread * _ROWS * 2 * _LANES, 0, 0)  # fmt: skip


def peak(threads: int) -> float:
    """Operations a second in float32, on `threads` threads; a multiplication and an addition are two."""
    rows = np.arange(_ROWS)
    x, w = np.zeros(_ROWS, np.float32), np.zeros(2 * _LANES, np.float32)
    out = np.zeros(threads * _ROWS * 2 * _LANES, np.float32)
    taken = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        with PARALLEL:
            _work(threads, rows, x, w, out)
        taken.append(time.perf_counter() - start)
    # The first call compiles; the fastest of the others saw no interruption.
    return 2.0 * threads * _TIMES * _INNER * _ROWS * 2 * _LANES / min(taken[1:])

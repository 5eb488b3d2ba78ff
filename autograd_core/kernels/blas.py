"""Matrix products inside kernels, through the OpenBLAS that the scipy-openblas32 wheel carries.

Called by address from jitted code, a small product costs a tenth of NumPy's, and kernels can fuse what surrounds it.
NumPy's own OpenBLAS picks AVX2 kernels on recent AMD processors that have AVX-512; here the core type is chosen from
the features the processor reports. Where the library cannot be loaded, :data:`AVAILABLE` is False and NumPy serves.

The library computes in the calling thread only: threads of its own and those of parallel kernels would both spin while
they wait, each keeping the other's work from a processor. Large products are split over the kernels' threads, see
:mod:`.matmul`.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
from typing import Any

import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import overload

from .jit import DISABLED

_ROW_MAJOR, _PLAIN, _TRANSPOSED = 101, 111, 112
_SYMBOLS = ("scipy_cblas_sgemm", "scipy_cblas_dgemm")


def _core_type() -> str | None:
    """The OpenBLAS core type to ask for, or None to leave the choice to it.

    SkylakeX kernels need AVX-512 F, VL, BW and DQ. Intel's processors are recognised well by OpenBLAS itself.
    """
    features = binding.get_host_cpu_features()
    wide = all(features.get(name, False) for name in ("avx512f", "avx512vl", "avx512bw", "avx512dq"))
    amd = binding.get_host_cpu_name().startswith("znver")
    return "SkylakeX" if wide and amd else None


@contextlib.contextmanager
def _environment(name: str, value: str | None, always: bool = False) -> Any:
    """Set one variable for the time a library reads it; what the user has set stays, unless `always`."""
    known = os.environ.get(name)
    if value is None or (known is not None and not always):
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        if known is None:
            del os.environ[name]
        else:
            os.environ[name] = known


def _load() -> ctypes.CDLL | None:
    # The wheel's own package loads the library when it is imported, and that is when the variables are read.
    with _environment("OPENBLAS_CORETYPE", _core_type()), _environment("OPENBLAS_NUM_THREADS", "1", always=True):
        try:
            import scipy_openblas32

            directory = scipy_openblas32.get_lib_dir()
        except Exception:  # not installed here, or broken: NumPy's products are right as well
            return None
        for pattern in ("libscipy_openblas.*", "libscipy_openblas*"):
            for path in sorted(glob.glob(os.path.join(directory, pattern))):
                if path.endswith((".a", ".lib")):
                    continue
                try:
                    library = ctypes.CDLL(path)
                    for symbol in _SYMBOLS:
                        binding.add_symbol(symbol, ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value)
                    library.scipy_openblas_set_num_threads(ctypes.c_int(1))  # where it was loaded before this
                except (OSError, AttributeError):
                    continue
                return library
    return None


_library = None if DISABLED else _load()

# Whether gemm may be called; otherwise products go through NumPy.
AVAILABLE: bool = _library is not None


def _signature(real: types.Type) -> Any:
    integer, pointer = types.int32, types.uintp
    return types.void(
        integer, integer, integer, integer, integer, integer,
        real, pointer, integer, pointer, integer, real, pointer, integer,
    )  # fmt: skip


_sgemm: Any = types.ExternalFunction(_SYMBOLS[0], _signature(types.float32))
_dgemm: Any = types.ExternalFunction(_SYMBOLS[1], _signature(types.float64))


def gemm(transpose_a: bool, transpose_b: bool, a: np.ndarray, b: np.ndarray, beta: float, c: np.ndarray) -> None:
    """c = op(a) @ op(b) + beta c for C-contiguous matrices, inside kernels; op transposes where asked.

    The sizes must fit and be positive: kernels are called with checked shapes.
    """
    raise NotImplementedError("gemm exists in jitted code only")


def gemm_block(
    transpose_a: bool,
    transpose_b: bool,
    a: np.ndarray,
    b: np.ndarray,
    beta: float,
    c: np.ndarray,
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> None:
    """As :func:`gemm`, for some rows and columns of the result, each given as first and last + 1."""
    raise NotImplementedError("gemm_block exists in jitted code only")


@overload(gemm)
def _gemm(transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    def implementation(
        transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any
    ) -> None:  # pragma: no cover - compiled
        gemm_block(transpose_a, transpose_b, a, b, beta, c, (0, c.shape[0]), (0, c.shape[1]))

    return implementation


@overload(gemm_block)
def _gemm_block(transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any, rows: Any, columns: Any) -> Any:
    function = _sgemm if a.dtype == types.float32 else _dgemm
    real: Any = np.float32 if a.dtype == types.float32 else np.float64
    one = real(1)
    size = 4 if a.dtype == types.float32 else 8

    def implementation(
        transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any, rows: Any, columns: Any
    ) -> None:  # pragma: no cover - compiled
        row, column = rows[0], columns[0]
        function(
            _ROW_MAJOR,
            _TRANSPOSED if transpose_a else _PLAIN,
            _TRANSPOSED if transpose_b else _PLAIN,
            rows[1] - row,
            columns[1] - column,
            a.shape[0] if transpose_a else a.shape[1],
            one,
            a.ctypes.data + np.uintp(size * (row if transpose_a else row * a.shape[1])),
            a.shape[1],
            b.ctypes.data + np.uintp(size * (column * b.shape[1] if transpose_b else column)),
            b.shape[1],
            real(beta),
            c.ctypes.data + np.uintp(size * (row * c.shape[1] + column)),
            c.shape[1],
        )

    return implementation

"""Matrix products inside kernels, through the OpenBLAS that the scipy-openblas32 wheel carries.

Called by address from jitted code, a small product costs a tenth of NumPy's, and kernels can fuse what surrounds it.
NumPy's own OpenBLAS picks AVX2 kernels on recent AMD processors that have AVX-512; here the core type is chosen from
the features the processor reports. Where the library cannot be loaded, :data:`AVAILABLE` is False and NumPy serves.
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

from .. import config
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
def _environment(name: str, value: str | None) -> Any:
    """Set one variable for the time a library reads it."""
    if value is None or name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _load() -> ctypes.CDLL | None:
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
                with _environment("OPENBLAS_CORETYPE", _core_type()):
                    library = ctypes.CDLL(path)
                for symbol in _SYMBOLS:
                    binding.add_symbol(symbol, ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value)
            except (OSError, AttributeError):
                continue
            return library
    return None


_library = None if DISABLED else _load()

# Whether gemm may be called; otherwise products go through NumPy.
AVAILABLE: bool = _library is not None

# Multiplications from which a second thread pays. OpenBLAS itself starts its threads much earlier, and they wait by
# spinning: on a busy machine a small product then takes a hundred times its time.
_THREADED_WORK = 1 << 22

_allowed = [0]


def prepare(work: int) -> None:
    """Let the next products use several threads only if `work`, their number of multiplications, is worth it."""
    wanted = config.get_num_threads() if work >= _THREADED_WORK else 1
    if wanted != _allowed[0] and _library is not None:
        _library.scipy_openblas_set_num_threads(ctypes.c_int(wanted))
        _allowed[0] = wanted


def _signature(real: types.Type) -> Any:
    integer, pointer = types.int32, types.voidptr
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


@overload(gemm)
def _gemm(transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any) -> Any:
    function = _sgemm if a.dtype == types.float32 else _dgemm
    real: Any = np.float32 if a.dtype == types.float32 else np.float64
    one = real(1)

    def implementation(
        transpose_a: Any, transpose_b: Any, a: Any, b: Any, beta: Any, c: Any
    ) -> None:  # pragma: no cover - compiled
        rows, columns = c.shape
        inner = a.shape[0] if transpose_a else a.shape[1]
        function(
            _ROW_MAJOR,
            _TRANSPOSED if transpose_a else _PLAIN,
            _TRANSPOSED if transpose_b else _PLAIN,
            rows,
            columns,
            inner,
            one,
            a.ctypes,
            a.shape[1],
            b.ctypes,
            b.shape[1],
            real(beta),
            c.ctypes,
            columns,
        )

    return implementation

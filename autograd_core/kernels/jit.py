"""The one place that calls ``numba.njit``: how kernels are compiled, kept, counted and run on threads.

A kernel is a plain Python function over arrays and scalars, decorated with :func:`kernel`; what it calls in its loop
is decorated with :func:`inline`. With ``NUMBA_DISABLE_JIT=1`` both leave Python functions, and every helper here has
a Python form, so the same code runs without a compiler.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, ClassVar, TypeVar, cast, overload

import numba
import numba.core.config
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.ufunc.parallel import threading_layer

from autograd_core import config
from autograd_core.kernels.cache import KernelCache, compile_log, compile_statistics, kernel_directory, load_generated
from autograd_core.kernels.compiling import prepare_kernel, prepare_part
from autograd_core.kernels.memory import keep_freed_memory

__all__ = [
    "DISABLED",
    "PARALLEL",
    "PARALLEL_THRESHOLD",
    "bits_to_float32",
    "bits_to_float64",
    "compile_log",
    "compile_statistics",
    "float32_to_bits",
    "float64_to_bits",
    "inline",
    "kernel",
    "kernel_directory",
    "launcher",
    "load_generated",
    "most_threads",
    "outline",
    "prange",
    "serial_and_parallel",
    "skew",
    "summing",
    "thread_count",
]

# What Numba read from the environment; only ever read here. Its names appear at run time, hence the Any.
_settings: Any = numba.core.config

Function = TypeVar("Function", bound=Callable[..., Any])

# Whether NUMBA_DISABLE_JIT=1 asks for plain Python.
DISABLED: bool = bool(_settings.DISABLE_JIT)

# "contract" lets a multiplication and an addition become one fused instruction. Never "nnan", "ninf" or "reassoc":
# NaN and infinity are values here, and the error-free sums in vecmath must keep their order.
# error_model="numpy": a division that checks for zero to raise an exception is never vectorised.
_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": {"contract"},
    "nogil": True,
    "no_cfunc_wrapper": True,  # an entry for C: nobody calls it
}

# Elements of light elementwise work (0.1 to 0.2 ns each) below which one thread is used. On two idle cores, threads
# were as fast from 2^15 elements on and gained a third here; waking them costs 2 us, and far more on a busy machine.
PARALLEL_THRESHOLD = 1 << 16


@overload
def kernel(function: Function, *, parallel: bool = False) -> Function: ...
@overload
def kernel(function: None = None, *, parallel: bool = False) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, *, parallel: bool = False) -> Any:
    """Compile a function that Python calls with arrays; the machine code is kept in the cache directory.

    Returns Numba's own dispatcher, so a call costs what Numba's call costs. Nothing is compiled until the first call.
    Globals are frozen into the code when it is compiled; what may change is to be an argument.
    """
    if function is None:
        return lambda decorated: kernel(decorated, parallel=parallel)
    if DISABLED:
        # Compiled code is silent where NumPy's scalars would warn of overflow and invalid operations.
        return np.errstate(all="ignore")(function)
    dispatcher = numba.njit(parallel=parallel, **_OPTIONS)(function)
    dispatcher._cache = KernelCache(function, f"{parallel} {sorted(_OPTIONS['fastmath'])}")
    prepare_kernel(dispatcher)
    return dispatcher


def _part(function: Function, options: dict[str, Any], forceinline: bool = True) -> Function:
    """Compile a function into those that call it."""
    if DISABLED:
        return function
    dispatcher: Any = numba.njit(forceinline=forceinline, **{**options, "no_cpython_wrapper": True})(function)
    prepare_part(dispatcher)
    return cast(Function, dispatcher)


def inline(function: Function) -> Function:
    """Compile a helper that kernels call in their loops: LLVM merges it into the caller, which then vectorises.

    It has no cache of its own; its code is part of each kernel's. Python cannot call it.
    """
    return _part(function, _OPTIONS)


def outline(function: Function) -> Function:
    """As :func:`inline`, for a helper too long to be merged into its caller: it stays a function beside it."""
    return _part(function, _OPTIONS, forceinline=False)


def summing(function: Function) -> Function:
    """As :func:`inline`, for a helper that adds up a contiguous line: LLVM may choose the order of *its* additions.

    That is what turns a running total into vectors of partial sums held in registers. Only the helper's own
    instructions are free; what it calls keeps its order. The order depends on the length alone, never on threads.
    """
    options = {**_OPTIONS, "fastmath": _OPTIONS["fastmath"] | {"reassoc"}}
    return _part(function, options)


def serial_and_parallel(function: Function) -> tuple[Function, Function]:
    """The same function compiled twice: with its ``prange`` loops run in order, and on threads.

    Only the one that is called gets compiled. Callers choose by :func:`thread_count`.
    """
    return kernel(function), kernel(function, parallel=True)


def _bit_cast(name: str, source: types.Type, target: types.Type, llvm_target: ir.Type) -> Any:
    """An intrinsic that reads the bits of a `source` as a `target`."""

    def typer(_context: Any, value: types.Type) -> Any:
        if value != source:
            raise TypingError(f"{name} takes {source}, not {value}")

        def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], llvm_target)

        return target(source), generate

    typer.__name__ = name
    return intrinsic(typer)


# Numba's scalars have no view(); these four are what exponent arithmetic needs, and vectorise to nothing at all.
if DISABLED:

    def float32_to_bits(value: Any) -> Any:
        """The bits of a float32 as an int32."""
        return np.float32(value).view(np.int32)

    def bits_to_float32(value: Any) -> Any:
        """The float32 that has the bits of an int32."""
        return np.int32(value).view(np.float32)

    def float64_to_bits(value: Any) -> Any:
        """The bits of a float64 as an int64."""
        return np.float64(value).view(np.int64)

    def bits_to_float64(value: Any) -> Any:
        """The float64 that has the bits of an int64."""
        return np.int64(value).view(np.float64)

else:
    float32_to_bits = _bit_cast("float32_to_bits", types.float32, types.int32, ir.IntType(32))
    bits_to_float32 = _bit_cast("bits_to_float32", types.int32, types.float32, ir.FloatType())
    float64_to_bits = _bit_cast("float64_to_bits", types.float64, types.int64, ir.IntType(64))
    bits_to_float64 = _bit_cast("bits_to_float64", types.int64, types.float64, ir.DoubleType())


# Bytes of a line of the processor's caches.
_LINE = 64

if DISABLED:

    def skew(array: Any) -> Any:
        """How many elements of a flat array lie before the first that begins a line of the cache, at most all."""
        return min(array.size, -array.ctypes.data % _LINE // array.itemsize)

else:

    @intrinsic
    def _address(_context: Any, array: Any) -> Any:
        """Where the first element of an array lies."""

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, values[0]).data
            return builder.ptrtoint(data, ir.IntType(64))

        return types.int64(array), generate

    @inline
    def skew(array: Any) -> Any:
        """How many elements of a flat array lie before the first that begins a line of the cache, at most all."""
        return min(array.size, -_address(array) % _LINE // array.itemsize)  # type: ignore[call-arg]


# Whoever runs kernels allocates arrays of the same sizes again and again.
keep_freed_memory()


# --- Threads ---------------------------------------------------------------------------------------------------------

# Set in a child made by fork after a parallel kernel ran: GNU OpenMP kills a child that starts a parallel region.
_serial_only = [False]

# The most threads that parallel kernels may use: what :mod:`autograd_core.config` says, as far as Numba has them.
most_threads = [1]


def _limit_threads(number: int) -> None:
    most_threads[0] = 1 if _serial_only[0] else min(number, _settings.NUMBA_NUM_THREADS)


config.on_thread_change(_limit_threads)


def thread_count(work: int, threshold: int = PARALLEL_THRESHOLD) -> int:
    """How many threads to use for `work` elements; 1 means: call the serial kernel."""
    return 1 if work < threshold else most_threads[0]


def launcher(serial: Callable[..., Any], parallel: Callable[..., Any]) -> Callable[[int, Sequence[Any]], None]:
    """What calls one of two forms of a kernel, by the elements there are, with the arguments.

    The parallel form is told the number of threads first: a kernel that asks for it cannot be kept in the cache.

    After work on large arrays Python's own code and data have left the nearer caches, and each step between two kernels
    takes three times as long as usual; so the threads are not prepared again where they are ready.
    """
    threads, concurrent = most_threads, PARALLEL._concurrent

    def launch(size: int, arguments: Sequence[Any]) -> None:
        if size < PARALLEL_THRESHOLD or threads[0] == 1:
            serial(*arguments)
        elif PARALLEL.threads == threads[0] and concurrent[0]:
            parallel(threads[0], *arguments)
        else:
            with PARALLEL:
                parallel(threads[0], *arguments)

    return launch


class _ParallelRegion(threading.local):
    """``with PARALLEL:`` around a call of a parallel kernel.

    It gives Numba the number of threads that :mod:`autograd_core.config` says (Numba keeps one figure for each calling
    thread, and starts each at the maximum), and lets one call in at a time where the threading layer is Numba's
    "workqueue", which aborts the process when two Python threads enter at once.
    """

    _lock = threading.Lock()
    # Whether the layer allows concurrent calls; unknown until the first parallel kernel has started it.
    _concurrent: ClassVar[list[bool]] = [False]

    def __init__(self) -> None:
        self.threads = 0
        self.locked: list[bool] = []

    def __enter__(self) -> None:
        if DISABLED:
            return
        wait = not self._concurrent[0] and not any(self.locked)
        if wait:
            self._lock.acquire()
        self.locked.append(wait)
        wanted = most_threads[0]
        if wanted != self.threads:
            numba.set_num_threads(wanted)
            self.threads = wanted

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if DISABLED:
            return
        if not self._concurrent[0]:
            with contextlib.suppress(ValueError):  # the layer was not started
                self._concurrent[0] = threading_layer() != "workqueue"
        if self.locked.pop():
            self._lock.release()


PARALLEL = _ParallelRegion()


def _after_fork_in_child() -> None:
    """Keep a forked child alive: run serial kernels only, and free the lock another thread may have held."""
    _ParallelRegion._lock = threading.Lock()
    PARALLEL.locked.clear()
    with contextlib.suppress(ValueError):
        _serial_only[0] = threading_layer() == "omp"
        _limit_threads(config.get_num_threads())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

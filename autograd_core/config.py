"""Settings of the process: how many threads compute.

A leaf: it imports nothing of this package and neither Numba nor a BLAS, because ``import autograd_core`` must stay
quick. Rooms above that own a thread pool register a callback and are told of every change.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

THREADS_VARIABLE = "AUTOGRAD_CORE_NUM_THREADS"

# The first variable that is set decides the default; the others are what users of Numba and OpenMP already export.
_THREAD_VARIABLES = (THREADS_VARIABLE, "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")

# A list, not a name, so that every module sees a change. Empty until someone asks or sets.
_threads: list[int] = []
_deterministic: list[bool] = [False]
_thread_callbacks: list[Callable[[int], None]] = []


def get_num_threads() -> int:
    """The number of threads that kernels and matrix products may use.

    Unless set, it comes from ``AUTOGRAD_CORE_NUM_THREADS``, ``NUMBA_NUM_THREADS`` or ``OMP_NUM_THREADS``, else it is
    the number of processors this process may run on.
    """
    if not _threads:
        _threads.append(_default_threads())
    return _threads[0]


def set_num_threads(number: int) -> None:
    """Let kernels and matrix products use `number` threads from now on.

    Raises:
        TypeError: if `number` is not an integer.
        ValueError: if `number` is below one.
    """
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"the number of threads must be an integer, got {type(number).__name__}")
    number = number.__index__()
    if number < 1:
        raise ValueError(f"the number of threads must be at least 1, got {number}")
    _threads[:] = [number]
    for callback in tuple(_thread_callbacks):
        callback(number)


def use_deterministic_algorithms(mode: bool) -> None:
    """Make results the same to the last digit for every number of threads, at some cost in speed.

    Otherwise large matrix products are split among the threads there are, and their last digits depend on how many.
    With the same number of threads results are always the same.

    Raises:
        TypeError: if `mode` is no bool.
    """
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms takes a bool, got {type(mode).__name__}")
    _deterministic[:] = [mode]


def are_deterministic_algorithms_enabled() -> bool:
    """Whether results are to be the same for every number of threads."""
    return _deterministic[0]


def on_thread_change(callback: Callable[[int], None]) -> None:
    """Call `callback` with the number of threads: now, and again whenever it is set.

    For the owners of thread pools (the BLAS, Numba), which register when they load.
    """
    if callback not in _thread_callbacks:
        _thread_callbacks.append(callback)
    callback(get_num_threads())


def _default_threads() -> int:
    for name in _THREAD_VARIABLES:
        text = os.environ.get(name, "").split(",")[0].strip()  # OpenMP allows one figure per nesting level
        if not text:
            continue
        if text.isdecimal() and int(text) >= 1:
            return int(text)
        warnings.warn(f"{name}={os.environ[name]!r} is not a number of threads; ignored", RuntimeWarning, stacklevel=3)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1

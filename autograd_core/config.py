"""Settings of the process: where compiled kernels are kept and how many threads compute.

A leaf: it imports nothing of this package and neither Numba nor a BLAS, because ``import autograd_core`` must stay
quick. Rooms above that own a thread pool register a callback and are told of every change.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import tempfile
import warnings
from collections.abc import Callable

CACHE_VARIABLE = "AUTOGRAD_CORE_CACHE"
THREADS_VARIABLE = "AUTOGRAD_CORE_NUM_THREADS"

# The first variable that is set decides the default; the others are what users of Numba and OpenMP already export.
_THREAD_VARIABLES = (THREADS_VARIABLE, "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")

# Answers by environment, so that the probing write and the warning happen once, and a changed variable is still seen.
_directories: dict[tuple[str | None, ...], pathlib.Path] = {}

# A list, not a name, so that every module sees a change. Empty until someone asks or sets.
_threads: list[int] = []
_thread_callbacks: list[Callable[[int], None]] = []


def cache_directory() -> pathlib.Path:
    """The directory that compiled kernels are kept in, created if need be.

    ``$AUTOGRAD_CORE_CACHE`` if set, else ``autograd-core`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. Where that cannot
    be written (read-only system, no home) a private directory for temporary files takes its place, with one warning:
    everything works, but kernels may be compiled again in a later process.
    """
    environment = tuple(os.environ.get(name) for name in (CACHE_VARIABLE, "XDG_CACHE_HOME", "HOME"))
    found = _directories.get(environment)
    if found is None:
        found = _directories[environment] = _find_cache_directory()
    return found


def _find_cache_directory() -> pathlib.Path:
    reason: Exception
    try:
        wanted = _preferred_directory()
        _require_writable(wanted)
        return wanted
    except (OSError, RuntimeError) as error:  # RuntimeError: pathlib found no home directory
        reason = error
    fallback = _private_temporary_directory()
    warnings.warn(
        f"the kernel cache cannot be written ({reason}); using {fallback} instead. "
        f"Set {CACHE_VARIABLE} to a writable directory to keep compiled kernels.",
        RuntimeWarning,
        stacklevel=3,
    )
    return fallback


def _preferred_directory() -> pathlib.Path:
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return pathlib.Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = pathlib.Path(base) if os.path.isabs(base) else pathlib.Path.home() / ".cache"
    return root / "autograd-core"


def _require_writable(directory: pathlib.Path) -> None:
    """Raise OSError unless a file can be created in `directory`; permission bits alone do not tell (root, NFS)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def _private_temporary_directory() -> pathlib.Path:
    """A directory for temporary files that only this user can write, since cached kernels are code that will run."""
    try:
        root = tempfile.gettempdir()
    except OSError:  # nowhere at all to write: kernels are compiled and not kept
        return pathlib.Path(os.devnull) / "autograd-core"
    user = os.getuid() if hasattr(os, "getuid") else 0
    shared = pathlib.Path(root) / f"autograd-core-{user}"
    with contextlib.suppress(OSError):
        shared.mkdir(mode=0o700, exist_ok=True)
        status = shared.lstat()
        private = os.name == "nt" or (status.st_uid == user and not status.st_mode & 0o077)
        if stat.S_ISDIR(status.st_mode) and private:
            _require_writable(shared)
            return shared
    # Someone else made that name first (or it is a link): take a fresh one.
    try:
        return pathlib.Path(tempfile.mkdtemp(prefix="autograd-core-"))
    except OSError:
        return pathlib.Path(os.devnull) / "autograd-core"


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

"""How much memory this process holds and has held at most."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pathlib
import sys

_STATUS = pathlib.Path("/proc/self/status")
_FORGET_PEAK = pathlib.Path("/proc/self/clear_refs")


def settle() -> int:
    """Give back what is free, let the peak start anew where that is possible, and return the bytes held.

    On Linux the kernel's own peak is read and reset, not ``ru_maxrss``: a child that was started by a large process
    inherits that one's, and importing may take more for a moment than a step does later. Elsewhere the bytes returned
    are the peak so far.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        _FORGET_PEAK.write_text("5")
        return _status("VmRSS")
    return peak()


def peak() -> int:
    """The most bytes this process has held in memory."""
    if _STATUS.exists():
        return _status("VmHWM")
    if os.name == "nt":
        raise NotImplementedError("peak memory is measured on Linux and macOS")
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"the kernel does not report {name}")

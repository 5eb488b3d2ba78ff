"""Memory that is freed stays with the process, so that the next array of its size costs nothing.

glibc gives the memory of large arrays back to the system as soon as they are freed, and the system clears each page
anew when the next array touches it. A training step allocates the same sizes over and over: for a ResNet-20 that was
16,000 page faults a step and a fifth of its time. With these settings the pages stay; the peak does not change.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

VARIABLE = "AUTOGRAD_CORE_KEEP_MEMORY"

# Of mallopt(3): from which size on an array gets a mapping of its own, and how much may lie free at the heap's end.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LIMIT = 1 << 30


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed; whether it does so now.

    Nothing happens with another allocator, with ``AUTOGRAD_CORE_KEEP_MEMORY=0``, and where the user has set one of
    glibc's own variables, ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_``.
    """
    own = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
    if not sys.platform.startswith("linux") or os.environ.get(VARIABLE) == "0" or any(n in os.environ for n in own):
        return False
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        # musl has no such name, and other allocators that are loaded in advance have none or ignore it.
        if hasattr(library, "gnu_get_libc_version"):
            return all(library.mallopt(option, _LIMIT) == 1 for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD))
    return False

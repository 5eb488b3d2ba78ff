"""What the ways of convolving share: running a kernel on threads or not, memory that is used again, laid-out images."""

from __future__ import annotations

import functools
import math
import threading
from typing import Any

import numpy as np

from ..jit import PARALLEL, thread_count
from .direct import lanes, lay_parallel, lay_serial
from .geometry import Frame, Geometry
from .layout import line_of

# Multiplications, and elements copied, from which a second thread pays.
WORK, COPIED = 1 << 19, 1 << 16
# Tasks to split work into at least, where images are few: the same for any number of threads.
TASKS = 8


class _Scratch(threading.local):
    """Memory that a call uses and the next one uses again, for each Python thread: fresh pages cost a copy's time."""

    def __init__(self) -> None:
        self.lines: dict[np.dtype[Any], np.ndarray] = {}


_memory = _Scratch()


def scratch(size: int, dtype: np.dtype[Any]) -> np.ndarray:
    """A line of uninitialised memory, until the next call for one."""
    line = _memory.lines.get(dtype)
    if line is None or line.size < size:
        whole = np.empty(size * dtype.itemsize + 64, np.uint8)
        # At whole lines of the cache: a vector that lies across two takes two reads.
        line = _memory.lines[dtype] = whole[-whole.ctypes.data % 64 :][: size * dtype.itemsize].view(dtype)
    return line[:size]


def run(serial: Any, parallel: Any, work: int, threshold: int, *arguments: Any) -> None:
    if thread_count(work, threshold) > 1:
        with PARALLEL:
            parallel(*arguments)
    else:
        serial(*arguments)


@functools.lru_cache(maxsize=256)
def sizes_of(channels: int, frame: Frame) -> np.ndarray:
    return np.array([channels, *frame.source, *frame.low, *frame.size], np.int64)


@functools.lru_cache(maxsize=256)
def zeros(size: int, dtype: np.dtype[Any]) -> np.ndarray:
    return np.zeros(size, dtype)


def columns_of(columns: int, groups: int, dtype: np.dtype[Any]) -> int:
    """Columns of all groups, each rounded up to whole vectors."""
    width = lanes(dtype)
    return groups * -(-columns // width) * width


def laid_out(array: np.ndarray, frame: Frame) -> np.ndarray:
    """Images channels-last in their frames, as one line: the array's own memory where it is that already."""
    line, channels_first = line_of(array)
    if not channels_first and not frame.needed:
        return line
    laid = np.empty(array.shape[0] * array.shape[1] * frame.pixels, array.dtype)
    sizes = sizes_of(array.shape[1], frame)
    run(lay_serial, lay_parallel, laid.size, COPIED, line, array.shape[0], sizes, channels_first, laid)
    return laid


def work_of(geometry: Geometry, images: int) -> int:
    g = geometry
    return images * math.prod(g.y_size) * g.taps * g.x_group * g.y_channels

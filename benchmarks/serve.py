"""A subject's own process: builds rows, returns their outputs, and measures when asked.

``python -m benchmarks.serve SUBJECT THREADS``, started by :class:`benchmarks.worker.Worker`.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from . import memory
from .libraries import Library, library
from .rows import Row, Task, find

# Calls whose outputs are compared: the second shows whether the first left something behind that it should not.
COMPARED_CALLS = 2
# Calls of which the peak of memory is taken; optimisers make their state in the first.
MEMORY_CALLS = 4


class Server:
    """Answers requests for one subject."""

    def __init__(self, subject: str, threads: int) -> None:
        if subject == "jax":
            from .jax_library import hold_threads

            hold_threads(threads)
        self.subject = subject
        self.library: Library = library(subject)
        self.library.limit_threads(threads)
        self.task = Task(lambda: None)

    def describe(self) -> dict[str, str]:
        """What the library computes with."""
        return self.library.describe()

    def peak(self, threads: int) -> float:
        """What the processor can do: float32 operations a second."""
        from .peak import peak

        return peak(threads)

    def prepare(self, key: str, seed: int) -> list[Any]:
        """Build the row's task and return the outputs of its first calls."""
        self.task = Task(lambda: None)  # the last row's memory is free before this one's is taken
        row = find(key)
        self.task = self._build(row, row.arrays(np.random.default_rng(seed)))
        return [self._plain(self.task.outputs(self.task.call())) for _ in range(COMPARED_CALLS)]

    def time(self, count: int) -> float:
        """Seconds a call, over `count` calls; the collector of reference cycles runs as it does for users."""
        return _repeat(self.task.call, count)

    def units(self) -> float:
        """How many of what is reported a call does."""
        return self.task.units

    def memory(self, key: str, seed: int) -> float:
        """Bytes by which the peak of some calls exceeds what was held before them, a unit; in a fresh process.

        A miniature of the row runs first, so that what is loaded or compiled once for all is not counted.
        """
        row = find(key)
        arrays = row.arrays(np.random.default_rng(seed))
        if row.kind == "footprint":
            before = 0
        else:
            _repeat(self._build(row, row.miniature(arrays)).call, MEMORY_CALLS)
            before = memory.settle()
        task = self._build(row, arrays)
        _repeat(task.call, MEMORY_CALLS)
        return (memory.peak() - before) / task.units

    def _build(self, row: Row, arrays: dict[str, np.ndarray]) -> Task:
        return row.subjects[self.subject](self.library, arrays)

    def _plain(self, output: Any) -> Any:
        """Tensors as arrays, nested as they came."""
        if output is None or isinstance(output, (int, float, np.generic, np.ndarray)):
            return output
        if isinstance(output, (list, tuple)):
            return [self._plain(part) for part in output]
        return self.library.array(output)


def _repeat(function: Callable[[], Any], count: int) -> float:
    """Seconds a call, over `count` calls."""
    started = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - started) / count


def serve(server: Server, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until they end."""
    while True:
        try:
            name, *arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = True, getattr(server, name)(*arguments)
        except Exception as error:
            answer = False, _message(error)
        pickle.dump(answer, answers)
        answers.flush()


def _message(error: Exception) -> str:
    """One line; compilers write pages."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """This process's standard streams for itself: whatever a library prints goes to standard error from now on."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


if __name__ == "__main__":
    _requests, _answers = _private_streams()
    serve(Server(sys.argv[1], int(sys.argv[2])), _requests, _answers)

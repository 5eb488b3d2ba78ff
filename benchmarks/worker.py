"""A subject's own process: builds rows, returns their outputs, and times them when asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

import numpy as np

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
# What holds a processor to AVX2, for each library that looks at its features.
AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+f16c,"
    "+movbe,+64bit,+cx8,+cx16,+fxsr,+mmx,+sahf,+cmov,+crc32",
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}


def environment(threads: int, isa: str | None) -> dict[str, str]:
    """The environment a worker starts with."""
    found = dict(os.environ)
    found.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    if isa == "avx2":
        found.update(AVX2)
    return found


class Worker:
    """The parent's end of a subject's process."""

    def __init__(self, subject: str, threads: int, isa: str | None) -> None:
        self.subject = subject
        key = os.urandom(16)
        with Listener(("127.0.0.1", 0), authkey=key) as listener:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", subject, str(threads), str(listener.address[1])],
                env=environment(threads, isa) | {"BENCHMARK_KEY": key.hex()},
            )
            self.connection: Connection = listener.accept()

    def ask(self, *message: Any) -> Any:
        """Send a request and return its answer.

        Raises:
            RuntimeError: with the worker's message if it failed.
        """
        self.connection.send(message)
        ok, answer = self.connection.recv()
        if not ok:
            raise RuntimeError(f"{self.subject}: {answer}")
        return answer

    def close(self) -> None:
        """End the process."""
        try:
            self.connection.send(("stop",))
            self.connection.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _plain(output: Any) -> Any:
    """Tensors of either library as arrays, nested as they came."""
    if output is None or isinstance(output, (int, float, np.ndarray)):
        return output
    if isinstance(output, (list, tuple)):
        return [_plain(part) for part in output]
    return np.array(output.detach().numpy())


def _limit_threads(subject: str, threads: int) -> None:
    if subject == "torch":
        import torch

        torch.set_num_threads(threads)
    else:
        import autograd_core

        autograd_core.set_num_threads(threads)


def _repeat(function: Callable[[], Any], count: int) -> float:
    """Seconds a call, over `count` calls."""
    started = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - started) / count


def _serve(subject: str, threads: int, connection: Connection) -> None:
    from .rows import find

    _limit_threads(subject, threads)
    function: Callable[[], Any] = lambda: None  # noqa: E731
    while True:
        request, *arguments = connection.recv()
        try:
            answer: Any = None
            if request == "stop":
                return
            if request == "prepare":
                key, seed = arguments
                row = find(key)
                function = row.subjects[subject](row.arrays(np.random.default_rng(seed)))
                answer = _plain(function())
            elif request == "time":
                answer = _repeat(function, arguments[0])
        except Exception as error:
            connection.send((False, f"{type(error).__name__}: {error}"))
        else:
            connection.send((True, answer))


if __name__ == "__main__":
    _subject, _threads, _port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with Client(("127.0.0.1", _port), authkey=bytes.fromhex(os.environ["BENCHMARK_KEY"])) as _connection:
        _serve(_subject, _threads, _connection)

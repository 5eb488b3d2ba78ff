"""The parent's end of the processes in which subjects run."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Self

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
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}

# Where this package and those under test are found, wherever the command is run.
_ROOT = pathlib.Path(__file__).parent.parent
# How long a worker that was told to stop may take.
_GRACE = 2.0


def environment(threads: int, isa: str | None) -> dict[str, str]:
    """The environment a worker starts with."""
    found = dict(os.environ)
    found.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    # Compile where the timing can see it, not in a pool of processes beside it.
    found["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    if isa == "avx2":
        found.update(AVX2)
        found["NPY_DISABLE_CPU_FEATURES"] = " ".join(_wide_features())
    return found


def _wide_features() -> list[str]:
    """NumPy's names for what it could use beyond AVX2 here; it complains about any it could not."""
    import numpy as np

    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return [name for name in extensions["found"] if name == "X86_V4" or name.startswith("AVX512")]


class DeadWorkerError(RuntimeError):
    """A subject's process ended without an answer."""


class Worker:
    """The parent's end of a subject's process.

    Requests and answers are pickled through its standard input and output. What the subject itself prints, and its
    standard error, go to a file that is read only if the process dies. Between answers the process is stopped: the
    threads of OpenMP and BLAS go on spinning for a while after their work, on the processors of whoever is measured
    next.
    """

    def __init__(self, subject: str, threads: int, isa: str | None) -> None:
        self.subject = subject
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serve", subject, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=_ROOT,
            env=environment(threads, isa),
        )
        self.alive = True

    def ask(self, *message: Any) -> Any:
        """Send a request and return its answer.

        Raises:
            RuntimeError: with the worker's message if the request failed.
            DeadWorkerError: if the process ended instead of answering.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._signal("SIGCONT")
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
            ok, answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            self.alive = False
            raise DeadWorkerError(f"{self.subject}: {self._last_words()}") from None
        self._signal("SIGSTOP")
        if not ok:
            raise RuntimeError(f"{self.subject}: {answer}")
        return answer

    def _signal(self, name: str) -> None:
        """Stop the process or let it go on, on systems that can."""
        if hasattr(signal, name):
            self._process.send_signal(getattr(signal, name))

    def _last_words(self) -> str:
        code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"the process ended with status {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._signal("SIGCONT")
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # which tells it to stop
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self.alive = False


class Workers:
    """A worker for each subject, started when it is first asked for and again after it died."""

    def __init__(self, threads: int, isa: str | None) -> None:
        self._options = threads, isa
        self._found: dict[str, Worker] = {}

    def __getitem__(self, subject: str) -> Worker:
        worker = self._found.get(subject)
        if worker is None or not worker.alive:
            if worker is not None:
                worker.close()
            worker = self._found[subject] = Worker(subject, *self._options)
        return worker

    @contextlib.contextmanager
    def fresh(self, subject: str) -> Iterator[Worker]:
        """A process for one measurement."""
        worker = Worker(subject, *self._options)
        try:
            yield worker
        finally:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._found.values():
            worker.close()

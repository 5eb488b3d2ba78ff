"""Processes that read batches ahead of the one that trains.

Batch k of an epoch is worker k mod n's, so that the parent knows whose answer comes next and the order needs no
sorting. Before each batch its worker seeds every generator from the epoch's key and the batch's number: draws differ
between workers, batches and epochs, repeat under the same seed, and do not depend on how many workers there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator

if TYPE_CHECKING:  # what only workers need is imported where it is used
    from multiprocessing.connection import Connection

JOIN_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        dataset: its own copy of the data set.
    """

    id: int
    num_workers: int
    dataset: Any


_info: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """The worker this process is, or None in the process that trains."""
    return _info[0] if _info else None


@dataclass(frozen=True)
class Plan:
    """What workers have to know, once: pickled on its way to each.

    `read` makes the batch of some samples' numbers, with a generator of its own if there is to be one.
    """

    dataset: Any
    read: Callable[[np.ndarray, Generator | None], Any]
    batch_size: int
    own_generator: bool
    initialise: Callable[[int], None] | None


def _seed(key: int, number: int) -> int:
    """Seed whatever draws random numbers, for batch `number` of the epoch that `key` stands for."""
    import random

    numpys, pythons, own = map(int, np.random.SeedSequence(key, spawn_key=(number,)).generate_state(3))
    np.random.seed(numpys)  # noqa: NPY002 - data sets of users draw from it
    random.seed(pythons)
    ag.manual_seed(own)
    return own


def _work(connection: Connection, plan: Plan, number: int, count: int) -> None:
    """A worker's life: an order and a key at the start of each epoch, then one number a batch, until the end."""
    import signal
    import traceback

    # An interrupt from the keyboard reaches every process; the parent deals with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ag.set_num_threads(1)
    _info[:] = [WorkerInfo(number, count, plan.dataset)]
    order, key = np.arange(0), 0
    started = plan.initialise is None
    with contextlib.suppress(EOFError, ConnectionError):  # the parent is gone
        while (message := connection.recv()) is not None:
            if isinstance(message, tuple):
                order, key = message
                continue
            try:
                if not started and plan.initialise is not None:
                    _seed(key, message)
                    plan.initialise(number)
                    started = True
                seed = _seed(key, message)
                indices = order[message * plan.batch_size : (message + 1) * plan.batch_size]
                connection.send((None, plan.read(indices, Generator(seed) if plan.own_generator else None)))
            except Exception as error:
                trace = traceback.format_exc()
                try:
                    connection.send((type(error), trace))
                except Exception:  # a class that cannot be sent
                    connection.send((RuntimeError, trace))


class Pool:
    """Workers of one data set; a context manager that ends them."""

    def __init__(self, plan: Plan, count: int, ahead: int, timeout: float, context: Any) -> None:
        import multiprocessing

        if context is None:
            # Not a copy of this process: threads of kernels do not survive that.
            methods = multiprocessing.get_all_start_methods()
            context = "forkserver" if "forkserver" in methods else "spawn"
        made: Any = multiprocessing.get_context(context) if isinstance(context, str) else context
        self._ahead = ahead
        self._timeout = timeout or None
        self._connections: list[Connection] = []
        self._processes: list[Any] = []
        # Batches that were asked for and not answered yet, of each worker.
        self._open = [0] * count
        self.busy = False
        try:
            for number in range(count):
                own, theirs = made.Pipe()
                self._connections.append(own)
                process = made.Process(target=_work, args=(theirs, plan, number, count), daemon=True)
                process.start()
                self._processes.append(process)
                theirs.close()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def epoch(self, order: np.ndarray, key: int, batches: int) -> Iterator[Any]:
        """The batches of one epoch, in order."""
        self.busy = True
        count = len(self._processes)
        try:
            # An epoch that was left early has answers on their way, which are not this one's.
            for worker in range(count):
                while self._open[worker]:
                    self._answer(worker, "an epoch that was left early")
            for worker in range(count):
                self._send(worker, (order, key))
            asked = 0
            for number in range(batches):
                while asked < min(batches, number + self._ahead * count):
                    self._send(asked % count, asked)
                    self._open[asked % count] += 1
                    asked += 1
                yield self._receive(number % count, number)
        finally:
            self.busy = False

    def _send(self, worker: int, message: Any) -> None:
        try:
            self._connections[worker].send(message)
        except OSError:
            raise self._died(worker, "before it was given a batch") from None

    def _receive(self, worker: int, number: int) -> Any:
        kind, content = self._answer(worker, f"batch {number}")
        if kind is None:
            return content
        message = f"DataLoader: worker {worker} could not read batch {number}\n\n{content}"
        try:
            error = kind(message)
        except Exception:  # an exception that takes other arguments
            error = RuntimeError(message)
        raise error

    def _answer(self, worker: int, what: str) -> Any:
        from multiprocessing.connection import wait

        connection, process = self._connections[worker], self._processes[worker]
        ready = wait([connection, process.sentinel], self._timeout)
        if not ready:
            raise RuntimeError(f"DataLoader: worker {worker} took more than {self._timeout} seconds for {what}")
        try:
            # What a worker sent before it ended is still there to be read.
            if connection not in ready and not connection.poll():
                raise EOFError
            answer = connection.recv()
        except (EOFError, ConnectionError):
            raise self._died(worker, f"reading {what}") from None
        self._open[worker] -= 1
        return answer

    def _died(self, worker: int, what: str) -> RuntimeError:
        process = self._processes[worker]
        process.join(JOIN_SECONDS)
        return RuntimeError(
            f"DataLoader: worker {worker} (process {process.pid}) ended with exit code {process.exitcode}, {what}. "
            "Data sets, collate functions and transforms must be importable by the worker, and a script that trains "
            "needs `if __name__ == '__main__':` around what it runs"
        )

    def close(self) -> None:
        """End the workers; may be called again."""
        for connection in self._connections:
            with contextlib.suppress(OSError, ValueError):
                connection.send(None)
            connection.close()
        for process in self._processes:
            process.join(JOIN_SECONDS if self._timeout is None else 0.1)
            if process.is_alive():
                process.terminate()
                process.join()
        self._connections, self._processes, self._open = [], [], []


__all__ = ["WorkerInfo", "get_worker_info"]

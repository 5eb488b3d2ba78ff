"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator, Tensor

from ..layers import positive_size
from .workers import Plan, Pool


def default_collate(samples: Sequence[Any]) -> Any:
    """Samples as a batch: tensors, arrays and numbers stacked, tuples, lists and dictionaries entry by entry.

    Raises:
        TypeError: for anything else.
        ValueError: if there are no samples, or their shapes differ.
    """
    if not samples:
        raise ValueError("default_collate: there are no samples")
    first = samples[0]
    if isinstance(first, Tensor):
        return ag.stack(list(samples))
    if isinstance(first, (np.ndarray, np.generic)):
        return ag.from_numpy(np.stack([np.asarray(sample) for sample in samples]))
    if isinstance(first, (bool, int, float)):
        return ag.tensor(list(samples))
    if isinstance(first, str):
        return list(samples)
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(part) for part in zip(*samples, strict=True)))
    if isinstance(first, (tuple, list)):
        return tuple(default_collate(part) for part in zip(*samples, strict=True))
    raise TypeError(f"default_collate: cannot make a batch of {type(first).__name__}")


def read_batch(dataset: Any, indices: np.ndarray, collate: Callable[[list[Any]], Any] = default_collate) -> Any:
    """The samples of these numbers as a batch, at once where the data set can."""
    if collate is default_collate and hasattr(dataset, "batch"):
        return dataset.batch(indices)
    return collate([dataset[int(index)] for index in indices])


class _Reader:
    """Batches of a data set by the numbers of their samples, changed at random if there is a transform."""

    def __init__(
        self,
        dataset: Any,
        collate: Callable[[list[Any]], Any],
        transform: Callable[[Tensor, Generator | None], Tensor] | None,
    ) -> None:
        self.dataset = dataset
        self.collate = collate
        self.transform = transform

    def __call__(self, indices: np.ndarray, generator: Generator | None) -> Any:
        batch = read_batch(self.dataset, indices, self.collate)
        if self.transform is None:
            return batch
        if isinstance(batch, Tensor):
            return self.transform(batch, generator)
        return (self.transform(batch[0], generator), *batch[1:])


class DataLoader:
    """Batches of a data set; iterating over it is one epoch.

    Without workers batches are read in this process: what lies in memory is read a batch at a time, and that takes
    less than handing it from one process to another. Workers pay where reading a sample takes long.

    Args:
        dataset: samples by number, with a length.
        batch_size: samples of a batch.
        shuffle: whether each epoch has an order of its own.
        drop_last: leave out a last batch that is not full.
        collate_fn: from a list of samples to a batch, instead of :func:`default_collate`.
        transform: called with each batch's first entry (or the batch, if it is a tensor) and the generator; what it
            returns takes its place. For augmentation of whole batches, :class:`nn.data.RandomShift` for instance.
        generator: for orders and augmentation, instead of the default one; the same seed gives the same batches.
        num_workers: processes that read batches ahead. Before each batch its worker seeds this library's generator,
            NumPy's global one and Python's: draws differ between workers, batches and epochs, repeat under the same
            seed, and are the same for any number of workers. Data set, collate function and transform are pickled on
            their way, and a script needs ``if __name__ == "__main__":`` around what it runs.
        timeout: seconds to wait for a worker's batch, 0 for any time.
        worker_init_fn: called in each worker with its number, before its first batch.
        prefetch_factor: batches that each worker reads ahead.
        persistent_workers: keep the workers, and their copies of the data set, from one epoch to the next.
        multiprocessing_context: how workers are started, a name or a context of :mod:`multiprocessing`; "forkserver"
            or "spawn" unless given, since a fork of a process whose threads have computed may hang.

    Raises:
        TypeError, ValueError: if the batch size or the number of workers is no such integer, or the timeout negative.
        RuntimeError: while iterating, if a worker ends or takes longer than `timeout`; an error in a worker is raised
            here with its traceback.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        transform: Callable[[Tensor, Generator | None], Tensor] | None = None,
        generator: Generator | None = None,
        *,
        num_workers: int = 0,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        prefetch_factor: int = 2,
        persistent_workers: bool = False,
        multiprocessing_context: Any = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = positive_size(batch_size, "batch_size", "DataLoader", 1)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.transform = transform
        self.generator = generator
        self.num_workers = positive_size(num_workers, "num_workers", "DataLoader")
        self.prefetch_factor = positive_size(prefetch_factor, "prefetch_factor", "DataLoader", 1)
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout must not be negative, got {timeout}")
        if persistent_workers and not self.num_workers:
            raise ValueError("DataLoader: persistent_workers needs num_workers above 0")
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.multiprocessing_context = multiprocessing_context
        self._pool: Pool | None = None

    def __len__(self) -> int:
        """The number of batches."""
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        # Drawn before the first batch, so that what a user draws between batches changes no order.
        order = ag.randperm(count, generator=self.generator).numpy() if self.shuffle else np.arange(count)
        if self.num_workers:
            yield from self._read_by_workers(order)
            return
        read = _Reader(self.dataset, self.collate_fn, self.transform)
        for number in range(len(self)):
            indices = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield read(indices, self.generator)

    def _read_by_workers(self, order: np.ndarray) -> Iterator[Any]:
        key = int(ag.randint(0, 2**62, (), generator=self.generator).item())
        if not self.persistent_workers or (self._pool is not None and self._pool.busy):
            with self._made_pool() as pool:
                yield from pool.epoch(order, key, len(self))
            return
        if self._pool is None:
            self._pool = self._made_pool()
            weakref.finalize(self, self._pool.close)
        try:
            yield from self._pool.epoch(order, key, len(self))
        except Exception:  # a worker ended, or answers are out of step: the next epoch starts new ones
            self._pool.close()
            self._pool = None
            raise

    def _made_pool(self) -> Pool:
        read = _Reader(self.dataset, self.collate_fn, self.transform)
        plan = Plan(self.dataset, read, self.batch_size, self.generator is not None, self.worker_init_fn)
        return Pool(plan, self.num_workers, self.prefetch_factor, self.timeout, self.multiprocessing_context)


__all__ = ["DataLoader", "default_collate"]

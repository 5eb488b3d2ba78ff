"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator, Tensor

from ..layers import positive_size


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


class DataLoader:
    """Batches of a data set; iterating over it is one epoch.

    Batches are read in this process: what lies in memory is read a batch at a time, and that takes less than handing it
    from one process to another.

    Args:
        dataset: samples by number, with a length.
        batch_size: samples of a batch.
        shuffle: whether each epoch has an order of its own.
        drop_last: leave out a last batch that is not full.
        collate_fn: from a list of samples to a batch, instead of :func:`default_collate`.
        transform: called with each batch's first entry (or the batch, if it is a tensor) and the generator; what it
            returns takes its place. For augmentation of whole batches, :class:`nn.data.RandomShift` for instance.
        generator: for orders and augmentation, instead of the default one; the same seed gives the same batches.

    Raises:
        TypeError, ValueError: if the batch size is no positive integer.
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
    ) -> None:
        self.dataset = dataset
        self.batch_size = positive_size(batch_size, "batch_size", "DataLoader", 1)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.transform = transform
        self.generator = generator

    def __len__(self) -> int:
        """The number of batches."""
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        # Drawn before the first batch, so that what a user draws between batches changes no order.
        order = ag.randperm(count, generator=self.generator).numpy() if self.shuffle else np.arange(count)
        for number in range(len(self)):
            indices = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield self._transformed(read_batch(self.dataset, indices, self.collate_fn))

    def _transformed(self, batch: Any) -> Any:
        if self.transform is None:
            return batch
        if isinstance(batch, Tensor):
            return self.transform(batch, self.generator)
        return (self.transform(batch[0], self.generator), *batch[1:])


__all__ = ["DataLoader", "default_collate"]

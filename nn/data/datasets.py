"""Data sets: samples by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator, Tensor


class Dataset:
    """Samples by number: subclasses define ``__getitem__`` and ``__len__``.

    One that can read many samples at once faster than one after the other also defines ``batch``, which takes an array
    of numbers and returns what collating those samples would.
    """

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not define __len__")


class TensorDataset(Dataset):
    """Tensors whose first dimensions count the samples.

    Args:
        tensors: any number of tensors, equal in their first size.

    Raises:
        ValueError: if there is none, or their first sizes differ.

    Example:
        >>> import autograd_core as ag, nn
        >>> points = nn.data.TensorDataset(ag.zeros(3, 2), ag.ones(3))
        >>> len(points), points[0]
        (3, (tensor([0., 0.]), tensor(1.)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors or any(tensor.ndim == 0 or len(tensor) != len(tensors[0]) for tensor in tensors):
            sizes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ValueError(
                f"TensorDataset: expected tensors with one number of samples, got shapes {sizes or 'none'}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: np.ndarray) -> tuple[Tensor, ...]:
        """The samples of these numbers, stacked: one read for all."""
        return tuple(ag.from_numpy(tensor.detach().numpy().take(indices, axis=0)) for tensor in self.tensors)


class Subset(Dataset):
    """Some samples of a data set.

    Args:
        dataset: the whole.
        indices: the numbers of the samples, in their new order.

    Raises:
        IndexError: for numbers that the data set has not.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, np.int64).reshape(-1)
        if self.indices.size and (self.indices.min() < 0 or self.indices.max() >= len(dataset)):
            raise IndexError(f"Subset: numbers must lie in [0, {len(dataset)})")

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: np.ndarray) -> Any:
        """The samples of these numbers, as the data set collates them."""
        from .loader import read_batch

        return read_batch(self.dataset, self.indices[indices])


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Divide a data set at random into parts that share no sample.

    Args:
        dataset: what to divide.
        lengths: the parts' sizes, or their shares, which add up to 1; what rounding leaves goes to the first ones.
        generator: instead of the default one.

    Raises:
        ValueError: if sizes do not add up to the data set's, or shares to 1.

    Example:
        >>> import autograd_core as ag, nn
        >>> whole = nn.data.TensorDataset(ag.arange(10))
        >>> [len(part) for part in nn.data.random_split(whole, [0.8, 0.2], ag.Generator(0))]
        [8, 2]
    """
    count = len(dataset)
    if abs(sum(lengths) - 1) < 1e-9 and all(isinstance(length, float) for length in lengths):
        sizes = [int(count * share) for share in lengths]
        for place in range(count - sum(sizes)):
            sizes[place % len(sizes)] += 1
    else:
        sizes = [int(length) for length in lengths]
    if sum(sizes) != count or min(sizes) < 0:
        raise ValueError(f"random_split: lengths {list(lengths)} do not add up to {count} samples, nor to 1")
    order = ag.randperm(count, generator=generator).numpy()
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes)[:-1])]


__all__ = ["Dataset", "Subset", "TensorDataset", "random_split"]

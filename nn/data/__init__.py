"""The way of data into training: data sets, batches in a seeded order, and augmentation of whole batches.

Example:
    >>> import autograd_core as ag, nn
    >>> numbers = nn.data.TensorDataset(ag.arange(6.0).reshape(6, 1), ag.arange(6))
    >>> loader = nn.data.DataLoader(numbers, batch_size=4, shuffle=True, generator=ag.Generator(0))
    >>> [tuple(inputs.shape) for inputs, targets in loader]
    [(4, 1), (2, 1)]
"""

from .augmentation import Compose, RandomCrop, RandomHorizontalFlip, RandomShift, RandomVerticalFlip
from .datasets import Dataset, Subset, TensorDataset, random_split
from .loader import DataLoader, default_collate
from .workers import WorkerInfo, get_worker_info

__all__ = [
    "Compose",
    "DataLoader",
    "Dataset",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomShift",
    "RandomVerticalFlip",
    "Subset",
    "TensorDataset",
    "WorkerInfo",
    "default_collate",
    "get_worker_info",
    "random_split",
]

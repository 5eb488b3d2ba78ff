"""Arrays that are known part by part: the cotangent of what was sliced, before all slices have reported.

A slice's cotangent is zeros with the slice set. Where many slices are taken of one tensor (its steps, or the queries,
keys and values of one projection), an array of zeros for each, and their sum, cost a pass over the whole tensor for
every slice. So the parts wait as they are, and are written side by side once.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .broadcasting import Shape

Index = tuple[Any, ...]


class Parts:
    """A sum of arrays of one shape, each of them zero but at a basic index.

    Attributes:
        shape: of the whole.
        size: how many elements the parts have together.
    """

    __slots__ = ("_found", "shape", "size")

    def __init__(self, shape: Shape, index: Index, part: np.ndarray) -> None:
        self.shape = shape
        self.size = part.size
        self._found: list[tuple[Index, np.ndarray]] = [(index, part)]

    def append(self, index: Index, part: np.ndarray) -> None:
        """Add one more part."""
        self._found.append((index, part))
        self.size += part.size

    @property
    def crowded(self) -> bool:
        """Whether the parts take more memory than their sum would."""
        return self.size > math.prod(self.shape)

    def whole(self) -> np.ndarray:
        """The sum, a new array."""
        found, shape = self._found, self.shape
        first = found[0][1]
        like = first.ndim == len(shape)
        if self._tile():
            # In the likeness of a part: images that lie channels-last in memory stay so.
            full = np.empty_like(first, shape=shape) if like else np.empty(shape, first.dtype)
            for index, part in found:
                full[index] = part
            return full
        full = np.zeros_like(first, shape=shape) if like else np.zeros(shape, first.dtype)
        full[found[0][0]] = first
        for index, part in found[1:]:
            full[index] += part
        return full

    def add_to(self, array: np.ndarray) -> None:
        """Add the sum to an array in place."""
        for index, part in self._found:
            array[index] += part

    def _tile(self) -> bool:
        """Whether every element of the whole lies in just one part; False where that takes longer to say."""
        if self.size != math.prod(self.shape):
            return False
        extents = []
        for index, _ in self._found:
            extent = _extent(index, self.shape)
            if extent is None:
                return False
            extents.append(extent)
        cut = [axis for axis in range(len(self.shape)) if any(e[axis] != extents[0][axis] for e in extents)]
        if len(cut) != 1:
            return len(extents) == 1
        ordered = sorted([extent[cut[0]] for extent in extents])
        # As many elements as the whole has, none of them twice, are all of them.
        return all(before[1] <= after[0] for before, after in itertools.pairwise(ordered))


def _extent(index: Index, shape: Shape) -> list[tuple[int, int]] | None:
    """First and last + 1 of what an index takes of each axis; None where it leaves elements out or turns an axis."""
    if any(entry is None for entry in index):
        return None
    count = len(index)
    if Ellipsis in index:
        place = index.index(Ellipsis)
        index = (*index[:place], *[slice(None)] * (len(shape) - count + 1), *index[place + 1 :])
    extent = []
    for axis, size in enumerate(shape):
        entry = index[axis] if axis < len(index) else slice(None)
        if type(entry) is slice:
            start, stop, step = entry.indices(size)
            if step != 1:
                return None
            extent.append((start, max(start, stop)))
        else:
            start = int(entry) % size
            extent.append((start, start + 1))
    return extent

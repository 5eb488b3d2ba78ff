"""Reading and writing by indices against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.oracle.libraries import RANDOM, compare, torch

pytestmark = pytest.mark.torch


INDICES: dict[str, Any] = {
    "integer": 1,
    "negative integer": -1,
    "numpy integer": np.int64(2),
    "slice": slice(1, 3),
    "open slice": slice(1, None),
    "step": slice(None, None, 2),
    "negative bounds": slice(-3, -1),
    "beyond the end": slice(2, 100),
    "empty slice": slice(3, 1),
    "ellipsis": Ellipsis,
    "ellipsis and integer": (Ellipsis, 0),
    "none": None,
    "none between": (slice(None), None, 1),
    "several": (1, slice(0, 2), -1),
    "all integers": (1, 2, 3),
    "array": np.array([0, 2, 1]),
    "repeated array": np.array([0, 2, 2, 0, -1]),
    "matrix of indices": np.array([[0, 1], [2, 0]]),
    "list": [0, 2],
    "empty array": np.array([], np.int64),
    "0-d array": np.array(1),
    "two arrays": (np.array([0, 1, 1]), np.array([2, 0, 0])),
    "two arrays that broadcast": (np.array([[0], [1]]), np.array([2, 0, 1])),
    "array and integer": (np.array([0, 2]), 1),
    "slice and array": (slice(0, 2), np.array([1, 1, 0])),
    "array and slice": (np.array([2, 2]), slice(1, 3)),
    "arrays apart": (np.array([0, 1]), slice(None), np.array([3, 3])),
    "arrays apart, broadcast": (np.array([[0], [1]]), slice(None), np.array([3, 3])),
    "array and none": (None, np.array([1, 1])),
    "array and ellipsis": (Ellipsis, np.array([1, 1])),
    "mask": np.array([True, False, True]),
    "mask of nothing": np.zeros(3, bool),
    "full mask": RANDOM.random((3, 3, 4)) < 0.4,
    "mask of two dimensions": RANDOM.random((3, 3)) < 0.5,
    "mask and slice": (np.array([True, False, True]), slice(1, 3)),
    "mask and array": (np.array([True, False, True]), np.array([1, 2])),
    "slice and mask": (slice(None), np.array([False, True, True])),
    "list of bools": [True, False, True],
    "int32 indices": np.array([0, 2, 2], np.int32),
    "uint8 indices": np.array([0, 2], np.uint8).astype(np.int16),
}
INDEXED = RANDOM.standard_normal((3, 3, 4))


def index_for(library: Any, index: Any, tensors: bool) -> Any:
    """The index as a library takes it: its arrays as that library's tensors, or as they are."""
    entries = index if isinstance(index, tuple) else (index,)
    converted = []
    for entry in entries:
        if isinstance(entry, np.ndarray) and (tensors or library is torch):
            entry = torch.from_numpy(entry) if library is torch else ag.from_numpy(entry)
            entry = entry.long() if library is torch and entry.dtype != torch.bool else entry
        converted.append(entry)
    return tuple(converted) if isinstance(index, tuple) else converted[0]


@pytest.mark.parametrize("tensors", [False, True], ids=["arrays", "tensors"])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_indexing(index: Any, tensors: bool) -> None:
    compare(lambda library, x: x[index_for(library, index, tensors)], INDEXED)


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_item_assignment(index: Any) -> None:
    """In the graph, of a value with history: its repeated positions get what the last write gave."""
    if isinstance(index, np.ndarray) and index.dtype.kind == "i" and len(np.unique(index % 3)) != index.size:
        pytest.skip("PyTorch leaves open which of several writes to one place wins")
    if isinstance(index, tuple) and any(isinstance(entry, np.ndarray) for entry in index):
        pytest.skip("the same, for several arrays")
    shape = INDEXED[index].shape
    value = np.random.default_rng(1).standard_normal(shape)

    def assign(library: Any, x: Any, value: Any) -> Any:
        changed = x * 2
        changed[index_for(library, index, True)] = value
        return changed

    compare(assign, INDEXED, value)
    compare(assign, INDEXED, np.array(1.5))
    compare(lambda library, x: assign(library, x, 3.0), INDEXED)

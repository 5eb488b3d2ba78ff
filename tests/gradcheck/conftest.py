"""Operations for one test: registered with the real decorators, forgotten afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.op import REGISTRY


@pytest.fixture(autouse=True)
def _registry_as_before() -> Iterator[None]:
    """Take operations that a test declared out of the registry again."""
    known = set(REGISTRY)
    yield
    for name in set(REGISTRY) - known:
        del REGISTRY[name]


@pytest.fixture
def x() -> ag.Tensor:
    """A float64 leaf of shape (2, 3) with values of both signs, none near 0."""
    return ag.Tensor(np.array([[0.5, -1.25, 2.0], [-0.75, 1.5, 0.3]]), requires_grad=True)


@pytest.fixture
def z() -> ag.Tensor:
    """A float64 leaf of shape (3,), which broadcasts with `x`."""
    return ag.Tensor(np.array([1.5, 0.7, -0.4]), requires_grad=True)

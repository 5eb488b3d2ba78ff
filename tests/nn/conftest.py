"""Fixtures of the tests of nn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, the oracle; a test that asks for it is skipped where it is not installed."""
    return pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _seed() -> None:
    ag.manual_seed(0)


@pytest.fixture
def random() -> np.random.Generator:
    """A generator for test data."""
    return np.random.default_rng(7)

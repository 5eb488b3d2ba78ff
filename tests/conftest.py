"""What every test starts from, and what none may leave behind."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest

# Test modules import their shared helpers as `tests.strategies`, also where the package is not installed editable.
# At the end of the path, so that an installed autograd_core is the one that is tested.
sys.path.append(str(pathlib.Path(__file__).parent.parent))

import autograd_core as ag
from autograd_core import config
from autograd_core.graph import Mode, thread

REQUIRE_TORCH = "AUTOGRAD_CORE_REQUIRE_TORCH"

# Drawing layouts and shapes is quick, but each operation is drawn for: a few examples that are the same everywhere.
hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings.get_profile("ci"), max_examples=300)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure() -> None:
    required = os.environ.get(REQUIRE_TORCH, "") not in ("", "0")
    if required and importlib.util.find_spec("torch") is None:
        raise pytest.UsageError(f"{REQUIRE_TORCH} is set, but PyTorch is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.torch)


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, the oracle; a test that asks for it is marked ``torch`` and skipped where it is missing."""
    module = pytest.importorskip("torch")
    # One thread: tests run in several processes at once.
    module.set_num_threads(1)
    return module


@pytest.fixture
def random() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(0)


def _global_state() -> dict[str, Any]:
    return {
        **{f"mode.{name}": getattr(thread.mode, name) for name in Mode.__slots__},
        "default dtype": ag.get_default_dtype(),
        "number of threads": config.get_num_threads(),
        "numpy.geterr": np.geterr(),
        "numpy.get_printoptions": np.get_printoptions(),
    }


def _restore(state: dict[str, Any]) -> None:
    for name in Mode.__slots__:
        setattr(thread.mode, name, state[f"mode.{name}"])
    ag.set_default_dtype(state["default dtype"])
    config.set_num_threads(state["number of threads"])
    np.seterr(**state["numpy.geterr"])
    np.set_printoptions(**state["numpy.get_printoptions"])


INITIAL_STATE = _global_state()


def _refuse_leaks() -> None:
    state = _global_state()
    leaked = [
        f"{name}: {INITIAL_STATE[name]} became {state[name]}" for name in state if state[name] != INITIAL_STATE[name]
    ]
    if leaked:
        _restore(INITIAL_STATE)
        pytest.fail("global state leaked: " + "; ".join(leaked))


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """Seed every generator, and fail the test that changes how later ones compute, naming what it left behind."""
    _refuse_leaks()  # left by the import of a test module
    ag.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - for code that uses the global generator
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    yield
    _refuse_leaks()

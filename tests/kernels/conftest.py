"""Kernel caches to start from."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from tests.kernels.process import BOTH, run


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> pathlib.Path:
    """A cache directory that holds the kernels of SOURCE; tests work on copies."""
    directory = tmp_path_factory.mktemp("filled")
    assert run(BOTH, directory) == "2 0 True"
    return directory


@pytest.fixture
def cache(filled, tmp_path) -> pathlib.Path:
    return shutil.copytree(filled, tmp_path / "cache")

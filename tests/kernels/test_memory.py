"""Memory that was freed is there for the next array without page faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_FAULTS = """
import resource
import numpy as np
from autograd_core.kernels.jit import DISABLED
def touch():
    # 16 MB, in arrays too small for huge pages.
    arrays = [np.empty(1 << 18) for _ in range(8)]
    for array in arrays:
        array.fill(0)
touch(); touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment: str) -> int:
    finished = subprocess.run(
        [sys.executable, "-c", _FAULTS], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return int(finished.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="settings of glibc")
def test_freed_memory_stays_unless_told_otherwise() -> None:
    kept, given_back = faults(), faults(AUTOGRAD_CORE_KEEP_MEMORY="0")
    assert kept < 50
    assert given_back > kept

"""Running code in a fresh interpreter, for tests of what concerns a whole process."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).parents[2]

# A module with an inlined helper, a plain kernel and a parallel one, as the emitter writes them.
SOURCE = """
import numpy as np
from autograd_core.kernels.jit import bits_to_float32, float32_to_bits, inline, kernel, prange

STEP = np.int32(1 << 23)

@inline
def half(x):
    return bits_to_float32(np.int32(float32_to_bits(x) - STEP))

@kernel
def serial(x, out):
    for i in range(x.size):
        out[i] = half(x[i])

@kernel(parallel=True)
def parallel(x, out):
    for i in prange(x.size):
        out[i] = half(x[i])
"""

PRELUDE = f"""
import os, pathlib, sys, threading, warnings
import numpy as np
from autograd_core import config
from autograd_core.kernels import directory
from autograd_core.kernels import jit
SOURCE = {SOURCE!r}
x = np.arange(1, 9, dtype=np.float32)
out = np.zeros_like(x)
"""

SERIAL = """
jit.load_generated("halving", SOURCE).serial(x, out)
print(*jit.compile_statistics(), (out == x / 2).all())
"""


def run(code: str, cache: pathlib.Path, prelude: str = PRELUDE, path: pathlib.Path = ROOT, **environment: str) -> str:
    """What a fresh interpreter prints that runs `code` with its kernel cache in `cache`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "AUTOGRAD_CORE_"))}
    variables = {**kept, "PYTHONPATH": str(path), "AUTOGRAD_CORE_CACHE": str(cache), **environment}
    command = [sys.executable, "-c", prelude + textwrap.dedent(code)]
    done = subprocess.run(command, cwd=path, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BOTH = """
module = jit.load_generated("halving", SOURCE)
module.serial(x, out)
with jit.PARALLEL:
    module.parallel(x, out)
print(*jit.compile_statistics(), (out == x / 2).all())
"""

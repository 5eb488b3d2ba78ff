"""How long a program takes that imports the library, and one that also makes its first training step."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from ..libraries import Library
from ..rows import Arrays, Row, Task, both

IMPORT = """
import {package} as library
"""

# Both libraries start from the same values, so that the printed losses can be compared.
FIRST_STEP = """
import {package} as library
{modules}
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
with library.no_grad():
    for parameter in model.parameters():
        parameter.fill_(0.1)
optimizer = optim.Adam(model.parameters())
x = library.linspace(-1, 1, 512).reshape(256, 2)
y = (x[:, :1] > 0).to(library.float32)
loss = nn.BCEWithLogitsLoss()(model(x), y)
loss.backward()
optimizer.step()
print(loss.item(), nn.BCEWithLogitsLoss()(model(x), y).item())
"""

# For each library: its package, and how its modules are imported.
_IMPORTS = {
    "autograd_core": "import nn, optim",
    "torch": "from torch import nn, optim",
}


def _no_arrays(random: np.random.Generator) -> Arrays:
    return {}


def _run(program: str, environment: dict[str, str] | None = None) -> list[float]:
    """Run a program in a fresh interpreter, to its end, and return the numbers it prints."""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError((finished.stderr.strip().splitlines() or ["no message"])[-1])
    return [float(word) for word in finished.stdout.split()]


def _build(library: Library, arrays: Arrays, program: str, cold: bool) -> Task:
    package = library.ops.__name__
    text = program.format(package=package, modules=_IMPORTS[package])
    if not cold:
        return Task(functools.partial(_run, text))

    def call() -> Any:
        with tempfile.TemporaryDirectory() as directory:
            return _run(text, os.environ | {"AUTOGRAD_CORE_CACHE": directory})

    return Task(call)


def rows() -> list[Row]:
    """Whole programs; the cold one finds no compiled kernel, and has no goal: it happens once for each version."""
    programs: list[tuple[str, str, bool, float | None]] = [
        ("import", IMPORT, False, 0.7),
        ("import + first step, warm kernel cache", FIRST_STEP, False, 0.7),
        ("import + first step, cold kernel cache", FIRST_STEP, True, None),
    ]
    return [
        Row(
            "startup",
            label,
            goal,
            _no_arrays,
            both(functools.partial(_build, program=program, cold=cold)),
            kind="process",
        )
        for label, program, cold, goal in programs
    ]

"""Adding an elementwise operation is one edit in one file: everything else follows from its record."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest

import autograd_core as ag

ROOT = pathlib.Path(ag.__file__).parents[1]

DECLARATION = '''

@elementwise(special=(0.0, 1e3), reference=lambda x: x / np.sqrt(1 + x * x), torch="newcomer")
def newcomer(x: Any) -> Any:
    """x / sqrt(1 + x squared), a sigmoid for this test."""
    return x / f.sqrt(1 + x * x)


@newcomer.partial
def _(x: Any) -> Any:
    return 1 / ((1 + x * x) * f.sqrt(1 + x * x))


__all__.append("newcomer")
'''

PROGRAM = """
import numpy as np
import autograd_core as ag
from typer.testing import CliRunner
from autograd_core.cli import app
from autograd_core.op import REGISTRY
from benchmarks.suites import elementwise

x = ag.tensor(np.array([0.5, -2.0]), requires_grad=True)
ag.newcomer(x).sum().backward()
assert np.allclose(x.grad.numpy(), (1 + x.detach().numpy() ** 2) ** -1.5)
assert x.detach().newcomer().tolist() == ag.newcomer(x.detach()).tolist()
x.detach().clone().newcomer_()

checked = CliRunner().invoke(app, ["gradcheck", "newcomer"], env={"COLUMNS": "120"})
assert checked.exit_code == 0, checked.output
assert "newcomer" in checked.output

listed = CliRunner().invoke(app, ["ops"], env={"COLUMNS": "160"})
assert "newcomer" in listed.output
shown = CliRunner().invoke(app, ["ops", "newcomer"], env={"COLUMNS": "120"})
assert "a sigmoid for this test" in shown.output
assert "sqrt" in shown.output

assert any("newcomer" in row.key for row in elementwise.rows())
assert "a sigmoid" in ag.newcomer.__doc__
print("found everywhere")
"""


@pytest.mark.parametrize("file", ["trigonometric.py"])
def test_one_edit_in_one_file_reaches_everything(tmp_path: pathlib.Path, file: str) -> None:
    for package in ("autograd_core", "nn", "optim", "benchmarks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    edited = tmp_path / "autograd_core" / "ops" / file
    edited.write_text(edited.read_text(encoding="utf-8") + DECLARATION, encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM]
    environment = {"PATH": "", "PYTHONPATH": str(tmp_path), "AUTOGRAD_CORE_CACHE": str(tmp_path / "cache"), "HOME": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert "found everywhere" in done.stdout

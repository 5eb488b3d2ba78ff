"""``python -m autograd_core graph``: what it writes, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autograd_core.cli import app

SOURCE = """
import autograd_core as ag, nn

def loss():
    x = ag.randn(4, 3)
    return nn.MLP(3, [8, 8], 1, normalization=True)(x).sum()

def model():
    return nn.MLP(3, [8], 1)

def both():
    return model(), ag.randn(4, 3)

def text():
    return "text"

SIZE = 3
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "networks.py"
    path.write_text(SOURCE)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["graph", *arguments], env={"COLUMNS": "200"})


def words(found: Result) -> str:
    return " ".join(found.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("suffix", "start"), [("html", "<!doctype html>"), ("svg", "<"), ("dot", "digraph"), ("mmd", "%% loss: forward")]
)
def test_the_suffix_says_what_is_written(program: Path, tmp_path: Path, suffix: str, start: str) -> None:
    out = tmp_path / f"graph.{suffix}"
    found = run(f"{program}:loss", "--out", str(out))
    assert found.exit_code == 0, found.output
    assert f"wrote {out}" in found.output.replace("\n", "")
    assert "loss: forward graph" in found.output
    assert out.read_text(encoding="utf-8").startswith(start)


def test_options_reach_the_drawing(program: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph.dot"
    options = "--input 5,3 --graph backward --depth 1 --direction TB --show saved,gradient --no-fold --max-nodes 0"
    found = run(f"{program}:model", "--out", str(out), *options.split())
    assert found.exit_code == 0, found.output
    source = out.read_text(encoding="utf-8")
    for part in ("rankdir=TB", "0 (Linear) backward", "gradient norm", "kept for backward"):
        assert part in source
    found = run(f"{program}:loss", "--out", str(out), "--expand", "batch_norm")
    assert "μ = mean" in out.read_text(encoding="utf-8")


def test_a_model_with_its_inputs(program: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph.dot"
    assert run(f"{program}:both", "--out", str(out), "--show", "shape,time").exit_code == 0
    assert "4×8" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("loss", "", "is not of the form MODULE:FUNCTION"),
        ("no_such_module:loss", "", "there is no module 'no_such_module'"),
        ("no_such.py:loss", "", "there is no file 'no_such.py'"),
        ("{program}:los", "", "has no function 'los'; it has both, loss, model, text"),
        ("{program}:SIZE", "", "has no function 'SIZE'"),
        ("{program}:model", "", "say what goes in, like --input 8,3,32,32"),
        ("{program}:model", "--input 3,a", "like 8,3,32,32; got '3,a'"),
        ("{program}:loss", "--input 3", "no model that --input could be for"),
        ("{program}:text", "", "got str without any tensor"),
        ("{program}:loss", "--show shap", "show must be among"),
        ("{program}:loss", "--expand conv", "nothing to expand is called 'conv'"),
        ("{program}:loss", "--out {directory}/graph.bmp", "the suffix must be one of"),
        ("{program}:loss", "--out {program}/graph.svg", "cannot write the picture"),
    ],
)
def test_what_goes_wrong_is_said(program: Path, tmp_path: Path, target: str, options: str, message: str) -> None:
    names = {"program": str(program), "directory": str(tmp_path)}
    arguments = [part.format(**names) for part in options.split()]
    if "--out" not in options:
        arguments += ["--out", str(tmp_path / "x.dot")]
    found = run(target.format(**names), *arguments)
    assert found.exit_code == 2, found.output
    assert message in words(found)
    assert "Traceback" not in found.output


def test_a_module_of_the_working_directory(program: Path) -> None:
    command = [sys.executable, "-m", "autograd_core", "graph", "networks:loss", "--out", "graph.svg"]
    done = subprocess.run(command, cwd=program.parent, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (program.parent / "graph.svg").read_text(encoding="utf-8").lstrip().startswith("<")

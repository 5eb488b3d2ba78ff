"""The command line: what it prints, how wide, and with which status it ends."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from autograd_core.cli import COMMANDS, app
from autograd_core.declaration import structural
from autograd_core.op import REGISTRY, Sample


def run(*arguments: str, width: int = 100) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(width)})


@pytest.fixture
def wrong_operation() -> Iterator[str]:
    """A registered operation whose gradient is wrong."""

    @structural("wrong_for_test", samples=lambda random: [Sample((random.standard_normal((2, 2)),))])
    def declared(x: np.ndarray) -> np.ndarray:
        """Double [but not its gradient]."""
        return x * 2

    @declared.vjp("x")
    def _(cotangent: Any) -> Any:
        return cotangent

    yield "wrong_for_test"
    del REGISTRY["wrong_for_test"]


def test_help_lists_every_command() -> None:
    found = run("--help")
    assert found.exit_code == 0
    for name in COMMANDS:
        assert name in found.output
    assert run().exit_code == 2, "nothing to do"


def test_version() -> None:
    found = run("--version")
    assert found.exit_code == 0
    assert found.output.startswith("autograd-core 0.")
    assert np.__version__ in found.output


def test_help_loads_neither_numba_nor_the_checker() -> None:
    program = """
import sys
from typer.testing import CliRunner
from autograd_core.cli import app
assert CliRunner().invoke(app, ["gradcheck", "--help"]).exit_code == 0
loaded = [name for name in ("numba", "autograd_core.gradcheck.check", "rich.progress") if name in sys.modules]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_module_runs() -> None:
    command = [sys.executable, "-m", "autograd_core", "gradcheck", "sum", "--order", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout
    assert done.stderr == "", "no progress bar where there is no terminal"


# --- gradcheck --------------------------------------------------------------------------------------------------


def test_gradcheck_of_right_operations() -> None:
    found = run("gradcheck", "add", "sum", "eq", "output")
    assert found.exit_code == 0
    for part in ("1st order", "2nd order", "elementwise", "structural", "values only", "not differentiable: eq"):
        assert part in found.output
    assert "failed" not in found.output


def test_gradcheck_of_a_wrong_operation(wrong_operation: str) -> None:
    found = run("gradcheck", "sum", wrong_operation)
    assert found.exit_code == 1
    assert "1 failed" in found.output
    assert "analytic is 0.5 times numeric" in found.output
    assert "on 2 operations" in found.output


@pytest.mark.parametrize(
    ("order", "shown", "hidden"), [("1", "1st order", "2nd order"), ("2", "2nd order", "1st order")]
)
def test_gradcheck_of_one_order(order: str, shown: str, hidden: str) -> None:
    found = run("gradcheck", "sum", "--order", order, "--seed", "7")
    assert found.exit_code == 0
    assert shown in found.output
    assert hidden not in found.output


@pytest.mark.parametrize("arguments", [("--order", "3"), ("--seed", "-1"), ("--seed", "x")])
def test_gradcheck_refuses_options(arguments: tuple[str, ...]) -> None:
    assert run("gradcheck", "sum", *arguments).exit_code == 2


@pytest.mark.parametrize("command", ["gradcheck", "ops"])
def test_unknown_operation(command: str) -> None:
    found = run(command, "add", "sotfmax", "zzz")
    assert found.exit_code == 2
    assert "there is no operation 'sotfmax'; did you mean softmax" in " ".join(found.output.replace("│", " ").split())
    assert "'zzz'" in found.output


# --- ops --------------------------------------------------------------------------------------------------------


def test_ops_lists_the_registry() -> None:
    found = run("ops")
    assert found.exit_code == 0
    for name in REGISTRY:
        assert name in found.output
    assert f"{len(REGISTRY)} operations" in found.output
    assert "(1 - y) * (1 + y)" in found.output


def test_ops_in_full(wrong_operation: str) -> None:
    found = run("ops", "leaky_relu", "softmax", "cat", wrong_operation)
    assert found.exit_code == 0
    for part in (
        "negative_slope * x",
        "kinks       0",
        "def softmax_primitive",
        "torch.softmax",
        "any number of tensors",
        "Double [but not its gradient].",
    ):
        assert part in found.output
    assert "@fused" not in found.output


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("arguments", [("ops",), ("ops", "softmax", "pow"), ("gradcheck", "add", "eq"), ("--help",)])
def test_nothing_is_wider_than_the_terminal(arguments: tuple[str, ...], width: int) -> None:
    found = run(*arguments, width=width)
    assert found.exit_code == 0
    assert max(map(len, found.output.splitlines())) <= width
    assert "…" not in found.output, "a column was cut off"


@pytest.mark.slow
def test_warming_up_leaves_nothing_to_compile(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "autograd_core", "warmup", "tanh", "softmax"]
    environment = {**os.environ, "AUTOGRAD_CORE_CACHE": str(tmp_path)}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout for _ in range(2)
    )
    assert re.search(r"2 operations: [1-9]\d* kernels compiled, ", first)
    assert re.search(r"2 operations: 0 kernels compiled, [1-9]\d* found compiled", second)
    assert str(tmp_path) in second

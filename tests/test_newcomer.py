"""The README's promise: a machine with only Python, pip and git runs the demo with one command."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def commands() -> list[str]:
    """The set-up commands of the README, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^    (python3 -m venv .*)$", text, re.MULTILINE)


def test_readme_has_two_set_up_commands():
    demo, tests = commands()
    assert demo.endswith("python -m autograd_core demo")
    assert tests.endswith("python -m pytest -n auto")


def test_ci_runs_the_readmes_test_command():
    steps = [step.strip() for step in commands()[1].split("&&")]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for step in steps[2:]:
        assert step.replace("install -e", "install --quiet -e") in script


@pytest.mark.slow
def test_demo_in_a_fresh_environment(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    venv.create(tmp_path / "environment", with_pip=True)
    python = tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "AUTOGRAD_CORE_CACHE"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment["AUTOGRAD_CORE_CACHE"] = str(tmp_path / "cache")
    steps = [step.strip() for step in commands()[0].split("&&")]
    assert steps[2].startswith("python -m pip install")
    arguments = [part.strip('"') for part in steps[2].split()[1:]]
    subprocess.run([str(python), *arguments, "--quiet"], check=True, cwd=clone, env=environment)
    command = [str(python), *steps[3].split()[1:], "--epochs", "3", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "with batch" in done.stdout
    assert (tmp_path / "out" / "rings.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "<svg" in (tmp_path / "out" / "graph.svg").read_text(encoding="utf-8")


def test_the_project_names_no_package_host():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        if name.endswith((".toml", ".txt", ".lock", ".cfg", ".yaml", ".yml", ".md", ".py")) or name == ".ci/run":
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not re.search("index" + "-url|pypi" + r"\.org|files\.python" + "hosted", text), name

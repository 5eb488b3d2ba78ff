"""Whole files, compared with those that stand beside the tests: identifiers, order and layout are the same in each run.

``AUTOGRAD_CORE_WRITE_GOLDEN=1 python -m pytest tests/visualize/test_golden.py`` writes them anew; look at them then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag
import nn
from autograd_core.visualize import GraphPicture, draw

DIRECTORY = Path(__file__).parent / "golden"


class Block(nn.Module):
    """A squashed product beside an identity, of operations that are not likely to change."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(ag.ones(width))

    def forward(self, x: Any) -> Any:
        return (x * self.scale).tanh() * x + x


def loss() -> Any:
    model = nn.Sequential(*(Block(4) for _ in range(5)))
    x = ag.ones(8, 4, requires_grad=True)
    return (model(x) * 2).exp().sum()


PICTURES: dict[str, Callable[[Any], GraphPicture]] = {
    "small": lambda record: draw(record.small()),
    "resnet18": lambda record: draw(record.resnet()),
    "resnet18_full": lambda record: draw(record.resnet(), max_nodes=None),
    "residual": lambda record: draw(loss(), show=("shape", "dtype", "saved")),
    "residual_backward": lambda record: draw(loss(), graph="backward", direction="TB"),
    "residual_both": lambda record: draw(loss(), graph="both", depth=1),
}


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the registry says of operations has tests of its own, and changes with it."""
    monkeypatch.setattr("autograd_core.visualize.compose.summary_of", lambda name: "")
    monkeypatch.setattr("autograd_core.visualize.compose.formulas_of", lambda name: ())


def compare(name: str, text: str) -> None:
    path = DIRECTORY / name
    if os.environ.get("AUTOGRAD_CORE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_dot(record: Any, name: str) -> None:
    compare(f"{name}.dot", PICTURES[name](record).source)


@pytest.mark.parametrize("name", ["small", "residual"])
def test_mermaid(record: Any, name: str) -> None:
    compare(f"{name}.mmd", PICTURES[name](record).to_mermaid())


@pytest.mark.parametrize("name", ["small", "resnet18", "residual_both"])
def test_svg(record: Any, name: str) -> None:
    compare(f"{name}.svg", PICTURES[name](record).to_svg(engine="builtin"))

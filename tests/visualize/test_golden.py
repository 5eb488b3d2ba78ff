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
    """Two normalised affine maps beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.second = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return self.second(self.norm(self.first(x)).relu()) + x


def residual() -> nn.Module:
    ag.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), Block(4), Block(4), Block(4), nn.Linear(4, 2))


def loss() -> Any:
    model = residual()
    return nn.functional.cross_entropy(model(ag.randn(8, 3)), ag.randint(0, 2, (8,)))


def normalisation() -> Any:
    ag.manual_seed(0)
    return nn.BatchNorm1d(3)(ag.randn(8, 3, requires_grad=True))


PICTURES: dict[str, Callable[[Any], GraphPicture]] = {
    "small": lambda record: draw(record.small()),
    "resnet18": lambda record: draw(record.resnet()),
    "resnet18_full": lambda record: draw(record.resnet(), max_nodes=None),
    "residual": lambda record: draw(loss(), show=("shape", "dtype", "saved")),
    "residual_backward": lambda record: draw(loss(), graph="backward", direction="TB"),
    "residual_both": lambda record: draw(loss(), graph="both", depth=1),
    "batch_norm": lambda record: draw(normalisation(), expand="batch_norm"),
}


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


@pytest.mark.parametrize("name", ["small", "batch_norm", "residual_both"])
def test_svg(record: Any, name: str) -> None:
    compare(f"{name}.svg", PICTURES[name](record).to_svg(engine="builtin"))

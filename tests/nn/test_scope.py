"""Every recorded operation carries the path of the module it was recorded in, and parameters their names."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import autograd_core as ag
import nn


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, input: Any) -> Any:
        return self.fc(input) * 2


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = Branch()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(2, 2), nn.Tanh())])
        self.layers.append(nn.ModuleDict({"only": Branch()}))
        self.scales = nn.ParameterList([ag.ones(2)])

    def forward(self, input: Any) -> Any:
        input = self.stem(input)
        input = self.layers[0](input)
        return self.layers[1]["only"](input) * self.scales[0]


def paths(output: Any) -> list[str]:
    """The scope paths of all nodes behind `output`, newest first."""
    found = []
    stack = [output.grad_fn]
    while stack:
        node = stack.pop()
        if hasattr(node, "scope"):
            found.append(node.scope.path if node.scope is not None else "")
            stack.extend(edge for edge in node.edges if edge is not None)
    return found


EXPECTED = [
    "Net",
    *["Net.layers.1.only"],
    "Net.layers.1.only.fc",
    "Net.layers.0.1",
    "Net.layers.0.0",
    "Net.stem",
    "Net.stem.fc",
]


@pytest.mark.parametrize("make", [Net, lambda: copy.deepcopy(Net())])
def test_paths(make: Any) -> None:
    net = make()
    assert paths(net(ag.ones(1, 2))) == EXPECTED
    # The path of a node is the path of its module, below the root's class.
    known = {f"Net.{name}".rstrip(".") for name, _ in net.named_modules()}
    assert set(EXPECTED) <= known


def test_a_part_called_alone_is_a_root() -> None:
    net = Net()
    assert paths(net.stem(ag.ones(1, 2))) == ["Branch", "Branch.fc"]


def test_user_scopes_go_around() -> None:
    net = Branch()
    with ag.scope("epoch"):
        output = net(ag.ones(1, 2)) + 1
    assert paths(output) == ["epoch", "epoch.Branch", "epoch.Branch.fc"]


def test_the_scope_is_closed_after_an_error() -> None:
    class Broken(nn.Module):
        def forward(self) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        nn.Sequential(Broken())[0]()
    assert (ag.ones(1, requires_grad=True) * 2).grad_fn.scope is None


def test_parameters_carry_their_names() -> None:
    net = Net()
    assert net.stem.fc.weight.name == "weight"
    assert net.scales[0].name == "scales.0"
    assert nn.Parameter(ag.ones(1)).name is None
    assert nn.PReLU().weight.name == "weight"

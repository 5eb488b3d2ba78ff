"""Sequences, lists and dictionaries of modules."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import autograd_core as ag
import nn


def make(*sizes: int) -> list[nn.Linear]:
    return [nn.Linear(size, size) for size in sizes]


def keys(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_children()]


@pytest.mark.parametrize("kind", [lambda *modules: nn.Sequential(*modules), lambda *modules: nn.ModuleList(modules)])
def test_sequences_behave_like_lists(kind: Any) -> None:
    a, b, c, d = make(1, 2, 3, 4)
    modules = kind(a, b)
    assert len(modules) == 2
    assert list(modules) == [a, b]
    assert modules.append(c) is modules
    assert modules[-1] is c
    modules.insert(0, d)
    assert list(modules) == [d, a, b, c]
    assert keys(modules) == ["0", "1", "2", "3"]
    assert list(modules[1:3]) == [a, b]
    assert type(modules[1:3]) is type(modules)
    del modules[1]
    assert list(modules) == [d, b, c]
    assert keys(modules) == ["0", "1", "2"]
    assert modules.pop(0) is d
    modules[0] = a
    assert list(modules) == [a, c]
    del modules[:1]
    assert list(modules) == [c]
    assert list(modules.extend([a, b])) == [c, a, b]
    assert list(modules + kind(d)) == [c, a, b, d]
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"index {index} is out of range for .* of length 3"):
            _ = modules[index]
    with pytest.raises(IndexError, match="index 5 is out of range"):
        modules.insert(5, a)
    with pytest.raises(TypeError, match="extend takes modules, got int"):
        modules.extend([a, 3])
    with pytest.raises(TypeError, match="cannot assign 'str' as module"):
        modules[0] = "relu"
    assert list(modules) == [c, a, b]


def test_sequential_from_a_dictionary() -> None:
    model = nn.Sequential(OrderedDict([("first", nn.Linear(2, 3)), ("then", nn.ReLU())]))
    assert keys(model) == ["first", "then"]
    assert model.first is model[0]
    assert keys(model[1:]) == ["then"]
    assert model(ag.ones(4, 2)).shape == (4, 3)
    assert nn.Sequential()(3) == 3
    with pytest.raises(TypeError, match="cannot assign 'list' as module '0'"):
        nn.Sequential(make(1, 2))
    with pytest.raises(TypeError, match="can be joined with a Sequential only"):
        model + nn.ReLU()  # type: ignore[operator]


def test_a_slice_shares_its_modules() -> None:
    model = nn.Sequential(*make(2, 2, 2))
    part = model[:2]
    nn.init.zeros_(part[0].weight)
    assert model[0].weight.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert type(nn.MLP(2, [3], 1)[:1]) is nn.Sequential


def test_module_dict() -> None:
    a, b, c = make(1, 2, 3)
    modules = nn.ModuleDict([("a", a), ("b", b)])
    assert list(modules) == modules.keys() == ["a", "b"]
    assert modules.values() == [a, b]
    assert modules.items() == [("a", a), ("b", b)]
    modules["c"] = c
    assert len(modules) == 3
    assert "c" in modules
    assert "training" not in modules
    assert modules.pop("a") is a
    del modules["b"]
    assert keys(modules) == ["c"]
    for name in ("a", "training"):
        with pytest.raises(KeyError, match=name):
            _ = modules[name]
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        modules["keys"] = a
    with pytest.raises(TypeError, match="takes modules, got int"):
        modules.update({"x": 1})  # type: ignore[dict-item]
    modules.clear()
    assert not modules


def test_parameter_list() -> None:
    values = nn.ParameterList([ag.ones(2), nn.Parameter(ag.zeros(3))])
    assert [value.shape for value in values] == [(2,), (3,)]
    assert all(isinstance(value, nn.Parameter) for value in values)
    assert list(values.state_dict()) == ["0", "1"]
    values[0] = ag.zeros(4)
    assert values[-2].shape == (4,)
    assert len(values[1:]) == 1
    assert len(values.append(ag.ones(1))) == 3
    with pytest.raises(IndexError, match="index 3 is out of range"):
        _ = values[3]
    with pytest.raises(TypeError, match="Parameter takes a Tensor, got int"):
        values.append(3)  # type: ignore[arg-type]
    assert repr(nn.ParameterList()) == "ParameterList()"


def test_lists_are_not_called() -> None:
    with pytest.raises(NotImplementedError, match="ModuleList"):
        nn.ModuleList()(1)

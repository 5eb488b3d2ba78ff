"""Sequences, lists and dictionaries of modules."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
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


def _names(output: ag.Tensor) -> list[str]:
    """The operations an output was computed by, along its first operands."""
    names, node = [], output.grad_fn
    while node is not None:
        names.append(node.name)
        node = node.edges[0] if node.edges[0] is not None and hasattr(node.edges[0], "plan") else None
    return names[::-1]


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4), (4,)])
def test_a_layer_and_its_relu_are_one_operation_with_pytorchs_values_and_gradients(
    torch: Any, shape: tuple[int, ...], inplace: bool
) -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal(shape).astype(np.float32)
    found = []
    weights = [random.standard_normal(s).astype(np.float32) for s in ((5, 4), (5,), (2, 5))]
    for library, layers in ((ag, nn), (torch, torch.nn)):
        model = layers.Sequential(
            layers.Linear(4, 5), layers.ReLU(inplace=inplace), layers.Linear(5, 2, bias=False), layers.ReLU()
        )
        with library.no_grad():
            for parameter, value in zip(model.parameters(), weights, strict=True):
                parameter.copy_(library.tensor(value))
        leaf = library.tensor(x, requires_grad=True)
        output = model(leaf)
        (output * output).sum().backward()
        found.append([output.detach(), leaf.grad, *[parameter.grad for parameter in model.parameters()]])
        if library is ag:
            names = _names(output)
            assert (names[0], names[-1]) == ("linear_relu", "relu")
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_normalisation_and_its_relu_are_one_operation() -> None:
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
    x = ag.randn(5, 3)
    output = model(x)
    assert _names(output) == ["linear", "batch_norm_relu"]
    assert model[1].num_batches_tracked.item() == 1
    expected = ag.relu(ag.batch_norm(model[0](x), None, None, model[1].weight, model[1].bias, training=True))
    np.testing.assert_allclose(output.detach().numpy(), expected.detach().numpy(), rtol=1e-6, atol=1e-7)


def test_whoever_looks_between_a_layer_and_its_relu_sees_both() -> None:
    """Hooks of either, anomaly detection, and a module whose forward is another than the one that can."""

    class Doubled(nn.Linear):
        def forward(self, input: ag.Tensor) -> ag.Tensor:  # type: ignore[override]
            return super().forward(input) * 2

    class Leaky(nn.ReLU):
        def forward(self, input: ag.Tensor) -> ag.Tensor:
            return ag.leaky_relu(input, 0.5)

    ag.manual_seed(0)
    x = ag.randn(5, 3)
    fused, apart = ["linear_relu"], ["linear", "relu"]
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    assert _names(model(x)) == fused
    for place in (0, 1):
        seen: list[ag.Tensor] = []
        handle = model[place].register_forward_hook(lambda module, given, output, seen=seen: seen.append(output))
        output = model(x)
        assert _names(output) == apart
        assert bool((seen[0] < 0).any()) == (place == 0)
        handle.remove()
    with ag.detect_anomaly():
        assert ag.is_anomaly_enabled()
        assert _names(model(x)) == apart
    assert not ag.is_anomaly_enabled()
    for place, expected in ((0, ["linear", "mul", "relu"]), (1, ["linear", "mul"])):
        patched = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        own = patched[0].forward if place == 0 else (lambda given: given)
        patched[place].forward = lambda given, own=own: own(given) * 2
        assert _names(patched(x)) == expected
    assert _names(nn.Sequential(Doubled(3, 4), nn.ReLU())(x)) == ["linear", "mul", "relu"]
    assert _names(nn.Sequential(nn.Linear(3, 4), Leaky())(x)) == ["linear", "leaky_relu"]
    assert _names(nn.Sequential(nn.Linear(3, 4))(x)) == ["linear"]
    assert nn.Sequential()(x) is x


def test_a_fused_layer_refuses_what_was_changed_since_and_differentiates_twice() -> None:
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    output = model(ag.randn(5, 3))
    with ag.no_grad():
        output.add_(1.0)
    with pytest.raises(ag.InPlaceError, match=r"linear_relu.*its result"):
        output.sum().backward()
    weight, bias = (parameter.detach().double().requires_grad_() for parameter in model.parameters())
    x = ag.randn(5, 3, dtype=ag.float64, requires_grad=True)
    assert ag.gradgradcheck(lambda *given: (ag.linear_relu(*given) ** 2).sum(), (x, weight, bias))

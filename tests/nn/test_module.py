"""What a module is made of: registration, walking through it, modes, text."""

from __future__ import annotations

import ast
import importlib
import pathlib
import pkgutil
import timeit
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.scale = nn.Parameter(ag.ones(3))
        self.register_buffer("shift", ag.zeros(3))
        self.register_buffer("cache", ag.zeros(1), persistent=False)
        self.note = "plain"

    def forward(self, input: Any) -> Any:
        return self.inner(input) * self.scale + self.shift


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False))

    def forward(self, input: Any) -> Any:
        input = self.first(input)
        for block in self.blocks:
            input = block(input)
        return self.head(input)


PARAMETERS = [
    "first.weight",
    "first.bias",
    "blocks.0.scale",
    "blocks.0.inner.weight",
    "blocks.0.inner.bias",
    "blocks.1.scale",
    "blocks.1.inner.weight",
    "blocks.1.inner.bias",
    "head.1.weight",
]


def test_semantics_108_parameters_come_in_order_of_definition() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == PARAMETERS
    assert [p.shape for p in net.parameters()] == [p.shape for _, p in net.named_parameters()]
    assert [name for name, _ in net.named_parameters("net", recurse=False)] == []
    assert [name for name, _ in net.first.named_parameters("net", recurse=False)] == ["net.weight", "net.bias"]


def test_semantics_108_train_and_eval_reach_every_module_and_return_it() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())
    with pytest.raises(ValueError, match="expected to be boolean, got int"):
        net.train(1)  # type: ignore[arg-type]


def test_train_of_a_child_can_be_overridden() -> None:
    class Frozen(nn.Linear):
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    net = nn.Sequential(Frozen(2, 2), nn.Linear(2, 2)).train()
    assert [module.training for module in net] == [False, True]


def test_semantics_62_a_shared_parameter_comes_once() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    shared = nn.Linear(2, 2)
    twice = nn.Sequential(shared, nn.ReLU(), shared)
    assert len(list(twice.parameters())) == 2
    assert [name for name, _ in twice.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in twice.named_modules(remove_duplicate=False)] == ["", "0", "1", "2"]
    assert len(list(twice.children())) == 2


def test_buffers_and_modules() -> None:
    net = Net()
    names = [name for name, _ in net.named_buffers()]
    assert names == ["blocks.0.shift", "blocks.0.cache", "blocks.1.shift", "blocks.1.cache"]
    assert [name for name, _ in net.named_children()] == ["first", "blocks", "head"]
    assert [name for name, _ in net.named_modules()][:4] == ["", "first", "blocks", "blocks.0"]
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1.inner") is net.blocks[1].inner
    assert net.get_parameter("blocks.1.inner.weight") is net.blocks[1].inner.weight
    assert net.get_buffer("blocks.0.shift") is net.blocks[0].shift
    for wrong in ("blocks.2", "first.weight", "nothing"):
        with pytest.raises(AttributeError, match=f"has no module .* \\(looking for '{wrong}'\\)"):
            net.get_submodule(wrong)
    with pytest.raises(AttributeError, match="head has no parameter 'weight'"):
        net.get_parameter("head.weight")


def test_assignment_registers() -> None:
    module = nn.Module()
    parameter = nn.Parameter(ag.ones(2))
    module.weight = parameter
    assert module.weight is parameter
    module.weight = None
    assert module.weight is None
    assert list(module.parameters()) == []
    module.weight = nn.Parameter(ag.zeros(3))
    assert len(list(module.parameters())) == 1
    module.part = nn.Linear(1, 1)
    module.part = nn.ReLU()
    assert [type(child) for child in module.children()] == [nn.ReLU]
    del module.part
    assert not hasattr(module, "part")
    assert list(module.children()) == []
    module.mean = nn.Buffer(ag.ones(1))
    module.other = nn.Buffer(ag.ones(1), persistent=False)
    assert [name for name, _ in module.named_buffers()] == ["mean", "other"]
    assert list(module.state_dict()) == ["weight", "mean"]
    module.mean = ag.zeros(1)
    assert list(module.state_dict()) == ["weight", "mean"]
    # Another kind under a known name takes its place, at the end.
    module.weight = nn.Linear(1, 1)
    assert list(module.state_dict()) == ["mean", "weight.weight", "weight.bias"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight", ag.ones(2), r"cannot assign 'Tensor' as parameter 'weight' \(nn.Parameter or None expected\)"),
        ("part", 3, r"cannot assign 'int' as module 'part' \(nn.Module or None expected\)"),
        ("part", nn.ReLU, r"cannot assign the class 'ReLU', not an instance, as module 'part'"),
        ("mean", [1.0], r"cannot assign 'list' as buffer 'mean' \(Tensor or None expected\)"),
    ],
)
def test_assigning_something_else_to_a_registered_name_is_refused(name: str, value: Any, message: str) -> None:
    module = nn.Module()
    module.weight = nn.Parameter(ag.ones(2))
    module.part = nn.ReLU()
    module.register_buffer("mean", ag.zeros(1))
    known = getattr(module, name)
    with pytest.raises(TypeError, match=message):
        setattr(module, name, value)
    assert getattr(module, name) is known


def test_registering_by_name_is_checked() -> None:
    module = nn.Linear(2, 2)
    for wrong in ("", "a.b"):
        with pytest.raises(KeyError, match="must not be empty nor contain a dot"):
            module.register_parameter(wrong, nn.Parameter(ag.ones(1)))
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        module.add_module("forward", nn.ReLU())
    with pytest.raises(KeyError, match="attribute 'weight' already exists, as a parameter"):
        module.register_buffer("weight", ag.ones(1))
    with pytest.raises(TypeError, match="must be a string, got int"):
        module.register_module(0, nn.ReLU())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'extra'"):
        module.register_parameter("extra", ag.ones(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot assign 'ndarray' as buffer 'extra'"):
        module.register_buffer("extra", np.ones(1))  # type: ignore[arg-type]
    assert list(module.state_dict()) == ["weight", "bias"]


def test_forgetting_the_base_class_is_explained() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(ag.ones(1))

    with pytest.raises(AttributeError, match=r"before Module\.__init__"):
        Forgetful()

    class Silent(nn.Module):
        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match="must call super"):
        list(Silent().parameters())


def test_missing_attributes_and_methods() -> None:
    module = nn.Linear(2, 2)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'weigth'"):
        _ = module.weigth
    with pytest.raises(AttributeError):
        del module.nothing
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing the required "forward" function'):
        nn.Module()(1)
    module.weigth = 3  # an ordinary attribute, as in Python
    assert list(module.state_dict()) == ["weight", "bias"]
    assert "weight" in dir(module)
    assert not [name for name in dir(nn.Sequential(module)) if name[0].isdigit()]


def test_a_failing_property_reports_its_own_error() -> None:
    class Broken(nn.Module):
        @property
        def size(self) -> int:
            return int(self.nothing)

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = Broken().size


def test_apply_visits_children_first() -> None:
    seen: list[str] = []
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh()))
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["ReLU", "Tanh", "Sequential", "Sequential"]


def test_gradients_are_forgotten_frozen_and_zeroed() -> None:
    net = nn.Linear(2, 1)
    net(ag.ones(3, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0.0, 0.0]]
    net.zero_grad()
    assert net.weight.grad is None
    assert net.requires_grad_(False) is net
    assert not net(ag.ones(3, 2)).requires_grad
    net.requires_grad_()
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_parameters_share_memory_and_know_their_kind() -> None:
    data = ag.ones(2)
    parameter = nn.Parameter(data)
    data.add_(1)
    assert parameter.tolist() == [2.0, 2.0]
    assert parameter.version == data.version == 1
    assert isinstance(parameter, ag.Tensor)
    assert type(parameter * 2) is ag.Tensor
    assert type(parameter.detach()) is ag.Tensor
    assert nn.Parameter().shape == (0,)
    assert not nn.Parameter(ag.tensor([1, 2]), requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="only floating tensors can require gradients"):
        nn.Parameter(ag.tensor([1, 2]))
    with pytest.raises(TypeError, match="Parameter takes a Tensor, got list"):
        nn.Parameter([1.0])  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="did you mean 'requires_grad'"):
        parameter.require_grad = False


def test_parameters_as_text() -> None:
    assert repr(nn.Parameter(ag.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr(nn.Parameter(ag.ones(2), requires_grad=False)) == "Parameter containing:\ntensor([1., 1.])"
    assert repr(nn.Buffer(ag.ones(2))) == "tensor([1., 1.])"


def test_calling_costs_little_more_than_forward() -> None:
    class Same(nn.Module):
        def forward(self, input: Any) -> Any:
            return input

    class Plain:
        def forward(self, input: Any) -> Any:
            return input

        def __call__(self, *arguments: Any, **named: Any) -> Any:
            return self.forward(*arguments, **named)

    def best(function: Any) -> float:
        return min(timeit.repeat(lambda: function(1), number=2000, repeat=9))

    # A ratio, never an absolute time: opening the scope costs a few attribute accesses.
    assert best(Same()) < 8 * best(Plain())


def _texts(nn: Any) -> list[Any]:
    """Modules that both libraries make alike."""
    return [
        nn.Linear(2, 3, bias=False),
        nn.Identity(7),
        nn.Flatten(),
        nn.Unflatten(1, (2, 3)),
        nn.Dropout(0.2, inplace=True),
        nn.BatchNorm1d(3),
        nn.BatchNorm1d(3, momentum=None, affine=False, track_running_stats=False),
        nn.Sequential(),
        nn.Sequential(nn.Linear(1, 2), nn.Sequential(nn.ReLU(), nn.Tanh())),
        nn.ModuleList(),
        nn.ModuleList([nn.Linear(1, 2), nn.Linear(1, 2), nn.Sequential(nn.ReLU()), nn.Linear(1, 2)]),
        nn.ModuleDict({"left": nn.ReLU(), "right": nn.Sequential(nn.ReLU(inplace=True))}),
        *(getattr(nn, name)() for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid")),
        *(getattr(nn, name)() for name in ("LeakyReLU", "PReLU", "ELU", "CELU", "GELU", "Softplus", "Softsign")),
        *(getattr(nn, name)() for name in ("Sigmoid", "LogSigmoid", "Tanh", "Hardtanh", "LogSoftmax", "MSELoss")),
        *(getattr(nn, name)() for name in ("L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "NLLLoss")),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.BCEWithLogitsLoss(),
        nn.Softmax(dim=1),
        nn.ReLU(inplace=True),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Hardtanh(-2, 2, inplace=True),
        nn.Softplus(beta=2, threshold=10),
        nn.GELU(approximate="tanh"),
        nn.PReLU(3),
    ]


@pytest.mark.torch
def test_text_is_pytorchs(torch: Any) -> None:
    for own, other in zip(_texts(nn), _texts(torch.nn), strict=True):
        assert repr(own) == repr(other)


def test_text_of_subclasses() -> None:
    class Custom(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.ReLU()
            self.absent = None
            self.add_module("later", None)

        def extra_repr(self) -> str:
            return "size=3\nother=4"

    assert repr(Custom()) == "Custom(\n  size=3\n  other=4\n  (part): ReLU()\n  (later): None\n)"


@pytest.mark.parametrize("name", ["nn", *(module.name for module in pkgutil.walk_packages(nn.__path__, "nn."))])
def test_only_public_names_of_the_engine_are_imported(name: str) -> None:
    module = importlib.import_module(name)
    for node in ast.walk(ast.parse(pathlib.Path(module.__file__ or "").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(entry.name.startswith(("autograd_core.", "optim")) for entry in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert not str(node.module).startswith(("autograd_core.", "optim"))
            if node.module == "autograd_core":
                assert all(hasattr(ag, entry.name) and not entry.name.startswith("_") for entry in node.names)

"""State dicts: copies, resuming, PyTorch's, and what does not fit."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from tests.optim.problems import FULL, PROBLEMS, follow, start, with_gradients

ALL = pytest.mark.parametrize("name", FULL)
PROBLEM = PROBLEMS[2]


def _make(name: str, parameters: Any, **options: Any) -> optim.Optimizer:
    optimizer: optim.Optimizer = getattr(optim, name)(parameters, **{"lr": 0.01, **FULL[name], **options})
    return optimizer


@ALL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_semantics_122_resumed_equals_uninterrupted(name: str, dtype: Any) -> None:
    parameters = start(ag, PROBLEM, dtype)
    optimizer = _make(name, parameters, weight_decay=0.1)

    def loss(library: Any, weight: Any, bias: Any) -> Any:
        return (weight * weight * weight).sum() + (bias * bias).sum()

    problem = type(PROBLEM)("", loss, ())
    follow(ag, problem, parameters, optimizer, 6)
    saved = optimizer.state_dict()
    twins = [ag.tensor(parameter.detach(), requires_grad=True) for parameter in parameters]
    resumed = _make(name, twins, lr=0.5)
    resumed.load_state_dict(saved)
    assert resumed.param_groups[0]["lr"] == 0.01
    for parameter, twin in zip(parameters, twins, strict=True):
        own, other = optimizer.state[parameter], resumed.state[twin]
        assert list(own) == list(other)
        for entry, value in own.items():
            assert type(other[entry]) is type(value)
            if isinstance(value, ag.Tensor):
                assert other[entry].dtype == value.dtype == dtype
    expected = follow(ag, problem, parameters, optimizer, 6)
    assert np.array_equal(follow(ag, problem, twins, resumed, 6), expected), "bit by bit"


@ALL
def test_semantics_122_nothing_is_shared(name: str) -> None:
    parameters = with_gradients((3,), (2, 2))
    optimizer = _make(name, parameters)
    optimizer.step()
    saved = optimizer.state_dict()
    kept = copy.deepcopy(saved)
    others = [_make(name, with_gradients((3,), (2, 2), seed=seed)) for seed in (1, 2)]
    for other in others:
        other.load_state_dict(saved)
    memories = []
    for owner in (optimizer, *others):
        for group in owner.param_groups:
            for parameter in group["params"]:
                memories += [e.numpy() for e in owner.state[parameter].values() if isinstance(e, ag.Tensor)]
    memories += [e.numpy() for state in saved["state"].values() for e in state.values() if isinstance(e, ag.Tensor)]
    for index, one in enumerate(memories):
        assert not any(np.shares_memory(one, two) for two in memories[index + 1 :])
    for owner in (optimizer, others[0]):
        owner.step()
        owner.param_groups[0]["lr"] = 0.7
    assert saved["param_groups"] == kept["param_groups"]
    for index, state in saved["state"].items():
        for entry, value in state.items():
            known = kept["state"][index][entry]
            assert np.array_equal(np.asarray(value), np.asarray(known))
    assert others[1].param_groups[0]["lr"] == 0.01


def test_layout_is_that_of_torch() -> None:
    a, b, c = with_gradients((2,), (3,), (4,))
    b.grad = None
    optimizer = optim.Adam([{"params": [a, b]}, {"params": [c], "lr": 0.5}])
    assert optimizer.state_dict()["state"] == {}
    optimizer.step()
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert [group["params"] for group in saved["param_groups"]] == [[0, 1], [2]]
    assert sorted(saved["state"]) == [0, 2]
    assert list(saved["state"][2]) == ["exp_avg", "exp_avg_sq", "step"]
    assert saved["state"][2]["step"] == 1


def test_plain_sgd_has_no_state() -> None:
    optimizer = optim.SGD(with_gradients((2,)))
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}


def test_options_survive_json() -> None:
    optimizer = optim.Adam(with_gradients((2,)), betas=(0.5, 0.75))
    saved = json.loads(json.dumps(optimizer.state_dict()))
    other = optim.Adam(with_gradients((2,)))
    other.load_state_dict(saved)
    assert other.param_groups[0]["betas"] == (0.5, 0.75)


def test_floating_state_takes_the_dtype_of_its_parameter() -> None:
    wide = optim.Adam(with_gradients((2,), dtype=np.float64))
    wide.step()
    parameters = with_gradients((2,), dtype=np.float32)
    narrow = optim.Adam(parameters)
    narrow.load_state_dict(wide.state_dict())
    assert narrow.state[parameters[0]]["exp_avg"].dtype == np.float32
    narrow.step()


def test_options_of_the_optimiser_that_are_not_saved_stay() -> None:
    optimizer = optim.SGD(with_gradients((2,)), lr=0.1)
    saved = optimizer.state_dict()
    optim.lr_scheduler.StepLR(optimizer, 3)
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["initial_lr"] == 0.1


# --- PyTorch's ------------------------------------------------------------------------------------------------------


def _to_torch(torch: Any, saved: Any) -> Any:
    if isinstance(saved, ag.Tensor):
        return torch.tensor(saved.numpy())
    if isinstance(saved, dict):
        return {name: _to_torch(torch, value) for name, value in saved.items()}
    return saved


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in FULL if name != "Lion"])
@pytest.mark.parametrize("direction", ["from torch", "to torch"])
def test_state_dicts_are_exchanged_with_torch(torch: Any, name: str, direction: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        libraries = {"own": (ag, optim), "torch": (torch, torch.optim)}
        first, second = ("torch", "own") if direction == "from torch" else ("own", "torch")
        library, optimizers = libraries[first]
        options = {"lr": 0.02, "weight_decay": 0.1, **FULL[name]}
        parameters = start(library, PROBLEM)
        optimizer = getattr(optimizers, name)(parameters, **options)
        follow(library, PROBLEM, parameters, optimizer, 7)
        saved = copy.deepcopy(optimizer.state_dict())  # PyTorch's shares memory with the optimiser
        values = [parameter.detach().numpy().copy() for parameter in parameters]
        expected = follow(library, PROBLEM, parameters, optimizer, 7)
        library, optimizers = libraries[second]
        parameters = [library.tensor(value, requires_grad=True) for value in values]
        optimizer = getattr(optimizers, name)(parameters, lr=0.7)
        optimizer.load_state_dict(saved if second == "own" else _to_torch(torch, saved))
        np.testing.assert_allclose(follow(library, PROBLEM, parameters, optimizer, 7), expected, rtol=1e-11)
    finally:
        torch.set_default_dtype(torch.float32)


# --- what does not fit ----------------------------------------------------------------------------------------------


def _snapshot(optimizer: optim.Optimizer) -> Any:
    groups = [{**group, "params": [id(p) for p in group["params"]]} for group in optimizer.param_groups]
    return copy.deepcopy(groups), {
        id(parameter): {name: np.asarray(value).tolist() for name, value in state.items()}
        for parameter, state in optimizer.state.items()
    }


def _saved(**changes: Any) -> dict[str, Any]:
    """A state dict of Adam with parameters of shapes (2,) and (3, 2); `changes` go into group 0."""
    optimizer = optim.Adam(list(zip(("weight", "bias"), with_gradients((2,), (3, 2)), strict=True)))
    optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"][0].update(changes)
    return saved


def _spoilt(entries: dict[int, Any]) -> dict[str, Any]:
    """The same, with `entries` in the states of the parameters."""
    saved = _saved()
    for index, entry in entries.items():
        if isinstance(entry, dict):
            saved["state"].setdefault(index, {}).update(entry)
        else:
            saved["state"][index] = entry
    return saved


def _with_groups(*groups: Any) -> dict[str, Any]:
    return {"state": {}, "param_groups": list(groups)}


BAD: list[tuple[Any, type[Exception], list[str]]] = [
    ([1, 2], TypeError, ["'state' and 'param_groups', got list"]),
    ({"model": 1}, TypeError, ["got the keys model"]),
    (_with_groups({"params": [0]}, {"params": [1]}), ValueError, ["2 parameter groups, the optimiser has 1"]),
    (_with_groups({"params": [0]}), ValueError, ["group 0: 1 for 2"]),
    (_with_groups({"lr": 0.1}), TypeError, ["group 0 .* has no list 'params'"]),
    (
        _spoilt({0: {"exp_avg": ag.ones(3)}, 1: {"exp_avg_sq": ag.ones(2, 3)}}),
        ValueError,
        [r"parameter 0: exp_avg has the shape \(3,\), the parameter \(2,\)", r"parameter 1: exp_avg_sq.*\(2, 3\)"],
    ),
    (_spoilt({0: {"momentum_buffer": ag.ones(2)}}), ValueError, ["'momentum_buffer', which Adam does not keep"]),
    (_spoilt({0: {"exp_avg": [0.0, 0.0]}}), ValueError, ["exp_avg should be a tensor, got list"]),
    (_spoilt({0: {"step": "many"}}), ValueError, ["step should be a number, got 'many'"]),
    (_spoilt({7: {"step": 1}}), ValueError, ["state of a parameter 7, which no group has"]),
    (_spoilt({1: 3}), ValueError, ["parameter 1: its state is a int"]),
    (_saved(lr=-1.0), ValueError, ["group 0: Adam: lr must be at least 0, got -1.0"]),
    (_saved(lr="fast"), ValueError, ["group 0: Adam: lr must be a number"]),
    (_saved(param_names=["bias", "weight"]), ValueError, ["in another order: bias for weight, weight for bias"]),
    (
        {**_spoilt({0: {"exp_avg": ag.ones(1)}}), "param_groups": _saved(betas=(0.9, 1.5))["param_groups"]},
        ValueError,
        [r"betas\[1\]", "exp_avg"],
    ),
]


@pytest.mark.parametrize(("saved", "error", "messages"), BAD)
def test_semantics_122_what_does_not_fit_is_listed_and_nothing_loaded(
    saved: Any, error: type[Exception], messages: list[str]
) -> None:
    parameters = with_gradients((2,), (3, 2), seed=5)
    optimizer = optim.Adam([("weight", parameters[0]), ("bias", parameters[1])], lr=0.3)
    optimizer.step()
    before = _snapshot(optimizer)
    with pytest.raises(error) as caught:
        optimizer.load_state_dict(saved)
    for message in messages:
        assert re.search(message, str(caught.value)), str(caught.value)
    assert _snapshot(optimizer) == before
    optimizer.load_state_dict(_saved())


def test_renamed_parameters_are_matched_by_position() -> None:
    optimizer = optim.Adam([("a", with_gradients((2,))[0])])
    optimizer.step()
    other = optim.Adam([("b", with_gradients((2,))[0])])
    other.load_state_dict(optimizer.state_dict())
    assert other.state_dict()["state"][0]["step"] == 1

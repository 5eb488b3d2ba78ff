"""Parameter groups, names, and what is refused."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from tests.optim.problems import with_gradients

OPTIMIZERS = ["SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop", "Adamax", "NAdam", "RAdam", "Lion"]


def test_groups_have_options_of_their_own_and_defaults_for_the_rest() -> None:
    fast, slow = with_gradients((2,), (2,))
    fast.grad = slow.grad = ag.ones(2, dtype=ag.float64)
    start = fast.detach().numpy().copy(), slow.detach().numpy().copy()
    given = [{"params": [fast], "lr": 1.0, "note": "mine"}, {"params": slow}]
    optimizer = optim.SGD(given, lr=0.25)
    optimizer.step()
    np.testing.assert_allclose(fast.detach().numpy(), start[0] - 1)
    np.testing.assert_allclose(slow.detach().numpy(), start[1] - 0.25)
    assert optimizer.param_groups[0]["note"] == "mine"
    assert optimizer.param_groups[1]["lr"] == 0.25
    assert set(given[1]) == {"params"}, "the user's dictionary is left as it was"
    assert given[1]["params"] is slow


def test_groups_can_be_added_later() -> None:
    first, second = with_gradients((2,), (3,))
    optimizer = optim.Adam([first], lr=0.1)
    optimizer.step()
    optimizer.add_param_group({"params": [second], "lr": 0.2})
    optimizer.step()
    assert optimizer.state[first]["step"] == 2
    assert optimizer.state[second]["step"] == 1


def test_named_parameters_are_remembered_by_name() -> None:
    weight, bias = with_gradients((2, 2), (2,))
    optimizer = optim.SGD(iter([("weight", weight), ("bias", bias)]), lr=0.1)
    assert optimizer.param_groups[0]["params"][0] is weight
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="either all groups have parameters with names, or none"):
        optimizer.add_param_group({"params": with_gradients((1,))})
    with pytest.raises(ValueError, match="entry 1 has none"):
        optim.SGD([("weight", weight), bias])


def test_frozen_parameters_are_taken_and_left_alone() -> None:
    (moving,) = with_gradients((2,))
    frozen = ag.ones(2)
    optim.SGD([moving, frozen], lr=0.1, weight_decay=1.0).step()
    assert frozen.tolist() == [1, 1]


def test_no_decay_groups() -> None:
    class Module:
        def __init__(self) -> None:
            self.listed = [
                ("layer.weight", ag.ones(3, 2, requires_grad=True)),
                ("layer.bias", ag.ones(3, requires_grad=True)),
                ("norm.weight", ag.ones(3, requires_grad=True)),
                ("kernel", ag.ones(1, 1, 2, 2, requires_grad=True)),
                ("scale", ag.tensor(1.0, requires_grad=True)),
            ]

        def named_parameters(self) -> Any:
            yield from self.listed

    module = Module()
    for given in (module, module.named_parameters(), module.listed):
        optimizer = optim.AdamW(optim.no_decay_groups(given, 0.1), lr=0.1)
        names = [group["param_names"] for group in optimizer.param_groups]
        assert names == [["layer.weight", "kernel"], ["layer.bias", "norm.weight", "scale"]]
        assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert len(optim.no_decay_groups(module.listed[:1], 0.1)) == 1
    with pytest.raises(TypeError, match="pairs of name and tensor, got Tensor"):
        optim.no_decay_groups([ag.ones(2)], 0.1)
    with pytest.raises(ValueError, match="no parameters"):
        optim.no_decay_groups([], 0.1)
    with pytest.raises(TypeError, match="'weight' must be a Tensor, got float"):
        optim.no_decay_groups([("weight", 1.0)], 0.1)


# --- what is refused ------------------------------------------------------------------------------------------------


def _computed() -> ag.Tensor:
    return ag.ones(2, requires_grad=True) * 2


def _twice() -> list[ag.Tensor]:
    tensor = ag.ones(2, requires_grad=True)
    return [tensor, ag.ones(1), tensor]


def _in_two_groups() -> list[dict[str, Any]]:
    tensor = ag.ones(2, requires_grad=True)
    return [{"params": [tensor]}, {"params": [ag.ones(1), tensor]}]


class _Module:
    def parameters(self) -> list[ag.Tensor]:
        return [ag.ones(2)]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, ValueError, "empty parameter list"),
        (lambda: [{"params": []}], ValueError, "empty parameter list"),
        (lambda: ag.ones(2), TypeError, "iterable of tensors or groups, got Tensor; wrap it in a list"),
        (lambda: {"params": [ag.ones(2)]}, TypeError, "got dict; wrap it in a list"),
        (lambda: _Module(), TypeError, r"got _Module; did you mean .parameters\(\)"),
        (lambda: None, TypeError, "NoneType"),
        (lambda: "weights", TypeError, "str"),
        (lambda: {ag.ones(2)}, TypeError, "ordered"),
        (lambda: [{"params": {ag.ones(2)}}], TypeError, "ordered"),
        (lambda: [ag.ones(2), 3.0], TypeError, "parameter 1 must be a Tensor, got float"),
        (lambda: [np.ones(2)], TypeError, "parameter 0 must be a Tensor, got ndarray"),
        (lambda: [("weight", 3.0)], TypeError, "parameter 'weight' must be a Tensor, got float"),
        (lambda: [{"params": [ag.ones(2)]}, ag.ones(2)], TypeError, "entry 1 is a Tensor"),
        (lambda: [{"lr": 0.1}], ValueError, "needs the key 'params', got lr"),
        (lambda: [_computed()], ValueError, r"parameter 0 of shape \(2,\) was computed by <mul node"),
        (_twice, ValueError, "parameter 2 of shape .* is in this group .as parameter 0. already"),
        (_in_two_groups, ValueError, "parameter 1 of shape .* is in an earlier group already"),
    ],
)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_bad_parameters(name: str, params: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{name}.*{message}"):
        getattr(optim, name)(params(), lr=0.1)


NUMBER = [
    (-0.1, ValueError, "at least 0"),
    (float("nan"), ValueError, "finite, got nan"),
    (float("inf"), ValueError, "finite, got inf"),
    ("0.1", TypeError, "a number, got '0.1' of type str"),
    (None, TypeError, "a number, got None"),
    (True, TypeError, "a number, got True"),
    (1j, TypeError, "a number"),
    ([0.1], TypeError, "a number"),
    (np.array([0.1, 0.2]), ValueError, r"one number, got ndarray of shape \(2,\)"),
]
BETAS = [
    ((1.0, 0.9), ValueError, r"\[0\] must be at least 0 and below 1, got 1.0"),
    ((0.9, -0.1), ValueError, r"\[1\] must be at least 0"),
    ((0.9, float("nan")), ValueError, r"\[1\] must be finite"),
    ((0.9,), TypeError, "a pair of numbers"),
    (0.9, TypeError, "a pair of numbers, got 0.9"),
    (("a", 0.9), TypeError, r"\[0\] must be a number"),
]
FLAG = [(1, TypeError, "True or False, got 1 of type int"), (None, TypeError, "True or False")]
OPTIONS = {
    "lr": NUMBER,
    "weight_decay": NUMBER,
    "momentum": NUMBER,
    "dampening": NUMBER[1:],
    "eps": NUMBER,
    "betas": BETAS,
    "alpha": NUMBER,
    "rho": [*NUMBER[1:], (1.1, ValueError, "between 0 and 1, got 1.1"), (-0.1, ValueError, "between 0 and 1")],
    "lr_decay": NUMBER,
    "initial_accumulator_value": NUMBER,
    "momentum_decay": NUMBER,
    "nesterov": FLAG,
    "maximize": FLAG,
    "amsgrad": FLAG,
    "centered": FLAG,
    "decoupled_weight_decay": FLAG,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_bad_options_are_named_and_change_nothing(name: str) -> None:
    good, later = with_gradients((2,), (2,))
    optimizer = getattr(optim, name)([good])
    for option in inspect.signature(type(optimizer)).parameters.keys() & OPTIONS.keys():
        for value, error, message in OPTIONS[option]:
            with pytest.raises(error, match=f"^{name}: {option}.*{message}"):
                getattr(optim, name)([good], **{option: value})
            with pytest.raises(error, match=f"^{name}: {option}.*{message}"):
                optimizer.add_param_group({"params": [later], option: value})
            assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [later]})


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "Lion"])
def test_signatures_and_defaults_are_those_of_torch(torch: Any, name: str) -> None:
    own = inspect.signature(getattr(optim, name)).parameters
    other = inspect.signature(getattr(torch.optim, name)).parameters
    left_out = {"foreach", "fused", "capturable", "differentiable"}
    assert list(own) == [option for option in other if option not in left_out]
    for option, entry in own.items():
        assert entry.default == other[option].default, option


def test_adamw_stays_decoupled_whatever_it_is_told() -> None:
    optimizer = optim.AdamW([{"params": with_gradients((2,)), "decoupled_weight_decay": False}])
    optimizer.load_state_dict(optim.Adam(with_gradients((2,))).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def test_numbers_may_be_arrays_and_tensors_with_one_element() -> None:
    optimizer = optim.SGD(with_gradients((2,)), lr=ag.tensor(0.5), momentum=np.float32(0.5), weight_decay=np.array([1]))
    group = optimizer.param_groups[0]
    assert [group["lr"], group["momentum"], group["weight_decay"]] == [0.5, 0.5, 1.0]
    assert {type(group[option]) for option in ("lr", "momentum", "weight_decay")} == {float}

"""State dictionaries, copies and conversions of modules."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn


def network(module: Any = nn, width: int = 3) -> Any:
    """The same network in either library."""
    return module.Sequential(module.Linear(2, width), module.BatchNorm1d(width), module.ReLU(), module.Linear(width, 1))


def shares_memory(first: ag.Tensor, second: ag.Tensor) -> bool:
    return np.shares_memory(first.detach().numpy(), second.detach().numpy())


def test_state_dict_copies() -> None:
    net = network()
    state = net.state_dict()
    assert list(state) == [
        *("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
        *("3.weight", "3.bias"),
    ]
    for name, tensor in net.state_dict(keep_vars=True).items():
        assert not shares_memory(tensor, state[name])
        assert type(state[name]) is ag.Tensor
        assert not state[name].requires_grad
    before = state["0.weight"].tolist()
    nn.init.zeros_(net[0].weight)
    assert state["0.weight"].tolist() == before
    assert next(iter(net.state_dict(prefix="model."))) == "model.0.weight"
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight


def test_loading_copies_in_and_keeps_the_parameters() -> None:
    net, other = network(), network()
    state = other.state_dict()
    weight = net[0].weight
    result = net.load_state_dict(state)
    assert repr(result) == "<All keys matched successfully>"
    assert result == ([], [])
    assert net[0].weight is weight
    assert weight.requires_grad
    assert weight.is_leaf
    assert weight.tolist() == other[0].weight.tolist()
    for name, tensor in net.state_dict(keep_vars=True).items():
        assert not shares_memory(tensor, state[name])


def test_loading_is_noticed_by_a_graph_that_saved_the_old_values() -> None:
    net = nn.Linear(2, 1)
    hidden = net(ag.ones(1, 2, requires_grad=True))
    net.load_state_dict(net.state_dict())
    with pytest.raises(ag.InPlaceError):
        hidden.sum().backward()


def test_loading_lists_every_problem_and_changes_nothing() -> None:
    net = network()
    state = net.state_dict()
    before = {name: tensor.tolist() for name, tensor in state.items()}
    changed = {name: tensor + 1 for name, tensor in state.items()}
    del changed["0.bias"], changed["3.bias"]
    changed["extra"] = changed["further"] = ag.ones(1)
    changed["3.weight"] = ag.ones(4, 5)
    changed["1.bias"] = np.ones(3, np.float16)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(changed)
    lines = str(caught.value).split("\n\t")
    assert lines[0] == "Error(s) in loading state_dict for Sequential:"
    assert lines[1] == 'Missing key(s) in state_dict: "0.bias", "3.bias".'
    assert lines[2] == 'Unexpected key(s) in state_dict: "extra", "further".'
    assert lines[3].startswith("1.bias cannot be read: float16 is not supported")
    assert lines[4] == (
        "size mismatch for 3.weight: copying a param with shape (4, 5) from checkpoint, "
        "the shape in current model is (1, 3)."
    )
    assert {name: tensor.tolist() for name, tensor in net.state_dict().items()} == before
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({"3.weight": ag.ones(4, 5), "0.bias": ag.ones(3)}, strict=False)
    assert {name: tensor.tolist() for name, tensor in net.state_dict().items()} == before
    with pytest.raises(TypeError, match="takes a mapping"):
        net.load_state_dict([ag.ones(1)])


def test_loading_part_of_the_state() -> None:
    net = network()
    result = net.load_state_dict({"0.bias": np.arange(3.0), "extra": ag.ones(1)}, strict=False)
    assert result.unexpected_keys == ["extra"]
    assert len(result.missing_keys) == 8
    assert "0.weight" in result.missing_keys
    assert repr(result).startswith("IncompatibleKeys(missing_keys=['0.weight', ")
    assert net[0].bias.tolist() == [0.0, 1.0, 2.0]
    assert net[0].bias.dtype == ag.float32


def test_tied_parameters_are_saved_under_both_names_and_loaded() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert state["0.weight"] is state["1.weight"]
    assert net.load_state_dict(state).missing_keys == []


def test_semantics_59_deepcopy_keeps_ties_and_shares_nothing() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    net[1].weight = net[0].weight
    calls: list[str] = []
    handle = net.register_forward_hook(lambda *_: calls.append("called"))
    net(ag.ones(3, 2)).sum().backward()
    copied = copy.deepcopy(net)
    assert copied[1].weight is copied[0].weight
    assert copied[0].weight is not net[0].weight
    assert type(copied[0].weight) is nn.Parameter
    assert copied[0].weight.grad.tolist() == net[0].weight.grad.tolist()
    originals = net.state_dict(keep_vars=True)
    for name, own in copied.state_dict(keep_vars=True).items():
        other = originals[name]
        assert own.tolist() == other.tolist()
        assert not shares_memory(own, other)
    # Hooks are copied; removing one here does not remove it there.
    handle.remove()
    calls.clear()
    net(ag.ones(3, 2))
    assert calls == []
    copied(ag.ones(3, 2))
    assert calls == ["called"]


def test_semantics_58_a_module_that_keeps_an_activation_can_be_copied() -> None:
    net = nn.Linear(2, 2)
    net.last = net(ag.ones(1, 2))
    copied = copy.deepcopy(net)
    assert copied.last.tolist() == net.last.tolist()
    assert not copied.last.requires_grad


def test_pickling() -> None:
    net = network().eval()
    net[3].weight = nn.Parameter(net[3].weight.detach(), requires_grad=False)
    loaded = pickle.loads(pickle.dumps(net))
    inputs = ag.randn(4, 2)
    assert loaded(inputs).tolist() == net(inputs).tolist()
    assert type(loaded[0].weight) is nn.Parameter
    assert loaded[0].weight.name == "weight"
    assert [p.requires_grad for p in loaded.parameters()] == [p.requires_grad for p in net.parameters()]
    assert not loaded[1].training


def test_a_shallow_copy_registers_for_itself() -> None:
    net = nn.Linear(2, 2)
    shallow = copy.copy(net)
    shallow.extra = nn.ReLU()
    assert shallow.weight is net.weight
    assert [name for name, _ in net.named_modules()] == [""]


def test_conversion_keeps_the_parameters_themselves() -> None:
    net = network()
    net[3].weight = nn.Parameter(net[3].weight.detach())
    parameters = list(net.parameters())
    mean = net[1].running_mean
    net(ag.randn(4, 2)).sum().backward()
    gradients = [parameter.grad.tolist() for parameter in parameters]
    values = [parameter.tolist() for parameter in parameters]
    assert net.double() is net
    assert all(own is other for own, other in zip(net.parameters(), parameters, strict=True))
    assert {parameter.dtype for parameter in parameters} == {ag.float64}
    assert {parameter.grad.dtype for parameter in parameters} == {ag.float64}
    assert [parameter.tolist() for parameter in parameters] == values
    assert [parameter.grad.tolist() for parameter in parameters] == gradients
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in parameters)
    assert net[1].running_mean.dtype == ag.float64
    assert mean.dtype == ag.float32
    assert net[1].num_batches_tracked.dtype == ag.int64
    net.zero_grad()
    net(ag.randn(4, 2, dtype=ag.float64)).sum().backward()
    assert {parameter.grad.dtype for parameter in parameters} == {ag.float64}
    assert net.float()[0].weight.dtype == ag.float32
    assert net.to(ag.ones(1, dtype=ag.float64))[0].weight.dtype == ag.float64
    assert net.to("cpu")[0].weight.dtype == ag.float64
    for wrong in (ag.int64, np.float16, "nonsense"):
        with pytest.raises(TypeError):
            net.to(wrong)
    assert net[0].weight.dtype == ag.float64


def test_conversion_keeps_frozen_and_shared_tensors() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net[0].bias.requires_grad_(False)
    buffer = ag.ones(1)
    net.register_buffer("first", buffer)
    net[0].register_buffer("second", buffer)
    net.double()
    assert net[1].weight is net[0].weight
    assert not net[0].bias.requires_grad
    assert net.first is net[0].second
    assert net.first.dtype == ag.float64


@pytest.mark.torch
def test_state_has_pytorchs_keys_layouts_and_values(torch: Any) -> None:
    own, other = network(), network(torch.nn)
    theirs = other.state_dict()
    state = own.state_dict()
    assert list(state) == list(theirs)
    assert {name: tuple(tensor.shape) for name, tensor in theirs.items()} == {n: t.shape for n, t in state.items()}
    assert {n: str(t.dtype).removeprefix("torch.") for n, t in theirs.items()} == {
        n: t.dtype.name for n, t in state.items()
    }
    # From PyTorch to here: the tensors are taken as they are.
    assert own.load_state_dict(theirs) == ([], [])
    inputs = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    for training in (True, False):
        result = own.train(training)(ag.tensor(inputs))
        expected = other.train(training)(torch.tensor(inputs))
        np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    # And from here to PyTorch, running statistics and counter included.
    fresh = network(torch.nn)
    fresh.load_state_dict({name: torch.from_numpy(tensor.numpy().copy()) for name, tensor in own.state_dict().items()})
    for name, tensor in fresh.state_dict().items():
        np.testing.assert_allclose(tensor.numpy(), other.state_dict()[name].numpy(), rtol=1e-6)

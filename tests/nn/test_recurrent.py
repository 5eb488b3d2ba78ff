"""Recurrent layers, against PyTorch with its own weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
import nn

OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "bias": False},
]


def flat(result: Any) -> list[Any]:
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def compare(torch: Any, own: nn.Module, other: Any, x: np.ndarray, states: list[np.ndarray], pair: bool) -> None:
    theirs = other.state_dict()
    assert list(own.state_dict()) == list(theirs)
    own.load_state_dict({name: ag.from_numpy(value.numpy().copy()) for name, value in theirs.items()})
    other.load_state_dict({name: torch.from_numpy(value.numpy().copy()) for name, value in own.state_dict().items()})
    found = []
    for module, make in ((own, ag.from_numpy), (other, torch.from_numpy)):
        module.zero_grad()
        tensors = [make(array.copy()).requires_grad_() for array in (x, *states)]
        given = () if not states else (tuple(tensors[1:]),) if pair else (tensors[1],)
        results = flat(module(tensors[0], *given))
        total: Any = 0
        for number, result in enumerate(results):
            weight = np.random.default_rng(number).standard_normal(tuple(result.shape)).astype(x.dtype)
            total = total + (result * make(weight)).sum()
        total.backward()
        parameters = [parameter.grad for _, parameter in module.named_parameters()]
        found.append([*(r.detach() for r in results), *(t.grad for t in tensors), *parameters])
    tolerance = 1e-9 if x.dtype == np.float64 else 2e-4
    for ours, wanted in zip(*found, strict=True):
        assert_allclose(ours.numpy(), wanted.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_layers(torch: Any, random: np.random.Generator, name: str, options: dict[str, Any], dtype: Any) -> None:
    own, other = getattr(nn, name)(3, 5, **options), getattr(torch.nn, name)(3, 5, **options)
    if dtype is np.float64:
        own, other = own.double(), other.double()
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    count = 2 if name == "LSTM" else 1
    shape = (4, 7, 3)
    batch = shape[0] if options.get("batch_first") else shape[1]
    x = random.standard_normal(shape).astype(dtype)
    states = [random.standard_normal((layers, batch, 5)).astype(dtype) for _ in range(count)]
    compare(torch, own, other, x, [], name == "LSTM")
    compare(torch, own, other, x, states, name == "LSTM")
    alone = [state[:, 0].copy() for state in states]
    compare(torch, own, other, x[:, 0].copy(), alone, name == "LSTM")


def test_relu_instead_of_tanh(torch: Any, random: np.random.Generator) -> None:
    own, other = nn.RNN(3, 5, nonlinearity="relu").double(), torch.nn.RNN(3, 5, nonlinearity="relu").double()
    compare(torch, own, other, random.standard_normal((6, 2, 3)), [], False)
    cell, theirs = nn.RNNCell(3, 5, nonlinearity="relu").double(), torch.nn.RNNCell(3, 5, nonlinearity="relu").double()
    compare(torch, cell, theirs, random.standard_normal((2, 3)), [], False)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(torch: Any, random: np.random.Generator, name: str, bias: bool) -> None:
    own, other = getattr(nn, name)(3, 5, bias=bias).double(), getattr(torch.nn, name)(3, 5, bias=bias).double()
    count = 2 if name == "LSTMCell" else 1
    for shape in ((4, 3), (3,)):
        x = random.standard_normal(shape)
        states = [random.standard_normal((*shape[:-1], 5)) for _ in range(count)]
        compare(torch, own, other, x, [], count == 2)
        compare(torch, own, other, x, states, count == 2)


def test_a_sequence_is_its_steps(random: np.random.Generator) -> None:
    layer, cell = nn.LSTM(3, 4).double(), nn.LSTMCell(3, 4).double()
    state = layer.state_dict()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in state.items()})
    x = ag.tensor(random.standard_normal((5, 2, 3)))
    out, (_, memory) = layer(x)
    pair = None
    for step in range(5):
        pair = cell(x[step], pair)
        assert_allclose(pair[0].detach().numpy(), out[step].detach().numpy(), rtol=1e-12)
    assert_allclose(pair[1].detach().numpy(), memory[0].detach().numpy(), rtol=1e-12)


def test_dropout_lies_between_layers() -> None:
    layer, x = nn.GRU(3, 4, num_layers=2, dropout=0.5), ag.ones(5, 2, 3)
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    layer.eval()
    assert layer(x)[0].tolist() == layer(x)[0].tolist()
    single = nn.GRU(3, 4, dropout=0.5)
    assert single(x)[0].tolist() == single(x)[0].tolist()


WRONG: dict[str, Any] = {
    "features": lambda: nn.LSTM(3, 4)(ag.ones(5, 2, 4)),
    "dimensions": lambda: nn.LSTM(3, 4)(ag.ones(3)),
    "state": lambda: nn.GRU(3, 4)(ag.ones(5, 2, 3), ag.ones(1, 3, 4)),
    "no steps": lambda: nn.GRU(3, 4)(ag.ones(0, 2, 3)),
    "nonlinearity": lambda: nn.RNN(3, 4, nonlinearity="sin"),
    "nonlinearity of a cell": lambda: nn.RNNCell(3, 4, nonlinearity="sin"),
    "layers": lambda: nn.RNN(3, 4, num_layers=0),
    "dropout": lambda: nn.RNN(3, 4, dropout=2.0),
    "projection": lambda: nn.LSTM(3, 4, proj_size=2),
    "cell's features": lambda: nn.LSTMCell(3, 4)(ag.ones(2, 4)),
    "cell's state": lambda: nn.GRUCell(3, 4)(ag.ones(2, 3), ag.ones(3, 4)),
    "mode": lambda: ag.recur("ABC", ag.ones(1, 1, 1), ag.ones(1, 1), None, ag.ones(1, 1), None, False),
    "gates": lambda: ag.recur("GRU", ag.ones(1, 1, 1), ag.ones(1, 1), None, ag.ones(1, 1), None, False),
}


@pytest.mark.parametrize("attempt", WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused(attempt: Any) -> None:
    with pytest.raises(ValueError, match=r"\w+: "):
        attempt()

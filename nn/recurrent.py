"""Recurrent layers: simple networks, long short-term memory and gated recurrent units, and their single steps."""

from __future__ import annotations

import math
from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import positive_size
from .module import Module
from .parameter import Parameter

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def _mode(nonlinearity: str, owner: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{owner}: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    return f"RNN_{nonlinearity.upper()}"


def _draw(module: Module, size: int) -> None:
    bound = 1 / math.sqrt(size) if size else 0.0
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


class _Recurrent(Module):
    """Layers of one kind, each in one direction or two; subclasses say which kind."""

    _mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.input_size = positive_size(input_size, "input_size", owner)
        self.hidden_size = positive_size(hidden_size, "hidden_size", owner, minimum=1)
        self.num_layers = positive_size(num_layers, "num_layers", owner, minimum=1)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{owner}: dropout must lie in [0, 1], got {dropout}")
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        gates = _GATES[self._mode] * self.hidden_size
        for layer, suffix in self._directions():
            width = self.input_size if layer == 0 else self.hidden_size * (2 if bidirectional else 1)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, width), "weight_hh": (gates, self.hidden_size)}
            if bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}{suffix}", Parameter(ag.empty(shape, dtype=dtype)))
        self.reset_parameters()

    def _directions(self) -> list[tuple[int, str]]:
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        return [(layer, suffix) for layer in range(self.num_layers) for suffix in suffixes]

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in ±1/√hidden_size."""
        _draw(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Does nothing: there is for PyTorch's sake."""

    def _run(self, input: Tensor, states: list[Tensor | None]) -> tuple[Tensor, list[Tensor]]:
        """The last layer's states of all steps, and the last states (and cells) of all layers.

        `states` are the initial ones, each (layers · directions, N, hidden_size) or (layers · directions, hidden_size).
        """
        owner = type(self).__name__
        if input.ndim not in (2, 3):
            raise ValueError(
                f"{owner}: expected (L, N, {self.input_size}) or (L, {self.input_size}), got {input.shape}"
            )
        if input.shape[-1] != self.input_size:
            raise ValueError(f"{owner}: expected {self.input_size} features, got an input of shape {input.shape}")
        batched = input.ndim == 3
        x = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            x = x.transpose(0, 1)
        if not x.shape[0]:
            raise ValueError(f"{owner}: an input needs at least one step, got shape {input.shape}")
        directions = self._directions()
        shape = (len(directions), x.shape[1], self.hidden_size)
        given = [self._initial(state, shape, batched, x) for state in states]
        last: list[list[Tensor]] = [[] for _ in states]
        per_layer = 2 if self.bidirectional else 1
        for place, (layer, suffix) in enumerate(directions):
            if place % per_layer == 0:
                if layer and self.dropout and self.training:
                    x = functional.dropout(x, self.dropout, True)
                results: list[Tensor] = []
            parameters: list[Any] = [
                getattr(self, f"{name}_l{layer}{suffix}", None)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            gates = functional.linear(x, parameters[0], parameters[2])
            cell = given[1][place] if len(given) > 1 else None
            out, memory = ag.recur(self._mode, gates, given[0][place], cell, parameters[1], parameters[3], bool(suffix))
            results.append(out)
            last[0].append(out[0 if suffix else -1])
            if memory is not None:
                last[1].append(memory)
            if place % per_layer == per_layer - 1:
                x = results[0] if per_layer == 1 else ag.cat(results, 2)
        ends = [ag.stack(parts) for parts in last]
        if not batched:
            return x.squeeze(1), [end.squeeze(1) for end in ends]
        return x.transpose(0, 1) if self.batch_first else x, ends

    def _initial(self, state: Tensor | None, shape: tuple[int, ...], batched: bool, x: Tensor) -> Tensor:
        if state is None:
            return ag.zeros(shape, dtype=x.dtype)
        expected = shape if batched else (shape[0], shape[2])
        if tuple(state.shape) != expected:
            raise ValueError(f"{type(self).__name__}: initial states must have shape {expected}, got {state.shape}")
        return state if batched else state.unsqueeze(1)

    def extra_repr(self) -> str:
        """The sizes and the options that are set."""
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
        ):
            value = getattr(self, name)
            text += "" if value == usual else f", {name}={value}"
        return text


class RNN(_Recurrent):
    """Elman's network: h = tanh(W_ih x + b_ih + W_hh h + b_hh), or ReLU instead of tanh, step by step.

    Args:
        input_size: width of the input.
        hidden_size: H, the width of the state.
        num_layers: how many layers, each fed with the states of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: whether the batch comes before the steps.
        dropout: probability of dropping an element between layers in training.
        bidirectional: whether each layer also runs from the end to the beginning; D is then 2, else 1.
        dtype: of the parameters; the default dtype unless given.

    Shape:
        input (L, N, input_size), or (N, L, input_size) with `batch_first`, or (L, input_size); initial state
        (D · num_layers, N, H). Output (L, N, D · H), and the last state of each layer.

    Raises:
        ValueError: for options out of range, and when called with shapes that do not fit.

    Example:
        >>> import autograd_core as ag, nn
        >>> output, last = nn.RNN(3, 4)(ag.randn(5, 2, 3))
        >>> output.shape, last.shape
        ((5, 2, 4), (1, 2, 4))

    Source: Elman 1990, "Finding structure in time".
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
    ) -> None:
        self._mode = _mode(nonlinearity, "RNN")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """States of all steps, and the last of each layer."""
        out, (last,) = self._run(input, [hx])
        return out, last


class LSTM(_Recurrent):
    """Long short-term memory: gates i, f, g, o; c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c), step by step.

    Arguments and shapes are those of :class:`RNN`, without `nonlinearity`; the initial state is a pair (h, c) of
    tensors (D · num_layers, N, H), and so is what is returned beside the output.

    Example:
        >>> import autograd_core as ag, nn
        >>> output, (state, cell) = nn.LSTM(3, 4, num_layers=2, bidirectional=True)(ag.randn(5, 2, 3))
        >>> output.shape, state.shape, cell.shape
        ((5, 2, 8), (4, 2, 4), (4, 2, 4))

    Source: Hochreiter and Schmidhuber 1997; forget gates from Gers, Schmidhuber and Cummins 2000.
    """

    _mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: Any = None,
    ) -> None:
        if proj_size:
            raise ValueError(f"LSTM: projections of the state are not supported; leave proj_size=0, got {proj_size}")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """States of all steps, and the last state and cell of each layer."""
        out, (state, cell) = self._run(input, [None, None] if hx is None else list(hx))
        return out, (state, cell)


class GRU(_Recurrent):
    """Gated recurrent units: r, z = σ(…), n = tanh(W x + b + r (W h + b)), h = (1 - z) n + z h, step by step.

    Arguments and shapes are those of :class:`RNN`, without `nonlinearity`.

    Example:
        >>> import autograd_core as ag, nn
        >>> output, last = nn.GRU(3, 4, batch_first=True)(ag.randn(2, 5, 3))
        >>> output.shape, last.shape
        ((2, 5, 4), (1, 2, 4))

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".
    """

    _mode = "GRU"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """States of all steps, and the last of each layer."""
        out, (last,) = self._run(input, [hx])
        return out, last


class _Cell(Module):
    """One step of one layer; subclasses say of which kind."""

    _mode: str

    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = None) -> None:
        super().__init__()
        owner = type(self).__name__
        self.input_size = positive_size(input_size, "input_size", owner)
        self.hidden_size = positive_size(hidden_size, "hidden_size", owner, minimum=1)
        self.bias = bias
        gates = _GATES[self._mode] * self.hidden_size
        self.weight_ih = Parameter(ag.empty(gates, self.input_size, dtype=dtype))
        self.weight_hh = Parameter(ag.empty(gates, self.hidden_size, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(ag.empty(gates, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in ±1/√hidden_size."""
        _draw(self, self.hidden_size)

    def _step(self, input: Tensor, states: list[Tensor | None]) -> list[Tensor]:
        owner = type(self).__name__
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(f"{owner}: expected (N, {self.input_size}) or ({self.input_size},), got {input.shape}")
        batched = input.ndim == 2
        x = input if batched else input.unsqueeze(0)
        given = []
        for state in states:
            if state is None:
                state = ag.zeros(x.shape[0], self.hidden_size, dtype=x.dtype)
            elif tuple(state.shape) != (*input.shape[:-1], self.hidden_size):
                expected = (*input.shape[:-1], self.hidden_size)
                raise ValueError(f"{owner}: the state must have shape {expected}, got {state.shape}")
            given.append(state if state.ndim == 2 else state.unsqueeze(0))
        gates = functional.linear(x, self.weight_ih, self.bias_ih).unsqueeze(0)
        cell = given[1] if len(given) > 1 else None
        out, memory = ag.recur(self._mode, gates, given[0], cell, self.weight_hh, self.bias_hh, False)
        found = [out[0]] if memory is None else [out[0], memory]
        return found if batched else [part.squeeze(0) for part in found]

    def extra_repr(self) -> str:
        """The sizes, and whether there are biases."""
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias}"


class RNNCell(_Cell):
    """One step of :class:`RNN`: (N, input_size) and a state (N, H) to the next state.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.RNNCell(3, 4)(ag.randn(2, 3)).shape
        (2, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *, dtype: Any = None
    ) -> None:
        self._mode = _mode(nonlinearity, "RNNCell")
        super().__init__(input_size, hidden_size, bias, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step(input, [hx])[0]


class LSTMCell(_Cell):
    """One step of :class:`LSTM`: (N, input_size) and a pair (h, c) of (N, H) to the next pair.

    Example:
        >>> import autograd_core as ag, nn
        >>> state, cell = nn.LSTMCell(3, 4)(ag.randn(2, 3))
        >>> state.shape, cell.shape
        ((2, 4), (2, 4))
    """

    _mode = "LSTM"

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next state and cell."""
        state, cell = self._step(input, [None, None] if hx is None else list(hx))
        return state, cell


class GRUCell(_Cell):
    """One step of :class:`GRU`: (N, input_size) and a state (N, H) to the next state.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.GRUCell(3, 4)(ag.randn(2, 3)).shape
        (2, 4)
    """

    _mode = "GRU"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step(input, [hx])[0]


__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

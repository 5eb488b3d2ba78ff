"""Recurrent layers over whole sequences: simple networks, long short-term memory and gated recurrent units.

Each operation is one layer in one direction. It takes what the inputs contribute to the gates, (steps, rows, gates),
the initial state, and the recurrent weight and bias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import grad
from ..declaration import fused
from ..kernels.boundary import contiguous
from ..lazy import lazy_import
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .activation import sigmoid, tanh
from .joining import stack
from .layers import linear
from .rectifiers import relu

if TYPE_CHECKING:
    from ..kernels import blas, recurrent as kernels
else:
    blas = lazy_import("autograd_core.kernels.blas")
    kernels = lazy_import("autograd_core.kernels.recurrent")


def _samples(gates: int, cell: bool = False, **parameters: Any) -> Any:
    def draw(random: np.random.Generator) -> list[Sample]:
        found = []
        for steps, rows, size, reverse in ((3, 2, 2, False), (2, 1, 3, True), (1, 3, 1, False)):
            states = ((rows, size),) * (2 if cell else 1)
            shapes = ((steps, rows, gates * size), *states, (gates * size, size), (gates * size,))
            found.append(Sample(tuple(random.standard_normal(s) for s in shapes), {"reverse": reverse, **parameters}))
        return found

    return draw


def _by_kernel(x: np.ndarray, size: int) -> bool:
    """Whether kernels serve; without BLAS in them, and for empty operands, the composition does."""
    return blas.AVAILABLE and x.size > 0 and size > 0


def _composed(composition: Any, arrays: tuple[np.ndarray, ...], parameters: dict[str, Any]) -> Any:
    result = composition(*[wrap(array, None) for array in arrays], **parameters)
    return tuple(part._array for part in result) if isinstance(result, tuple) else result._array


def _composed_vjp(composition: Any, cotangent: Any, arrays: tuple[Any, ...], parameters: dict[str, Any]) -> list[Any]:
    leaves = [wrap(array, None).requires_grad_() for array in arrays]
    result = composition(*leaves, **parameters)
    several = list(result) if isinstance(result, tuple) else [result]
    above = cotangent if isinstance(cotangent, list) else [cotangent]
    found = grad(several, leaves, [wrap(np.asarray(part), None) for part in above], materialize_grads=True)
    return [tensor._array for tensor in found]


def _steps(x: Any, reverse: bool) -> Any:
    order = range(x.shape[0])
    return reversed(order) if reverse else order


def _stacked(results: list[Any], reverse: bool) -> Any:
    return stack(results[::-1] if reverse else results)


# --- one gate ----------------------------------------------------------------------------------------------------


def _rnn(x: Any, initial: Any, weight: Any, bias: Any, *, rectified: bool, reverse: bool) -> Any:
    state, results = initial, []
    for step in _steps(x, reverse):
        total = x[step] + linear(state, weight, bias)
        state = relu(total) if rectified else tanh(total)
        results.append(state)
    return _stacked(results, reverse)


def _rnn_forward(
    x: np.ndarray, initial: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, rectified: bool, reverse: bool
) -> np.ndarray:
    if not _by_kernel(x, weight.shape[1]):
        return np.asarray(_composed(_rnn, (x, initial, weight, bias), {"rectified": rectified, "reverse": reverse}))
    out = np.empty(x.shape, x.dtype)
    operands = [contiguous(array) for array in (x, initial, weight, bias)]
    run_rnn: Any = kernels.rnn
    run_rnn(*operands, rectified, reverse, out)
    return out


def _rnn_reference(
    x: np.ndarray, initial: np.ndarray, weight: np.ndarray, bias: np.ndarray, rectified: bool, reverse: bool
) -> np.ndarray:
    out, state = np.empty(x.shape), initial
    for step in _steps(x, reverse):
        total = x[step] + state @ weight.T + bias
        state = out[step] = np.maximum(total, 0) if rectified else np.tanh(total)
    return out


@fused(
    "rnn_sequence",
    forward=_rnn_forward,
    reference=_rnn_reference,
    samples=lambda random: _samples(1, rectified=False)(random) + _samples(1, rectified=True)(random),
)
def rnn_primitive(x: Any, initial: Any, weight: Any, bias: Any, *, rectified: bool, reverse: bool) -> Any:
    """h = tanh(x + W h + b) step by step, or ReLU instead of tanh: the states of all steps."""
    return _rnn(x, initial, weight, bias, rectified=rectified, reverse=reverse)


@rnn_primitive.vjp()
def _(
    cotangent: np.ndarray,
    x: np.ndarray,
    initial: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    y: np.ndarray,
    rectified: bool,
    reverse: bool,
) -> list[Any]:
    if not _by_kernel(x, weight.shape[1]):
        parameters = {"rectified": rectified, "reverse": reverse}
        return _composed_vjp(_rnn, cotangent, (x, initial, weight, bias), parameters)
    slopes, state = np.empty(x.shape, x.dtype), np.empty(initial.shape, x.dtype)
    weight_out, bias_out = np.empty(weight.shape, x.dtype), np.empty(bias.shape, x.dtype)
    operands = [contiguous(array) for array in (cotangent, initial, weight, y)]
    run_rnn_vjp: Any = kernels.rnn_vjp
    run_rnn_vjp(*operands, rectified, reverse, slopes, state, weight_out, bias_out)
    return [slopes, state, weight_out, bias_out]


# --- long short-term memory --------------------------------------------------------------------------------------


def _lstm(x: Any, initial: Any, cell: Any, weight: Any, bias: Any, *, reverse: bool) -> Any:
    state, memory, results = initial, cell, []
    for step in _steps(x, reverse):
        i, f, g, o = (x[step] + linear(state, weight, bias)).chunk(4, 1)
        memory = sigmoid(f) * memory + sigmoid(i) * tanh(g)
        state = sigmoid(o) * tanh(memory)
        results.append(state)
    return _stacked(results, reverse), memory


def _lstm_forward(
    x: np.ndarray, initial: np.ndarray, cell: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, reverse: bool
) -> Any:
    operands = (x, initial, cell, weight, bias)
    if not _by_kernel(x, weight.shape[1]):
        empty = np.empty(0, x.dtype)
        return _composed(_lstm, operands, {"reverse": reverse}), empty, empty
    steps, rows, size = x.shape[0], x.shape[1], weight.shape[1]
    gates = np.empty(x.shape, x.dtype)
    cells, out = np.empty((steps, rows, size), x.dtype), np.empty((steps, rows, size), x.dtype)
    run_lstm: Any = kernels.lstm
    run_lstm(*[contiguous(array) for array in operands], reverse, gates, cells, out)
    return (out, cells[0 if reverse else -1].copy()), gates, cells


def _lstm_reference(
    x: np.ndarray, initial: np.ndarray, cell: np.ndarray, weight: np.ndarray, bias: np.ndarray, reverse: bool
) -> Any:
    def squash(value: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-value)))

    out, state, memory = np.empty((*x.shape[:2], weight.shape[1])), initial, cell
    for step in _steps(x, reverse):
        i, f, g, o = np.split(x[step] + state @ weight.T + bias, 4, axis=1)
        memory = squash(f) * memory + squash(i) * np.tanh(g)
        state = out[step] = squash(o) * np.tanh(memory)
    return out, memory


@fused(
    "lstm_sequence",
    forward=_lstm_forward,
    residuals=("gates", "cells"),
    outputs=2,
    reference=_lstm_reference,
    samples=_samples(4, cell=True),
)
def lstm_primitive(x: Any, initial: Any, cell: Any, weight: Any, bias: Any, *, reverse: bool) -> Any:
    """Long short-term memory step by step: the states of all steps, and the last cell."""
    return _lstm(x, initial, cell, weight, bias, reverse=reverse)


@lstm_primitive.vjp()
def _(
    cotangents: list[np.ndarray],
    x: np.ndarray,
    initial: np.ndarray,
    cell: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    y: tuple[np.ndarray, np.ndarray],
    gates: np.ndarray,
    cells: np.ndarray,
    reverse: bool,
) -> list[Any]:
    if not gates.size:
        return _composed_vjp(_lstm, cotangents, (x, initial, cell, weight, bias), {"reverse": reverse})
    found = [np.empty(array.shape, x.dtype) for array in (x, initial, cell, weight, bias)]
    operands = [contiguous(array) for array in (*cotangents, initial, cell, weight)]
    run_lstm_vjp: Any = kernels.lstm_vjp
    run_lstm_vjp(*operands, reverse, gates, cells, contiguous(y[0]), *found)
    return found


# --- gated recurrent unit ----------------------------------------------------------------------------------------


def _gru(x: Any, initial: Any, weight: Any, bias: Any, *, reverse: bool) -> Any:
    state, results = initial, []
    for step in _steps(x, reverse):
        given, pulled = x[step].chunk(3, 1), linear(state, weight, bias).chunk(3, 1)
        r, z = sigmoid(given[0] + pulled[0]), sigmoid(given[1] + pulled[1])
        n = tanh(given[2] + r * pulled[2])
        state = n + z * (state - n)
        results.append(state)
    return _stacked(results, reverse)


def _gru_forward(
    x: np.ndarray, initial: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, reverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    operands = (x, initial, weight, bias)
    if not _by_kernel(x, weight.shape[1]):
        return _composed(_gru, operands, {"reverse": reverse}), np.empty(0, x.dtype)
    steps, rows, size = x.shape[0], x.shape[1], weight.shape[1]
    gates, out = np.empty((steps, rows, 4 * size), x.dtype), np.empty((steps, rows, size), x.dtype)
    run_gru: Any = kernels.gru
    run_gru(*[contiguous(array) for array in operands], reverse, gates, out)
    return out, gates


def _gru_reference(
    x: np.ndarray, initial: np.ndarray, weight: np.ndarray, bias: np.ndarray, reverse: bool
) -> np.ndarray:
    out, state = np.empty((*x.shape[:2], weight.shape[1])), initial
    for step in _steps(x, reverse):
        a, b, c = np.split(x[step], 3, axis=1)
        d, e, f = np.split(state @ weight.T + bias, 3, axis=1)
        r, z = 1 / (1 + np.exp(-a - d)), 1 / (1 + np.exp(-b - e))
        state = out[step] = (1 - z) * np.tanh(c + r * f) + z * state
    return out


@fused("gru_sequence", forward=_gru_forward, residuals=("gates",), reference=_gru_reference, samples=_samples(3))
def gru_primitive(x: Any, initial: Any, weight: Any, bias: Any, *, reverse: bool) -> Any:
    """Gated recurrent units step by step: the states of all steps."""
    return _gru(x, initial, weight, bias, reverse=reverse)


@gru_primitive.vjp()
def _(
    cotangent: np.ndarray,
    x: np.ndarray,
    initial: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    y: np.ndarray,
    gates: np.ndarray,
    reverse: bool,
) -> list[Any]:
    if not gates.size:
        return _composed_vjp(_gru, cotangent, (x, initial, weight, bias), {"reverse": reverse})
    slopes, pulled = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    found = [np.empty(array.shape, x.dtype) for array in (initial, weight, bias)]
    operands = [contiguous(array) for array in (cotangent, initial, weight)]
    run_gru_vjp: Any = kernels.gru_vjp
    run_gru_vjp(*operands, reverse, gates, contiguous(y), slopes, pulled, *found)
    return [slopes, *found]


def recur(
    mode: str, x: Tensor, initial: Tensor, cell: Tensor | None, weight: Tensor, bias: Tensor | None, reverse: bool
) -> tuple[Tensor, Tensor | None]:
    """One recurrent layer in one direction, for :mod:`nn`.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        x: what the inputs contribute to the gates, shape (steps, rows, gates · size).
        initial: the state before the first step, shape (rows, size).
        cell: the cell before the first step, for "LSTM".
        weight, bias: recurrent, shapes (gates · size, size) and (gates · size,); no bias counts as 0.
        reverse: walk the sequence backwards.

    Returns:
        The states of all steps, shape (steps, rows, size), and the last cell or None.

    Raises:
        ValueError: for an unknown mode, and for shapes that do not fit.

    Source: Elman 1990; Hochreiter and Schmidhuber 1997 with Gers et al. 2000; Cho et al. 2014.
    """
    gates = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}.get(mode)
    if gates is None:
        raise ValueError(f"recur: mode must be RNN_TANH, RNN_RELU, LSTM or GRU, got {mode!r}")
    size = weight.shape[-1]
    if (
        x.ndim != 3
        or weight.shape != (gates * size, size)
        or x.shape[2] != gates * size
        or initial.shape != (x.shape[1], size)
        or (mode == "LSTM") != (cell is not None)
        or (cell is not None and cell.shape != initial.shape)
        or (bias is not None and bias.shape != (gates * size,))
        or not x.shape[0]
    ):
        raise ValueError(
            f"recur: gates {x.shape}, state {initial.shape} and weight {weight.shape} do not fit each other in {mode}"
        )
    bias = wrap(np.zeros(gates * size, x.dtype), None) if bias is None else bias
    if cell is not None:
        states, last = apply(lstm_primitive.op, (x, initial, cell, weight, bias), {"reverse": reverse})
        return states, last
    if mode == "GRU":
        return apply(gru_primitive.op, (x, initial, weight, bias), {"reverse": reverse}), None
    parameters = {"rectified": mode == "RNN_RELU", "reverse": reverse}
    return apply(rnn_primitive.op, (x, initial, weight, bias), parameters), None


__all__ = ["recur"]

"""Recurrent networks over whole sequences: one call for all steps of one layer and direction, forward and backward.

What the inputs contribute to the gates is computed beforehand, for all steps in one product. A step adds the product
of the state with the recurrent weight and applies the gates, line by line. Backward walks the steps in the other
order and leaves the cotangents of all gates, of which the weight's gradient is one product at the end.
"""

from __future__ import annotations

import numpy as np

from .blas import gemm
from .jit import inline, kernel
from .lines import sigmoid, tanh


@inline
def _apply_sigmoid(line):
    for i in range(line.size):
        line[i] = sigmoid(line[i])


@inline
def _apply_tanh(line):
    for i in range(line.size):
        line[i] = tanh(line[i])


@inline
def _apply_relu(line):
    for i in range(line.size):
        line[i] = line[i] if line[i] > 0 or line[i] != line[i] else line.dtype.type(0)


@inline
def _add_bias(x, bias, out):
    for row in range(out.shape[0]):
        source, target = x[row], out[row]
        for i in range(target.size):
            target[i] = source[i] + bias[i]


@inline
def _time(step, steps, reverse):
    """The place of a step in the sequence, and that of the one before it."""
    place = steps - 1 - step if reverse else step
    return place, place + 1 if reverse else place - 1


@inline
def _weight_cotangents(slopes, initial, out, reverse, weight_cotangent, bias_cotangent):
    """Cotangents of the recurrent weight and bias, from those of what they contribute to the gates."""
    steps, rows, gates = slopes.shape
    size = out.shape[2]
    first = steps - 1 if reverse else 0
    gemm(True, False, slopes[first], initial, 0.0, weight_cotangent)
    if steps > 1:
        count = (steps - 1) * rows
        later = slopes[:-1] if reverse else slopes[1:]
        before = out[1:] if reverse else out[:-1]
        gemm(True, False, later.reshape(count, gates), before.reshape(count, size), 1.0, weight_cotangent)
    total = np.zeros(gates)
    for step in range(steps):
        for row in range(rows):
            line = slopes[step, row]
            for i in range(line.size):
                total[i] += line[i]
    for i in range(gates):
        bias_cotangent[i] = total[i]


# --- one gate ----------------------------------------------------------------------------------------------------


@kernel
def rnn(x, initial, weight, bias, rectified, reverse, out):
    """h = tanh(x + W h + b), or ReLU of it."""
    steps, rows, _ = x.shape
    for step in range(steps):
        place, before = _time(step, steps, reverse)
        state = initial if step == 0 else out[before]
        _add_bias(x[place], bias, out[place])
        gemm(False, True, state, weight, 1.0, out[place])
        for row in range(rows):
            if rectified:
                _apply_relu(out[place, row])
            else:
                _apply_tanh(out[place, row])


@kernel
def rnn_vjp(cotangent, initial, weight, out, rectified, reverse, slopes, state, weight_cotangent, bias_cotangent):
    """`slopes` receives the cotangents of x, `state` that of the initial state."""
    steps, rows, size = out.shape
    state[:] = 0
    for step in range(steps - 1, -1, -1):
        place, _ = _time(step, steps, reverse)
        for row in range(rows):
            above, result, slope, after = cotangent[place, row], out[place, row], slopes[place, row], state[row]
            if rectified:
                for i in range(size):
                    slope[i] = above[i] + after[i] if result[i] > 0 else out.dtype.type(0)
            else:
                for i in range(size):
                    slope[i] = (above[i] + after[i]) * (out.dtype.type(1) - result[i] * result[i])
        gemm(False, False, slopes[place], weight, 0.0, state)
    _weight_cotangents(slopes, initial, out, reverse, weight_cotangent, bias_cotangent)


# --- long short-term memory --------------------------------------------------------------------------------------


@kernel
def lstm(x, initial, cell, weight, bias, reverse, gates, cells, out):
    """i, f, g, o = gates of x + W h + b; c = f c + i g; h = o tanh c. `gates` and `cells` keep all steps'."""
    steps, rows, size = out.shape
    for step in range(steps):
        place, before = _time(step, steps, reverse)
        state, memory = (initial, cell) if step == 0 else (out[before], cells[before])
        _add_bias(x[place], bias, gates[place])
        gemm(False, True, state, weight, 1.0, gates[place])
        for row in range(rows):
            gate = gates[place, row]
            _apply_sigmoid(gate[: 2 * size])
            _apply_tanh(gate[2 * size : 3 * size])
            _apply_sigmoid(gate[3 * size :])
            old, new, result = memory[row], cells[place, row], out[place, row]
            for i in range(size):
                new[i] = gate[size + i] * old[i] + gate[i] * gate[2 * size + i]
            for i in range(size):
                result[i] = gate[3 * size + i] * tanh(new[i])


@kernel
def lstm_vjp(
    cotangent, cell_cotangent, initial, cell, weight, reverse, gates, cells, out,
    slopes, state, memory, weight_cotangent, bias_cotangent,
):  # fmt: skip
    """`slopes` receives the cotangents of x, `state` and `memory` those of the initial state and cell."""
    steps, rows, size = out.shape
    state[:] = 0
    memory[:] = cell_cotangent
    one = out.dtype.type(1)
    height = np.empty(size, out.dtype)
    for step in range(steps - 1, -1, -1):
        place, before = _time(step, steps, reverse)
        past = cell if step == 0 else cells[before]
        for row in range(rows):
            gate, slope = gates[place, row], slopes[place, row]
            above, after, held, old = cotangent[place, row], state[row], memory[row], past[row]
            now = cells[place, row]
            for i in range(size):
                height[i] = tanh(now[i])
            for i in range(size):
                o = gate[3 * size + i]
                slope[3 * size + i] = (above[i] + after[i]) * height[i] * o * (one - o)
            for i in range(size):
                held[i] += (above[i] + after[i]) * gate[3 * size + i] * (one - height[i] * height[i])
            for i in range(size):
                slope[i] = held[i] * gate[2 * size + i] * gate[i] * (one - gate[i])
            for i in range(size):
                f = gate[size + i]
                slope[size + i] = held[i] * old[i] * f * (one - f)
            for i in range(size):
                g = gate[2 * size + i]
                slope[2 * size + i] = held[i] * gate[i] * (one - g * g)
            for i in range(size):
                held[i] *= gate[size + i]
        gemm(False, False, slopes[place], weight, 0.0, state)
    _weight_cotangents(slopes, initial, out, reverse, weight_cotangent, bias_cotangent)


# --- gated recurrent unit ----------------------------------------------------------------------------------------


@kernel
def gru(x, initial, weight, bias, reverse, gates, out):
    """r, z = sigmoid(x + W h + b); n = tanh(x + r (W h + b)); h = (1 - z) n + z h.

    `gates` keeps r, z, n and W h + b of n for all steps.
    """
    steps, rows, size = out.shape
    pulled = np.empty((rows, 3 * size), x.dtype)
    for step in range(steps):
        place, before = _time(step, steps, reverse)
        state = initial if step == 0 else out[before]
        for row in range(rows):
            pulled[row] = bias
        gemm(False, True, state, weight, 1.0, pulled)
        for row in range(rows):
            gate, given, own, old, result = gates[place, row], x[place, row], pulled[row], state[row], out[place, row]
            for i in range(2 * size):
                gate[i] = sigmoid(given[i] + own[i])
            for i in range(size):
                gate[3 * size + i] = own[2 * size + i]
            for i in range(size):
                result[i] = tanh(given[2 * size + i] + gate[i] * own[2 * size + i])
            for i in range(size):
                gate[2 * size + i] = result[i]
            for i in range(size):
                result[i] += gate[size + i] * (old[i] - result[i])


@kernel
def gru_vjp(cotangent, initial, weight, reverse, gates, out, slopes, pulled, state, weight_cotangent, bias_cotangent):
    """`slopes` receives the cotangents of x, `pulled` those of W h + b, `state` that of the initial state."""
    steps, rows, size = out.shape
    state[:] = 0
    one = out.dtype.type(1)
    kept = np.empty((rows, size), out.dtype)
    for step in range(steps - 1, -1, -1):
        place, before = _time(step, steps, reverse)
        past = initial if step == 0 else out[before]
        for row in range(rows):
            gate, slope, own = gates[place, row], slopes[place, row], pulled[place, row]
            above, after, old, rest = cotangent[place, row], state[row], past[row], kept[row]
            for i in range(size):
                n = gate[2 * size + i]
                slope[2 * size + i] = (above[i] + after[i]) * (one - gate[size + i]) * (one - n * n)
            for i in range(size):
                z = gate[size + i]
                slope[size + i] = (above[i] + after[i]) * (old[i] - gate[2 * size + i]) * z * (one - z)
            for i in range(size):
                rest[i] = (above[i] + after[i]) * gate[size + i]
            for i in range(size):
                own[2 * size + i] = slope[2 * size + i] * gate[i]
            for i in range(size):
                own[i] = slope[2 * size + i] * gate[3 * size + i] * gate[i] * (one - gate[i])
            for i in range(size):
                slope[i] = own[i]
            for i in range(size):
                own[size + i] = slope[size + i]
        gemm(False, False, pulled[place], weight, 0.0, state)
        for row in range(rows):
            target, rest = state[row], kept[row]
            for i in range(size):
                target[i] += rest[i]
    _weight_cotangents(pulled, initial, out, reverse, weight_cotangent, bias_cotangent)

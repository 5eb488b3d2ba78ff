"""Cross-entropy of logits and class indices: loss and gradient without the probabilities in memory between them.

Also of log-probabilities, which takes no more than to pick one of each row.

Forward keeps two numbers a row, its maximum and the reciprocal of sum exp(x - max). Backward computes the exponentials
again: they cost less than writing the log-probabilities to fresh memory and reading them (measured for 10 and 32,000
classes).
"""

from __future__ import annotations

import numpy as np

from .folds import largest
from .jit import inline, kernel, prange, serial_and_parallel
from .lines import exp, exponentiate, sum_line, sum_of_exponentials, sum_segment
from .softmax import _BLOCK, _SHORT, shift_of, take_logarithms


@inline
def _weight_of(weight, label):
    return weight[label] if weight.size else weight.dtype.type(1)


@inline
def _first_wrong(target, columns, ignored):
    """The first row whose target is neither a class nor ignored, or -1."""
    for row in range(target.size):
        label = target[row]
        if (label < 0 or label >= columns) and label != ignored:
            return row
    return -1


@inline
def _totals(losses, target, weight, ignored):
    """The sum of the losses, and that of the targets' weights."""
    total_loss, total_weight = 0.0, 0.0
    for row in range(losses.size):
        total_loss += losses[row]
        if target[row] != ignored:
            total_weight += _weight_of(weight, target[row])
    return total_loss, total_weight


def _cross_entropy(x, target, weight, ignored, smoothing, statistics, losses):
    """Losses by row; `statistics` receives each row's maximum and the reciprocal of its sum of exponentials.

    `weight` is empty where all classes weigh 1. Returns the sum of the losses, that of the targets' weights, and the
    number of the first row whose target is neither a class nor ignored, or -1; then nothing is computed.
    """
    rows, columns = x.shape
    wrong = _first_wrong(target, columns, ignored)
    if wrong >= 0:
        return 0.0, 0.0, wrong
    step = max(1, _BLOCK // max(1, columns))
    spread = smoothing / max(1, columns)
    whole = sum_line(weight) if weight.size else np.float64(columns)
    for block in prange((rows + step - 1) // step):
        first, last = block * step, min(rows, block * step + step)
        heights = np.empty(last - first)
        if columns < _SHORT:
            raised = np.empty((last - first, columns), x.dtype)
            for row in range(first, last):
                line, result = x[row], raised[row - first]
                shift = shift_of(line)
                statistics[0, row] = shift
                for i in range(line.size):
                    result[i] = line[i] - shift
            exponentiate(raised.reshape(-1))
            for place in range(last - first):
                heights[place] = sum_segment(raised[place])
        else:
            for row in range(first, last):
                statistics[0, row] = largest(x[row])
                heights[row - first] = sum_of_exponentials(x[row], statistics[0, row])
        for place in range(heights.size):
            statistics[1, first + place] = 1.0 / heights[place]
        take_logarithms(heights)
        for row in range(first, last):
            line = x[row]
            label = target[row]
            loss = 0.0
            if label != ignored:
                shift, height = statistics[0, row], heights[row - first]
                own = _weight_of(weight, label) * (1.0 - smoothing)
                if own != 0.0:
                    loss = own * (height + (shift - line[label]))
                if spread != 0.0:
                    rest = 0.0
                    for i in range(columns):
                        part = _weight_of(weight, i)
                        if part != 0:
                            rest += part * np.float64(shift - line[i])
                    loss += spread * (rest + whole * height)
            losses[row] = loss
    total_loss, total_weight = _totals(losses, target, weight, ignored)
    return total_loss, total_weight, -1


def _cross_entropy_vjp(cotangent, factor, x, target, weight, ignored, smoothing, statistics, out):
    """Gradient by the logits: the probabilities less the target distribution, times the row's weight and cotangent.

    `cotangent` has one element, or one for each row; `factor` is what the reduction multiplies it by. Rows that are
    ignored get 0.
    """
    rows, columns = x.shape
    step = max(1, _BLOCK // max(1, columns))
    spread = smoothing / max(1, columns)
    whole = sum_line(weight) if weight.size else np.float64(columns)
    for block in prange((rows + step - 1) // step):
        first, last = block * step, min(rows, block * step + step)
        if columns < _SHORT:
            for row in range(first, last):
                line, result, shift = x[row], out[row], statistics[0, row]
                for i in range(line.size):
                    result[i] = line[i] - shift
            exponentiate(out[first:last].reshape(-1))
        for row in range(first, last):
            label, line, result = target[row], x[row], out[row]
            if label == ignored:
                for i in range(result.size):
                    result[i] = 0
                continue
            above = cotangent[row if cotangent.size > 1 else 0] * factor
            own = x.dtype.type(_weight_of(weight, label) * (1.0 - smoothing) * above)
            even = x.dtype.type(spread * above)
            scale = x.dtype.type((own + even * whole) * statistics[1, row])
            if columns < _SHORT:
                for i in range(result.size):
                    result[i] *= scale
            else:
                shift = statistics[0, row]
                for i in range(result.size):
                    result[i] = exp(line[i] - shift) * scale
            if even != 0:
                if weight.size:
                    for i in range(result.size):
                        result[i] -= even * weight[i]
                else:
                    for i in range(result.size):
                        result[i] -= even
            result[label] -= own


@kernel
def picked(x, target, weight, ignored, losses):
    """Minus the log-probability of each row's target, times the target's weight; returns what cross-entropy does.

    One pass by one thread, which reads the targets and one number a row.
    """
    total_loss, total_weight = 0.0, 0.0
    for row in range(target.size):
        label = target[row]
        if label == ignored:
            losses[row] = 0
            continue
        if label < 0 or label >= x.shape[1]:
            return 0.0, 0.0, row
        own = _weight_of(weight, label)
        losses[row] = -x[row, label] * own
        total_loss += losses[row]
        total_weight += own
    return total_loss, total_weight, -1


def _picked_vjp(cotangent, factor, target, weight, ignored, out):
    """Gradient by the log-probabilities, into an array of zeros; `cotangent` and `factor` are as above."""
    for row in prange(out.shape[0]):
        label = target[row]
        if label != ignored:
            above = cotangent[row if cotangent.size > 1 else 0] * factor
            out[row, label] = -_weight_of(weight, label) * above


picked_vjp_serial, picked_vjp_parallel = serial_and_parallel(_picked_vjp)
cross_entropy_serial, cross_entropy_parallel = serial_and_parallel(_cross_entropy)
cross_entropy_vjp_serial, cross_entropy_vjp_parallel = serial_and_parallel(_cross_entropy_vjp)

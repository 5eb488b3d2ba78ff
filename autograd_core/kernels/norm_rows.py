"""Layer, root-mean-square and group normalisation: each row by its own mean and deviation.

Statistics as in :mod:`.norm`: distances from a sample of the row, merged in double precision. Two weights a row are
known: one for each column (layer normalisation), or one for each channel, a channel being `places` columns that lie
together (group normalisation). Cotangents of weights are summed over blocks of rows in the data's precision and then
in double precision, chunk by chunk, so that they do not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inline, prange, serial_and_parallel, summing
from .lines import dot_line
from .norm import measure, pull_line

# Rows whose cotangents of the weights are added in the data's precision.
_ROWS = 32
_CHUNKS = 16
_CHUNK = 16384


@inline
def _chunks(rows, columns):
    return max(1, min(_CHUNKS, rows // _ROWS, rows * columns // _CHUNK))


# --- a weight for each column ------------------------------------------------------------------------------------


def _layer_norm(x, weight, bias, centred, epsilon, statistics, out):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias by row; not `centred`, the mean counts as 0.

    The rows of `statistics` receive mean, variance and the reciprocal deviation of each row. An empty bias is 0.
    """
    rows, columns = x.shape
    chunks = _chunks(rows, columns)
    for chunk in prange(chunks):
        for row in range(rows * chunk // chunks, rows * (chunk + 1) // chunks):
            line, result = x[row], out[row]
            if centred:
                mean, squares = measure(line, 0.0, 0.0, 0.0)
            else:
                mean, squares = 0.0, dot_line(line, line)
            statistics[0, row] = mean
            statistics[1, row] = squares / columns
            statistics[2, row] = 1.0 / math.sqrt(statistics[1, row] + epsilon)
            centre, inverse = x.dtype.type(mean), x.dtype.type(statistics[2, row])
            rest = x.dtype.type(mean - centre)
            if bias.size:
                for i in range(line.size):
                    result[i] = ((line[i] - centre) - rest) * inverse * weight[i] + bias[i]
            else:
                for i in range(line.size):
                    result[i] = ((line[i] - centre) - rest) * inverse * weight[i]


@summing
def _pull_weighted(cotangent, line, weight, centre, rest, weight_total, bias_total, inverse):
    """Sums of the weighted cotangent and of its products with the distances; adds to the weights' cotangents."""
    total, product = line.dtype.type(0), line.dtype.type(0)
    for i in range(line.size):
        distance = (line[i] - centre) - rest
        above = cotangent[i]
        bias_total[i] += above
        weight_total[i] += above * distance * inverse
        above *= weight[i]
        total += above
        product += above * distance
    return total, product


def _layer_norm_vjp(cotangent, x, weight, centred, statistics, x_cotangent, weight_cotangent, bias_cotangent):
    """Cotangents of x, weight and bias."""
    rows, columns = x.shape
    chunks = _chunks(rows, columns)
    partial = np.zeros((chunks, 2, columns))
    for chunk in prange(chunks):
        work = np.zeros((2, columns), x.dtype)
        first, last = rows * chunk // chunks, rows * (chunk + 1) // chunks
        for row in range(first, last):
            above, line, result = cotangent[row], x[row], x_cotangent[row]
            centre, inverse = x.dtype.type(statistics[0, row]), statistics[2, row]
            rest, scale = x.dtype.type(statistics[0, row] - centre), x.dtype.type(inverse)
            total, product = _pull_weighted(above, line, weight, centre, rest, work[0], work[1], scale)
            level = x.dtype.type(total * inverse / columns if centred else 0.0)
            slope = x.dtype.type(product * inverse * inverse * inverse / columns)
            for i in range(line.size):
                result[i] = (above[i] * weight[i] * scale - level) - ((line[i] - centre) - rest) * slope
            if (row - first) % _ROWS == _ROWS - 1 or row == last - 1:
                for i in range(columns):
                    partial[chunk, 0, i] += work[0, i]
                    partial[chunk, 1, i] += work[1, i]
                    work[0, i] = 0
                    work[1, i] = 0
    for i in range(columns):
        total, product = 0.0, 0.0
        for chunk in range(chunks):
            product += partial[chunk, 0, i]
            total += partial[chunk, 1, i]
        weight_cotangent[i] = product
        bias_cotangent[i] = total


layer_norm_serial, layer_norm_parallel = serial_and_parallel(_layer_norm)
layer_norm_vjp_serial, layer_norm_vjp_parallel = serial_and_parallel(_layer_norm_vjp)


# --- a weight for each channel -----------------------------------------------------------------------------------


def _group_norm(x, weight, bias, channels, epsilon, statistics, out):
    """As :func:`_layer_norm` for rows of `channels` channels, of which the groups of a sample follow each other."""
    rows, columns = x.shape
    places = columns // channels
    groups = weight.size // channels
    for row in prange(rows):
        mean, squares = measure(x[row], 0.0, 0.0, 0.0)
        statistics[0, row] = mean
        statistics[1, row] = squares / columns
        statistics[2, row] = 1.0 / math.sqrt(statistics[1, row] + epsilon)
        centre = x.dtype.type(mean)
        rest = x.dtype.type(mean - centre)
        for channel in range(channels):
            line = x[row, channel * places : (channel + 1) * places]
            result = out[row, channel * places : (channel + 1) * places]
            own = row % groups * channels + channel
            scale, offset = x.dtype.type(statistics[2, row] * weight[own]), bias[own]
            for i in range(line.size):
                result[i] = ((line[i] - centre) - rest) * scale + offset


def _group_norm_vjp(cotangent, x, weight, channels, statistics, x_cotangent, weight_cotangent, bias_cotangent):
    """Cotangents of x, weight and bias."""
    rows, columns = x.shape
    places = columns // channels
    groups = weight.size // channels
    partial = np.empty((2, rows, channels))
    for row in prange(rows):
        centre, inverse = x.dtype.type(statistics[0, row]), statistics[2, row]
        rest = x.dtype.type(statistics[0, row] - centre)
        total, product = 0.0, 0.0
        for channel in range(channels):
            line = x[row, channel * places : (channel + 1) * places]
            above = cotangent[row, channel * places : (channel + 1) * places]
            part, other = pull_line(above, line, centre, rest)
            partial[0, row, channel] = other * inverse
            partial[1, row, channel] = part
            own = weight[row % groups * channels + channel]
            total += part * own
            product += other * own
        level = x.dtype.type(total * inverse / columns)
        slope = x.dtype.type(product * inverse * inverse * inverse / columns)
        for channel in range(channels):
            line = x[row, channel * places : (channel + 1) * places]
            above = cotangent[row, channel * places : (channel + 1) * places]
            result = x_cotangent[row, channel * places : (channel + 1) * places]
            scale = x.dtype.type(inverse * weight[row % groups * channels + channel])
            for i in range(line.size):
                result[i] = (above[i] * scale - level) - ((line[i] - centre) - rest) * slope
    for group in range(groups):
        for channel in range(channels):
            total, product = 0.0, 0.0
            for row in range(group, rows, groups):
                product += partial[0, row, channel]
                total += partial[1, row, channel]
            weight_cotangent[group * channels + channel] = product
            bias_cotangent[group * channels + channel] = total


group_norm_serial, group_norm_parallel = serial_and_parallel(_group_norm)
group_norm_vjp_serial, group_norm_vjp_parallel = serial_and_parallel(_group_norm_vjp)

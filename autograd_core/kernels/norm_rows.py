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
from .norm import measure, measure_rows, pull_line, pull_rows

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


# --- a weight for each channel, channels side by side ------------------------------------------------------------


@inline
def _group_place(statistics, weight, groups, sample, place):
    """Mean in two parts, and weight over deviation, of each column of a sample: rows of `place`."""
    channels = weight.size
    for start in range(0, place.shape[1], channels):
        for channel in range(channels):
            own = sample * groups + channel * groups // channels
            place[0, start + channel] = statistics[0, own]
            place[1, start + channel] = statistics[0, own] - place[0, start + channel]
            place[2, start + channel] = statistics[2, own] * weight[channel]


def _group_norm_last(x, weight, bias, groups, epsilon, statistics, out):
    """As :func:`_group_norm` for (samples, rows, columns), the channels of one or of several pixels in a row."""
    samples, rows, wide = x.shape
    channels = weight.size
    for sample in prange(samples):
        work, found = np.empty((3, wide), x.dtype), np.zeros((2, wide))
        measure_rows(x[sample], 0, rows, work, found[0], found[1])
        for group in range(groups):
            own, mean, squares, count = sample * groups + group, 0.0, 0.0, 0.0
            # Columns have equally many elements; their means and squares are merged one after the other.
            for start in range(0, wide, channels):
                for column in range(start + group * channels // groups, start + (group + 1) * channels // groups):
                    step = found[0, column] - mean
                    mean += step / (count + 1.0)
                    squares += found[1, column] + step * step * (rows * count / (count + 1.0))
                    count += 1.0
            statistics[0, own] = mean
            statistics[1, own] = squares / (count * rows)
            statistics[2, own] = 1.0 / math.sqrt(statistics[1, own] + epsilon)
        place, offset = np.empty((3, wide), x.dtype), np.empty(wide, x.dtype)
        _group_place(statistics, weight, groups, sample, place)
        for column in range(wide):
            offset[column] = bias[column % channels]
        centre, rest, scale = place[0], place[1], place[2]
        for row in range(rows):
            line, result = x[sample, row], out[sample, row]
            for i in range(line.size):
                result[i] = ((line[i] - centre[i]) - rest[i]) * scale[i] + offset[i]


def _group_norm_last_vjp(cotangent, x, weight, groups, statistics, x_cotangent, weight_cotangent, bias_cotangent):
    """Cotangents of x, weight and bias."""
    samples, rows, wide = x.shape
    channels = weight.size
    partial = np.zeros((samples, 2, wide))
    for sample in prange(samples):
        place, work = np.empty((3, wide), x.dtype), np.empty((2, wide), x.dtype)
        _group_place(statistics, weight, groups, sample, place)
        # The two that are empty belong to a ReLU that may follow batch normalisation.
        nothing = np.empty((0, 0), x.dtype)
        pull_rows(cotangent[sample], x[sample], nothing, 0, rows, place, work, partial[sample], nothing)
        level, slope = np.empty(wide, x.dtype), np.empty(wide, x.dtype)
        for group in range(groups):
            inverse = statistics[2, sample * groups + group]
            first, last = group * channels // groups, (group + 1) * channels // groups
            total, product = 0.0, 0.0
            for start in range(0, wide, channels):
                for channel in range(first, last):
                    total += partial[sample, 0, start + channel] * weight[channel]
                    product += partial[sample, 1, start + channel] * weight[channel]
            share = inverse / (rows * (wide // channels) * (last - first))
            for start in range(0, wide, channels):
                for channel in range(first, last):
                    level[start + channel] = total * share
                    slope[start + channel] = product * share * inverse * inverse
        centre, rest, scale = place[0], place[1], place[2]
        for row in range(rows):
            line, above, result = x[sample, row], cotangent[sample, row], x_cotangent[sample, row]
            for i in range(line.size):
                result[i] = (above[i] * scale[i] - level[i]) - ((line[i] - centre[i]) - rest[i]) * slope[i]
    for channel in range(channels):
        total, product = 0.0, 0.0
        for sample in range(samples):
            inverse = statistics[2, sample * groups + channel * groups // channels]
            for column in range(channel, wide, channels):
                total += partial[sample, 0, column]
                product += partial[sample, 1, column] * inverse
        weight_cotangent[channel] = product
        bias_cotangent[channel] = total


group_norm_last_serial, group_norm_last_parallel = serial_and_parallel(_group_norm_last)
group_norm_last_vjp_serial, group_norm_last_vjp_parallel = serial_and_parallel(_group_norm_last_vjp)
group_norm_serial, group_norm_parallel = serial_and_parallel(_group_norm)
group_norm_vjp_serial, group_norm_vjp_parallel = serial_and_parallel(_group_norm_vjp)

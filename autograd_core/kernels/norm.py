"""Batch normalisation: statistics, result and derivative, for both memory orders of images.

`columns` work on (rows, features), where the features of one place lie together: matrices, and images in channels-last
memory. Where there are few features a row holds those of several places one after the other, so that loops over a row
are long enough to pay. `planes` work on (samples, channels, places), where the places of one channel lie together. Both
serve training, where mean and variance are the batch's own, and evaluation, where they are given (`fixed`); both can
add another array and apply ReLU in the same pass.

Sums are taken of distances from a sample of the data, block by block, and merged in double precision (Chan, Golub and
LeVeque 1983, "Algorithms for computing the sample variance"): one pass, and a mean of 1e4 with a deviation of 0.1
keeps its digits. For the same reason the mean is taken off in two parts: rounded to the data's precision, and what
that leaves.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inline, kernel, prange, serial_and_parallel, summing

# Rows of a block, whose sums are held in the data's precision.
_ROWS = 32
# A matrix is cut into at most this many chunks, of at least _CHUNK elements; their results are merged in order.
_CHUNKS = 16
_CHUNK = 16384
# Places of a plane whose sums are held in the data's precision.
_PLACES = 4096


@kernel
def move_statistics(running_mean, running_variance, statistics, count, momentum):
    """Move running statistics towards a batch's mean and unbiased variance."""
    for feature in range(running_mean.size):
        unbiased = statistics[1, feature] * (count / (count - 1))
        running_mean[feature] = (1.0 - momentum) * running_mean[feature] + momentum * statistics[0, feature]
        running_variance[feature] = (1.0 - momentum) * running_variance[feature] + momentum * unbiased


@inline
def _chunks(rows, features):
    """How many chunks a matrix is cut into; what is added to what depends on the shape alone, never on threads."""
    return max(1, min(_CHUNKS, rows // _ROWS, rows * features // _CHUNK))


@inline
def _coefficients(statistics, weight, bias, place):
    """The mean in two parts, weight over deviation, and bias, each a row of `place` in the data's precision."""
    features = weight.size
    for start in range(0, place.shape[1], features):
        for i in range(features):
            place[0, start + i] = statistics[0, i]
            place[1, start + i] = statistics[0, i] - place[0, start + i]
            place[2, start + i] = statistics[2, i] * weight[i]
            place[3, start + i] = bias[i]


# --- features side by side ---------------------------------------------------------------------------------------


@inline
def measure_rows(x, first, last, work, mean, squares):
    """Mean and sum of squared distances from it of each feature over some rows."""
    features = x.shape[1]
    shift, total, power = work[0], work[1], work[2]
    count = 0.0
    for start in range(first, last, _ROWS):
        stop = min(last, start + _ROWS)
        line = x[start]
        for i in range(features):
            shift[i] = line[i]
            total[i] = 0
            power[i] = 0
        row = start
        while row + 4 <= stop:
            a, b, c, d = x[row], x[row + 1], x[row + 2], x[row + 3]
            for i in range(features):
                middle = shift[i]
                p, q, r, s = a[i] - middle, b[i] - middle, c[i] - middle, d[i] - middle
                total[i] += (p + q) + (r + s)
                power[i] += (p * p + q * q) + (r * r + s * s)
            row += 4
        while row < stop:
            line = x[row]
            for i in range(features):
                p = line[i] - shift[i]
                total[i] += p
                power[i] += p * p
            row += 1
        size = np.float64(stop - start)
        own, both = size / (count + size), size * count / (count + size)
        for i in range(features):
            sum_ = np.float64(total[i])
            around = np.float64(power[i]) - sum_ * sum_ / size
            around = np.float64(0) if around < 0 else around
            step = (np.float64(shift[i]) + sum_ / size) - mean[i]
            mean[i] += step * own
            squares[i] += around + step * step * both
        count += size


@inline
def _finish_statistics(count, epsilon, statistics):
    for i in range(statistics.shape[1]):
        statistics[1, i] /= count
        statistics[2, i] = 1.0 / math.sqrt(statistics[1, i] + epsilon)


def _columns(x, weight, bias, other, rectified, fixed, epsilon, statistics, out):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias by column, plus `other` unless it is empty, through ReLU.

    The rows of `statistics` receive mean, biased variance and the reciprocal deviation; with `fixed` the first two are
    given.
    """
    rows, wide = x.shape
    features = weight.size
    chunks = _chunks(rows, wide)
    if not fixed:
        partial = np.zeros((chunks, 2, wide))
        for chunk in prange(chunks):
            work = np.empty((3, wide), x.dtype)
            first, last = rows * chunk // chunks, rows * (chunk + 1) // chunks
            measure_rows(x, first, last, work, partial[chunk, 0], partial[chunk, 1])
        statistics[:2] = 0.0
        count = 0.0
        for chunk in range(chunks):
            size = np.float64(rows * (chunk + 1) // chunks - rows * chunk // chunks)
            for start in range(0, wide, features):
                for i in range(features):
                    step = partial[chunk, 0, start + i] - statistics[0, i]
                    statistics[0, i] += step * (size / (count + size))
                    statistics[1, i] += partial[chunk, 1, start + i] + step * step * (size * count / (count + size))
                count += size
    _finish_statistics(1.0 if fixed else np.float64(rows * (wide // features)), epsilon, statistics)
    place = np.empty((4, wide), x.dtype)
    _coefficients(statistics, weight, bias, place)
    centre, rest, scale, offset = place[0], place[1], place[2], place[3]
    for chunk in prange(chunks):
        for row in range(rows * chunk // chunks, rows * (chunk + 1) // chunks):
            line, result = x[row], out[row]
            if other.size:
                added = other[row]
                for i in range(line.size):
                    value = ((line[i] - centre[i]) - rest[i]) * scale[i] + offset[i] + added[i]
                    result[i] = x.dtype.type(0) if rectified and value <= 0 else value
            elif rectified:
                for i in range(line.size):
                    value = ((line[i] - centre[i]) - rest[i]) * scale[i] + offset[i]
                    result[i] = x.dtype.type(0) if value <= 0 else value
            else:
                for i in range(line.size):
                    result[i] = ((line[i] - centre[i]) - rest[i]) * scale[i] + offset[i]


@inline
def pull_rows(cotangent, x, y, first, last, place, work, sums, masked):
    """Add to `sums` the cotangents of bias and, but for the deviation, weight, over some rows.

    Where `y`, the result of ReLU, is given, what passes it is written to `masked`.
    """
    centre, rest = place[0], place[1]
    total, product = work[0], work[1]
    for start in range(first, last, _ROWS):
        stop = min(last, start + _ROWS)
        for i in range(total.size):
            total[i] = 0
            product[i] = 0
        for row in range(start, stop):
            line, above = x[row], cotangent[row]
            if y.size:
                result, passed = y[row], masked[row]
                for i in range(line.size):
                    value = above[i] if result[i] > 0 else x.dtype.type(0)
                    passed[i] = value
                    total[i] += value
                    product[i] += value * ((line[i] - centre[i]) - rest[i])
            else:
                for i in range(line.size):
                    total[i] += above[i]
                    product[i] += above[i] * ((line[i] - centre[i]) - rest[i])
        for i in range(total.size):
            sums[0, i] += total[i]
            sums[1, i] += product[i]


def _columns_vjp(cotangent, x, y, weight, fixed, statistics, x_cotangent, weight_cotangent, bias_cotangent, masked):
    """Cotangents of x, weight and bias; and of what was added, `masked`, where `y`, the result of ReLU, is given."""
    rows, wide = x.shape
    features = weight.size
    chunks = _chunks(rows, wide)
    partial = np.zeros((chunks, 2, wide))
    place = np.empty((4, wide), x.dtype)
    _coefficients(statistics, weight, weight, place)
    for chunk in prange(chunks):
        work = np.empty((2, wide), x.dtype)
        first, last = rows * chunk // chunks, rows * (chunk + 1) // chunks
        pull_rows(cotangent, x, y, first, last, place, work, partial[chunk], masked)
    centre, rest, scale = place[0], place[1], place[2]
    level, slope = place[3], np.empty(wide, x.dtype)
    for i in range(features):
        total, product = 0.0, 0.0
        for chunk in range(chunks):
            for column in range(i, wide, features):
                total += partial[chunk, 0, column]
                product += partial[chunk, 1, column]
        bias_cotangent[i] = total
        weight_cotangent[i] = product * statistics[2, i]
        share = 0.0 if fixed else statistics[2, i] * weight[i] / (rows * (wide // features))
        for column in range(i, wide, features):
            level[column] = total * share
            slope[column] = product * share * statistics[2, i] * statistics[2, i]
    for chunk in prange(chunks):
        for row in range(rows * chunk // chunks, rows * (chunk + 1) // chunks):
            line, result = x[row], x_cotangent[row]
            above = masked[row] if y.size else cotangent[row]
            for i in range(line.size):
                distance = (line[i] - centre[i]) - rest[i]
                result[i] = (above[i] * scale[i] - level[i]) - distance * slope[i]


columns_serial, columns_parallel = serial_and_parallel(_columns)
columns_vjp_serial, columns_vjp_parallel = serial_and_parallel(_columns_vjp)


# --- places side by side -----------------------------------------------------------------------------------------


@summing
def distances(line, shift):
    """Sums of the distances from `shift` and of their squares."""
    total, power = line.dtype.type(0), line.dtype.type(0)
    for i in range(line.size):
        distance = line[i] - shift
        total += distance
        power += distance * distance
    return total, power


@inline
def measure(line, count, mean, squares):
    """Merge a line into a mean and a sum of squared distances from it that `count` elements gave; both of them."""
    for start in range(0, line.size, _PLACES):
        part = line[start : start + _PLACES]
        shift = part[0]
        total, power = distances(part, shift)
        size, sum_ = np.float64(part.size), np.float64(total)
        around = np.float64(power) - sum_ * sum_ / size
        around = np.float64(0) if around < 0 else around
        step = (np.float64(shift) + sum_ / size) - mean
        mean += step * (size / (count + size))
        squares += around + step * step * (size * count / (count + size))
        count += size
    return mean, squares


def _planes(x, weight, bias, other, rectified, fixed, epsilon, statistics, out):
    """As :func:`_columns`, for (samples, channels, places)."""
    samples, channels, places = x.shape
    for channel in prange(channels):
        if not fixed:
            mean, squares = 0.0, 0.0
            for sample in range(samples):
                mean, squares = measure(x[sample, channel], np.float64(sample * places), mean, squares)
            statistics[0, channel] = mean
            statistics[1, channel] = squares / np.float64(samples * places)
        statistics[2, channel] = 1.0 / math.sqrt(statistics[1, channel] + epsilon)
        centre = x.dtype.type(statistics[0, channel])
        rest = x.dtype.type(statistics[0, channel] - centre)
        scale = x.dtype.type(statistics[2, channel] * weight[channel])
        offset = bias[channel]
        for sample in range(samples):
            line, result = x[sample, channel], out[sample, channel]
            if other.size:
                added = other[sample, channel]
                for i in range(line.size):
                    value = ((line[i] - centre) - rest) * scale + offset + added[i]
                    result[i] = x.dtype.type(0) if rectified and value <= 0 else value
            elif rectified:
                for i in range(line.size):
                    value = ((line[i] - centre) - rest) * scale + offset
                    result[i] = x.dtype.type(0) if value <= 0 else value
            else:
                for i in range(line.size):
                    result[i] = ((line[i] - centre) - rest) * scale + offset


@inline
def mask(cotangent, y, out):
    """The cotangent where the result of ReLU is positive, else 0."""
    for i in range(out.size):
        out[i] = cotangent[i] if y[i] > 0 else out.dtype.type(0)


@summing
def pull(cotangent, line, centre, rest):
    """Sums of the cotangent and of its products with the distances from the mean."""
    total, product = line.dtype.type(0), line.dtype.type(0)
    for i in range(line.size):
        total += cotangent[i]
        product += cotangent[i] * ((line[i] - centre) - rest)
    return total, product


@inline
def pull_line(cotangent, line, centre, rest):
    """As :func:`pull`, in double precision."""
    total, product = 0.0, 0.0
    for start in range(0, line.size, _PLACES):
        part, other = pull(cotangent[start : start + _PLACES], line[start : start + _PLACES], centre, rest)
        total += part
        product += other
    return total, product


def _planes_vjp(cotangent, x, y, weight, fixed, statistics, x_cotangent, weight_cotangent, bias_cotangent, masked):
    """As :func:`_columns_vjp`, for (samples, channels, places)."""
    samples, channels, places = x.shape
    for channel in prange(channels):
        inverse = statistics[2, channel]
        centre = x.dtype.type(statistics[0, channel])
        rest = x.dtype.type(statistics[0, channel] - centre)
        total, product = 0.0, 0.0
        for sample in range(samples):
            above = cotangent[sample, channel]
            if y.size:
                mask(above, y[sample, channel], masked[sample, channel])
                above = masked[sample, channel]
            part, other = pull_line(above, x[sample, channel], centre, rest)
            total += part
            product += other
        bias_cotangent[channel] = total
        weight_cotangent[channel] = product * inverse
        share = 0.0 if fixed else inverse * weight[channel] / np.float64(samples * places)
        scale = x.dtype.type(inverse * weight[channel])
        level = x.dtype.type(total * share)
        slope = x.dtype.type(product * share * inverse * inverse)
        for sample in range(samples):
            line, result = x[sample, channel], x_cotangent[sample, channel]
            above = masked[sample, channel] if y.size else cotangent[sample, channel]
            for i in range(line.size):
                result[i] = (above[i] * scale - level) - ((line[i] - centre) - rest) * slope


planes_serial, planes_parallel = serial_and_parallel(_planes)
planes_vjp_serial, planes_vjp_parallel = serial_and_parallel(_planes_vjp)

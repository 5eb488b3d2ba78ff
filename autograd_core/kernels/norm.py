"""Batch normalisation over matrices (samples, features): two passes for the statistics, one for the result.

Loops run sample by sample, so that the inner loop walks contiguous memory and vectorises over the features.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def batch_norm(x, weight, bias, epsilon, statistics, out):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias by column.

    The rows of `statistics` receive mean, biased variance and the reciprocal deviation. Two passes for them: a mean
    of 1e4 with deviation 0.1 keeps its digits.
    """
    samples, features = x.shape
    mean, variance, inverse = statistics[0], statistics[1], statistics[2]
    mean[:] = 0.0
    variance[:] = 0.0
    for sample in range(samples):
        for feature in range(features):
            mean[feature] += x[sample, feature]
    for feature in range(features):
        mean[feature] /= samples
    for sample in range(samples):
        for feature in range(features):
            difference = x[sample, feature] - mean[feature]
            variance[feature] += difference * difference
    scale = np.empty(features, x.dtype)
    centre = np.empty(features, x.dtype)
    for feature in range(features):
        variance[feature] /= samples
        inverse[feature] = 1.0 / math.sqrt(variance[feature] + epsilon)
        scale[feature] = inverse[feature] * weight[feature]
        centre[feature] = mean[feature]
    for sample in range(samples):
        for feature in range(features):
            # The mean is taken off first: folded into the bias it would cancel digits where it is large.
            out[sample, feature] = (x[sample, feature] - centre[feature]) * scale[feature] + bias[feature]


@kernel
def move_statistics(running_mean, running_variance, statistics, count, momentum):
    """Move running statistics towards a batch's mean and unbiased variance."""
    for feature in range(running_mean.size):
        unbiased = statistics[1, feature] * (count / (count - 1))
        running_mean[feature] = (1.0 - momentum) * running_mean[feature] + momentum * statistics[0, feature]
        running_variance[feature] = (1.0 - momentum) * running_variance[feature] + momentum * unbiased


@kernel
def batch_norm_vjp(cotangent, x, statistics, weight, x_cotangent, parameter_cotangents):
    """Cotangents of x, weight and bias when mean and variance are the batch's own."""
    samples, features = x.shape
    sum_ = np.zeros(features)
    product = np.zeros(features)
    centre = np.empty(features, x.dtype)
    deviation = np.empty(features, x.dtype)
    for feature in range(features):
        centre[feature] = statistics[0, feature]
        deviation[feature] = statistics[2, feature]
    for sample in range(samples):
        for feature in range(features):
            normalised = (x[sample, feature] - centre[feature]) * deviation[feature]
            sum_[feature] += cotangent[sample, feature]
            product[feature] += cotangent[sample, feature] * normalised
    scale = np.empty(features, x.dtype)
    first = np.empty(features, x.dtype)
    second = np.empty(features, x.dtype)
    for feature in range(features):
        parameter_cotangents[0, feature] = product[feature]
        parameter_cotangents[1, feature] = sum_[feature]
        scale[feature] = weight[feature] * deviation[feature]
        first[feature] = sum_[feature] / samples
        second[feature] = product[feature] / samples
    for sample in range(samples):
        for feature in range(features):
            normalised = (x[sample, feature] - centre[feature]) * deviation[feature]
            x_cotangent[sample, feature] = scale[feature] * (
                cotangent[sample, feature] - first[feature] - normalised * second[feature]
            )

"""Batch normalisation over matrices (samples, features): two passes for the statistics, one for the result.

Loops run sample by sample, so that the inner loop walks contiguous memory and vectorises over the features.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def batch_statistics(x, mean, variance):
    """Mean and biased variance of each column, in two passes: a mean of 1e4 with deviation 0.1 keeps its digits."""
    samples, features = x.shape
    for feature in range(features):
        mean[feature] = 0.0
        variance[feature] = 0.0
    for sample in range(samples):
        for feature in range(features):
            mean[feature] += x[sample, feature]
    for feature in range(features):
        mean[feature] /= samples
    for sample in range(samples):
        for feature in range(features):
            difference = x[sample, feature] - mean[feature]
            variance[feature] += difference * difference
    for feature in range(features):
        variance[feature] /= samples


@kernel
def batch_norm(x, mean, variance, weight, bias, epsilon, inverse, out):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias by column; `inverse` receives the reciprocal deviation."""
    samples, features = x.shape
    scale = np.empty(features, x.dtype)
    centre = np.empty(features, x.dtype)
    for feature in range(features):
        inverse[feature] = 1.0 / math.sqrt(variance[feature] + epsilon)
        scale[feature] = inverse[feature] * weight[feature]
        centre[feature] = mean[feature]
    for sample in range(samples):
        for feature in range(features):
            # The mean is taken off first: folded into the bias it would cancel digits where it is large.
            out[sample, feature] = (x[sample, feature] - centre[feature]) * scale[feature] + bias[feature]


@kernel
def batch_norm_vjp(cotangent, x, mean, inverse, weight, x_cotangent, weight_cotangent, bias_cotangent):
    """Cotangents of x, weight and bias when mean and variance are the batch's own."""
    samples, features = x.shape
    sum_ = np.zeros(features)
    product = np.zeros(features)
    centre = np.empty(features, x.dtype)
    deviation = np.empty(features, x.dtype)
    for feature in range(features):
        centre[feature] = mean[feature]
        deviation[feature] = inverse[feature]
    for sample in range(samples):
        for feature in range(features):
            normalised = (x[sample, feature] - centre[feature]) * deviation[feature]
            sum_[feature] += cotangent[sample, feature]
            product[feature] += cotangent[sample, feature] * normalised
    scale = np.empty(features, x.dtype)
    first = np.empty(features, x.dtype)
    second = np.empty(features, x.dtype)
    for feature in range(features):
        weight_cotangent[feature] = product[feature]
        bias_cotangent[feature] = sum_[feature]
        scale[feature] = weight[feature] * deviation[feature]
        first[feature] = sum_[feature] / samples
        second[feature] = product[feature] / samples
    for sample in range(samples):
        for feature in range(features):
            normalised = (x[sample, feature] - centre[feature]) * deviation[feature]
            x_cotangent[sample, feature] = scale[feature] * (
                cotangent[sample, feature] - first[feature] - normalised * second[feature]
            )

"""Distances between all rows of two matrices, without the (rows, rows, columns) block of differences."""

from __future__ import annotations

import math

import numpy as np

from autograd_core.kernels.jit import kernel, prange, serial_and_parallel


def _pairwise(x, turned, order, out):
    """out[b, i, j] = norm of order `order` of x[b, i] - z[b, j]; `turned` is z with its last two dimensions swapped."""
    batch, rows, columns = x.shape
    others = turned.shape[2]
    for task in prange(batch * rows):
        b, i = task // rows, task % rows
        total = np.zeros(others)
        for m in range(columns):
            value, line = np.float64(x[b, i, m]), turned[b, m]
            if order == 2.0:
                for j in range(line.size):
                    total[j] += (value - line[j]) * (value - line[j])
            elif order == 1.0:
                for j in range(line.size):
                    total[j] += abs(value - line[j])
            elif order == 0.0:
                for j in range(line.size):
                    total[j] += 1.0 if value != line[j] else 0.0
            elif order == math.inf:
                for j in range(line.size):
                    distance = abs(value - line[j])
                    if distance > total[j] or distance != distance:
                        total[j] = distance
            else:
                for j in range(line.size):
                    total[j] += abs(value - line[j]) ** order
        result = out[b, i]
        if order == 2.0:
            for j in range(others):
                result[j] = math.sqrt(total[j])
        elif order == 1.0 or order == 0.0 or order == math.inf:
            for j in range(others):
                result[j] = total[j]
        else:
            for j in range(others):
                result[j] = total[j] ** (1.0 / order)


pairwise_serial, pairwise_parallel = serial_and_parallel(_pairwise)


@kernel
def pairwise_vjp(cotangent, distance, x, z, order, x_cotangent, z_cotangent):
    """Adds to both cotangents, which start as zeros; pairs at distance 0 receive none, ties for infinity share."""
    batch, rows, columns = x.shape
    for b in range(batch):
        for i in range(rows):
            first, first_cotangent = x[b, i], x_cotangent[b, i]
            for j in range(z.shape[1]):
                second, second_cotangent = z[b, j], z_cotangent[b, j]
                length = distance[b, i, j]
                if length == 0 or order == 0.0:
                    continue
                weight = cotangent[b, i, j]
                if order == 2.0:
                    weight = weight / length
                    for m in range(columns):
                        part = weight * (first[m] - second[m])
                        first_cotangent[m] += part
                        second_cotangent[m] -= part
                    continue
                if order == math.inf:
                    ties = 0
                    for m in range(columns):
                        if abs(first[m] - second[m]) == length:
                            ties += 1
                    weight = x.dtype.type(weight / max(1, ties))
                for m in range(columns):
                    difference = first[m] - second[m]
                    if difference == 0:
                        continue
                    size = abs(difference)
                    part = weight
                    if order == math.inf:
                        if size != length:
                            continue
                    elif order != 1.0:
                        part = x.dtype.type(weight * (size / length) ** (order - 1.0))
                    if difference < 0:
                        part = -part
                    first_cotangent[m] += part
                    second_cotangent[m] -= part

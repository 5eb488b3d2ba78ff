"""Backpropagation against the recursion that textbooks write out, layer by layer."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.testing import assert_allclose

import autograd_core as ag
import nn
from tests.leaves import leaf

SLOPES = {
    "relu": lambda z: (z > 0).astype(float),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)) * (1 - 1 / (1 + np.exp(-z))),
    "identity": np.ones_like,
}
VALUES = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}


def test_four_unrolled_layers_have_the_adjoints_of_the_closed_forms(random: np.random.Generator) -> None:
    """ReLU, tanh, sigmoid, identity and half the squared error: δ = S'(z) ζ, and ζ = Wᵀ δ one layer down."""
    widths, names = (3, 5, 4, 3, 2), tuple(SLOPES)
    weights = [random.standard_normal((wide, narrow)) for narrow, wide in itertools.pairwise(widths)]
    biases = [random.standard_normal(wide) for wide in widths[1:]]
    x, y = random.standard_normal(3), random.standard_normal(2)

    activity, before = [x], []
    for weight, bias, name in zip(weights, biases, names, strict=True):
        before.append(weight @ activity[-1] + bias)
        activity.append(VALUES[name](before[-1]))
    zeta, expected = activity[-1] - y, []
    for number in (3, 2, 1, 0):
        delta = SLOPES[names[number]](before[number]) * zeta
        expected.append((zeta, delta, np.outer(delta, activity[number]), delta))
        zeta = weights[number].T @ delta

    tensors, given = [leaf(x)], [(leaf(weight), leaf(bias)) for weight, bias in zip(weights, biases, strict=True)]
    asked = []
    for (weight, bias), name in zip(given, names, strict=True):
        z = weight @ tensors[-1] + bias
        tensors.append(z if name == "identity" else getattr(z, name)())
        asked.append((tensors[-1], z, weight, bias))
    cost = ((tensors[-1] - ag.tensor(y)) ** 2).sum() / 2
    for group, exact in zip(reversed(asked), expected, strict=True):
        for found, wanted in zip(ag.grad(cost, group, retain_graph=True), exact, strict=True):
            assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-15)
    assert_allclose(ag.grad(cost, tensors[0])[0].numpy(), zeta, rtol=1e-12)


def test_the_gradient_of_a_batch_is_the_mean_of_its_samples(random: np.random.Generator) -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 4 * 3, 2)).double()
    images, labels = ag.tensor(random.standard_normal((5, 2, 6, 5))), ag.tensor(random.integers(0, 2, 5))
    whole = ag.grad(nn.functional.cross_entropy(model(images), labels), list(model.parameters()))
    single = [
        ag.grad(nn.functional.cross_entropy(model(images[n : n + 1]), labels[n : n + 1]), list(model.parameters()))
        for n in range(5)
    ]
    for found, parts in zip(whole, zip(*single, strict=True), strict=True):
        assert_allclose(found.numpy(), np.mean([part.numpy() for part in parts], axis=0), rtol=1e-9, atol=1e-14)

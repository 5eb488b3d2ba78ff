"""The concentric-rings experiment: the same small network with and without batch normalisation.

Two classes alternate in four noisy rings, which no straight line separates. A 2→32→32→16→1 network learns them by
binary cross-entropy with Adam; batch normalisation makes it learn in a fraction of the epochs.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np

import autograd_core as ag
import nn
import optim

RADII = (0.5, 1.0, 1.5, 2.0)
NOISE = 0.09
WIDTHS = (32, 32, 16)
TRAINING_SAMPLES = 2048
TEST_SAMPLES = 2048
BATCH = 256
LEARNING_RATE = 0.005


@dataclasses.dataclass(frozen=True)
class Run:
    """One trained network and how it got there.

    Attributes:
        name: what the table and the figure call it.
        model: the trained module, in evaluation mode.
        losses: mean training loss of each epoch.
        accuracies: test accuracy after each epoch, between 0 and 1.
        seconds: how long training took, kernels' compilation included.
    """

    name: str
    model: nn.Module
    losses: list[float]
    accuracies: list[float]
    seconds: float


def concentric_rings(samples: int, generator: ag.Generator) -> tuple[ag.Tensor, ag.Tensor]:
    """Points of noisy concentric rings whose classes alternate.

    Returns:
        Positions of shape (samples, 2) and classes, 0 or 1, of shape (samples, 1), both float32.
    """
    ring = np.arange(samples) % len(RADII)
    angle = generator.numpy.uniform(0, 2 * math.pi, samples)
    radius = np.take(RADII, ring) + NOISE * generator.numpy.standard_normal(samples)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return ag.tensor(points, dtype=ag.float32), ag.tensor((ring % 2)[:, None], dtype=ag.float32)


def data(seed: int) -> tuple[tuple[ag.Tensor, ag.Tensor], tuple[ag.Tensor, ag.Tensor]]:
    """The training and the test set that belong to `seed`, each as points and classes."""
    generator = ag.Generator(seed)
    return concentric_rings(TRAINING_SAMPLES, generator), concentric_rings(TEST_SAMPLES, generator)


def accuracy(model: nn.Module, points: ag.Tensor, classes: ag.Tensor) -> float:
    """The share of points that the sign of the model's logit puts into the right class."""
    model.eval()
    with ag.no_grad():
        right = (model(points) > 0).float().eq(classes)
    model.train()
    return right.float().mean().item()


def train(
    name: str,
    normalization: bool,
    epochs: int,
    seed: int,
    on_epoch: Callable[[float, float], None] = lambda loss, accuracy: None,
) -> Run:
    """Train one network; `on_epoch` is told each epoch's loss and test accuracy."""
    ag.manual_seed(seed)
    (points, classes), (test_points, test_classes) = data(seed)
    model = nn.MLP(2, WIDTHS, 1, normalization=normalization)
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    criterion = nn.BCEWithLogitsLoss()
    losses, accuracies = [], []
    started = time.perf_counter()
    for _ in range(epochs):
        order = ag.randperm(TRAINING_SAMPLES)
        total = 0.0
        for batch in order.split(BATCH):
            optimizer.zero_grad()
            loss = criterion(model(points[batch]), classes[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / TRAINING_SAMPLES)
        accuracies.append(accuracy(model, test_points, test_classes))
        on_epoch(losses[-1], accuracies[-1])
    model.eval()
    return Run(name, model, losses, accuracies, time.perf_counter() - started)


def step_graph(seed: int) -> ag.Tensor:
    """The loss of one training step of the normalised network, for drawing its graph: every module on its own."""
    ag.manual_seed(seed)
    points, classes = (part[:BATCH] for part in data(seed)[0])
    model = nn.MLP(2, WIDTHS, 1, normalization=True)
    with ag.detect_anomaly(check_nan=False):
        loss: ag.Tensor = nn.BCEWithLogitsLoss()(model(points), classes)
    return loss

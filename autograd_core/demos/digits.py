"""Handwritten digits, recognised by a small residual network that is trained on randomly shifted images.

The 1,797 images of 8 × 8 pixels are the ones that come with scikit-learn (Alpaydin and Kaynak 1998, "Optical
recognition of handwritten digits"). A fifth of them, the same in every run, is kept for the test.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import numpy as np

import autograd_core as ag
import nn
import optim

from ..visualize import confusion_matrix

CLASSES = 10
BATCH = 64
WIDTH = 16
BLOCKS = 1
LEARNING_RATE = 0.01
WEIGHT_DECAY = 5e-4
SHIFT = 1
# The test set does not change with the seed of a run.
SPLIT_SEED = 1998
TEST_SHARE = 0.2


@dataclasses.dataclass(frozen=True)
class Run:
    """The trained network and how it got there.

    Attributes:
        model: the trained module, in evaluation mode.
        losses: mean training loss of each epoch.
        training_accuracies: share of the (shifted) training images that were right during each epoch.
        accuracies: test accuracy after each epoch, between 0 and 1.
        predictions: for each test image the class that the trained network gives it.
        seconds: how long training took, kernels' compilation included.
    """

    model: nn.Module
    losses: list[float]
    training_accuracies: list[float]
    accuracies: list[float]
    predictions: np.ndarray
    seconds: float


def data() -> tuple[nn.data.TensorDataset, nn.data.TensorDataset]:
    """The training and the test set: images (N, 1, 8, 8) with values from 0 to 1, and classes (N,).

    Raises:
        ModuleNotFoundError: if scikit-learn is not installed.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = ag.tensor(digits.images[:, None] / 16, dtype=ag.float32)
    classes = ag.tensor(digits.target, dtype=ag.int64)
    order = ag.randperm(len(classes), generator=ag.Generator(SPLIT_SEED))
    count = round(TEST_SHARE * len(classes))
    test, training = order[:count], order[count:]
    return (
        nn.data.TensorDataset(images[training], classes[training]),
        nn.data.TensorDataset(images[test], classes[test]),
    )


def predict(model: nn.Module, images: ag.Tensor) -> np.ndarray:
    """The class that the model gives each image."""
    model.eval()
    with ag.no_grad():
        classes: np.ndarray = model(images).argmax(dim=1).numpy()
    model.train()
    return classes


def train(epochs: int, seed: int, on_epoch: Callable[[float, float], None] = lambda loss, accuracy: None) -> Run:
    """Train a network; `on_epoch` is told each epoch's loss and test accuracy."""
    ag.manual_seed(seed)
    training, test = data()
    test_images, test_classes = test.tensors
    loader = nn.data.DataLoader(training, BATCH, shuffle=True, drop_last=True, transform=nn.data.RandomShift(SHIFT))
    model = nn.models.CifarResNet(BLOCKS, CLASSES, in_channels=1, width=WIDTH, projection=True)
    optimizer = optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=epochs * len(loader))
    criterion = nn.CrossEntropyLoss()
    losses, training_accuracies, accuracies = [], [], []
    predictions = np.empty(0, np.int64)
    started = time.perf_counter()
    for _ in range(epochs):
        total, right, seen = 0.0, 0, 0
        for images, classes in loader:
            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, classes)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(classes)
            right += int((logits.detach().argmax(dim=1).numpy() == classes.numpy()).sum())
            seen += len(classes)
        predictions = predict(model, test_images)
        losses.append(total / seen)
        training_accuracies.append(right / seen)
        accuracies.append(float((predictions == test_classes.numpy()).mean()))
        on_epoch(losses[-1], accuracies[-1])
    model.eval()
    return Run(model, losses, training_accuracies, accuracies, predictions, time.perf_counter() - started)


def confusion(predictions: np.ndarray) -> np.ndarray:
    """How many test images of each class (rows) the network gave each class (columns)."""
    classes = data()[1].tensors[1].numpy()
    return confusion_matrix(classes, predictions, CLASSES)

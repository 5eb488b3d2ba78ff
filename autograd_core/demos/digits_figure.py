"""The figure of the digits experiment: training curves, test images with predictions, the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .digits import CLASSES, Run, confusion, data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision.
_TRAINING, _TEST, _WRONG = "#0072B2", "#D55E00", "#D55E00"
_ROWS, _COLUMNS = 6, 10


def draw(run: Run) -> Figure:
    """The run's losses and accuracies above, images and confusions below."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(10, 9.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    curves(above.subplots(1, 2), run)
    left, right = below.subfigures(1, 2, width_ratios=(1.25, 1))
    samples(left, run)
    matrix(right.subplots(), run)
    drawn: Figure = figure
    return drawn


def curves(axes: Any, run: Run) -> None:
    """Loss, and accuracy of training and test, by epoch."""
    epochs = np.arange(1, len(run.losses) + 1)
    axes[0].plot(epochs, run.losses, color=_TRAINING, linewidth=1.8)
    axes[0].set(title="Training loss", xlabel="epoch", ylabel="cross-entropy", yscale="log")
    for name, values, colour in (
        ("training, shifted images", run.training_accuracies, _TRAINING),
        ("test", run.accuracies, _TEST),
    ):
        axes[1].plot(epochs, [100 * value for value in values], color=colour, label=name, linewidth=1.8)
    axes[1].set(title="Accuracy", xlabel="epoch", ylabel="right, %", ylim=(80, 100.5))
    axes[1].legend(frameon=False, loc="lower right")
    for plot in axes:
        plot.grid(alpha=0.25)
        plot.spines[["top", "right"]].set_visible(False)


def samples(figure: Any, run: Run) -> None:
    """Test images with what the network takes them for; all it gets wrong come first."""
    images, classes = (tensor.numpy() for tensor in data()[1].tensors)
    wrong = np.flatnonzero(run.predictions != classes)
    right = np.flatnonzero(run.predictions == classes)
    chosen = np.concatenate([wrong, right])[: _ROWS * _COLUMNS]
    figure.suptitle(f"Test images: {len(wrong)} of {len(classes)} wrong")
    for axes, number in zip(figure.subplots(_ROWS, _COLUMNS).flat, chosen, strict=False):
        mistaken = run.predictions[number] != classes[number]
        axes.imshow(images[number, 0], cmap="gray_r", vmin=0, vmax=1)
        title = f"{run.predictions[number]}" + (f" not {classes[number]}" if mistaken else "")
        axes.set_title(title, fontsize=8, color=_WRONG if mistaken else "#222222", pad=2)
        axes.set(xticks=[], yticks=[])
        for side in axes.spines.values():
            side.set_color(_WRONG if mistaken else "#bbbbbb")


def matrix(axes: Any, run: Run) -> None:
    """How often each class was taken for each other."""
    counts = confusion(run.predictions)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(CLASSES):
        for column in range(CLASSES):
            if counts[row, column]:
                colour = "#ffffff" if shares[row, column] > 0.5 else "#222222"
                axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=8)
    axes.set(title="Confusion", xlabel="taken for", ylabel="is", xticks=range(CLASSES), yticks=range(CLASSES))

"""The figure of the digits experiment: training curves, test images with predictions, the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..visualize import plot_confusion_matrix, plot_curves
from .digits import Run, confusion, data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision.
_WRONG = "#D55E00"
_ROWS, _COLUMNS = 6, 10


def draw(run: Run) -> Figure:
    """The run's losses and accuracies above, images and confusions below."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(10, 9.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    curves(above.subplots(1, 2), run)
    left, right = below.subfigures(1, 2, width_ratios=(1.25, 1))
    samples(left, run)
    plot_confusion_matrix(confusion(run.predictions), axes=right.subplots())
    drawn: Figure = figure
    return drawn


def curves(axes: Any, run: Run) -> None:
    """Loss, and accuracy of training and test, by epoch."""
    plot_curves({"training": run.losses}, title="Training loss", ylabel="cross-entropy", log=True, axes=axes[0])
    accuracies = {"training, shifted images": run.training_accuracies, "test": run.accuracies}
    plot_curves(accuracies, title="Accuracy", ylabel="right", percent=True, axes=axes[1])
    axes[1].set_ylim(80, 100.5)


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

"""The figure of the rings experiment: training curves above, decision boundaries below."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..visualize import plot_curves, plot_decision_boundary
from .rings import Run, data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EXTENT = 2.6


def draw(runs: list[Run], seed: int) -> Figure:
    """Both runs' losses and accuracies, and their decision boundaries over the test points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8.4), layout="constrained")
    axes: Any = figure.subplots(2, 2)
    losses = {run.name: run.losses for run in reversed(runs)}
    plot_curves(losses, title="Training loss", ylabel="binary cross-entropy", log=True, axes=axes[0, 0])
    accuracies = {run.name: run.accuracies for run in reversed(runs)}
    plot_curves(accuracies, title="Test accuracy", ylabel="right", percent=True, axes=axes[0, 1])
    axes[0, 1].set_ylim(45, 101)
    points, classes = data(seed)[1]
    for plot, run in zip(axes[1], runs, strict=True):
        title = f"{run.name}: {100 * run.accuracies[-1]:.1f}% right"
        plot_decision_boundary(run.model, points, classes, extent=_EXTENT, title=title, axes=plot)
        plot.set_xticks(np.arange(-2, 3))
        plot.set_yticks(np.arange(-2, 3))
    return figure


def save(figure: Figure, path: pathlib.Path) -> None:
    """Write the figure as PNG, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, dpi=120, format="png", metadata={"Software": None})
    os.replace(partial, path)

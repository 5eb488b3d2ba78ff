"""The figure of the rings experiment: training curves above, decision boundaries below."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd_core as ag

from .rings import Run, data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision.
_LINES = ("#D55E00", "#0072B2")
_CLASSES = ("#E69F00", "#0072B2")
_EXTENT = 2.6
_RESOLUTION = 240


def draw(runs: list[Run], seed: int) -> Figure:
    """Both runs' losses and accuracies, and their decision boundaries over the test points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8.4), layout="constrained")
    axes: Any = figure.subplots(2, 2)
    epochs = np.arange(1, len(runs[0].losses) + 1)
    for run, colour in zip(runs, _LINES, strict=True):
        axes[0, 0].plot(epochs, run.losses, color=colour, label=run.name, linewidth=1.8)
        axes[0, 1].plot(epochs, [100 * a for a in run.accuracies], color=colour, label=run.name, linewidth=1.8)
    axes[0, 0].set(title="Training loss", xlabel="epoch", ylabel="binary cross-entropy", yscale="log")
    axes[0, 1].set(title="Test accuracy", xlabel="epoch", ylabel="right, %", ylim=(45, 101))
    for plot in axes[0]:
        plot.grid(alpha=0.25)
        plot.spines[["top", "right"]].set_visible(False)
        plot.legend(frameon=False)
    points, classes = data(seed)[1]
    for plot, run in zip(axes[1], runs, strict=True):
        boundary(plot, run, points.numpy(), classes.numpy()[:, 0])
    return figure


def boundary(axes: Any, run: Run, points: np.ndarray, classes: np.ndarray) -> None:
    """Shade the plane by the model's probability and draw points over it."""
    line = np.linspace(-_EXTENT, _EXTENT, _RESOLUTION, dtype=np.float32)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    with ag.no_grad():
        probability = run.model(ag.from_numpy(grid)).sigmoid().numpy().reshape(_RESOLUTION, _RESOLUTION)
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("classes", [_CLASSES[0], "#ffffff", _CLASSES[1]])
    extent = (-_EXTENT, _EXTENT, -_EXTENT, _EXTENT)
    axes.imshow(
        probability, origin="lower", extent=extent, cmap=shades, alpha=0.55, vmin=0, vmax=1, interpolation="bilinear"
    )
    axes.contour(line, line, probability, levels=[0.5], colors="#222222", linewidths=1.2)
    for label, colour in enumerate(_CLASSES):
        chosen = points[classes == label]
        axes.scatter(*chosen.T, s=7, color=colour, edgecolors="white", linewidths=0.3, label=f"class {label}")
    axes.set(title=f"{run.name}: {100 * run.accuracies[-1]:.1f}% right", xlabel="$x_1$", ylabel="$x_2$")
    axes.set_aspect("equal")
    axes.set_xlim(-_EXTENT, _EXTENT)
    axes.set_ylim(-_EXTENT, _EXTENT)
    axes.set_xticks(np.arange(-2, 3))
    axes.set_yticks(np.arange(-2, 3))
    axes.legend(loc="upper right", fontsize=8, framealpha=0.9)


def save(figure: Figure, path: pathlib.Path) -> None:
    """Write the figure as PNG, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, dpi=120, format="png", metadata={"Software": None})
    os.replace(partial, path)

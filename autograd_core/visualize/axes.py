"""What all plots share: their Axes, their colours, and what to say without matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with any colour vision.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def demand_axes(axes: Axes | None, **options: Any) -> Any:
    """The Axes to draw into, as Any: matplotlib's own annotations are stricter than what it takes."""
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'plots need matplotlib: python -m pip install "autograd-core[plot]"', name=error.name
        ) from None
    return pyplot.subplots(layout="constrained", **options)[1]


def tidy(axes: Any) -> None:
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)

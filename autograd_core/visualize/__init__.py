"""Pictures of computation graphs: DOT text, SVG, Mermaid; no other program needed.

    >>> import autograd_core as ag
    >>> from autograd_core.visualize import draw
    >>> x = ag.ones(2, 3, requires_grad=True)
    >>> picture = draw(x.tanh().sum(), direction="TB")
    >>> picture
    <GraphPicture: forward graph · 2 operations; .view() shows it, .save() writes it>

``picture.save("graph.svg")`` writes it to a file, ``picture.source`` is its DOT text.
"""

from .drawing import draw
from .engines import RenderError
from .explain import explain
from .flow import gradient_norms, plot_activations, plot_gradient_flow
from .picture import GraphPicture
from .plots import (
    confusion_matrix,
    plot_activation,
    plot_confusion_matrix,
    plot_curves,
    plot_decision_boundary,
    plot_schedule,
)

__all__ = [
    "GraphPicture",
    "RenderError",
    "confusion_matrix",
    "draw",
    "explain",
    "gradient_norms",
    "plot_activation",
    "plot_activations",
    "plot_confusion_matrix",
    "plot_curves",
    "plot_decision_boundary",
    "plot_gradient_flow",
    "plot_schedule",
]

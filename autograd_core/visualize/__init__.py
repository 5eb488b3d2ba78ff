"""Pictures of computation graphs: DOT text, SVG, Mermaid; no other program needed.

    >>> import autograd_core as ag
    >>> from autograd_core.visualize import draw
    >>> x = ag.ones(2, 3, requires_grad=True)
    >>> picture = draw(x.tanh().sum(), direction="TB")
    >>> picture
    <GraphPicture: forward graph · 2 operations>

``picture.save("graph.svg")`` writes it to a file, ``picture.source`` is its DOT text.
"""

from .drawing import draw
from .engines import RenderError
from .picture import GraphPicture

__all__ = ["GraphPicture", "RenderError", "draw"]

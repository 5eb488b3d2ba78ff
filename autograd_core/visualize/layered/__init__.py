"""A layered ("Sugiyama") layout in pure Python, for machines without Graphviz.

Frames are laid out from the inside out: a finished frame is one big box in the layout around it, and an arrow that
crosses a frame's border does so at a port that both layouts share. So no frame can overlap another, or a box that is
not in it, whatever the graph. Within one frame the steps are the usual ones: ranks by longest path from the sinks, and
bends where an arrow passes a rank (`ranking`; arrows from one source run together as a trunk and branch off), an order
that keeps crossings few (`ordering`), positions that keep arrows straight (`placement`), line breaks where it gets too
long (`wrapping`), and the lines themselves (`routing`).

Coordinates: *along* is the direction data flows, *across* the other one; `nesting` turns them into x and y.
"""

from .nesting import Layout, lay_out

__all__ = ["Layout", "lay_out"]

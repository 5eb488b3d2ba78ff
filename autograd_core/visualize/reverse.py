"""The backward graph: from a picture of what was computed to one of how gradients flow back through it."""

from __future__ import annotations

from dataclasses import replace

from .model import Cluster, NodeKind, Picture, PictureEdge, PictureNode

FORWARD, BACKWARD = "forward", "backward"

# What stands in the backward graph for each kind of box; an output is where the gradient starts.
_REVERSED: dict[NodeKind, NodeKind] = {
    "operation": "derivative",
    "parameter": "gradient",
    "input": "gradient",
    "module": "module",
    "summary": "summary",
    "output": "output",
}


def reverse(picture: Picture) -> Picture:
    """The backward graph of a forward picture: the same frames, every arrow turned round.

    Each operation becomes its derivative, and each leaf the gradient that is gathered for it.
    """
    found = Picture(picture.name, picture.direction, caption=_caption(picture, "backward graph"), legend=picture.legend)
    for cluster in picture.clusters:
        closed = cluster.closed
        looks = None if closed is None else _reversed_node(closed, "module", closed.identifier)
        found.clusters.append(replace(cluster, closed=looks))
    count: dict[NodeKind, int] = {}
    for node in picture.nodes:
        kind = _REVERSED[node.kind]
        count[kind] = count.get(kind, 0) + 1
        found.nodes.append(_reversed_node(node, kind, f"{BACKWARD}_{kind}{count[kind]}"))
    for edge in picture.edges:
        found.edges.append(replace(edge, source=edge.target, target=edge.source))
    return found


def join(picture: Picture) -> Picture:
    """Forward and backward graph in one picture, with what backward keeps of the forward pass between them."""
    back = reverse(picture)
    found = Picture(picture.name, picture.direction, caption=_caption(picture, "both graphs"), legend=picture.legend)
    for half, (part, title) in enumerate(((picture, FORWARD), (back, BACKWARD))):
        frame, first = len(found.clusters), len(found.nodes)
        found.clusters.append(Cluster(title, None, 1, title, PictureNode(title, "module", (title,))))
        for cluster in part.clusters:
            parent = frame if cluster.parent is None else frame + 1 + cluster.parent
            found.clusters.append(
                replace(cluster, parent=parent, level=cluster.level + 1, key=f"{title} {cluster.key}")
            )
        for node in part.nodes:
            inside = frame if node.cluster is None else frame + 1 + node.cluster
            fill = node.fill if half else ""
            found.nodes.append(replace(node, cluster=inside, fill=fill))
        for edge in part.edges:
            color = edge.color if half else ""
            found.edges.append(replace(edge, source=first + edge.source, target=first + edge.target, color=color))
    offset = len(picture.nodes)
    for place, node in enumerate(picture.nodes):
        if node.kind == "output":
            found.edges.append(PictureEdge(place, offset + place))
        elif node.keeps:
            found.edges.append(PictureEdge(place, offset + place, ", ".join(node.keeps), dashed=True))
    if any(edge.dashed for edge in found.edges):
        found.caption = (*found.caption, "dashed: what backward keeps of the forward pass")
    return found


def _caption(picture: Picture, what: str) -> tuple[str, ...]:
    return tuple(line.replace("forward graph", what).replace("after backward", what) for line in picture.caption)


def _reversed_node(node: PictureNode, kind: NodeKind, identifier: str) -> PictureNode:
    name, *rest = node.lines
    if node.kind in ("operation", "module"):
        name = f"{name} backward"
    elif node.kind == "output":
        name = f"gradient of {name}"
    elif node.kind != "summary":
        name = f"{name}.grad"
    return replace(node, identifier=identifier, kind=kind, lines=(name, *rest))

"""Write a picture in the DOT language, by way of the graphviz package."""

from __future__ import annotations

import graphviz

from . import theme
from .model import NodeKind, Picture, PictureNode

_OUTLINES: dict[str, dict[str, str]] = {
    "round": {"shape": "box", "style": "rounded,filled"},
    "box": {"shape": "box", "style": "filled"},
    "pill": {"shape": "ellipse", "style": "filled"},
    "double": {"shape": "box", "style": "rounded,filled", "peripheries": "2"},
}


def write_dot(picture: Picture, digraph: graphviz.Digraph) -> None:
    """Write `picture` into an empty `digraph`: attributes, nested clusters, nodes and edges."""
    digraph.graph_attr.update(
        rankdir=picture.direction,
        fontname=theme.FONTS,
        fontsize=number(theme.CAPTION_SIZE),
        fontcolor=theme.FAINT_TEXT,
        label=left_aligned(picture.caption),
        labeljust="l",
        nodesep="0.2",
        ranksep="0.35",
    )
    digraph.node_attr.update(
        fontname=theme.FONTS,
        fontsize=number(theme.NODE_SIZE),
        fontcolor=theme.TEXT,
        height="0.3",
        margin="0.12,0.05",
    )
    digraph.edge_attr.update(
        fontname=theme.FONTS,
        fontsize=number(theme.LABEL_SIZE),
        fontcolor=theme.FAINT_TEXT,
        color=theme.LINE,
        arrowsize="0.7",
    )
    _write_nodes(picture, digraph)
    identifiers = [node.identifier for node in picture.nodes]
    for edge in picture.edges:
        label = escape(edge.label) if edge.label else None
        digraph.edge(identifiers[edge.source], identifiers[edge.target], label)


def _write_nodes(picture: Picture, digraph: graphviz.Digraph) -> None:
    looks = {kind: _look_attributes(kind) for kind in theme.LOOKS}
    bodies: list[graphviz.Digraph] = []
    for place, cluster in enumerate(picture.clusters):
        attributes = {
            "label": escape(cluster.label),
            "labeljust": "l",
            "fontsize": number(theme.CLUSTER_SIZE),
            "style": "rounded,filled",
            "color": theme.FRAME,
            "fillcolor": theme.FRAME_FILLS[(cluster.level - 1) % 2],
        }
        bodies.append(graphviz.Digraph(name=f"cluster_{place + 1}", graph_attr=attributes))
    for node in picture.nodes:
        body = digraph if node.cluster is None else bodies[node.cluster]
        body.node(node.identifier, _label(node), looks[node.kind], **_tooltip(node))
    # A frame comes before those inside it, so going backwards every frame is complete when it is put into its own.
    for place in reversed(range(len(bodies))):
        parent = picture.clusters[place].parent
        (digraph if parent is None else bodies[parent]).subgraph(bodies[place])


def _look_attributes(kind: NodeKind) -> dict[str, str]:
    look = theme.LOOKS[kind]
    attributes = {**_OUTLINES[look.shape], "fillcolor": look.fill, "color": look.border}
    if look.dashed:
        attributes["style"] += ",dashed"
    return attributes


def _label(node: PictureNode) -> str:
    return graphviz.nohtml("\\n".join(escape(line) for line in node.lines))


def _tooltip(node: PictureNode) -> dict[str, str]:
    return {"tooltip": escape(node.tooltip)} if node.tooltip else {}


def escape(text: str) -> str:
    """Text as a DOT string that means exactly this text, whatever brackets and backslashes are in it."""
    return graphviz.escape(text)


def left_aligned(lines: tuple[str, ...]) -> str:
    """Several lines as one DOT label, each starting at the left."""
    return graphviz.nohtml("".join(escape(line) + "\\l" for line in lines))


def number(value: float) -> str:
    """A figure without a needless decimal point."""
    return f"{value:g}"

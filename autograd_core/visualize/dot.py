"""Write a picture in the DOT language, by way of the graphviz package."""

from __future__ import annotations

from xml.sax.saxutils import escape

import graphviz

from . import theme
from .model import NodeKind, Picture, PictureEdge, PictureNode

_OUTLINES: dict[str, dict[str, str]] = {
    "round": {"shape": "box", "style": "rounded,filled"},
    "box": {"shape": "box", "style": "filled"},
    "pill": {"shape": "ellipse", "style": "filled"},
    "double": {"shape": "box", "style": "rounded,filled", "peripheries": "2"},
}
_LEAVES = ("parameter", "input")


def write_dot(picture: Picture, digraph: graphviz.Digraph) -> None:
    """Write `picture` into an empty `digraph`: attributes, nested clusters, nodes and edges."""
    text = {"fontname": theme.FONTS, "fontcolor": theme.FAINT_TEXT}
    digraph.graph_attr.update(
        text,
        rankdir=picture.direction,
        fontsize=f"{theme.CAPTION_SIZE:g}",
        label=_caption(picture),
        labeljust="l",
        nodesep="0.2",
        ranksep="0.35",
    )
    digraph.node_attr.update(
        text,
        fontsize=f"{theme.NODE_SIZE:g}",
        fontcolor=theme.TEXT,
        height="0.3",
        margin="0.12,0.05",
        **_look_attributes("operation"),
    )
    # What flows from operation to operation should run straight; parameters join it from the side.
    digraph.edge_attr.update(text, fontsize=f"{theme.LABEL_SIZE:g}", color=theme.LINE, arrowsize="0.7", weight="4")
    _write_nodes(picture, digraph)
    _write_edges(picture, digraph)


def _write_nodes(picture: Picture, digraph: graphviz.Digraph) -> None:
    # An operation's look is the default that stands at the top.
    looks = {kind: _look_attributes(kind) if kind != "operation" else {} for kind in theme.LOOKS}
    bodies: list[graphviz.Digraph] = []
    for place, cluster in enumerate(picture.clusters):
        attributes = {
            "label": graphviz.escape(cluster.label),
            "labeljust": "l",
            "fontsize": f"{theme.CLUSTER_SIZE:g}",
            "style": "rounded,filled",
            "color": theme.FRAME,
            "fillcolor": theme.FRAME_FILLS[(cluster.level - 1) % 2],
        }
        bodies.append(graphviz.Digraph(name=f"cluster_{place + 1}", graph_attr=attributes))
    for node in picture.nodes:
        body = digraph if node.cluster is None else bodies[node.cluster]
        attributes = looks[node.kind] | _own_look(node) | _tooltip(node)
        body.node(node.identifier, _label(node), _attributes=attributes)
    # A frame comes before those inside it, so going backwards every frame is complete when it is put into its own.
    for place in reversed(range(len(bodies))):
        parent = picture.clusters[place].parent
        (digraph if parent is None else bodies[parent]).subgraph(bodies[place])


def _write_edges(picture: Picture, digraph: graphviz.Digraph) -> None:
    nodes = picture.nodes
    meets_leaf = {edge.target for edge in picture.edges if nodes[edge.source].kind in _LEAVES}
    for edge in picture.edges:
        attributes = _edge_attributes(picture, edge, meets_leaf)
        label = graphviz.escape(edge.text) if edge.text else None
        digraph.edge(nodes[edge.source].identifier, nodes[edge.target].identifier, label, _attributes=attributes)


def _edge_attributes(picture: Picture, edge: PictureEdge, meets_leaf: set[int]) -> dict[str, str]:
    source, target = picture.nodes[edge.source], picture.nodes[edge.target]
    look = {"color": edge.color} if edge.color else {}
    if edge.dashed:
        # What is kept for backward crosses the flow; it should not pull boxes about.
        return look | {"style": "dashed", "weight": "0", "constraint": "false"}
    if source.kind in _LEAVES:
        return look | {"weight": "1"}
    # Parameters take the rank before their operation. Unless the rank before that is where the arrow into their frame
    # comes from, the two frames share a rank, and dot has to put them beside each other instead of in a row.
    if source.cluster != target.cluster and edge.target in meets_leaf:
        return look | {"minlen": "3"}
    return look


def _look_attributes(kind: NodeKind) -> dict[str, str]:
    look = theme.LOOKS[kind]
    attributes = {**_OUTLINES[look.shape], "fillcolor": look.fill, "color": look.border}
    if look.dashed:
        attributes["style"] += ",dashed"
    return attributes


def _own_look(node: PictureNode) -> dict[str, str]:
    found = {"fillcolor": node.fill} if node.fill else {}
    return found | {"color": theme.FAULT, "penwidth": "2.5"} if node.fault else found


def _label(node: PictureNode) -> str:
    return _literal("\\n".join(graphviz.escape(line) for line in node.lines))


def _tooltip(node: PictureNode) -> dict[str, str]:
    if not node.tooltip or node.tooltip == node.lines[0]:
        return {}
    return {"tooltip": "\\n".join(graphviz.escape(line) for line in node.tooltip.split("\n"))}


def _caption(picture: Picture) -> str:
    """The caption, below the legend if there is one, which takes a table."""
    lines = picture.caption
    if picture.legend is not None:
        cells = "".join(
            f'<td bgcolor="{color}" width="46"><font color="{theme.TEXT}">{escape(text)}</font></td>'
            for color, text in picture.legend.entries
        )
        swatches = f'<tr><td align="left">{escape(picture.legend.title)}</td>{cells}</tr>'
        table = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="3">{swatches}</table>'
        rows = "".join(f'<tr><td align="left">{escape(line)}</td></tr>' for line in lines)
        head = f'<tr><td align="left">{table}</td></tr>'
        return f'<<table border="0" cellspacing="0" cellpadding="1">{head}{rows}</table>>'
    return _literal("".join(graphviz.escape(line) + "\\l" for line in lines))


def _literal(label: str) -> str:
    """A label that is not read as HTML, even if it begins and ends with angle brackets."""
    text: str = graphviz.nohtml(label)
    return text

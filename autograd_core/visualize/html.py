"""Write a picture as one self-contained HTML file that can be moved, searched, and opened and closed module by module.

The page holds the whole graph and lays it out itself, again each time a module is opened. It loads nothing.
"""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template
from typing import Any
from xml.sax.saxutils import escape

from . import theme
from .mathml import to_mathml
from .model import Picture, PictureNode


def write_html(picture: Picture, opened: set[str], title: str) -> str:
    """The text of a page.

    Args:
        picture: the graph with every module open.
        opened: the keys of the clusters that are open at first.
        title: the page's.
    """
    page = files(__package__) / "page"
    names = ("page.html", "page.css", "wrap.js", "layout.js", "view.js")
    parts = {name: (page / name).read_text(encoding="utf-8") for name in names}
    style = Template(parts["page.css"]).substitute(light=_colors(theme.LOOKS), dark=_colors(theme.DARK_LOOKS))
    return Template(parts["page.html"]).substitute(
        title=escape(title),
        style=style,
        # No text of the graph can end the element it stands in.
        graph=json.dumps(_data(picture, opened), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        layout=parts["wrap.js"] + parts["layout.js"],
        view=parts["view.js"],
    )


def _colors(looks: dict[Any, theme.Look]) -> str:
    lines = [f"  --{kind}: {look.fill}; --{kind}-border: {look.border};" for kind, look in looks.items()]
    return "\n".join(lines)


def _data(picture: Picture, opened: set[str]) -> dict[str, Any]:
    legend = picture.legend
    return {
        "direction": picture.direction,
        "nodes": [_node(node) for node in picture.nodes],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "label": edge.label,
                "text": edge.text,
                "color": edge.color,
                "dashed": edge.dashed,
            }
            for edge in picture.edges
        ],
        "clusters": [
            {
                "label": cluster.label,
                "parent": cluster.parent,
                "level": cluster.level,
                "open": cluster.key in opened,
                "closed": _node(cluster.closed or PictureNode("", "module", (cluster.label,))),
            }
            for cluster in picture.clusters
        ],
        "caption": picture.caption,
        "legend": None if legend is None else {"title": legend.title, "entries": legend.entries},
    }


def _node(node: PictureNode) -> dict[str, Any]:
    return {
        "id": node.identifier,
        "kind": node.kind,
        "lines": node.lines,
        "cluster": node.cluster,
        "facts": node.facts,
        "formulas": [(label, latex, _math(latex)) for label, latex in node.formulas],
        "fill": node.fill,
        "fault": node.fault,
    }


def _math(latex: str) -> str:
    """A formula as the browser draws it; nothing where it cannot be turned into that, its LaTeX is shown then."""
    try:
        return to_mathml(latex)
    except ValueError:
        return ""

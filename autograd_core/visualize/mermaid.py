"""Write a picture as a Mermaid flowchart, which code forges draw inside Markdown."""

from __future__ import annotations

import re

from . import theme
from .model import NodeKind, Picture

_BRACKETS: dict[NodeKind, tuple[str, str]] = {
    "operation": ("(", ")"),
    "parameter": ("[", "]"),
    "input": ("([", "])"),
    "output": ("([", "])"),
    "module": ("[[", "]]"),
    "summary": ("[", "]"),
    "derivative": ("(", ")"),
    "gradient": ("([", "])"),
}


def write_mermaid(picture: Picture) -> str:
    """The text of a ``flowchart`` with subgraphs for module calls; the caption becomes comments."""
    lines = [f"%% {line}" for line in picture.caption]
    lines.append(f"flowchart {picture.direction}")
    members: dict[int | None, list[int]] = {}
    for index, node in enumerate(picture.nodes):
        members.setdefault(node.cluster, []).append(index)
    children: dict[int | None, list[int]] = {}
    for place, cluster in enumerate(picture.clusters):
        children.setdefault(cluster.parent, []).append(place)
    # Entries are a cluster to open, or a finished line; a stack, since the nesting may be deep.
    stack: list[tuple[int | None, str, str]] = [(None, "", "    ")]
    while stack:
        cluster_index, line, indent = stack.pop()
        if line:
            lines.append(line)
            continue
        if cluster_index is not None:
            outer = indent[:-4]
            title = _quoted(picture.clusters[cluster_index].label)
            lines.append(f'{outer}subgraph cluster{cluster_index + 1}["{title}"]')
            stack.append((None, f"{outer}end", ""))
        for index in members.get(cluster_index, ()):
            node = picture.nodes[index]
            opening, closing = _BRACKETS[node.kind]
            text = "<br>".join(_quoted(part) for part in node.lines)
            lines.append(f'{indent}{node.identifier}{opening}"{text}"{closing}')
        stack.extend((child, "", indent + "    ") for child in reversed(children.get(cluster_index, [])))
    for edge in picture.edges:
        label = f'|"{_quoted(edge.text)}"|' if edge.text else ""
        arrow = "-.->" if edge.dashed else "-->"
        lines.append(
            f"    {picture.nodes[edge.source].identifier} {arrow}{label} {picture.nodes[edge.target].identifier}"
        )
    for kind in dict.fromkeys(node.kind for node in picture.nodes):
        look = theme.LOOKS[kind]
        dashes = ",stroke-dasharray:4 3" if look.dashed else ""
        lines.append(f"    classDef {kind}Look fill:{look.fill},stroke:{look.border},color:{theme.TEXT}{dashes}")
        named = ",".join(node.identifier for node in picture.nodes if node.kind == kind)
        lines.append(f"    class {named} {kind}Look")
    for node in picture.nodes:
        own = [f"fill:{node.fill}"] if node.fill else []
        own += [f"stroke:{theme.FAULT}", "stroke-width:3px"] if node.fault else []
        if own:
            lines.append(f"    style {node.identifier} {','.join(own)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text safe between Mermaid's double quotes, which know entities but no backslashes."""
    return re.sub(r'[&"<>#`\\]', lambda match: f"#{ord(match.group())};", text)

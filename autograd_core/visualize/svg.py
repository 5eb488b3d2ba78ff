"""Write a laid-out picture as a self-contained SVG."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape, quoteattr

from . import theme
from .layered import Layout, lay_out
from .layered.nesting import LINE_HEIGHT, MARGIN, Arrow, Box, line_sizes
from .model import Legend, Picture, PictureNode

_CAPTION_LINE = 15.0
_LEGEND_HEIGHT, _SWATCH_WIDTH, _SWATCH_HEIGHT = 24.0, 52.0, 16.0
_ARROW_LENGTH, _ARROW_HALF_WIDTH = 7.0, 3.0


def write_svg(picture: Picture) -> str:
    """Lay `picture` out and return the text of an SVG file; needs no other program."""
    layout = lay_out(picture)
    caption_width = max((theme.text_width(line, theme.CAPTION_SIZE) for line in picture.caption), default=0.0)
    width = max(layout.width, caption_width + 2 * MARGIN)
    legend_height = _LEGEND_HEIGHT if picture.legend is not None else 0.0
    foot = legend_height + _CAPTION_LINE * len(picture.caption) + (MARGIN if picture.caption else 0.0)
    height = layout.height + foot
    if picture.legend is not None:
        width = max(width, _legend_width(picture.legend) + 2 * MARGIN)
    size = f'width="{math.ceil(width)}" height="{math.ceil(height)}"'
    box = f'viewBox="0 0 {math.ceil(width)} {math.ceil(height)}"'
    title = escape(picture.caption[0] if picture.caption else picture.name)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} font-family={quoteattr(theme.FONTS)} role="img">',
        f"<title>{title}</title>",
        f'<rect width="100%" height="100%" fill="{theme.BACKGROUND}"/>',
    ]
    # A picture narrower than its caption stands in the middle above it.
    shift = (width - layout.width) / 2
    lines.append(f'<g transform="translate({_number(shift)} 0)">' if shift > 0.5 else "<g>")
    lines.extend(_frames(picture, layout))
    lines.extend(_arrows(picture, layout))
    lines.extend(_boxes(picture, layout))
    lines.append("</g>")
    if picture.legend is not None:
        lines.extend(_legend(picture.legend, layout.height))
    for place, line in enumerate(picture.caption):
        baseline = layout.height + legend_height + _CAPTION_LINE * (place + 0.8)
        lines.append(_text(line, MARGIN, baseline, theme.CAPTION_SIZE, theme.FAINT_TEXT, "start"))
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _legend_width(legend: Legend) -> float:
    title = theme.text_width(legend.title, theme.LABEL_SIZE) + 8.0
    return title + _SWATCH_WIDTH * len(legend.entries)


def _legend(legend: Legend, top: float) -> list[str]:
    """A row of coloured fields, with what they stand for inside."""
    baseline = top + _SWATCH_HEIGHT / 2 + theme.LABEL_SIZE * 0.35
    lines = [_text(legend.title, MARGIN, baseline, theme.LABEL_SIZE, theme.FAINT_TEXT, "start")]
    x = MARGIN + theme.text_width(legend.title, theme.LABEL_SIZE) + 8.0
    for color, text in legend.entries:
        swatch = Box(x, top, _SWATCH_WIDTH, _SWATCH_HEIGHT)
        lines.append(f'<rect class="legend" {_rectangle(swatch)} fill="{color}"/>')
        lines.append(_text(text, x + _SWATCH_WIDTH / 2, baseline, theme.LABEL_SIZE, theme.TEXT, "middle"))
        x += _SWATCH_WIDTH
    return lines


def _frames(picture: Picture, layout: Layout) -> list[str]:
    lines = []
    for cluster, frame in zip(picture.clusters, layout.clusters, strict=True):
        fill = theme.FRAME_FILLS[(cluster.level - 1) % 2]
        lines.append(f'<rect class="cluster" {_rectangle(frame)} rx="6" fill="{fill}" stroke="{theme.FRAME}"/>')
    for cluster, box in zip(picture.clusters, layout.titles, strict=True):
        baseline = box.y + box.height / 2 + theme.CLUSTER_SIZE * 0.35
        lines.append(_text(cluster.label, box.x, baseline, theme.CLUSTER_SIZE, theme.FAINT_TEXT, "start"))
    return lines


def _arrows(picture: Picture, layout: Layout) -> list[str]:
    lines = [f'<g fill="none" stroke="{theme.LINE}">']
    heads = [f'<g fill="{theme.LINE}">']
    texts = []
    for edge, arrow in zip(picture.edges, layout.arrows, strict=True):
        if arrow is None:
            continue
        path, head = _arrow(arrow)
        line_color = f' stroke="{edge.color}" stroke-width="1.8"' if edge.color else ""
        dashes = ' stroke-dasharray="3 3"' if edge.dashed else ""
        lines.append(f'<path class="edge" d="{path}"{line_color}{dashes}/>')
        head_color = f' fill="{edge.color}"' if edge.color else ""
        heads.append(f'<path d="{head}"{head_color}/>')
        if arrow.label is not None:
            middle = arrow.label.x + arrow.label.width / 2
            baseline = arrow.label.y + arrow.label.height / 2 + theme.LABEL_SIZE * 0.35
            texts.append(_text(arrow.text, middle, baseline, theme.LABEL_SIZE, theme.FAINT_TEXT, "middle"))
    return [*lines, "</g>", *heads, "</g>", *texts]


def _arrow(arrow: Arrow) -> tuple[str, str]:
    """The line, which ends where the head begins, and the head, as path data."""
    last = arrow.pieces[-1]
    tip = last[-2:]
    # The direction in which the line arrives: from the last control point, or from where the last piece starts.
    before = last[-4:-2] if len(last) > 2 else arrow.pieces[-2][-2:] if len(arrow.pieces) > 1 else arrow.start
    length = math.hypot(tip[0] - before[0], tip[1] - before[1]) or 1.0
    dx, dy = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
    base = tip[0] - dx * _ARROW_LENGTH, tip[1] - dy * _ARROW_LENGTH
    left = base[0] - dy * _ARROW_HALF_WIDTH, base[1] + dx * _ARROW_HALF_WIDTH
    right = base[0] + dy * _ARROW_HALF_WIDTH, base[1] - dx * _ARROW_HALF_WIDTH
    pieces = [*arrow.pieces[:-1], (*last[:-2], *base)]
    line = f"M{_pair(arrow.start)}" + "".join(map(_command, pieces))
    return line, f"M{_pair(tip)}L{_pair(left)}L{_pair(right)}Z"


def _command(numbers: tuple[float, ...]) -> str:
    return ("L" if len(numbers) == 2 else "C") + " ".join(map(_number, numbers))


def _boxes(picture: Picture, layout: Layout) -> list[str]:
    lines = []
    for node, box in zip(picture.nodes, layout.nodes, strict=True):
        lines.append(f'<g class="node {node.kind}" data-node="{node.identifier}">')
        if node.tooltip:
            lines.append(f"<title>{escape(node.tooltip)}</title>")
        lines.extend(_outline(node, box))
        middle = box.x + box.width / 2
        baseline = box.y + box.height / 2 - LINE_HEIGHT * (len(node.lines) - 1) / 2
        for line, size in zip(node.lines, line_sizes(node), strict=True):
            color = theme.TEXT if size == theme.NODE_SIZE or node.fill else theme.FAINT_TEXT
            lines.append(_text(line, middle, baseline + size * 0.35, size, color, "middle"))
            baseline += LINE_HEIGHT
        lines.append("</g>")
    return lines


def _outline(node: PictureNode, box: Box) -> list[str]:
    look = theme.LOOKS[node.kind]
    radius = {"round": 5.0, "double": 5.0, "pill": box.height / 2, "box": 1.0}[look.shape]
    dashes = ' stroke-dasharray="4 3"' if look.dashed else ""
    border = f'{theme.FAULT}" stroke-width="2.5' if node.fault else look.border
    colors = f'fill="{node.fill or look.fill}" stroke="{border}"'
    lines = [f'<rect {_rectangle(box)} rx="{_number(radius)}" {colors}{dashes}/>']
    if look.shape == "double":
        inner = Box(box.x + 2.5, box.y + 2.5, box.width - 5, box.height - 5)
        lines.append(f'<rect {_rectangle(inner)} rx="3" fill="none" stroke="{look.border}" stroke-width="0.7"/>')
    return lines


def _rectangle(box: Box) -> str:
    return f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'


def _text(text: str, x: float, y: float, size: float, color: str, anchor: str) -> str:
    place = f'x="{_number(x)}" y="{_number(y)}"'
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {place} font-size="{size:g}" fill="{color}"{anchored}>{escape(text)}</text>'


def _pair(point: tuple[float, ...]) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """A coordinate to a tenth; more would only lengthen the file."""
    return f"{value:.1f}".removesuffix(".0")

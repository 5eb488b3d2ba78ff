"""How boxes look and how much room their texts take: shared by all writers, so that their pictures are alike."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from .model import NodeKind


class Look(NamedTuple):
    """Colours and outline of one kind of box; `shape` is ``box``, ``round``, ``pill`` or ``double``."""

    fill: str
    border: str
    shape: str = "round"
    dashed: bool = False


LOOKS: dict[NodeKind, Look] = {
    "operation": Look("#dbe9fb", "#3f6fb0"),
    "parameter": Look("#fdeccb", "#b9801a", "box"),
    "input": Look("#d9f2dd", "#3c8f4c", "pill"),
    "output": Look("#e7e2f6", "#6a55b0", "pill"),
    "module": Look("#e6edf3", "#51657a", "double"),
    "derivative": Look("#f6e3ea", "#a8476e"),
    "gradient": Look("#fdeccb", "#b9801a", "pill"),
    "summary": Look("#ffffff", "#8a949e", "box", dashed=True),
}
# For pages in a dark room; the file formats without one are drawn on white.
DARK_LOOKS: dict[NodeKind, Look] = {
    "operation": Look("#1d3350", "#5b8fd6"),
    "parameter": Look("#453615", "#d0a048"),
    "input": Look("#1a3a22", "#58b26c"),
    "output": Look("#302654", "#9b86e0"),
    "module": Look("#262f39", "#8296ab"),
    "derivative": Look("#472333", "#d47a9e"),
    "gradient": Look("#453615", "#d0a048"),
    "summary": Look("#0d1117", "#8a949e"),
}
TEXT = "#1f2328"
FAINT_TEXT = "#59636e"
LINE = "#57606a"
BACKGROUND = "#ffffff"
FRAME = "#b6bfc9"
FAULT = "#d1242f"
FAULT_FILL = "#ffd8d3"
NO_GRADIENT = "#d0d7de"
# Frames inside one another alternate, so that each stands out from the one around it.
FRAME_FILLS = ("#f6f8fa", "#eceff3")

FONTS = "Helvetica,Arial,sans-serif"
NODE_SIZE = 12.0
DETAIL_SIZE = 10.0
LABEL_SIZE = 10.0
CLUSTER_SIZE = 11.0
CAPTION_SIZE = 11.0

# Helvetica's widths in thousandths of the size, for the printable ASCII characters from the space on.
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_ADVANCE = {chr(32 + place): int(width) / 1000 for place, width in enumerate(_WIDTHS.split())}
_ADVANCE.update({"×": 0.584, "·": 0.333, "…": 1.0})

# Where Helvetica is missing the viewer's substitute may be wider (DejaVu Sans by an eighth): leave room for it.
_ALLOWANCE = 1.12


def text_width(text: str, size: float) -> float:
    """About how wide `text` is at a font size, never less than it will be in the usual fonts."""
    return size * _ALLOWANCE * sum(_ADVANCE.get(character) or _other_advance(character) for character in text)


def _other_advance(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    return 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.6

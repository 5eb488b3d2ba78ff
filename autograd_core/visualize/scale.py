"""Colours for sizes that span many orders of magnitude: a logarithmic scale with its legend."""

from __future__ import annotations

import math
from collections.abc import Iterable

from . import theme
from .model import Legend

# From small to large: blue, nearly white, orange red. Dark text is readable on all of them, and the order of
# lightness from the middle outwards serves those who do not see the hues apart.
_COLORS = ((0x6C, 0x9F, 0xE8), (0xB9, 0xD2, 0xF5), (0xF7, 0xF3, 0xE8), (0xF9, 0xC5, 0x9B), (0xF0, 0x88, 0x5A))

# Gradients that differ by less than this many powers of ten in all do not look different.
_LEAST_SPAN = 4.0
_STEPS = 5


class GradientScale:
    """From gradient norms to colours.

    The scale spans the norms there are, and four orders of magnitude at least, around the middle of them.

    Example:
        >>> scale = GradientScale([1e-8, 1e-2, 1.0])
        >>> scale.color(1e-8), scale.color(1.0)
        ('#6c9fe8', '#f0885a')
        >>> [text for _, text in scale.legend().entries]
        ['1e-08', '1e-06', '1e-04', '1e-02', '1e+00']
    """

    def __init__(self, norms: Iterable[float]) -> None:
        found = [math.log10(norm) for norm in norms if norm > 0 and math.isfinite(norm)]
        low, high = (min(found), max(found)) if found else (-2.0, 2.0)
        missing = max(0.0, _LEAST_SPAN - (high - low)) / 2
        self.low, self.high = low - missing, high + missing

    def color(self, norm: float) -> str:
        """The fill of a box whose gradient has this norm."""
        if not math.isfinite(norm):
            return theme.FAULT_FILL
        if norm <= 0:
            return theme.NO_GRADIENT
        return self._at((math.log10(norm) - self.low) / (self.high - self.low))

    @staticmethod
    def _at(place: float) -> str:
        scaled = min(max(place, 0.0), 1.0) * (len(_COLORS) - 1)
        index = min(int(scaled), len(_COLORS) - 2)
        part = scaled - index
        mixed = (round(a + (b - a) * part) for a, b in zip(_COLORS[index], _COLORS[index + 1], strict=True))
        return "#" + "".join(f"{value:02x}" for value in mixed)

    def legend(self) -> Legend:
        """Five norms from the smallest to the largest with their colours."""
        places = [step / (_STEPS - 1) for step in range(_STEPS)]
        norms = [10 ** (self.low + place * (self.high - self.low)) for place in places]
        entries = [(self._at(place), f"{norm:.0e}") for place, norm in zip(places, norms, strict=True)]
        return Legend("gradient norm", tuple(entries))


def stronger(color: str) -> str:
    """A darker shade of a fill, for lines, which are thin."""
    return "#" + "".join(f"{round(int(color[place : place + 2], 16) * 0.72):02x}" for place in (1, 3, 5))

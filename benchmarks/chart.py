"""The chart: a bar for each row, from 1 to its ratio, on a logarithmic scale."""

from __future__ import annotations

import math
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .measure import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What matplotlib writes that readers of a report can open.
FORMATS = (".png", ".svg", ".pdf")
# Colours that also the colour-blind tell apart (Okabe and Ito).
FASTER, SLOWER, GOAL = "#0072B2", "#D55E00", "#000000"
# Most lines in one column of the chart, and inches a line.
COLUMN, LINE = 60, 0.19

# A line is a heading or a result.
Line = str | Result


def _lines(results: Sequence[Result]) -> list[Line]:
    found: list[Line] = []
    heading = ""
    for result in results:
        own = result.suite + (f" · {result.section}" if result.section else "")
        if own != heading:
            heading = own
            found.append(own)
        found.append(result)
    return found


def _columns(lines: list[Line]) -> list[list[Line]]:
    """The lines in columns of about equal length; a heading is repeated where its section goes on."""
    count = max(1, math.ceil(len(lines) / COLUMN))
    length = math.ceil(len(lines) / count)
    columns: list[list[Line]] = [[]]
    heading = ""
    for line in lines:
        is_heading = isinstance(line, str)
        # A heading does not stand alone at the foot.
        if len(columns[-1]) >= length - is_heading and len(columns) < count:
            columns.append([] if is_heading else [f"{heading} (continued)"])
        if isinstance(line, str):
            heading = line
        columns[-1].append(line)
    return columns


def _limits(results: Sequence[Result]) -> tuple[float, float]:
    """The least and greatest ratio drawn, with some air, and with 1 well inside."""
    values = [value for result in results for value in (result.low, result.high, result.ratio)]
    values += [result.goal for result in results if result.goal is not None]
    return min([*values, 0.5]) / 1.25, max([*values, 1.5]) * 1.25


def _draw(axes: Axes, lines: Sequence[Line], limits: tuple[float, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    for place, line in enumerate(lines):
        if isinstance(line, str):
            continue
        axes.barh(place, line.ratio - 1, left=1, height=0.66, color=FASTER if line.ratio <= 1 else SLOWER)
        axes.plot([line.low, line.high], [place, place], color="#444444", linewidth=1)
        if line.goal is not None:
            axes.plot([line.goal], [place], marker="|", color=GOAL, markersize=7, markeredgewidth=1.4)
    axes.axvline(1, color="#222222", linewidth=0.8)
    axes.set_yticks(range(len(lines)), [line if isinstance(line, str) else line.label for line in lines], fontsize=7)
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        if isinstance(line, str):
            label.set_fontweight("bold")
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    _label_ratios(axes, limits)


def _label_ratios(axes: Axes, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    shown = [step for step in steps if limits[0] <= step <= limits[1]]
    if len(shown) > 7:
        shown = [step for step in shown if step in (0.01, 0.1, 1, 10, 100)]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", labelsize=8)


def plot(path: pathlib.Path, results: Sequence[Result], title: str) -> None:
    """Write the chart of all rows that could be measured, in the format of the path's suffix."""
    from matplotlib.figure import Figure

    measured = [result for result in results if not result.error]
    columns = _columns(_lines(measured))
    height = 1.1 + LINE * max(len(column) for column in columns)
    figure = Figure(figsize=(6.4 * len(columns), max(height, 2.2)), layout="constrained")
    limits = _limits(measured)
    grid = figure.subplots(1, len(columns), squeeze=False)[0]
    length = max(len(column) for column in columns)
    for axes, column in zip(grid, columns, strict=True):
        _draw(axes, column, limits)
        axes.set_ylim(length - 0.4, -0.6)
    figure.suptitle(title, fontsize=9)
    figure.supxlabel("ours ÷ theirs, logarithmic: left of 1 is faster or smaller", fontsize=8)
    figure.legend(handles=_legend(), loc="outside lower right", ncols=4, frameon=False, fontsize=8)
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, dpi=120, format=path.suffix.removeprefix("."))
    os.replace(partial, path)


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    goal = Line2D([], [], color=GOAL, marker="|", linestyle="none", markersize=8, markeredgewidth=1.4, label="goal")
    spread = Line2D([], [], color="#444444", linewidth=1, label="quartiles")
    return [Patch(color=FASTER, label="faster"), Patch(color=SLOWER, label="slower"), spread, goal]

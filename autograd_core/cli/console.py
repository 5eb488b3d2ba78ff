"""What commands share: where they write, and how they read names of operations."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ..op import Op


def output() -> Console:
    """Standard output, as wide as the terminal; 100 columns where there is none."""
    return _console(stderr=False)


def diagnostics() -> Console:
    """Standard error, for progress and warnings, so that output can be piped."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    import os

    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 100
    return console


def versions() -> str:
    """This package's version and those it computes with."""
    import platform
    from importlib.metadata import version

    parts = [f"{name} {version(name)}" for name in ("autograd-core", "numpy", "numba")]
    return ", ".join([*parts, f"Python {platform.python_version()}"])


def chosen_operations(names: list[str] | None) -> list[Op]:
    """The registered operations of these names, in the order given; all of them for none.

    Raises:
        typer.BadParameter: for an unknown name, with those it may have meant. The process ends with status 2.
    """
    from .. import ops  # noqa: F401 - registers them
    from ..op import REGISTRY

    if not names:
        return list(REGISTRY.values())
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        raise typer.BadParameter(
            "; ".join(_unknown(name, list(REGISTRY)) for name in unknown)
            + ". 'python -m autograd_core ops' lists all operations."
        )
    return [REGISTRY[name] for name in dict.fromkeys(names)]


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    close = close or [candidate for candidate in known if name in candidate][:3]
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"there is no operation {name!r}{hint}"


def one_by_one(verb: str, operations: Sequence[Op]) -> Iterator[Op]:
    """The operations, while a bar on standard error tells which one is at hand; nothing is shown outside a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = diagnostics()
    columns = (TextColumn(verb + " {task.fields[name]:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(operations), name="")
        for op in operations:
            progress.update(task, name=op.name[:20])
            yield op
            progress.advance(task)


def short_error(value: float | None) -> str:
    """An error in three figures' width: "0", "3e-10" or a dash for none."""
    if value is None or value != value:
        return "–"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e+") if value else "0"


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

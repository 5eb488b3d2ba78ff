"""``demo``: experiments that train a network, print a table and write pictures."""

from __future__ import annotations

import enum
import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..demos.rings import Run


class Demo(enum.StrEnum):
    """Which experiment."""

    RINGS = "rings"


def command(
    name: Annotated[Demo, typer.Argument(help="Which experiment.")] = Demo.RINGS,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training data.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result, bit for bit.")] = 0,
    out: Annotated[pathlib.Path, typer.Option(help="Directory for the pictures.")] = pathlib.Path("demo-output"),
) -> None:
    """Train a small network on concentric rings with and without batch normalisation, and draw what happened.

    Writes the training curves and decision boundaries (needs matplotlib, the extra "plot") and the computation graph
    of one training step.
    """
    from .console import diagnostics, output

    console, messages = output(), diagnostics()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {out}: {error.strerror}", param_hint="--out") from None
    runs = _train(messages, epochs, seed)
    console.print(_table(runs, epochs, seed))
    for path in _write(messages, runs, seed, out):
        console.print(f"wrote [bold]{path}[/bold]")


def _train(console: Console, epochs: int, seed: int) -> list[Run]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ..demos import rings

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:6.2%}"),
        TimeElapsedColumn(),
    )
    runs = []
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for name, normalization in (("without batch normalisation", False), ("with batch normalisation", True)):
            task = progress.add_task(name, total=epochs, loss=float("nan"), accuracy=0.0)

            def show(loss: float, accuracy: float, task: int = task) -> None:
                progress.update(task, advance=1, loss=loss, accuracy=accuracy)  # type: ignore[arg-type]

            runs.append(rings.train(name, normalization, epochs, seed, show))
    return runs


def _table(runs: list[Run], epochs: int, seed: int) -> Table:
    from rich.table import Table

    table = Table(title=f"concentric rings, 2→32→32→16→1, {epochs} epochs, seed {seed}", title_justify="left")
    for heading in ("network", "parameters", "training loss", "test accuracy", "first epoch ≥ 95%", "seconds"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for run in runs:
        reached = next((str(epoch) for epoch, a in enumerate(run.accuracies, 1) if a >= 0.95), "never")
        count = sum(parameter.numel() for parameter in run.model.parameters())
        table.add_row(
            run.name, str(count), f"{run.losses[-1]:.4f}", f"{run.accuracies[-1]:.2%}", reached, f"{run.seconds:.1f}"
        )
    return table


def _write(console: Console, runs: list[Run], seed: int, out: pathlib.Path) -> list[pathlib.Path]:
    from ..demos import rings
    from ..visualize import draw

    written = []
    try:
        from ..demos import figure

        drawn = figure.draw(runs, seed)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        console.print('[yellow]no figure: matplotlib is missing; pip install "autograd-core\\[plot]"[/yellow]')
    else:
        written.append(out / "rings.png")
        figure.save(drawn, written[-1])
    written.append(out / "graph.svg")
    draw(rings.step_graph(seed)).save(written[-1])
    return written

"""``demo``: experiments that train a network, print a table and write pictures."""

from __future__ import annotations

import enum
import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from ..demos import digits
    from ..demos.rings import Run


class Demo(enum.StrEnum):
    """Which experiment."""

    RINGS = "rings"
    DIGITS = "digits"


# Passes over the training data, unless another number is asked for.
EPOCHS = {Demo.RINGS: 60, Demo.DIGITS: 30}


def command(
    name: Annotated[Demo, typer.Argument(help="Which experiment.")] = Demo.RINGS,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training data: 60 for rings, 30 for digits by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result, bit for bit.")] = 0,
    out: Annotated[pathlib.Path, typer.Option(help="Directory for the pictures.")] = pathlib.Path("demo-output"),
) -> None:
    """Train a small network, print what came of it, and draw it.

    rings: a multi-layer perceptron on concentric rings, with and without batch normalisation; also draws the graph of
    one training step. digits: a residual network on handwritten digits (needs scikit-learn, the extra "data").
    Figures need matplotlib, the extra "plot".
    """
    from .console import diagnostics, output

    console, messages = output(), diagnostics()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {out}: {error.strerror}", param_hint="--out") from None
    run = _rings if name is Demo.RINGS else _digits
    for path in run(console, messages, EPOCHS[name] if epochs is None else epochs, seed, out):
        console.print(f"wrote [bold]{path}[/bold]")


def _rings(console: Console, messages: Console, epochs: int, seed: int, out: pathlib.Path) -> list[pathlib.Path]:
    runs = _train(messages, epochs, seed)
    console.print(_table(runs, epochs, seed))
    return _write(messages, runs, seed, out)


def _digits(console: Console, messages: Console, epochs: int, seed: int, out: pathlib.Path) -> list[pathlib.Path]:
    from ..demos import digits

    try:
        with _progress(messages) as progress:
            task = progress.add_task("digits", total=epochs, loss=float("nan"), accuracy=0.0)

            def show(loss: float, accuracy: float) -> None:
                progress.update(task, advance=1, loss=loss, accuracy=accuracy)

            run = digits.train(epochs, seed, show)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("sklearn"):
            raise
        messages.print('[red]scikit-learn is missing, which has the images; pip install "autograd-core\\[data]"[/red]')
        raise typer.Exit(1) from None
    console.print(_digits_table(run, epochs, seed))
    return _write_figure(messages, lambda: _draw_digits(run), out / "digits.png")


def _digits_table(run: digits.Run, epochs: int, seed: int) -> Table:
    from rich.table import Table

    title = f"handwritten digits, 8 × 8, residual network of 8 layers, {epochs} epochs, seed {seed}"
    table = Table(title=title, title_justify="left")
    for heading in ("parameters", "training loss", "training accuracy", "test accuracy", "wrong", "seconds"):
        table.add_column(heading, justify="right")
    count = sum(parameter.numel() for parameter in run.model.parameters())
    images = len(run.predictions)
    table.add_row(
        f"{count:,}",
        f"{run.losses[-1]:.4f}",
        f"{run.training_accuracies[-1]:.2%}",
        f"{run.accuracies[-1]:.2%}",
        f"{round((1 - run.accuracies[-1]) * images)} of {images}",
        f"{run.seconds:.1f}",
    )
    return table


def _draw_digits(run: digits.Run) -> Figure:
    from ..demos import digits_figure

    return digits_figure.draw(run)


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:6.2%}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _train(console: Console, epochs: int, seed: int) -> list[Run]:
    from ..demos import rings

    runs = []
    with _progress(console) as progress:
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

    def figure() -> Figure:
        from ..demos import figure

        return figure.draw(runs, seed)

    written = [*_write_figure(console, figure, out / "rings.png"), out / "graph.svg"]
    draw(rings.step_graph(seed)).save(written[-1])
    return written


def _write_figure(console: Console, draw: Callable[[], Figure], path: pathlib.Path) -> list[pathlib.Path]:
    """Draw and save a figure, or say what is missing for it."""
    from ..demos import figure

    try:
        figure.save(draw(), path)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        console.print('[yellow]no figure: matplotlib is missing; pip install "autograd-core\\[plot]"[/yellow]')
        return []
    return [path]

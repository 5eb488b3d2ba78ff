"""The command line, ``python -m autograd_core``: one file a command, registered in one list.

A command is a module here with a function ``command``, whose docstring is its help and whose annotated arguments are
its options. What a command needs beside Typer it imports when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from . import demo, gradcheck, graph, ops, warmup

# The order is that of --help.
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.command,
    "gradcheck": gradcheck.command,
    "graph": graph.command,
    "ops": ops.command,
    "warmup": warmup.command,
}

app = typer.Typer(
    name="autograd-core",
    help="Automatic differentiation and neural networks in pure Python, on NumPy and Numba.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from .console import versions

        typer.echo(versions())
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions and exit.")
    ] = False,
) -> None:
    pass


for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def main() -> None:
    """Run the command line with the process's arguments."""
    app(prog_name="python -m autograd_core")

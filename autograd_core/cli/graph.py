"""``graph``: the computation graph of a function or model, written to a file."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Annotated, Any

import typer


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="What to call: a function that returns a tensor, a model and its inputs, or a model (see --input). "
            "MODULE is a module or a Python file.",
        ),
    ],
    out: Annotated[
        pathlib.Path, typer.Option(help="The file; its suffix says which kind: .html, .svg, .png, .pdf, .dot, .mmd.")
    ] = pathlib.Path("graph.html"),
    input: Annotated[
        list[str] | None,
        typer.Option(metavar="SHAPE", help="Shape of a random input of the model, like 8,3,32,32; once for each."),
    ] = None,
    graph: Annotated[str, typer.Option(help="forward, backward or both.")] = "forward",
    depth: Annotated[int | None, typer.Option(min=0, help="How many levels of modules to open.")] = None,
    expand: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A fused operation or a module to open; may be repeated.")
    ] = None,
    fold: Annotated[bool, typer.Option(help="Draw equal parts in a row once.")] = True,
    show: Annotated[
        str, typer.Option(help="What boxes say, with commas between: shape, dtype, saved, gradient, value, time.")
    ] = "shape",
    direction: Annotated[str, typer.Option(help="Where data flows: LR, TB, RL or BT.")] = "LR",
    max_nodes: Annotated[int, typer.Option(min=0, help="The most boxes, about; 0 for no limit.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
) -> None:
    """Draw the computation graph of a function or model.

    The function is called without arguments. A page (.html) can be explored; .svg, .dot and .mmd need no other
    program; .png and .pdf need Graphviz.
    """
    from ..anomaly import detect_anomaly
    from ..random import manual_seed
    from ..visualize import RenderError, draw
    from .console import output

    function = _find(target)
    manual_seed(seed)
    # Every module applies its own operations where somebody looks at each.
    with detect_anomaly(check_nan=False):
        found = function()
    subject, inputs = _subject(target, found, input)
    try:
        picture = draw(
            subject,
            inputs,
            graph=graph,  # type: ignore[arg-type]  # draw() checks choices, and says what they are
            depth=depth,
            expand=expand or (),
            fold_repeats=fold,
            show=tuple(part.strip() for part in show.split(",") if part.strip()),  # type: ignore[misc]
            direction=direction,  # type: ignore[arg-type]
            max_nodes=max_nodes or None,
            name=target.rpartition(":")[2],
        )
        picture.save(out)
    except (TypeError, ValueError, RenderError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    console = output()
    for line in picture.picture.caption:
        console.print(line, style="dim", markup=False)
    console.print(f"wrote [bold]{out}[/bold]")


def _find(target: str) -> Callable[..., Any]:
    import importlib
    import importlib.util
    import os
    import sys

    module_name, separator, name = target.rpartition(":")
    if not separator or not module_name or not name:
        raise typer.BadParameter(f"{target!r} is not of the form MODULE:FUNCTION, like nn.models:resnet18")
    if module_name.endswith(".py"):
        path = pathlib.Path(module_name)
        if not path.is_file():
            raise typer.BadParameter(f"there is no file {module_name!r}")
        specification = importlib.util.spec_from_file_location(path.stem, path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[path.stem] = module
        specification.loader.exec_module(module)
    else:
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not (module_name + ".").startswith(error.name + "."):
                raise
            raise typer.BadParameter(f"there is no module {error.name!r} here or installed") from None
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        public = [entry for entry in vars(module) if not entry.startswith("_") and callable(getattr(module, entry))]
        raise typer.BadParameter(
            f"{module_name} has no function {name!r}; it has {', '.join(sorted(public)[:12]) or 'none'}"
        )
    result: Callable[..., Any] = found
    return result


def _subject(target: str, found: Any, shapes: list[str] | None) -> tuple[Any, Any]:
    """What to draw and what to call it with."""
    from ..random import randn
    from ..tensor import Tensor

    if isinstance(found, tuple) and len(found) == 2 and callable(found[0]) and not isinstance(found[0], Tensor):
        return found
    if isinstance(found, Tensor) or not callable(found):
        if shapes:
            raise typer.BadParameter(f"{target} returned {type(found).__name__}, no model that --input could be for")
        return found, None
    if not shapes:
        raise typer.BadParameter(
            f"{target} returned the model {type(found).__name__}: say what goes in, like --input 8,3,32,32, "
            "or return the model and its inputs"
        )
    return found, tuple(randn(*_shape(text)) for text in shapes)


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise typer.BadParameter(f"a shape is whole numbers with commas between, like 8,3,32,32; got {text!r}")
    return shape

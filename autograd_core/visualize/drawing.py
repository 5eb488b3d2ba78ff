"""``draw``: from tensors or a model to a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from .collect import Reading, clean, collect
from .compose import Options, compose
from .dot import write_dot
from .engines import MOST_NODES
from .fold import fold
from .model import DIRECTIONS, SHOWS, Direction, Picture, Show
from .picture import GraphPicture
from .recording import Recording
from .reverse import join, reverse
from .subject import examine

# Beyond this a page takes seconds to lay out with everything open.
MOST_BOXES_OF_A_PAGE = 3000

Which = Literal["forward", "backward", "both"]


def draw(
    output: Any,
    inputs: Any = None,
    *,
    graph: Which = "forward",
    depth: int | None = None,
    expand: str | Iterable[str] | bool = (),
    fold_repeats: bool = True,
    direction: Direction = "LR",
    show: Show | Iterable[Show] = ("shape",),
    max_nodes: int | None = 40,
    name: str | None = None,
) -> GraphPicture:
    """Draw the graph of operations that led to a tensor or to a module's output.

    Operations are boxes, inside one frame for every module call; parameters carry their dotted names. Arrows point the
    way data flowed and say the shape of what flowed there, with its dtype unless that is float32. Operands that need no
    gradient, a batch of inputs for example, are not part of the graph and not drawn.

    Args:
        output: a tensor, or tuples, lists and dicts of tensors; or a module or another function, which is called with
            `inputs` for the picture. Its buffers and the random generator are left as they were.
        inputs: a module's argument, a tuple of its arguments, or a dictionary of keyword arguments.
        graph: ``"forward"`` draws what was computed, ``"backward"`` how gradients flow back, ``"both"`` draws both and
            what backward keeps of the forward pass.
        depth: how many levels of modules to open; 0 makes one box of the whole model. None opens all.
        expand: names of fused operations to be shown as the composition that defines them (``"batch_norm"``), and
            dotted paths of modules to be open however deep they are; True for all.
        fold_repeats: whether equal parts in a row, the blocks of a residual network for example, are drawn once and
            marked "× 6".
        direction: where data flows: ``"LR"`` to the right, ``"TB"`` down, ``"RL"`` or ``"BT"``.
        show: what boxes and arrows say: ``"shape"``; ``"dtype"``, also where it is float32; ``"saved"``, the memory
            kept for backward; ``"gradient"``, which lets a gradient flow back, colours by its norm, and says how many
            elements pass none; ``"value"``, mean and deviation; ``"time"``, for a module that is called here. Where one
            of gradient and value is shown, the first NaN or infinity is marked.
        max_nodes: the most boxes, about. A larger graph is drawn with its deepest modules closed, and if that is not
            enough, with a box "… n operations …" in the middle; the caption says so. None sets no limit.
        name: a title.

    Returns:
        The picture, which shows itself in a notebook. ``picture.save("model.svg")`` writes it to a file.

    Raises:
        TypeError: if `output` holds no tensor, a module comes without inputs, or `depth` or `max_nodes` is no integer.
        ValueError: for an unknown graph, direction or thing to show or to expand, a negative `depth`, `max_nodes`
            below 1, and times of tensors that have been computed already.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.visualize import draw
        >>> x = ag.ones(3, requires_grad=True)
        >>> with ag.scope("squares"):
        ...     y = (x * x).sum()
        >>> print(draw(y).to_mermaid().split("classDef")[0])
        %% forward graph · 2 operations
        flowchart LR
            output1(["output"])
            subgraph cluster1["squares"]
                input1(["input<br>3"])
                operation1("mul")
                operation2("sum")
            end
            input1 -->|"twice"| operation1
            operation1 -->|"3"| operation2
            operation2 -->|"scalar"| output1
        <BLANKLINE>
    """
    shown = _check_choices(graph, direction, show)
    _check_limit("depth", depth, 0)
    _check_limit("max_nodes", max_nodes, 1)
    names = _names_to_expand(expand)
    measured = shown & {"value", "gradient", "time"}
    is_called = inputs is not None
    if "time" in shown and not is_called:
        raise ValueError('show="time" needs a model to be run: draw(model, inputs=batch, show="time")')
    tensors, observations = examine(output, inputs, bool(measured), "time" in shown)
    reading = Reading("value" in shown, bool(shown & {"gradient", "time"}), names, expand is True)
    recording = collect(tensors, reading, observations)
    if fold_repeats:
        recording = fold(recording)
    options = Options(None if name is None else clean(name), direction, shown, depth, max_nodes)
    picture = _compose(recording, options, graph)
    # Both an identifier in DOT and, unless told otherwise, a file's name.
    drawing = GraphPicture(re.sub(r"[^\w.-]+", "_", picture.name), picture=picture)
    drawing.whole = partial(_whole, recording, options, graph)
    drawing.smaller = partial(_compose, recording, replace(options, max_nodes=MOST_NODES), graph)
    write_dot(picture, drawing)
    return drawing


def _compose(recording: Recording, options: Options, graph: Which, closed_looks: bool = False) -> Picture:
    if graph == "both" and options.max_nodes is not None:
        # Every box stands there twice.
        options = replace(options, max_nodes=max(options.max_nodes // 2, 1))
    picture = compose(recording, options, closed_looks)
    if graph == "forward":
        return picture
    return reverse(picture) if graph == "backward" else join(picture)


def _whole(recording: Recording, options: Options, graph: Which) -> Picture:
    """The picture with every module open, up to what a page can bear; the recording holds texts and numbers only."""
    return _compose(recording, replace(options, depth=None, max_nodes=MOST_BOXES_OF_A_PAGE), graph, True)


def _check_choices(graph: str, direction: str, show: str | Iterable[str]) -> frozenset[str]:
    if graph not in ("forward", "backward", "both"):
        raise ValueError(f"graph must be 'forward', 'backward' or 'both'; got {graph!r}")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}; got {direction!r}")
    shown = (show,) if isinstance(show, str) else tuple(show)
    unknown = [entry for entry in shown if entry not in SHOWS]
    if unknown:
        raise ValueError(f"show must be among {', '.join(SHOWS)}; got {', '.join(map(repr, unknown))}")
    return frozenset(shown)


def _names_to_expand(expand: str | Iterable[str] | bool) -> frozenset[str]:
    if isinstance(expand, bool):
        return frozenset()
    names = (expand,) if isinstance(expand, str) else tuple(expand)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"expand takes names of operations and modules, or True; got {name!r}")
    return frozenset(names)


def _check_limit(name: str, value: int | None, least: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer or None, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least} or None, got {value}")

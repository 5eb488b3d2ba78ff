"""How time and memory grow: with the length of the graph, the width of a network, the size of a batch."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..libraries import Library
from ..models import perceptron
from ..rows import Arrays, Build, Row, Task, both
from .training import Training

LENGTHS = {"10²": 10**2, "10³": 10**3, "10⁴": 10**4, "10⁵": 10**5, "10⁶": 10**6}
SHORTEST = "10²"
# Chains whose memory is measured; a page says nothing about a hundred nodes.
WEIGHED = ("10⁴", "10⁵", "10⁶")
SIZE = 8
# What a node's time may be over that in the shortest chain.
GROWTH_GOAL, GOAL = 1.3, 1.0
# Of a chain of a million nodes Python's collector of cycles looks at each about four times while it grows: 0.7 µs a
# node (0.24 of a hundred thousand) on a Zen 4 with Python 3.11, and 0.2 for the two younger generations. Without it the
# time is nearly flat. To the collector a node is one object, and there can be no fewer.
GROWTH_NOTE = "Python's collector of cycles looks at every living node again: 0.4 µs at 10⁵, 0.9 at 10⁶, of 2.2 without"
WIDTHS, BATCHES = (32, 128, 512, 2048), (1, 16, 256, 4096)
WIDTH, BATCH = 128, 64


def _draw(random: np.random.Generator, length: int) -> Arrays:
    # Factors around 1 whose long products stay in range.
    return {
        "x": random.uniform(0.5, 1.5, SIZE).astype(np.float32),
        "factor": np.ones(SIZE, np.float32),
        "length": np.asarray(length),
    }


def _shortened(arrays: Arrays) -> Arrays:
    return arrays | {"length": np.asarray(LENGTHS[SHORTEST])}


def _chain(library: Library, arrays: Arrays, length: int | None = None) -> Task:
    """Forward and backward through a chain of multiplications; a unit is a node."""
    mul = library.ops.mul
    x, factor = library.tensor(arrays["x"], True), library.tensor(arrays["factor"])
    nodes = range(length or int(arrays["length"]))
    cotangent = library.tensor(np.ones(SIZE, np.float32))

    def call() -> Any:
        x.grad = None
        y = x
        for _ in nodes:
            y = mul(y, factor)
        y.backward(cotangent)
        return x

    return Task(call, lambda leaf: leaf.grad, len(nodes))


def _chains() -> list[Row]:
    found = []
    shortest: Build = functools.partial(_chain, length=LENGTHS[SHORTEST])
    for section, kind in (("time a node", "time"), ("bytes a node", "memory"), (f"over {SHORTEST} nodes", "time")):
        for words, length in LENGTHS.items():
            if kind == "memory" and words not in WEIGHED:
                continue
            growth = section.startswith("over")
            if growth and words == SHORTEST:
                continue
            found.append(
                Row(
                    "scaling",
                    f"chain of {words}",
                    GROWTH_GOAL if growth else GOAL,
                    functools.partial(_draw, length=length),
                    {"ours": _chain, f"ours at {SHORTEST} nodes": shortest} if growth else both(_chain),
                    section=section,
                    kind=kind,
                    miniature=_shortened,
                    note=GROWTH_NOTE if growth and length >= 10**5 else "",
                )
            )
    return found


def _batch(random: np.random.Generator, batch: int, width: int) -> Arrays:
    return {"x": random.standard_normal((batch, width), np.float32), "y": random.integers(0, 10, batch)}


def _networks() -> list[Row]:
    found = []
    shapes = [("width", width, BATCH, width) for width in WIDTHS] + [("batch", b, b, WIDTH) for b in BATCHES]
    for grown, value, batch, width in shapes:
        network = perceptron((width, width, width, 10), "cross_entropy")
        draw = functools.partial(_batch, batch=batch, width=width)
        training = Training(f"{grown} {value}", network, draw, GOAL)
        found.append(training.row("scaling", GOAL, True, section=f"training step by {grown}"))
    return found


def rows() -> list[Row]:
    """Chains of up to a million nodes, and steps of a network of three layers."""
    return [*_chains(), *_networks()]

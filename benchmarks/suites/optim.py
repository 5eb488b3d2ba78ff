"""Steps of optimisers, beside PyTorch's default and its fused variants."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..libraries import Library
from ..rows import Arrays, Row, Task, both

Shape = tuple[int, ...]

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD with momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9}),
    "Adam": ("Adam", {"lr": 1e-3}),
    "AdamW": ("AdamW", {"lr": 1e-3}),
}
# Whether PyTorch's is the fused variant, and the goal.
VARIANTS = (("against PyTorch's default", False, 0.3), ("against PyTorch's fused", True, 0.8))
# Of so many elements each tensor gives to the comparison.
COMPARED = 4096

# Both sides read parameter, gradient and moments once and write all but the gradient: 20 bytes an element with one
# moment, 28 with two. Nothing is copied or read twice, and NumPy asks for pages of 2 MiB. Prefetching, more streams,
# other blocks and stores past the caches were no faster; nor can stores in place be, whose lines have been read.
_BYTES = {"SGD with momentum": 20, "Adam": 28, "AdamW": 28}
# Measured in C, 2 MiB pages, EPYC Zen 4: reading alone 32 GB/s on one core and 34 on two, scaling in place 60 and 61.
_RATE = "60 GB/s, which is what a loop that scales an array in place moves on a Zen 4, on one core or two"


def _note(optimizer: str, size: str, fused: bool) -> str:
    if size != "25M parameters":
        return ""
    count = _BYTES[optimizer]
    floor = f"memory: {count} B an element take {count * 25e6 / 60e9 * 1e3:.1f} ms at {_RATE}"
    if fused:
        return f"{floor}; PyTorch's fused step moves the same bytes, and with a second thread both are there"
    if optimizer != "SGD with momentum":
        return ""
    return f"{floor}; its default moves 32 B in two passes, so the ratio cannot fall below 0.6 where both are there"


def _resnet20() -> list[Shape]:
    """The shapes of ResNet-20's parameters, with a 1×1 convolution on the first shortcut of each stage."""
    shapes: list[Shape] = [(16, 3, 3, 3), (16,), (16,)]
    narrow = 16
    for wide in (16, 32, 64):
        shapes.append((wide, narrow, 1, 1))
        for _ in range(3):
            shapes += [(wide, narrow, 3, 3), (wide,), (wide,), (wide, wide, 3, 3), (wide,), (wide,)]
            narrow = wide
    return [*shapes, (10, 64), (10,)]


def _draw(random: np.random.Generator, shapes: Sequence[Shape]) -> Arrays:
    arrays = {}
    for index, shape in enumerate(shapes):
        arrays[f"parameter{index}"] = random.standard_normal(shape, np.float32)
        arrays[f"gradient{index}"] = random.standard_normal(shape, np.float32)
    return arrays


def _build(library: Library, arrays: Arrays, name: str, options: dict[str, Any], fused: bool) -> Task:
    parameters = []
    for label, array in arrays.items():
        if label.startswith("parameter"):
            parameters.append(library.tensor(array, True))
        else:
            parameters[-1].grad = library.tensor(array)
    extra = library.fused_optimizer() if fused else {}
    step = getattr(library.optim, name)(parameters, **options, **extra).step

    def outputs(_: Any) -> list[np.ndarray]:
        return [library.array(parameter).ravel()[:COMPARED] for parameter in parameters]

    return Task(step, outputs)


def rows() -> list[Row]:
    """Every optimiser on few small tensors, on a network's, and on 25 million parameters."""
    sizes: dict[str, list[Shape]] = {
        "8 small tensors": [(32, 32), (32,)] * 4,
        "ResNet-20, 62 tensors": _resnet20(),
        "25M parameters": [(5000, 5000)],
    }
    return [
        Row(
            "optim",
            f"{optimizer}, {size}",
            goal,
            functools.partial(_draw, shapes=shapes),
            both(functools.partial(_build, name=name, options=options, fused=fused)),
            section=section,
            note=_note(optimizer, size, fused),
        )
        for section, fused, goal in VARIANTS
        for size, shapes in sizes.items()
        for optimizer, (name, options) in OPTIMIZERS.items()
    ]

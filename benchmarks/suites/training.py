"""Whole training steps: forward, backward and the optimiser's update."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..rows import Arrays, Row


def _parameters(random: np.random.Generator, widths: Sequence[int]) -> Arrays:
    arrays = {}
    for layer, (narrow, wide) in enumerate(itertools.pairwise(widths)):
        bound = 1 / np.sqrt(narrow)
        arrays[f"weight{layer}"] = random.uniform(-bound, bound, (wide, narrow)).astype(np.float32)
        arrays[f"bias{layer}"] = random.uniform(-bound, bound, wide).astype(np.float32)
    return arrays


def _rings_arrays(random: np.random.Generator) -> Arrays:
    arrays = _parameters(random, (2, 32, 32, 16, 1))
    arrays["x"] = random.standard_normal((256, 2)).astype(np.float32)
    arrays["y"] = (random.random((256, 1)) < 0.5).astype(np.float32)
    return arrays


def _digits_arrays(random: np.random.Generator) -> Arrays:
    arrays = _parameters(random, (784, 512, 512, 10))
    arrays["x"] = random.standard_normal((128, 784)).astype(np.float32)
    arrays["y"] = random.integers(0, 10, 128)
    return arrays


def _layers(nn: Any, widths: Sequence[int], normalization: bool) -> list[Any]:
    layers: list[Any] = []
    for layer, (narrow, wide) in enumerate(itertools.pairwise(widths)):
        layers.append(nn.Linear(narrow, wide))
        if layer < len(widths) - 2:
            if normalization:
                layers.append(nn.BatchNorm1d(wide))
            layers.append(nn.ReLU())
    return layers


def _step(library: Any, nn: Any, optimizer: Any, widths: Sequence[int], loss: str, normalization: bool) -> Any:
    """What both subjects do, in names both have."""

    def build(arrays: Arrays) -> Callable[[], Any]:
        model = nn.Sequential(*_layers(nn, widths, normalization))
        linear = [layer for layer in model if isinstance(layer, nn.Linear)]
        with library.no_grad():
            for index, layer in enumerate(linear):
                layer.weight.copy_(library.from_numpy(arrays[f"weight{index}"]))
                layer.bias.copy_(library.from_numpy(arrays[f"bias{index}"]))
        updates = optimizer(model.parameters())
        x, y = library.from_numpy(arrays["x"]), library.from_numpy(arrays["y"])
        criterion = getattr(nn, loss)()

        def step() -> Any:
            updates.zero_grad()
            value = criterion(model(x), y)
            value.backward()
            updates.step()
            return value

        return step

    return build


def _ours(*arguments: Any) -> Callable[[Arrays], Any]:
    def build(arrays: Arrays) -> Callable[[], Any]:
        import autograd_core as ag
        import nn
        import optim

        return _step(ag, nn, optim.Adam, *arguments)(arrays)  # type: ignore[no-any-return]

    return build


def _torch(*arguments: Any, **options: Any) -> Callable[[Arrays], Any]:
    def build(arrays: Arrays) -> Callable[[], Any]:
        import torch

        def adam(parameters: Any) -> Any:
            return torch.optim.Adam(parameters, **options)

        return _step(torch, torch.nn, adam, *arguments)(arrays)  # type: ignore[no-any-return]

    return build


def rows() -> list[Row]:
    """Training steps in float32, batch and widths in the name."""
    found = []
    for label, options, goals in (("default Adam", {}, (0.25, 0.25)), ("fused Adam", {"fused": True}, (0.5, 0.5))):
        for normalization, goal in zip((False, True), goals, strict=True):
            arguments = ((2, 32, 32, 16, 1), "BCEWithLogitsLoss", normalization)
            name = "rings 2-32-32-16-1" + (" batch norm" if normalization else "") + f", batch 256, {label}"
            subjects = {"ours": _ours(*arguments), "torch": _torch(*arguments, **options)}
            found.append(Row("training", name, goal, _rings_arrays, subjects))
    arguments = ((784, 512, 512, 10), "CrossEntropyLoss", False)
    subjects = {"ours": _ours(*arguments), "torch": _torch(*arguments, fused=True)}
    found.append(Row("training", "784-512-512-10, batch 128, fused Adam", 0.6, _digits_arrays, subjects))
    return found

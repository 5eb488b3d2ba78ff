"""What is to be drawn: tensors that have been computed, or a model that is run for the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import random
from ..anomaly import observe
from ..grad_mode import enable_grad
from ..tensor import Tensor
from .measure import ForwardWatch, Observations


def examine(output: Any, inputs: Any, watch: bool, warm_up: bool) -> tuple[Any, Observations]:
    """The tensors to draw, and what was seen while they were computed.

    Args:
        output: tensors, or a module or another function to be called with `inputs`.
        inputs: its argument, a tuple of its arguments, or a dictionary of keyword arguments.
        watch: whether to look at every operation's result and time.
        warm_up: whether to call it once before, so that no compilation is measured.

    Raises:
        TypeError: for inputs without a model, and for a model without inputs.
    """
    observations = Observations()
    if isinstance(output, Tensor) or not callable(output):
        if inputs is not None:
            raise TypeError(f"inputs belong to a model or function to be called; got {type(output).__name__}")
        return output, observations
    if inputs is None:
        name = type(output).__name__ if not hasattr(output, "__name__") else output.__name__
        raise TypeError(f"to draw the model {name}, say what goes in: draw(model, inputs=batch)")

    def call() -> Any:
        if isinstance(inputs, Mapping):
            return output(**inputs)
        return output(*inputs) if isinstance(inputs, tuple) else output(inputs)

    with enable_grad():
        if watch and warm_up:
            undisturbed(output, call)

        def watched() -> Any:
            # Where nobody looks, a layer and the ReLU behind it may be one operation of one module.
            with observe(ForwardWatch(observations) if watch else _look_away):
                return call()

        return undisturbed(output, watched), observations


def _look_away(node: Any, result: Any) -> None:
    pass


def undisturbed(model: Any, call: Callable[[], Any]) -> Any:
    """Call a model and put its buffers (running statistics) and the random generator back as they were."""
    state = random.get_rng_state()
    buffers = [(buffer, buffer.detach().clone()) for buffer in _buffers(model)]
    try:
        return call()
    finally:
        random.set_rng_state(state)
        for buffer, before in buffers:
            # Writing where nothing changed would spoil what the graph has kept of it.
            if not np.array_equal(buffer._array, before._array):
                buffer._array[...] = before._array


def _buffers(model: Any) -> list[Tensor]:
    # Modules belong to a package above this one, and are known by what they offer.
    buffers = getattr(model, "buffers", None)
    return list(buffers()) if callable(buffers) else []

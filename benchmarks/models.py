"""The networks that training steps run, written once for all libraries that have modules.

Each function looks up what its network needs and returns the loss's constructor: an AttributeError says which part a
library lacks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .libraries import Library

_SEED = 7

# Makes the network; its result, a module, maps a batch's arrays to their loss.
Network = Callable[[Library], Callable[[], Any]]


def parameters(shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Initial values, uniform by the number of columns; the same for everyone who asks for the same shapes."""
    random = np.random.default_rng(_SEED)
    bounds = [1 / math.sqrt(shape[-1]) for shape in shapes]
    return [random.uniform(-b, b, shape).astype(np.float32) for b, shape in zip(bounds, shapes, strict=True)]


def fill(library: Library, module: Any) -> None:
    """Give a module :func:`parameters`; gains of normalisation, the vectors called weight, stay 1."""
    named = dict(module.named_parameters())
    chosen = [p for name, p in named.items() if len(p.shape) > 1 or not name.endswith("weight")]
    with library.ops.no_grad():
        for parameter, values in zip(chosen, parameters([tuple(p.shape) for p in chosen]), strict=True):
            parameter.copy_(library.tensor(values))


def perceptron(widths: Sequence[int], loss: str, normalization: bool = False) -> Network:
    """Linear layers with ReLU between them, after batch normalisation if asked for."""

    def make(library: Library) -> Callable[[], Any]:
        nn, criterion = library.nn, getattr(library.functional, loss)
        linear, relu, sequential = nn.Linear, nn.ReLU, nn.Sequential
        norm = nn.BatchNorm1d if normalization else None

        class Model(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                layers = []
                for narrow, wide in itertools.pairwise(widths):
                    layers += [linear(narrow, wide)] + ([] if norm is None else [norm(wide)]) + [relu()]
                # The last linear layer is the output.
                self.layers = sequential(*layers[: -1 if norm is None else -2])

            def forward(self, x: Any, y: Any) -> Any:
                return criterion(self.layers(x), y)

        return Model

    return make


def transformer(layers: int, width: int, heads: int, vocabulary: int, length: int) -> Network:
    """A causal language model, normalised before each block (GPT-2), whose output layer is not tied."""

    def make(library: Library) -> Callable[[], Any]:
        nn, functional = library.nn, library.functional
        embedding, norm, linear = nn.Embedding, nn.LayerNorm, nn.Linear
        attend, gelu = functional.scaled_dot_product_attention, functional.gelu

        class Block(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                self.norm1, self.norm2 = norm(width), norm(width)
                self.query_key_value, self.output = linear(width, 3 * width), linear(width, width)
                self.wide, self.narrow = linear(width, 4 * width), linear(4 * width, width)

            def forward(self, x: Any) -> Any:
                batch, tokens, _ = x.shape
                joint = self.query_key_value(self.norm1(x)).reshape(batch, tokens, 3, heads, width // heads)
                query, key, value = (joint[:, :, part].transpose(1, 2) for part in range(3))
                mixed = attend(query, key, value, is_causal=True).transpose(1, 2).reshape(batch, tokens, width)
                x = x + self.output(mixed)
                return x + self.narrow(gelu(self.wide(self.norm2(x))))

        class Model(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                self.tokens, self.places = embedding(vocabulary, width), embedding(length, width)
                self.blocks = nn.Sequential(*[Block() for _ in range(layers)])
                self.norm, self.head = norm(width), linear(width, vocabulary)

            def forward(self, x: Any, y: Any) -> Any:
                hidden = self.blocks(self.tokens(x) + self.places.weight)
                logits = self.head(self.norm(hidden))
                return functional.cross_entropy(logits.reshape(-1, vocabulary), y.reshape(-1))

        return Model

    return make


def recurrent(inputs: int, width: int, classes: int) -> Network:
    """A long short-term memory written in basic operations, classified by its last state."""

    def make(library: Library) -> Callable[[], Any]:
        nn, ops, functional = library.nn, library.ops, library.functional
        sigmoid, tanh, chunk, zeros = ops.sigmoid, ops.tanh, ops.chunk, ops.zeros

        class Model(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                self.from_input, self.head = nn.Linear(inputs, 4 * width), nn.Linear(width, classes)
                self.from_state = nn.Parameter(zeros(width, 4 * width))

            def forward(self, x: Any, y: Any) -> Any:
                batch, steps, _ = x.shape
                given = self.from_input(x)
                state = cell = zeros(batch, width)
                for step in range(steps):
                    gates = given[:, step] + state @ self.from_state
                    enter, forget, candidate, leave = chunk(gates, 4, 1)
                    cell = sigmoid(forget) * cell + sigmoid(enter) * tanh(candidate)
                    state = sigmoid(leave) * tanh(cell)
                return functional.cross_entropy(self.head(state), y)

        return Model

    return make

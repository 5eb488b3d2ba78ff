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


def residual(kind: str, classes: int = 10) -> Network:
    """A residual network: "cifar20", or "18" with the stem for small images.

    Ours is the one that `nn.models` has; the other's is built from its own modules, with the same parameters in the
    same order, in the memory format in which it is faster, which is channels-last.
    """

    def make(library: Library) -> Callable[[], Any]:
        nn, functional = library.nn, library.functional
        built = _own_residual(nn, kind, classes) if hasattr(nn, "models") else _built_residual(library, kind, classes)

        class Model(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                self.network = built()

            def forward(self, x: Any, y: Any) -> Any:
                return functional.cross_entropy(self.network(x), y)

        return Model

    return make


def _own_residual(nn: Any, kind: str, classes: int) -> Callable[[], Any]:
    if kind == "cifar20":
        return lambda: nn.models.cifar_resnet20(classes)
    return lambda: nn.models.resnet18(num_classes=classes, stem="cifar")


def _built_residual(library: Library, kind: str, classes: int) -> Callable[[], Any]:
    nn, ops, functional = library.nn, library.ops, library.functional
    conv, norm, sequential, format_ = nn.Conv2d, nn.BatchNorm2d, nn.Sequential, ops.channels_last

    class Block(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self, narrow: int, wide: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.bn1 = conv(narrow, wide, 3, stride, 1, bias=False), norm(wide)
            self.conv2, self.bn2 = conv(wide, wide, 3, 1, 1, bias=False), norm(wide)
            self.stride, self.added = stride, wide - narrow
            self.downsample = None
            if self.added and kind != "cifar20":
                self.downsample = sequential(conv(narrow, wide, 1, stride, bias=False), norm(wide))

        def forward(self, x: Any) -> Any:
            hidden = functional.relu(self.bn1(self.conv1(x)), inplace=True)
            hidden = self.bn2(self.conv2(hidden))
            if self.downsample is not None:
                x = self.downsample(x)
            elif self.added:
                x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
            hidden += x
            return functional.relu(hidden, inplace=True)

    class Residual(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            widths, count = ((16, 32, 64), 3) if kind == "cifar20" else ((64, 128, 256, 512), 2)
            self.conv1, self.bn1 = conv(3, widths[0], 3, 1, 1, bias=False), norm(widths[0])
            blocks, narrow = [], widths[0]
            for stage, wide in enumerate(widths):
                for number in range(count):
                    blocks.append(Block(narrow, wide, 2 if stage and not number else 1))
                    narrow = wide
            self.blocks, self.fc = sequential(*blocks), nn.Linear(narrow, classes)
            self.to(memory_format=format_)

        def forward(self, x: Any) -> Any:
            x = x.contiguous(memory_format=format_)
            hidden = self.blocks(functional.relu(self.bn1(self.conv1(x)), inplace=True))
            return self.fc(functional.adaptive_avg_pool2d(hidden, 1).flatten(1))

    return Residual

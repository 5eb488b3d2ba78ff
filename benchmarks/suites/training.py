"""Whole training steps: forward, backward and the optimiser's update."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..libraries import Library
from ..models import Network, fill, parameters, perceptron, recurrent, residual, transformer
from ..rows import Arrays, Build, Row, Task

RINGS = (2, 32, 32, 16, 1)
DIGITS = (784, 512, 512, 10)
WIDTH, TOKENS, BYTES = 128, 64, 256
# What products alone take at a measured peak of 118 GFLOP/s a core (Zen 4, which has no more arithmetic with AVX-512
# than with AVX2), beside what PyTorch took for the whole step on one thread.
DIGITS_NOTE = "0.41 GFLOP are 3.5 ms at the measured peak, Adam's 19 MB 0.5 ms or more: 0.7 of PyTorch's 5.8 ms"
TEXT_NOTE = (
    "11 GFLOP, attention's included, are 94 ms at the measured peak: 0.6 of PyTorch's 155 ms; linear layers take 109 "
    "of our 150 ms, at 0.8 of the peak, where PyTorch's products alone run at 0.7 to 0.85 of it"
)
SEQUENCE_NOTE = (
    "0.54 GFLOP are 4.6 ms at the measured peak: 0.3 of PyTorch's 16.6 ms; but 95 products have 32 rows, "
    "or sums of 32 terms, which pays the packing of a 128×512 matrix for little, and run at 0.6 of it"
)
# Kernels alone, on an idle core, beside the least of many whole steps; what lies between them is Python's.
RINGS_NOTE = "kernels take about 75 of 235 µs; the rest is Python's, between 20 calls of layers and pullbacks"
DEFAULT, FUSED = "against PyTorch's default Adam", "against PyTorch's fused Adam"
TOLERANCE = 1e-3


def _rings(random: np.random.Generator) -> Arrays:
    return {
        "x": random.standard_normal((256, 2), np.float32),
        "y": (random.random((256, 1)) < 0.5).astype(np.float32),
    }


def _digits(random: np.random.Generator) -> Arrays:
    return {"x": random.standard_normal((128, 784), np.float32), "y": random.integers(0, 10, 128)}


def _text(random: np.random.Generator) -> Arrays:
    return {name: random.integers(0, BYTES, (32, TOKENS)) for name in "xy"}


def _sequences(random: np.random.Generator) -> Arrays:
    return {"x": random.standard_normal((32, 32, 64), np.float32), "y": random.integers(0, 10, 32)}


def _images(random: np.random.Generator, batch: int) -> Arrays:
    return {"x": random.standard_normal((batch, 3, 32, 32), np.float32), "y": random.integers(0, 10, batch)}


def step(network: Network, fused: bool) -> Build:
    """How a subject with modules builds a step of Adam on a network."""

    def build(library: Library, arrays: Arrays) -> Task:
        model = network(library)()
        fill(library, model)
        optimizer = library.optim.Adam(model.parameters(), **(library.fused_optimizer() if fused else {}))
        model = library.compiled(model)
        x, y = library.tensor(arrays["x"]), library.tensor(arrays["y"])

        def call() -> Any:
            optimizer.zero_grad()
            loss = model(x, y)
            loss.backward()
            optimizer.step()
            return loss

        return Task(call)

    return build


def jitted_step(library: Library, arrays: Arrays, widths: Sequence[int], loss: str) -> Task:
    """The same step of a network of linear layers with ReLU in JAX, jitted as a whole, with Adam written out."""
    jax, names = library.jax, library.functional  # type: ignore[attr-defined]
    shapes = [shape for narrow, wide in itertools.pairwise(widths) for shape in ((wide, narrow), (wide,))]
    criterion = getattr(names, loss)

    def loss_of(values: Any, x: Any, y: Any) -> Any:
        layers = list(zip(values[::2], values[1::2], strict=True))
        for weight, bias in layers[:-1]:
            x = names.relu(names.linear(x, weight, bias))
        return criterion(names.linear(x, *layers[-1]), y)

    @jax.jit
    def update(values: Any, means: Any, squares: Any, age: Any, x: Any, y: Any) -> Any:
        result, gradients = jax.value_and_grad(loss_of)(values, x, y)
        means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
        squares = [0.999 * s + 0.001 * g * g for s, g in zip(squares, gradients, strict=True)]
        scale = 1e-3 / (1 - 0.9**age)
        root = (1 - 0.999**age) ** 0.5
        moments = zip(values, means, squares, strict=True)
        return [v - scale * m / (s**0.5 / root + 1e-8) for v, m, s in moments], means, squares, age + 1, result

    values = [library.tensor(value) for value in parameters(shapes)]
    zeros = [value * 0 for value in values]
    x, y = library.tensor(arrays["x"]), library.tensor(arrays["y"])
    state = [values, zeros, zeros, library.tensor(np.float32(1))]

    def call() -> Any:
        *state[:], result = update(*state, x, y)
        return jax.block_until_ready(result)

    return Task(call)


def few_samples(arrays: Arrays) -> Arrays:
    """A batch of eight, which runs all the code, that of large products too, and takes little memory."""
    return {name: array[:8] for name, array in arrays.items()}


@dataclasses.dataclass(frozen=True)
class Training:
    """What is trained, and the goals beside PyTorch with its fused Adam, and with its default one where that counts."""

    label: str
    network: Network
    arrays: Callable[[np.random.Generator], Arrays]
    goal: float
    default_goal: float | None = None
    jax: Build | None = None
    note: str = ""

    def row(self, suite: str, goal: float, fused: bool, **fields: Any) -> Row:
        """The row of a suite that trains this network."""
        subjects = dict.fromkeys(("ours", "torch", "torch.compile"), step(self.network, fused))
        if self.jax is not None:
            subjects["jax"] = self.jax
        return Row(
            suite,
            self.label,
            goal,
            self.arrays,
            subjects,
            tolerance=TOLERANCE,
            probe=self.network,
            miniature=few_samples,
            note=self.note if suite == "training" else "",
            **fields,
        )


def trainings() -> list[Training]:
    """The networks."""
    cross_entropy, with_logits = "cross_entropy", "binary_cross_entropy_with_logits"
    return [
        Training(
            "rings 2-32-32-16-1, batch 256",
            perceptron(RINGS, with_logits),
            _rings,
            0.5,
            0.25,
            functools.partial(jitted_step, widths=RINGS, loss=with_logits),
        ),
        Training(
            "rings with batch norm",
            perceptron(RINGS, with_logits, normalization=True),
            _rings,
            0.5,
            0.25,
            note=RINGS_NOTE,
        ),
        Training(
            "784-512-512-10, batch 128",
            perceptron(DIGITS, cross_entropy),
            _digits,
            0.6,
            jax=functools.partial(jitted_step, widths=DIGITS, loss=cross_entropy),
            note=DIGITS_NOTE,
        ),
        Training("CIFAR ResNet-20, batch 64", residual("cifar20"), functools.partial(_images, batch=64), 0.75),
        Training("ResNet-18, small stem, batch 16", residual("18"), functools.partial(_images, batch=16), 0.9),
        Training("transformer 4×128, batch 32×64", transformer(4, WIDTH, 4, BYTES, TOKENS), _text, 0.8, note=TEXT_NOTE),
        Training(
            "LSTM of basic operations, batch 32×32",
            recurrent(64, WIDTH, 10),
            _sequences,
            0.8,
            note=SEQUENCE_NOTE,
        ),
    ]


def rows() -> list[Row]:
    """Steps in float32, beside PyTorch's default Adam where it makes the difference, and beside its fused one."""
    found = [
        training.row("training", training.default_goal, False, section=DEFAULT)
        for training in trainings()
        if training.default_goal is not None
    ]
    return found + [training.row("training", training.goal, True, section=FUSED) for training in trainings()]

"""Graphs to draw, recorded without computing anything: real nodes and scopes under tensors of zeros."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograd_core.graph import Accumulator, make_node, scope
from autograd_core.plan import NOTHING
from autograd_core.tensor import Tensor, wrap


class Recorder:
    """Makes tensors of any shape that look as if operations had computed them."""

    @staticmethod
    def tensor(node: Any, shape: tuple[int, ...], dtype: str = "float32") -> Tensor:
        return wrap(np.broadcast_to(np.zeros((), dtype), shape), node)

    def leaf(self, *shape: int, name: str | None = None) -> Tensor:
        return self.tensor(Accumulator(shape, np.dtype("float32"), name), shape)

    def constant(self, *shape: int) -> Tensor:
        return self.tensor(None, shape)

    def apply(
        self, name: str, *operands: Tensor, shape: tuple[int, ...] | None = None, dtype: str = "float32", **given: Any
    ) -> Tensor:
        """The result of an operation; of its first operand's shape unless told."""
        shape = operands[0].shape if shape is None else shape
        edges = tuple(operand._node for operand in operands)
        plan: Any = SimpleNamespace(
            op=SimpleNamespace(name=name), count=len(edges), saves=NOTHING, names=(), named_sources=()
        )
        return self.tensor(make_node(plan, edges, given, shape, np.dtype(dtype)), shape, dtype)

    def linear(self, name: str, x: Tensor, features: int) -> Tensor:
        with scope(name, "Linear"):
            weight, bias = self.leaf(features, x.shape[-1], name="weight"), self.leaf(features, name="bias")
            return self.apply("linear", x, weight, bias, shape=(*x.shape[:-1], features))

    def convolution(self, name: str, x: Tensor, channels: int) -> Tensor:
        with scope(name, "Conv2d"):
            weight = self.leaf(channels, x.shape[1], 3, 3, name="weight")
            return self.apply("conv2d", x, weight, shape=(x.shape[0], channels, *x.shape[2:]))

    def normalization(self, name: str, x: Tensor, kind: str = "BatchNorm2d") -> Tensor:
        with scope(name, kind):
            weight, bias = self.leaf(x.shape[1], name="weight"), self.leaf(x.shape[1], name="bias")
            return self.apply("batch_norm", x, weight, bias)

    def activation(self, name: str, x: Tensor, kind: str = "ReLU") -> Tensor:
        with scope(name, kind):
            return self.apply(kind.lower(), x)

    def small(self) -> Tensor:
        """One layer and two operations, in one module."""
        with scope("Net", "Net"):
            y = self.linear("fc1", self.constant(5, 3), 2)
            return self.apply("sum", self.apply("mul", y, y), shape=(2,), dtype="float64", dim=0)

    def perceptron(self) -> Tensor:
        """Linear layers with batch norm, in a module inside a module."""
        x = self.constant(32, 784)
        with scope("MLP", "MLP"), scope("layers", "Sequential"):
            for index, features in ((0, 128), (3, 64)):
                x = self.linear(str(index), x, features)
                x = self.normalization(str(index + 1), x, "BatchNorm1d")
                x = self.activation(str(index + 2), x)
            x = self.linear("6", x, 10)
        return self.apply("cross_entropy", x, self.constant(32), shape=())

    def block(self, name: str, x: Tensor, channels: int) -> Tensor:
        with scope(name, "BasicBlock"):
            y = self.activation("relu", self.normalization("bn1", self.convolution("conv1", x, channels)))
            y = self.normalization("bn2", self.convolution("conv2", y, channels))
            if x.shape[1] != channels:
                with scope("downsample", "Sequential"):
                    x = self.normalization("1", self.convolution("0", x, channels))
            return self.activation("relu", self.apply("add", y, x))

    def resnet(self, blocks: tuple[int, ...] = (2, 2, 2, 2)) -> Tensor:
        """ResNet-18 unless told otherwise."""
        with scope("ResNet", "ResNet"):
            x = self.convolution("conv1", self.constant(8, 3, 64, 64), 64)
            x = self.activation("relu", self.normalization("bn1", x))
            for stage, count in enumerate(blocks):
                with scope(f"layer{stage + 1}", "Sequential"):
                    for index in range(count):
                        x = self.block(str(index), x, 64 * 2**stage)
            x = self.apply("mean", x, shape=(8, x.shape[1]))
            return self.linear("fc", x, 10)

    def attention(self, layers: int = 2) -> Tensor:
        """A Transformer encoder, whose queries, keys and values run side by side."""
        with scope("Transformer", "Transformer"):
            with scope("embedding", "Embedding"):
                x = self.apply("embedding", self.leaf(1000, 64, name="weight"), shape=(4, 16, 64))
            for index in range(layers):
                with scope(f"layers.{index}", "EncoderLayer"):
                    h = self.normalization("norm1", x, "LayerNorm")
                    with scope("attention", "MultiheadAttention"):
                        parts = [self.linear(name, h, 64) for name in ("query", "key", "value")]
                        parts = [self.apply("reshape", part, shape=(4, 4, 16, 16)) for part in parts]
                        h = self.linear("output", self.apply("attention", *parts, shape=(4, 16, 64)), 64)
                    x = self.apply("add", x, h)
                    h = self.activation("gelu", self.linear("up", self.normalization("norm2", x), 256), "GELU")
                    x = self.apply("add", x, self.linear("down", h, 64))
            return self.linear("head", x, 1000)

    def recurrent(self, steps: int = 6) -> tuple[Tensor, dict[str, Tensor]]:
        """A cell called step after step with the same parameters, and several outputs."""
        weight, bias = self.leaf(8, 8, name="weight"), self.leaf(8, name="bias")
        with scope("RNN", "RNN"):
            state = self.constant(4, 8)
            for _ in range(steps):
                with scope("cell", "RNNCell"):
                    state = self.apply("tanh", self.apply("linear", state, weight, bias, shape=(4, 8)))
        return self.apply("stack", state, shape=(steps, 4, 8)), {"state": state}

    def dense(self, layers: int = 7) -> Tensor:
        """Every layer reads the results of all before it."""
        results = [self.leaf(2, 4)]
        for _ in range(layers):
            results.append(self.apply("tanh", self.apply("cat", *results, shape=(2, 4 * len(results))), shape=(2, 4)))
        return results[-1]

    def chain(self, length: int) -> Tensor:
        """One operation after another, outside any module."""
        x = self.leaf(3, 4)
        for index in range(length):
            x = self.apply(("tanh", "exp", "mul", "add", "sigmoid")[index % 5], x)
        return x

    def random(self, seed: int, size: int = 40) -> list[Tensor]:
        """Operations on random earlier results, in modules that open and close at random."""
        draw = np.random.default_rng(seed)
        results = [self.leaf(2, name="weight"), self.leaf(3), self.constant(4)]

        def fill(size: int, level: int) -> None:
            while size > 0:
                if level < 4 and size > 3 and draw.random() < 0.35:
                    inside = int(draw.integers(1, size))
                    with scope(f"part{size}", "Part" * int(draw.integers(1, 4))):
                        fill(inside, level + 1)
                    size -= inside
                    continue
                chosen = draw.integers(max(0, len(results) - 6), len(results), int(draw.integers(1, 4)))
                operands = [results[index] for index in chosen]
                if draw.random() < 0.4:
                    operands.append(self.leaf(5, 5, name="bias"))
                shape = tuple(draw.integers(1, 2000, int(draw.integers(0, 4))).tolist())
                dtype = "float64" if draw.random() < 0.2 else "float32"
                name = ("add", "matmul", "layer_norm", "scaled_dot_product")[int(draw.integers(4))]
                results.append(self.apply(name, *operands, shape=shape, dtype=dtype))
                size -= 1

        fill(size, 0)
        return results[-3:]


GRAPHS: dict[str, Callable[[Recorder], Any]] = {
    "perceptron": Recorder.perceptron,
    "resnet": Recorder.resnet,
    "attention": Recorder.attention,
    "recurrent": Recorder.recurrent,
    "dense": Recorder.dense,
    "chain": lambda record: record.chain(300),
    **{f"random{seed}": partial(Recorder.random, seed=seed) for seed in range(8)},
}


@pytest.fixture
def record() -> Recorder:
    return Recorder()


@pytest.fixture(params=GRAPHS)
def graph(request: pytest.FixtureRequest, record: Recorder) -> Any:
    """The output of every example graph in turn."""
    return GRAPHS[request.param](record)


@pytest.fixture
def no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without ``dot`` and without pygraphviz."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)

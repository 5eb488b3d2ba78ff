"""Layers and losses that have kernels of their own: softmax, norms, losses, dropout, embedding, attention."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import operation
from ..rows import Arrays, Row

Shape = tuple[int, ...]

PICKED_NOTE = "forward reads one number a row: what it takes is the call, whose targets are copied for backward"


def _normal(random: np.random.Generator, **shapes: Shape) -> Arrays:
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def _draw(**shapes: Shape) -> Callable[[np.random.Generator], Arrays]:
    return functools.partial(_normal, **shapes)


def _off_the_kink(**shapes: Shape) -> Callable[[np.random.Generator], Arrays]:
    """Keeps normalised values so far from ReLU's kink that neither side's rounding decides where they lie."""

    def draw(random: np.random.Generator) -> Arrays:
        arrays = _normal(random, **shapes)
        x, weight = arrays["x"], arrays["weight"]
        weight[:] = random.uniform(0.5, 1.5, weight.shape)
        value = (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) * weight + arrays["bias"] + arrays.get("residual", 0.0)
        x += (np.abs(value) < 2e-4) * (1e-3 / weight)
        return arrays

    return draw


def _classified(batch: int, classes: int) -> Callable[[np.random.Generator], Arrays]:
    def draw(random: np.random.Generator) -> Arrays:
        return {
            "logits": random.standard_normal((batch, classes), np.float32),
            "target": random.integers(0, classes, batch),
        }

    return draw


def _linear() -> list[Row]:
    draw = _draw(x=(256, 512), weight=(512, 512), bias=(512,))

    def with_activation(name: str) -> Callable[[Library], Callable[..., Any]]:
        def make(library: Library) -> Callable[..., Any]:
            linear, activation = library.functional.linear, getattr(library.functional, name)
            return lambda x, weight, bias: activation(linear(x, weight, bias))

        return make

    found = operation("fused", "linear 256×512→512", lambda library: library.functional.linear, draw)
    for name in ("relu", "gelu", "tanh"):
        found += operation("fused", f"linear + {name}", with_activation(name), draw)
    return found


def _softmax() -> list[Row]:
    found: list[Row] = []
    for name in ("softmax", "log_softmax"):
        for shape, words in (((4096, 64), "4096×64"), ((256, 4096), "256×4096")):
            found += operation("fused", f"{name} {words}", _rowwise(name), _draw(x=shape))
    return found


def _rowwise(name: str) -> Callable[[Library], Callable[..., Any]]:
    def make(library: Library) -> Callable[..., Any]:
        function = getattr(library.functional, name)
        return lambda x: function(x, -1)

    return make


def _losses() -> list[Row]:
    found: list[Row] = []
    for batch, classes in ((1024, 10), (64, 32_000)):
        for label, name, note in (
            ("cross-entropy", "cross_entropy", ""),
            ("negative log-likelihood", "nll_loss", PICKED_NOTE),
        ):
            arrays = _classified(batch, classes)
            found += operation("fused", f"{label} {batch}×{classes}", _loss(name), arrays, note=note)

    def paired(random: np.random.Generator) -> Arrays:
        return {
            "x": random.standard_normal((1024, 64), np.float32),
            "target": random.random((1024, 64), np.float32),
        }

    for label, name in (
        ("mean squared error", "mse_loss"),
        ("binary cross-entropy with logits", "binary_cross_entropy_with_logits"),
    ):
        found += operation("fused", f"{label} 1024×64", _loss(name), paired, constants=("target",))
    return found


def _loss(name: str) -> Callable[[Library], Callable[..., Any]]:
    return lambda library: getattr(library.functional, name)  # type: ignore[no-any-return]


def _norms() -> list[Row]:
    def layer_norm(library: Library) -> Callable[..., Any]:
        function = library.functional.layer_norm
        return lambda x, weight, bias: function(x, (768,), weight, bias)

    def batch_norm(library: Library) -> Callable[..., Any]:
        function = library.functional.batch_norm
        return lambda x, weight, bias: function(x, None, None, weight, bias, True)

    def batch_norm_relu(library: Library) -> Callable[..., Any]:
        # As blocks of residual networks end; channels-last in memory, as images are behind a convolution.
        normalise, relu = library.functional.batch_norm, library.functional.relu
        fused = getattr(library.ops, "batch_norm_relu", None)

        def call(x: Any, weight: Any, bias: Any, residual: Any = None) -> Any:
            x, residual = x.permute(0, 3, 1, 2), None if residual is None else residual.permute(0, 3, 1, 2)
            if fused is not None:
                y = fused(x, None, None, weight, bias, training=True, residual=residual)
            else:
                y = normalise(x, None, None, weight, bias, training=True)
                y = relu(y if residual is None else y + residual, inplace=True)
            return y.permute(0, 2, 3, 1)

        return call

    def group_norm(library: Library) -> Callable[..., Any]:
        function = library.functional.group_norm
        return lambda x, weight, bias: function(x, 8, weight, bias)

    def rms_norm(library: Library) -> Callable[..., Any]:
        function = library.functional.rms_norm
        return lambda x, weight: function(x, (768,), weight)

    def instance_norm(library: Library) -> Callable[..., Any]:
        function = library.functional.instance_norm
        return lambda x, weight, bias: function(x, None, None, weight, bias)

    images = _draw(x=(32, 64, 16, 16), weight=(64,), bias=(64,))
    narrow = _off_the_kink(x=(64, 32, 32, 16), weight=(16,), bias=(16,))
    added = _off_the_kink(x=(16, 32, 32, 64), weight=(64,), bias=(64,), residual=(16, 32, 32, 64))
    features = _draw(x=(256, 512), weight=(512,), bias=(512,))
    tokens = _draw(x=(512, 768), weight=(768,), bias=(768,))
    return [
        *operation("fused", "layer norm 512×768", layer_norm, tokens),
        *operation("fused", "batch norm 1d 256×512", batch_norm, features),
        *operation("fused", "batch norm 2d 32×64×16×16", batch_norm, images),
        *operation("fused", "batch norm + ReLU 64×16×32×32", batch_norm_relu, narrow, goals=(0.7, 0.7)),
        *operation("fused", "batch norm + add + ReLU 16×64×32×32", batch_norm_relu, added, goals=(0.7, 0.7)),
        *operation("fused", "group norm 32×64×16×16", group_norm, images),
        *operation("fused", "instance norm 32×64×16×16", instance_norm, images),
        *operation("fused", "RMS norm 512×768", rms_norm, _draw(x=(512, 768), weight=(768,))),
    ]


def _dropout() -> list[Row]:
    def make(library: Library) -> Callable[..., Any]:
        function = library.functional.dropout
        return lambda x: function(x, 0.5, True)

    def ones(random: np.random.Generator) -> Arrays:
        return {"x": np.ones((1000, 1000), np.float32)}

    def kept(result: np.ndarray) -> list[float]:
        # Masks differ; what share of the elements they keep does not.
        return [float(np.mean(result != 0))]

    return operation("fused", "dropout 10⁶", make, ones, tolerance=0.01, summary=kept)


def _embedding() -> list[Row]:
    def draw(random: np.random.Generator) -> Arrays:
        return {
            "index": random.integers(0, 32_000, (32, 64)),
            "weight": random.standard_normal((32_000, 128), np.float32),
        }

    # On one thread of a Zen 4 the kernel takes 40 to 43 µs, with or without asking ahead for more; on two 23 to 25.
    note = (
        "forward: 1 MiB is read and 1 MiB written between the last-level cache and the core, 40 of 46 µs on one thread "
        "and 24 on two; reading and checking the arguments takes 4, and starting the second thread 3"
    )
    label = "embedding 2048 of 32000×128"
    return operation("fused", label, lambda library: library.functional.embedding, draw, note=note)


def _attention() -> list[Row]:
    found: list[Row] = []
    for tokens in (128, 512):
        draw = _draw(query=(8, 4, tokens, 64), key=(8, 4, tokens, 64), value=(8, 4, tokens, 64))
        found += operation(
            "fused", f"attention {tokens} tokens", lambda library: library.functional.scaled_dot_product_attention, draw
        )
        found += operation("fused", f"attention {tokens} tokens, causal", _attention_causal, draw)
        found += operation("fused", f"attention {tokens} tokens, from operations", _attention_composed, draw)
    return found


def _attention_causal(library: Library) -> Callable[..., Any]:
    function = library.functional.scaled_dot_product_attention
    return lambda query, key, value: function(query, key, value, is_causal=True)


def _attention_composed(library: Library) -> Callable[..., Any]:
    matmul, transpose, softmax = library.ops.matmul, library.ops.transpose, library.functional.softmax

    def attention(query: Any, key: Any, value: Any) -> Any:
        scale = 1 / math.sqrt(query.shape[-1])
        return matmul(softmax(matmul(query, transpose(key, -1, -2)) * scale, -1), value)

    return attention


def rows() -> list[Row]:
    """All of them in the sizes of small networks."""
    return [*_linear(), *_softmax(), *_losses(), *_norms(), *_dropout(), *_embedding(), *_attention()]

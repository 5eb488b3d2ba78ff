"""JAX behind PyTorch's names, as far as the rows need them; every call is jitted whole."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .libraries import Library

# Where JAX calls a thing by another name than PyTorch.
_NAMES = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "pow": "power"}


class _Names:
    """Attributes are looked up in several of JAX's modules, the first that has it."""

    def __init__(self, *places: Any) -> None:
        self._places = places

    def __getattr__(self, name: str) -> Any:
        wanted = _NAMES.get(name, name)
        for place in self._places:
            found = getattr(place, wanted, None)
            if callable(found):
                return found
        raise AttributeError(f"JAX has no {name!r}", name=name, obj=self)


class Jax(Library):
    """JAX, each call compiled by ``jax.jit``."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        self.jax = jax
        layers = _layers(jax, jnp)
        functional = _Names(layers, jax.nn, jnp)
        ops = _Names(layers, jnp, jax.nn, jax.lax, jax.scipy.special)
        super().__init__(ops, SimpleNamespace(functional=functional), None)

    def limit_threads(self, threads: int) -> None:
        """Nothing: XLA counts the processors when it starts, and :func:`hold_threads` acts before that."""

    def describe(self) -> dict[str, str]:
        return {"blas": "XLA", "threads": str(len(os.sched_getaffinity(0)))}

    def counterpart(self, op: Any) -> Callable[..., Any]:
        return getattr(self.ops, (op.torch or op.name).rpartition(".")[2])  # type: ignore[no-any-return]

    def compiled(self, function: Any) -> Any:
        return self.jax.jit(function)

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        return self.jax.numpy.asarray(array)

    def array(self, tensor: Any) -> np.ndarray:
        return np.array(tensor)

    def forward(self, function: Callable[..., Any], operands: Sequence[Any]) -> Callable[[], Any]:
        run, wait = self.compiled(function), self.jax.block_until_ready
        return lambda: wait(run(*operands))

    def forward_backward(
        self, function: Callable[..., Any], operands: Sequence[Any], leaves: Sequence[int], cotangent: Any
    ) -> Callable[[], Any]:
        def pulled(operands: Sequence[Any], cotangent: Any) -> Any:
            def of_leaves(*values: Any) -> Any:
                given = list(operands)
                for index, value in zip(leaves, values, strict=True):
                    given[index] = value
                return function(*given)

            return self.jax.vjp(of_leaves, *[operands[index] for index in leaves])[1](cotangent)

        run, wait = self.jax.jit(pulled), self.jax.block_until_ready
        return lambda: wait(run(operands, cotangent))

    def gradients(self, leaves: Sequence[Any]) -> list[Any]:
        return list(leaves)


def hold_threads(threads: int) -> None:
    """Let XLA, which takes a thread for every processor it may run on, see only so many."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _layers(jax: Any, jnp: Any) -> SimpleNamespace:
    """Layers and losses that JAX leaves to its users, in the operations they use for them."""

    def linear(x: Any, weight: Any, bias: Any) -> Any:
        return x @ weight.T + bias

    def cross_entropy(logits: Any, target: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))

    def layer_norm(x: Any, shape: Sequence[int], weight: Any, bias: Any) -> Any:
        axes = tuple(range(-len(shape), 0))
        return jax.nn.standardize(x, axes, epsilon=1e-5) * weight + bias

    def embedding(index: Any, weight: Any) -> Any:
        return weight[index]

    def mse_loss(x: Any, target: Any) -> Any:
        return jnp.mean((x - target) ** 2)

    def binary_cross_entropy_with_logits(x: Any, target: Any) -> Any:
        return jnp.mean(jax.nn.softplus(x) - x * target)

    return SimpleNamespace(
        linear=linear,
        cross_entropy=cross_entropy,
        layer_norm=layer_norm,
        embedding=embedding,
        mse_loss=mse_loss,
        binary_cross_entropy_with_logits=binary_cross_entropy_with_logits,
        gelu=functools.partial(jax.nn.gelu, approximate=False),
        transpose=jnp.swapaxes,
        bmm=jnp.matmul,
    )

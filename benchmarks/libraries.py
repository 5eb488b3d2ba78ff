"""The libraries under test behind the same names, so that a row is written once for all of them."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# What further columns may compare with, and the module each needs.
PEERS = {"torch.compile": "torch", "jax": "jax"}


class Library(abc.ABC):
    """A library that computes eagerly and follows PyTorch's names.

    Attributes:
        ops: operations on tensors: ``autograd_core`` or ``torch``.
        nn, functional, optim: modules, layers as functions, optimisers.
    """

    def __init__(self, ops: Any, nn: Any, optim: Any) -> None:
        self.ops = ops
        self.nn = nn
        self.functional = nn.functional
        self.optim = optim

    def limit_threads(self, threads: int) -> None:
        """Compute with that many threads from now on."""
        self.ops.set_num_threads(threads)

    @abc.abstractmethod
    def describe(self) -> dict[str, str]:
        """What the library computes with on this machine."""

    @abc.abstractmethod
    def counterpart(self, op: Any) -> Callable[..., Any]:
        """The user's function of a registered operation.

        Raises:
            AttributeError: if the library has none.
        """

    def fused_optimizer(self) -> dict[str, Any]:
        """Options that make an optimiser update all parameters in one pass, where that is an option."""
        return {}

    def compiled(self, function: Any) -> Any:
        """`function` or a module as the library is used: compiled by the peers that compile."""
        return function

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        """`array` as a tensor; a copy where it will be differentiated."""
        if not requires_grad:
            return self.ops.from_numpy(array)
        return self.ops.tensor(array, requires_grad=True)

    def array(self, tensor: Any) -> np.ndarray:
        """A copy of a tensor's values."""
        return np.array(tensor.detach().numpy())

    def forward(self, function: Callable[..., Any], operands: Sequence[Any]) -> Callable[[], Any]:
        """A call of `function`, recorded for backward."""
        return functools.partial(self.compiled(function), *operands)

    def forward_backward(
        self, function: Callable[..., Any], operands: Sequence[Any], leaves: Sequence[int], cotangent: Any
    ) -> Callable[[], Any]:
        """A call of `function` and of backward, and what reads the gradients of the operands `leaves` afterwards."""
        function = self.compiled(function)
        chosen = [operands[index] for index in leaves]

        def call() -> list[Any]:
            for leaf in chosen:
                leaf.grad = None
            function(*operands).backward(cotangent)
            return chosen

        return call

    def gradients(self, leaves: Sequence[Any]) -> list[Any]:
        """The gradients in what the call of :meth:`forward_backward` returned."""
        return [leaf.grad for leaf in leaves]


class Ours(Library):
    """This project."""

    def __init__(self) -> None:
        import autograd_core
        import nn
        import optim

        super().__init__(autograd_core, nn, optim)

    def counterpart(self, op: Any) -> Callable[..., Any]:
        if op.function is None:
            raise AttributeError(f"{op.name} has no function", name=op.name, obj=self)
        return op.function  # type: ignore[no-any-return]

    def describe(self) -> dict[str, str]:
        import ctypes

        from numba.core.registry import cpu_target

        from autograd_core.kernels import blas, jit

        core = "NumPy's"
        if blas.AVAILABLE:
            name = blas._library.scipy_openblas_get_corename
            name.restype = ctypes.c_char_p
            core = f"OpenBLAS {name().decode()}"
        features = cpu_target.target_context.codegen()._tm_features
        width = 512 if "+avx512f" in features else 256 if "+avx2" in features else 128
        threads = str(jit.thread_count(1 << 30, 0))
        return {"blas": core, "vector bits": str(width), "threads": threads}


class Torch(Library):
    """PyTorch, eager."""

    def __init__(self) -> None:
        import torch

        super().__init__(torch, torch.nn, torch.optim)

    def counterpart(self, op: Any) -> Callable[..., Any]:
        found: Any = self.ops
        for name in (op.torch or op.name).split("."):
            found = getattr(found, name)
        if not callable(found):
            raise AttributeError(f"torch.{op.name} is no function", name=op.name, obj=self.ops)
        return found  # type: ignore[no-any-return]

    def fused_optimizer(self) -> dict[str, Any]:
        return {"fused": True}

    def describe(self) -> dict[str, str]:
        torch = self.ops
        blas = "MKL" if torch.backends.mkl.is_available() else "another"
        capability = torch.backends.cpu.get_cpu_capability()
        width = {"AVX512": "512", "AVX2": "256"}.get(capability, capability)
        return {"blas": blas, "vector bits": width, "threads": str(torch.get_num_threads())}


class CompiledTorch(Torch):
    """PyTorch with ``torch.compile``."""

    def compiled(self, function: Any) -> Any:
        return self.ops.compile(function, dynamic=False)


@functools.cache
def library(subject: str) -> Library:
    """The library that a subject's first word names.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    name = subject.partition(" ")[0]
    if name == "jax":
        from .jax_library import Jax

        return Jax()
    return {"ours": Ours, "torch": Torch, "torch.compile": CompiledTorch}[name]()

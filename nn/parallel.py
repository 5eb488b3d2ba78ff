"""Training on several processes at once: each computes the gradients of its part of a batch, and all use their mean."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Tensor

from .layers import positive_size
from .module import Module
from .parameter import Parameter

# A message of MPI counts its elements, and some implementations its bytes, in 31 bits.
LARGEST_CHUNK = 2**31 - 1


class DistributedDataParallel(Module):
    """A model of which every process has a copy that sees other samples.

    Call :meth:`synchronize` between ``backward()`` and the optimiser's step: gradients become their mean over the
    processes, so that copies that start equal stay equal, and a step is that of one process on the whole batch (but
    for batch normalisation, whose statistics are each process's own). Unlike PyTorch's, it does not begin in the
    middle of backward: there is one call, whose order of messages cannot depend on which parameters were used.

    Parameters and buffers are made equal to those of process 0 here. Each process reads its share of the data with
    ``nn.data.Subset(dataset, range(rank, len(dataset), size))``.

    Args:
        module: the model.
        communicator: mpi4py's ``MPI.COMM_WORLD`` (the extra "mpi"), or what has its methods ``Get_rank``, ``Get_size``,
            ``Bcast`` and ``Iallreduce``, in a module with its constant ``IN_PLACE``.
        chunk_bytes: the size of messages at most.
        timeout: seconds to wait for the other processes.

    Raises:
        TypeError, ValueError: for sizes that are none.
        ValueError: in every process, if their models have other parameters.
        TimeoutError: if another process does not take part in time; names the process and the parameters.

    Example:
        Run as ``mpiexec -n 4 python train.py``::

            from mpi4py import MPI

            model = nn.parallel.DistributedDataParallel(nn.MLP(2, [32], 1), MPI.COMM_WORLD)
            optimizer = optim.Adam(model.parameters())
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss_function(model(inputs), targets).backward()
                model.synchronize(len(inputs))
                optimizer.step()
    """

    def __init__(
        self, module: Module, communicator: Any, *, chunk_bytes: int = 64 * 2**20, timeout: float = 300.0
    ) -> None:
        super().__init__()
        self.module = module
        self._communicator = communicator
        self._in_place = sys.modules[type(communicator).__module__].IN_PLACE
        self._rank, self._size = int(communicator.Get_rank()), int(communicator.Get_size())
        self._chunk = min(positive_size(chunk_bytes, "chunk_bytes", "DistributedDataParallel", 8), LARGEST_CHUNK)
        if not timeout > 0:
            raise ValueError(f"DistributedDataParallel: timeout must be positive, got {timeout}")
        self._timeout = timeout
        self._synchronizes = True
        self._check_that_models_agree()
        with ag.no_grad():
            for tensor in (*module.parameters(), *module.buffers()):
                values = np.ascontiguousarray(tensor.detach().numpy()).reshape(-1)
                step = max(self._chunk // values.itemsize, 1)
                for start in range(0, values.size, step):
                    communicator.Bcast(values[start : start + step], 0)
                tensor.copy_(ag.from_numpy(values.reshape(tensor.shape)))

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """What the model makes of its arguments."""
        return self.module(*arguments, **named)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, :meth:`synchronize` does nothing: gradients of several small batches gather before one exchange."""
        before = self._synchronizes
        self._synchronizes = False
        try:
            yield
        finally:
            self._synchronizes = before

    def synchronize(self, samples: float = 1.0) -> None:
        """Replace every gradient by its mean over the processes.

        Every process has to call it. A gradient that is None counts as zeros, and stays None if it is so everywhere.

        Args:
            samples: how many samples this process's gradients are the mean of, where processes differ in that (a last
                batch that is not full; 0 for a process that has no batch left): means are weighted by it.

        Raises:
            ValueError: if `samples` is negative, or 0 in every process.
            TimeoutError: if another process does not take part in time.
        """
        if not samples >= 0:
            raise ValueError(f"synchronize: samples must not be negative, got {samples}")
        if not self._synchronizes:
            return
        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        # The weights, and which parameters have a gradient: in a message of their own, since they are exact.
        counts = np.array([samples, *(p.grad is not None for _, p in named)], np.float64)
        self._add_up(counts, "the numbers of samples")
        if not counts[0]:
            raise ValueError("synchronize: no process has any samples")
        for group in self._groups([pair for pair, used in zip(named, counts[1:], strict=True) if used]):
            self._average(group, samples / counts[0])

    def _groups(self, named: list[tuple[str, Parameter]]) -> Iterator[list[tuple[str, Parameter]]]:
        """Parameters of one dtype in a row that go into one message; one that is larger is alone."""
        group: list[tuple[str, Parameter]] = []
        filled = 0
        for name, parameter in named:
            size = parameter.numel() * parameter.dtype.itemsize
            if group and (filled + size > self._chunk or parameter.dtype != group[0][1].dtype):
                yield group
                group, filled = [], 0
            group.append((name, parameter))
            filled += size
        if group:
            yield group

    def _average(self, group: list[tuple[str, Parameter]], weight: float) -> None:
        flat = np.zeros(sum(p.numel() for _, p in group), group[0][1].dtype)
        parts = np.split(flat, np.cumsum([p.numel() for _, p in group])[:-1])
        for (_, parameter), part in zip(group, parts, strict=True):
            if parameter.grad is not None:
                np.multiply(parameter.grad.detach().numpy().reshape(-1), part.dtype.type(weight), out=part)
        names = group[0][0] if len(group) == 1 else f"{group[0][0]} … {group[-1][0]}"
        step = max(self._chunk // flat.itemsize, 1)
        for start in range(0, flat.size, step):
            self._add_up(flat[start : start + step], f"the gradients of {names}")
        with ag.no_grad():
            for (_, parameter), part in zip(group, parts, strict=True):
                values: Tensor = ag.from_numpy(part.reshape(parameter.shape))
                if parameter.grad is None:
                    parameter.grad = ag.tensor(values)
                else:
                    parameter.grad.copy_(values)

    def _add_up(self, values: np.ndarray, what: str) -> None:
        """Replace `values` by their sums over all processes."""
        request = self._communicator.Iallreduce(self._in_place, values)
        deadline = time.monotonic() + self._timeout
        pause = 0.0
        while not request.Test():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"process {self._rank} of {self._size} has waited {self._timeout} seconds for the others to add "
                    f"up {what}: has one of them ended, or left synchronize() out?"
                )
            time.sleep(pause)  # 0 at first: lets others run, and costs little where all are ready
            pause = min(pause + 1e-5, 1e-3)

    def _check_that_models_agree(self) -> None:
        import hashlib

        text = ";".join(f"{name} {tuple(p.shape)} {p.dtype}" for name, p in self.module.named_parameters())
        words = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint32).astype(np.float64)
        total = words.copy()
        self._add_up(total, "the checksums of the models")
        if not np.array_equal(total, self._size * words):
            raise ValueError(
                f"DistributedDataParallel: the processes' models differ; process {self._rank} of {self._size} has the "
                f"parameters {text}"
            )


__all__ = ["DistributedDataParallel"]

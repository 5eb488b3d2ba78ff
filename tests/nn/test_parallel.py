"""Data-parallel training: threads take the place of processes, and a message board that of MPI."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import autograd_core as ag
import nn
import optim
from nn.parallel import DistributedDataParallel

IN_PLACE = object()


class Board:
    """What the communicators of one group share: who has sent what in each of their calls."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.sent: dict[int, dict[int, np.ndarray]] = {}
        self.largest = 0

    def put(self, call: int, rank: int, values: np.ndarray) -> None:
        with self.lock:
            self.sent.setdefault(call, {})[rank] = values.copy()
            self.largest = max(self.largest, values.nbytes)


class Request:
    """A sum that is under way."""

    def __init__(self, board: Board, call: int, values: np.ndarray) -> None:
        self.board, self.call, self.values = board, call, values

    def Test(self) -> bool:  # noqa: N802 - mpi4py's names
        with self.board.lock:
            sent = self.board.sent[self.call]
            if len(sent) < self.board.size:
                return False
            self.values[:] = sum(sent[rank] for rank in range(self.board.size))
            return True


class Communicator:
    """The part of mpi4py's communicator that is used."""

    def __init__(self, board: Board, rank: int) -> None:
        self.board, self.rank, self.calls = board, rank, 0

    def Get_rank(self) -> int:  # noqa: N802
        return self.rank

    def Get_size(self) -> int:  # noqa: N802
        return self.board.size

    def Iallreduce(self, where: object, values: np.ndarray) -> Request:  # noqa: N802
        assert where is IN_PLACE
        assert values.flags.c_contiguous
        self.calls += 1
        self.board.put(self.calls, self.rank, values)
        return Request(self.board, self.calls, values)

    def Bcast(self, values: np.ndarray, root: int) -> None:  # noqa: N802
        own = values if self.rank == root else np.zeros_like(values)
        total = own.copy()
        request = self.Iallreduce(IN_PLACE, total)
        while not request.Test():
            pass
        values[:] = total


def on_each(size: int, work: Callable[[Communicator], Any]) -> tuple[Board, list[Any]]:
    """What `work` gives in each of so many processes."""
    board = Board(size)
    with ThreadPoolExecutor(size) as pool:
        runs = [pool.submit(work, Communicator(board, rank)) for rank in range(size)]
        return board, [run.result() for run in runs]


def model(seed: int) -> nn.Module:
    """A small network, in double precision; each process starts from other weights."""
    with LOCK:  # the default generator is shared by threads, as it is not by processes
        ag.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()


LOCK = threading.Lock()
INPUTS = np.random.default_rng(0).standard_normal((22, 3))
TARGETS = np.random.default_rng(1).standard_normal((22, 1))


def train(network: Any, share: slice, synchronize: Callable[[int], None]) -> list[np.ndarray]:
    """Parameters after three epochs over batches of 8 samples, of which each process takes its share."""
    optimizer = optim.Adam(network.parameters(), lr=0.01)
    for _ in range(3):
        for start in (0, 8):
            x, y = (ag.tensor(whole[start : start + 8][share]) for whole in (INPUTS, TARGETS))
            optimizer.zero_grad()
            nn.functional.mse_loss(network(x), y).backward()
            synchronize(len(x))
            optimizer.step()
    return [parameter.detach().numpy() for parameter in network.parameters()]


@pytest.mark.parametrize("chunk_bytes", [8, 100, 2**20])
def test_demand_36_several_processes_train_as_one_on_the_whole_batch(chunk_bytes: int) -> None:
    def work(communicator: Communicator) -> list[np.ndarray]:
        rank = communicator.rank
        wrapped = DistributedDataParallel(model(rank), communicator, chunk_bytes=chunk_bytes)
        assert list(wrapped.state_dict()) == [f"module.{name}" for name in wrapped.module.state_dict()]
        return train(wrapped, slice(rank, None, 2), wrapped.synchronize)

    board, found = on_each(2, work)
    expected = train(model(0), slice(None), lambda samples: None)
    for one, same, other in zip(*found, expected, strict=True):
        assert_array_equal(one, same)
        assert_allclose(one, other, rtol=1e-9)
    # The checksums and the counts are messages of a few numbers.
    assert board.largest <= max(chunk_bytes, 8 * 8)


def test_demand_36_uneven_batches_are_weighted_and_missing_gradients_count_as_zeros() -> None:
    sizes = (5, 3, 0)
    starts = np.cumsum([0, *sizes])

    def work(communicator: Communicator) -> list[Any]:
        wrapped = DistributedDataParallel(model(0), communicator)
        wrapped.module.append(nn.Linear(1, 1).double())  # which is not used below
        rank = communicator.rank
        if sizes[rank]:
            part = slice(starts[rank], starts[rank + 1])
            hidden = wrapped.module[2](wrapped.module[1](wrapped.module[0](ag.tensor(INPUTS[part]))))
            nn.functional.mse_loss(hidden, ag.tensor(TARGETS[part])).backward()
        wrapped.synchronize(sizes[rank])
        return [None if p.grad is None else p.grad.numpy() for p in wrapped.parameters()]

    _, found = on_each(3, work)
    whole = model(0)
    nn.functional.mse_loss(whole(ag.tensor(INPUTS[:8])), ag.tensor(TARGETS[:8])).backward()
    expected = [parameter.grad.numpy() for parameter in whole.parameters()]
    for result in found:
        assert result[4:] == [None, None]
        for one, other in zip(result[:4], expected, strict=True):
            assert_allclose(one, other, rtol=1e-12)


def test_demand_36_gradients_gather_before_one_exchange() -> None:
    def work(communicator: Communicator) -> tuple[int, np.ndarray]:
        wrapped = DistributedDataParallel(model(0), communicator)
        before = communicator.calls
        with wrapped.no_sync():
            wrapped(ag.tensor(INPUTS[:4])).sum().backward()
            wrapped.synchronize()
        unsynchronised = communicator.calls - before
        wrapped(ag.tensor(INPUTS[4:8])).sum().backward()
        wrapped.synchronize()
        return unsynchronised, wrapped.module[0].weight.grad.numpy()

    _, found = on_each(2, work)
    whole = model(0)
    whole(ag.tensor(INPUTS[:8])).sum().backward()
    for messages, gradient in found:
        assert messages == 0
        assert_allclose(gradient, whole[0].weight.grad.numpy(), rtol=1e-12)


def test_demand_36_waiting_ends_with_the_process_and_the_parameters() -> None:
    answered = threading.Event()

    def work(communicator: Communicator) -> str:
        wrapped = DistributedDataParallel(model(0), communicator)
        wrapped._timeout = 0.05
        wrapped(ag.tensor(INPUTS)).sum().backward()
        if communicator.rank == 0:
            # Process 1 answers the first message only, and has done so, however slow it is.
            assert answered.wait(60)
            with pytest.raises(TimeoutError) as caught:
                wrapped.synchronize()
            return str(caught.value)
        communicator.Iallreduce(IN_PLACE, np.ones(5))
        answered.set()
        return ""

    _, (message, _) = on_each(2, work)
    assert "process 0 of 2 has waited 0.05 seconds" in message
    assert "the gradients of 0.weight … 2.bias" in message


def test_demand_36_models_that_differ_are_refused_everywhere() -> None:
    def work(communicator: Communicator) -> str:
        with pytest.raises(ValueError, match="models differ") as caught:
            DistributedDataParallel(nn.Linear(2, 2 + communicator.rank), communicator)
        return str(caught.value)

    _, messages = on_each(2, work)
    assert "process 1 of 2 has the parameters weight (3, 2)" in messages[1]


def test_what_does_not_fit_is_refused() -> None:
    alone = Communicator(Board(1), 0)
    with pytest.raises(ValueError, match="chunk_bytes must be at least 8"):
        DistributedDataParallel(nn.Linear(2, 2), alone, chunk_bytes=0)
    with pytest.raises(ValueError, match="timeout must be positive"):
        DistributedDataParallel(nn.Linear(2, 2), alone, timeout=0)
    with pytest.raises(ValueError, match="must not be negative"):
        DistributedDataParallel(nn.Linear(2, 2), alone).synchronize(-1)
    with pytest.raises(ValueError, match="no process has any samples"):
        DistributedDataParallel(nn.Linear(2, 2), alone).synchronize(0)

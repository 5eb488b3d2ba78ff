"""Processes that read batches: in order, with random numbers of their own, and with errors that come through."""

from __future__ import annotations

import os
import pathlib
import random as pythons
import time
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import autograd_core as ag
import nn
from nn import data


class Draws(data.Dataset):
    """Samples: their number and what each source of random numbers gives, as augmentation by users draws."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> Any:
        info = data.get_worker_info()
        return {
            "number": index,
            "numpy": np.random.random(),  # noqa: NPY002 - what users' data sets do
            "python": pythons.random(),
            "own": ag.rand(1),
            "worker": -1 if info is None else info.id,
            "process": os.getpid(),
        }


class Failing(data.Dataset):
    """A data set whose sample 5 cannot be read, in a way of one's choice."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            if self.how == "raises":
                raise LookupError("no sample 5")
            if self.how == "dies":
                os._exit(3)
            if self.how == "sleeps":
                time.sleep(60)
            return lambda: None  # cannot be sent
        return index


def first(samples: list[Any]) -> Any:
    """Collates nothing."""
    return samples[0]


def mark(worker: int) -> None:
    """Leaves a file of its own."""
    pathlib.Path(os.environ["AUTOGRAD_CORE_TEST_MARKS"], f"worker-{worker}").touch()


SOURCES = ("numpy", "python", "own")


def epoch(loader: data.DataLoader) -> dict[str, np.ndarray]:
    batches = list(loader)
    return {name: np.concatenate([batch[name].numpy().ravel() for batch in batches]) for name in batches[0]}


def test_demand_11_workers_draw_differently_in_every_batch_and_epoch_and_again_under_one_seed() -> None:
    def two_epochs(workers: int, persistent: bool, seed: int) -> list[dict[str, np.ndarray]]:
        loader = data.DataLoader(
            Draws(),
            4,
            shuffle=True,
            generator=ag.Generator(seed),
            num_workers=workers,
            persistent_workers=persistent,
        )
        return [epoch(loader), epoch(loader)]

    runs = [two_epochs(2, False, 1), two_epochs(2, True, 1), two_epochs(3, False, 1)]
    for run in runs:
        for name in SOURCES:
            drawn = np.concatenate([part[name] for part in run])
            assert len(np.unique(drawn)) == len(drawn)  # no number twice, in any worker or epoch
            for part, expected in zip(run, runs[0], strict=True):
                assert_array_equal(part[name], expected[name])  # whatever the number of workers
        for part in run:
            assert_array_equal(np.sort(part["number"]), np.arange(24))
    assert sorted(set(runs[2][0]["worker"].tolist())) == [0, 1, 2]
    assert os.getpid() not in runs[0][0]["process"]
    # Persistent workers are the same processes in both epochs, the others are not.
    kept, new = runs[1], runs[0]
    assert set(kept[0]["process"].tolist()) == set(kept[1]["process"].tolist())
    assert not set(new[0]["process"].tolist()) & set(new[1]["process"].tolist())
    other = two_epochs(2, False, 2)
    assert not np.intersect1d(other[0]["own"], runs[0][0]["own"]).size


def test_batches_are_those_read_without_workers_and_transforms_differ_from_batch_to_batch() -> None:
    images = data.TensorDataset(ag.ones(12, 1, 4, 4), ag.arange(12))
    plain, read = (list(data.DataLoader(images, 5, num_workers=workers)) for workers in (0, 2))
    for one, other in zip(plain, read, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            assert_array_equal(mine.numpy(), theirs.numpy())
    for generator in (None, ag.Generator(0)):
        ag.manual_seed(0)
        loader = data.DataLoader(images, 4, transform=data.RandomShift(3), generator=generator, num_workers=2)
        shifted = [batch[0].numpy() for batch in (*loader, *loader)]
        assert len({part.tobytes() for part in shifted}) == 6


@pytest.mark.parametrize("persistent", [False, True])
def test_an_epoch_may_be_left_early_and_two_may_run_at_once(persistent: bool) -> None:
    numbers = data.TensorDataset(ag.arange(30))
    loader = data.DataLoader(numbers, 3, num_workers=2, prefetch_factor=3, persistent_workers=persistent)
    for (batch,) in loader:
        assert batch.tolist() == [0, 1, 2]
        break
    assert [batch.tolist()[0] for (batch,) in loader] == list(range(0, 30, 3))
    assert [one.tolist() == other.tolist() for (one,), (other,) in zip(loader, loader, strict=True)] == [True] * 10


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("raises", LookupError, r"worker 1 could not read batch 5[\s\S]*no sample 5"),
        ("dies", RuntimeError, "worker 1 .* ended with exit code 3, (reading batch 5|before it was given)"),
        ("sleeps", RuntimeError, "worker 1 took more than 0.2 seconds for batch 5"),
        ("cannot be sent", Exception, "worker 1 could not read batch 5"),
    ],
)
def test_an_error_in_a_worker_is_raised_here(how: str, kind: type[Exception], message: str) -> None:
    loader = data.DataLoader(Failing(how), collate_fn=first, num_workers=2, persistent_workers=True)
    batches = iter(loader)
    assert [next(batches) for _ in range(5)] == [0, 1, 2, 3, 4]
    if how == "sleeps":  # only now, so that a busy machine may start processes as slowly as it likes
        assert loader._pool is not None
        loader._pool._timeout = 0.2
    with pytest.raises(kind, match=message):
        next(batches)
    assert loader._pool is None  # the next epoch starts new ones


def test_each_worker_is_initialised_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRAD_CORE_TEST_MARKS", str(tmp_path))
    loader = data.DataLoader(
        data.TensorDataset(ag.arange(6)), num_workers=2, worker_init_fn=mark, multiprocessing_context="spawn"
    )
    assert len(list(loader)) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["worker-0", "worker-1"]


def test_this_process_is_no_worker() -> None:
    assert nn.data.get_worker_info() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers must be at least 0"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be at least 1"),
        ({"timeout": -1}, "timeout must not be negative"),
        ({"persistent_workers": True}, "needs num_workers above 0"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.DataLoader(data.TensorDataset(ag.arange(6)), **options)

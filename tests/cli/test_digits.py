"""The digits experiment."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("sklearn")

from autograd_core.cli import app
from autograd_core.demos import digits


def test_a_short_run_prints_a_table_and_draws(tmp_path: pathlib.Path) -> None:
    arguments = ["demo", "digits", "--epochs", "1", "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    assert "test accuracy" in result.output
    assert (tmp_path / "new" / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_result_bit_for_bit() -> None:
    first, second = (digits.train(2, seed=4) for _ in range(2))
    assert first.losses == second.losses
    np.testing.assert_array_equal(first.predictions, second.predictions)
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())
    assert digits.train(1, seed=5).losses[0] != first.losses[0]


def test_training_and_test_share_no_image_and_do_not_change() -> None:
    training, test = digits.data()
    assert (len(training), len(test)) == (1438, 359)
    both = np.concatenate([part.tensors[0].numpy().reshape(len(part), -1) for part in (training, test)])
    assert len(np.unique(both, axis=0)) == 1797
    np.testing.assert_array_equal(digits.data()[1].tensors[1].numpy(), test.tensors[1].numpy())


@pytest.mark.slow
def test_nearly_all_digits_are_recognised() -> None:
    run = digits.train(30, seed=0)
    assert run.accuracies[-1] >= 0.985
    counts = digits.confusion(run.predictions)
    assert counts.trace() == round(run.accuracies[-1] * counts.sum())

"""Losses at their edges: rows 89 to 94 of the semantics, each test named after its row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag

INF = math.inf


def test_semantics_89_cross_entropy_of_targets_that_are_all_ignored(torch: Any) -> None:
    """The mean is NaN with zero gradients, the sum 0."""
    x = ag.ones(2, 3, requires_grad=True)
    target = ag.tensor([-100, -100])
    mean = ag.cross_entropy(x, target)
    mean.backward()
    assert np.isnan(mean.item())
    assert x.grad.tolist() == [[0.0] * 3] * 2
    assert ag.cross_entropy(x, target, reduction="sum").item() == 0
    assert ag.cross_entropy(x, target, reduction="none").tolist() == [0.0, 0.0]

    y = torch.ones(2, 3, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(y, torch.tensor([-100, -100]))
    theirs.backward()
    assert np.isnan(theirs.item())
    assert y.grad.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("target", [-1, 3, 100, -99])
def test_semantics_90_targets_out_of_range_raise(target: int) -> None:
    with pytest.raises(IndexError, match=rf"target {target} lies outside \[0, 3\)"):
        ag.cross_entropy(ag.ones(2, 3), ag.tensor([0, target]))


def test_semantics_90_the_ignored_index_may_be_any_number() -> None:
    logits = ag.tensor([[0.0, 1.0], [3.0, 0.0]])
    for ignored in (-1, 7, 10**6):
        loss = ag.cross_entropy(logits, ag.tensor([0, ignored]), ignore_index=ignored)
        assert loss.item() == pytest.approx(math.log(1 + math.e), rel=1e-6)


def test_semantics_91_the_mean_divides_by_the_weights_of_the_targets_that_count() -> None:
    log_probabilities = np.log([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    loss = ag.cross_entropy(
        ag.tensor(log_probabilities), ag.tensor([0, 1, -100]), weight=ag.tensor([3.0, 1.0], dtype="float64")
    )
    expected = -(3 * math.log(0.2) + 1 * math.log(0.4)) / (3 + 1)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_semantics_91_label_smoothing_skips_ignored_rows() -> None:
    p = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    x = ag.tensor(np.log(p), requires_grad=True)
    weight = np.array([1.0, 2.0, 0.5])
    loss = ag.cross_entropy(x, ag.tensor([1, -100]), weight=ag.tensor(weight), label_smoothing=0.3)
    loss.backward()
    spread = -(0.3 / 3) * (weight * np.log(p[0])).sum()
    expected = (0.7 * -2.0 * math.log(0.3) + spread) / 2.0
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert x.grad.tolist()[1] == [0.0, 0.0, 0.0]


def test_semantics_92_ignoring_a_target_keeps_its_class_in_the_softmax() -> None:
    logits = np.log([[0.2, 0.3, 0.5]])
    loss = ag.cross_entropy(ag.tensor(logits), ag.tensor([1]), ignore_index=2)
    assert loss.item() == pytest.approx(-math.log(0.3), rel=1e-12)


@pytest.mark.parametrize(("target", "slope"), [(0.0, 0.5), (1.0, -0.5), (0.25, 0.25)])
def test_semantics_93_binary_cross_entropy_has_no_kink_at_logit_zero(target: float, slope: float) -> None:
    x = ag.zeros((), requires_grad=True)
    ag.binary_cross_entropy_with_logits(x, ag.tensor(target)).backward()
    assert x.grad.item() == slope


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("logit", "target"), [(-INF, 0.0), (INF, 1.0)])
def test_semantics_94_an_infinite_logit_that_is_right_costs_nothing(logit: float, target: float, dtype: str) -> None:
    x = ag.tensor(logit, dtype=dtype, requires_grad=True)
    loss = ag.binary_cross_entropy_with_logits(x, ag.tensor(target, dtype=dtype))
    loss.backward()
    assert loss.item() == 0
    assert x.grad.item() == 0


@pytest.mark.parametrize(("logit", "target"), [(INF, 0.0), (-INF, 1.0)])
def test_semantics_94_an_infinite_logit_that_is_wrong_costs_infinitely_much(logit: float, target: float) -> None:
    x = ag.tensor(logit, requires_grad=True)
    loss = ag.binary_cross_entropy_with_logits(x, ag.tensor(target))
    loss.backward()
    assert loss.item() == INF
    assert x.grad.item() == (1 if logit > 0 else -1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_semantics_94_large_logits_stay_exact(target: float, dtype: str) -> None:
    logits = [-1e4, -50.0, 0.0, 50.0, 1e4]
    # log(1 + exp(x)) - x t, whose first part is x, or exp(x), to the last digit for logits this large.
    expected = [1e4 * target, math.exp(-50) + 50 * target, math.log(2), 50 - 50 * target, 1e4 - 1e4 * target]
    if target == 1:
        expected[3] = math.exp(-50)
    losses = ag.binary_cross_entropy_with_logits(
        ag.tensor(logits, dtype=dtype), ag.full((5,), target, dtype=dtype), reduction="none"
    )
    assert_allclose(losses.numpy(), expected, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_semantics_94_a_positive_weight_keeps_infinite_logits_finite_where_they_are_right() -> None:
    loss = ag.binary_cross_entropy_with_logits(ag.tensor([INF]), ag.tensor([1.0]), pos_weight=ag.tensor([3.0]))
    assert loss.item() == 0

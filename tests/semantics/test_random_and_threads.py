"""Random numbers and threads: section 2F of the semantics as far as it is not the kernels' own matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import config


def test_semantics_125_masks_are_drawn_from_the_seeded_generator_whatever_the_threads() -> None:
    x = ag.ones(300_000)
    masks = []
    threads = config.get_num_threads()
    try:
        for count in (1, 2, 4):
            config.set_num_threads(count)
            ag.manual_seed(7)
            masks.append(ag.dropout(x, 0.3).numpy())
    finally:
        config.set_num_threads(threads)
    for mask in masks[1:]:
        assert (mask == masks[0]).all()
    np.random.seed(0)  # noqa: NPY002 - must have no influence
    ag.manual_seed(7)
    assert (ag.dropout(x, 0.3).numpy() == masks[0]).all()


def test_semantics_127_results_do_not_show_what_the_memory_held_before() -> None:
    """Outputs start as uninitialised memory: it is filled with NaN first, by freeing arrays of the same size."""
    functions: tuple[Any, ...] = (
        lambda x: x.sigmoid(),
        lambda x: x.softmax(1),
        lambda x: x.log_softmax(0),
        lambda x: ag.linear(x, ag.ones(40, 40), ag.ones(40)),
        lambda x: ag.batch_norm(x, None, None, training=True),
        lambda x: ag.cross_entropy(x, ag.zeros(40, dtype="int64"), reduction="none"),
        lambda x: x[ag.tensor([0, 0, 39])],
        lambda x: x.max(dim=1).values,
    )
    for function in functions:
        found = []
        for _ in range(2):
            dirt = [np.full((40, 40), np.nan, np.float32) for _ in range(20)]
            del dirt
            x = ag.from_numpy(np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)).requires_grad_()
            result = function(x)
            result.sum().backward()
            found.append((result.detach().numpy(), x.grad.numpy()))
        for first, second in zip(*found, strict=True):
            assert np.isfinite(first).all()
            assert (first == second).all()


def test_semantics_131_results_are_never_an_operands_memory() -> None:
    x = ag.from_numpy(np.ones((2, 1), np.float32))
    for function in (
        lambda x: x + 0,
        lambda x: x * 1,
        lambda x: x.relu(),
        lambda x: x**1,
        lambda x: ag.maximum(x, x),
        lambda x: x.sum(1, keepdim=True),
        lambda x: x.mean(1, keepdim=True),
        lambda x: x.amax(1, keepdim=True),
        lambda x: x.softmax(1),
        lambda x: ag.cat([x]),
        lambda x: ag.where(x > 0, x, x),
        lambda x: ag.dropout(x, 1e-9),
        lambda x: x[ag.tensor([0, 1])],
    ):
        result = function(x)
        assert not np.shares_memory(result.numpy(), x.numpy())


@pytest.mark.parametrize("size", [100, 300_000])
def test_semantics_136_thread_count_changes_no_digit(size: int) -> None:
    threads = config.get_num_threads()
    random = np.random.default_rng(0)
    array = random.standard_normal((size // 10, 10)).astype(np.float32)
    weight = ag.from_numpy(random.standard_normal((300, 10)).astype(np.float32))
    bias = ag.from_numpy(random.standard_normal(300).astype(np.float32))
    found = []
    try:
        ag.use_deterministic_algorithms(True)
        for count in (1, 2, 4):
            config.set_num_threads(count)
            x = ag.from_numpy(array).requires_grad_()
            hidden = nn.functional.linear(x, weight, bias)
            loss = ((hidden @ weight).sigmoid() * x).softmax(1).square().sum()
            loss.backward()
            found.append((loss.item(), x.grad.numpy()))
    finally:
        config.set_num_threads(threads)
        ag.use_deterministic_algorithms(False)
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        assert (gradient == found[0][1]).all()

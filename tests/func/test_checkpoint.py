"""Recomputation, memory reports and anomaly detection."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import func


def block(x, weight):
    return ag.dropout(ag.tanh(weight @ x), 0.5) * 2


@pytest.fixture
def parts():
    ag.manual_seed(3)
    return ag.randn(4, 8, requires_grad=True), ag.randn(8, 8, requires_grad=True)


def gradients(x, weight, run):
    x.grad = weight.grad = None
    ag.manual_seed(7)
    run(x.t().exp(), weight).sum().backward()
    return x.grad.numpy().copy(), weight.grad.numpy().copy()


def test_semantics_87_checkpoint_repeats_the_dropout_mask(parts):
    plain = gradients(*parts, block)
    again = gradients(*parts, lambda x, w: func.checkpoint(block, x, w))
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_reach_what_the_function_closes_over(parts):
    x, weight = parts
    plain = gradients(x, weight, block)
    again = gradients(x, weight, lambda t, w: func.checkpoint(lambda u: block(u, weight), t))
    np.testing.assert_array_equal(plain[1], again[1])


def test_checkpoint_keeps_less_and_works_with_grad_and_nesting(parts):
    x, weight = parts

    def deep(t):
        for _ in range(10):
            t = ag.tanh(weight @ t)
        return t

    plain = deep(x.t()).sum()
    lean = func.checkpoint(deep, x.t()).sum()
    assert func.graph_memory(lean).total < func.graph_memory(plain).total / 5
    expected = ag.grad(plain, (x, weight))
    nested = func.checkpoint(lambda t: func.checkpoint(deep, t), x.t()).sum()
    for loss in (lean, nested):
        for a, b in zip(ag.grad(loss, (x, weight)), expected, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_checkpoint_with_create_graph(parts):
    x = parts[0].detach().double().requires_grad_()
    for run in (lambda t: t.exp().tanh(), lambda t: func.checkpoint(lambda u: u.exp().tanh(), t)):
        (first,) = ag.grad(run(x).sum(), x, create_graph=True)
        (second,) = ag.grad(first.sum(), x)
        y = np.tanh(np.exp(x.detach().numpy()))
        e = np.exp(x.detach().numpy())
        expected = (1 - y**2) * e - 2 * y * (1 - y**2) * e * e
        np.testing.assert_allclose(second.numpy(), expected, rtol=1e-10, atol=1e-13)


def test_batch_statistics_move_once():
    x = ag.randn(8, 3, requires_grad=True)
    mean, variance = ag.zeros(3), ag.ones(3)
    out = func.checkpoint(lambda t: ag.batch_norm(t, mean, variance, training=True), x)
    once = mean.numpy().copy()
    out.square().sum().backward()
    np.testing.assert_array_equal(mean.numpy(), once)


def test_different_second_run_is_an_error():
    calls = []

    def fickle(x):
        calls.append(0)
        return x.exp() if len(calls) == 1 else x.sin().exp()

    out = func.checkpoint(fickle, ag.ones(3, requires_grad=True))
    with pytest.raises(ag.GraphError, match="must do the same"):
        out.sum().backward()


def test_checkpoint_leaves_no_cycle():
    gc.disable()
    try:
        x = ag.ones(3, requires_grad=True)
        out = func.checkpoint(lambda t: t.exp().sin(), x)
        dead = weakref.ref(out.grad_fn)
        del out
        assert dead() is None
    finally:
        gc.enable()


def test_graph_memory_counts_shared_arrays_once():
    x = ag.ones(256, requires_grad=True)
    report = func.graph_memory((x * x * x).sum())
    assert report.total == 2 * 1024
    assert report.nodes == 3
    assert "mul" in str(report)


def test_detect_anomaly_names_operation_and_line():
    x = ag.tensor([0.0, 1.0], requires_grad=True)
    with (
        pytest.raises(ag.NumericsError, match=r"'sqrt', created at .*test_checkpoint\.py:\d+.*backward"),
        ag.detect_anomaly(),
    ):
        (x.sqrt() * 0).sum().backward()
    with pytest.raises(ag.NumericsError, match=r"'log'.*forward pass: shape \(2,\), 1 NaN"), ag.detect_anomaly():
        (x - 0.5).log()
    (x - 0.5).log()  # outside nothing is checked

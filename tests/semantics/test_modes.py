"""Grad mode, threads, and derivatives of derivatives: rows 53 to 57, each test named after its row."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd_core as ag
from tests.leaves import leaf


def test_semantics_53_no_grad_nests_and_restores_on_exceptions() -> None:
    with ag.no_grad():
        with ag.enable_grad():
            assert ag.is_grad_enabled()
            with ag.no_grad():
                assert not ag.is_grad_enabled()
            assert ag.is_grad_enabled()
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert ag.is_grad_enabled()
    again = ag.no_grad()
    with again, again:
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


@pytest.mark.parametrize(
    "make", [lambda: ag.no_grad, lambda: ag.no_grad(), lambda: ag.set_grad_enabled(False)], ids=["bare", "()", "set"]
)
def test_semantics_53_as_a_decorator_it_reads_the_mode_at_call_time(make: Any) -> None:
    @make()
    def mode() -> bool:
        """Documented."""
        return ag.is_grad_enabled()

    assert mode.__doc__ == "Documented."
    assert ag.is_grad_enabled()
    assert mode() is False
    assert ag.is_grad_enabled()
    with ag.no_grad():
        assert mode() is False
        assert not ag.is_grad_enabled()


def test_semantics_53_a_decorated_generator_is_switched_at_every_step() -> None:
    seen = []

    @ag.no_grad()
    def steps() -> Any:
        try:
            seen.append(("start", ag.is_grad_enabled()))
            received = yield 1
            seen.append((received, ag.is_grad_enabled()))
            try:
                yield 2
            except KeyError:
                seen.append(("thrown", ag.is_grad_enabled()))
            yield 3
        finally:
            seen.append(("closed", ag.is_grad_enabled()))

    generator = steps()
    assert next(generator) == 1
    assert ag.is_grad_enabled()
    assert generator.send("sent") == 2
    assert ag.is_grad_enabled()
    assert generator.throw(KeyError()) == 3
    assert ag.is_grad_enabled()
    generator.close()
    assert ag.is_grad_enabled()
    assert seen == [("start", False), ("sent", False), ("thrown", False), ("closed", False)]


def test_semantics_53_a_decorated_generator_returns_and_delegates() -> None:
    @ag.no_grad()
    def inner() -> Any:
        yield ag.is_grad_enabled()
        return "returned"

    def outer() -> Any:
        result = yield from inner()
        yield result, ag.is_grad_enabled()

    assert list(outer()) == [False, ("returned", True)]


def test_semantics_54_decorating_does_not_change_the_mode() -> None:
    @ag.set_grad_enabled(False)
    def inside() -> bool:
        return ag.is_grad_enabled()

    assert ag.is_grad_enabled()
    assert not inside()


def test_semantics_54_set_grad_enabled_restores_what_it_found_each_time() -> None:
    with ag.no_grad():
        switch = ag.set_grad_enabled(True)
        for _ in range(2):
            with switch:
                assert ag.is_grad_enabled()
            assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()
    with pytest.raises(TypeError):
        ag.set_grad_enabled(1)


def test_semantics_55_grad_mode_belongs_to_the_thread() -> None:
    with ag.no_grad(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(ag.is_grad_enabled).result()

        def switch() -> bool:
            ag.set_grad_enabled(False)
            return ag.is_grad_enabled()

        assert not pool.submit(switch).result()
        assert not pool.submit(ag.is_grad_enabled).result()  # the same worker keeps what it set
    assert ag.is_grad_enabled()


def test_semantics_55_backward_of_another_thread_does_not_touch_this_ones_mode() -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    thread = threading.Thread(target=y.backward)
    with ag.no_grad():
        thread.start()
        thread.join()
        assert not ag.is_grad_enabled()
    assert x.grad.tolist() == [2.0, 4.0]


def test_semantics_56_graphs_of_their_own_run_backward_in_several_threads() -> None:
    """Sharing leaves between concurrent passes is not supported; graphs apart are."""

    def work(seed: int) -> list[float]:
        x = leaf(np.random.default_rng(seed).standard_normal(50))
        for _ in range(20):
            (x.exp() * x).sum().backward()
        return x.grad.tolist()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))
    for seed, gradient in enumerate(found):
        x = np.random.default_rng(seed).standard_normal(50)
        assert_allclose(gradient, 20 * np.exp(x) * (1 + x), rtol=1e-12)


def test_semantics_57_every_operation_differentiates_twice() -> None:
    """With create_graph a gradient is part of the graph; nothing is silently cut off."""
    x = leaf([[0.3, 0.7], [0.2, 0.9]])
    functions = (
        lambda x: x.exp(),
        lambda x: x.softmax(1) ** 2,
        lambda x: ag.log_softmax(x, 0) ** 2,
        lambda x: (x @ x) ** 2,
        lambda x: x.std() ** 2,
        lambda x: ag.cross_entropy(x, ag.tensor([0, 1])),
        lambda x: x[ag.tensor([0, 0])] ** 3,
        lambda x: ag.where(x > 0.5, x**3, x**2),
        lambda x: ag.binary_cross_entropy_with_logits(x, ag.ones(2, 2)),
    )
    for function in functions:
        (first,) = ag.grad(function(x).sum(), x, create_graph=True)
        assert first.requires_grad
        (second,) = ag.grad((first * first).sum(), x)
        assert np.abs(second.numpy()).max() > 0

"""Recording switched off and on in coroutines and in tasks that take turns on one thread."""

from __future__ import annotations

import asyncio

import pytest

import autograd_core as ag


def test_a_decorated_coroutine_runs_without_recording_at_every_step() -> None:
    seen = []

    @ag.no_grad()
    async def evaluate() -> str:
        seen.append(ag.is_grad_enabled())
        await asyncio.sleep(0)
        seen.append(ag.is_grad_enabled())
        with ag.enable_grad():
            seen.append(ag.is_grad_enabled())
        return "done"

    async def train() -> None:
        for _ in range(3):
            seen_here.append(ag.is_grad_enabled())
            await asyncio.sleep(0)

    async def both() -> str:
        result, _ = await asyncio.gather(evaluate(), train())
        return result

    seen_here: list[bool] = []
    assert asyncio.run(both()) == "done"
    assert seen == [False, False, True]
    assert seen_here == [True, True, True]
    assert ag.is_grad_enabled()


def test_a_decorated_coroutine_passes_exceptions_and_cancellation() -> None:
    @ag.no_grad()
    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("inside")

    @ag.no_grad()
    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append(ag.is_grad_enabled())

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ag.is_grad_enabled()

    seen: list[bool] = []
    with pytest.raises(KeyError, match="inside"):
        asyncio.run(fail())
    assert ag.is_grad_enabled()
    asyncio.run(cancel())
    assert seen == [False]


def test_a_with_block_in_a_generator_leaks_into_the_caller_as_documented() -> None:
    """`with no_grad(): yield` leaves the mode switched while the caller runs; decorating the generator does not."""

    def leaking() -> object:
        with ag.no_grad():
            yield 1

    generator = leaking()
    next(generator)
    assert not ag.is_grad_enabled()
    generator.close()
    assert ag.is_grad_enabled()


def test_methods_and_recursion() -> None:
    class Model:
        @ag.no_grad()
        def predict(self, depth: int) -> bool:
            if depth:
                return self.predict(depth - 1)
            return ag.is_grad_enabled()

        @ag.enable_grad()
        def train(self) -> bool:
            return ag.is_grad_enabled()

    assert Model().predict(3) is False
    with ag.no_grad():
        assert Model().train() is True
    assert ag.is_grad_enabled()


def test_leaves_made_without_recording_still_require_gradients() -> None:
    with ag.no_grad():
        x = ag.ones(2, requires_grad=True)
    assert x.requires_grad
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]

"""The switches of what is recorded: no_grad, enable_grad, set_grad_enabled."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Self

from .graph import thread


class set_grad_enabled:  # noqa: N801 - PyTorch's name
    """Record operations or not, from now on; as a context manager or decorator, only inside.

    The mode belongs to the thread: a new thread starts recording, whatever its parent does. A generator decorated
    with it keeps the mode to itself between its steps.

    Example:
        >>> import autograd_core as ag
        >>> with ag.set_grad_enabled(False):
        ...     ag.is_grad_enabled()
        False
    """

    def __init__(self, enabled: bool) -> None:
        if not isinstance(enabled, bool):
            raise TypeError(f"set_grad_enabled needs a bool, got {type(enabled).__name__}")
        self._enabled = enabled
        self._outer = thread.mode.enabled
        thread.mode.enabled = enabled

    def __enter__(self) -> Self:
        thread.mode.enabled = self._enabled
        return self

    def __exit__(self, *exception: object) -> None:
        thread.mode.enabled = self._outer

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # Constructing the decorator switched the mode already; decorating must not.
        thread.mode.enabled = self._outer
        return _decorate(function, self._enabled)


class _Switch:
    """A grad mode as context manager (re-entrant) and as decorator."""

    _enabled: bool

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        # Used as a bare decorator, `@no_grad` without parentheses.
        return super().__new__(cls) if function is None else _decorate(function, cls._enabled)

    def __init__(self) -> None:
        self._outer: list[bool] = []

    def __enter__(self) -> Self:
        self._outer.append(thread.mode.enabled)
        thread.mode.enabled = self._enabled
        return self

    def __exit__(self, *exception: object) -> None:
        thread.mode.enabled = self._outer.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _decorate(function, self._enabled)


class no_grad(_Switch):  # noqa: N801 - PyTorch's name
    """Record nothing inside: as ``with no_grad():`` or as a decorator. The mode belongs to the thread.

    Example:
        >>> import autograd_core as ag
        >>> x = ag.ones(2, requires_grad=True)
        >>> with ag.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    _enabled = False


class enable_grad(_Switch):  # noqa: N801 - PyTorch's name
    """Record inside, also within :class:`no_grad`; context manager or decorator."""

    _enabled = True


def is_grad_enabled() -> bool:
    """Whether this thread records operations."""
    return thread.mode.enabled


def _decorate(function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*arguments: Any, **named: Any) -> Any:
            inner = function(*arguments, **named)
            return _switched_generator(inner, enabled)

        return generator
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*arguments: Any, **named: Any) -> Any:
            return await _switched_coroutine(function(*arguments, **named), enabled)

        return coroutine

    @functools.wraps(function)
    def switched(*arguments: Any, **named: Any) -> Any:
        outer = thread.mode.enabled
        thread.mode.enabled = enabled
        try:
            return function(*arguments, **named)
        finally:
            thread.mode.enabled = outer

    return switched


def _switched_generator(inner: Any, enabled: bool) -> Any:
    """Run `inner` with the mode set, and the caller's mode between its steps."""
    step: Callable[[], Any] = functools.partial(next, inner)
    while True:
        outer = thread.mode.enabled
        thread.mode.enabled = enabled
        try:
            value = step()
        except StopIteration as stop:
            return stop.value
        finally:
            thread.mode.enabled = outer
        try:
            received = yield value
            step = functools.partial(inner.send, received)
        except GeneratorExit:
            outer = thread.mode.enabled
            thread.mode.enabled = enabled
            try:
                inner.close()
            finally:
                thread.mode.enabled = outer
            raise
        except BaseException as error:
            step = functools.partial(inner.throw, error)


@types.coroutine
def _switched_coroutine(inner: Any, enabled: bool) -> Any:
    """As for a generator: while `inner` waits, other tasks of the thread have their own mode."""
    return (yield from _switched_generator(inner.__await__(), enabled))

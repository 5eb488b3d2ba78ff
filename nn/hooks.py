"""Hooks of modules: functions that see, and may replace, what goes into and comes out of a call.

Backward hooks are built from the engine's operations: the tensors of a call pass through one joined tensor, whose
gradient hook sees them all together.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import autograd_core as ag
from autograd_core import Tensor

if TYPE_CHECKING:
    from .module import Module

Entries = OrderedDict[int, tuple[Callable[..., Any], bool]]
Gradients = tuple[Tensor | None, ...]


class RemovableHandle:
    """Removes a hook again: call ``remove()``, or use it as a context manager."""

    _next_key = itertools.count().__next__

    def __init__(self, hooks: Entries, hook: Callable[..., Any], with_kwargs: bool, prepend: bool) -> None:
        if not callable(hook):
            raise TypeError(f"a hook must be callable, got {type(hook).__name__}")
        self._hooks = hooks
        self.id = RemovableHandle._next_key()
        hooks[self.id] = hook, with_kwargs
        if prepend:
            hooks.move_to_end(self.id, last=False)

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, by the moment they run; each with whether it is given keyword arguments too."""

    __slots__ = ("backward", "backward_pre", "forward", "forward_pre")

    def __init__(self) -> None:
        self.forward_pre: Entries = OrderedDict()
        self.forward: Entries = OrderedDict()
        self.backward_pre: Entries = OrderedDict()
        self.backward: Entries = OrderedDict()


def run(module: Module, hooks: Hooks, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call ``module.forward`` with every hook in its place."""
    for hook, with_kwargs in tuple(hooks.forward_pre.values()):
        if with_kwargs:
            replaced = hook(module, arguments, named)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise TypeError(
                        f"a forward pre-hook with keyword arguments must return None or a pair of arguments and "
                        f"keyword arguments, got {replaced!r}"
                    )
                arguments, named = replaced
        else:
            replaced = hook(module, arguments)
            if replaced is not None:
                arguments = replaced if isinstance(replaced, tuple) else (replaced,)
    watch = _BackwardWatch(module, hooks) if hooks.backward or hooks.backward_pre else None
    if watch is not None:
        arguments = watch.inputs(arguments)
    output = module.forward(*arguments, **named)
    for hook, with_kwargs in tuple(hooks.forward.values()):
        replaced = hook(module, arguments, named, output) if with_kwargs else hook(module, arguments, output)
        if replaced is not None:
            output = replaced
    return output if watch is None else watch.outputs(output)


class _BackwardWatch:
    """One call whose gradients the backward hooks of a module are to see."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module = module
        self.hooks = hooks
        self.inputs_watched = False
        self.input_count = 0
        self.grad_output: Gradients = ()

    def inputs(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Watch the tensors among the positional arguments."""
        watched = _watch(arguments, self._on_input)
        self.inputs_watched = watched is not arguments
        self.input_count = len(arguments)
        return watched

    def outputs(self, output: Any) -> Any:
        """Watch the tensors of a call's result: a tensor, or a tuple or list of some."""
        if isinstance(output, Tensor):
            return _watch((output,), self._on_output)[0]
        if type(output) in (tuple, list):
            return type(output)(_watch(tuple(output), self._on_output))
        raise TypeError(
            f"full backward hooks need a module that returns a tensor or a tuple or list of tensors; "
            f"{type(self.module).__name__} returned {type(output).__name__}"
        )

    def _on_output(self, gradients: Gradients) -> Gradients | None:
        for hook, _ in tuple(self.hooks.backward_pre.values()):
            gradients = _replaced(hook(self.module, gradients), gradients, "backward pre-hook")
        self.grad_output = gradients
        if not self.inputs_watched:
            self._on_input((None,) * self.input_count)
        return gradients

    def _on_input(self, gradients: Gradients) -> Gradients | None:
        for hook, _ in tuple(self.hooks.backward.values()):
            gradients = _replaced(hook(self.module, gradients, self.grad_output), gradients, "backward hook")
        return gradients


def _replaced(returned: Any, known: Gradients, what: str) -> Gradients:
    if returned is None:
        return known
    gradients = returned if isinstance(returned, tuple) else (returned,)
    if len(gradients) != len(known):
        raise ValueError(f"a full {what} must return None or {len(known)} gradients, got {len(gradients)}")
    for position, (new, old) in enumerate(zip(gradients, known, strict=True)):
        if old is not None and not (isinstance(new, Tensor) and new.shape == old.shape):
            given = f"shape {new.shape}" if isinstance(new, Tensor) else type(new).__name__
            raise ValueError(f"a full {what} must return for gradient {position} a tensor {old.shape}, got {given}")
    return gradients


def _watch(values: tuple[Any, ...], callback: Callable[[Gradients], Gradients | None]) -> tuple[Any, ...]:
    """Lead the tensors of `values` that need gradients through one tensor whose gradient `callback` may replace."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places or not ag.is_grad_enabled():
        return values
    kinds = [(values[i].shape, values[i].dtype) for i in places]
    count = len(values)
    joined = ag.cat([values[i].reshape(-1) for i in places])

    def on_gradient(gradient: Tensor) -> Tensor | None:
        whole: list[Tensor | None] = [None] * count
        for place, part in zip(places, _parts(gradient, kinds), strict=True):
            whole[place] = part
        known = tuple(whole)
        returned = callback(known)
        if returned is None or all(new is old for new, old in zip(returned, known, strict=True)):
            return None
        flat = [part.reshape(-1) for i, part in enumerate(returned) if i in places and part is not None]
        replaced: Tensor = ag.cat(flat).to(gradient.dtype)
        return replaced

    joined.register_hook(on_gradient)
    result = list(values)
    for place, part in zip(places, _parts(joined, kinds), strict=True):
        result[place] = part
    return tuple(result)


def _parts(joined: Tensor, kinds: list[Any]) -> list[Tensor]:
    """Cut a joined tensor into the tensors of the given shapes and dtypes that it was made of."""
    parts = []
    start = 0
    for shape, dtype in kinds:
        size = 1
        for length in shape:
            size *= length
        parts.append(joined[start : start + size].reshape(shape).to(dtype))
        start += size
    return parts

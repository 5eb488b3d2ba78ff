"""Changes of a tensor's shape in place: the same memory, seen otherwise from now on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..declaration import attach
from ..errors import GraphError
from ..graph import thread
from ..tensor import Tensor
from .history import check_in_place
from .shape import squeeze, swapaxes, swapdims, t, transpose, unsqueeze


def _reshaping(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = function.__name__

    def method(self: Tensor, *arguments: Any, **named: Any) -> Tensor:
        check_in_place(self, f"{name}_")
        if self._node is not None and not thread.mode.enabled:
            raise GraphError(f"{name}_: the shape of a tensor in the graph cannot be changed under no_grad()")
        result = function(self, *arguments, **named)
        self._array, self._node = result._array, result._node
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"In-place form of :func:`{name}`: no element moves, only the shape is another."
    return method


for _function in (squeeze, unsqueeze, transpose, t, swapaxes, swapdims):
    attach(f"{_function.__name__}_", _reshaping(_function))

__all__: list[str] = []

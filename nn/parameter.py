"""Tensors that modules register: parameters, which are trained, and buffers, which are only kept."""

from __future__ import annotations

from typing import Self

import autograd_core as ag
from autograd_core import Tensor


def _share(kind: type[Tensor], data: Tensor | None) -> Tensor:
    """A leaf of class `kind` on the memory of `data`; in-place changes of either are noticed by both."""
    if data is None:
        data = ag.empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(f"{kind.__name__} takes a Tensor, got {type(data).__name__}; make one with ag.tensor(...)")
    shared = data.detach()
    shared.__class__ = kind  # the same layout: subclasses of Tensor add no slots
    return shared


class Parameter(Tensor):
    """A tensor that becomes a parameter of the module it is assigned to.

    Args:
        data: a tensor of any shape, whose memory is shared; None for an empty one.
        requires_grad: whether gradients are gathered.

    Raises:
        TypeError: if `data` is no tensor, or holds integers while `requires_grad` is True.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Parameter(ag.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Self:
        return _share(cls, data).requires_grad_(requires_grad)  # type: ignore[return-value]

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass

    def __repr__(self) -> str:
        text = repr(self.detach())
        if self.requires_grad:
            text = f"{text[:-1]}, requires_grad=True)"
        return f"Parameter containing:\n{text}"


class Buffer(Tensor):
    """A tensor that becomes a buffer of the module it is assigned to: saved with it, but not trained.

    Args:
        data: a tensor of any shape, whose memory is shared; None for an empty one.
        persistent: whether ``state_dict()`` holds it.

    Raises:
        TypeError: if `data` is no tensor.

    Example:
        >>> import autograd_core as ag, nn
        >>> module = nn.Module()
        >>> module.mean = nn.Buffer(ag.zeros(2))
        >>> module.state_dict()
        {'mean': tensor([0., 0.])}
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Self:
        kind = cls if persistent else TransientBuffer
        return _share(kind, data)  # type: ignore[return-value]

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass

    def __repr__(self) -> str:
        return repr(self.detach())


class TransientBuffer(Buffer):
    """A buffer that ``state_dict()`` leaves out; made by ``Buffer(data, persistent=False)``."""

    __slots__ = ()


__all__ = ["Buffer", "Parameter"]

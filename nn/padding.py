"""Padding layers: a constant, zeros, the mirrored or repeated border, or the other end.

Each takes one width for all sides, or one for each in PyTorch's order; negative ones cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import autograd_core as ag
from autograd_core import Tensor

from .module import Module

_Numbers = int | Sequence[int]


class _Pad(Module):
    """Elements around each image; subclasses say in how many dimensions and which elements."""

    _dimensions: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: _Numbers) -> None:
        super().__init__()
        count = 2 * self._dimensions
        self.padding = tuple(padding) if isinstance(padding, Sequence) else (padding,) * count
        if len(self.padding) != count:
            raise ValueError(f"{type(self).__name__}: padding must be one integer or {count}, got {padding!r}")

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …) or (C, …) to the same with larger images."""
        return ag.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class _Sequences(_Pad):
    """Around sequences (left, right)."""

    _dimensions = 1


class _Images(_Pad):
    """Around images (left, right, top, bottom)."""

    _dimensions = 2


class _Volumes(_Pad):
    """Around volumes (left, right, top, bottom, front, back)."""

    _dimensions = 3


class _Reflecting(_Pad):
    """What stands inside, mirrored at the outermost element."""

    _mode = "reflect"


class _Replicating(_Pad):
    """The outermost element, repeated."""

    _mode = "replicate"


class _Circular(_Pad):
    """What stands at the other end."""

    _mode = "circular"


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: _Numbers, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, …) or (C, …) to the same with larger images."""
        return ag.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: _Numbers) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad, _Sequences):
    """A constant around sequences (left, right)."""


class ConstantPad2d(_ConstantPad, _Images):
    """A constant around images (left, right, top, bottom)."""


class ConstantPad3d(_ConstantPad, _Volumes):
    """A constant around volumes (left, right, top, bottom, front, back)."""


class ZeroPad1d(_ZeroPad, _Sequences):
    """Zeros around sequences (left, right)."""


class ZeroPad2d(_ZeroPad, _Images):
    """Zeros around images (left, right, top, bottom)."""


class ZeroPad3d(_ZeroPad, _Volumes):
    """Zeros around volumes (left, right, top, bottom, front, back)."""


class ReflectionPad1d(_Reflecting, _Sequences):
    """What stands inside, mirrored at the outermost element, around sequences (left, right)."""


class ReflectionPad2d(_Reflecting, _Images):
    """What stands inside, mirrored at the outermost element, around images (left, right, top, bottom)."""


class ReflectionPad3d(_Reflecting, _Volumes):
    """What stands inside, mirrored at the outermost element, around volumes (left, right, top, bottom, front, back)."""


class ReplicationPad1d(_Replicating, _Sequences):
    """The outermost element, repeated, around sequences (left, right)."""


class ReplicationPad2d(_Replicating, _Images):
    """The outermost element, repeated, around images (left, right, top, bottom)."""


class ReplicationPad3d(_Replicating, _Volumes):
    """The outermost element, repeated, around volumes (left, right, top, bottom, front, back)."""


class CircularPad1d(_Circular, _Sequences):
    """What stands at the other end around sequences (left, right)."""


class CircularPad2d(_Circular, _Images):
    """What stands at the other end around images (left, right, top, bottom)."""


class CircularPad3d(_Circular, _Volumes):
    """What stands at the other end around volumes (left, right, top, bottom, front, back)."""


__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

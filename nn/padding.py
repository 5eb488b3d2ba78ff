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


class ConstantPad1d(_ConstantPad):
    """A constant around sequences (left, right)"""

    _dimensions = 1


class ConstantPad2d(_ConstantPad):
    """A constant around images (left, right, top, bottom)"""

    _dimensions = 2


class ConstantPad3d(_ConstantPad):
    """A constant around volumes (left, right, top, bottom, front, back)"""

    _dimensions = 3


class ZeroPad1d(_ZeroPad):
    """Zeros around sequences (left, right)"""

    _dimensions = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around images (left, right, top, bottom)"""

    _dimensions = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around volumes (left, right, top, bottom, front, back)"""

    _dimensions = 3


class ReflectionPad1d(_Pad):
    """What stands inside, mirrored at the outermost element, around sequences (left, right)"""

    _dimensions = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """What stands inside, mirrored at the outermost element, around images (left, right, top, bottom)"""

    _dimensions = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """What stands inside, mirrored at the outermost element, around volumes (left, right, top, bottom, front, back)"""

    _dimensions = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The outermost element, repeated, around sequences (left, right)"""

    _dimensions = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The outermost element, repeated, around images (left, right, top, bottom)"""

    _dimensions = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The outermost element, repeated, around volumes (left, right, top, bottom, front, back)"""

    _dimensions = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """What stands at the other end around sequences (left, right)"""

    _dimensions = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """What stands at the other end around images (left, right, top, bottom)"""

    _dimensions = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """What stands at the other end around volumes (left, right, top, bottom, front, back)"""

    _dimensions = 3
    _mode = "circular"


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

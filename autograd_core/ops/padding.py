"""Padding by a constant or by the tensor's own elements, and one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..declaration import structural
from ..dispatch import as_tensor_operand
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor, wrap
from .arguments import integers
from .linear_maps import gather_primitive, slice_primitive

Widths = tuple[tuple[int, int], ...]


@structural(
    "pad",
    torch="nn.functional.pad",
    reference=lambda x, widths, value: np.pad(x, widths, constant_values=value),
    samples=lambda random: [
        Sample((random.standard_normal((2, 3)),), {"widths": ((0, 0), (1, 2)), "value": 0.0}),
        Sample((random.standard_normal((2, 3)),), {"widths": ((1, 0), (0, 1)), "value": 2.5}),
    ],
)
def pad_primitive(x: np.ndarray, *, widths: Widths, value: float) -> np.ndarray:
    """A number around the elements: widths before and behind, for each dimension."""
    shape = [size + before + behind for size, (before, behind) in zip(x.shape, widths, strict=True)]
    # In the likeness of x: images that lie channels-last in memory stay so.
    full = np.full_like(x, value, shape=shape)
    full[_inside(x.shape, widths)] = x
    return full


def _inside(shape: tuple[int, ...], widths: Widths) -> tuple[slice, ...]:
    return tuple(slice(before, before + size) for size, (before, _) in zip(shape, widths, strict=True))


@pad_primitive.vjp("x")
def _(cotangent: Any, x_shape: tuple[int, ...], widths: Widths) -> Any:
    return slice_primitive(cotangent, index=_inside(x_shape, widths))


_MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Elements around a tensor, in PyTorch's order: (left, right) of the last dimension first, then the one before.

    Args:
        input: any shape; the modes other than "constant" pad the last one, two or three dimensions of tensors with one
            or two dimensions before those.
        pad: an even number of widths; negative ones cut off.
        mode: "constant", "reflect" (mirrored at the outermost element), "replicate" (which repeats it) or "circular".
        value: what "constant" pads with, 0 unless given.

    Raises:
        ValueError: for an odd number of widths or too many, an unknown mode, widths that the mode cannot fill, and
            a result without elements in a padded dimension.

    Example:
        >>> import autograd_core as ag
        >>> ag.pad(ag.arange(3.0), (1, 2)).tolist()
        [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]
    """
    tensor, given = as_tensor_operand(input, "pad"), tuple(int(width) for width in pad)
    if len(given) % 2 or len(given) > 2 * tensor.ndim:
        raise ValueError(f"pad: expected a pair of widths for up to {tensor.ndim} dimensions, got {given}")
    if mode not in _MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(_MODES)}, got {mode!r}")
    pairs = [(given[place], given[place + 1]) for place in range(0, len(given), 2)]
    widths = ((0, 0),) * (tensor.ndim - len(pairs)) + tuple(reversed(pairs))
    if any(size + min(b, 0) + min(e, 0) < 0 for size, (b, e) in zip(tensor.shape, widths, strict=True)):
        raise ValueError(f"pad: widths {given} cut more than there is of shape {tensor.shape}")
    if mode == "constant":
        return _constant(tensor, widths, 0 if value is None else value)
    if value:
        raise ValueError(f"pad: the mode {mode!r} takes no value, got {value}")
    count = len(pairs)
    if count not in (1, 2, 3) or tensor.ndim not in (count + 1, count + 2):
        raise ValueError(f"pad: {mode!r} pads the last one, two or three dimensions of {count + 1} or {count + 2}, got "
                         f"{given} for shape {tensor.shape}")  # fmt: skip
    for axis, (before, behind) in enumerate(widths):
        if before or behind:
            places = _places(tensor.shape[axis], before, behind, mode)
            tensor = apply(gather_primitive.op, (tensor,), {"index": (*(slice(None),) * axis, places)})
    return tensor


def _constant(tensor: Tensor, widths: Widths, value: float) -> Tensor:
    cut = [slice(max(0, -b), s - max(0, -e)) for s, (b, e) in zip(tensor.shape, widths, strict=True)]
    if any(min(pair) < 0 for pair in widths):
        tensor = apply(slice_primitive.op, (tensor,), {"index": tuple(cut)})
    outside = tuple((max(0, before), max(0, behind)) for before, behind in widths)
    result: Tensor = apply(pad_primitive.op, (tensor,), {"widths": outside, "value": value})
    return result


def _places(size: int, before: int, behind: int, mode: str) -> np.ndarray:
    """Where the elements of a padded dimension come from."""
    cut, kept = max(0, -before), size + min(0, before) + min(0, behind)
    limit = {"reflect": size - 1, "circular": kept}.get(mode)
    if limit is not None and max(before, behind) > limit:
        raise ValueError(f"pad: {mode!r} has at most {limit} elements to offer for a dimension of {size}, "
                         f"got widths {before} and {behind}")  # fmt: skip
    if size + before + behind <= 0 or not size:
        raise ValueError(f"pad: widths {before} and {behind} leave nothing of a dimension of {size}")
    if mode == "circular":
        # What is cut off is gone before the rest goes round.
        return cut + np.arange(-max(0, before), kept + max(0, behind)) % kept
    places = np.arange(-before, size + behind)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    places = np.abs(places)
    return np.where(places >= size, 2 * (size - 1) - places, places)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Integers as vectors of zeros with a one at their place, in a new last dimension of int64.

    Args:
        tensor: class numbers of any shape, none negative.
        num_classes: their number, -1 for one more than the largest.

    Raises:
        TypeError: if it is not of integers.
        ValueError: for a class out of range, and if the number of classes can't be told.
    """
    classes = integers(tensor, "one_hot", keep=False)
    if num_classes == -1:
        if not classes.size:
            raise ValueError("one_hot: the number of classes cannot be told from no elements; give num_classes")
        num_classes = int(classes.max()) + 1
    if num_classes < 0 or (classes.size and (classes.min() < 0 or classes.max() >= num_classes)):
        raise ValueError(f"one_hot: classes must lie in [0, {num_classes})")
    return wrap((classes[..., None] == np.arange(num_classes)).astype(np.int64), None)


__all__ = ["one_hot", "pad"]

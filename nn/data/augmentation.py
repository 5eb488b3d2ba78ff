"""Random changes of whole batches of images, each image its own, that leave their meaning as it is.

Every one is called with images of shape (N, C, H, W) and a generator, or None for the default one. They belong to the
data, before the graph: what they return carries no history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator, Tensor

from ..layers import positive_size


def _read(images: Tensor, owner: str) -> np.ndarray:
    if images.ndim != 4:
        raise ValueError(f"{owner}: expected images of shape (N, C, H, W), got {tuple(images.shape)}")
    return np.asarray(images.detach().numpy())


def _integers(count: int, high: int, generator: Generator | None) -> np.ndarray:
    return ag.randint(0, high, (count,), generator=generator).numpy()


class Compose:
    """Several changes, one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Tensor, Generator | None], Tensor]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        for transform in self.transforms:
            images = transform(images, generator)
        return images

    def __repr__(self) -> str:
        return f"Compose({self.transforms})"


class RandomCrop:
    """A part of each image at a random place, of the image with zeros around it if there is padding.

    Args:
        size: height and width of the part, or one number for both.
        padding: rows and columns of zeros on every side.

    Raises:
        TypeError, ValueError: for sizes that are none.
        ValueError: when called with images that are too small.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.data.RandomCrop(32, padding=4)(ag.ones(8, 3, 32, 32)).shape
        (8, 3, 32, 32)
    """

    def __init__(self, size: int | Sequence[int], padding: int = 0) -> None:
        pair = tuple(size) if isinstance(size, Sequence) else (size, size)
        if len(pair) != 2:
            raise ValueError(f"RandomCrop: size must be one number or two, got {size!r}")
        self.size = tuple(positive_size(number, "size", "RandomCrop", 1) for number in pair)
        self.padding = positive_size(padding, "padding", "RandomCrop")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        return ag.from_numpy(_cropped(_read(images, "RandomCrop"), self.size, self.padding, generator, "RandomCrop"))

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding})"


def _cropped(
    images: np.ndarray, size: tuple[int, ...], padding: int, generator: Generator | None, owner: str
) -> np.ndarray:
    count, channels, *sides = images.shape
    wide = [side + 2 * padding for side in sides]
    if any(own < wanted for own, wanted in zip(wide, size, strict=True)):
        raise ValueError(f"{owner}: parts of {size} do not fit images of {tuple(sides)} with padding {padding}")
    padded = np.zeros((count, channels, *wide), images.dtype)
    padded[:, :, padding : padding + sides[0], padding : padding + sides[1]] = images
    rows, columns = (_integers(count, w - s + 1, generator) for w, s in zip(wide, size, strict=True))
    # A view of every part of every image; choosing one an image makes the only copy.
    parts: Any = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(2, 3))
    return np.ascontiguousarray(parts[np.arange(count), :, rows, columns])


class RandomShift:
    """Each image moved by up to some pixels in both directions, with zeros where it leaves.

    Args:
        pixels: how far at most.

    Raises:
        TypeError, ValueError: if it is no number of pixels.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels = positive_size(pixels, "pixels", "RandomShift")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        array = _read(images, "RandomShift")
        return ag.from_numpy(_cropped(array, array.shape[2:], self.pixels, generator, "RandomShift"))

    def __repr__(self) -> str:
        return f"RandomShift({self.pixels})"


class _RandomFlip:
    """Images turned over along one dimension, each with some probability."""

    _dimension: int

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must lie in [0, 1], got {p}")
        self.p = p

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        array = _read(images, type(self).__name__)
        turned = ag.rand(len(array), generator=generator).numpy() < self.p
        flipped = np.flip(array, self._dimension)
        return ag.from_numpy(np.where(turned[:, None, None, None], flipped, array))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged, in each image with probability `p`.

    Raises:
        ValueError: if `p` lies outside [0, 1].
    """

    _dimension = 3


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged, in each image with probability `p`.

    Raises:
        ValueError: if `p` lies outside [0, 1].
    """

    _dimension = 2


__all__ = ["Compose", "RandomCrop", "RandomHorizontalFlip", "RandomShift", "RandomVerticalFlip"]

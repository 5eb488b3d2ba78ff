"""Convolutions on the shapes of ResNet-20 and ResNet-18, beside PyTorch's faster memory format."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..libraries import Library
from ..operations import BACKWARD, FORWARD
from ..rows import Arrays, Build, Row, Task, both

# Label: images, channels in, channels out, width of the image, of the kernel, stride, groups.
LAYERS = {
    "3→16, 3×3, 32²": (32, 3, 16, 32, 3, 1, 1),
    "16→16, 3×3, 32²": (32, 16, 16, 32, 3, 1, 1),
    "16→32, 3×3, stride 2, 32²": (32, 16, 32, 32, 3, 2, 1),
    "32→32, 3×3, 16²": (32, 32, 32, 16, 3, 1, 1),
    "32→64, 3×3, stride 2, 16²": (32, 32, 64, 16, 3, 2, 1),
    "64→64, 3×3, 8²": (32, 64, 64, 8, 3, 1, 1),
    "3→64, 3×3, 32²": (16, 3, 64, 32, 3, 1, 1),
    "3→64, 7×7, stride 2, 112²": (4, 3, 64, 112, 7, 2, 1),
    "64→64, 3×3, 32²": (16, 64, 64, 32, 3, 1, 1),
    "64→128, 3×3, stride 2, 32²": (16, 64, 128, 32, 3, 2, 1),
    "128→128, 3×3, 16²": (16, 128, 128, 16, 3, 1, 1),
    "256→256, 3×3, 8²": (16, 256, 256, 8, 3, 1, 1),
    "512→512, 3×3, 4²": (16, 512, 512, 4, 3, 1, 1),
    "64→64, 1×1, 16²": (32, 64, 64, 16, 1, 1, 1),
    "256→64, 1×1, 16²": (16, 256, 64, 16, 1, 1, 1),
    "64→128, 1×1, stride 2, 32²": (16, 64, 128, 32, 1, 2, 1),
    "64 depthwise, 3×3, 16²": (32, 64, 64, 16, 3, 1, 64),
    "128 depthwise, 3×3, stride 2, 32²": (16, 128, 128, 32, 3, 2, 128),
}

# Where both sides do nearly what the machine can, so that the last few per cent decide: floors for one thread, from
# 117 GFLOP/s and 20 to 25 GB/s, and what was measured beside them (ours and PyTorch's, forward).
_PEAK = "bound by multiplications: {floor} at the peak, {ours} and {theirs} taken; {reason}"
_PRODUCT = "a product of these sizes by OpenBLAS takes 5 to 10% more"
LIMITS = {
    "64→64, 1×1, 16²": _PEAK.format(floor="0.57 ms", ours="0.65", theirs="0.65", reason=_PRODUCT),
    "256→64, 1×1, 16²": _PEAK.format(floor="1.15 ms", ours="1.28", theirs="1.23", reason=_PRODUCT),
    "64→128, 1×1, stride 2, 32²": _PEAK.format(floor="0.57 ms", ours="0.69", theirs="0.70", reason=_PRODUCT),
    "64→128, 3×3, stride 2, 32²": _PEAK.format(
        floor="5.2 ms", ours="5.9", theirs="5.7", reason="minimal filtering does not apply to strides"
    ),
    "3→64, 3×3, 32²": _PEAK.format(
        floor="0.48 ms", ours="0.61", theirs="0.61", reason="4 MB are written besides, for 27 products an element"
    ),
    "3→64, 7×7, stride 2, 112²": _PEAK.format(
        floor="2.0 ms", ours="2.2", theirs="2.2", reason="minimal filtering does not apply to strides"
    ),
    "64 depthwise, 3×3, 16²": (
        "bound by memory: 2 MB are read and 2 MB written, 0.17 to 0.21 ms, of which 0.27 and 0.21 were taken"
    ),
    "128 depthwise, 3×3, stride 2, 32²": (
        "bound by memory: 8 MB are read and 2 MB read and written, 0.4 to 0.5 ms, for 0.08 ms of multiplications"
    ),
}

_TRIALS = 5


def _draw(random: np.random.Generator, layer: tuple[int, ...]) -> Arrays:
    images, narrow, wide, width, kernel, stride, groups = layer
    out = (width + 2 * (kernel // 2) - kernel) // stride + 1
    return {
        "x": random.standard_normal((images, width, width, narrow), np.float32),
        "weight": random.standard_normal((wide, narrow // groups, kernel, kernel), np.float32),
        "cotangent": random.standard_normal((images, out, out, wide), np.float32),
    }


def _faster(calls: list[Callable[[], Any]]) -> Callable[[], Any]:
    """The call that takes the least time."""
    best, chosen = float("inf"), calls[0]
    for call in calls if len(calls) > 1 else []:
        call()
        for _ in range(_TRIALS):
            start = time.perf_counter()
            call()
            taken = time.perf_counter() - start
            if taken < best:
                best, chosen = taken, call
    return chosen


def _orders(library: Library) -> tuple[bool, ...]:
    """Whether images are to lie channels-last: here they do after the first layer, PyTorch's user has the choice."""
    return (True, False) if library.ops.__name__ == "torch" else (True,)


def _tensor(library: Library, array: np.ndarray, channels_last: bool) -> Any:
    images = np.moveaxis(array, -1, 1)
    return library.ops.from_numpy(images if channels_last else np.array(images, order="C"))


def _forward(layer: tuple[int, ...]) -> Build:
    *_, kernel, stride, groups = layer

    def build(library: Library, arrays: Arrays) -> Task:
        convolve = library.functional.conv2d
        weight = library.tensor(arrays["weight"], True)

        def make(channels_last: bool) -> Callable[[], Any]:
            x = _tensor(library, arrays["x"], channels_last)
            return lambda: convolve(x, weight, None, stride, kernel // 2, 1, groups)

        return Task(_faster([make(order) for order in _orders(library)]))

    return build


def _backward(layer: tuple[int, ...]) -> Build:
    *_, kernel, stride, groups = layer

    def build(library: Library, arrays: Arrays) -> Task:
        convolve = library.functional.conv2d
        weight = library.tensor(arrays["weight"], True)

        def make(channels_last: bool) -> Callable[[], Any]:
            x = _tensor(library, arrays["x"], channels_last).requires_grad_()
            cotangent = _tensor(library, arrays["cotangent"], channels_last)

            def call() -> list[Any]:
                x.grad = weight.grad = None
                convolve(x, weight, None, stride, kernel // 2, 1, groups).backward(cotangent)
                return [x.grad, weight.grad]

            return call

        return Task(_faster([make(order) for order in _orders(library)]))

    return build


def rows() -> list[Row]:
    """One layer each, forward and with the gradients of images and weight."""
    found: list[Row] = []
    for label, layer in LAYERS.items():
        images, narrow, wide, width, kernel, stride, groups = layer
        pixels = images * ((width + 2 * (kernel // 2) - kernel) // stride + 1) ** 2
        products = float(pixels * wide * (narrow // groups) * kernel * kernel)
        for section, build, times in ((FORWARD, _forward, 2), (BACKWARD, _backward, 6)):
            draw = functools.partial(_draw, layer=layer)
            found.append(
                Row(
                    *("conv", label, 1.0, draw, both(build(layer))),
                    section=section,
                    operations=times * products,
                    note=LIMITS.get(label, "") if section == FORWARD else "",
                )
            )
    return found

"""The convolution's kernels beside their statement in NumPy, with vectors of every width."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from benchmarks.worker import AVX2

# Images, channels in and out, width, kernel, stride, padding, dilation, groups: every way there is of convolving.
LAYERS = (
    (3, 3, 20, 9, 3, 1, 1, 1, 1),
    (2, 24, 40, 7, 3, 2, 1, 1, 1),
    (5, 13, 17, 6, 2, 1, 0, 2, 1),
    (9, 32, 16, 8, 3, 1, 1, 1, 1),
    (40, 16, 48, 5, 3, 1, 0, 1, 1),
    (4, 16, 33, 6, 1, 1, 0, 1, 1),
    (2, 12, 18, 6, 3, 1, 1, 1, 3),
    (3, 37, 37, 7, 3, 1, 1, 1, 37),
    (2, 8, 8, 9, 5, 2, 2, 1, 8),
    (2, 4, 6, 6, 7, 1, 9, 1, 1),
    (3, 3, 64, 20, 7, 2, 3, 1, 1),
    (2, 2, 17, 70, 3, 1, 4, 1, 1),
    (3, 1, 20, 7, 4, 3, 0, 1, 1),
    (1, 1, 16, 1, 3, 1, 1, 1, 1),
    (9, 33, 33, 11, 7, 2, 3, 1, 33),
    (1, 50, 50, 9, 3, 2, 1, 1, 50),
    (2, 18, 18, 8, 3, 1, 2, 2, 18),
)


def check() -> int:
    """Compare all layers, and return the number of bytes in a vector."""
    from autograd_core.kernels import convolution
    from autograd_core.kernels.convolution import plain
    from autograd_core.kernels.simd import WIDTH

    random = np.random.default_rng(0)
    for (images, narrow, wide, size, kernel, stride, padding, dilation, groups), dtype in (
        (layer, dtype) for layer in LAYERS for dtype in (np.float32, np.float64)
    ):
        out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        shapes = ((images, narrow, size, size), (wide, narrow // groups, kernel, kernel), (images, wide, out, out))
        x, w, y = (random.standard_normal(shape).astype(dtype) for shape in shapes)
        pairs = ((stride, stride), (padding, padding), (dilation, dilation))
        form = convolution.geometry_of(x.shape, w.shape, (out, out), *pairs, groups)
        doubles = [array.astype(np.float64)[:, :, None] for array in (x, w, y)]
        found: list[Any] = [
            convolution.convolve(x, w, None, form, (out, out)),
            convolution.transpose(y, w, form, (size, size)),
            convolution.weight(x, y, form, (kernel, kernel)),
        ]
        expected = [
            plain.convolve(doubles[0], doubles[1], form),
            plain.transpose(doubles[2], doubles[1], form),
            plain.weight(doubles[0], doubles[2], form),
        ]
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == dtype
            error = np.abs(one - other[:, :, 0]).max() / np.abs(other).max()
            assert error < (1e-5 if dtype == np.float32 else 1e-13), (narrow, wide, size, kernel, dtype, error)
    return WIDTH


def test_kernels_are_the_statement_in_numpy() -> None:
    assert check() in (16, 32, 64)


GENERIC = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}


@pytest.mark.slow
@pytest.mark.parametrize(("held_to", "width"), [(AVX2, 32), (GENERIC, 16)], ids=["AVX2", "generic"])
def test_narrower_vectors_give_the_same(held_to: dict[str, str], width: int) -> None:
    if width == 32 and check_features().isdisjoint({"avx2"}):
        pytest.skip("the processor has no AVX2")
    chosen = {name: value for name, value in held_to.items() if name.startswith("NUMBA_")}
    code = "from tests.kernels.test_convolution import check; print(check())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **chosen}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == width


def check_features() -> set[str]:
    from llvmlite import binding

    return {name for name, present in binding.get_host_cpu_features().items() if present}

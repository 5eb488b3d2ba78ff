"""Discrete Fourier transforms, by ``torch.fft``'s names; they need complex tensors, which are not supported.

Every function raises NotImplementedError. What needs no complex numbers works: the frequencies and the shifts.

>>> import autograd_core as ag
>>> ag.fft.rfftfreq(4).tolist()
[0.0, 0.25, 0.5]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from . import dtypes
from .ops.rearrange import roll
from .tensor import Tensor, wrap


def _refused(name: str) -> Callable[..., NoReturn]:
    def transform(*arguments: Any, **named: Any) -> NoReturn:
        raise NotImplementedError(
            f"fft.{name}: complex tensors are not supported, so there are no Fourier transforms; "
            f"transform arrays outside the graph with numpy.fft.{name if hasattr(np.fft, name) else 'fft'}"
        )

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = (
        "Not available: complex tensors are not supported.\n\n    Raises:\n        NotImplementedError: always."
    )
    return transform


fft, ifft, rfft, irfft, hfft, ihfft = map(_refused, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"))
fft2, ifft2, rfft2, irfft2, hfft2, ihfft2 = map(_refused, ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2"))
fftn, ifftn, rfftn, irfftn, hfftn, ihfftn = map(_refused, ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn"))


def _frequencies(numbers: np.ndarray, n: int, d: float, dtype: Any) -> Tensor:
    wanted = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    return wrap((numbers / (n * d)).astype(wanted), None)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """Frequencies of the `n` terms of a transform of samples `d` apart, the negative ones last."""
    return _frequencies(np.fft.fftfreq(n) * n, n, d, dtype)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None) -> Tensor:
    """Frequencies of the n // 2 + 1 terms of a transform of `n` real samples `d` apart."""
    return _frequencies(np.arange(n // 2 + 1), n, d, dtype)


def _dims(input: Tensor, dim: Any) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(input.ndim))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Roll each dimension so that the term of frequency 0 comes to its middle."""
    dims = _dims(input, dim)
    return roll(input, tuple(input.shape[d] // 2 for d in dims), dims)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Undo :func:`fftshift`."""
    dims = _dims(input, dim)
    return roll(input, tuple(-(input.shape[d] // 2) for d in dims), dims)


__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

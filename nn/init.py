"""Initialisers: fill a tensor in place, from the default generator unless another is given, and return it.

What they do is never recorded, so they take parameters as they are, and ``ag.manual_seed`` repeats them.

Example:
    >>> import autograd_core as ag, nn
    >>> weight = nn.Parameter(ag.empty(2, 3))
    >>> nn.init.constant_(weight, 0.5).tolist()
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core import Generator, Tensor

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity wants the deviation of the weights before it raised.

    Args:
        nonlinearity: "linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", or a convolution's name.
        param: the slope of "leaky_relu", 0.01 unless given.

    Raises:
        ValueError: for any other name, and for a slope that is no number.

    Source: He et al. 2015 for the rectifiers; PyTorch's table.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"the slope of leaky_relu must be a number, got {slope!r}")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"unknown nonlinearity {nonlinearity!r}; known are leaky_relu, {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output of a weight sums, and how many outputs each input reaches.

    Args:
        tensor: shape (out, in), or (out, in / groups, k1, …) of a convolution, whose kernel size counts with both.

    Raises:
        ValueError: for fewer than two dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a tensor with 2 or more dimensions, got shape {tensor.shape}")
    outputs, inputs, *kernel = tensor.shape
    receptive = math.prod(kernel)
    return inputs * receptive, outputs * receptive


def _fill(tensor: Tensor, values: Any) -> Tensor:
    """Overwrite without recording: the detached tensor shares the memory and counts the change."""
    tensor.detach().copy_(values)
    return tensor


def _check(tensor: Tensor, name: str) -> None:
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        given = str(tensor.dtype) if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(f"{name} fills floating tensors, got {given}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [a, b).

    Raises:
        ValueError: if `a` exceeds `b`.
        TypeError: if the tensor is not floating.
    """
    _check(tensor, "uniform_")
    if not a <= b:
        raise ValueError(f"uniform_: a must not exceed b, got {a} and {b}")
    drawn = ag.rand(*tensor.shape, generator=generator, dtype=tensor.dtype)
    return _fill(tensor, drawn * float(b - a) + float(a))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers.

    Raises:
        ValueError: if `std` is negative.
        TypeError: if the tensor is not floating.
    """
    _check(tensor, "normal_")
    if not std >= 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    drawn = ag.randn(*tensor.shape, generator=generator, dtype=tensor.dtype)
    return _fill(tensor, drawn * float(std) + float(mean))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with normal random numbers limited to [a, b], by the inverse distribution function.

    Raises:
        ValueError: if `std` is not positive, or `a` does not lie below `b`.
        TypeError: if the tensor is not floating.
    """
    _check(tensor, "trunc_normal_")
    if not (std > 0 and a < b):
        raise ValueError(f"trunc_normal_: std must be positive and a below b, got std={std}, a={a}, b={b}")
    low, high = (a - mean) / std, (b - mean) / std
    # In the left tail probabilities are small numbers, with full precision; in the right they round to 1.
    sign = -1.0 if low > 0 else 1.0
    if sign < 0:
        low, high = -high, -low
    first, last = (0.5 * math.erfc(-z / math.sqrt(2)) for z in (low, high))
    drawn = ag.rand(*tensor.shape, generator=generator, dtype=ag.float64).numpy()
    tiny, below_one = np.finfo(np.float64).tiny, np.nextafter(1.0, 0.0)
    probabilities = np.clip(first + (last - first) * drawn, tiny, below_one)
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    values = np.array([inverse(p) for p in probabilities.ravel().tolist()], np.float64).reshape(tensor.shape)
    return _fill(tensor, ag.from_numpy(np.clip(sign * np.clip(values, low, high) * std + mean, a, b)))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    tensor.detach().fill_(val)
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: inputs are kept, as many as fit.

    Raises:
        ValueError: if the tensor is not 2-d.
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {tensor.shape}")
    return _fill(tensor, ag.eye(*tensor.shape, dtype=tensor.dtype))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot's uniform initialisation: variance gain² · 2 / (fan_in + fan_out).

    Raises:
        ValueError: for fewer than two dimensions.

    Source: Glorot and Bengio 2010, equation 16.
    """
    bound = math.sqrt(3) * _glorot(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Glorot's normal initialisation: variance gain² · 2 / (fan_in + fan_out).

    Raises:
        ValueError: for fewer than two dimensions.

    Source: Glorot and Bengio 2010, equation 12.
    """
    return normal_(tensor, 0.0, _glorot(tensor, gain), generator)


def _glorot(tensor: Tensor, gain: float) -> float:
    total = sum(_calculate_fan_in_and_fan_out(tensor))
    return gain * math.sqrt(2 / total) if total else 0.0


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He's uniform initialisation: variance gain² / fan.

    Args:
        tensor: shape (out, in, …).
        a: the negative slope of "leaky_relu".
        mode: "fan_in" keeps the variance of activations, "fan_out" that of gradients.
        nonlinearity: what follows; see :func:`calculate_gain`.
        generator: instead of the default one.

    Raises:
        ValueError: for fewer than two dimensions, and for an unknown mode or nonlinearity.

    Source: He et al. 2015, "Delving deep into rectifiers".
    """
    bound = math.sqrt(3) * _he(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He's normal initialisation: variance gain² / fan; arguments as :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _he(tensor, a, mode, nonlinearity), generator)


def _he(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    gain = calculate_gain(nonlinearity, a)
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return gain / math.sqrt(fan) if fan else 0.0


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with an orthogonal matrix: rows orthonormal, or columns if there are fewer of them; times `gain`.

    Args:
        tensor: shape (rows, …); the dimensions after the first count as columns.
        gain: multiplies the matrix.
        generator: instead of the default one.

    Raises:
        ValueError: for fewer than two dimensions.

    Source: Saxe et al. 2014; Mezzadri 2007 for the signs that make the distribution uniform.
    """
    _check(tensor, "orthogonal_")
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected 2 or more dimensions, got shape {tensor.shape}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    drawn = ag.randn(rows, tensor.numel() // rows, generator=generator, dtype=ag.float64).numpy()
    wide = drawn.shape[0] < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return _fill(tensor, ag.from_numpy(np.ascontiguousarray(q.T if wide else q) * gain).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix with normal random numbers, the share `sparsity` of each column set to 0 (Martens 2010).

    Raises:
        ValueError: if the tensor is not 2-d, or the share lies outside [0, 1].
    """
    if tensor.ndim != 2 or not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: expected a matrix and a share in [0, 1], got {tensor.shape} and {sparsity}")
    normal_(tensor, 0.0, std, generator)
    order = np.argsort(ag.rand(*tensor.shape, generator=generator).numpy(), axis=0)
    zeros = order < math.ceil(sparsity * tensor.shape[0])
    return _fill(tensor, ag.where(ag.from_numpy(zeros), 0.0, tensor.detach()))


__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

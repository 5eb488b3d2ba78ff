"""Random numbers drawn into tensors, and from distributions that tensors describe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import Shape
from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..random import Generator, bernoulli, default_generator, draw_normal, draw_uniform
from ..tensor import Tensor, wrap
from .arguments import floating
from .history import check_in_place
from .inplace import copy_

Draw = Callable[..., Any]


def _filling(name: str, draw: Draw, summary: str, whole: bool = False) -> Callable[..., Tensor]:
    """A method that overwrites a tensor with what ``draw(generator, shape, dtype, …)`` returns."""

    def method(self: Tensor, *arguments: Any, generator: Generator | None = None, **named: Any) -> Tensor:
        check_in_place(self, name)
        if self.dtype.kind != "f" and not whole:
            raise TypeError(f"{name}: random real numbers need a floating tensor, got {self.dtype}")
        source = (generator or default_generator).numpy
        drawn = draw(source, self.shape, self.dtype, *arguments, **named)
        return copy_(self, wrap(np.asarray(drawn).astype(self.dtype, copy=False), None))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = summary + " Returns the tensor itself, in which no gradient passes to what was there."
    return method


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _uniform(source: Any, shape: Shape, dtype: Any, a: float = 0.0, b: float = 1.0) -> Any:
    # `from` is a keyword of Python; PyTorch's name can only be given by position.
    _require(a <= b, f"uniform_: the lower bound {a} must not exceed the upper bound {b}")
    return a + (b - a) * draw_uniform(source, shape, dtype)


def _normal(source: Any, shape: Shape, dtype: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    _require(std >= 0, f"normal_: std must not be negative, got {std}")
    return mean + std * draw_normal(source, shape, dtype)


def _log_normal(source: Any, shape: Shape, dtype: Any, mean: float = 1.0, std: float = 2.0) -> Any:
    _require(std > 0, f"log_normal_: std must be positive, got {std}")
    return np.exp(_normal(source, shape, dtype, mean, std))


def _exponential(source: Any, shape: Shape, dtype: Any, lambd: float = 1.0) -> Any:
    _require(lambd > 0, f"exponential_: the rate must be positive, got {lambd}")
    return source.standard_exponential(shape, dtype=dtype.type) / lambd


def _cauchy(source: Any, shape: Shape, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> Any:
    _require(sigma > 0, f"cauchy_: sigma must be positive, got {sigma}")
    return median + sigma * source.standard_cauchy(shape)


def _geometric(source: Any, shape: Shape, dtype: Any, p: float) -> Any:
    _require(0 < p < 1, f"geometric_: p must lie in (0, 1), got {p}")
    return source.geometric(p, shape)


def _bernoulli(source: Any, shape: Shape, dtype: Any, p: Any = 0.5) -> Any:
    probability = p._array if isinstance(p, Tensor) else np.asarray(p)
    _require(bool(((probability >= 0) & (probability <= 1)).all()), "bernoulli_: probabilities must lie in [0, 1]")
    return draw_uniform(source, shape, dtypes.float64) < probability


def _highest(dtype: Any) -> int:
    """One more than the largest integer of a dtype; of a floating one than those it holds exactly."""
    if dtype.kind == "b":
        return 2
    return 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _random(source: Any, shape: Shape, dtype: Any, *bounds: int) -> Any:
    low, high = bounds if len(bounds) == 2 else (0, *(bounds or (_highest(dtype),)))
    _require(low < high, f"random_: from {low} to {high} there is no integer")
    return source.integers(low, high, shape)


for _name, _draw, _summary, _whole in (
    ("uniform_", _uniform, "Uniform numbers between two bounds, 0 and 1 unless given.", False),
    ("normal_", _normal, "Normal numbers with a mean and a standard deviation.", False),
    ("log_normal_", _log_normal, "Exponentials of normal numbers.", False),
    ("exponential_", _exponential, "Exponentially distributed numbers with a rate.", False),
    ("cauchy_", _cauchy, "Cauchy distributed numbers around a median.", False),
    ("geometric_", _geometric, "Numbers of trials up to the first success of probability `p`.", True),
    ("bernoulli_", _bernoulli, "1 with a probability, else 0.", True),
    ("random_", _random, "Integers from a lower up to but without an upper bound.", True),
):
    attach(_name, _filling(_name, _draw, _summary, _whole))


def _bernoulli_method(self: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probabilities that the tensor holds, or with `p`, else 0."""
    if p is None:
        return bernoulli(self, generator=generator)
    return bernoulli(wrap(np.full(self.shape, p, self.dtype), None), generator=generator)


attach("bernoulli", _bernoulli_method)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to the weights in each row.

    Args:
        input: weights, shape (classes,) or (rows, classes); not negative, not all 0 in a row.
        num_samples: how many a row.
        replacement: whether an index may be drawn twice.

    Returns:
        int64, shape (num_samples,) or (rows, num_samples).

    Raises:
        ValueError: for another shape, for weights that are negative, not finite or all 0, and for more samples
            without replacement than there are classes that can be drawn.
    """
    weights = floating(input, "multinomial")._array
    if weights.ndim not in (1, 2):
        raise ValueError(f"multinomial: expected one or two dimensions, got shape {weights.shape}")
    if num_samples < 1:
        raise ValueError(f"multinomial: num_samples must be positive, got {num_samples}")
    rows = np.atleast_2d(weights).astype(np.float64)
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows.sum(1) == 0).any():
        raise ValueError("multinomial: weights must be finite and not negative, and not all 0 in a row")
    source = (generator or default_generator).numpy
    if replacement:
        sums = np.cumsum(rows, 1)
        points = source.random((rows.shape[0], num_samples)) * sums[:, -1:]
        found = np.stack([np.searchsorted(s, p, "right") for s, p in zip(sums, points, strict=True)])
        found = np.minimum(found, rows.shape[1] - 1)
    else:
        if num_samples > int((rows > 0).sum(1).min()):
            raise ValueError(f"multinomial: cannot draw {num_samples} samples without replacement")
        # The smallest of exponential times of rates proportional to the weights (Efraimidis and Spirakis 2006).
        with np.errstate(divide="ignore"):
            times = source.standard_exponential(rows.shape) / rows
        found = np.argsort(times, 1, kind="stable")[:, :num_samples]
    found = found.astype(np.int64, copy=False)
    return wrap(found[0] if weights.ndim == 1 else found, None)


attach("multinomial", multinomial)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson distributed numbers with the rates of `input`, in its dtype.

    Raises:
        ValueError: for negative rates.
    """
    rates = floating(input, "poisson")._array
    if (rates < 0).any():
        raise ValueError("poisson: rates must not be negative")
    drawn = (generator or default_generator).numpy.poisson(rates)
    return wrap(np.asarray(drawn).astype(rates.dtype), None)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None) -> Tensor:
    """Random integers from `low` (0 if only one bound is given) up to but without `high`, of another's shape."""
    if high is None:
        low, high = 0, low
    tensor = as_tensor_operand(input, "randint_like")
    if high <= low:
        raise ValueError(f"randint_like: high {high} must exceed low {low}")
    drawn = default_generator.numpy.integers(low, high, tensor.shape)
    wanted = tensor.dtype if dtype is None else dtypes.as_dtype(dtype)
    return wrap(np.asarray(drawn).astype(wanted), None)


__all__ = ["multinomial", "poisson", "randint_like"]

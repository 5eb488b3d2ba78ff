"""Random numbers: one generator a process, seeded by :func:`manual_seed`, with a state that can be kept.

Large draws take a key from the generator and run in :mod:`.kernels.random`, whose numbers are functions of key and
position (a tenth of NumPy's time, measured); small ones are NumPy's own, so that they need no compiler.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from .broadcasting import Shape, as_shape
from .lazy import lazy_import
from .tensor import Tensor, wrap

if TYPE_CHECKING:
    from .kernels import jit, random as kernels
else:
    jit = lazy_import("autograd_core.kernels.jit")
    kernels = lazy_import("autograd_core.kernels.random")

# Draws from this many elements on are the kernels'.
LARGE = 2048


class Generator:
    """A source of random numbers with a state of its own.

    The stream is NumPy's Philox, a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as
    1, 2, 3"), so it does not depend on the number of threads.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed
        self._numpy: np.random.Generator | None = None

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator behind this one; made at first use, because importing numpy.random takes a while."""
        if self._numpy is None:
            self._numpy = np.random.Generator(np.random.Philox(self._seed))
        return self._numpy

    def manual_seed(self, seed: int) -> Generator:
        """Start over from `seed`."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"a seed must be an int, got {type(seed).__name__}")
        if seed < 0:
            raise ValueError(f"a seed must not be negative, got {seed}")
        self._seed = int(seed)
        self._numpy = None
        return self

    def get_state(self) -> dict[str, Any]:
        """The state, to be given to :meth:`set_state` later."""
        import copy

        return copy.deepcopy(dict(self.numpy.bit_generator.state))

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`get_state` returned."""
        self.numpy.bit_generator.state = state


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator: the same seed gives the same weights, masks and shuffles, bit for bit.

    Raises:
        TypeError, ValueError: if the seed is not a non-negative int.
    """
    return default_generator.manual_seed(seed)


def get_rng_state() -> dict[str, Any]:
    """The default generator's state."""
    return default_generator.get_state()


def set_rng_state(state: dict[str, Any]) -> None:
    """Restore the default generator's state."""
    default_generator.set_state(state)


def _source(generator: Generator | None) -> np.random.Generator:
    return (generator or default_generator).numpy


def draw_key(source: np.random.Generator) -> int:
    """64 random bits, from which a kernel makes as many numbers as are wanted."""
    return int(source.bit_generator.random_raw())


def _by_kernel(source: np.random.Generator, name: str, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
    out = np.empty(shape, dtype)
    key = np.uint64(draw_key(source))
    if jit.thread_count(4 * out.size) > 1:
        with jit.PARALLEL:
            getattr(kernels, f"{name}_{dtype.name}_parallel")(key, out.reshape(-1))
    else:
        getattr(kernels, f"{name}_{dtype.name}_serial")(key, out.reshape(-1))
    return out


def draw_uniform(source: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
    """Uniform numbers in [0, 1)."""
    if math.prod(shape) >= LARGE:
        return _by_kernel(source, "uniform", shape, dtype)
    return np.asarray(source.random(shape, dtype=dtype.type))


def draw_normal(source: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
    """Standard normal numbers."""
    if math.prod(shape) >= LARGE:
        return _by_kernel(source, "normal", shape, dtype)
    return np.asarray(source.standard_normal(shape, dtype=dtype.type))


def _finish(array: Any, requires_grad: bool) -> Tensor:
    tensor = wrap(np.asarray(array), None)
    return tensor.requires_grad_() if requires_grad else tensor


def _floating(dtype: Any) -> np.dtype[Any]:
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"random real numbers need a floating dtype, got {found}")
    return found


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in [0, 1)."""
    return _finish(draw_uniform(_source(generator), as_shape(size), _floating(dtype)), requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers."""
    return _finish(draw_normal(_source(generator), as_shape(size), _floating(dtype)), requires_grad)


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers in [0, 1) of another tensor's shape and dtype."""
    return rand(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers of another tensor's shape and dtype."""
    return randn(*input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randint(low: int, high: int | Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Random integers from `low` up to but without `high`, as int64; ``randint(high, size)`` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    if high <= low:
        raise ValueError(f"randint: high {high} must exceed low {low}")
    return _finish(_source(generator).integers(low, high, as_shape((size,))), False)


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """A random permutation of 0 … n-1."""
    if n < 0:
        raise ValueError(f"randperm: n must not be negative, got {n}")
    return _finish(_source(generator).permutation(n), False)


def normal(mean: float, std: float, size: Any, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Normal random numbers with a mean and a standard deviation."""
    if not std >= 0:
        raise ValueError(f"normal: std must not be negative, got {std}")
    drawn = randn(*as_shape((size,)), generator=generator, dtype=dtype)
    drawn._array *= std
    drawn._array += mean
    return drawn


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probabilities of `input`, else 0, in its dtype."""
    if not ((input._array >= 0) & (input._array <= 1)).all():
        raise ValueError("bernoulli: probabilities must lie in [0, 1]")
    drawn = draw_uniform(_source(generator), input.shape, dtypes.float64) < input._array
    return _finish(np.asarray(drawn).astype(input.dtype), False)


__all__ = [
    "Generator",
    "bernoulli",
    "default_generator",
    "get_rng_state",
    "manual_seed",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "set_rng_state",
]

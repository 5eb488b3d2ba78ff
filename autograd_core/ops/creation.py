"""Making tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import as_shape
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand
from ..kernels.boundary import row_major
from ..op import Sample
from ..recording import apply
from ..storage import as_array
from ..tensor import Tensor, wrap


def _finish(array: np.ndarray, requires_grad: bool) -> Tensor:
    result = wrap(array, None)
    return result.requires_grad_() if requires_grad else result


def _floating(dtype: Any) -> np.dtype[Any]:
    return dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor by copying `data`: numbers, nested sequences, an array or a tensor.

    Raises:
        TypeError: for dtypes the engine lacks and for sequences of tensors.
        ValueError: for ragged sequences.

    Example:
        >>> import autograd_core as ag
        >>> ag.tensor([1, 2, 3])
        tensor([1, 2, 3])
    """
    return _finish(as_array(data, dtype, copy=True), requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """As :func:`tensor`, but sharing memory with arrays and tensors of the wanted dtype."""
    if isinstance(data, Tensor) and (dtype is None or data.dtype == dtypes.as_dtype(dtype)):
        return data
    return wrap(as_array(data, dtype), None)


def from_numpy(array: np.ndarray) -> Tensor:
    """Make a tensor that shares memory with `array`; changes through the array are not counted as versions.

    Raises:
        TypeError: if it is no array, or of a dtype the engine lacks.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy() takes an array, got {type(array).__name__}")
    return wrap(as_array(array), None)


def from_dlpack(external: Any) -> Tensor:
    """Make a tensor that shares memory with anything that speaks DLPack."""
    return from_numpy(np.from_dlpack(external))


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of `size` filled with one value, whose type decides the dtype unless it is given."""
    wanted = dtypes.of_scalar(fill_value) if dtype is None else dtypes.as_dtype(dtype)
    return _finish(np.full(as_shape((size,)), fill_value, wanted), requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros; sizes separately or as one sequence."""
    return _finish(np.zeros(as_shape(size), _floating(dtype)), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones; sizes separately or as one sequence."""
    return _finish(np.ones(as_shape(size), _floating(dtype)), requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory; sizes separately or as one sequence."""
    return _finish(np.empty(as_shape(size), _floating(dtype)), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix of shape (n, m)."""
    return _finish(np.eye(n, m, dtype=_floating(dtype)), requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from `start` (0 if one argument is given) up to but without `end`, in steps of `step`.

    Raises:
        ValueError: if the step is 0 or leads away from the end.
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: from {start} to {end} there is no way in steps of {step}")
    if dtype is None:
        wanted = dtypes.int64 if all(isinstance(v, int) for v in (start, end, step)) else dtypes.get_default_dtype()
    else:
        wanted = dtypes.as_dtype(dtype)
    return _finish(np.arange(start, end, step).astype(wanted), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` evenly spaced numbers from `start` to `end`, both included."""
    if steps < 0:
        raise ValueError(f"linspace: steps must not be negative, got {steps}")
    return _finish(np.linspace(start, end, steps, dtype=_floating(dtype)), requires_grad)


def _like(input: Tensor, dtype: Any) -> np.dtype[Any]:
    return input.dtype if dtype is None else dtypes.as_dtype(dtype)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape and dtype."""
    return _finish(np.zeros(input.shape, _like(input, dtype)), requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape and dtype."""
    return _finish(np.ones(input.shape, _like(input, dtype)), requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory of another tensor's shape and dtype."""
    return _finish(np.empty(input.shape, _like(input, dtype)), requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value in another tensor's shape and dtype."""
    return _finish(np.full(input.shape, fill_value, _like(input, dtype)), requires_grad)


@structural("clone", samples=lambda random: [Sample((random.standard_normal((2, 3)),))])
def clone_primitive(x: np.ndarray) -> np.ndarray:
    """A copy; gradients flow through it."""
    return row_major(x)


@clone_primitive.vjp("x")
def _(cotangent: Any) -> Any:
    return cotangent


def clone(input: Tensor) -> Tensor:
    """A copy with memory of its own, through which gradients flow."""
    result: Tensor = apply(clone_primitive.op, (as_tensor_operand(input, "clone"),), {})
    return result


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order, else a copy in that order."""
    return input if input.is_contiguous() else clone(input)


attach("clone", clone)
attach("contiguous", contiguous)

__all__ = [
    "arange",
    "as_tensor",
    "clone",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "tensor",
    "zeros",
    "zeros_like",
]

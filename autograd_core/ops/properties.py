"""What can be asked of tensors, shapes and dtypes, and tensors made after the pattern of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import broadcasting, dtypes
from ..declaration import attach
from ..dispatch import as_operand, as_tensor_operand, cast
from ..errors import GraphError
from ..tensor import Tensor, wrap
from .creation import as_tensor, empty, full, ones, tensor as make, zeros
from .linear_maps import gather_primitive
from .masking import nonzero
from .reduction import sum
from .shape import reshape, transpose


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor."""
    return isinstance(value, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float32 or float64."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex, which none is here."""
    return False


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    Raises:
        ValueError: for another number of elements.
    """
    return bool(input.item())


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def result_type(tensor1: Any, tensor2: Any) -> np.dtype[Any]:
    """The dtype of the result of arithmetic with two tensors or numbers.

    Example:
        >>> import autograd_core as ag
        >>> ag.result_type(ag.tensor([1], dtype=ag.int64), 1.0)
        dtype('float32')
    """
    operands = [as_operand(value, "result_type") for value in (tensor1, tensor2)]
    return dtypes.result_type([o._array if isinstance(o, Tensor) else o for o in operands])


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that both can be converted to without leaving their kind."""
    return dtypes.promote(dtypes.as_dtype(type1), dtypes.as_dtype(type2))


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a conversion keeps the kind: bool, integer, floating, each to itself or a later one."""
    return dtypes.category(dtypes.as_dtype(from_)) <= dtypes.category(dtypes.as_dtype(to))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that several broadcast to.

    Raises:
        ValueError: if they do not broadcast.
    """
    listed = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    return broadcasting.broadcast_shapes(*listed, operation="broadcast_shapes")


def scalar_tensor(s: bool | int | float, *, dtype: Any = None) -> Tensor:
    """A 0-d tensor, floating unless `dtype` says otherwise."""
    return make(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype)


def asarray(obj: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of `obj`, sharing its memory where that is possible and `copy` is not True.

    Raises:
        ValueError: if `copy` is False and a copy is needed.
    """
    if copy:
        return make(obj, dtype=dtype, requires_grad=requires_grad)
    result = as_tensor(obj, dtype)
    own = obj._array if isinstance(obj, Tensor) else obj
    if copy is False and not (isinstance(own, np.ndarray) and np.shares_memory(own, result._array)):
        raise ValueError("asarray: this object cannot be a tensor without a copy")
    return result.requires_grad_() if requires_grad else result


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` powers of `base` whose exponents are evenly spaced from `start` to `end`, both included."""
    if steps < 0:
        raise ValueError(f"logspace: steps must not be negative, got {steps}")
    wanted = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    result = wrap(np.power(float(base), np.linspace(start, end, steps)).astype(wanted), None)
    return result.requires_grad_() if requires_grad else result


def argwhere(input: Tensor) -> Tensor:
    """Indices of the elements that are not zero, a row for each."""
    found: Tensor = nonzero(input)
    return found


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged (and conjugated, were there complex numbers), as a view."""
    return transpose(input, -2, -1)


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int = 0) -> Tensor:
    """Elements of a contiguous tensor at given steps, as a copy through which gradients flow.

    PyTorch gives a view here; a view with overlapping elements could not be written to, and so this is none.

    Raises:
        ValueError: if an element lies outside the tensor, or it is not contiguous.
    """
    tensor = as_tensor_operand(input, "as_strided")
    sizes, steps = tuple(size), tuple(stride)
    if len(sizes) != len(steps):
        raise ValueError(f"as_strided: {len(sizes)} sizes need as many strides, got {len(steps)}")
    if not tensor.is_contiguous():
        raise ValueError("as_strided: needs a contiguous tensor; call contiguous() first")
    places = np.full(sizes, storage_offset, np.int64)
    for axis, (length, step) in enumerate(zip(sizes, steps, strict=True)):
        places += (np.arange(length) * step).reshape(-1, *(1,) * (len(sizes) - axis - 1))
    if places.size and (places.min() < 0 or places.max() >= tensor.numel()):
        raise ValueError(
            f"as_strided: sizes {sizes} and strides {steps} from {storage_offset} reach outside the tensor's "
            f"{tensor.numel()} elements"
        )
    result: Tensor = gather_primitive(reshape(tensor, -1), index=(places,))
    return result


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Sum over the dimensions along which `size` would have to be broadcast to the tensor's shape.

    Raises:
        ValueError: if it does not broadcast to it.
    """
    wanted = broadcasting.as_shape(size)
    if broadcasting.broadcast_shapes(wanted, self.shape, operation="sum_to_size") != self.shape:
        raise ValueError(f"sum_to_size: {wanted} does not broadcast to {self.shape}")
    added, stretched = broadcasting.unbroadcast_axes(self.shape, wanted)
    axes = tuple(added) + tuple(stretched)
    return reshape(sum(self, axes, keepdim=True) if axes else self, wanted)


# --- methods ----------------------------------------------------------------------------------------------------


def _stride(self: Tensor, dim: int | None = None) -> Any:
    """Elements in memory between neighbours along each dimension, or along one."""
    steps = tuple(step // self._array.itemsize for step in self._array.strides)
    return steps if dim is None else steps[broadcasting.normalize_dim(dim, self.ndim, "stride")]


def _new_filled(creator: Any) -> Any:
    def method(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        result: Tensor = creator(*size, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)
        return result

    method.__doc__ = f"As :func:`{creator.__name__}`, in this tensor's dtype unless given another."
    method.__name__ = method.__qualname__ = f"new_{creator.__name__}"
    return method


def _new_full(self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """As :func:`full`, in this tensor's dtype unless given another."""
    return full(size, fill_value, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def _new_tensor(self: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """As :func:`tensor`, in this tensor's dtype unless given another."""
    return make(data, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def _half(self: Tensor) -> Tensor:
    """Refused: no kernel computes in half precision.

    Raises:
        TypeError: always.
    """
    raise TypeError(dtypes.unsupported(np.dtype(np.float16)))


def _to(dtype: np.dtype[Any]) -> Any:
    return lambda self: cast(self, dtype)


def _retains_grad(self: Tensor) -> bool:
    node = self.grad_fn
    extras = getattr(node, "extras", None)
    return bool(node is not None and extras is not None and extras.retained is not None)


def _matrix_adjoint(self: Tensor) -> Tensor:
    if self.ndim not in (0, 2):
        raise GraphError(f"H is defined for matrices, got shape {self.shape}; use mT")
    return self if self.ndim == 0 else adjoint(self)


for _name, _method in {
    "adjoint": adjoint,
    "argwhere": argwhere,
    "as_strided": as_strided,
    "byte": _to(dtypes.uint8),
    "char": _to(dtypes.int8),
    "cpu": lambda self: self,
    "element_size": lambda self: self._array.itemsize,
    "half": _half,
    "bfloat16": _half,
    "is_complex": is_complex,
    "is_nonzero": is_nonzero,
    "is_same_size": lambda self, other: self.shape == other.shape,
    "is_signed": lambda self: self.dtype.kind in "if",
    "ndimension": lambda self: self.ndim,
    "nelement": numel,
    "new_empty": _new_filled(empty),
    "new_full": _new_full,
    "new_ones": _new_filled(ones),
    "new_tensor": _new_tensor,
    "new_zeros": _new_filled(zeros),
    "resolve_conj": lambda self: self,
    "short": _to(dtypes.int16),
    "stride": _stride,
    "sum_to_size": sum_to_size,
}.items():
    attach(_name, _method)
Tensor.H = property(_matrix_adjoint, doc="A matrix transposed.")  # type: ignore[attr-defined]
Tensor.mH = Tensor.mT  # type: ignore[attr-defined]
Tensor.retains_grad = property(  # type: ignore[attr-defined]
    _retains_grad, doc="Whether a computed tensor was asked to keep its gradient; False for leaves."
)
Tensor.itemsize = property(lambda self: self._array.itemsize, doc="The bytes one element takes.")  # type: ignore[attr-defined]

__all__ = [
    "adjoint",
    "argwhere",
    "as_strided",
    "asarray",
    "broadcast_shapes",
    "can_cast",
    "is_complex",
    "is_floating_point",
    "is_nonzero",
    "is_tensor",
    "logspace",
    "numel",
    "promote_types",
    "result_type",
    "scalar_tensor",
]

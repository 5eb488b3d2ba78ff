"""Python's operators, dtype conversions and NumPy's protocols on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..declaration import attach
from ..dispatch import as_tensor_operand, cast, from_registry
from ..graph import thread
from ..op import REGISTRY
from ..tensor import Tensor, wrap
from . import creation, elementwise, extrema, joining, linalg, reduction, shape
from .inplace import in_place


def _reflected(function: Callable[..., Tensor]) -> Callable[[Any, Any], Tensor]:
    return lambda self, other: function(other, self)


_BINARY: dict[str, Callable[..., Tensor]] = {
    "add": elementwise.add,
    "sub": elementwise.sub,
    "mul": elementwise.mul,
    "truediv": elementwise.div,
    "pow": elementwise.pow,
    "matmul": linalg.matmul,
}
for _name, _function in _BINARY.items():
    setattr(Tensor, f"__{_name}__", _function)
    setattr(Tensor, f"__r{_name}__", _reflected(_function))
    if _name != "matmul":
        setattr(Tensor, f"__i{_name}__", in_place(_function, {"truediv": "div"}.get(_name, _name)))

_COMPARISONS: dict[str, Callable[..., Tensor]] = {
    "eq": elementwise.eq,
    "ne": elementwise.ne,
    "lt": elementwise.lt,
    "le": elementwise.le,
    "gt": elementwise.gt,
    "ge": elementwise.ge,
}
for _name, _function in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _function)

Tensor.__neg__ = elementwise.neg  # type: ignore[method-assign]
Tensor.__abs__ = elementwise.abs  # type: ignore[attr-defined]
setattr(Tensor, "__pos__", lambda self: self)  # noqa: B010 - mypy reads the assignment as a unary plus


def _invert(self: Tensor) -> Tensor:
    """Logical negation of a bool tensor."""
    if self.dtype.kind != "b":
        raise TypeError(f"~ needs a bool tensor, got {self.dtype}")
    return elementwise.logical_not(self)


setattr(Tensor, "__invert__", _invert)  # noqa: B010 - mypy reads the assignment as a negation
for _name in ("and", "or"):
    _function = getattr(elementwise, f"logical_{_name}")

    def _bool_operator(self: Tensor, other: Any, *, function: Any = _function, sign: str = _name) -> Tensor:
        if self.dtype.kind != "b" or as_tensor_operand(other, sign).dtype.kind != "b":
            raise TypeError(f"the operator {'&' if sign == 'and' else '|'} needs bool tensors")
        result: Tensor = function(self, other)
        return result

    setattr(Tensor, f"__{_name}__", _bool_operator)

for _name in ("matmul", "mm", "mv", "bmm", "dot"):
    attach(_name, getattr(linalg, _name))

# Every elementwise operation with one dtype in and out has an in-place form.
for _op in list(REGISTRY.values()):
    if _op.function is not None and _op.name in Tensor.__dict__ and _op.differentiable:
        attach(f"{_op.name}_", in_place(_op.function, _op.name))


# --- formulas read on tensors -----------------------------------------------------------------------------------

# Formulas use NumPy's names where they differ from PyTorch's, which operations are registered under.
_TORCH_NAMES = {
    "equal": "eq",
    "not_equal": "ne",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
}


def _read_formula(name: str, arguments: tuple[Any, ...]) -> Tensor:
    """Record the operation that a function in a formula stands for."""
    if name == "where" and not any(isinstance(argument, Tensor) for argument in arguments[1:]):
        # Two numbers alone do not say in which dtype to hold them: the derivative's own decides.
        number = np.asarray(arguments[1], thread.mode.formula_dtype or dtypes.get_default_dtype())
        arguments = (arguments[0], wrap(number, None), arguments[2])
    return from_registry(_TORCH_NAMES.get(name, name))(*arguments)


Tensor.__formula__ = staticmethod(_read_formula)  # type: ignore[attr-defined]


# --- dtype conversion -------------------------------------------------------------------------------------------


def to(self: Tensor, dtype: Any = None, *, copy: bool = False) -> Tensor:
    """The tensor in another dtype (or another tensor's): itself if it has it, unless `copy`."""
    if isinstance(dtype, Tensor):
        dtype = dtype.dtype
    if isinstance(dtype, str) and dtype == "cpu":
        dtype = None
    wanted = self.dtype if dtype is None else dtypes.as_dtype(dtype)
    converted = cast(self, wanted)
    return creation.clone(converted) if copy and converted is self else converted


def _converter(name: str, dtype: np.dtype[Any]) -> Callable[[Tensor], Tensor]:
    def convert(self: Tensor) -> Tensor:
        return cast(self, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The tensor as {dtype}."
    return convert


attach("to", to)
attach("type_as", lambda self, other: cast(self, other.dtype))
for _name, _dtype in (
    ("float", dtypes.float32),
    ("double", dtypes.float64),
    ("int", dtypes.int32),
    ("long", dtypes.int64),
    ("bool", dtypes.bool_),
):
    attach(_name, _converter(_name, _dtype))


# --- NumPy's protocols ------------------------------------------------------------------------------------------

_UFUNCS: dict[Any, Callable[..., Any]] = {
    op.reference: op.function
    for op in REGISTRY.values()
    if isinstance(op.reference, np.ufunc) and op.function is not None
}
_UFUNCS[np.matmul] = linalg.matmul
_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: lambda a, axis=None, keepdims=False: reduction.sum(a, axis, keepdims),
    np.mean: lambda a, axis=None, keepdims=False: reduction.mean(a, axis, keepdims),
    np.max: lambda a, axis=None, keepdims=False: extrema.amax(a, axis, keepdims),
    np.min: lambda a, axis=None, keepdims=False: extrema.amin(a, axis, keepdims),
    np.reshape: lambda a, shape: shape_of(a, shape),
    np.transpose: lambda a, axes=None: shape.permute(a, *(axes or range(a.ndim - 1, -1, -1))),
    np.concatenate: lambda arrays, axis=0: joining.cat(list(arrays), axis),
    np.stack: lambda arrays, axis=0: joining.stack(list(arrays), axis),
    np.where: elementwise.where,
    np.dot: lambda a, b: linalg.matmul(a, b),
    np.squeeze: lambda a, axis=None: shape.squeeze(a, axis),
    np.expand_dims: lambda a, axis: shape.unsqueeze(a, axis),
    np.broadcast_to: lambda array, shape: shape_expand(array, shape),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.numel(),
}


def shape_of(tensor: Tensor, sizes: Any) -> Tensor:
    """numpy.reshape's argument order."""
    return shape.reshape(tensor, *((sizes,) if isinstance(sizes, int) else sizes))


def shape_expand(tensor: Tensor, sizes: Any) -> Tensor:
    """numpy.broadcast_to's argument order."""
    return shape.broadcast_to(tensor, sizes)


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
    function = _UFUNCS.get(ufunc)
    if method != "__call__" or function is None or named:
        form = f"numpy.{ufunc.__name__}" + (f".{method}" if method != "__call__" else "")
        options = f" with {', '.join(named)}" if named else ""
        raise TypeError(f"{form}{options} has no traced form for tensors; use autograd_core, or .detach().numpy()")
    return function(*inputs)


def _array_function(self: Tensor, function: Any, types: Any, arguments: Any, named: Any) -> Any:
    traced = _FUNCTIONS.get(function)
    if traced is None:
        raise TypeError(
            f"numpy.{function.__name__} has no traced form for tensors; use autograd_core, or .detach().numpy()"
        )
    return traced(*arguments, **named)


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]

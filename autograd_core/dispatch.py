"""Calling an elementwise operation: operands of any sort in, promoted and broadcast; and the decorator for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from . import dtypes
from .broadcasting import broadcast_shapes
from .declaration import attach, structural, summary_of
from .graph import thread
from .kernels.loop import LARGE
from .op import REAL, REGISTRY, Domain, Elementwise, Rule, Sample, names_of, split_signature
from .recording import NUMBER, apply, mask_of, record, record_many
from .tensor import Tensor, wrap

Number = bool | int | float
_SCALARS = (bool, int, float)
_float32, _float64 = dtypes.float32, dtypes.float64
_ndarray = np.ndarray
_NO_PARAMETERS: dict[str, Any] = {}


# --- elementwise calls ------------------------------------------------------------------------------------------


def _unary(op: Elementwise) -> Callable[[Any], Tensor]:
    plans, differentiable = op.plans, op.differentiable

    def call(input: Any) -> Tensor:
        try:
            array = input._array
            edge = input._node
        except AttributeError:
            return _general(op, (input,), {})
        dtype = array.dtype
        if dtype is not _float32 and dtype is not _float64:
            return _general(op, (input,), {})
        result = op.forward(array) if array.size < LARGE else op.large(array)
        if type(result) is not _ndarray:
            result = np.asarray(result)
        if edge is None or not differentiable:
            return wrap(result, None)
        mode = thread.mode
        if not mode.enabled:
            return wrap(result, None)
        try:
            plan = plans[1]
        except KeyError:
            plan = op.plan(1, 1)
        return record(mode, plan, result, _NO_PARAMETERS, input, NUMBER, array, None)

    return call


def _binary(op: Elementwise) -> Callable[[Any, Any], Tensor]:
    plans, differentiable = op.plans, op.differentiable

    def call(input: Any, other: Any) -> Tensor:
        try:
            first = input._array
            first_edge = input._node
            dtype = first.dtype
            kind = type(other)
            if kind is float or kind is int:
                if op.numpy is None:
                    return _general(op, (input, other), {})
                second: Any = other
                second_edge = None
                tensor = NUMBER
                size = first.size
            else:
                tensor = other
                second = other._array
                second_edge = other._node
                if second.dtype is not dtype:
                    return _general(op, (input, other), {})
                size = first.size
                if size < LARGE:
                    size = second.size
        except AttributeError:
            return _general(op, (input, other), {})
        if dtype is not _float32 and dtype is not _float64:
            return _general(op, (input, other), {})
        try:
            result = op.forward(first, second) if size < LARGE else op.large(first, second)
        except ValueError:
            broadcast_shapes(first.shape, np.shape(second), operation=op.name)
            raise
        if type(result) is not _ndarray:
            result = np.asarray(result)
        if second_edge is not None:
            mask = 2 if first_edge is None else 3
        elif first_edge is not None:
            mask = 1
        else:
            return wrap(result, None)
        mode = thread.mode
        if not mode.enabled or not differentiable:
            return wrap(result, None)
        try:
            plan = plans[mask]
        except KeyError:
            plan = op.plan(mask, 2)
        return record(mode, plan, result, _NO_PARAMETERS, input, tensor, first, second)

    return call


def _many(op: Elementwise) -> Callable[..., Tensor]:
    """The call of operations with parameters, and of those with more than two operands."""
    parameters = op.parameters
    order = (*op.operands, *parameters)
    count = len(op.operands)
    defaults = op.formula.__kwdefaults__ or {}

    def call(*arguments: Any, **named: Any) -> Tensor:
        if len(arguments) == count and not parameters and not named:
            return apply_to(op, arguments)
        if len(arguments) > len(order):
            raise TypeError(f"{op.name}() takes at most {len(order)} arguments, got {len(arguments)}")
        for name in named:
            if name not in order[len(arguments) :]:
                problem = "got twice" if name in order else "does not have"
                raise TypeError(f"{op.name}() {problem} the argument {name!r}; its arguments are {', '.join(order)}")
        given = list(arguments)
        for name in order[len(arguments) :]:
            if name not in named and name not in defaults:
                raise TypeError(f"{op.name}() needs the argument {name!r}")
            given.append(named[name] if name in named else defaults[name])
        operands = given[:count]
        numbers = {
            name: value if isinstance(value, _SCALARS) else _as_number(op.name, name, value)
            for name, value in zip(parameters, given[count:], strict=True)
        }
        if any(isinstance(operand, Tensor) and operand._array.dtype.kind == "f" for operand in operands):
            return apply_to(op, operands, {name: float(value) for name, value in numbers.items()})
        return _general(op, operands, numbers)

    return call


def apply_to(op: Elementwise, operands: Sequence[Any], parameters: dict[str, float] = _NO_PARAMETERS) -> Tensor:
    """Apply an operation that is a loop to operands.

    The short way is for tensors of one floating dtype, beside conditions; others take the careful one.

    Args:
        op: the operation.
        operands: all of them.
        parameters: the values of its parameters in their order, floats all of them, which is what kernels are compiled
            for. The dictionary is kept as it is.
    """
    if len(operands) == 1:
        return apply_to_one(op, operands[0], parameters)
    arrays, edges, mixed = [], [], op.conditional
    try:
        dtype = operands[-1]._array.dtype
        for operand in operands:
            array = operand._array
            if array.dtype is not dtype:
                mixed = True
            arrays.append(array)
            edges.append(operand._node)
    except AttributeError:
        return _general(op, operands, parameters)
    if (dtype is not _float32 and dtype is not _float64) or (mixed and not _fits(op, arrays, dtype)):
        return _general(op, operands, parameters)
    try:
        result = op.loop.single(arrays, dtype, parameters.values())
    except ValueError:
        broadcast_shapes(*[array.shape for array in arrays], operation=op.name)
        raise
    mode = thread.mode
    mask = op.all_operands if None not in edges else mask_of(edges)
    if not mask or not mode.enabled or not op.differentiable:
        return wrap(result, None)
    plan = op.plans.get(mask) or op.plan(mask, len(edges))
    one, two = plan.places
    rest = (tuple(edges), operands, arrays, ())
    return record(mode, plan, result, parameters, operands[one], operands[two], arrays[one], arrays[two], rest)


def apply_to_one(op: Elementwise, input: Any, parameters: dict[str, float]) -> Tensor:
    """As :func:`apply_to`, for a single operand."""
    try:
        array = input._array
        edge = input._node
    except AttributeError:
        return _general(op, (input,), parameters)
    dtype = array.dtype
    if dtype is not _float32 and dtype is not _float64:
        return _general(op, (input,), parameters)
    result = op.loop.unary(array, parameters.values())
    mode = thread.mode
    if edge is None or not mode.enabled or not op.differentiable:
        return wrap(result, None)
    plan = op.plans.get(1) or op.plan(1, 1)
    return record(mode, plan, result, parameters, input, NUMBER, array, None)


def _fits(op: Elementwise, arrays: Sequence[np.ndarray], dtype: np.dtype[Any]) -> bool:
    """Whether conditions are booleans, and all other arrays of this dtype."""
    return all(
        array.dtype.kind == "b" if domain.kind == "bool" else array.dtype is dtype
        for array, domain in zip(arrays, op.domains, strict=True)
    )


def _as_number(operation: str, name: str, value: Any) -> Number:
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and not value.requires_grad):
        return value.item()
    raise TypeError(f"{operation}: {name} must be a number, got {type(value).__name__}")


def _general(op: Elementwise, operands: Sequence[Any], parameters: dict[str, Any]) -> Tensor:
    """The careful way: constants, promotion, broadcasting checked, any number of operands."""
    converted = [as_operand(operand, op.name) for operand in operands]
    if not any(isinstance(operand, Tensor) for operand in converted):
        given = ", ".join(type(operand).__name__ for operand in operands)
        raise TypeError(f"{op.name}() needs at least one tensor, got {given}")
    values = [index for index, domain in enumerate(op.domains) if domain.kind != "bool"]
    dtype = dtypes.result_type([_plain(converted[index]) for index in values])
    if op.promotes and dtype.kind != "f":
        dtype = dtypes.get_default_dtype()
    for index, operand in enumerate(converted):
        if index not in values:
            if isinstance(operand, Tensor) and operand.dtype.kind != "b":
                raise TypeError(f"{op.name}: {op.operands[index]} must be a bool tensor, got {operand.dtype}")
        elif isinstance(operand, Tensor) and operand._array.dtype is not dtype:
            converted[index] = cast(operand, dtype)
    arrays = [_plain(operand) for operand in converted]
    shapes = [array.shape for array in arrays if isinstance(array, _ndarray)]
    if any(shape != shapes[0] for shape in shapes):
        broadcast_shapes(*shapes, operation=op.name)
    if dtype.kind != "f" and op.numpy is None:
        # Kernels are floating; an integer formula runs in NumPy, whose rules for integers are the reference.
        numbers = [np.asarray(array, dtype) if isinstance(array, _SCALARS) else array for array in arrays]
        result = np.asarray(op.formula(*numbers, **parameters))
        return wrap(result if op.predicate else result.astype(dtype, copy=False), None)
    if not any(isinstance(arrays[index], _ndarray) for index in values):
        # Only the condition is an array: numbers alone do not say in which dtype to compute.
        arrays[values[0]] = np.asarray(arrays[values[0]], dtype)
    result = op.forward(*arrays, **parameters)
    if type(result) is not _ndarray:
        result = np.asarray(result)
    tensors = [operand if isinstance(operand, Tensor) else NUMBER for operand in converted]
    edges = tuple([tensor._node for tensor in tensors])
    mask = mask_of(edges)
    if not mask or not thread.mode.enabled or not op.differentiable:
        return wrap(result, None)
    return record_many(op.plan(mask, len(edges)), tensors, arrays, result, (), parameters, edges)


def _plain(operand: Any) -> Any:
    return operand._array if isinstance(operand, Tensor) else operand


def as_operand(value: Any, operation: str) -> Any:
    """A tensor as it is, an array as a constant tensor, a Python number as it is.

    Raises:
        TypeError: for anything else, naming the operation and what was given.
    """
    if isinstance(value, Tensor) or type(value) in _SCALARS:
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        try:
            dtype = dtypes.as_dtype(array.dtype)
        except TypeError as error:
            raise TypeError(f"{operation}: {error}") from None
        return wrap(array.astype(dtype, copy=False), None)
    raise TypeError(f"{operation}: expected a Tensor, an array or a number, got {type(value).__name__}")


def as_tensor_operand(value: Any, operation: str) -> Tensor:
    """As :func:`as_operand`, but numbers become 0-d tensors."""
    operand = as_operand(value, operation)
    if isinstance(operand, Tensor):
        return operand
    return wrap(np.asarray(operand, dtypes.of_scalar(operand)), None)


class ElementwiseFunction(Protocol):
    """An elementwise operation as users call it, with ``partial`` to declare its derivatives."""

    op: Elementwise
    __name__: str

    def __call__(self, *operands: Any, **parameters: Any) -> Tensor: ...

    def partial(self, rule: Any) -> Any:
        """Declare a partial derivative."""


def elementwise(
    *, domain: Domain | Sequence[Domain] = REAL, method: bool = True, name: str | None = None, **fields: Any
) -> Callable[[Callable[..., Any]], ElementwiseFunction]:
    """Declare an elementwise operation by its scalar formula; positional parameters are its operands."""

    def declare(formula: Callable[..., Any]) -> ElementwiseFunction:
        operands, parameters, _ = split_signature(formula)
        domains = tuple(domain) if isinstance(domain, Sequence) else (domain,) * len(operands)
        op = Elementwise(
            name=name or formula.__name__.rstrip("_"),
            summary=summary_of(formula),
            operands=operands,
            parameters=parameters,
            formula=formula,
            domains=domains,
            **fields,
        )
        simple = not parameters and len(operands) <= 2
        call: Any = (_unary(op) if len(operands) == 1 else _binary(op)) if simple else _many(op)
        call.__name__ = call.__qualname__ = op.name
        call.__doc__ = formula.__doc__
        call.op = op
        op.function = call

        def partial(rule: Any) -> Any:
            if callable(rule):
                op.rules[0] = Rule(rule, names_of(rule))
                return rule

            def declare_partial(function: Callable[..., Any]) -> Callable[..., Any]:
                op.rules[operands.index(rule)] = Rule(function, names_of(function))
                return function

            return declare_partial

        call.partial = partial
        if method:
            attach(op.name, call)
        return call

    return declare


@structural(
    "cast",
    samples=lambda random: [
        Sample((random.standard_normal((2, 3)),), {"dtype": _float64, "source": _float64}),
        Sample((random.standard_normal(()),), {"dtype": _float64, "source": _float64}),
    ],
)
def cast_primitive(x: np.ndarray, *, dtype: np.dtype[Any], source: np.dtype[Any]) -> np.ndarray:
    """Convert to another dtype; the cotangent is converted back."""
    return x.astype(dtype)


@cast_primitive.vjp("x")
def _(cotangent: Any, dtype: np.dtype[Any], source: np.dtype[Any]) -> Any:
    return cast_primitive(cotangent, dtype=source, source=dtype)


def cast(tensor: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """`tensor` in `dtype`: itself if it has it already, else a converted copy through which gradients flow back."""
    own = tensor._array.dtype
    if own is dtype:
        return tensor
    if dtype.kind != "f" or own.kind != "f":
        return wrap(tensor._array.astype(dtype), None)
    result: Tensor = apply(cast_primitive.op, (tensor,), {"dtype": dtype, "source": own})
    return result


def from_registry(name: str) -> Callable[..., Any]:
    """The user's function of a registered operation."""
    op = REGISTRY.get(name)
    if op is None or op.function is None:
        raise NotImplementedError(f"the function {name!r} of a formula has no registered operation on tensors")
    return op.function

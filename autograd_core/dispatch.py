"""Calling an operation: operands in, result and graph node out; and the decorators that declare operations.

A declared operation is called in one of two ways. On tensors it records; on arrays alone it returns arrays with no
graph, which is how the rules of derivatives are written once and serve both the fast first order and, on tensors,
every higher one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .anomaly import note_creation
from .broadcasting import broadcast_shapes
from .graph import Node, mode
from .op import (
    REAL,
    REGISTRY,
    Domain,
    Elementwise,
    Fused,
    Op,
    Rule,
    Sample,
    Samples,
    Structural,
    names_of,
    split_signature,
)
from .plan import Plan
from .tensor import Tensor, cell_of, wrap

Number = bool | int | float
_SCALARS = (bool, int, float)
_float32, _float64 = dtypes.float32, dtypes.float64
_ndarray = np.ndarray
_NO_PARAMETERS: dict[str, Any] = {}


# --- recording --------------------------------------------------------------------------------------------------


def _record(
    plan: Plan,
    tensors: Sequence[Any],
    arrays: Sequence[Any],
    result: Any,
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    edges: tuple[Any, ...],
) -> Tensor:
    """Make the node of an applied operation and the tensor of its result."""
    result_cell = None
    saved: Any = ()
    versions: Any = ()
    if plan.sources:
        saved, versions = [], []
        for name, source in plan.named_sources:
            if type(source) is not int:
                saved.append(_special_source(source, arrays, residuals))
                if source[0] == "operands":
                    versions += [(cell := cell_of(tensor), cell[0], i) for i, tensor in enumerate(tensors)]
            elif source < 0:
                saved.append(result)
                result_cell = [0]
                versions.append((result_cell, 0, "its result"))
            else:
                saved.append(arrays[source])
                try:
                    cell = tensors[source]._version
                except AttributeError:
                    continue  # a number
                if cell is None:
                    cell = cell_of(tensors[source])
                versions.append((cell, cell[0], name))
    node = Node(plan, edges, saved, versions, parameters, result.shape, result.dtype)
    if mode.anomaly:
        note_creation(node, result, arrays)
    return wrap(result, node, result_cell)


def _special_source(source: tuple[str, int], arrays: Sequence[Any], residuals: Sequence[Any]) -> Any:
    kind, index = source
    match kind:
        case "shape":
            return getattr(arrays[index], "shape", ())
        case "residual":
            return residuals[index]
        case "operands":
            return tuple(arrays)
        case "shapes":
            return tuple(array.shape for array in arrays)
    return None


def apply(op: Op, operands: Sequence[Any], parameters: dict[str, Any]) -> Any:
    """Run `op` on tensors, recording it if any needs a gradient; a tuple of tensors for several outputs."""
    if not op.plain:
        return apply_with_residuals(op, operands, parameters)[0]
    try:
        arrays = [operand._array for operand in operands]
        edges = tuple([operand._node for operand in operands])
    except AttributeError:  # a number or an array among them
        return apply_with_residuals(op, operands, parameters)[0]
    result = op.forward(*arrays, **parameters)
    if type(result) is not _ndarray:
        result = np.asarray(result)
    mask = 0
    bit = 1
    for edge in edges:
        if edge is not None:
            mask |= bit
        bit <<= 1
    if mask and mode.enabled and op.differentiable:
        plan = op.plans.get(mask) or op.plan(mask, len(edges))
        out = _record(plan, operands, arrays, result, (), parameters, edges)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, operands[0])
    return out


def apply_with_residuals(op: Op, operands: Sequence[Tensor], parameters: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    """As :func:`apply`, with what the forward kernel kept beside the result."""
    try:
        arrays = [operand._array for operand in operands]
        edges = tuple([operand._node for operand in operands])
    except AttributeError:  # a number or an array among them
        arrays = [operand._array if isinstance(operand, Tensor) else operand for operand in operands]
        edges = tuple([operand._node if isinstance(operand, Tensor) else None for operand in operands])
    result = op.forward(*arrays, **parameters)
    residuals: Sequence[Any] = ()
    if op.residuals:
        result, *residuals = result
    mask = 0
    if mode.enabled and op.differentiable:
        bit = 1
        for edge in edges:
            if edge is not None:
                mask |= bit
            bit <<= 1
    if op.outputs != 1:
        return _wrap_outputs(op, operands, arrays, result, residuals, parameters, mask), residuals
    if type(result) is not _ndarray:
        result = np.asarray(result)
    if mask:
        out = _record(op.plan(mask, len(edges)), operands, arrays, result, residuals, parameters, edges)
    else:
        out = wrap(result, None)
    if op.view:
        _share_memory(out, operands[0])
    return out, residuals


def _share_memory(view: Tensor, base: Tensor) -> None:
    """Let a view and its base notice each other's in-place changes."""
    own, other = view._array, base._array
    if own is other or own.base is (other if other.base is None else other.base):
        view._version = cell_of(base)
        view._base = base


def _wrap_outputs(
    op: Op,
    operands: Sequence[Tensor],
    arrays: Sequence[Any],
    results: Sequence[Any],
    residuals: Sequence[Any],
    parameters: dict[str, Any],
    mask: int,
) -> tuple[Tensor, ...]:
    """One node for the operation, and a projection node for each of its outputs."""
    results = [np.asarray(result) for result in results]
    if not mask:
        return tuple(wrap(result, None) for result in results)
    edges = tuple([operand._node if isinstance(operand, Tensor) else None for operand in operands])
    plan = op.plan(mask, len(edges))
    cells: list[Any] = [None] * len(results)
    saved, versions = [], []
    for name, source in zip(plan.names, plan.sources, strict=True):
        if source == -1:
            saved.append(tuple(results))
            cells = [[0] for _ in results]
            versions += [(cell, 0, "its result") for cell in cells]
        elif type(source) is int:
            saved.append(arrays[source])
            cell = cell_of(operands[source])
            versions.append((cell, cell[0], name))
        else:
            saved.append(_special_source(source, arrays, residuals))
    shapes: Any = tuple(result.shape for result in results)
    node = Node(plan, edges, tuple(saved), tuple(versions), parameters, shapes, results[0].dtype)
    if mode.anomaly:
        note_creation(node, results[0], arrays)
    outputs = []
    for position, (result, cell) in enumerate(zip(results, cells, strict=True)):
        if result.dtype.kind != "f":
            outputs.append(wrap(result, None, cell))
            continue
        projection = Node(PROJECTION, (node,), (), (), {"index": position}, result.shape, result.dtype)
        outputs.append(wrap(result, projection, cell))
    return tuple(outputs)


PROJECTION = Plan(
    Structural(
        name="output",
        summary="One output of an operation that has several.",
        operands=("outputs",),
        parameters=("index",),
        forward=lambda outputs, *, index: outputs[index],
        joint_rule=Rule(lambda cotangent: (cotangent,), ()),
    ),
    1,
    1,
)


# --- elementwise calls ------------------------------------------------------------------------------------------


def _unary(op: Elementwise) -> Callable[[Any], Tensor]:
    plans = op.plans

    def call(input: Any) -> Tensor:
        try:
            array = input._array
            edge = input._node
        except AttributeError:
            return _general(op, (input,), {})
        dtype = array.dtype
        if dtype is not _float32 and dtype is not _float64:
            return _general(op, (input,), {})
        result = op.forward(array)
        if type(result) is not _ndarray:
            result = np.asarray(result)
        if edge is None or not mode.enabled or not op.differentiable:
            return wrap(result, None)
        plan = plans.get(1) or op.plan(1, 1)
        return _record(plan, (input,), (array,), result, (), _NO_PARAMETERS, (edge,))

    return call


def _binary(op: Elementwise) -> Callable[[Any, Any], Tensor]:
    plans = op.plans

    def call(input: Any, other: Any) -> Tensor:
        try:
            first = input._array
            first_edge = input._node
            dtype = first.dtype
            if type(other) is float or type(other) is int:
                second: Any = other
                second_edge = None
            else:
                second = other._array
                second_edge = other._node
                if second.dtype is not dtype:
                    return _general(op, (input, other), {})
        except AttributeError:
            return _general(op, (input, other), {})
        if (dtype is not _float32 and dtype is not _float64) or (op.numpy is None and type(second) is not _ndarray):
            return _general(op, (input, other), {})
        try:
            result = op.forward(first, second)
        except ValueError:
            broadcast_shapes(first.shape, np.shape(second), operation=op.name)
            raise
        if type(result) is not _ndarray:
            result = np.asarray(result)
        if (first_edge is None and second_edge is None) or not mode.enabled or not op.differentiable:
            return wrap(result, None)
        mask = 1 if second_edge is None else 2 if first_edge is None else 3
        plan = plans.get(mask) or op.plan(mask, 2)
        return _record(plan, (input, other), (first, second), result, (), _NO_PARAMETERS, (first_edge, second_edge))

    return call


def _many(op: Elementwise) -> Callable[..., Tensor]:
    operands = op.operands
    parameters = op.parameters
    defaults = op.formula.__kwdefaults__ or {}

    def call(*arguments: Any, **named: Any) -> Tensor:
        if len(arguments) == len(operands) and not named and not parameters:
            return _general(op, arguments, {})
        values = list(arguments)
        order = (*operands, *parameters)
        if len(values) > len(order):
            raise TypeError(f"{op.name}() takes at most {len(order)} arguments, got {len(values)}")
        given = dict(zip(order, values, strict=False))
        for name, value in named.items():
            if name not in order or name in given:
                problem = "got twice" if name in given else "does not have"
                raise TypeError(f"{op.name}() {problem} the argument {name!r}; its arguments are {', '.join(order)}")
            given[name] = value
        for name in order:
            if name not in given:
                if name not in defaults:
                    raise TypeError(f"{op.name}() needs the argument {name!r}")
                given[name] = defaults[name]
        for name in parameters:
            if not isinstance(given[name], _SCALARS):
                given[name] = _as_number(op.name, name, given[name])
        return _general(op, [given[name] for name in operands], {name: given[name] for name in parameters})

    return call


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
    edges = tuple([operand._node if isinstance(operand, Tensor) else None for operand in converted])
    mask = 0
    for index, edge in enumerate(edges):
        if edge is not None:
            mask |= 1 << index
    if not mask or not mode.enabled or not op.differentiable:
        return wrap(result, None)
    return _record(op.plan(mask, len(edges)), converted, arrays, result, (), parameters, edges)


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


# --- declaring --------------------------------------------------------------------------------------------------


class Declaration:
    """What the decorators return: call it, or hang the rules of its derivative on it.

    Calling it with arrays only returns arrays; with a tensor among the operands it records.
    """

    def __init__(self, op: Op) -> None:
        self.op = op
        self.__name__ = op.name
        self.__doc__ = op.summary

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Tensor):
                tensors = [wrap(o, None) if isinstance(o, _ndarray) else o for o in operands]
                return apply(self.op, tensors, parameters)
        result = self.op.forward(*operands, **parameters)
        return result[0] if self.op.residuals else result

    def vjp(self, operand: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare the rule of one operand, or of all together: ``rule(cotangent, saved…)``."""

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            rule = Rule(function, names_of(function, skip=1))
            if operand is None:
                self.op.joint_rule = rule
            else:
                self.op.rules[self.op.operands.index(operand)] = rule
            return function

        return declare

    def derivative(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Declare, for a fused operation, its pullback in other operations over saved values."""
        assert isinstance(self.op, Fused)
        self.op.derivative = Rule(function, names_of(function, skip=1))
        return function

    def __repr__(self) -> str:
        return f"<operation {self.op.name}>"


def structural(
    name: str, *, samples: Samples | None = None, **fields: Any
) -> Callable[[Callable[..., Any]], Declaration]:
    """Declare a structural or linear operation by its array implementation; keyword-only arguments are parameters."""

    def declare(function: Callable[..., Any]) -> Declaration:
        operands, parameters, variadic = split_signature(function)
        return Declaration(
            Structural(
                name=name,
                summary=_summary(function),
                operands=operands,
                parameters=parameters,
                variadic=variadic,
                forward=function,
                samples=samples,
                **fields,
            )
        )

    return declare


def fused(
    name: str, *, forward: Callable[..., Any], samples: Samples | None = None, **fields: Any
) -> Callable[[Callable[..., Any]], Declaration]:
    """Declare a fused operation by the composition that defines it, with the kernel `forward` that computes it."""

    def declare(function: Callable[..., Any]) -> Declaration:
        operands, parameters, variadic = split_signature(function)
        return Declaration(
            Fused(
                name=name,
                summary=_summary(function),
                operands=operands,
                parameters=parameters,
                variadic=variadic,
                forward=forward,
                composition=function,
                samples=samples,
                **fields,
            )
        )

    return declare


class ElementwiseFunction:
    """Typing only: an elementwise operation as users call it, with ``partial`` to declare its derivatives."""

    op: Elementwise
    __name__: str

    def __call__(self, *operands: Any, **parameters: Any) -> Tensor:
        raise NotImplementedError

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
            summary=_summary(formula),
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


def _summary(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


def attach(name: str, function: Callable[..., Any]) -> None:
    """Make `function`, whose first argument is a tensor, the Tensor method `name`."""
    if name in Tensor.__dict__:
        raise ValueError(f"Tensor has a method {name!r} already")
    setattr(Tensor, name, function)


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

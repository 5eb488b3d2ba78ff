"""What operations are tried with: operands drawn from domains, or an operation's own samples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..op import Elementwise, Op
from ..tensor import Tensor, wrap

# Longer than any vector register and a multiple of none, so that a kernel's main loop and its remainder both run.
LONG = 1003


@dataclass(frozen=True, slots=True)
class Case:
    """One set of arguments.

    Attributes:
        label: what the arguments are.
        operands: arrays, or whatever else the operation takes for an operand.
        parameters: its other arguments.
        positions: the operands that require gradients.
        second_order: whether derivatives of gradients are checked on it.
        values_only: whether only its values are compared, since derivatives at special values may not exist.
    """

    label: str
    operands: tuple[Any, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    positions: tuple[int, ...] = ()
    second_order: bool = False
    values_only: bool = False

    def tensors(self, require: bool = True) -> list[Any]:
        """The operands as tensors with memory of their own, in the strides they were drawn with."""
        made: list[Any] = []
        for position, operand in enumerate(self.operands):
            if isinstance(operand, np.ndarray):
                # Tensor() would make them contiguous, and strides are part of the case.
                tensor = wrap(operand.copy(order="K"), None)
                if require and position in self.positions:
                    tensor.requires_grad_()
                made.append(tensor)
            else:
                made.append(operand)
        return made


def cases_of(op: Op, random: np.random.Generator) -> Iterator[Case]:
    """Every case of an operation; none if it says nothing about what it takes."""
    if op.samples is not None:
        for sample in op.samples(random):
            operands = tuple(_as_operand(operand) for operand in sample.operands)
            positions = _differentiable(op, operands)
            label = sample.label or describe(operands)
            yield Case(label, operands, sample.parameters, positions, second_order=True)
            if len(positions) > 1 and not op.joint_rule:
                for position in positions:
                    only = f"{label}, only {op.operands[position]}"
                    yield Case(only, operands, sample.parameters, (position,))
    elif isinstance(op, Elementwise):
        yield from _elementwise_cases(op, random)


def _as_operand(operand: Any) -> Any:
    return np.asarray(operand) if isinstance(operand, (np.ndarray, np.generic, Tensor)) else operand


def _differentiable(op: Op, operands: Sequence[Any]) -> tuple[int, ...]:
    """The floating operands that some rule covers."""
    return tuple(
        position
        for position, operand in enumerate(operands)
        if isinstance(operand, np.ndarray)
        and operand.dtype.kind == "f"
        and (op.joint_rule is not None or op.variadic or position in op.rules)
    )


def describe(operands: Sequence[Any]) -> str:
    """Shapes and numbers, as in ``(3,1) × (1,4)``."""
    return " × ".join(
        str(operand.shape).replace(" ", "") if isinstance(operand, np.ndarray) else repr(operand)
        for operand in operands
    )


def _elementwise_cases(op: Elementwise, random: np.random.Generator) -> Iterator[Case]:
    count = len(op.operands)
    parameters = default_parameters(op)

    def draw(*shapes: tuple[int, ...]) -> tuple[Any, ...]:
        # A 0-d draw of booleans is a NumPy scalar.
        return tuple(np.asarray(domain.draw(random, shape)) for domain, shape in zip(op.domains, shapes, strict=True))

    def case(note: str, operands: tuple[Any, ...], given: dict[str, Any] = parameters, **options: Any) -> Case:
        label = describe(operands) + (f", {note}" if note else "")
        return Case(label, operands, given, options.pop("positions", _differentiable(op, operands)), **options)

    yield case("", draw(*((2, 3),) * count), second_order=True)
    yield case("0-d", draw(*((),) * count), second_order=True)
    yield case("empty", draw(*((0, 3),) * count))
    yield case("long", draw(*((LONG,),) * count))
    yield case("transposed", tuple(array.T for array in draw(*((3, 2),) * count)))
    if count > 1:
        shapes = ((3, 1), (1, 4), (4,))
        yield case("", draw(*(shapes[min(position, 2)] for position in range(count))), second_order=True)
        yield case("", draw((), *((3,),) * (count - 1)))
        floating = _differentiable(op, draw(*((2,),) * count))
        for position in floating if len(floating) > 1 else ():
            operands = draw(*((2, 3),) * count)
            yield case(f"only {op.operands[position]}", operands, positions=(position,))
            numbers = tuple(
                float(array.flat[0]) if place != position and place in floating else array
                for place, array in enumerate(operands)
            )
            yield case("numbers", numbers)
    changed = _other_parameters(op, parameters)
    if changed != parameters:
        note = ", ".join(f"{name}={value:g}" for name, value in changed.items() if isinstance(value, float))
        yield case(note, draw(*((2, 3),) * count), changed)
    if op.special and op.domains[0].kind != "bool":
        first = np.array(op.special, np.float64)
        yield case("special values", (first, *draw(*((first.size,),) * count)[1:]), values_only=True)


def default_parameters(op: Elementwise) -> dict[str, Any]:
    """The values an elementwise operation's parameters have if nothing is said."""
    found = inspect.signature(op.formula).parameters
    missing = [name for name in op.parameters if found[name].default is inspect.Parameter.empty]
    if missing:
        raise ValueError(
            f"the parameters {', '.join(missing)} of '{op.name}' have no default and it declares no samples"
        )
    return {name: found[name].default for name in op.parameters}


def _other_parameters(op: Elementwise, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters other than the defaults, unless kinks lie where the defaults put them."""
    if any(kink != 0 for domain in op.domains for kink in domain.kinks):
        return parameters
    return {
        name: value * 0.75 + 0.125 if type(value) is float and np.isfinite(value) else value
        for name, value in parameters.items()
    }

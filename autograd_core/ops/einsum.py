"""Sums of products in index notation, and the products that are special cases of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..broadcasting import Shape, normalize_dim
from ..declaration import attach, structural
from ..dispatch import as_tensor_operand, cast
from ..op import Sample
from ..recording import apply
from ..tensor import Tensor
from .linear_maps import expand_primitive, gather_primitive, permute_primitive, reshape_primitive

Labels = tuple[int, ...]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@structural(
    "einsum",
    samples=lambda random: [
        Sample(
            (random.standard_normal((2, 3)), random.standard_normal((3, 4))),
            {"inputs": ((0, 1), (1, 2)), "output": (0, 2)},
        ),
        Sample(
            (random.standard_normal((2, 3)), random.standard_normal((1, 3, 2)), random.standard_normal(2)),
            {"inputs": ((0, 1), (2, 1, 3), (2,)), "output": (3, 0)},
        ),
        Sample((random.standard_normal((2, 3)),), {"inputs": ((0, 1),), "output": (1,)}),
    ],
)
def einsum_primitive(*operands: np.ndarray, inputs: tuple[Labels, ...], output: Labels) -> np.ndarray:
    """Sum of products over labelled dimensions; no operand repeats a label."""
    # NumPy has 52 labels; ours are unbounded, because an ellipsis gets its own.
    known: dict[int, int] = {}
    interleaved: list[Any] = []
    for operand, labels in zip(operands, inputs, strict=True):
        interleaved += [operand, [known.setdefault(label, len(known)) for label in labels]]
    return np.asarray(np.einsum(*interleaved, [known[label] for label in output], optimize="greedy"))


@einsum_primitive.vjp()
def _(
    cotangent: Any,
    operands: tuple[Any, ...],
    shapes: tuple[Shape, ...],
    needs: tuple[bool, ...],
    inputs: tuple[Labels, ...],
    output: Labels,
) -> list[Any]:
    pulled: list[Any] = []
    for position, needed in enumerate(needs):
        if not needed:
            pulled.append(None)
            continue
        others = [p for p in range(len(inputs)) if p != position]
        available = set(output).union(*(inputs[p] for p in others))
        own = inputs[position]
        kept = tuple(label for label in own if label in available)
        part = einsum_primitive(
            cotangent,
            *[operands[p] for p in others],
            inputs=(output, *[inputs[p] for p in others]),
            output=kept,
        )
        # A label that stands in this operand alone, or elsewhere with size 1 only, was summed: its cotangent is the
        # same everywhere.
        sizes = dict(zip(kept, part.shape, strict=True))
        found = tuple(sizes.get(label, 1) for label in own)
        full = tuple(size if size != 1 else wanted for size, wanted in zip(found, shapes[position], strict=True))
        if kept != own:
            part = reshape_primitive(part, shape=found)
        if full != found:
            part = expand_primitive(part, shape=full)
        pulled.append(part)
    return pulled


def _parse(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Labels as numbers for each operand and for the result; ellipses become labels from 52 on."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {equation!r} names {len(terms)} operands, but {len(ranks)} were given")
    number = {letter: index for index, letter in enumerate(_LETTERS)}
    most = 0
    inputs: list[Labels] = []
    covered: list[int] = []
    for term, rank in zip(terms, ranks, strict=True):
        named = len(term.replace("...", "", 1))
        dots = rank - named if "..." in term else 0
        if dots < 0 or ("..." not in term and named != rank):
            raise ValueError(f"einsum: the term {term!r} of {equation!r} does not fit an operand of {rank} dimensions")
        covered.append(dots)
        most = max(most, dots)
    for term, dots in zip(terms, covered, strict=True):
        inputs.append(_labels(term, range(52 + most - dots, 52 + most), number, equation))
    if arrow:
        output = _labels(right, range(52, 52 + most) if "..." in right else range(0), number, equation)
        if len(set(output)) != len(output) or not set(output) <= {label for labels in inputs for label in labels}:
            raise ValueError(f"einsum: the result {right!r} of {equation!r} repeats a label or names an unknown one")
    else:
        flat = [label for labels in inputs for label in labels]
        single = sorted(label for label in set(flat) if label < 52 and flat.count(label) == 1)
        output = (*range(52, 52 + most), *single)
    return inputs, output


def _labels(term: str, dots: range, number: dict[str, int], equation: str) -> Labels:
    before, ellipsis, after = term.partition("...")
    try:
        return (*(number[c] for c in before), *(dots if ellipsis else ()), *(number[c] for c in after))
    except KeyError as unknown:
        raise ValueError(f"einsum: {equation!r} holds {unknown}, which is no label") from None


def _diagonal(operand: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Take diagonals until no label repeats."""
    for label in dict.fromkeys(labels):
        where = [axis for axis, own in enumerate(labels) if own == label]
        if len(where) == 1:
            continue
        sizes = {operand.shape[axis] for axis in where}
        if len(sizes) != 1:
            raise ValueError(f"einsum: a repeated label stands for dimensions of sizes {sorted(sizes)}")
        rest = [axis for axis in range(operand.ndim) if axis not in where]
        moved = permute_primitive(operand, dims=(*where, *rest))
        index = (np.arange(sizes.pop()),) * len(where)
        operand = gather_primitive(moved, index=index)
        labels = (label, *(labels[axis] for axis in rest))
    return operand, labels


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sum of products of the operands' elements, by Einstein's convention.

    Args:
        equation: terms of letters separated by commas, with ``->`` and the result's letters, or without for those
            that occur once, in alphabetical order; ``...`` stands for broadcast dimensions; a letter that repeats in
            a term takes its diagonal.
        operands: tensors, or one sequence of them.

    Raises:
        ValueError: if the equation does not fit the operands.

    Example:
        >>> import autograd_core as ag
        >>> ag.einsum("ij,j->i", ag.eye(2), ag.tensor([3.0, 4.0]))
        tensor([3., 4.])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum: at least one operand is needed")
    tensors = _one_dtype(operands, "einsum")
    inputs, output = _parse(equation, [tensor.ndim for tensor in tensors])
    taken = [_diagonal(tensor, labels) for tensor, labels in zip(tensors, inputs, strict=True)]
    sizes: dict[int, int] = {}
    for tensor, labels in taken:
        for label, size in zip(labels, tensor.shape, strict=True):
            if size != 1 and sizes.setdefault(label, size) != size:
                shapes = ", ".join(str(t.shape) for t in tensors)
                raise ValueError(
                    f"einsum: {equation!r} gives one label the sizes {sizes[label]} and {size}; shapes {shapes}"
                )
    result: Tensor = apply(
        einsum_primitive.op,
        [tensor for tensor, _ in taken],
        {"inputs": tuple(labels for _, labels in taken), "output": tuple(output)},
    )
    return result


def _one_dtype(operands: Sequence[Any], operation: str) -> list[Tensor]:
    tensors = [as_tensor_operand(operand, operation) for operand in operands]
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = dtypes.promote(dtype, tensor.dtype)
    return [cast(tensor, dtype) for tensor in tensors]


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Contract the last `dims` dimensions of `a` with the first of `b`, or the listed pairs of dimensions.

    Raises:
        ValueError: if the contracted sizes differ.
    """
    a, b = _one_dtype((a, b), "tensordot")
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: dims {dims} does not fit shapes {a.shape} and {b.shape}")
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first = [normalize_dim(d, a.ndim, "tensordot") for d in dims[0]]
        second = [normalize_dim(d, b.ndim, "tensordot") for d in dims[1]]
    if [a.shape[d] for d in first] != [b.shape[d] for d in second]:
        raise ValueError(f"tensordot: dims {first} and {second} of shapes {a.shape} and {b.shape} differ in size")
    left = list(range(a.ndim))
    right = [a.ndim + axis for axis in range(b.ndim)]
    for one, other in zip(first, second, strict=True):
        right[other] = left[one]
    output = [label for label in left if left.index(label) not in first]
    output += [label for axis, label in enumerate(right) if axis not in second]
    result: Tensor = apply(
        einsum_primitive.op, (a, b), {"inputs": (tuple(left), tuple(right)), "output": tuple(output)}
    )
    return result


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Contract the last dimensions; with a 0-d operand the plain product."""
    input, other = _one_dtype((input, other), "inner")
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of the elements of two vectors, shape (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ValueError(f"outer: expected vectors, got shapes {input.shape} and {vec2.shape}")
    return input.reshape(-1, 1) * vec2


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: blocks of `other` scaled by the elements of `input`."""
    rank = max(input.ndim, other.ndim)
    first = (1,) * (rank - input.ndim) + input.shape
    second = (1,) * (rank - other.ndim) + other.shape
    left = input.reshape(*[size for n in first for size in (n, 1)])
    right = other.reshape(*[size for n in second for size in (1, n)])
    return (left * right).reshape(*[n * m for n, m in zip(first, second, strict=True)])


for _function in (inner, outer, kron):
    attach(_function.__name__, _function)

__all__ = ["einsum", "inner", "kron", "outer", "tensordot"]

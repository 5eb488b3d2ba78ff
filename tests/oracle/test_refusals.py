"""Wrong arguments raise in both libraries."""

from __future__ import annotations

from typing import Any

import pytest

import autograd_core as ag
from tests.oracle.libraries import namespace, torch

pytestmark = pytest.mark.torch


def made(library: Any, *shape: int, dtype: str = "float32") -> Any:
    return library.ones(*shape, dtype=getattr(library, dtype))


REFUSED: dict[str, Any] = {
    "add of shapes that do not broadcast": lambda library: made(library, 2, 3) + made(library, 4),
    "where of shapes that do not broadcast": lambda library: library.where(
        made(library, 2) > 0, made(library, 2), made(library, 3)
    ),
    "sum of a dimension out of range": lambda library: made(library, 2, 3).sum(dim=2),
    "sum of a negative one": lambda library: made(library, 2, 3).sum(dim=-3),
    "sum of a dimension twice": lambda library: made(library, 2, 3).sum(dim=(0, 0)),
    "sum of a dimension twice, once negative": lambda library: made(library, 2, 3).sum(dim=(1, -1)),
    "sum of a float dimension": lambda library: made(library, 2, 3).sum(dim=1.0),
    "mean of integers": lambda library: made(library, 2, dtype="int64").mean(),
    "var of integers": lambda library: made(library, 2, dtype="int64").var(),
    "max of nothing": lambda library: library.max(made(library, 0)),
    "amax along a dimension of nothing": lambda library: library.amax(made(library, 0, 3), dim=0),
    "max along a dimension of nothing": lambda library: library.max(made(library, 0, 3), dim=0),
    "argmax of nothing": lambda library: library.argmax(made(library, 0)),
    "argmax along a dimension of nothing": lambda library: library.argmax(made(library, 2, 0), dim=1),
    "argmax of two dimensions": lambda library: library.argmax(made(library, 2, 2), dim=(0, 1)),
    "reshape to another size": lambda library: made(library, 2, 3).reshape(4),
    "reshape with two unknowns": lambda library: made(library, 2, 3).reshape(-1, -1),
    "reshape that does not divide": lambda library: made(library, 2, 3).reshape(4, -1),
    "reshape with an unknown beside 0": lambda library: made(library, 0, 3).reshape(0, -1),
    "reshape with -2": lambda library: made(library, 2, 3).reshape(-2, 3),
    "view of a transpose": lambda library: made(library, 2, 3).t().view(6),
    "t of three dimensions": lambda library: made(library, 2, 3, 4).t(),
    "permute of too few": lambda library: made(library, 2, 3).permute(0),
    "permute with a repeat": lambda library: made(library, 2, 3).permute(0, 0),
    "transpose out of range": lambda library: made(library, 2, 3).transpose(0, 2),
    "movedim of unequal counts": lambda library: made(library, 2, 3).movedim((0, 1), (0,)),
    "unsqueeze out of range": lambda library: made(library, 2).unsqueeze(3),
    "squeeze out of range": lambda library: made(library, 2).squeeze(1),
    "expand of another size": lambda library: made(library, 2).expand(3),
    "expand to fewer dimensions": lambda library: made(library, 2, 2).expand(2),
    "expand with -1 in front": lambda library: made(library, 2).expand(-1, 2),
    "cat of nothing": lambda library: library.cat([]),
    "cat of other sizes": lambda library: library.cat([made(library, 2, 3), made(library, 2, 4)]),
    "cat of other ranks": lambda library: library.cat([made(library, 2, 3), made(library, 2)]),
    "cat of 0-d": lambda library: library.cat([made(library), made(library)]),
    "cat out of range": lambda library: library.cat([made(library, 2)], dim=1),
    "cat of a tensor": lambda library: library.cat(made(library, 2)),
    "stack of other shapes": lambda library: library.stack([made(library, 2), made(library, 3)]),
    "stack of nothing": lambda library: library.stack([]),
    "split of a wrong sum": lambda library: made(library, 5).split([2, 2]),
    "split into 0": lambda library: made(library, 5).split(-1),
    "chunk into 0": lambda library: made(library, 5).chunk(0),
    "narrow out of range": lambda library: made(library, 5).narrow(0, 3, 3),
    "narrow of a negative length": lambda library: made(library, 5).narrow(0, 3, -1),
    "flatten backwards": lambda library: made(library, 2, 3).flatten(1, 0),
    "index out of range": lambda library: made(library, 2)[2],
    "negative index out of range": lambda library: made(library, 2)[-3],
    "too many indices": lambda library: made(library, 2)[0, 0],
    "float index": lambda library: made(library, 2)[1.0],
    "float tensor as index": lambda library: made(library, 2)[made(library, 1)],
    "array index out of range": lambda library: made(library, 2)[library.tensor([0, 2])],
    "mask of another size": lambda library: made(library, 2)[library.tensor([True, False, True])],
    "two ellipses": lambda library: made(library, 2, 2)[..., ...] if library is ag else made(library, 2)[0, 0],
    "index of 0-d": lambda library: made(library)[0],
    "matmul that does not fit": lambda library: made(library, 2, 3) @ made(library, 2, 3),
    "matmul of 0-d": lambda library: made(library) @ made(library, 2),
    "matmul of batches that do not broadcast": lambda library: made(library, 2, 3, 4) @ made(library, 3, 4, 2),
    "mm of three dimensions": lambda library: made(library, 1, 2, 3).mm(made(library, 3, 2)),
    "mv of a matrix": lambda library: made(library, 2, 3).mv(made(library, 3, 2)),
    "bmm of matrices": lambda library: made(library, 2, 3).bmm(made(library, 3, 2)),
    "dot of matrices": lambda library: made(library, 2, 3).dot(made(library, 2, 3)),
    "softmax of integers": lambda library: library.softmax(made(library, 2, dtype="int64"), 0),
    "softmax out of range": lambda library: library.softmax(made(library, 2), 1),
    "item of several": lambda library: made(library, 2).item(),
    "truth of several": lambda library: bool(made(library, 2)),
    "float of several": lambda library: float(made(library, 2)),
    "length of 0-d": lambda library: len(made(library)),
    "iteration over 0-d": lambda library: list(made(library)),
    "requires_grad of integers": lambda library: library.tensor([1], requires_grad=True),
    "ragged": lambda library: library.tensor([[1], [1, 2]]),
    "text": lambda library: library.tensor("text"),
    "none": lambda library: library.tensor(None),
    "negative size": lambda library: library.zeros(-1),
    "arange that leads away": lambda library: library.arange(1, 0),
    "arange of step 0": lambda library: library.arange(0, 1, 0),
    "linspace of a negative count": lambda library: library.linspace(0, 1, -1),
    "minus a bool tensor": lambda library: -made(library, 2, dtype="bool_" if library is ag else "bool"),
    "subtraction of bool tensors": lambda library: (made(library, 2) > 0) - (made(library, 2) > 0),
    "and of floats": lambda library: made(library, 2) & made(library, 2),
    "add of a text": lambda library: made(library, 2) + "a",
    "maximum with a number": lambda library: library.maximum(made(library, 2), "1"),
    "cross_entropy of other rows": lambda library: namespace(library).cross_entropy(
        made(library, 3, 2), library.tensor([0, 1])
    ),
    "cross_entropy target out of range": lambda library: namespace(library).cross_entropy(
        made(library, 2, 2), library.tensor([0, 2])
    ),
    "cross_entropy negative target": lambda library: namespace(library).cross_entropy(
        made(library, 2, 2), library.tensor([0, -1])
    ),
    "cross_entropy reduction": lambda library: namespace(library).cross_entropy(
        made(library, 2, 2), library.tensor([0, 1]), reduction="median"
    ),
    "cross_entropy smoothing": lambda library: namespace(library).cross_entropy(
        made(library, 2, 2), library.tensor([0, 1]), label_smoothing=1.5
    ),
    "cross_entropy weight": lambda library: namespace(library).cross_entropy(
        made(library, 2, 2), library.tensor([0, 1]), weight=made(library, 3)
    ),
    "bce of another shape": lambda library: namespace(library).binary_cross_entropy_with_logits(
        made(library, 2, 2), made(library, 2)
    ),
    "linear that does not fit": lambda library: namespace(library).linear(made(library, 2, 3), made(library, 4, 2)),
    "batch_norm of one value": lambda library: namespace(library).batch_norm(
        made(library, 1, 3), None, None, training=True
    ),
    "batch_norm without statistics": lambda library: namespace(library).batch_norm(
        made(library, 2, 3), None, None, training=False
    ),
    "dropout out of range": lambda library: namespace(library).dropout(made(library, 2), 1.5),
    "backward of several": lambda library: library.ones(2, requires_grad=True).backward(),
    "backward without history": lambda library: made(library, 1).backward(),
    "requires_grad of a result turned off": lambda library: (library.ones(2, requires_grad=True) * 2).requires_grad_(
        False
    ),
    "numpy of a tensor in the graph": lambda library: library.ones(2, requires_grad=True).numpy(),
    "in-place on a leaf": lambda library: library.ones(2, requires_grad=True).add_(1),
    "in-place that grows": lambda library: made(library, 2).add_(made(library, 2, 2)),
}


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_raise_in_both(attempt: Any) -> None:
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError, AttributeError)):
        attempt(torch)
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)) as caught:
        attempt(ag)
    assert str(caught.value)
    assert not isinstance(caught.value, (AssertionError, NotImplementedError))

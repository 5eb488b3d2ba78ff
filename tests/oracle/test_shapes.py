"""Changes of shape, joining and splitting against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.oracle.libraries import CUBE, EMPTY, MATRIX, SCALAR, VECTOR, compare, table

pytestmark = pytest.mark.torch


SHAPES: dict[str, Any] = {
    "reshape": (lambda library, x: x.reshape(4, 6), CUBE),
    "reshape -1": (lambda library, x: library.reshape(x, (-1, 4)), CUBE),
    "reshape to 0-d": (lambda library, x: x.reshape(()), VECTOR[:1]),
    "reshape of 0-d": (lambda library, x: x.reshape(1, 1), SCALAR),
    "reshape of empty": (lambda library, x: x.reshape(3, 0), EMPTY),
    "reshape of a transpose": (lambda library, x: x.transpose(0, 1).reshape(-1), MATRIX),
    "view": (lambda library, x: x.view(6, 4), CUBE),
    "view of a slice": (lambda library, x: x[:, 1:3].view(2, 8), CUBE),
    "flatten": (lambda library, x: x.flatten(), CUBE),
    "flatten from 1": (lambda library, x: library.flatten(x, 1), CUBE),
    "flatten inner": (lambda library, x: library.flatten(x, 0, 1), CUBE),
    "flatten of 0-d": (lambda library, x: x.flatten(), SCALAR),
    "unflatten": (lambda library, x: x.unflatten(2, (2, -1)), CUBE),
    "squeeze": (lambda library, x: x.squeeze(), CUBE[:1, :, :1]),
    "squeeze dim": (lambda library, x: x.squeeze(0), CUBE[:1, :, :1]),
    "squeeze dims": (lambda library, x: x.squeeze((0, 2)), CUBE[:1, :, :1]),
    "squeeze of another size": (lambda library, x: x.squeeze(1), CUBE),
    "squeeze of 0-d": (lambda library, x: x.squeeze(0), SCALAR),
    "unsqueeze 0": (lambda library, x: x.unsqueeze(0), MATRIX),
    "unsqueeze -1": (lambda library, x: library.unsqueeze(x, -1), MATRIX),
    "unsqueeze of 0-d": (lambda library, x: x.unsqueeze(0), SCALAR),
    "unsqueeze of empty": (lambda library, x: x.unsqueeze(1), EMPTY),
    "permute": (lambda library, x: x.permute(2, 0, 1), CUBE),
    "permute of a tuple": (lambda library, x: library.permute(x, (-1, 0, 1)), CUBE),
    "permute of 0-d": (lambda library, x: x.permute(()), SCALAR),
    "transpose": (lambda library, x: x.transpose(0, -1), CUBE),
    "t": (lambda library, x: x.t(), MATRIX),
    "t of a vector": (lambda library, x: x.t(), VECTOR),
    "T": (lambda library, x: x.T, MATRIX),
    "mT": (lambda library, x: x.mT, CUBE),
    "movedim": (lambda library, x: library.movedim(x, 0, -1), CUBE),
    "movedim of two": (lambda library, x: x.movedim((0, 1), (2, 0)), CUBE),
    "expand": (lambda library, x: x.expand(3, 5), VECTOR),
    "expand -1": (lambda library, x: x.expand(2, -1, 4), MATRIX[:, :1]),
    "expand of 0-d": (lambda library, x: x.expand(2, 3), SCALAR),
    "expand to nothing": (lambda library, x: x.expand(0, 3), MATRIX[:1, :3]),
    "expand_as": (lambda library, x, y: x.expand_as(y), MATRIX[:1], MATRIX),
    "broadcast_to": (lambda library, x: library.broadcast_to(x, (2, 3, 4)), MATRIX),
    "broadcast_tensors": (lambda library, x, y: library.broadcast_tensors(x, y), MATRIX[:1], MATRIX[:, :1]),
    "cat": (lambda library, x, y: library.cat([x, y]), MATRIX, MATRIX[:1]),
    "cat -1": (lambda library, x, y: library.cat((x, y), dim=-1), MATRIX, MATRIX[:, :2]),
    "cat of one": (lambda library, x: library.cat([x]), MATRIX),
    "cat with itself": (lambda library, x: library.cat([x, x, x], dim=1), MATRIX),
    "cat with an empty one": (lambda library, x, y: library.cat([x, y], dim=0), MATRIX, MATRIX[:0]),
    "cat with 1-d empty": (lambda library, x, y: library.cat([y, x], dim=1), MATRIX, VECTOR[:0]),
    "cat of empty ones": (lambda library, x: library.cat([x, x], dim=1), EMPTY),
    "cat of two dtypes": (lambda library, x, y: library.cat([x, y]), VECTOR, VECTOR.astype(np.float32)),
    "cat of integers and floats": (lambda library, x: library.cat([x, x.detach().to(library.int64)]), VECTOR),
    "stack": (lambda library, x, y: library.stack([x, y]), MATRIX, MATRIX[::-1].copy()),
    "stack 1": (lambda library, x, y: library.stack([x, y], dim=1), MATRIX, MATRIX[::-1].copy()),
    "stack -1": (lambda library, x: library.stack([x, x], dim=-1), MATRIX),
    "stack of 0-d": (lambda library, x, y: library.stack([x, y]), SCALAR, np.array(1.7)),
    "split": (lambda library, x: library.functional.split(x, 2) if library is not ag else x.split(2), VECTOR),
    "split sections": (lambda library, x: x.split([1, 0, 3], dim=1), MATRIX),
    "split of a negative dim": (lambda library, x: x.split(3, dim=-1), MATRIX),
    "split larger than the size": (lambda library, x: x.split(9, dim=1), MATRIX),
    "split of empty": (lambda library, x: x.split(2), EMPTY),
    "chunk": (lambda library, x: x.chunk(3, dim=1), MATRIX),
    "chunk into more than there are": (lambda library, x: x.chunk(7), VECTOR),
    "narrow": (lambda library, x: x.narrow(1, 1, 2), MATRIX),
    "narrow from the end": (lambda library, x: x.narrow(0, -2, 2), MATRIX),
    "narrow to nothing": (lambda library, x: x.narrow(0, 3, 0), MATRIX),
    "clone": (lambda library, x: library.clone(x), CUBE),
    "contiguous": (lambda library, x: x.T.contiguous(), MATRIX),
    "to float32": (lambda library, x: x.to(library.float32), MATRIX),
    "float and back": (lambda library, x: x.float().double(), MATRIX),
    "long": (lambda library, x: x.long(), MATRIX),
    "bool": (lambda library, x: x.bool(), MATRIX),
    "iteration": (lambda library, x: list(x), MATRIX),
}


@table(SHAPES)
def test_shapes(case: Any) -> None:
    function, *operands = case
    compare(function, *operands)

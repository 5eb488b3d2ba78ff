"""Reductions against PyTorch, with the variants of their arguments."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.oracle.libraries import CUBE, DISTINCT, EMPTY, MATRIX, SCALAR, compare, table

pytestmark = pytest.mark.torch


REDUCTIONS: dict[str, Any] = {}
for _name in ("sum", "mean", "var", "std", "amax", "amin"):
    for _dim, _keepdim in itertools.product((0, 1, -1, (0, 2), (2, 0), (-1, 0), (0, 1, 2)), (False, True)):
        REDUCTIONS[f"{_name} dim={_dim} keepdim={_keepdim}"] = (
            lambda library, x, name=_name, dim=_dim, keepdim=_keepdim: getattr(library, name)(
                x, dim=dim, keepdim=keepdim
            ),
            DISTINCT,
        )
    REDUCTIONS[f"{_name} of everything"] = (lambda library, x, name=_name: getattr(library, name)(x), DISTINCT)
    REDUCTIONS[f"{_name} method"] = (lambda library, x, name=_name: getattr(x, name)(1), DISTINCT)
for _name in ("sum", "mean", "amax", "amin"):
    REDUCTIONS[f"{_name} of 0-d"] = (lambda library, x, name=_name: getattr(library, name)(x), SCALAR)
    REDUCTIONS[f"{_name} of 0-d, dim=0"] = (lambda library, x, name=_name: getattr(library, name)(x, dim=0), SCALAR)
    REDUCTIONS[f"{_name} of 0-d, dim=-1"] = (lambda library, x, name=_name: getattr(library, name)(x, dim=-1), SCALAR)
for _name, _dim, _keepdim in itertools.product(("max", "min"), (0, 1, -1), (False, True)):
    REDUCTIONS[f"{_name} dim={_dim} keepdim={_keepdim}"] = (
        lambda library, x, name=_name, dim=_dim, keepdim=_keepdim: tuple(
            getattr(library, name)(x, dim=dim, keepdim=keepdim)
        ),
        DISTINCT,
    )
for _name, _dim, _keepdim in itertools.product(("argmax", "argmin"), (None, 0, -1), (False, True)):
    REDUCTIONS[f"{_name} dim={_dim} keepdim={_keepdim}"] = (
        lambda library, x, name=_name, dim=_dim, keepdim=_keepdim: getattr(library, name)(
            x.detach(), dim=dim, keepdim=keepdim
        ),
        DISTINCT,
    )
REDUCTIONS |= {
    "max of two": (lambda library, x, y: library.max(x, y), MATRIX, MATRIX[::-1].copy()),
    "max of everything": (lambda library, x: library.max(x), DISTINCT),
    "max of 0-d along": (lambda library, x: tuple(library.max(x, dim=0)), SCALAR),
    "named values": (lambda library, x: x.max(dim=1).values, DISTINCT),
    "sum of empty": (lambda library, x: library.sum(x), EMPTY),
    "sum of empty along 0": (lambda library, x: library.sum(x, dim=0), EMPTY),
    "sum of empty along 1": (lambda library, x: library.sum(x, dim=1), EMPTY),
    "mean of empty": (lambda library, x: library.mean(x), EMPTY),
    "mean of empty along 0": (lambda library, x: library.mean(x, dim=0), EMPTY),
    "amax of empty along 1": (lambda library, x: library.amax(x, dim=1), EMPTY),
    "sum dtype": (lambda library, x: library.sum(x, dim=0, dtype=library.float32), CUBE),
    "mean dtype": (lambda library, x: library.mean(x.to(library.float32), dtype=library.float64), CUBE),
    "sum of integers": (lambda library, x: library.sum(x.to(library.int32)), CUBE),
    "sum of bools": (lambda library, x: library.sum(x > 0, dim=1), CUBE),
    "amax of integers": (lambda library, x: library.amax(x.to(library.int32), dim=1), DISTINCT),
    "max of integers": (lambda library, x: tuple(library.max(x.to(library.int16), dim=1)), DISTINCT),
    "var of one": (lambda library, x: library.var(x, dim=0, correction=0), MATRIX[:1]),
    "var correction 0": (lambda library, x: library.var(x, dim=(0, 2), correction=0), CUBE),
    "var correction 2": (lambda library, x: library.var(x, dim=2, correction=2), CUBE),
    "std correction 0": (lambda library, x: library.std(x, correction=0), CUBE),
    "all": (lambda library, x: library.all(x > -1, dim=1), CUBE),
    "any": (lambda library, x: library.any(x > 1, dim=(0, 1), keepdim=True), CUBE),
    "all of empty": (lambda library, x: library.all(x > 0), EMPTY),
    "any of empty": (lambda library, x: library.any(x > 0), EMPTY),
}


@table(REDUCTIONS)
def test_reductions(case: Any) -> None:
    function, *operands = case
    compare(function, *operands)

"""Losses against PyTorch, with the variants of their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.oracle.libraries import MATRIX, compare, namespace, to_torch
from tests.strategies import FLOATS, constant

pytestmark = pytest.mark.torch


LOGITS = 3 * np.random.default_rng(7).standard_normal((6, 4))
LABELS = np.array([0, 3, -100, 1, 2, 1])
PROBABILITIES = np.random.default_rng(8).dirichlet(np.ones(4), 6)
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weight"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("target", [LABELS, PROBABILITIES], ids=["labels", "probabilities"])
def test_cross_entropy(target: np.ndarray, smoothing: float, weighted: bool, reduction: str, dtype: Any) -> None:
    def loss(library: Any, x: Any) -> Any:
        make = constant if library is ag else to_torch
        return namespace(library).cross_entropy(
            x,
            make(target.astype(dtype) if target.dtype.kind == "f" else target),
            weight=make(CLASS_WEIGHTS.astype(dtype)) if weighted else None,
            reduction=reduction,
            label_smoothing=smoothing,
        )

    compare(loss, LOGITS.astype(dtype))


@pytest.mark.parametrize("ignore_index", [-100, 1, 3])
def test_cross_entropy_ignores_an_index(ignore_index: int) -> None:
    target = np.array([0, 1, 3, 1, 2, 0])
    for reduction in ("none", "mean", "sum"):
        compare(
            lambda library, x, reduction=reduction: namespace(library).cross_entropy(
                x,
                (constant if library is ag else to_torch)(target),
                ignore_index=ignore_index,
                reduction=reduction,
                label_smoothing=0.2,
            ),
            LOGITS,
        )


@pytest.mark.parametrize(
    ("logits", "target"), [((4,), ()), ((2, 4, 3), (2, 3)), ((2, 4, 3, 2), (2, 3, 2)), ((0, 4), (0,)), ((3, 1), (3,))]
)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_cross_entropy_of_other_shapes(logits: Any, target: Any, reduction: str) -> None:
    generator = np.random.default_rng(9)
    x = generator.standard_normal(logits)
    classes = logits[0] if len(logits) == 1 else logits[1]
    labels = np.asarray(generator.integers(0, classes, target))
    soft = np.abs(generator.standard_normal(logits))
    for given in (labels, soft):
        compare(
            lambda library, x, given=given: namespace(library).cross_entropy(
                x, (constant if library is ag else to_torch)(given), reduction=reduction
            ),
            x,
            orders=2 if x.size else 1,
        )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weight"])
@pytest.mark.parametrize(
    ("shape", "target"),
    [((6, 4), LABELS), ((4,), np.array(3)), ((2, 4, 3), LABELS.reshape(2, 3)), ((0, 4), LABELS[:0])],
)
def test_nll_loss(shape: Any, target: np.ndarray, weighted: bool, reduction: str, dtype: Any) -> None:
    def loss(library: Any, x: Any) -> Any:
        make = constant if library is ag else to_torch
        weight = make(CLASS_WEIGHTS.astype(dtype)) if weighted else None
        return namespace(library).nll_loss(x, make(target), weight=weight, reduction=reduction)

    x = np.random.default_rng(10).standard_normal(shape).astype(dtype)
    compare(loss, x, orders=2 if x.size else 1)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weight"])
@pytest.mark.parametrize("positive", [False, True], ids=["", "pos_weight"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_with_logits(positive: bool, weighted: bool, reduction: str, dtype: Any) -> None:
    target = np.random.default_rng(1).random((6, 4)).astype(dtype)
    target[0], target[1] = 0, 1

    def loss(library: Any, x: Any) -> Any:
        make = constant if library is ag else to_torch
        return namespace(library).binary_cross_entropy_with_logits(
            x,
            make(target),
            weight=make(CLASS_WEIGHTS.astype(dtype)) if weighted else None,
            pos_weight=make(CLASS_WEIGHTS[::-1].astype(dtype).copy()) if positive else None,
            reduction=reduction,
        )

    compare(loss, LOGITS.astype(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_binary_cross_entropy_with_extreme_logits(dtype: Any) -> None:
    x = np.array([0.0, 50.0, -50.0, 1e4, -1e4, 100.0, -100.0], dtype)
    for target in (0.0, 0.3, 1.0):
        full = np.full(x.shape, target, dtype)
        compare(
            lambda library, x, full=full: namespace(library).binary_cross_entropy_with_logits(
                x, (constant if library is ag else to_torch)(full), reduction="none"
            ),
            x,
            orders=1,
        )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_mse_loss(reduction: str) -> None:
    compare(lambda library, x, y: namespace(library).mse_loss(x, y, reduction=reduction), MATRIX, MATRIX[::-1].copy())

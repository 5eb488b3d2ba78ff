"""Products, softmax, linear layers and batch normalisation against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from tests.oracle.libraries import CUBE, EMPTY, SCALAR, VECTOR, assert_same, compare, namespace, to_torch, torch
from tests.strategies import FLOATS, constant

pytestmark = pytest.mark.torch


PRODUCTS = {
    "vector vector": ((4,), (4,)),
    "vector matrix": ((4,), (4, 3)),
    "matrix vector": ((3, 4), (4,)),
    "matrix matrix": ((3, 4), (4, 2)),
    "batch matrix": ((2, 3, 4), (4, 2)),
    "matrix batch": ((3, 4), (2, 4, 2)),
    "batch batch": ((2, 3, 4), (2, 4, 2)),
    "batch broadcast": ((2, 1, 3, 4), (5, 4, 2)),
    "batch of one": ((1, 3, 4), (5, 4, 2)),
    "vector batch": ((4,), (2, 4, 3)),
    "batch vector": ((2, 3, 4), (4,)),
    "inner size 0": ((3, 0), (0, 2)),
    "outer size 0": ((0, 3), (3, 2)),
    "batch size 0": ((0, 3, 4), (0, 4, 2)),
    "vectors of size 0": ((0,), (0,)),
    "size 1": ((1, 1), (1, 1)),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shapes", PRODUCTS.values(), ids=PRODUCTS)
def test_matmul(shapes: Any, dtype: Any) -> None:
    generator = np.random.default_rng(0)
    first, second = (generator.standard_normal(shape).astype(dtype) for shape in shapes)
    compare(lambda library, x, y: x @ y, first, second)
    compare(lambda library, x, y: library.matmul(x, y), first, second)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_along_any_dimension(name: str, dtype: Any) -> None:
    cube = (4 * CUBE).astype(dtype)
    for dim in (0, 1, 2, -1, -3):
        compare(lambda library, x, dim=dim: getattr(library, name)(x, dim), cube)
        compare(lambda library, x, dim=dim: getattr(x, name)(dim=dim), cube)
    compare(lambda library, x: getattr(library, name)(x, 0), VECTOR.astype(dtype))
    compare(lambda library, x: getattr(library, name)(x, 0), SCALAR.astype(dtype))
    compare(lambda library, x: getattr(library, name)(x, 1), EMPTY.astype(dtype))
    compare(lambda library, x: getattr(library, name)(x, 0), EMPTY.astype(dtype))
    compare(lambda library, x: getattr(library, name)(x, -1, dtype=library.float64), cube)


@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 3, 4), (0, 4), (2, 0, 4)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_linear(shape: Any, dtype: Any) -> None:
    generator = np.random.default_rng(0)
    x, weight, bias = (generator.standard_normal(s).astype(dtype) for s in (shape, (3, 4), (3,)))
    compare(lambda library, *tensors: namespace(library).linear(*tensors), x, weight, bias)
    compare(lambda library, *tensors: namespace(library).linear(*tensors), x, weight)


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 5), (2, 3, 2, 4), (1, 3, 4)])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_batch_norm(affine: bool, training: bool, shape: Any, dtype: Any) -> None:
    generator = np.random.default_rng(2)
    x, weight, bias, mean = (generator.standard_normal(s).astype(dtype) for s in (shape, (3,), (3,), (3,)))
    variance = (generator.random(3) + 0.5).astype(dtype)
    running: dict[Any, Any] = {}

    def normalise(library: Any, x: Any, *parameters: Any) -> Any:
        running[library] = [(constant if library is ag else to_torch)(a.copy()) for a in (mean, variance)]
        return namespace(library).batch_norm(x, *running[library], *parameters, training=training, momentum=0.3)

    loose = 2048 * float(np.finfo(dtype).eps)
    operands = (x, weight, bias) if affine else (x,)
    compare(normalise, *operands, rtol=loose, atol=loose)
    for ours, theirs in zip(running[ag], running[torch], strict=True):
        assert_same(ours, theirs)

"""Every operation of the registry against PyTorch: values, dtypes, first and second gradients."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from autograd_core.op import REGISTRY, Elementwise, Op
from tests.oracle.counterparts import ADAPTED, COMPARED, ELEMENTWISE, OTHERS, WITHOUT_COUNTERPART, applied, each
from tests.oracle.libraries import assert_same, compare, to_torch, torch
from tests.strategies import FLOATS, LAYOUTS, call, constant, defaults, lay_out, samples

pytestmark = pytest.mark.torch


def test_no_operation_goes_without_an_oracle() -> None:
    """Whoever adds one names PyTorch's counterpart in its record or in counterparts.py, or says why there is none."""
    compared = {op.name for op in COMPARED}
    missing = [name for name in REGISTRY if name not in compared and name not in WITHOUT_COUNTERPART]
    assert not missing, f"operations that nothing is compared with: {', '.join(missing)}"
    assert all(WITHOUT_COUNTERPART.values())
    assert not set(WITHOUT_COUNTERPART) - set(REGISTRY)
    assert not set(ADAPTED) - set(REGISTRY)


@each(ELEMENTWISE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_elementwise_operation(op: Elementwise, dtype: Any) -> None:
    """Broadcasting, 0-d, empty and single elements; values, first and second gradients."""
    coarse = max(64 * float(np.finfo(dtype).eps), COARSE.get(op.name, 0))
    tolerances = {"rtol": coarse, "atol": coarse} if op.name in COARSE else {}
    for sample in samples(op, dtype):
        compare(applied(op, sample.parameters), *sample.operands, **tolerances)


@each(ELEMENTWISE)
@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "contiguous"])
def test_elementwise_operation_on_memory_that_is_not_contiguous(op: Elementwise, layout: str) -> None:
    generator = np.random.default_rng(3)
    arrays = [np.asarray(domain.draw(generator, (3, 4))) for domain in op.domains]
    result = call(op, [constant(lay_out(array, layout)) for array in arrays], defaults(op))
    expected = applied(op, defaults(op))(torch, *map(to_torch, arrays))
    assert_same(result, expected, rtol=COARSE.get(op.name))


INFINITE = (np.inf, -np.inf)
# Points where the values differ, and why.
SPECIAL_VALUES_DIFFER: dict[str, Any] = {
    "sign": (np.nan,),  # PyTorch: 0; here NaN in gives NaN out, as NumPy's sign does
    "i0": INFINITE,  # PyTorch: NaN, where the limit is infinite
    "i1": INFINITE,
    "trigamma": (-1.0, -1e30, *INFINITE),
    "polygamma": (-1.0, -1e30, *INFINITE),  # poles, where PyTorch's is finite, and infinities, where its limits differ
}
# Points where only the gradients do. At NaN every gradient is arbitrary, and none is compared.
SPECIAL_GRADIENTS_DIFFER: dict[str, Any] = {
    "softsign": (1e30, -1e30, *INFINITE),  # PyTorch squares the denominator, which overflows
    "digamma": (-1.0, -1e30),  # poles, where PyTorch's trigamma is finite
    "lgamma": (-1.0, -1e30),
    "trigamma": (-1.0, -1e30),
    "logit": (0.0, -0.0),  # the sign of an infinity
    "acosh": (-1.0,),
    "sinc": (1e-9, 1e-30),  # PyTorch: 0, for want of digits
}
# PyTorch's own accuracy in double precision where it is less than what is asked of everything else.
COARSE: dict[str, float] = {
    "digamma": 1e-8,
    "lgamma": 1e-8,
    "polygamma": 1e-8,
    "trigamma": 1e-8,
    "hardsigmoid": 1e-6,
    "hardswish": 1e-6,
}
EXTREMES = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan)


@each([op for op in ELEMENTWISE if len(op.operands) == 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values(op: Elementwise, dtype: Any) -> None:
    """The values and gradients at kinks, poles, saturation, infinities and NaN."""
    tolerance = max(float(np.finfo(dtype).eps) * 64, COARSE.get(op.name, 0))
    for value in (*op.special, *EXTREMES):
        if not _among(value, SPECIAL_VALUES_DIFFER.get(op.name, ())):
            orders = int(not np.isnan(value) and not _among(value, SPECIAL_GRADIENTS_DIFFER.get(op.name, ())))
            compare(applied(op, defaults(op)), np.array([value], dtype), orders=orders, rtol=tolerance)


def _among(value: float, values: Any) -> bool:
    return any(value == other or (value != value and other != other) for other in values)


# At a NaN the gradient is arbitrary; at infinities these give limits where PyTorch gives NaN.
LIMITS = {"atan2", "copysign", "hypot"}


# Parts of layers, which PyTorch has only as compositions that give NaN for infinite operands.
PARTS = {"logistic_loss", "prelu_kernel"}


@each(
    [
        op
        for op in ELEMENTWISE
        if op.name not in PARTS and len(op.operands) == 2 and op.domains[0].kind == op.domains[1].kind == "float"
    ]
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values_of_two_operands(op: Elementwise, dtype: Any) -> None:
    several = (0.0, -0.0, 1.0, -1.0, 2.0, -2.5, np.inf, -np.inf, np.nan)
    first, second = (np.array(side, dtype) for side in zip(*itertools.product(several, several), strict=True))
    if op.name == "heaviside":  # PyTorch: 0 at NaN
        first, second = first[~np.isnan(first)], second[~np.isnan(first)]
    compare(applied(op, defaults(op)), first, second, orders=0)
    known = ~(np.isnan(first) | np.isnan(second))
    if op.name in LIMITS:
        known &= np.isfinite(first) & np.isfinite(second)
    if op.name == "hypot":
        known &= (first != 0) | (second != 0)  # at (0, 0): 0 here, the subgradient of least norm; NaN in PyTorch
    compare(applied(op, defaults(op)), first[known], second[known], orders=1)


@each(OTHERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_structural_and_fused_operation(op: Op, dtype: Any) -> None:
    loose = 4096 * float(np.finfo(dtype).eps)
    for sample in samples(op, dtype):
        compare(applied(op, sample.parameters), *sample.operands, rtol=loose, atol=loose)

"""How far a sum in floating point may lie from the exact one: a bound that grows with its length, not a constant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.testing import assert_allclose


def of_sums(terms: int, magnitudes: Any, dtype: Any) -> Any:
    """Bound on the rounding error of sums of `terms` products each, whose absolute values add up to `magnitudes`.

    2 √n u Σ|x y| with the unit round-off u: where roundings are independent, as good as never exceeded, in whatever
    order a kernel adds up (Higham and Mary 2019, "A new approach to probabilistic rounding error analysis", theorem
    2.4). It is relative to what was added, not to the result: terms that cancel leave their errors behind.
    """
    return 2 * math.sqrt(terms) * float(np.finfo(dtype).eps) / 2 * magnitudes


def assert_sums_close(found: Any, exact: Any, terms: int, magnitudes: Any) -> None:
    """`found`, of its own dtype, within the rounding error of such sums around the `exact` ones."""
    assert found.shape == exact.shape
    # The quotient is the error in units of its bound, so that a failure tells how far off it is.
    bound = np.maximum(of_sums(terms, magnitudes, found.dtype), np.finfo(found.dtype).tiny)
    assert_allclose(found / bound, exact / bound, rtol=0, atol=1)

"""Where graphs begin."""

from __future__ import annotations

from typing import Any

import autograd_core as ag


def leaf(values: Any, dtype: str = "float64") -> ag.Tensor:
    """A tensor of these values whose gradient is asked for."""
    return ag.tensor(values, dtype=dtype, requires_grad=True)

"""Declarations of the operations, one family a file; importing this registers all of them."""

from . import (
    activation,
    arithmetic,
    comparison,
    creation,
    decomposition,
    einsum,
    elementwise,
    indexing,
    inplace,
    layers,
    limits,
    linalg,
    linear_maps,
    loss,
    powers,
    products,
    rectifiers,
    reduction,
    rounding,
    shape,
    softmax,
    special,
    trigonometric,
)

# isort: split
# After every declaration: in-place forms, and what NumPy's functions do on tensors, come from the registry.
from . import operators

# isort: split
from . import bitwise

__all__ = [
    "activation",
    "arithmetic",
    "bitwise",
    "comparison",
    "creation",
    "decomposition",
    "einsum",
    "elementwise",
    "indexing",
    "inplace",
    "layers",
    "limits",
    "linalg",
    "linear_maps",
    "loss",
    "operators",
    "powers",
    "products",
    "rectifiers",
    "reduction",
    "rounding",
    "shape",
    "softmax",
    "special",
    "trigonometric",
]

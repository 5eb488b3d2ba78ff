"""Declarations of the operations, one family a file; importing this registers all of them."""

from . import (
    activation,
    creation,
    decomposition,
    einsum,
    elementwise,
    indexing,
    inplace,
    layers,
    linalg,
    linear_maps,
    loss,
    operators,
    products,
    reduction,
    shape,
    softmax,
)

__all__ = [
    "activation",
    "creation",
    "decomposition",
    "einsum",
    "elementwise",
    "indexing",
    "inplace",
    "layers",
    "linalg",
    "linear_maps",
    "loss",
    "operators",
    "products",
    "reduction",
    "shape",
    "softmax",
]

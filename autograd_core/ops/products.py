"""Matrix products with something added: the addmm family."""

from __future__ import annotations

from collections.abc import Callable

from ..declaration import attach
from ..dispatch import as_tensor_operand
from ..tensor import Tensor
from .einsum import outer
from .inplace import in_place
from .linalg import bmm, dot, mm, mv
from .reduction import sum as _sum


def _added(name: str, product: Callable[[Tensor, Tensor], Tensor], formula: str) -> Callable[..., Tensor]:
    def function(input: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        multiplied = product(as_tensor_operand(first, name), as_tensor_operand(second, name))
        if alpha != 1:
            multiplied = multiplied * alpha
        # With beta 0 the input is not read at all, so that its NaNs do not spread.
        if beta == 0:
            return multiplied
        added = as_tensor_operand(input, name)
        return (added if beta == 1 else added * beta) + multiplied

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"beta input + alpha {formula}; with beta 0 the input is ignored."
    return function


def _summed(first: Tensor, second: Tensor) -> Tensor:
    return _sum(bmm(first, second), 0)


addmm = _added("addmm", mm, "first @ second, for matrices")
addmv = _added("addmv", mv, "first @ second, for a matrix and a vector")
addr = _added("addr", outer, "outer(first, second), for vectors")
addbmm = _added("addbmm", _summed, "the sum over the batch of first @ second")
baddbmm = _added("baddbmm", bmm, "first @ second, for batches of matrices")


for _function in (addmm, addmv, addr, addbmm, baddbmm):
    attach(_function.__name__, _function)
    attach(f"{_function.__name__}_", in_place(_function, _function.__name__))

# The complex conjugate of the first vector is the vector itself.
vdot, ger = dot, outer
attach("vdot", vdot)
attach("ger", ger)

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm", "ger", "vdot"]

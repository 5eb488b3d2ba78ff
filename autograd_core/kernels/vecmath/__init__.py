"""Vector mathematics: elementary functions that LLVM turns into SIMD code when a kernel's loop calls them.

Numba's ``math.exp`` and its kin are calls of libm, one element at a time, which also keep the loop around them from
being vectorised. Here each function is straight-line arithmetic: the argument is reduced, a polynomial evaluated, and
special cases chosen by selection, never by a branch. Nothing else is needed for LLVM to process 4 to 16 elements at
once, whatever the width of the processor.

Each exists for both precisions, as ``<name>_float32`` and ``<name>_float64``, and stays in its precision, for kernels
are emitted per dtype (``from autograd_core.kernels.vecmath import exp_float32 as exp``). Results are within 2 ULP of
the exact ones; NaN, infinities, subnormal numbers and the sign of zero are as in IEEE 754 and C99. ``sin``, ``cos`` and
``tan`` give NaN beyond :data:`TRIGONOMETRIC_LIMIT`; generated kernels notice such arguments and repeat the
line with the mathematical library.

Constants are held in the operand's dtype: Numba turns ``1 + x`` with x float32 into float64 arithmetic. Sums that
undo each other are not mistakes: Numba is told to fuse multiplications into additions but never to reorder, so what
``(a - b) - c`` loses is what it seems to lose. All of it also runs as plain Python on NumPy scalars.
"""

from autograd_core.kernels.vecmath.error import (
    erf_float32,
    erf_float64,
    erfc_float32,
    erfc_float64,
    one_plus_erf_float32,
    one_plus_erf_float64,
)
from autograd_core.kernels.vecmath.exponential import (
    cosh_float32,
    cosh_float64,
    exp2_float32,
    exp2_float64,
    exp_float32,
    exp_float64,
    exp_nonpositive_float32,
    exp_nonpositive_float64,
    expm1_float32,
    expm1_float64,
    sigmoid_float32,
    sigmoid_float64,
    sinh_float32,
    sinh_float64,
    tanh_float32,
    tanh_float64,
)
from autograd_core.kernels.vecmath.inverse import (
    arccos_float32,
    arccos_float64,
    arcsin_float32,
    arcsin_float64,
    arctan2_float32,
    arctan2_float64,
    arctan_float32,
    arctan_float64,
    cbrt_float32,
    cbrt_float64,
)
from autograd_core.kernels.vecmath.logarithm import (
    acosh_float32,
    acosh_float64,
    asinh_float32,
    asinh_float64,
    atanh_float32,
    atanh_float64,
    log1p_float32,
    log1p_float64,
    log2_float32,
    log2_float64,
    log10_float32,
    log10_float64,
    log_float32,
    log_float64,
    softplus_float32,
    softplus_float64,
)
from autograd_core.kernels.vecmath.trigonometric import (
    TRIGONOMETRIC_LIMIT,
    cos_float32,
    cos_float64,
    sin_float32,
    sin_float64,
    tan_float32,
    tan_float64,
)

# The functions there are, most used first; the mapping gives the names for float32 and float64.
FUNCTIONS: dict[str, tuple[str, str]] = {
    name: (f"{name}_float32", f"{name}_float64")
    for name in (
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "tanh",
        "sigmoid",
        "softplus",
        "erf",
        "erfc",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "asinh",
        "acosh",
        "atanh",
        "arctan",
        "arctan2",
        "arcsin",
        "arccos",
        "cbrt",
    )
}

__all__ = [
    "FUNCTIONS",
    "TRIGONOMETRIC_LIMIT",
    "acosh_float32",
    "acosh_float64",
    "arccos_float32",
    "arccos_float64",
    "arcsin_float32",
    "arcsin_float64",
    "arctan2_float32",
    "arctan2_float64",
    "arctan_float32",
    "arctan_float64",
    "asinh_float32",
    "asinh_float64",
    "atanh_float32",
    "atanh_float64",
    "cbrt_float32",
    "cbrt_float64",
    "cos_float32",
    "cos_float64",
    "cosh_float32",
    "cosh_float64",
    "erf_float32",
    "erf_float64",
    "erfc_float32",
    "erfc_float64",
    "exp2_float32",
    "exp2_float64",
    "exp_float32",
    "exp_float64",
    "exp_nonpositive_float32",
    "exp_nonpositive_float64",
    "expm1_float32",
    "expm1_float64",
    "log1p_float32",
    "log1p_float64",
    "log2_float32",
    "log2_float64",
    "log10_float32",
    "log10_float64",
    "log_float32",
    "log_float64",
    "one_plus_erf_float32",
    "one_plus_erf_float64",
    "sigmoid_float32",
    "sigmoid_float64",
    "sin_float32",
    "sin_float64",
    "sinh_float32",
    "sinh_float64",
    "softplus_float32",
    "softplus_float64",
    "tan_float32",
    "tan_float64",
    "tanh_float32",
    "tanh_float64",
]

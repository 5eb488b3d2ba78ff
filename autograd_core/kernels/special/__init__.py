"""Special functions that neither NumPy nor Numba has, and a few elementary ones that they have slow.

Each is a scalar function that kernels call in their loops, as ``<name>_float32`` and ``<name>_float64``. In double
precision they branch, so that loops over them are not vectorised: these functions are rare, and right to the last
digits matters more. In single precision they compute in double without branches, which LLVM vectorises, and round once.
All of it also runs as plain Python on NumPy scalars.

Largest errors found against mpmath, in ULP of the result:

====================  ======  ======
function              double  single
====================  ======  ======
erfinv                6       4
lgamma, x > 0         3       1
digamma, x > 0        3       0.51
polygamma, n <= 4     4       0.51
polygamma, n <= 30    8       0.51
i0, i1, i0e, i1e      3       0.51
hypot                 2       0.51
fmod, remainder       0.5     0.5
power                 libm's  0.51
====================  ======  ======

For x < 0 the gamma family has zeros between any two poles; near those the error is a few ULP of the largest term
instead.
"""

from autograd_core.kernels.special.double import (
    digamma_float64,
    erfinv_float64,
    i0_float64,
    i0e_float64,
    i1_float64,
    i1e_float64,
    lgamma_float64,
    polygamma_float64,
)
from autograd_core.kernels.special.elementary import (
    floor_divide_float32,
    floor_divide_float64,
    fmod_float32,
    fmod_float64,
    hypot_float32,
    hypot_float64,
    near_fmod_float32,
    near_fmod_float64,
    near_remainder_float32,
    near_remainder_float64,
    power_float32,
    power_float64,
    remainder_float32,
    remainder_float64,
)
from autograd_core.kernels.special.single import (
    digamma_float32,
    erfinv_float32,
    i0_float32,
    i0e_float32,
    i1_float32,
    i1e_float32,
    lgamma_float32,
    polygamma_float32,
)

__all__ = [
    "digamma_float32",
    "digamma_float64",
    "erfinv_float32",
    "erfinv_float64",
    "floor_divide_float32",
    "floor_divide_float64",
    "fmod_float32",
    "fmod_float64",
    "hypot_float32",
    "hypot_float64",
    "i0_float32",
    "i0_float64",
    "i0e_float32",
    "i0e_float64",
    "i1_float32",
    "i1_float64",
    "i1e_float32",
    "i1e_float64",
    "lgamma_float32",
    "lgamma_float64",
    "near_fmod_float32",
    "near_fmod_float64",
    "near_remainder_float32",
    "near_remainder_float64",
    "polygamma_float32",
    "polygamma_float64",
    "power_float32",
    "power_float64",
    "remainder_float32",
    "remainder_float64",
]

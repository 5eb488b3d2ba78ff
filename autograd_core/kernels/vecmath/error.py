"""erf and erfc.

Near zero erf x = x + x P(x^2). Beyond 0.92, erf x = 1 - e^(-x Q(x)), and erfc x = e^(-x^2 + G(y)) / (x + 2) with
y = (x - 2) / (x + 2), whose relative accuracy lasts until the result vanishes. All coefficients are minimax fits.
"""

from __future__ import annotations

import numpy as np

from autograd_core.kernels.jit import bits_to_float32, bits_to_float64, float32_to_bits, float64_to_bits, inline
from autograd_core.kernels.vecmath import exponential
from autograd_core.kernels.vecmath.exponential import (
    _exp_of_negative_float32,
    _exp_of_negative_float64,
    copysign_float32,
    copysign_float64,
)

_ZERO32, _ONE32, _TWO32 = np.float32(0), np.float32(1), np.float32(2)
_ZERO64, _ONE64, _TWO64 = np.float64(0), np.float64(1), np.float64(2)

# Where the two formulas meet, and where erf reaches one in this precision.
_NEAR32, _NEAR64 = np.float32(0.92), np.float64(0.92)
_ERF_ONE32, _ERF_ONE64 = np.float32(4), np.float64(6)

_NEAR_ERF32 = tuple(
    map(np.float32, (0.12837915, -0.37612495, 0.112818025, -0.026765566, 0.0049909796, -0.0005976891))
)
_FAR_ERF32 = tuple(
    map(
        np.float32,
        (1.1286485, 0.63515127, 0.10623693, -0.02376211, 0.0036424834, -0.0003228103, 1.12319985e-05),
    )
)
_NEAR_ERF64 = tuple(
    map(
        np.float64,
        (
            0.1283791670955126,
            -0.3761263890318371,
            0.1128379167095267,
            -0.02686617064459836,
            0.005223977619463788,
            -0.0008548326627364665,
            0.00012055316321737327,
            -1.4925187973232683e-05,
            1.645351956072203e-06,
            -1.6259572019697624e-07,
            1.3961898442820719e-08,
            -8.290014894909611e-10,
        ),
    )
)
_FAR_ERF64 = tuple(
    map(
        np.float64,
        (
            1.1283791550488607,
            0.6366198416355836,
            0.10277260105160146,
            -0.01912968153464059,
            -0.0002033839157896996,
            0.001680989774948635,
            -0.0005628354467894354,
            -1.0287991712909836e-05,
            0.00010123467576122198,
            -5.883409537801778e-05,
            2.142265477542387e-05,
            -5.706870130612385e-06,
            1.1528505774883424e-06,
            -1.7617616452814552e-07,
            1.982455806300256e-08,
            -1.5528299835705777e-09,
            7.567065392167618e-11,
            -1.7272792197788142e-12,
        ),
    )
)

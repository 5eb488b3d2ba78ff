"""Vector mathematics: branch-free polynomials that LLVM vectorises, for float32 and float64."""

from autograd_core.kernels.vecmath.error import *
from autograd_core.kernels.vecmath.exponential import *
from autograd_core.kernels.vecmath.logarithm import *

_SUFFIX = "_float32"

# The functions there are in both widths, by their base names.
FUNCTIONS: tuple[str, ...] = tuple(
    name.removesuffix(_SUFFIX)
    for name in sorted(globals())
    if name.endswith(_SUFFIX) and name.replace("32", "64") in globals() and not name.startswith(("bits_", "copysign"))
)
from autograd_core.kernels.vecmath.trigonometric import *
from autograd_core.kernels.vecmath.inverse import *

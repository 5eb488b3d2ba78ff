"""Reverse-mode automatic differentiation on NumPy and Numba, with PyTorch's names and semantics.

>>> import autograd_core as ag
>>> x = ag.tensor([1.0, 2.0], requires_grad=True)
>>> (x.tanh() * x).sum().backward()
>>> x.grad
tensor([1.1816, 1.1053])
"""

from __future__ import annotations

import types as _types
import warnings as _warnings
from collections.abc import Callable as _Callable
from typing import TYPE_CHECKING as _TYPE_CHECKING

# Overflow and division by zero give infinities and NaN, as in PyTorch. NumPy's warnings about them are silenced where
# they arise in this package's own frames; a user's own NumPy code warns as before.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"autograd_core(\.|$)")

# Importing ops registers every operation.
from . import (
    fft as fft,
)
from . import (
    func as func,
)
from . import (
    linalg as linalg,
)
from . import (
    ops as ops,
)
from . import (
    printing as printing,
)
from . import (
    special as special,
)
from .anomaly import detect_anomaly as detect_anomaly
from .backward import (
    backward as backward,
)
from .backward import (
    grad as grad,
)
from .config import (
    get_num_threads as get_num_threads,
)
from .config import (
    set_num_threads as set_num_threads,
)
from .dtypes import (
    bool_ as bool_,
)
from .dtypes import (
    float32 as float32,
)
from .dtypes import (
    float64 as float64,
)
from .dtypes import (
    get_default_dtype as get_default_dtype,
)
from .dtypes import (
    int8 as int8,
)
from .dtypes import (
    int16 as int16,
)
from .dtypes import (
    int32 as int32,
)
from .dtypes import (
    int64 as int64,
)
from .dtypes import (
    set_default_dtype as set_default_dtype,
)
from .dtypes import (
    uint8 as uint8,
)
from .errors import (
    GradcheckError as GradcheckError,
)
from .errors import (
    GraphError as GraphError,
)
from .errors import (
    InPlaceError as InPlaceError,
)
from .errors import (
    NumericsError as NumericsError,
)
from .grad_mode import (
    enable_grad as enable_grad,
)
from .grad_mode import (
    is_grad_enabled as is_grad_enabled,
)
from .grad_mode import (
    no_grad as no_grad,
)
from .grad_mode import (
    set_grad_enabled as set_grad_enabled,
)
from .gradcheck import (
    gradcheck as gradcheck,
)
from .gradcheck import (
    gradgradcheck as gradgradcheck,
)
from .graph import (
    RemovableHandle as RemovableHandle,
)
from .graph import (
    pop_scope as pop_scope,
)
from .graph import (
    push_scope as push_scope,
)
from .graph import (
    scope as scope,
)
from .linalg import (
    chain_matmul as chain_matmul,
)
from .linalg import (
    cholesky as cholesky,
)
from .linalg import (
    cholesky_inverse as cholesky_inverse,
)
from .linalg import (
    cholesky_solve as cholesky_solve,
)
from .linalg import (
    cross as cross,
)
from .linalg import (
    det as det,
)
from .linalg import (
    inverse as inverse,
)
from .linalg import (
    logdet as logdet,
)
from .linalg import (
    matrix_exp as matrix_exp,
)
from .linalg import (
    matrix_power as matrix_power,
)
from .linalg import (
    pinverse as pinverse,
)
from .linalg import (
    qr as qr,
)
from .linalg import (
    slogdet as slogdet,
)
from .op import REGISTRY as REGISTRY
from .ops.activation import *
from .ops.arithmetic import *
from .ops.batch_normalization import *
from .ops.bitwise import *
from .ops.comparison import *
from .ops.convolution import *
from .ops.creation import *
from .ops.descriptive import *
from .ops.diagonals import *
from .ops.einsum import *
from .ops.elementwise import *
from .ops.layers import *
from .ops.limits import *
from .ops.linalg import *
from .ops.loss import *
from .ops.masking import *
from .ops.normalization import *
from .ops.norms import *
from .ops.numbers import *
from .ops.padding import *
from .ops.pooling import *
from .ops.powers import *
from .ops.products import *
from .ops.properties import *
from .ops.rearrange import *
from .ops.rectifiers import *
from .ops.reduction import *
from .ops.regions import *
from .ops.rounding import *
from .ops.sampling import *
from .ops.scan import *
from .ops.scatter import *
from .ops.shape import *
from .ops.softmax import *
from .ops.sorting import *
from .ops.special import *
from .ops.statistics import *
from .ops.trigonometric import *
from .random import *
from .tensor import Tensor as Tensor
from .update import FusedUpdate as FusedUpdate

if _TYPE_CHECKING:
    # The families of operations compute their __all__, which type checkers cannot read.
    def __getattr__(name: str) -> _Callable[..., Tensor]:
        raise AttributeError(name)


# What the families export is listed there, once; rooms of the package that got here by being imported are left out.
__all__ = [
    name
    for name, value in globals().items()
    if not name.startswith("_")
    and name != "annotations"
    and (not isinstance(value, _types.ModuleType) or name in ("fft", "func", "linalg", "special"))
]

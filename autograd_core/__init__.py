"""Reverse-mode automatic differentiation on NumPy and Numba, with PyTorch's names and semantics.

    >>> import autograd_core as ag
    >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> (x.tanh() * x).sum().backward()
    >>> x.grad
    tensor([1.1816, 1.1053])
"""

from __future__ import annotations

import warnings

# Overflow and division by zero give infinities and NaN, as in PyTorch. NumPy's warnings about them are silenced where
# they arise in this package's own frames; a user's own NumPy code warns as before.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"autograd_core(\.|$)")

from . import func, linalg, ops  # noqa: E402 - importing ops registers every operation
from .anomaly import detect_anomaly  # noqa: E402
from .backward import backward, enable_grad, grad, is_grad_enabled, no_grad, set_grad_enabled  # noqa: E402
from .config import get_num_threads, set_num_threads  # noqa: E402
from .dtypes import (  # noqa: E402
    bool_,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from .errors import GradcheckError, GraphError, InPlaceError, NumericsError  # noqa: E402
from .gradcheck import gradcheck, gradgradcheck  # noqa: E402
from .graph import pop_scope, push_scope, scope  # noqa: E402
from .op import REGISTRY  # noqa: E402
from .linalg import (  # noqa: E402
    chain_matmul,
    cholesky,
    cholesky_solve,
    cross,
    det,
    inverse,
    logdet,
    matrix_exp,
    matrix_power,
    pinverse,
    slogdet,
)
from .ops.activation import (  # noqa: E402
    elu,
    erf,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from .ops.creation import *  # noqa: E402, F403
from .ops.elementwise import (  # noqa: E402
    abs,
    add,
    atan,
    cos,
    div,
    eq,
    exp,
    expm1,
    ge,
    gt,
    isnan,
    le,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    reciprocal,
    rsqrt,
    sign,
    sin,
    sqrt,
    square,
    sub,
    where,
)
from .ops.einsum import *  # noqa: E402, F403
from .ops.layers import *  # noqa: E402, F403
from .ops.linalg import *  # noqa: E402, F403
from .ops.loss import *  # noqa: E402, F403
from .ops.products import *  # noqa: E402, F403
from .ops.reduction import *  # noqa: E402, F403
from .ops.shape import *  # noqa: E402, F403
from .ops.softmax import *  # noqa: E402, F403
from .random import *  # noqa: E402, F403
from .tensor import Tensor  # noqa: E402
from .update import FusedUpdate  # noqa: E402

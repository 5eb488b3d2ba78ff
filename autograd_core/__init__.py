"""Reverse-mode automatic differentiation on NumPy and Numba, with PyTorch's names and semantics.

>>> import autograd_core as ag
>>> x = ag.tensor([1.0, 2.0], requires_grad=True)
>>> (x.tanh() * x).sum().backward()
>>> x.grad
tensor([1.1816, 1.1053])
"""

from __future__ import annotations

import gc as _gc
import types as _types
import warnings as _warnings
from collections.abc import Callable as _Callable, Iterator as _Iterator
from contextlib import contextmanager as _contextmanager
from typing import TYPE_CHECKING as _TYPE_CHECKING

# Overflow and division by zero give infinities and NaN, as in PyTorch. NumPy's warnings about them are silenced where
# they arise in this package's own frames; a user's own NumPy code warns as before.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"autograd_core(\.|$)")


@_contextmanager
def _without_collection() -> _Iterator[None]:
    """What an import makes stays: looking through it for garbage, again and again, finds none and takes time."""
    collects = _gc.isenabled()
    _gc.disable()
    try:
        yield
    finally:
        if not _gc.get_freeze_count():
            # Straight to the oldest generation; there they are collected like all others, should they ever be garbage.
            _gc.freeze()
            _gc.unfreeze()
        if collects:
            _gc.enable()


with _without_collection():
    # Importing ops registers every operation.
    from . import (
        linalg as linalg,
        ops as ops,
        printing as printing,
    )
    from .anomaly import (
        detect_anomaly as detect_anomaly,
        is_anomaly_enabled as is_anomaly_enabled,
    )
    from .backward import (
        backward as backward,
        grad as grad,
    )
    from .config import (
        are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
        get_num_threads as get_num_threads,
        set_num_threads as set_num_threads,
        use_deterministic_algorithms as use_deterministic_algorithms,
    )
    from .dtypes import (
        bool_ as bool_,
        float32 as float32,
        float64 as float64,
        get_default_dtype as get_default_dtype,
        int8 as int8,
        int16 as int16,
        int32 as int32,
        int64 as int64,
        set_default_dtype as set_default_dtype,
        uint8 as uint8,
    )
    from .errors import (
        CompilerMissingError as CompilerMissingError,
        GradcheckError as GradcheckError,
        GraphError as GraphError,
        InPlaceError as InPlaceError,
        NumericsError as NumericsError,
    )
    from .grad_mode import (
        enable_grad as enable_grad,
        is_grad_enabled as is_grad_enabled,
        no_grad as no_grad,
        set_grad_enabled as set_grad_enabled,
    )
    from .gradcheck import (
        gradcheck as gradcheck,
        gradgradcheck as gradgradcheck,
    )
    from .graph import (
        RemovableHandle as RemovableHandle,
        pop_scope as pop_scope,
        push_scope as push_scope,
        scope as scope,
    )
    from .lazy import lazy_import as _lazy_import
    from .linalg import (
        chain_matmul as chain_matmul,
        cholesky as cholesky,
        cholesky_inverse as cholesky_inverse,
        cholesky_solve as cholesky_solve,
        cross as cross,
        det as det,
        inverse as inverse,
        logdet as logdet,
        matrix_exp as matrix_exp,
        matrix_power as matrix_power,
        pinverse as pinverse,
        qr as qr,
        slogdet as slogdet,
    )
    from .op import REGISTRY as REGISTRY
    from .ops.activation import *
    from .ops.arithmetic import *
    from .ops.attention import *
    from .ops.batch_normalization import *
    from .ops.bitwise import *
    from .ops.comparison import *
    from .ops.convolution import *
    from .ops.creation import *
    from .ops.descriptive import *
    from .ops.diagonals import *
    from .ops.dropout import *
    from .ops.einsum import *
    from .ops.elementwise import *
    from .ops.embedding import *
    from .ops.grids import *
    from .ops.interpolation import *
    from .ops.layers import *
    from .ops.limits import *
    from .ops.linalg import *
    from .ops.loss import *
    from .ops.masking import *
    from .ops.normalization import *
    from .ops.norms import *
    from .ops.numbers import *
    from .ops.padding import *
    from .ops.patches import *
    from .ops.pooling import *
    from .ops.powers import *
    from .ops.products import *
    from .ops.properties import *
    from .ops.rearrange import *
    from .ops.rectifiers import *
    from .ops.recurrent import *
    from .ops.reduction import *
    from .ops.regions import *
    from .ops.rounding import *
    from .ops.safe import *
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
    from . import fft as fft, func as func, special as special

    # The families of operations compute their __all__, which type checkers cannot read.
    def __getattr__(name: str) -> _Callable[..., Tensor]:
        raise AttributeError(name)
else:
    fft, func, special = (_lazy_import(f"autograd_core.{_name}") for _name in ("fft", "func", "special"))

# What the families export is listed there, once; rooms of the package that got here by being imported are left out.
__all__ = [
    name
    for name, value in globals().items()
    if not name.startswith("_")
    and name != "annotations"
    and (not isinstance(value, _types.ModuleType) or name in ("fft", "func", "linalg", "special"))
]

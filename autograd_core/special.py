"""Special functions under PyTorch's ``torch.special`` names; all but ``psi`` are in :mod:`autograd_core` as well.

>>> import autograd_core as ag
>>> ag.special.gammaln(ag.tensor(5.0)).exp()
tensor(24.)
"""

from __future__ import annotations

from .ops.numbers import entr, multigammaln
from .ops.powers import exp2, expm1, log1p, xlog1py, xlogy
from .ops.reduction import logsumexp
from .ops.rounding import round
from .ops.softmax import log_softmax, softmax
from .ops.special import (
    digamma,
    erf,
    erfc,
    erfinv,
    expit,
    gammaln,
    i0,
    i0e,
    i1,
    i1e,
    logit,
    ndtr,
    polygamma,
    psi,
)
from .ops.trigonometric import sinc

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
]

"""Optimisers and learning-rate schedules, with PyTorch's names and semantics.

Each optimiser is one scalar formula, which becomes one fused in-place loop over all elements of a parameter.

    >>> import autograd_core as ag, optim
    >>> weight = ag.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = optim.Adam([weight], lr=0.5)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=20, gamma=0.5)
    >>> for _ in range(100):
    ...     optimizer.zero_grad()
    ...     loss = (weight * weight).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> loss.item() < 1e-3
    True
"""

from __future__ import annotations

from . import lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .groups import no_decay_groups
from .lbfgs import LBFGS
from .lion import Lion
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "lr_scheduler",
    "no_decay_groups",
]

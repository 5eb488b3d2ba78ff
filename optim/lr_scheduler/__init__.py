"""Learning-rate schedules, with PyTorch's names and semantics.

A scheduler changes ``group["lr"]`` of an optimiser's groups each time its ``step()`` is called, after the optimiser's
own. The first step of the optimiser uses the rate it was made with (or the schedule's start, for warm-ups).
"""

from __future__ import annotations

from .annealing import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .base import LRScheduler
from .decay import ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

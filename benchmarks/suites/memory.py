"""Peak memory of each training step: what the step adds, and what the whole process takes."""

from __future__ import annotations

from ..rows import Row
from .training import trainings

GOAL = 1.0


def rows() -> list[Row]:
    """Both figures for the networks of the training suite.

    The step's own figure leaves out what is loaded once for all (code, thread pools, compiled kernels): a step on a
    batch of eight runs before the measurement starts. The whole process's figure has it all.
    """
    found = []
    for section, kind in (("a step's own", "memory"), ("the whole process", "footprint")):
        for training in trainings():
            row = training.row("memory", GOAL, True, section=section, kind=kind)
            for peer in ("torch.compile", "jax"):
                row.subjects.pop(peer, None)
            found.append(row)
    return found

"""Layers that leave out elements or channels at random while training."""

from __future__ import annotations

from autograd_core import Tensor

from . import functional
from .module import Module


class _Dropout(Module):
    """A layer with a probability."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zeroes each element with probability `p` and scales the others by 1 / (1 - p).

    Args:
        p: in [0, 1].
        inplace: overwrite the input.

    Raises:
        ValueError: if `p` lies outside [0, 1].

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Dropout(0.5).eval()(ag.ones(3)).tolist()
        [1.0, 1.0, 1.0]

    Source: Srivastava et al. 2014; inverted scaling.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, H, W); three dimensions are read as (N, C, L), as PyTorch does."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """:class:`Dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1 in networks of selu (Klambauer et al. 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept."""
        return functional.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """:class:`AlphaDropout` of whole channels of (N, C, …)."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape kept."""
        return functional.feature_alpha_dropout(input, self.p, self.training, self.inplace)


__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]

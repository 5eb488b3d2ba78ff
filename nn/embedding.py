"""Embedding layers: learned rows looked up by number."""

from __future__ import annotations

from typing import Any

import autograd_core as ag
from autograd_core import Tensor

from . import functional, init
from .layers import positive_size
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """A learned matrix of rows, normally distributed at first but for the padding row, which is 0."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Tensor | None,
        dtype: Any,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.num_embeddings = positive_size(num_embeddings, "num_embeddings", owner)
        self.embedding_dim = positive_size(embedding_dim, "embedding_dim", owner)
        if sparse:
            raise ValueError(f"{owner}: sparse gradients are not supported; leave sparse=False")
        if padding_idx is not None:
            if not -self.num_embeddings <= padding_idx < self.num_embeddings:
                raise ValueError(f"{owner}: padding_idx {padding_idx} is no row of {num_embeddings}")
            padding_idx %= self.num_embeddings
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = False
        shape = (self.num_embeddings, self.embedding_dim)
        if weight is None:
            self.weight = Parameter(ag.empty(shape, dtype=dtype))
            self.reset_parameters()
        elif tuple(weight.shape) != shape:
            raise ValueError(f"{owner}: the weight must have shape {shape}, got {tuple(weight.shape)}")
        else:
            self.weight = Parameter(weight)

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx].fill_(0)

    def extra_repr(self) -> str:
        """The sizes and the options that are set."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        return text


class Embedding(_Table):
    """A table of learned vectors, looked up by number.

    Args:
        num_embeddings: how many vectors.
        embedding_dim: how long each is.
        padding_idx: a vector that starts as 0 and receives no gradient.
        max_norm: vectors that are looked up and longer are first shortened to it, in place.
        norm_type: the norm that `max_norm` limits.
        scale_grad_by_freq: divide each vector's gradient by how often it was looked up.
        sparse: must be False: gradients are dense.
        dtype: of the vectors; the default dtype unless given.

    Shape:
        input (*) of integers, output (*, embedding_dim); weight (num_embeddings, embedding_dim).

    Raises:
        ValueError: for options out of range.
        IndexError: when called with an index out of range.

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.Embedding(10, 3)(ag.tensor([[1, 2], [4, 3]])).shape
        (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            dtype,
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A table of given vectors, shape (rows, columns); frozen unless asked otherwise."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained: expected a matrix, got shape {embeddings.shape}")
        rows, columns = embeddings.shape
        table = cls(rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings)
        table.weight.requires_grad_(not freeze)
        return table

    def forward(self, input: Tensor) -> Tensor:
        """Shape (*) to (*, embedding_dim)."""
        return functional.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )


class EmbeddingBag(_Table):
    """Sums, means or maxima of learned vectors that bags of numbers name; see :class:`Embedding` for the options.

    Args:
        mode: "sum", "mean" or "max".
        include_last_offset: whether offsets end with the total.

    Shape:
        input (bags, length), or (total,) with offsets (bags,); output (bags, embedding_dim).

    Example:
        >>> import autograd_core as ag, nn
        >>> nn.EmbeddingBag(10, 3)(ag.tensor([1, 2, 4]), ag.tensor([0, 2])).shape
        (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        dtype: Any = None,
    ) -> None:
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: mode must be sum, mean or max, got {mode!r}")
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, dtype
        )
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Shape (bags, length), or (total,) with offsets, to (bags, embedding_dim)."""
        return functional.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            False,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )


__all__ = ["Embedding", "EmbeddingBag"]

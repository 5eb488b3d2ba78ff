"""A function at a point: evaluated as if it were pure, with inputs that can be moved and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backward import grad
from ..grad_mode import enable_grad
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor, cell_of
from .inputs import differentiated

# Far above any count an in-place change reaches: what caches by version must not meet these counts again later.
_VERSION_OFFSET = 1 << 40


class Point:
    """A function and the inputs it is checked at.

    The default generator's state is put back before every evaluation, so that dropout draws the same mask each time.
    Inputs are moved in their own memory, so that a function which reaches its parameters through a module is seen to
    depend on them.

    Attributes:
        function: records; its floating outputs are checked.
        plain: computes the same values for the oracle; usually `function` itself.
        inputs: all arguments; `positions` are those that require gradients.
        names: what reports call the inputs; `output_names` the outputs.
        evaluations: how often either was run.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        names: Sequence[str],
        plain: Callable[..., Any] | None = None,
        output_names: Callable[[int], str] | None = None,
    ) -> None:
        self.function = function
        self.plain = plain or function
        self.inputs = tuple(inputs)
        self.names = tuple(names)
        self.positions = differentiated(self.inputs)
        self.output_name: Callable[[int], str] = output_names or (lambda number: f"output {number}")
        self.evaluations = 0
        self._random_state = get_rng_state()
        self._moves = 0

    def leaf(self, position: int) -> np.ndarray:
        """The memory of the input at `position`."""
        array: np.ndarray = self.inputs[position]._array
        return array

    def leaves(self) -> list[Tensor]:
        """The inputs that require gradients."""
        return [self.inputs[position] for position in self.positions]

    def restore_random_state(self) -> None:
        """Put the default generator back to where it was when the check began."""
        set_rng_state(self._random_state)

    def _run(self, function: Callable[..., Any]) -> list[Tensor]:
        self.evaluations += 1
        self.restore_random_state()
        with enable_grad():
            result = function(*self.inputs)
        outputs = [result] if isinstance(result, Tensor) else result
        if not isinstance(outputs, (tuple, list)) or not all(isinstance(output, Tensor) for output in outputs):
            raise TypeError(
                f"gradcheck: the function must return a tensor or a sequence of tensors, got {type(result).__name__}"
            )
        return [output for output in outputs if output.dtype.kind == "f"]

    def record(self) -> list[Tensor]:
        """The floating outputs, with their graph."""
        outputs = self._run(self.function)
        if not outputs:
            raise ValueError("gradcheck: the function returns no floating tensor")
        return outputs

    def values(self) -> list[np.ndarray]:
        """The floating outputs for the oracle: flat float64 copies, since views would move with the input."""
        return [np.array(output._array, np.float64, order="C").reshape(-1) for output in self._run(self.plain)]

    @contextmanager
    def movable(self, position: int) -> Iterator[np.ndarray]:
        """The memory of an input, to be written to inside and put back, bit for bit, on the way out."""
        array = self.leaf(position)
        cell = cell_of(self.inputs[position])
        count, kept = cell[0], array.copy()
        try:
            yield array
        finally:
            np.copyto(array, kept)
            cell[0] = count

    def moved(self, position: int) -> None:
        """Say that an input was written to, for what is kept by version."""
        self._moves += 1
        cell_of(self.inputs[position])[0] = _VERSION_OFFSET + self._moves

    def pull(self, outputs: Sequence[Tensor], cotangents: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The cotangents of the inputs for those of `outputs`; zeros where nothing arrives. The graph is kept."""
        found = grad(
            list(outputs),
            self.leaves(),
            [as_tensor(cotangent) for cotangent in cotangents],
            retain_graph=True,
            allow_unused=True,
        )
        return [
            np.zeros(leaf.shape, leaf.dtype) if gradient is None else gradient._array
            for leaf, gradient in zip(self.leaves(), found, strict=True)
        ]


def as_tensor(array: np.ndarray) -> Tensor:
    """A tensor with a copy of `array`."""
    return Tensor(np.asarray(array))


class GradientFunction:
    """The first-order gradients of a function, as a function of its inputs and of the outputs' cotangents.

    Called with ``create_graph=True`` the gradients are recorded and can be differentiated; without, they come from
    the fast kernels, and serve as the independent value that recorded ones are held against.
    """

    def __init__(self, function: Callable[..., Any], inputs: Sequence[Any]) -> None:
        self._function = function
        self._count = len(inputs)
        self._positions = differentiated(inputs)
        # Which inputs a gradient arrives at is a matter of the graph: the same in every call.
        self.arrived: list[int] = []

    def __call__(self, *arguments: Any, create_graph: bool = True) -> list[Tensor]:
        inputs, cotangents = arguments[: self._count], arguments[self._count :]
        result = self._function(*inputs)
        outputs = differentiable([result] if isinstance(result, Tensor) else result)
        leaves = [inputs[position] for position in self._positions]
        found = grad(outputs, leaves, list(cotangents), create_graph=create_graph, allow_unused=True)
        self.arrived = [position for position, value in zip(self._positions, found, strict=True) if value is not None]
        return [value for value in found if value is not None]

    def plain(self, *arguments: Any) -> list[Tensor]:
        """The gradients without a graph of their own."""
        return self(*arguments, create_graph=False)


def differentiable(outputs: Sequence[Any]) -> list[Tensor]:
    """Those of the outputs that gradients can start from."""
    return [output for output in outputs if isinstance(output, Tensor) and output.requires_grad]

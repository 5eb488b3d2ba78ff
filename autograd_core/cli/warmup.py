"""``warmup``: compile kernels ahead of time, into the cache."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from ..gradcheck.cases import Case
    from ..op import Op


class Precision(enum.StrEnum):
    """For which dtypes."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BOTH = "both"


def command(
    operations: Annotated[
        list[str] | None, typer.Argument(metavar="OP", help="Operations to compile for; all by default.")
    ] = None,
    dtype: Annotated[Precision, typer.Option(help="The dtype of the operands.")] = Precision.FLOAT32,
) -> None:
    """Compile the kernels of operations and of their derivatives, so that no later process waits for them.

    Each operation is run forward and backward on inputs of every sort it takes, small ones and such as are shared out
    among threads. What is compiled is kept where all processes of this user and this version find it.
    """
    import time

    from ..kernels import jit
    from ..kernels.cache import kernel_directory
    from .console import chosen_operations, counted, one_by_one, output

    chosen = chosen_operations(operations)
    precisions = [Precision.FLOAT32, Precision.FLOAT64] if dtype is Precision.BOTH else [dtype]
    started = time.perf_counter()
    for op in one_by_one("compiling", chosen):
        for precision in precisions:
            _run(op, precision.value)
    compiled, loaded = jit.compile_statistics()
    output().print(
        f"{counted(len(chosen), 'operation')}: {counted(compiled, 'kernel')} compiled, {loaded} found compiled, in "
        f"{time.perf_counter() - started:.1f} s; kept in {kernel_directory()}",
        soft_wrap=True,
    )


def _run(op: Op, dtype: str) -> None:
    """Run an operation forward and backward, as training does."""
    import numpy as np

    from ..backward import grad
    from ..recording import apply
    from ..tensor import Tensor, wrap

    for case in _cases(op, np.random.default_rng(0)):
        tensors = [
            wrap(tensor.numpy().astype(dtype), None)
            if isinstance(tensor, Tensor) and tensor.is_floating_point()
            else tensor
            for tensor in case.tensors(require=False)
        ]
        wanted = [
            tensors[position].requires_grad_() for position in case.positions if isinstance(tensors[position], Tensor)
        ]
        result = apply(op, tensors, case.parameters)
        outputs = [part for part in (result if isinstance(result, tuple) else (result,)) if part.requires_grad]
        if outputs:
            cotangents = [wrap(np.ones(part.shape, part.dtype), None) for part in outputs]
            grad(outputs, wanted, cotangents, allow_unused=True)


def _cases(op: Op, random: np.random.Generator) -> Iterator[Case]:
    """The cases of the gradient checks, and for elementwise operations one that several threads share."""
    from ..gradcheck.cases import Case, cases_of, default_parameters
    from ..kernels.jit import PARALLEL_THRESHOLD
    from ..op import Elementwise

    cases = list(cases_of(op, random))
    yield from cases
    if isinstance(op, Elementwise) and cases:
        operands = tuple(domain.draw(random, (2 * PARALLEL_THRESHOLD,)) for domain in op.domains)
        parameters = cases[0].parameters if op.samples is not None else default_parameters(op)
        yield Case("shared out", operands, parameters, cases[0].positions)

"""How Numba's compiler is run for a kernel, and for a helper that becomes part of kernels.

Numba makes of every function it meets a module of its own: optimised, turned into machine code, with entries for Python
and for C. A kernel needs the entry for Python alone, and a helper none of it: its code is linked into kernels, where
LLVM merges it into theirs and optimises the whole. To leave a helper at that takes a third off the time that kernels
take to compile (attention's: 7.4 to 3 s), and leaves the loops to be vectorised once, where all is known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba.core.config
from llvmlite import binding
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

# What Numba read from the environment; only ever read here. Its names appear at run time, hence the Any.
_settings: Any = numba.core.config


class _NoEnvironment:
    """Stands for the code generator where Numba tells it where a function's Python objects are: parts have none."""

    @staticmethod
    def set_env(_name: str, _environment: Any) -> None:
        """Nothing has to be told."""


class _Part(JITCodeLibrary):
    """The module of a helper, kept as it was written and for linking only."""

    codegen = _NoEnvironment()

    def _optimize_final_module(self) -> None:
        """Left to the kernels it is linked into."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, _name: str) -> int:
        """0: there is no machine code."""
        self._ensure_finalized()
        return 0


@functools.cache
def _wide_machine() -> Any:
    """What LLVM's optimiser is told of this processor, except that it prefers 256-bit vectors; None if it does not.

    LLVM holds back from 512-bit vectors on Intel's processors, since early ones slowed their clock for them. On the
    polynomials of vecmath they are 1.4 to 1.5 times as fast (measured on a Xeon); AMD's are used at full width anyway.
    """
    codegen = cpu_target.target_context.codegen()
    if _settings.CPU_FEATURES is not None or "+avx512f" not in codegen._tm_features:
        return None
    options: dict[str, Any] = {"opt": _settings.OPT}
    codegen._customize_tm_options(options)
    options["features"] += ",-prefer-256-bit"
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(**options)


def _compile(library: type[JITCodeLibrary], compile_: Callable[..., Any], *arguments: Any) -> Any:
    """Run Numba's compiler with the full vector width; its lock is held, so no other function is compiled meanwhile.

    What a kernel calls is compiled while the kernel is, and the other way round: both states are put back.
    """
    codegen = cpu_target.target_context.codegen()
    usual = codegen._tm, codegen._library_class
    codegen._tm, codegen._library_class = _wide_machine() or codegen._tm, library
    try:
        return compile_(*arguments)
    finally:
        codegen._tm, codegen._library_class = usual


def _without_values(template: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Find the form of a function for types of arguments, whatever constants they are in one call.

    Numba compiles a function anew for each number that it is called with, which merging it into its caller makes moot.
    """
    named = {name: types.unliteral(kind) for name, kind in keywords.items()}
    return template(tuple(map(types.unliteral, arguments)), named)


def _prepare(dispatcher: Any, library: type[JITCodeLibrary]) -> None:
    compiler = dispatcher._compiler
    compiler.compile = functools.partial(_compile, library, compiler.compile)
    dispatcher.get_call_template = functools.partial(_without_values, dispatcher.get_call_template)


def prepare_kernel(dispatcher: Any) -> None:
    """Have Numba compile a function that Python calls."""
    _prepare(dispatcher, JITCodeLibrary)


def prepare_part(dispatcher: Any) -> None:
    """Have Numba compile a function that only compiled code calls; Python gets a :class:`TypeError`."""
    _prepare(dispatcher, _Part)
    name, overloads = dispatcher.py_func.__qualname__, dispatcher.overloads

    def add_overload(result: Any) -> None:
        # Not among the entries that a call from Python finds.
        overloads[tuple(result.signature.args)] = result

    def refuse(*_arguments: Any, **_keywords: Any) -> Any:
        raise TypeError(f"{name} is called by kernels only: it has no entry for Python")

    dispatcher.add_overload, dispatcher._compile_for_args = add_overload, refuse


__all__ = ["prepare_kernel", "prepare_part"]

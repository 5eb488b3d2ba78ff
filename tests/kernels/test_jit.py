"""How kernels are compiled, counted and run on threads. What concerns a process runs in one of its own."""

from __future__ import annotations

import os

import numpy as np
import pytest

from autograd_core import config
from autograd_core.kernels import jit
from tests.kernels.process import run


def test_neither_the_settings_nor_the_package_load_numba(tmp_path):
    code = "import sys, autograd_core.config, autograd_core.kernels; print('numba' in sys.modules)"
    assert run(code, tmp_path, prelude="") == "False"


def test_plain_python_gives_the_same(cache):
    code = """
    module = jit.load_generated("halving", SOURCE)
    special = np.array([1.5, -3e-38, 1e38, np.nan, np.inf], np.float32)
    results = [np.zeros_like(special), np.zeros_like(special)]
    module.serial(special, results[0])
    with jit.PARALLEL:
        module.parallel(special, results[1])
    bits = [jit.float32_to_bits(np.float32(-0.0)), jit.float64_to_bits(1.0)] if jit.DISABLED else [-(2**31), 1023 << 52]
    print(b"".join(result.tobytes() for result in results).hex(), *bits)
    """
    compiled = run(code, cache)
    assert run(code, cache, NUMBA_DISABLE_JIT="1") == compiled


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_two_python_threads_may_call_parallel_kernels_at_once(cache, layer):
    code = """
    module = jit.load_generated("halving", SOURCE)
    x = np.ones(1 << 16, np.float32)
    wrong = []
    def work():
        out = np.zeros_like(x)
        for _ in range(300):
            out[:] = 0
            with jit.PARALLEL:
                module.parallel(x, out)
            if not (out == 0.5).all():
                wrong.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(wrong))
    """
    assert run(code, cache, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2") == "0"


def test_parallel_kernels_use_the_number_of_threads_that_was_set(cache):
    code = """
    import numba
    module = jit.load_generated("halving", SOURCE)
    counts = []
    for number in (2, 1, 3, 50):
        config.set_num_threads(number)
        with jit.PARALLEL:
            module.parallel(x, out)
            counts.append(numba.get_num_threads())
        counts.append(jit.thread_count(jit.PARALLEL_THRESHOLD))
    print(counts, jit.thread_count(jit.PARALLEL_THRESHOLD - 1))
    """
    assert run(code, cache, NUMBA_NUM_THREADS="3") == "[2, 2, 1, 1, 3, 3, 3, 3] 1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_a_forked_child_runs_serial_kernels_where_threads_would_kill_it(cache, layer):
    code = """
    module = jit.load_generated("halving", SOURCE)
    with jit.PARALLEL:
        module.parallel(x, out)
    child = os.fork()
    if child == 0:
        out[:] = 0
        if jit.thread_count(1 << 30) > 1:
            with jit.PARALLEL:
                module.parallel(x, out)
        else:
            module.serial(x, out)
        os._exit(0 if (out == x / 2).all() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), jit.thread_count(1 << 30))
    """
    assert run(code, cache, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="2") == "0 2"


def test_a_failed_compilation_leaves_numba_as_it_was(tmp_path):
    code = """
    from numba.core.registry import cpu_target
    codegen = cpu_target.target_context.codegen()
    before = codegen._tm
    @jit.kernel
    def bad(x):
        return x.no_such_attribute
    try:
        bad(x)
    except Exception as error:
        print(type(error).__name__, codegen._tm is before)
    """
    assert run(code, tmp_path) == "TypingError True"


def test_the_owners_of_thread_pools_are_told_at_once_and_of_every_change(monkeypatch):
    monkeypatch.setattr(config, "_threads", [])
    monkeypatch.setattr(config, "_thread_callbacks", [])
    monkeypatch.setenv(config.THREADS_VARIABLE, "3")
    told: list[int] = []
    config.on_thread_change(told.append)
    config.set_num_threads(5)
    config.set_num_threads(np.int64(2))
    assert told == [3, 5, 2]
    assert config.get_num_threads() == 2


@pytest.mark.parametrize(("number", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_wrong_numbers_of_threads_are_refused(number, error):
    before = config.get_num_threads()
    with pytest.raises(error, match="number of threads"):
        config.set_num_threads(number)
    assert config.get_num_threads() == before


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NUMBA_NUM_THREADS": "4", "OMP_NUM_THREADS": "2"}, 4),
        ({"OMP_NUM_THREADS": "2,1"}, 2),
    ],
)
def test_the_default_number_of_threads_follows_the_environment(monkeypatch, variables, expected):
    monkeypatch.setattr(config, "_threads", [])
    for name in (config.THREADS_VARIABLE, "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert config.get_num_threads() == expected


def test_a_number_of_threads_that_is_none_is_reported_and_ignored(monkeypatch):
    monkeypatch.setattr(config, "_threads", [])
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(config.THREADS_VARIABLE, "many")
    with pytest.warns(RuntimeWarning, match="many"):
        assert config.get_num_threads() >= 1


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
def test_only_new_signatures_are_counted():
    source = "from autograd_core.kernels.jit import kernel\n\n@kernel\ndef add(x, y):\n    return x + y\n"
    add = jit.load_generated("counting", source).add
    before = sum(jit.compile_statistics())
    add(np.ones(3), np.ones(3))
    assert sum(jit.compile_statistics()) == before + 1
    for size in (1, 4, 7):
        add(np.ones(size), np.ones(size))
    assert sum(jit.compile_statistics()) == before + 1
    add(np.ones(3, np.float32), np.ones(3, np.float32))
    assert sum(jit.compile_statistics()) == before + 2
    assert len(jit.compile_log()) == jit.compile_statistics()[0]


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
def test_a_kernel_is_numbas_own_dispatcher():
    from numba.core.dispatcher import Dispatcher

    assert isinstance(jit.kernel(lambda x: x), Dispatcher)
    assert isinstance(jit.inline(lambda x: x), Dispatcher)


def test_nan_infinity_and_zero_division_are_values():
    source = (
        "from autograd_core.kernels.jit import kernel\n\n@kernel\ndef probe(x, out):\n"
        "    for i in range(x.size):\n"
        "        out[0, i] = 1 / x[i]\n        out[1, i] = x[i] - x[i]\n        out[2, i] = x[i] != x[i]\n"
    )
    x = np.array([0.0, -0.0, np.inf, np.nan, 2.0])
    out = np.zeros((3, x.size))
    jit.load_generated("special", source).probe(x, out)
    np.testing.assert_array_equal(out[0], [np.inf, -np.inf, 0, np.nan, 0.5])
    np.testing.assert_array_equal(out[1], [0, 0, np.nan, np.nan, 0])
    np.testing.assert_array_equal(out[2], [0, 0, 0, 1, 0])


@pytest.mark.skipif(jit.DISABLED, reason="plain Python converts")
def test_bit_casts_refuse_the_other_precision():
    from numba.core.errors import TypingError

    @jit.kernel
    def cast(x):
        return jit.float32_to_bits(x)

    assert cast(np.float32(1)) == 0x3F800000
    with pytest.raises(TypingError, match="float32"):
        cast(np.float64(1))


# Kernels that close over a function are not kept in the cache: these are compiled each time.


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
def test_a_helper_is_called_from_compiled_code_only():
    @jit.inline
    def raised(x, by):
        return x + by

    @jit.kernel
    def thrice(x):
        return raised(x, 1), raised(x, 2), raised(x, by=3)

    with pytest.raises(TypeError, match="raised is called by kernels only"):
        raised(1, 2)
    assert thrice(10) == (11, 12, 13)
    # The numbers differ and the types do not: one form is enough. It has no entry, which a call would run into.
    assert len(raised.overloads) == 1
    with pytest.raises(TypeError, match="raised is called by kernels only"):
        raised(10, 1)


@pytest.mark.skipif(jit.DISABLED, reason="nothing is compiled")
def test_a_kernel_that_kernels_call_with_constants_is_compiled_once_and_can_be_called():
    @jit.kernel
    def raised(x, by):
        return x + by

    @jit.kernel
    def product(x):
        return raised(x, 1) * raised(x, 2)

    before = sum(jit.compile_statistics())
    assert product(10) == 11 * 12
    assert sum(jit.compile_statistics()) == before + 2
    assert raised(10, 3) == 13
    assert sum(jit.compile_statistics()) == before + 2

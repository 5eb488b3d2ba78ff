"""How kernels are compiled, kept, counted and run on threads. What concerns a process runs in one of its own."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from autograd_core import config
from autograd_core.kernels import jit

ROOT = pathlib.Path(__file__).parents[2]

# A module with an inlined helper, a plain kernel and a parallel one, as the emitter writes them.
SOURCE = """
import numpy as np
from autograd_core.kernels.jit import bits_to_float32, float32_to_bits, inline, kernel, prange

STEP = np.int32(1 << 23)

@inline
def half(x):
    return bits_to_float32(np.int32(float32_to_bits(x) - STEP))

@kernel
def serial(x, out):
    for i in range(x.size):
        out[i] = half(x[i])

@kernel(parallel=True)
def parallel(x, out):
    for i in prange(x.size):
        out[i] = half(x[i])
"""

PRELUDE = f"""
import os, pathlib, sys, threading, warnings
import numpy as np
from autograd_core import config
from autograd_core.kernels import jit
SOURCE = {SOURCE!r}
x = np.arange(1, 9, dtype=np.float32)
out = np.zeros_like(x)
"""

SERIAL = """
jit.load_generated("halving", SOURCE).serial(x, out)
print(*jit.compile_statistics(), (out == x / 2).all())
"""


def run(code: str, cache: pathlib.Path, prelude: str = PRELUDE, path: pathlib.Path = ROOT, **environment: str) -> str:
    """What a fresh interpreter prints that runs `code` with its kernel cache in `cache`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "AUTOGRAD_CORE_"))}
    variables = {**kept, "PYTHONPATH": str(path), "AUTOGRAD_CORE_CACHE": str(cache), **environment}
    command = [sys.executable, "-c", prelude + textwrap.dedent(code)]
    done = subprocess.run(command, cwd=path, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_neither_the_settings_nor_the_package_load_numba(tmp_path):
    code = "import sys, autograd_core.config, autograd_core.kernels; print('numba' in sys.modules)"
    assert run(code, tmp_path, prelude="") == "False"


BOTH = """
module = jit.load_generated("halving", SOURCE)
module.serial(x, out)
with jit.PARALLEL:
    module.parallel(x, out)
print(*jit.compile_statistics(), (out == x / 2).all())
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> pathlib.Path:
    """A cache directory that holds the kernels of SOURCE; tests work on copies."""
    directory = tmp_path_factory.mktemp("filled")
    assert run(BOTH, directory) == "2 0 True"
    return directory


@pytest.fixture
def cache(filled, tmp_path) -> pathlib.Path:
    return shutil.copytree(filled, tmp_path / "cache")


def test_a_second_process_compiles_nothing(cache):
    assert run(BOTH, cache) == "0 2 True"


@pytest.mark.parametrize("damage", ["empty", "truncated", "garbage", "one bit"])
def test_a_damaged_cache_file_is_compiled_again_and_replaced(cache, damage):
    (path,) = cache.rglob("*.serial-*.nbc")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    spoilt = {"empty": b"", "truncated": content[: len(content) // 2], "garbage": b"\x80\x05.", "one bit": content}
    path.write_bytes(spoilt[damage])
    assert run(SERIAL, cache) == "1 0 True"
    assert run(SERIAL, cache) == "0 1 True"


def test_a_cache_that_cannot_be_written_warns_once_and_moves_to_a_private_directory(tmp_path):
    # A directory below a file cannot be made even by root, whom permission bits do not stop.
    blocked = tmp_path / "file"
    blocked.touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jit.load_generated("halving", SOURCE).serial(x, out)
        config.cache_directory()
    print(*jit.compile_statistics(), (out == x / 2).all(), len(caught), config.CACHE_VARIABLE in str(caught[0].message))
    print(config.cache_directory())
    """
    first = run(code, blocked / "cache", TMPDIR=str(temporary)).splitlines()
    assert first[0] == "1 0 True 1 True"
    chosen = pathlib.Path(first[1])
    assert chosen.parent == temporary
    assert os.name == "nt" or chosen.stat().st_mode & 0o777 == 0o700
    assert run(code, blocked / "cache", TMPDIR=str(temporary)).startswith("0 1 True")


@pytest.mark.skipif(os.name == "nt", reason="permission bits")
def test_a_temporary_directory_that_others_can_write_is_not_trusted(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    shared = tmp_path / f"autograd-core-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    code = "warnings.simplefilter('ignore'); print(config.cache_directory())"
    chosen = pathlib.Path(run(code, blocked / "cache", TMPDIR=str(tmp_path)))
    assert chosen != shared
    assert chosen.stat().st_mode & 0o777 == 0o700


def test_kernels_work_where_nothing_can_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    code = """
    import tempfile
    def nowhere(*_, **__):
        raise FileNotFoundError("no usable temporary directory")
    tempfile.gettempdir = tempfile.mkdtemp = nowhere
    warnings.simplefilter("ignore")
    """
    assert run(textwrap.dedent(code) + SERIAL, blocked / "cache") == "1 0 True"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    code = """
    def fail(*_):
        raise OSError("disk full")
    os.replace = fail
    """
    assert run(textwrap.dedent(code) + SERIAL, tmp_path) == "1 0 True"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert run(SERIAL, tmp_path) == "1 0 True"


def test_the_key_follows_the_sources_and_what_changes_machine_code(tmp_path):
    copy = tmp_path / "package"
    (copy / "autograd_core").mkdir(parents=True)
    for name in ("__init__.py", "config.py"):
        shutil.copy(ROOT / "autograd_core" / name, copy / "autograd_core")
    (copy / "autograd_core" / "__init__.py").write_text("")
    shutil.copytree(ROOT / "autograd_core" / "kernels", copy / "autograd_core" / "kernels")
    code = "from autograd_core.kernels.cache import cache_key; print(cache_key())"

    def key(**environment: str) -> str:
        return run(code, tmp_path, prelude="", path=copy, **environment)

    first = key()
    assert key() == first
    assert key(NUMBA_NUM_THREADS="1") == first
    assert key(NUMBA_OPT="1") != first
    edited = copy / "autograd_core" / "kernels" / "vecmath" / "error.py"
    edited.write_text(edited.read_text() + "# edited\n")
    assert key() != first


def test_a_kernel_outside_the_package_is_compiled_again_after_an_edit(tmp_path):
    module = tmp_path / "outside.py"
    text = "from autograd_core.kernels.jit import kernel\n\n@kernel\ndef scale(x):\n    return x * {}\n"
    code = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import outside
    print(outside.scale(3.0), *jit.compile_statistics())
    """
    module.write_text(text.format("2.0"))
    assert run(code, tmp_path) == "6.0 1 0"
    assert run(code, tmp_path) == "6.0 0 1"
    module.write_text(text.format("3.0"))
    assert run(code, tmp_path) == "9.0 1 0"


def test_a_kernel_is_compiled_again_after_an_edit_of_a_helper_in_another_file(tmp_path):
    helper, module = tmp_path / "helper.py", tmp_path / "outside.py"
    text = "from autograd_core.kernels.jit import inline\n\nF = {}\n\n@inline\ndef change(x):\n    return x * F\n"
    module.write_text(
        "from autograd_core.kernels.jit import kernel\nfrom helper import change\n\n"
        "@kernel\ndef scale(x):\n    return change(x)\n"
    )
    code = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import outside
    print(outside.scale(3.0), *jit.compile_statistics())
    """
    helper.write_text(text.format("2.0"))
    assert run(code, tmp_path) == "6.0 1 0"
    assert run(code, tmp_path) == "6.0 0 1"
    helper.write_text(text.format("3.0"))
    assert run(code, tmp_path) == "9.0 1 0"


def test_a_global_that_differs_between_processes_is_part_of_the_key(tmp_path):
    module = tmp_path / "outside.py"
    module.write_text(
        "import os\nfrom autograd_core.kernels.jit import kernel\n\nF = float(os.environ['FACTOR'])\n\n"
        "@kernel\ndef scale(x):\n    return x * F\n"
    )
    code = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import outside
    print(outside.scale(3.0), *jit.compile_statistics())
    """
    assert run(code, tmp_path, FACTOR="2") == "6.0 1 0"
    assert run(code, tmp_path, FACTOR="2") == "6.0 0 1"
    assert run(code, tmp_path, FACTOR="5") == "15.0 1 0"


def test_closures_over_different_numbers_do_not_share_code(tmp_path):
    module = tmp_path / "outside.py"
    module.write_text(
        "from autograd_core.kernels.jit import kernel\n\n"
        "def make(factor):\n    @kernel\n    def scale(x):\n        return x * factor\n    return scale\n"
    )
    code = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    import outside
    print(outside.make(2.0)(3.0), outside.make(5.0)(3.0), *jit.compile_statistics())
    """
    assert run(code, tmp_path) == "6.0 15.0 2 0"
    assert run(code, tmp_path) == "6.0 15.0 0 2"


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


def test_generated_modules_are_shared_by_source():
    module = jit.load_generated("probe", "VALUE = 1\n")
    assert module.VALUE == 1
    assert jit.load_generated("probe", "VALUE = 1\n") is module
    assert jit.load_generated("probe", "VALUE = 2\n").VALUE == 2
    assert sys.modules[module.__name__] is module
    assert pathlib.Path(module.__file__).read_text() == "VALUE = 1\n"


def test_a_generated_module_that_fails_is_not_kept():
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            jit.load_generated("failing", "VALUE = 1 / 0\n")


def test_what_lies_on_the_disk_is_not_executed(cache):
    code = """
    path = pathlib.Path(jit.load_generated("halving", SOURCE).__file__)
    print(path.read_text() == SOURCE)
    path.write_text("raise SystemExit('executed')")
    """
    assert run(code, cache) == "True"
    assert run(code, cache) == "True"


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

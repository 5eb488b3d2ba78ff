"""Compiled kernels on disk: found again, never trusted when damaged, never the cause of an error."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import textwrap

import pytest

from autograd_core.kernels import jit
from tests.kernels.process import BOTH, ROOT, SERIAL, run


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
        directory.cache_directory()
    message = str(caught[0].message)
    print(*jit.compile_statistics(), (out == x / 2).all(), len(caught), directory.CACHE_VARIABLE in message)
    print(directory.cache_directory())
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
    code = "warnings.simplefilter('ignore'); print(directory.cache_directory())"
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

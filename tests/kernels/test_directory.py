"""Directories of compiled kernels: those of other versions go when nobody has used them for long, and no others."""

from __future__ import annotations

import os
import pathlib
import threading
import time

import pytest

from autograd_core.kernels import directory
from tests.kernels.process import SERIAL, run

OWN, OTHER, THIRD = "0" * 20, "a" * 20, "b" * 20
DAY = 24 * 3600


def make(path: pathlib.Path, days: float) -> pathlib.Path:
    """A directory with a kernel in it that was last used so many days ago."""
    (path / "generated").mkdir(parents=True)
    (path / "kernel.nbc").write_bytes(b"machine code")
    when = time.time() - days * DAY
    os.utime(path, (when, when))
    return path


def test_only_directories_of_other_keys_that_were_not_used_for_long_are_removed(tmp_path):
    own, fresh, stale = make(tmp_path / OWN, 40), make(tmp_path / OTHER, 29), make(tmp_path / THIRD, 31)
    strange = make(tmp_path / "notes", 400)
    (tmp_path / "file").touch()
    directory.look_after(own)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([OWN, OTHER, "notes", "file"])
    assert time.time() - own.stat().st_mtime < DAY  # used today
    assert (fresh / "kernel.nbc").exists()
    assert (strange / "kernel.nbc").exists()
    assert not stale.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need privileges")
def test_a_link_is_left_alone(tmp_path):
    elsewhere = make(tmp_path / "elsewhere" / THIRD, 400)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / OTHER).symlink_to(elsewhere, target_is_directory=True)
    directory.look_after(tmp_path / "cache" / OWN)
    assert (elsewhere / "kernel.nbc").exists()
    assert (tmp_path / "cache" / OTHER).is_symlink()


def test_a_directory_that_was_used_today_is_not_looked_after_again(tmp_path):
    own, stale = make(tmp_path / OWN, 0), make(tmp_path / OTHER, 31)
    directory.look_after(own)
    assert stale.exists()


def test_a_new_version_tidies_up_before_it_has_a_directory_itself(tmp_path):
    stale = make(tmp_path / OTHER, 31)
    directory.look_after(tmp_path / OWN)
    assert not stale.exists()
    assert not (tmp_path / OWN).exists()


def test_what_a_process_left_half_removed_is_removed(tmp_path):
    make(tmp_path / f"{OTHER}.0123456789ab.discarded", 0)
    directory.look_after(make(tmp_path / OWN, 2))
    assert [path.name for path in tmp_path.iterdir()] == [OWN]


def test_a_directory_that_comes_into_use_while_it_is_removed_stays(tmp_path, monkeypatch):
    stale = make(tmp_path / OTHER, 31)
    rename = pathlib.Path.rename

    def used_meanwhile(self, target):
        if self == stale:
            os.utime(stale)
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", used_meanwhile)
    directory.look_after(tmp_path / OWN)
    assert (stale / "kernel.nbc").exists()
    assert [path.name for path in tmp_path.iterdir()] == [OTHER]


def test_many_processes_may_tidy_up_at_once(tmp_path):
    for number in range(40):
        make(tmp_path / f"{number:020x}", 31)
    own = tmp_path / ("f" * 20)
    errors = []

    def work():
        try:
            directory.look_after(own)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_read_or_changed_is_no_error(tmp_path, monkeypatch):
    directory.look_after(tmp_path / "missing" / OWN)
    stale = make(tmp_path / OTHER, 31)

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(pathlib.Path, "rename", refuse)
    directory.look_after(tmp_path / OWN)
    assert (stale / "kernel.nbc").exists()


def test_the_first_kernel_of_a_process_does_it(cache):
    (own,) = (path for path in cache.iterdir() if path.is_dir())
    os.utime(own, (time.time() - 2 * DAY,) * 2)
    make(cache / OTHER, 31)
    make(cache / THIRD, 3)
    assert run(SERIAL, cache) == "0 1 True"
    assert sorted(path.name for path in cache.iterdir()) == sorted([own.name, THIRD])
    assert time.time() - own.stat().st_mtime < DAY

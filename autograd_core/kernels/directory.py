"""Where compiled kernels are kept between processes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import stat
import tempfile
import time
import uuid
import warnings

CACHE_VARIABLE = "AUTOGRAD_CORE_CACHE"

# Each edit of a kernel and each release makes a directory of its own, some megabytes large. One goes when no process
# has used it for this long.
KEPT_SECONDS = 30 * 24 * 3600
# How often a process that uses a directory says so, and looks for others to remove.
_LOOKED_AFTER_SECONDS = 24 * 3600
_KEY = re.compile(r"[0-9a-f]{20}")
_DISCARDED = ".discarded"

# Answers by environment, so that the probing write and the warning happen once, and a changed variable is still seen.
_directories: dict[tuple[str | None, ...], pathlib.Path] = {}


def cache_directory() -> pathlib.Path:
    """The directory that compiled kernels are kept in, created if need be.

    ``$AUTOGRAD_CORE_CACHE`` if set, else ``autograd-core`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. Where that cannot
    be written (read-only system, no home) a private directory for temporary files takes its place, with one warning:
    everything works, but kernels may be compiled again in a later process.
    """
    environment = tuple(os.environ.get(name) for name in (CACHE_VARIABLE, "XDG_CACHE_HOME", "HOME"))
    found = _directories.get(environment)
    if found is None:
        found = _directories[environment] = _find_cache_directory()
    return found


def _find_cache_directory() -> pathlib.Path:
    reason: Exception
    try:
        wanted = _preferred_directory()
        _require_writable(wanted)
        return wanted
    except (OSError, RuntimeError) as error:  # RuntimeError: pathlib found no home directory
        reason = error
    fallback = _private_temporary_directory()
    warnings.warn(
        f"the kernel cache cannot be written ({reason}); using {fallback} instead. "
        f"Set {CACHE_VARIABLE} to a writable directory to keep compiled kernels.",
        RuntimeWarning,
        stacklevel=3,
    )
    return fallback


def _preferred_directory() -> pathlib.Path:
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return pathlib.Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = pathlib.Path(base) if os.path.isabs(base) else pathlib.Path.home() / ".cache"
    return root / "autograd-core"


def _require_writable(directory: pathlib.Path) -> None:
    """Raise OSError unless a file can be created in `directory`; permission bits alone do not tell (root, NFS)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def _private_temporary_directory() -> pathlib.Path:
    """A directory for temporary files that only this user can write, since cached kernels are code that will run."""
    try:
        root = tempfile.gettempdir()
    except OSError:  # nowhere at all to write: kernels are compiled and not kept
        return pathlib.Path(os.devnull) / "autograd-core"
    user = os.getuid() if hasattr(os, "getuid") else 0
    shared = pathlib.Path(root) / f"autograd-core-{user}"
    with contextlib.suppress(OSError):
        shared.mkdir(mode=0o700, exist_ok=True)
        status = shared.lstat()
        private = os.name == "nt" or (status.st_uid == user and not status.st_mode & 0o077)
        if stat.S_ISDIR(status.st_mode) and private:
            _require_writable(shared)
            return shared
    # Someone else made that name first (or it is a link): take a fresh one.
    try:
        return pathlib.Path(tempfile.mkdtemp(prefix="autograd-core-"))
    except OSError:
        return pathlib.Path(os.devnull) / "autograd-core"


def look_after(used: pathlib.Path) -> None:
    """Note that the directory `used` of one key is in use, and once a day remove its neighbours that nobody uses.

    The time of a directory says when it was last used. Never raises: what cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        if used.is_dir():
            if time.time() - used.stat().st_mtime < _LOOKED_AFTER_SECONDS:
                return
            os.utime(used)
        for entry in list(os.scandir(used.parent)):
            if entry.is_dir(follow_symlinks=False) and entry.name != used.name:
                _discard_if_unused(pathlib.Path(entry.path))


def _discard_if_unused(directory: pathlib.Path) -> None:
    """Remove the directory of a key, in one step as others see it.

    A process that reads from it meanwhile finds nothing and compiles; one that writes makes it anew.
    """
    with contextlib.suppress(OSError):
        if directory.name.endswith(_DISCARDED):
            # By a process that did not get to its end, or one that is about to look at its time: under a name of its
            # own it can be emptied without that one taking it for used.
            shutil.rmtree(_moved_aside(directory), ignore_errors=True)
            return
        if not _KEY.fullmatch(directory.name) or not _unused(directory):
            return
        moved = _moved_aside(directory)
        # Another process may have begun to use it just before it was moved.
        if not _unused(moved) and not directory.exists():
            moved.rename(directory)
            return
        shutil.rmtree(moved, ignore_errors=True)


def _moved_aside(directory: pathlib.Path) -> pathlib.Path:
    moved = directory.with_name(f"{directory.name.partition('.')[0]}.{uuid.uuid4().hex[:12]}{_DISCARDED}")
    directory.rename(moved)
    return moved


def _unused(directory: pathlib.Path) -> bool:
    return time.time() - directory.stat().st_mtime > KEPT_SECONDS

"""Where compiled kernels are kept between processes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import tempfile
import warnings

CACHE_VARIABLE = "AUTOGRAD_CORE_CACHE"

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

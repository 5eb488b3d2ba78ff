"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name beside its place and move it there: nobody ever sees half of it.

    Raises:
        OSError: of the kind that the system gave, naming the file and a way out.
    """
    # A link stays a link: what it points to is replaced.
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_move(target, content)
    except OSError as error:
        advice = "give a path in a directory you may write to, or take the text itself: to_svg(), to_html(), source"
        # The errno makes it a PermissionError, a NotADirectoryError, and so on again.
        raise OSError(error.errno, f"cannot write the picture: {error.strerror}; {advice}", str(path)) from None


def _write_and_move(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise

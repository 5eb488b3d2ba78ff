"""Programs that turn DOT text into a drawing: Graphviz's ``dot``, pygraphviz, and the built-in layout.

The first two may be missing or broken in many ways (no program, no shared library, a version that crashes), so every
failure is caught and remembered: a picture tries the next engine, and the error when none is left tells all reasons.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable
from typing import Literal

from .model import Picture
from .svg import write_svg

Engine = Literal["auto", "dot", "pygraphviz", "builtin"]

ENGINES: tuple[Engine, ...] = ("auto", "dot", "pygraphviz", "builtin")

TIMEOUT_SECONDS = 30.0

# Graphviz takes seconds beyond this many boxes, minutes for some graphs; and pygraphviz, in this process, cannot be
# stopped. The built-in layout's time grows in proportion to the graph.
MOST_NODES = 1500

INSTALL_HELP = """\
Any one of these brings Graphviz:
  pip install "autograd-core[viz]"                 any system, nothing else needed
  apt install graphviz                             Debian, Ubuntu
  brew install graphviz                            macOS
  conda install -c conda-forge graphviz            conda
  winget install Graphviz.Graphviz                 Windows
Or save the picture as .svg, which needs no other program."""


class RenderError(RuntimeError):
    """No engine could draw the picture; the message says why, and what to install."""


def run_dot(source: str, kind: str) -> bytes:
    """Draw with the ``dot`` program.

    Raises:
        RenderError: if there is none on the PATH, it fails, or it takes too long.
    """
    program = shutil.which("dot")
    if program is None:
        raise RenderError("not found on the PATH")
    try:
        done = subprocess.run(
            [program, f"-T{kind}"], input=source.encode(), capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"took longer than {TIMEOUT_SECONDS:g} seconds") from None
    except OSError as error:
        raise RenderError(f"could not be started: {error}") from error
    if done.returncode != 0 or not done.stdout:
        message = done.stderr.decode(errors="replace").strip()[-300:]
        raise RenderError(f"ended with status {done.returncode}: {message}")
    return done.stdout


def run_pygraphviz(source: str, kind: str) -> bytes:
    """Draw with the Graphviz library that pygraphviz carries.

    Raises:
        RenderError: if it is not installed or does not work here.
    """
    # Not only ImportError: its wheel wants system libraries that a slim container lacks.
    try:
        with warnings.catch_warnings():
            # It warns of whatever Graphviz says, about fonts for example; the picture comes out well all the same.
            warnings.simplefilter("ignore")
            import pygraphviz

            drawn = pygraphviz.AGraph(string=source).draw(format=kind, prog="dot")
    except Exception as error:
        raise RenderError(f"{type(error).__name__}: {str(error).strip()[:300]}") from error
    if not drawn:
        raise RenderError("returned nothing")
    return bytes(drawn)


# In the order in which they are tried.
GRAPHVIZ: dict[str, Callable[[str, str], bytes]] = {"dot": run_dot, "pygraphviz": run_pygraphviz}


def draw_svg(source: str, picture: Picture, engine: Engine = "auto") -> tuple[str, str]:
    """The SVG text of a picture and the name of the engine that drew it.

    Args:
        source: its DOT text, which the Graphviz engines read.
        picture: the picture itself, which the built-in layout reads.
        engine: one engine by name, or ``"auto"`` for the first that works.

    Raises:
        ValueError: if there is no such engine.
        RenderError: if an engine asked for by name does not work here.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}; got {engine!r}")
    if engine == "auto":
        for name, run in GRAPHVIZ.items() if len(picture.nodes) <= MOST_NODES else ():
            try:
                return run(source, "svg").decode(), name
            except (RenderError, UnicodeDecodeError):
                continue
    elif engine != "builtin":
        try:
            return GRAPHVIZ[engine](source, "svg").decode(), engine
        except RenderError as error:
            raise RenderError(f"{engine} cannot draw here: {error}\n{INSTALL_HELP}") from error
    return write_svg(picture), "builtin"


def draw_image(source: str, kind: str) -> tuple[bytes, str]:
    """A PNG or PDF of a DOT text and the name of the engine that drew it.

    Raises:
        RenderError: if neither Graphviz engine works here.
    """
    reasons = []
    for name, run in GRAPHVIZ.items():
        try:
            return run(source, kind), name
        except RenderError as error:
            reasons.append(f"  {name}: {error}")
    raise RenderError(
        f"a {kind.upper()} needs Graphviz, which is not available here:\n" + "\n".join(reasons) + f"\n{INSTALL_HELP}"
    )

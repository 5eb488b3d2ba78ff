"""Programs that turn DOT text into a drawing: Graphviz's ``dot``, pygraphviz, and the built-in layout.

The first two may be missing or broken in many ways (no program, no shared library, a version that crashes), so every
failure is caught and remembered: a picture tries the next engine, and the error when none is left tells all reasons.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from .model import Picture
from .svg import write_svg

Engine = Literal["auto", "dot", "pygraphviz", "builtin"]

ENGINES: tuple[Engine, ...] = ("auto", "dot", "pygraphviz", "builtin")

TIMEOUT_SECONDS = 10.0

# Graphviz takes seconds beyond this many boxes or arrows, minutes for some graphs. The built-in layout's time grows in
# proportion to the graph.
MOST_NODES, MOST_EDGES = 1500, 4000
# In this process pygraphviz cannot be stopped: beyond this many arrows it runs in another, which can.
MOST_EDGES_IN_PROCESS = 150
# And this is what the built-in layout takes a few seconds for; a larger graph is summarised first.
MOST_LAID_OUT = 12_000

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
    try:
        with warnings.catch_warnings():
            # It warns of whatever Graphviz says, about fonts for example; the picture comes out well all the same.
            warnings.simplefilter("ignore")
            # Not only ImportError below: its wheel wants system libraries that a slim container lacks.
            import pygraphviz

            if source.count(" -> ") > MOST_EDGES_IN_PROCESS:
                drawn = _run_elsewhere(source, kind)
            else:
                drawn = pygraphviz.AGraph(string=source).draw(format=kind, prog="dot")
    except RenderError:
        raise
    except Exception as error:
        raise RenderError(f"{type(error).__name__}: {str(error).strip()[:300]}") from error
    if not drawn:
        raise RenderError("returned nothing")
    return bytes(drawn)


_PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import pygraphviz
source = sys.stdin.buffer.read().decode()
sys.stdout.buffer.write(pygraphviz.AGraph(string=source).draw(format=sys.argv[1], prog="dot"))
"""


def _run_elsewhere(source: str, kind: str) -> bytes:
    """Let pygraphviz draw in a process of its own, no longer than allowed."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, kind],
            input=source.encode(),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"took longer than {TIMEOUT_SECONDS:g} seconds") from None
    except OSError as error:
        raise RenderError(f"could not be started: {error}") from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()[-300:]
        raise RenderError(f"ended with status {done.returncode}: {message}")
    return done.stdout


def run_resvg(picture: Picture) -> bytes:
    """A PNG of the built-in drawing by resvg-py, a small library without further needs.

    Raises:
        RenderError: if it is not installed or does not work here.
    """
    try:
        import resvg_py

        return bytes(resvg_py.svg_to_bytes(svg_string=write_svg(picture), dpi=96, zoom=2, **_fonts()))
    except Exception as error:
        raise RenderError(f"{type(error).__name__}: {str(error).strip()[:300]}") from error


def _fonts() -> dict[str, Any]:
    """Fonts beside those of the system, which a slim container lacks: matplotlib brings some."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        return {}
    directory = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    return {"font_dirs": [str(directory)], "sans_serif_family": "DejaVu Sans"} if directory.is_dir() else {}


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
        is_small = len(picture.nodes) <= MOST_NODES and len(picture.edges) <= MOST_EDGES
        for name, run in GRAPHVIZ.items() if is_small else ():
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


def draw_image(source: str, picture: Picture, kind: str) -> tuple[bytes, str]:
    """A PNG or PDF of a picture and the name of the engine that drew it.

    Args:
        source: its DOT text, which the Graphviz engines read.
        picture: the picture itself, which is drawn as SVG and turned into a PNG where they are missing.
        kind: ``"png"`` or ``"pdf"``.

    Raises:
        RenderError: if no engine works here.
    """
    reasons = []
    for name, run in GRAPHVIZ.items():
        try:
            return run(source, kind), name
        except RenderError as error:
            reasons.append(f"  {name}: {error}")
    if kind == "png":
        try:
            return run_resvg(picture), "resvg"
        except RenderError as error:
            reasons.append(f"  resvg: {error}")
    raise RenderError(
        f"a {kind.upper()} needs Graphviz, which is not available here:\n" + "\n".join(reasons) + f"\n{INSTALL_HELP}"
    )

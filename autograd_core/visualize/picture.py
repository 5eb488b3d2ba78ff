"""The picture a user holds: a ``graphviz.Digraph`` that also draws and saves itself where Graphviz is missing."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import graphviz

from .dot import write_dot
from .engines import MOST_LAID_OUT, Engine, draw_image, draw_svg
from .files import write_whole
from .html import write_html
from .mermaid import write_mermaid
from .model import Picture

TEXT_SUFFIXES = (".dot", ".gv", "")
SUFFIXES = (".dot", ".gv", ".svg", ".html", ".png", ".pdf", ".mmd")


class GraphPicture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no annotations
    """A picture of a computation graph: a ``graphviz.Digraph`` made by :func:`draw`.

    ``source`` is its DOT text and needs no other program. In a notebook it shows itself as SVG. What is added to it
    with graphviz's own methods appears in ``source`` and in what Graphviz draws; the built-in layout and Mermaid show
    the graph as it was recorded.

    Attributes:
        picture: boxes, arrows and frames, free of any format.
        drawn_by: the engine that drew last, or None.

    Example:
        >>> import autograd_core as ag
        >>> from autograd_core.visualize import draw
        >>> x = ag.ones(2, requires_grad=True)
        >>> picture = draw((x * x).sum())
        >>> picture.to_svg(engine="builtin").startswith("<svg")
        True
        >>> picture.drawn_by
        'builtin'
    """

    filename: str
    directory: str

    def __init__(self, name: str | None = None, *, picture: Picture | None = None, **keywords: Any) -> None:
        super().__init__(name, **keywords)
        self.picture = picture if picture is not None else Picture(name or "graph", "LR")
        self.drawn_by: str | None = None
        # The same graph with every module open, for the page in which they can be opened.
        self.whole: Callable[[], Picture] | None = None
        # The same graph summarised, for when this one is too large to be laid out.
        self.smaller: Callable[[], Picture] | None = None

    def _copy_kwargs(self, **keywords: Any) -> dict[str, Any]:
        return {**super()._copy_kwargs(**keywords), "picture": self.picture}

    def to_svg(self, engine: Engine = "auto") -> str:
        """The picture as SVG text.

        Args:
            engine: ``"auto"`` takes the first that works of ``"dot"`` (Graphviz's program), ``"pygraphviz"`` and
                ``"builtin"``, which needs nothing; a name insists on that one.

        Raises:
            ValueError: if there is no such engine.
            RenderError: if the engine insisted on does not work here.
        """
        source, picture = self._drawable()
        text, self.drawn_by = draw_svg(source, picture, engine)
        return text

    def _drawable(self) -> tuple[str, Picture]:
        """DOT text and picture of this, or of a summary if this is too large to be laid out in a few seconds."""
        size = len(self.picture.nodes) + len(self.picture.edges) // 4
        if size <= MOST_LAID_OUT or self.smaller is None:
            return self.source, self.picture
        picture = self.smaller()
        digraph = graphviz.Digraph(self.name)
        write_dot(picture, digraph)
        return digraph.source, picture

    def to_mermaid(self) -> str:
        """The picture as a Mermaid flowchart, which code forges draw inside Markdown.

        Example:
            >>> import autograd_core as ag
            >>> from autograd_core.visualize import draw
            >>> x = ag.ones(2, requires_grad=True)
            >>> print(draw(x.exp()).to_mermaid().split("classDef")[0])
            %% forward graph · 1 operation
            flowchart LR
                input1(["input<br>2"])
                operation1("exp")
                output1(["output"])
                input1 --> operation1
                operation1 -->|"2"| output1
            <BLANKLINE>
        """
        return write_mermaid(self.picture)

    def to_html(self) -> str:
        """The picture as one self-contained page: modules open and close, boxes are searched and pointed at.

        It needs nothing but a browser, works with mouse, touch and keys, and follows the light or dark setting.

        Example:
            >>> import autograd_core as ag
            >>> from autograd_core.visualize import draw
            >>> x = ag.ones(2, requires_grad=True)
            >>> draw(x.exp()).to_html().startswith("<!doctype html>")
            True
        """
        whole = self.picture if self.whole is None else self.whole()
        opened = {cluster.key for cluster in self.picture.clusters}
        return write_html(whole, opened, self.picture.name if self.picture.name != "autograd" else "Computation graph")

    def save(
        self,
        filename: os.PathLike[str] | str | None = None,
        directory: os.PathLike[str] | str | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the picture to a file; its suffix says how.

        ``.dot`` and ``.gv`` (and no suffix) hold DOT text, ``.mmd`` Mermaid text, ``.svg`` a drawing and ``.html`` a
        page to explore: these work everywhere. ``.png`` and ``.pdf`` need Graphviz. The file appears whole or not at
        all; missing directories are made.

        Args:
            filename: where to write; the picture's name with ``.gv`` unless given.
            directory: put before `filename`.
            skip_existing: leave a file that exists as it is.

        Returns:
            The path written to.

        Raises:
            ValueError: for another suffix.
            RenderError: for PNG and PDF where there is no Graphviz; says what to install.

        Example:
            >>> import os, tempfile
            >>> import autograd_core as ag
            >>> from autograd_core.visualize import draw
            >>> x = ag.ones(2, requires_grad=True)
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     path = draw(x.exp()).save(os.path.join(directory, "exp.svg"))
            ...     os.path.basename(path), os.path.getsize(path) > 500
            ('exp.svg', True)
        """
        path = Path(directory or self.directory or "", filename if filename is not None else self.filename)
        suffix = path.suffix.lower()
        if suffix not in (*SUFFIXES, ""):
            raise ValueError(f"cannot save a picture as {path.name!r}: the suffix must be one of {', '.join(SUFFIXES)}")
        if skip_existing and path.exists():
            return str(path)
        write_whole(path, self._content(suffix))
        # What graphviz's own render() and view() go by; only DOT text may stand there for them.
        if suffix in TEXT_SUFFIXES:
            self.filename, self.directory = path.name, str(path.parent)
        return str(path)

    def render(
        self,
        filename: os.PathLike[str] | str | None = None,
        directory: os.PathLike[str] | str | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        outfile: os.PathLike[str] | str | None = None,
        **_: Any,
    ) -> str:
        """As graphviz's method: write the drawing to `filename` and the format's suffix, and return its path.

        Unlike there Graphviz may be missing, and no DOT file is left beside it; `cleanup` therefore changes nothing.
        """
        kind = format or (Path(outfile).suffix[1:] if outfile else "") or self.format
        path = Path(outfile) if outfile else Path(f"{filename if filename is not None else self.filename}.{kind}")
        written = self.save(path, directory)
        if view:
            webbrowser.open(Path(written).resolve().as_uri())
        return written

    def pipe(self, format: str | None = None, renderer: Any = None, formatter: Any = None, **keywords: Any) -> Any:
        """As graphviz's method: the drawing as bytes, or as text with `encoding`; Graphviz may be missing."""
        content = self._content(f".{format or self.format}")
        encoding = keywords.get("encoding")
        return content if encoding is None else content.decode(encoding)

    def view(
        self, filename: os.PathLike[str] | str | None = None, directory: os.PathLike[str] | str | None = None, **_: Any
    ) -> str:
        """Show the picture as a page in the browser; return the path of the page.

        Args:
            filename: where to write it; a temporary directory unless given.
            directory: put before `filename`.
        """
        if filename is None and directory is None:
            directory = tempfile.mkdtemp(prefix="autograd-core-")
        path = self.save(filename if filename is not None else f"{self.name}.html", directory)
        webbrowser.open(Path(path).resolve().as_uri())
        return path

    def _content(self, suffix: str) -> bytes:
        if suffix in TEXT_SUFFIXES:
            source: str = self.source
            return source.encode()
        if suffix == ".mmd":
            return self.to_mermaid().encode()
        if suffix == ".html":
            return self.to_html().encode()
        if suffix == ".svg":
            return self.to_svg().encode()
        content, self.drawn_by = draw_image(*self._drawable(), suffix[1:])
        return content

    def _repr_svg_(self) -> str | None:
        # A notebook must show its cell's text even if no picture can be made of it: None, never an exception.
        try:
            return self.to_svg()
        except Exception:
            return None

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, bytes | str]:
        """What a notebook shows: SVG, and plain text where that cannot be made or shown."""
        bundle: dict[str, bytes | str] = {"text/plain": repr(self)}
        svg = self._repr_svg_()
        if svg is not None:
            bundle["image/svg+xml"] = svg
        wanted = set(bundle) if include is None else set(include)
        wanted -= set(exclude or ())
        return {kind: content for kind, content in bundle.items() if kind in wanted}

    def __repr__(self) -> str:
        # What a terminal shows: a picture cannot be, so it says how to get at it.
        return f"<GraphPicture: {'; '.join(self.picture.caption) or self.name}; .view() shows it, .save() writes it>"

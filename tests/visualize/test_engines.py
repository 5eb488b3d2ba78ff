"""Drawing and saving, with Graphviz and without."""

from __future__ import annotations

import builtins
import os
import stat
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from autograd_core.visualize import RenderError, draw, engines
from autograd_core.visualize.files import write_whole

SVG = "{http://www.w3.org/2000/svg}"


def fake_dot(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program named ``dot`` on the PATH."""
    program = directory / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin")


def broken(*arguments: Any, **keywords: Any) -> Any:
    raise ZeroDivisionError("broken on purpose")


posix = pytest.mark.skipif(os.name != "posix", reason="needs a shell script as a stand-in for dot")


@pytest.mark.usefixtures("no_graphviz")
def test_without_graphviz_the_built_in_layout_draws(graph: Any) -> None:
    picture = draw(graph, max_nodes=None)
    root = ElementTree.fromstring(picture.to_svg())
    assert picture.drawn_by == "builtin"
    assert root.tag == f"{SVG}svg"
    nodes = [element.get("data-node") for element in root.iter(f"{SVG}g") if element.get("data-node")]
    assert nodes == [node.identifier for node in picture.picture.nodes]
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert set(picture.picture.caption) <= set(texts)
    assert {cluster.label for cluster in picture.picture.clusters} <= set(texts)


@pytest.mark.usefixtures("no_graphviz")
@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_an_image_without_graphviz_says_what_to_install(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "resvg_py", None)
    picture = draw(record.chain(2))
    with pytest.raises(RenderError) as caught:
        picture.save(tmp_path / f"graph.{suffix}")
    message = str(caught.value)
    assert message.startswith(f"a {suffix.upper()} needs Graphviz, which is not available here:")
    for part in (
        "dot: not found on the PATH",
        "pygraphviz: ",
        'pip install "autograd-core[viz]"',
        "apt install graphviz",
        "brew install graphviz",
        "conda install -c conda-forge graphviz",
        "winget install Graphviz.Graphviz",
        ".svg",
    ):
        assert part in message
    assert len(message.splitlines()) < 15
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_graphviz")
def test_a_missing_engine_asked_for_by_name(record: Any) -> None:
    picture = draw(record.chain(2))
    for engine in ("dot", "pygraphviz"):
        with pytest.raises(RenderError, match=f"{engine} cannot draw here"):
            picture.to_svg(engine=engine)
    with pytest.raises(ValueError, match="engine must be one of auto, dot, pygraphviz, builtin; got 'neato'"):
        picture.to_svg(engine="neato")  # type: ignore[arg-type]


def test_pygraphviz_draws(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz", exc_type=ImportError)
    monkeypatch.setenv("PATH", "")
    picture = draw(record.perceptron())
    root = ElementTree.fromstring(picture.to_svg(engine="pygraphviz"))
    assert picture.drawn_by == "pygraphviz"
    assert "layers.3.weight" in "".join(root.itertext())
    picture.to_svg()
    assert picture.drawn_by == "pygraphviz"
    picture.save(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


def test_pygraphviz_that_fails_in_any_way_is_passed_over(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "pygraphviz":
            raise OSError("libX11.so.6: cannot open shared object file")
        return real(name, *arguments, **keywords)

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(builtins, "__import__", without)
    picture = draw(record.chain(2))
    assert picture.to_svg().startswith("<svg")
    assert picture.drawn_by == "builtin"


@posix
def test_dot_is_tried_first(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dot(tmp_path, monkeypatch, 'echo "<svg>$1 $(cat | head -c 7)</svg>"')
    picture = draw(record.chain(2))
    assert picture.to_svg() == "<svg>-Tsvg digraph</svg>\n"
    assert picture.drawn_by == "dot"


@posix
@pytest.mark.parametrize("script", ["echo broken >&2; exit 1", "exit 0", "exec sleep 60", "printf '\\377'"])
def test_a_dot_that_fails_is_passed_over(
    record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 0.3)
    fake_dot(tmp_path, monkeypatch, script)
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)
    picture = draw(record.chain(2))
    assert picture.to_svg().startswith("<svg xmlns")
    assert picture.drawn_by == "builtin"


@posix
def test_a_dot_that_takes_too_long_says_so(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 0.2)
    fake_dot(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(RenderError, match=r"took longer than 0\.2 seconds"):
        draw(record.chain(2)).to_svg(engine="dot")


def test_a_very_large_graph_is_not_given_to_graphviz(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "MOST_NODES", 5)
    monkeypatch.setattr(engines, "GRAPHVIZ", {"dot": broken, "pygraphviz": broken})
    picture = draw(record.chain(10))
    picture.to_svg()
    assert picture.drawn_by == "builtin"


def test_a_notebook_cell_never_fails(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = draw(record.chain(2))
    monkeypatch.setenv("PATH", "")
    shown = picture._repr_mimebundle_()
    assert "<svg" in str(shown["image/svg+xml"])
    assert picture._repr_mimebundle_(include=["text/plain"]) == {"text/plain": repr(picture)}
    assert set(picture._repr_mimebundle_(exclude=["text/plain"])) == {"image/svg+xml"}
    monkeypatch.setattr(engines, "GRAPHVIZ", {"dot": broken})
    monkeypatch.setattr(engines, "write_svg", broken)
    assert picture._repr_svg_() is None
    assert picture._repr_mimebundle_() == {"text/plain": repr(picture)}
    assert repr(picture) == "<GraphPicture: forward graph · 2 operations; .view() shows it, .save() writes it>"


@pytest.mark.parametrize(("name", "start"), [("a.dot", b"digraph"), ("a.gv", b"digraph"), ("a.mmd", b"%%")])
def test_texts_are_saved(record: Any, tmp_path: Path, name: str, start: bytes) -> None:
    picture = draw(record.perceptron())
    path = tmp_path / "new" / "directory" / name
    assert picture.save(path) == str(path)
    assert path.read_bytes().startswith(start)
    assert path.read_text(encoding="utf-8") == (picture.to_mermaid() if name.endswith("mmd") else picture.source)
    assert [entry.name for entry in path.parent.iterdir()] == [name]


@pytest.mark.usefixtures("no_graphviz")
def test_a_drawing_is_saved(record: Any, tmp_path: Path) -> None:
    picture = draw(record.perceptron())
    path = picture.save("graph.SVG", tmp_path)
    ElementTree.parse(path)
    # Saving a drawing does not lead graphviz's own render() to write DOT text over it.
    assert picture.filename == "autograd.gv"


def test_other_suffixes_are_refused(record: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"cannot save a picture as 'graph\.bmp': .*\.dot, \.gv, \.svg, \.html, \.png, \.pdf"
    ):
        draw(record.chain(2)).save(tmp_path / "graph.bmp")


def test_a_file_is_replaced_whole_or_not_at_all(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.svg"
    path.write_text("before")
    picture = draw(record.chain(2))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", broken)
        with pytest.raises(ZeroDivisionError):
            picture.save(path)
        patch.undo()
        patch.setattr(Path, "write_bytes", broken)
        with pytest.raises(ZeroDivisionError):
            picture.save(path)
        patch.undo()
        patch.setattr(engines, "write_svg", broken)
        patch.setattr(engines, "GRAPHVIZ", {})
        with pytest.raises(ZeroDivisionError):
            picture.save(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    assert picture.save(path, skip_existing=True) == str(path)
    assert path.read_text() == "before"
    picture.save(path)
    assert "svg" in path.read_text(encoding="utf-8")


@posix
def test_saving_keeps_links_and_the_usual_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "target.gv", tmp_path / "link.gv"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_cannot_be_written_is_said_with_a_way_out(record: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write the picture: .*; give a path in a directory you may write to"):
        draw(record.chain(2)).save(tmp_path / "file" / "graph.svg")

    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(PermissionError, match="cannot write the picture: Permission denied"):
            draw(record.chain(2)).save(tmp_path / "graph.svg")


@pytest.mark.usefixtures("no_graphviz")
def test_graphviz_own_methods_need_no_graphviz(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    picture = draw(record.chain(2))
    assert picture.pipe(format="svg", encoding="utf-8").startswith("<svg")
    assert picture.render(tmp_path / "graph", format="svg") == str(tmp_path / "graph.svg")
    assert picture.render(outfile=tmp_path / "other.html", view=True) == str(tmp_path / "other.html")
    page = picture.view()
    assert Path(page).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert shown == [(tmp_path / "other.html").as_uri(), Path(page).as_uri()]
    with pytest.raises(RenderError, match="a PDF needs Graphviz"):
        picture.render(tmp_path / "graph")


def test_pygraphviz_is_stopped_when_it_takes_too_long(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz", exc_type=ImportError)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 0.3)
    picture = draw(record.dense(60), max_nodes=None)
    with pytest.raises(RenderError, match=r"pygraphviz cannot draw here: took longer than 0\.3 seconds"):
        picture.to_svg(engine="pygraphviz")
    assert picture.to_svg().startswith("<svg")
    assert picture.drawn_by == "builtin"


def test_pygraphviz_in_a_process_of_its_own(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz", exc_type=ImportError)
    monkeypatch.setattr(engines, "MOST_EDGES_IN_PROCESS", 0)
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 60.0)
    root = ElementTree.fromstring(draw(record.perceptron()).to_svg(engine="pygraphviz"))
    assert "layers.3.weight" in "".join(root.itertext())


def test_too_large_a_graph_is_summarised_before_it_is_laid_out(record: Any) -> None:
    picture = draw(record.chain(20_000), max_nodes=None, fold_repeats=False)
    assert picture.source.count(" -> ") == 20_001
    text = picture.to_svg(engine="builtin")
    assert "20,002 boxes exceed max_nodes=1500: 18,503 operations in the middle summarised" in text


@pytest.mark.usefixtures("no_graphviz")
def test_a_png_by_resvg(record: Any, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    picture = draw(record.perceptron())
    picture.save(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert picture.drawn_by == "resvg"

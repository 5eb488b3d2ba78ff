"""The interactive page, in a real browser: it draws, answers to mouse and keys, and loads nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag
from autograd_core.op import REGISTRY
from autograd_core.visualize import draw
from autograd_core.visualize.formulas import formulas_of
from autograd_core.visualize.mathml import to_mathml

from .chromium import Browser, find


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no Chromium on the PATH (Debian: apt install chromium)")
    with Browser(program) as browser:
        yield browser


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    shared_browser.errors.clear()
    shared_browser.requests.clear()
    yield shared_browser
    assert shared_browser.errors == []
    assert shared_browser.requests == []


def show(browser: Browser, path: Path, output: Any, dark: bool = False, **options: Any) -> None:
    page = path / "graph.html"
    draw(output, **options).save(page)
    browser.open(page, dark)


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")
    return found


def box(browser: Browser, selector: str) -> dict[str, float]:
    found: dict[str, float] = browser.run(
        f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        " return {x: b.x, y: b.y, width: b.width, height: b.height}; })()"
    )
    return found


def center(browser: Browser, selector: str) -> tuple[float, float]:
    found = box(browser, selector)
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def test_every_formula_of_the_registry_can_be_shown() -> None:
    formulas = [latex for name in REGISTRY for _, latex in formulas_of(name)]
    assert len(formulas) > 100
    assert all(to_mathml(latex).startswith("<math") for latex in formulas)
    with pytest.raises(ValueError, match="unknown' is not among the LaTeX"):
        to_mathml(r"\unknown x")


def test_a_page_is_one_file_that_no_name_can_break(record: Any, tmp_path: Path) -> None:
    picture = draw(record.apply("</script><b>", record.leaf(2, name="<!--")), name="a <title> & more")
    text = picture.to_html()
    assert "</script><b>" not in text
    assert "<title>a &lt;title&gt; &amp; more</title>" in text
    assert not [
        word
        for word in ("http://", "https://", "src=", "@import")
        if word in text.replace("http://www.w3.org/2000/svg", "")
    ]
    path = tmp_path / "graph.html"
    assert picture.save(path) == str(path)
    assert path.read_text(encoding="utf-8") == text


def test_it_opens_as_the_drawing_is(browser: Browser, record: Any, tmp_path: Path) -> None:
    picture = draw(record.resnet())
    show(browser, tmp_path, record.resnet())
    assert len(texts(browser, ".node")) == len(picture.picture.nodes)
    assert [title[2:] for title in texts(browser, ".cluster > .title")] == [c.label for c in picture.picture.clusters]
    assert "▸ 0 … 1 (BasicBlock × 2)" in texts(browser, ".node .first")
    assert texts(browser, "#caption p")[0] == picture.picture.caption[0]


def test_a_click_opens_a_module_and_closes_it(browser: Browser, record: Any, tmp_path: Path) -> None:
    show(browser, tmp_path, record.resnet())
    before = len(texts(browser, ".node"))
    key = browser.run("document.querySelector('.node.module').dataset.key")
    browser.press("0")
    place = box(browser, f"[data-key={key}]")
    browser.click(*center(browser, f"[data-key={key}]"))
    assert len(texts(browser, ".node")) > before
    opened = box(browser, f"[data-key={key}] .frame")
    assert (opened["x"], opened["y"]) == pytest.approx((place["x"], place["y"]), abs=2)
    assert browser.run(f"document.querySelector('[data-key={key}]').getAttribute('aria-expanded')") == "true"
    browser.click(opened["x"] + 40, opened["y"] + 6)
    assert len(texts(browser, ".node")) == before


def test_keys_open_follow_and_fit(browser: Browser, record: Any, tmp_path: Path) -> None:
    show(browser, tmp_path, record.perceptron(), depth=2)
    focused = "document.activeElement.dataset.key || document.activeElement.id"
    browser.run("document.getElementById('canvas').focus()")
    browser.press("Tab")
    assert browser.run(focused) == "c0"
    before = len(texts(browser, ".node"))
    browser.press("Enter")  # closes the network
    assert len(texts(browser, ".node")) < before
    assert browser.run(focused) == "c0"
    browser.press("Enter")
    assert len(texts(browser, ".node")) == before
    start = browser.run("document.querySelector('.node').dataset.key")
    browser.run("document.querySelector('.node').focus()")
    browser.press("ArrowRight")
    following = browser.run(focused)
    assert following != start
    browser.press("ArrowLeft")
    assert browser.run(focused) == start
    browser.press("e")
    assert texts(browser, ".node.module") == []
    browser.press("c")
    assert texts(browser, ".cluster") == []
    browser.press("r")
    assert len(texts(browser, ".node")) == before
    size = box(browser, "#view")["width"]
    browser.press("+")
    assert box(browser, "#view")["width"] == pytest.approx(1.25 * size, rel=0.05)
    browser.press("0")
    assert box(browser, "#view")["width"] <= 1200
    browser.press("?")
    assert browser.run("document.getElementById('keys').hidden") is False
    browser.press("Escape")
    assert browser.run("document.getElementById('keys').hidden") is True


def test_dragging_moves_and_the_wheel_zooms_at_the_pointer(browser: Browser, record: Any, tmp_path: Path) -> None:
    show(browser, tmp_path, record.resnet())
    before = box(browser, ".node")
    nodes = len(texts(browser, ".node"))
    browser.mouse("mouseMoved", 600, 500)
    browser.mouse("mousePressed", 600, 500, button="left", clickCount=1)
    for step in range(1, 5):
        browser.mouse("mouseMoved", 600 - 10 * step, 500 + 5 * step, button="left", buttons=1)
    browser.mouse("mouseReleased", 560, 520, button="left", clickCount=1)
    after = box(browser, ".node")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-40, 20), abs=0.5)
    assert len(texts(browser, ".node")) == nodes
    x, y = center(browser, ".node")
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
    assert center(browser, ".node") == pytest.approx((x, y), abs=1)
    assert box(browser, ".node")["width"] > 1.3 * after["width"]


def test_searching_opens_what_hides_the_match(browser: Browser, record: Any, tmp_path: Path) -> None:
    show(browser, tmp_path, record.resnet())
    browser.press("/")
    for character in "layer3.0.downsample":
        browser.press(character)
    assert texts(browser, "#found") == ["5 found"]
    assert "layer3.0.downsample.0.weight" not in "".join(texts(browser, ".node"))
    browser.press("Enter")
    assert texts(browser, "#found") == ["1 of 5"]
    assert "layer3.0.downsample.0.weight" in "".join(texts(browser, ".node"))
    assert "layer3.0.downsample" in texts(browser, "#details")[0]
    browser.press("Escape")
    assert texts(browser, ".match") == []


def test_pointing_at_a_box_shows_its_formula(browser: Browser, tmp_path: Path) -> None:
    x = ag.tensor([0.5, -1.0], requires_grad=True)
    show(browser, tmp_path, x.tanh().sum(), show=("shape", "gradient"))
    key = browser.run(
        "[...document.querySelectorAll('.node')].find((n) => n.textContent.startsWith('tanh')).dataset.key"
    )
    browser.mouse("mouseMoved", *center(browser, f"[data-key={key}]"))
    assert browser.run("document.getElementById('details').hidden") is False
    details = texts(browser, "#details")[0]
    assert "Hyperbolic tangent" in details
    assert r"\left(1 - y\right) \, \left(1 + y\right)" in details
    assert len(texts(browser, "#details math")) == 2
    assert box(browser, "#details math")["width"] > 10
    assert len(texts(browser, ".edge.lit")) == 2
    browser.mouse("mouseMoved", 5, 500)
    assert browser.run("document.getElementById('details').hidden") is True
    assert len(texts(browser, ".legend li")) == 5


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(browser: Browser, record: Any, tmp_path: Path, dark: bool) -> None:
    def brightness(selector: str, name: str) -> float:
        color = browser.run(f"getComputedStyle(document.querySelector('{selector}')).{name}")
        parts = [float(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]]
        return sum(parts) / 3

    show(browser, tmp_path, record.perceptron(), dark)
    for _ in range(2):
        background, text = brightness("body", "backgroundColor"), brightness(".node text", "fill")
        assert (background < 60) == dark
        assert abs(brightness(".node.operation rect", "fill") - text) > 90
        browser.press("d")
        dark = not dark


@pytest.mark.parametrize("direction", ["LR", "TB", "RL", "BT"])
def test_boxes_do_not_overlap(browser: Browser, graph: Any, tmp_path: Path, direction: str) -> None:
    show(browser, tmp_path, graph, direction=direction, fold_repeats=False)
    for key in ("r", "e"):
        browser.press(key)
        overlapping = browser.run(
            """(() => {
              const boxes = [...document.querySelectorAll(".node")].map((node) => {
                const r = node.querySelector("rect");
                return ["x", "y", "width", "height"].map((name) => Number(r.getAttribute(name)));
              });
              let found = 0;
              boxes.forEach((a, i) => boxes.slice(0, i).forEach((b) => {
                if (a[0] < b[0] + b[2] - 0.5 && b[0] < a[0] + a[2] - 0.5
                    && a[1] < b[1] + b[3] - 0.5 && b[1] < a[1] + a[3] - 0.5) found += 1;
              }));
              return found;
            })()"""
        )
        assert overlapping == 0
        assert (
            browser.run(
                "[...document.querySelectorAll('path')].filter((p) => /NaN|undefined/.test(p.getAttribute('d'))).length"
            )
            == 0
        )


def test_a_long_graph_is_broken_into_strips(browser: Browser, record: Any, tmp_path: Path) -> None:
    show(browser, tmp_path, record.resnet(), fold_repeats=False)
    shape = box(browser, "#view")
    assert shape["width"] < 3 * shape["height"]
    assert shape["width"] < 1200


def test_the_time_of_drawing_grows_with_the_graph_and_not_its_cube(
    browser: Browser, record: Any, tmp_path: Path
) -> None:
    script = "const t = performance.now(); document.getElementById('expand').click(); return performance.now() - t;"

    def drawn(blocks: tuple[int, ...]) -> tuple[int, float]:
        show(browser, tmp_path, record.resnet(blocks), fold_repeats=False)
        browser.press("e")
        taken = browser.run(f"(() => {{ {script} }})()")
        return len(texts(browser, ".node")), taken

    few, short = drawn((3, 4, 6, 3))
    many, long = drawn((3, 4, 23, 3))
    assert many > 400
    # Twice the nodes took 1.2 to 1.6 times as long; what grows with their cube would take eight times.
    assert 1.8 * few < many < 2.2 * few
    assert long < 6 * short

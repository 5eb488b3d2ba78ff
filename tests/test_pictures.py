"""The pictures of the README are what the code draws now: boxes, frames and texts, but for measured numbers."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import xml.etree.ElementTree as ElementTree
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DIRECTORY = ROOT / "notebooks" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("pictures", DIRECTORY / "draw.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PICTURES = script().PICTURES


def structure(text: str) -> list[tuple[str, str]]:
    """Boxes and texts in order; a measured number is any number with a point or an exponent."""
    found = []
    for element in ElementTree.fromstring(text).iter():
        if element.tag == f"{SVG}g" and element.get("data-node"):
            found.append(("box", element.get("data-node", "")))
        elif element.tag == f"{SVG}text":
            shown = element.text or ""
            measured = (
                re.sub(r"-?\d+(\.\d+)?(e[-+]?\d+)?", "#", shown)
                if re.search(r"\d[.e]\d|\de-|gradient", shown)
                else shown
            )
            found.append(("text", measured))
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_current(name: str) -> None:
    committed = (DIRECTORY / f"{name}.svg").read_text(encoding="utf-8")
    drawn = PICTURES[name]().to_svg(engine="builtin")
    assert structure(drawn) == structure(committed), "out of date: python notebooks/pictures/draw.py, and look at it"


def test_every_picture_is_shown_and_every_one_shown_is_there() -> None:
    shown = re.findall(r"\]\((notebooks/pictures/\S+?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {pathlib.Path(path).stem for path in shown} == set(PICTURES) == {p.stem for p in DIRECTORY.glob("*.svg")}

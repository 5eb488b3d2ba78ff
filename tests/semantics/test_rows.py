"""No row of the semantics goes without a test that carries its number."""

from __future__ import annotations

import pathlib
import re

ROWS = range(1, 146)


def test_every_row_has_a_test_of_its_number() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in pathlib.Path(__file__).parents[1].rglob("test_*.py"))
    found = re.findall(r"(?:def test_|\b)semantics((?:[-_ ]\d+)+)", text)
    named = {int(number) for numbers in found for number in re.findall(r"\d+", numbers)}
    missing = [row for row in ROWS if row not in named]
    assert not missing, f"rows of the semantics without a test: {missing}"

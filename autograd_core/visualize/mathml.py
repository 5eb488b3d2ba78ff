"""LaTeX formulas as MathML, which browsers draw without help.

Only what :mod:`autograd_core.formula` writes is understood; anything else is refused, so that a new function of the
vocabulary cannot slip through unseen.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

_TOKENS = re.compile(r"\\[a-zA-Z]+|\\\\|\\.|\d+(?:\.\d+)?|[a-zA-Z]|\s+|.")

_OPERATORS = {
    r"\cdot": "·",
    r"\le": "≤",
    r"\ge": "≥",
    r"\ne": "≠",
    r"\wedge": "∧",
    r"\vee": "∨",
    r"\neg": "¬",
    r"\oplus": "⊕",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\lceil": "⌈",
    r"\rceil": "⌉",
    r"\times": "×",
}
_LETTERS = {
    r"\alpha": "α",
    r"\beta": "β",
    r"\gamma": "γ",
    r"\delta": "δ",
    r"\epsilon": "ε",
    r"\lambda": "λ",
    r"\mu": "μ",
    r"\sigma": "σ",
    r"\theta": "θ",
    r"\psi": "ψ",
    r"\Phi": "Φ",
    r"\phi": "φ",
    r"\Gamma": "Γ",
    r"\pi": "π",
    r"\infty": "∞",
}
_FUNCTIONS = {
    *(r"\max", r"\min", r"\ln", r"\log", r"\sin", r"\cos", r"\tan", r"\arcsin", r"\arccos", r"\arctan"),
    *(r"\sinh", r"\cosh", r"\tanh", r"\exp"),
}


def to_mathml(latex: str) -> str:
    """A ``math`` element for a formula, with its LaTeX as annotation.

    Raises:
        ValueError: for LaTeX outside the vocabulary.

    Example:
        >>> to_mathml("x^2").partition("<semantics>")[2].partition("<annotation")[0]
        '<mrow><msup><mi>x</mi><mn>2</mn></msup></mrow>'
    """
    body = _Parser(latex).parse()
    annotation = f'<annotation encoding="application/x-tex">{escape(latex)}</annotation>'
    return f'<math display="inline"><semantics>{body}{annotation}</semantics></math>'


class _Parser:
    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.tokens = [token for token in _TOKENS.findall(latex) if not token.isspace()]
        self.texts = iter(re.findall(r"\\(?:text|operatorname|mathit|mathrm)\{((?:[^{}]|\\.)*)\}", latex))
        self.place = 0

    def parse(self) -> str:
        body = self._row(())
        if self.place < len(self.tokens):
            raise self._error(self.tokens[self.place])
        return body

    def _error(self, token: str) -> ValueError:
        return ValueError(f"{token!r} is not among the LaTeX that formulas are written in: {self.latex!r}")

    def _peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise self._error(token or "the end")
        self.place += 1
        return token

    def _row(self, stops: tuple[str, ...]) -> str:
        parts: list[str] = []
        while self._peek() and self._peek() not in stops:
            token = self._peek()
            if token in ("^", "_"):
                self._take()
                base = parts.pop() if parts else "<mrow></mrow>"
                script = self._argument()
                parts.append(f"<msup>{base}{script}</msup>" if token == "^" else f"<msub>{base}{script}</msub>")
            else:
                parts.append(self._atom())
        return f"<mrow>{''.join(parts)}</mrow>"

    def _argument(self) -> str:
        if self._peek() != "{":
            return self._atom()
        self._take("{")
        body = self._row(("}",))
        self._take("}")
        return body

    def _atom(self) -> str:
        token = self._take()
        if token == "{":
            self.place -= 1
            return self._argument()
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        if token in _LETTERS:
            return f"<mi>{_LETTERS[token]}</mi>"
        if token in _FUNCTIONS:
            return f"<mi>{token[1:]}</mi><mo>&#x2061;</mo>"
        if token in _OPERATORS:
            return f"<mo>{_OPERATORS[token]}</mo>"
        if token == r"\bmod":
            return "<mo>mod</mo>"
        if token in (r"\,", r"\;", r"\ "):
            return '<mspace width="0.17em"/>'
        if token == r"\frac":
            return f"<mfrac>{self._argument()}{self._argument()}</mfrac>"
        if token == r"\sqrt":
            return self._root()
        if token == r"\left":
            return self._fenced()
        if token in (r"\text", r"\operatorname", r"\mathit", r"\mathrm"):
            return self._words(token)
        if token == r"\begin":
            return self._cases()
        if token in "+-=<>()[],|/*.":
            return f"<mo>{escape('−' if token == '-' else token)}</mo>"
        raise self._error(token)

    def _root(self) -> str:
        if self._peek() != "[":
            return f"<msqrt>{self._argument()}</msqrt>"
        self._take("[")
        index = self._row(("]",))
        self._take("]")
        return f"<mroot>{self._argument()}{index}</mroot>"

    def _fenced(self) -> str:
        opening = self._take()
        body = self._row((r"\right",))
        self._take(r"\right")
        closing = self._take()
        first, last = (_OPERATORS.get(mark, mark) for mark in (opening, closing))
        return f'<mrow><mo stretchy="true">{first}</mo>{body}<mo stretchy="true">{last}</mo></mrow>'

    def _words(self, command: str) -> str:
        text = next(self.texts).replace(r"\_", "_")
        self._take("{")
        while self._peek() != "}":
            self._take()
        self._take("}")
        if command == r"\text":
            return f"<mtext>{escape(text).replace(' ', '&#160;')}</mtext>"
        applied = "<mo>&#x2061;</mo>" if command == r"\operatorname" else ""
        return f"<mi>{escape(text)}</mi>{applied}"

    def _cases(self) -> str:
        self._argument()
        rows: list[str] = []
        while self._peek() != r"\end":
            cells = [self._row(("&", r"\\", r"\end"))]
            while self._peek() == "&":
                self._take()
                cells.append(self._row(("&", r"\\", r"\end")))
            rows.append(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>")
            if self._peek() == r"\\":
                self._take()
        self._take(r"\end")
        self._argument()
        return f'<mrow><mo stretchy="true">{{</mo><mtable columnalign="left">{"".join(rows)}</mtable></mrow>'

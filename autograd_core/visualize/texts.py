"""Numbers as a picture says them."""

from __future__ import annotations

import math

from .measure import Measures, Statistics


def plural(count: int, noun: str) -> str:
    """Count and noun, in the plural unless there is one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def plurals(*counts: tuple[int, str]) -> str:
    """Several counts, those that are not zero."""
    return ", ".join(plural(count, noun) for count, noun in counts if count)


def memory(size: int) -> str:
    """A number of bytes.

    Example:
        >>> memory(100), memory(24_576), memory(3 << 20)
        ('100 B', '24 KiB', '3 MiB')
    """
    if size < 1024:
        return f"{size} B"
    power = min(int(math.log(size, 1024)), 4)
    scaled = size / 1024**power
    text = f"{scaled:.0f}" if scaled >= 9.95 else f"{scaled:.1f}".removesuffix(".0")
    return f"{text} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def duration(seconds: float) -> str:
    """A time in three figures at most.

    Example:
        >>> duration(12.4e-6), duration(0.00341), duration(2.0)
        ('12 µs', '3.4 ms', '2 s')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale or unit == "µs":
            scaled = seconds / scale
            return f"{f'{scaled:.0f}' if scaled >= 9.95 else f'{scaled:.1f}'.removesuffix('.0')} {unit}"
    raise AssertionError


def size(norm: float) -> str:
    """A norm, in two figures.

    Example:
        >>> size(0.0123), size(1234.0), size(3.2e-9), size(float("nan"))
        ('0.012', '1200', '3.2e-9', 'NaN')
    """
    if math.isnan(norm):
        return "NaN"
    text = f"{norm:.2g}"
    if 1e-3 <= abs(norm) < 1e5:
        return f"{float(text):g}"
    mantissa, separator, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if separator else text


def norms(gradients: tuple[float, float]) -> str:
    """A gradient's norm, or the range of several."""
    low, high = map(size, gradients)
    return low if low == high else f"{low} … {high}"


def share(part: float) -> str:
    """A share in per cent, which says 0 or 100 only where that is exact."""
    if 0 < part < 0.01:
        return "<1%"
    return ">99%" if 0.99 < part < 1 else f"{100 * part:.0f}%"


def value(found: Statistics) -> str:
    """Mean and deviation."""
    return f"{size(found.mean)} ± {size(found.deviation)}"


def lines(measures: Measures, show: frozenset[str]) -> list[str]:
    """What is written into a box of what was measured."""
    found = []
    if "value" in show and measures.value is not None:
        found.append(value(measures.value))
    if "saved" in show and (measures.saved is None or measures.saved):
        found.append("freed" if measures.saved is None else f"keeps {memory(measures.saved)}")
    if "gradient" in show:
        if measures.gradients is not None:
            found.append(f"gradient {norms(measures.gradients)}")
        if measures.blocked is not None:
            blocked, dead = measures.blocked
            found.append(f"off {share(blocked)}" + (f", dead {share(dead)}" if dead else ""))
    if "time" in show and measures.forward is not None:
        found.append(duration(measures.forward))
        if measures.backward is not None:
            found[-1] += f", back {duration(measures.backward)}"
    if measures.fault:
        found.append(measures.fault)
    return found


def facts(measures: Measures) -> list[tuple[str, str]]:
    """All that was measured, as pairs of a label and a text."""
    found = []
    if measures.value is not None:
        v = measures.value
        found.append(("value", f"{value(v)}, from {size(v.low)} to {size(v.high)}, {share(v.zeros)} zeros"))
        if v.nan or v.infinite:
            found.append(("not finite", plurals((v.nan, "NaN"), (v.infinite, "infinite value"))))
    if measures.gradients is not None:
        found.append(("gradient norm", norms(measures.gradients)))
    if measures.blocked is not None:
        blocked, dead = measures.blocked
        found.append(("passes no gradient", f"{share(blocked)} of elements; {share(dead)} of units in the whole batch"))
    if measures.saved is None:
        found.append(("keeps", "nothing any more: backward has freed it"))
    elif measures.saved:
        names = [name for name in measures.keeps if not name[0].isdigit()]
        found.append(("keeps", f"{memory(measures.saved)} for backward{': ' * bool(names)}{', '.join(names)}"))
    elif measures.keeps:
        found.append(("keeps", f"{', '.join(measures.keeps)}, which others keep too"))
    if measures.forward is not None:
        found.append(("forward", duration(measures.forward)))
    if measures.backward is not None:
        found.append(("backward", duration(measures.backward)))
    if measures.fault:
        found.append(("fault", measures.fault))
    if measures.site:
        found.append(("recorded at", measures.site))
    return found

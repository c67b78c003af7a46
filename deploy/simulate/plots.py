"""Plots as SVG text: small pure functions from whole numbers to a picture that needs no network, script or font.

The only place of the simulator with floating-point numbers: they are pixels. Amounts come in as whole numbers with the
text that is to be read beside them, and are never worked with further. Every picture has a title and a description for
who cannot see it; colours are classes of the page (`before`, `after`): light, dark and print are its affair, and the
two series differ in lightness too. What a picture shows stands in a table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final, NamedTuple

_LINE: Final = 18
_CHAR: Final = 7.0
"""About the width of a character of 12 pixels."""


class Series(NamedTuple):
    """One row of numbers: `name` as in the legend, `css` its class, a value and its text for each label."""

    name: str
    css: str
    values: Sequence[int]
    texts: Sequence[str]


class Frame(NamedTuple):
    """What every picture has: an id of its own on the page, title, description, and width in pixels."""

    name: str
    title: str
    description: str
    width: int


def bars(frame: Frame, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Draw a group of bars across for each label, a bar a series, its text at its end."""
    thick, gap = 16, 14
    group = thick * len(series) + gap
    texts = max((len(text) for one in series for text in one.texts), default=0) * _CHAR + 8
    left = min(max((len(label) for label in labels), default=0) * _CHAR + 18, frame.width * 0.34)
    low, high = _range(series)
    wide = max(frame.width - left - texts, 40.0)
    zero = left + _share(0 - low, high - low) * wide
    top = _LINE + 8 if len(series) > 1 else 8
    body = [_legend(series)]
    for row, label in enumerate(labels):
        y = top + row * group
        body.append(_text(left - 8, y + thick * len(series) / 2 + 4, _cut(label, left), "end"))
        for at, one in enumerate(series):
            value = one.values[row]
            end = left + _share(value - low, high - low) * wide
            at_y = y + at * thick
            body.append(_rect(min(zero, end), at_y, abs(end - zero), thick - 2, one, label, row))
            body.append(_text(max(end, zero) + 5, at_y + thick - 5, one.texts[row]))
    height = top + group * len(labels)
    body.append(_stroke(zero, top - 4, zero, height - gap + 2))
    return _svg(frame, height, body)


def columns(
    frame: Frame, labels: Sequence[str], series: Sequence[Series], tick: Callable[[int], str], step_unit: int = 1
) -> str:
    """Draw a group of upright bars for each label; `tick` writes the numbers of the axis, multiples of `step_unit`."""
    low, high = _range(series)
    ticks = _ticks(low, high, step_unit)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    left = max(len(tick(at)) for at in ticks) * _CHAR + 10
    top, tall = _LINE + 14, 220
    wide = frame.width - left - 4
    slot = wide / max(1, len(labels))
    thick = min(34.0, slot * 0.8 / max(1, len(series)))

    def y_of(value: int) -> float:
        return top + tall - _share(value - low, high - low) * tall

    body = [_legend(series), *_axis(ticks, tick, y_of, left, frame.width)]
    for place, label in enumerate(labels):
        x = left + slot * place + (slot - thick * len(series)) / 2
        for at, one in enumerate(series):
            y, ground = y_of(one.values[place]), y_of(0)
            body.append(_rect(x + at * thick, min(y, ground), thick - 1.5, abs(ground - y), one, label, place))
        body.append(_text(left + slot * (place + 0.5), top + tall + 16, _cut(label, slot), "middle"))
    return _svg(frame, top + tall + 24, body)


def lines(
    frame: Frame, labels: Sequence[str], series: Sequence[Series], tick: Callable[[int], str], step_unit: int = 1
) -> str:
    """Draw a line a series over the labels, a dot at each; the first series lies beneath."""
    low, high = _range(series)
    ticks = _ticks(low, high, step_unit)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    left = max(len(tick(at)) for at in ticks) * _CHAR + 10
    top, tall = _LINE + 14, 200
    wide = frame.width - left - 44
    apart = wide / max(1, len(labels) - 1)

    def y_of(value: int) -> float:
        return top + tall - _share(value - low, high - low) * tall

    body = [_legend(series), *_axis(ticks, tick, y_of, left, frame.width)]
    for one in series:
        points = [(left + 14 + apart * at, y_of(value)) for at, value in enumerate(one.values)]
        path = " ".join(f"{_px(x)},{_px(y)}" for x, y in points)
        body.append(f'<polyline class="line {one.css}" points="{path}"/>')
        for at, (x, y) in enumerate(points):
            said = escape(_named(labels[at], one, at))
            body.append(f'<circle class="{one.css}" cx="{_px(x)}" cy="{_px(y)}" r="4"><title>{said}</title></circle>')
    every = max(1, int(len(labels) * 62 // max(1.0, wide)) + (1 if len(labels) * 62 > wide else 0))
    for at in range(0, len(labels), every):
        body.append(_text(left + 14 + apart * at, top + tall + 16, labels[at], "middle"))
    return _svg(frame, top + tall + 24, body)


def _svg(frame: Frame, height: float, body: Sequence[str]) -> str:
    names = f"{frame.name}-t {frame.name}-d"
    return (
        f'<svg role="img" aria-labelledby="{names}" viewBox="0 0 {frame.width} {_px(height)}" '
        f'width="{frame.width}" height="{_px(height)}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{frame.name}-t">{escape(frame.title)}</title>'
        f'<desc id="{frame.name}-d">{escape(frame.description)}</desc>{"".join(body)}</svg>'
    )


def _legend(series: Sequence[Series]) -> str:
    parts, x = [], 0.0
    for one in series if len(series) > 1 else ():
        parts.append(f'<rect class="{one.css}" x="{_px(x)}" y="2" width="11" height="11"/>')
        parts.append(_text(x + 16, 12, one.name))
        x += 16 + len(one.name) * _CHAR + 18
    return "".join(parts)


def _axis(
    ticks: Sequence[int], tick: Callable[[int], str], y_of: Callable[[int], float], left: float, width: int
) -> list[str]:
    body = []
    for at in ticks:
        y = y_of(at)
        css = "ground" if at == 0 else "grid"
        body.append(_stroke(left, y, width, y, css))
        body.append(_text(left - 6, y + 4, tick(at), "end"))
    return body


def _ticks(low: int, high: int, unit: int) -> list[int]:
    """Give round numbers from below the least to above the greatest value, four to seven of them, 0 among them."""
    unit = max(1, unit)
    step = unit
    while (high - low) > step * 5:
        first = str(step // unit)[0]
        step = step * 2 if first in "15" else step * 5 // 2
    return [step * at for at in range(low // step, -(-high // step) + 1)]


def _range(series: Sequence[Series]) -> tuple[int, int]:
    values = [value for one in series for value in one.values]
    return min(0, *values, 0), max(0, *values, 1)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _rect(x: float, y: float, width: float, height: float, one: Series, label: str, at: int) -> str:
    said = escape(_named(label, one, at))
    place = f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"'
    return f'<rect class="{one.css}" {place}><title>{said}</title></rect>'


def _named(label: str, one: Series, at: int) -> str:
    return f"{label}{f', {one.name}' if one.name else ''}: {one.texts[at]}"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{_px(x)}" y="{_px(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def _stroke(x1: float, y1: float, x2: float, y2: float, css: str = "ground") -> str:
    return f'<line class="{css}" x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}"/>'


def _cut(label: str, width: float) -> str:
    fits = max(1, int((width - 6) / _CHAR))
    return label if len(label) <= fits else label[: max(1, fits - 1)] + "…"


def _px(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")

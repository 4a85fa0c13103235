"""Line charts as SVG, both axes growing by factors of ten; written by hand, to need no library."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 400
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 36, 44
_COLOURS: Final = ("#1f6feb", "#d9480f", "#2b8a3e")
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: its title, what its points are over, and lines by name."""

    title: str
    over: str
    lines: Mapping[str, Points]


def draw(panels: Sequence[Panel], unit: str) -> str:
    """The charts beside each other; `unit` is that of all values."""
    parts = [_panel(panel, unit, WIDTH * n) for n, panel in enumerate(panels)]
    size = f'viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" width="{WIDTH * len(panels)}"'
    style = "<style>text{font:11px sans-serif;fill:#333}</style>"
    back = '<rect width="100%" height="100%" fill="#fff"/>'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{back}\n{body}\n</svg>\n'


@dataclass(frozen=True, slots=True)
class _Axis:
    """From a value to a place between `first` and `last` pixels, by the value's logarithm."""

    low: float
    high: float
    first: float
    last: float

    def place(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> list[float]:
        """The powers of ten, and where these are few, twice and five times each."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        steps = (1,) if len(powers) > 3 else (1, 2, 5)
        values = [step * 10.0**power for power in powers for step in steps]
        return [one for one in values if self.low - 1e-9 <= math.log10(one) <= self.high + 1e-9]


def _panel(panel: Panel, unit: str, shift: int) -> str:
    points = [point for line in panel.lines.values() for point in line]
    across = _axis([x for x, _ in points], _LEFT, WIDTH - _RIGHT)
    up = _axis([y for _, y in points], HEIGHT - _BOTTOM, _TOP)
    said = [
        f'<g transform="translate({shift} 0)">',
        _text(WIDTH / 2, 18, panel.title, "middle"),
        _text(WIDTH / 2, HEIGHT - 8, panel.over, "middle"),
        f'<text transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(unit)}</text>",
    ]
    for value in up.ticks():
        y = up.place(value)
        said += [_line(_LEFT, y, WIDTH - _RIGHT, y), _text(_LEFT - 6, y + 4, _words(value), "end")]
    for value in across.ticks():
        x = across.place(value)
        said.append(_line(x, _TOP, x, HEIGHT - _BOTTOM))
        said.append(_text(x, HEIGHT - 28, _words(value), "middle"))
    for colour, (name, line) in zip(_COLOURS, panel.lines.items(), strict=False):
        places = [(across.place(x), up.place(y)) for x, y in line]
        path = " ".join(f"{x},{y}" for x, y in places)
        said.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        said += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        said.append(_text(x, y - 8, name, "end"))
    return "\n".join([*said, "</g>"])


def _axis(values: Sequence[float], first: float, last: float) -> _Axis:
    low, high = math.log10(min(values)), math.log10(max(values))
    room = 0.05 * max(high - low, 0.5)
    return _Axis(low - room, high + room, first, last)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _words(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"

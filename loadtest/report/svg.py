"""Plots as inline SVG, in colours that the page sets by CSS."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40
TICKS = 5
STEPS = (1, 2, 2.5, 5, 10)
COLOURS = 4
NEARLY_ALL = 0.97
"""Of an axis: what is written there must not be cut off."""
Point = tuple[float, float]
INKS = ("#0b62a4", "#b4490a", "#12704c", "#7d7d7d")
STYLE = (
    ".line{fill:none;stroke-width:1.6}.earlier{stroke-dasharray:5 4}.grid{stroke:#e1e5ea}"
    ".t{font-size:11px;fill:#5b6570}"
) + "".join(
    f".line.s{number}{{stroke:{ink}}}circle.s{number},.t.k{number}{{fill:{ink}}}"
    for number, ink in enumerate(INKS)
)
"""Of a plot that is no part of a page."""


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    points: Sequence[Point]
    earlier: bool = False
    """Of the report that this one is compared with: drawn in dashes."""
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places."""

    label: str
    ticks: Sequence[tuple[float, str]]
    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Of the length of the axis."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(value) - low) / ((high - low) or 1)

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


def linear(label: str, values: Sequence[float], show: Callable[[float], str]) -> Axis:
    """From zero to a round number above all of them."""
    top = max([*values, 0]) or 1
    step = nice(top / TICKS)
    ticks = [step * number for number in range(math.ceil(top / step) + 1)]
    return Axis(label, [(tick, show(tick)) for tick in ticks], 0, ticks[-1])


def logarithmic(label: str, values: Sequence[float], show: Callable[[float], str]) -> Axis:
    """Powers of ten around all of them, which are above zero."""
    first = math.floor(math.log10(min(values)))
    last = max(math.ceil(math.log10(max(values))), first + 1)
    ticks = [10.0**power for power in range(first, last + 1)]
    return Axis(label, [(tick, show(tick)) for tick in ticks], ticks[0], ticks[-1], log=True)


def nice(step: float) -> float:
    """The next round number: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in STEPS if factor * power >= step * 0.999)


def lines(title: str, series: Sequence[Series], across: Axis, up: Axis) -> str:
    """A plot with a legend above it; each point says its value when it is pointed at."""
    drawn = "".join(_line(each, across, up) for each in series)
    legend = _legend(series) if len(series) > 1 else ""
    return _figure(title, legend, _grid(across, up) + drawn)


def document(title: str, series: Sequence[Series], across: Axis, up: Axis) -> str:
    """Such a plot as a picture of its own, with its colours and its legend in it."""
    drawn = "".join(_line(each, across, up) for each in series)
    named = [each for each in series if not each.earlier]
    top = HEIGHT - BOTTOM - 14 * len(named)
    keys = "".join(
        f'<text class="t k{each.colour % COLOURS}" x="{LEFT + 8}" y="{top + 14 * number}">'
        f"{escape(each.name)}</text>"
        for number, each in enumerate(named)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif"><title>{escape(title)}</title><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{_grid(across, up)}{drawn}{keys}</svg>\n'
    )


def bars(title: str, values: Sequence[tuple[str, float]], unit: str) -> str:
    """Bars that lie, with their values beside them."""
    most = max((value for _, value in values), default=0) or 1
    room, height = WIDTH - 220 - 110, 26
    rows = []
    for number, (name, value) in enumerate(values):
        y, width = 8 + number * (height + 8), max(value / most * room, 1)
        rows.append(
            f'<text class="t" x="210" y="{y + 18}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar s{number % COLOURS}" x="220" y="{y}" width="{width:.1f}" '
            f'height="{height}" rx="2"/>'
            f'<text class="t" x="{228 + width:.1f}" y="{y + 18}">{value:,.1f} {unit}</text>'
        )
    return _figure(title, "", "".join(rows), 16 + len(values) * (height + 8))


def _line(series: Series, across: Axis, up: Axis) -> str:
    places = [(_x(across, x), _y(up, y), x, y) for x, y in series.points]
    if not places:
        return ""
    path = "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py, _, _ in places)
    kind = f"s{series.colour % COLOURS}" + (" earlier" if series.earlier else "")
    dots = "".join(
        f'<circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" r="2.5"><title>'
        f"{escape(series.name)}: {y:,.2f} ({x:,.2f})</title></circle>"
        for px, py, x, y in places
    )
    return f'<path class="line {kind}" d="{path}"/>{dots}'


def _grid(across: Axis, up: Axis) -> str:
    drawn = []
    for value, text in up.ticks:
        y = _y(up, value)
        drawn.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="t" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{escape(text)}</text>"
        )
    for value, text in across.ticks:
        anchor = "end" if across.share(value) > NEARLY_ALL else "middle"
        drawn.append(
            f'<text class="t" x="{_x(across, value):.1f}" y="{HEIGHT - BOTTOM + 16}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )
    drawn.append(
        f'<text class="t" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(across.label)}</text>"
    )
    return "".join(drawn)


def _legend(series: Sequence[Series]) -> str:
    keys = "".join(
        f'<li class="s{each.colour % COLOURS}{" earlier" if each.earlier else ""}">'
        f"{escape(each.name)}</li>"
        for each in series
    )
    return f"<ul>{keys}</ul>"


def _figure(title: str, legend: str, drawn: str, height: int = HEIGHT) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>{legend}"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{drawn}</svg></figure>"
    )


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)

"""The delays as a picture of its own, for a README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtest.report import svg
from loadtest.report.svg import Point, Series

AIM = (0.8, 1.2)
"""DESIGN 7: flat is within 20 %."""


def plot(ratios: Mapping[str, Sequence[Point]]) -> str:
    """An SVG document: for each operation its delay by rows, as a ratio to that of the fewest."""
    series = [
        Series(name, points, colour=number) for number, (name, points) in enumerate(ratios.items())
    ]
    sizes = sorted({x for each in series for x, _ in each.points})
    bounds = [Series(f"{aim} x", [(x, aim) for x in sizes], earlier=True, colour=3) for aim in AIM]
    across = svg.logarithmic("messages, and as many posts", sizes, lambda value: f"{value:,.0f}")
    highest = [y for each in (*series, *bounds) for _, y in each.points]
    up = svg.linear("", highest, lambda value: f"{value:.2g} x")
    return svg.document("Delay by the number of rows, p50", [*series, *bounds], across, up)

"""The report on the screen, and into files."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from loadtest.report.document import Document, beside, save
from loadtest.report.page import number, page
from loadtest.screen import Screen


def show(report: Document, against: Document | None, screen: Screen) -> None:
    table = Table(title=f"{report['scenario']}", title_justify="left")
    table.add_column("")
    for name in ("result", *(("earlier", "ratio") if against else ())):
        table.add_column(name, justify="right")
    table.add_column("unit")
    for figure, before, ratio in beside(report, against):
        cells = [number(figure.value, figure.digits)]
        if against:
            cells += [number(before, figure.digits), number(ratio, 2)]
        table.add_row(figure.name, *cells, figure.unit)
    screen.results.print(table)
    for what, count in {**report["errors"], **report["counts"]}.items():
        screen.line(f"  {what}: {count:,}")


def write(
    report: Document, against: Document | None, json_to: Path | None, html_to: Path | None
) -> None:
    """Raises OSError."""
    if json_to:
        save(report, json_to)
    if html_to:
        html_to.write_text(page(report, against))

"""The report as one HTML page that needs nothing else: plots, and every figure as a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from loadtest.drive.histogram import Histogram
from loadtest.report import svg
from loadtest.report.document import Document, beside, delays_of, figures_of
from loadtest.report.svg import Axis, Series

MIB = 2**20
MOST_DELAYS = 4
SHARES = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999)
TICKS = ((1.0, "0"), (2.0, "50 %"), (10.0, "90 %"), (100.0, "99 %"), (1e3, "99.9 %"),
         (1e4, "99.99 %"))  # fmt: skip
"""By one in how many is slower: so the end of the distribution has the room."""
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6570;
  --grid: #e1e5ea; --c0: #0b62a4; --c1: #b4490a; --c2: #12704c; --c3: #7d3aa0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #15181c; --soft: #9aa5b1;
  --grid: #2c333b; --c0: #6db3f2; --c1: #ff9d5c; --c2: #4fc79a; --c3: #d29bea; --bad: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p, .note { color: var(--soft); } .bad { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr));
  gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
figure ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1rem;
  font-size: 13px; }
figure li::before { content: ""; display: inline-block; width: 1.4em; margin-right: .4em;
  vertical-align: middle; border-top: 2px solid var(--c); }
figure li.earlier::before { border-top-style: dashed; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.line { fill: none; stroke: var(--c); stroke-width: 1.6; } .line.earlier { stroke-dasharray: 5 4; }
circle, .bar { fill: var(--c); } .grid { stroke: var(--grid); }
.t { font-size: 11px; fill: var(--soft); }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr { border-bottom: 1px solid var(--grid); }
"""


def page(report: Document, against: Document | None = None) -> str:
    title = f"{report['scenario']}: load test of {report['ended']}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(report['scenario'])}</h1>{_head(report, against)}{_verdict(report)}"
        f'<div class="plots">{"".join(_plots(report, against))}</div>'
        f"<h2>All figures</h2>{_table(report, against)}{_errors(report)}</body></html>\n"
    )


def _head(report: Document, against: Document | None) -> str:
    machine = report["machine"]
    options = ", ".join(f"{name} {value:g}" for name, value in report["options"].items())
    lines = [
        escape(" ".join(report["about"].split())),
        escape(f"{report['ended']}, version {report['version']}, Python {machine['python']}, Linux "
               f"{machine['kernel']}, {machine['cores']} cores, load average "
               f"{machine['load_average']:.1f} at the end. {options}"),
    ]  # fmt: skip
    if against:
        lines.append(f"In dashes, and as “earlier”: the run of {escape(against['ended'])}.")
    return "".join(f"<p>{line}</p>" for line in lines)


def _verdict(report: Document) -> str:
    if not report["faults"]:
        return "<p>Everything was received once and in order; nothing was lost.</p>"
    faults = "".join(f'<li class="bad">{escape(fault)}</li>' for fault in report["faults"])
    return f"<h2>What was wrong</h2><ul>{faults}</ul>"


def _plots(report: Document, against: Document | None) -> list[str]:
    both = [(report, ""), (against, ", earlier")] if against else [(report, "")]
    reports = [(each, word) for each, word in both if each]
    return [
        *_delays(reports),
        *_over_time(reports, "Throughput", "/s", ("rate",)),
        *_over_time(reports, "Delay over time", "ms", ("p50_ms", "p99_ms")),
        *_over_time(reports, "Server CPU", "cores", ("node_cpu",)),
        *_over_time(reports, "Connections", "", ("connections",)),
        *_over_time(reports, "Memory of the server", "MiB", ("rss",), 1 / MIB),
        *_bars(reports, "CPU per operation", "CPU", "us"),
        *_bars(reports, "Memory per connection", "RSS per connection", "KiB"),
    ]


def _delays(reports: Sequence[tuple[Document, str]]) -> list[str]:
    series = []
    for report, word in reports:
        labels = sorted(delays_of(report).items(), key=lambda each: -each[1].count)[:MOST_DELAYS]
        for number, (label, times) in enumerate(sorted(labels, key=lambda each: each[0])):
            series.append(Series(label + word, _percentiles(times), bool(word), number))
    values = [y for each in series for _, y in each.points]
    if not values:
        return []
    across = Axis("share that was as fast or faster", TICKS, 1, 1e4, log=True)
    up = svg.logarithmic("ms", values, lambda value: f"{value:,g} ms")
    return [svg.lines("Delay", series, across, up)]


def _percentiles(times: Histogram) -> list[svg.Point]:
    """Only as far as there are enough of them to tell."""
    found = []
    for share in SHARES:
        one_in = 1 / (1 - share)
        if one_in <= max(times.count, 2) and (ms := times.quantile_ms(share)) is not None:
            found.append((one_in, max(ms, 0.01)))
    return found


def _over_time(
    reports: Sequence[tuple[Document, str]],
    title: str,
    unit: str,
    fields: Sequence[str],
    factor: float = 1,
) -> list[str]:
    series = [
        Series(field.removesuffix("_ms") + word, points, bool(word), number)
        for report, word in reports
        for number, field in enumerate(fields)
        if (points := [(m["at_s"], m[field] * factor) for m in report["timeline"]
                       if m[field] is not None])
    ]  # fmt: skip
    if not series:
        return []
    across = svg.linear("seconds", [x for s in series for x, _ in s.points], lambda v: f"{v:,g}")
    up = svg.linear(unit, [y for s in series for _, y in s.points], lambda v: f"{v:,g} {unit}")
    return [svg.lines(title, series, across, up)]


def _bars(reports: Sequence[tuple[Document, str]], title: str, part: str, unit: str) -> list[str]:
    values = [
        (figure.name + word, figure.value)
        for report, word in reports
        for figure in figures_of(report)
        if part in figure.name and figure.unit == unit and figure.value is not None
    ]
    return [svg.bars(title, sorted(values), unit)] if values else []


def _table(report: Document, against: Document | None) -> str:
    head = ["", "this run", *(["earlier", "ratio"] if against else []), "unit"]
    rows = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    for figure, before, ratio in beside(report, against):
        cells = [figure.name, number(figure.value, figure.digits)]
        if against:
            cells += [number(before, figure.digits), number(ratio, 2)]
        rows.append(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in [*cells, figure.unit]) + "</tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _errors(report: Document) -> str:
    told = {**report["errors"], **report["counts"]}
    items = "".join(f"<li>{escape(what)}: {count:,}</li>" for what, count in told.items())
    return f"<h2>Errors and other counts</h2><ul>{items}</ul>" if items else ""


def number(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:,.{digits}f}"

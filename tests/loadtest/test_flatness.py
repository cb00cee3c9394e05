"""Costs by the size of the database: measured at each size, told in a table and as a plot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from loadtest.flatness.plot import plot
from tests.cli.command import environment

pytestmark = [pytest.mark.once, pytest.mark.embedded_only, pytest.mark.timeout(120)]

SVG = "{http://www.w3.org/2000/svg}"


def test_sizes_are_measured_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "flat.svg"
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "flatness", "--rows", "4000", "--rows", "6000",
         "--rounds", "1", "--svg", str(file)],
        env=environment() | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines()]
    told = {row[1]: row[2:5] for row in rows if len(row) == 6}
    assert list(told) == [
        f"{what}, {figure}"
        for what in ("message sent", "page of history", "page of the feed")
        for figure in ("p50, ms", "CPU, us")
    ]
    for few, many, ratio in (told[name] for name in told if name.endswith("ms")):
        assert float(ratio) == pytest.approx(float(many) / float(few), abs=0.05)
    assert ElementTree.fromstring(file.read_text()).tag == f"{SVG}svg"


def test_a_plot_has_a_line_for_each_operation_and_the_bounds() -> None:
    drawn = ElementTree.fromstring(plot({"send & all": [(1e4, 1), (1e6, 1.1)], "page": [(1e4, 1)]}))
    lines = [path.get("class") for path in drawn.iter(f"{SVG}path")]
    assert lines == ["line s0", "line s1", "line s3 earlier", "line s3 earlier"]
    assert "send & all" in [text.text for text in drawn.iter(f"{SVG}text")]

"""A run ends with a report: on the screen, as JSON, and as a page that needs nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.command import environment

pytestmark = [pytest.mark.embedded_only, pytest.mark.timeout(90)]
OUTSIDE = re.compile(r"""(src|href|url\(|@import|https?://)""")
VOID = {"meta"}


def loadtest(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest", *args],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )


class Tags(HTMLParser):
    """Raises AssertionError when they are not closed as they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)


EARLIER = {
    "schema": "lumina-loadtest/1",
    "scenario": "direct_chat",
    "ended": "2026-11-01T10:00:00+00:00",
    "figures": [{"name": "messages in all", "unit": "", "value": 25, "digits": 0}],
    "delays": {"to delivery": [[200, 20], [800, 5]]},
    "timeline": [],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the report of a run that was compared with an earlier one."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "earlier.json").write_text(json.dumps(EARLIER))
    done = loadtest(
        "direct_chat", "--users", "8", "--rate", "50", "--seconds", "1", "--warm-up", "0.5",
        "--json", str(folder / "run.json"), "--html", str(folder / "run.html"),
        "--against", str(folder / "earlier.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "to delivery, p99" in done.stdout
    assert "connections 8" in done.stderr
    cells = [line.split("│") for line in done.stdout.splitlines() if "messages in all" in line]
    assert [cell.strip() for cell in cells[0][1:-2]] == ["messages in all", "50", "25", "2.00"]
    return folder


def test_the_json_has_figures_delays_and_a_timeline(folder: Path) -> None:
    report = json.loads((folder / "run.json").read_text())
    assert report["schema"] == "lumina-loadtest/1"
    assert report["faults"] == []
    figures = {(figure["name"], figure["unit"]): figure["value"] for figure in report["figures"]}
    assert figures["messages in all", ""] == 50
    assert figures["node CPU per message", "us"] > 0
    assert sum(count for _, count in report["delays"]["to delivery"]) == 50
    assert max(moment["connections"] for moment in report["timeline"]) == 8


def test_the_page_is_whole_and_asks_nobody_for_anything(folder: Path) -> None:
    text = (folder / "run.html").read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.seen.count("svg") >= 6
    assert not OUTSIDE.search(text)
    assert "prefers-color-scheme: dark" in text
    assert "to delivery, earlier" in text


def test_what_is_no_report_is_not_compared_with(folder: Path) -> None:
    other = folder / "other.json"
    other.write_text('{"schema": "something/1"}')
    done = loadtest("direct_chat", "--against", str(other))
    assert done.returncode == 1
    assert "no report of the schema" in done.stderr
    assert "Traceback" not in done.stderr

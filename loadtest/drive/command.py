"""`python -m loadtest SCENARIO`: the options that all scenarios share, and their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from loadtest import interrupt
from loadtest.drive.play import Setup, allow_files, play
from loadtest.drive.run import Pace
from loadtest.drive.scene import Scenario
from loadtest.drive.target import Target, own_nodes, running_server
from loadtest.errors import Violation
from loadtest.report import document, show
from loadtest.report.figures import too_short
from loadtest.screen import Screen

FILE = click.Path(dir_okay=False, path_type=Path)


def command_of(scenario: type[Scenario]) -> click.Command:
    about = cleandoc(scenario.__doc__ or "")
    params: list[click.Parameter] = [*_own(scenario), *_shared(scenario)]
    params = [param for param in params if getattr(scenario, param.name or "", "") is not None]
    if scenario.paced:
        params += _of_paced()
    return click.Command(
        scenario.name,
        params=params,
        callback=_callback(scenario),
        help=f"{about}\n\n\b\nExample:\n  python -m loadtest {scenario.name} --html report.html",
        short_help=about.split(".")[0].replace("\n", " ") + ".",
    )


def _shared(scenario: type[Scenario]) -> list[click.Option]:
    rated = f"{scenario.rated or scenario.unit + 's'} a second, of all users.".capitalize()

    def number(
        name: str, default: float | None, help_: str, kind: click.ParamType[Any]
    ) -> click.Option:
        return click.Option([name], type=kind, default=default, show_default=True, help=help_)

    return [
        number("--users", scenario.users, "With a connection each.", click.IntRange(2, 100_000)),
        number("--rate", scenario.rate, rated, click.FloatRange(0.1, 1e6)),
        number("--seconds", scenario.seconds, "How long.", click.FloatRange(0.5, 1e6)),
        number("--processes", 2, "For the users.", click.IntRange(1, 64)),
        number("--addresses", 4, "Loopback addresses that connections come from.",
               click.IntRange(1, 250)),
        number("--nodes", scenario.nodes, "Of the server that is started.", click.IntRange(1, 16)),
        number("--history", 0, "Messages, and as many posts, that are there before.",
               click.IntRange(0, 100_000_000)),
        click.Option(["--url", "urls"], multiple=True, help="Of a node that runs already, like "
                     "ws://127.0.0.1:8080/v1/socket; several times for several."),
        click.Option(["--pid", "pids"], type=int, multiple=True, help="With --url: the processes "
                     "of the nodes, for their CPU and memory."),
        click.Option(["--json", "json_to"], type=FILE, help="Write the report there."),
        click.Option(["--html", "html_to"], type=FILE, help="Write the page with plots there."),
        click.Option(["--against"], type=FILE, help="An earlier JSON report, to be shown beside."),
    ]  # fmt: skip


def _of_paced() -> list[click.Option]:
    return [
        click.Option(
            ["--warm-up"], type=click.FloatRange(0, 600), default=2, show_default=True,
            help="Seconds of the same before.",
        ),
        click.Option(
            ["--find-limit"], is_flag=True,
            help="Look for the highest rate that is held, and measure at half of it.",
        ),
        click.Option(
            ["--limit-ms"], type=click.FloatRange(0.1), default=100, show_default=True,
            help="The p99 up to which a rate is held.",
        ),
    ]  # fmt: skip


def _own(scenario: type[Scenario]) -> list[click.Option]:
    return [
        click.Option(
            [f"--{name.replace('_', '-')}"], type=click.IntRange(option.least, option.most),
            default=option.default, show_default=True, help=option.help,
        )
        for name, option in scenario.options.items()
    ]  # fmt: skip


def _callback(scenario: type[Scenario]) -> Callable[..., None]:
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in scenario.options}
        _run(scenario(chosen), **given)

    return run


def _run(scenario: Scenario, **given: Any) -> None:
    """Raises Violation, after the report, when something was received wrongly."""
    earlier = document.load(given["against"]) if given["against"] else None
    paced = {name: given[name] for name in ("find_limit", "limit_ms") if name in given}
    pace = Pace(given.get("rate", 1), given.get("seconds", 1), given.get("warm_up", 0), **paced)
    setup = Setup(given["users"], given["processes"], given["addresses"], pace)
    screen = Screen()
    allow_files(setup, given["nodes"])
    with _target(screen, given) as target:
        played = interrupt.run(play(scenario, setup, target, screen))
    report = document.document(scenario, setup, played)
    show.show(report, earlier, screen)
    show.write(report, earlier, given["json_to"], given["html_to"])
    if note := too_short(played.run):
        screen.line(f"  {note}")
    if played.faults:
        raise Violation("what was received is wrong\n  " + "\n  ".join(played.faults))


def _target(screen: Screen, given: dict[str, Any]) -> AbstractContextManager[Target]:
    if given["urls"]:
        return nullcontext(running_server(given["urls"], given["pids"]))
    return own_nodes(screen, given["nodes"], given["history"])

"""`lumina doctor`: what this node would run on, and what is wrong with it."""

from __future__ import annotations

import asyncio
import sys

import click
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from lumina_rt import __version__
from lumina_rt.bus import facts as bus_facts
from lumina_rt.bus.bus import connect as connect_redis
from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import ConfigError, Settings, read_settings
from lumina_rt.findings import Finding
from lumina_rt.preflight import examine_blobs, examine_mail, examine_media
from lumina_rt.store import db as store
from lumina_rt.store import facts as store_facts


@click.command("doctor", short_help="Check the settings and the engines.")
def command() -> None:
    """Check settings, engines and schema; each problem comes with its next step.

    Exits with 1 when a node would refuse to start.

    \b
    Example (for a running `lumina dev`):
      lumina doctor
    """
    adopt_dev_settings()
    findings = asyncio.run(examine())
    Console().print(table(findings))
    if any(finding.problem and finding.fatal for finding in findings):
        sys.exit(1)


async def examine() -> list[Finding]:
    """Each engine by itself, so that one that is away does not hide what is wrong with another."""
    findings = [Finding("lumina", __version__)]
    try:
        settings = read_settings()
    except ConfigError as error:
        return [*findings, *(Finding("settings", "wrong", problem) for problem in error.problems)]
    findings.append(Finding("settings", settings.environment))
    engines = [*await _postgres(settings), *await _redis(settings)]
    blobs = await examine_blobs(settings)
    others = [examine_mail(settings), examine_media(settings)]
    return [*findings, *engines, *blobs, *others]


async def _postgres(settings: Settings) -> list[Finding]:
    try:
        pool = await store.connect(settings.database_url, size=1)
    except store.StoreUnreachable as error:
        return [Finding("postgres", "cannot be reached", f"{error}; see LUMINA_DATABASE_URL")]
    try:
        return await store_facts.examine(pool, production=settings.production, code=__version__)
    finally:
        await pool.close()


async def _redis(settings: Settings) -> list[Finding]:
    redis = connect_redis(settings.redis_url)
    try:
        return await bus_facts.examine(redis, production=settings.production)
    except (RedisError, OSError) as error:
        return [Finding("redis", "cannot be reached", f"{error}; see LUMINA_REDIS_URL")]
    finally:
        await redis.aclose()


def table(findings: list[Finding]) -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "what", "found", "next step"):
        grid.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok" if not finding.problem else "[red]no" if finding.fatal else "[yellow]!"
        grid.add_row(mark, finding.what, finding.value, finding.problem)
    return grid

"""The long random run: `make faults SEED=7 MINUTES=10`.

It is cut into acts, each with new users, a schedule of its own from the seed, and a verdict. An act
can be played again by itself: `make faults SEED=7 ACT=3`. The schedule is the same then; what the
kernel makes of it is not, so a rare fault may need some tries.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tests.faults import world as worlds
from tests.faults.checker import check
from tests.faults.play import Play, play
from tests.faults.report import Tally, failure
from tests.faults.schedule import from_seed
from tests.faults.world import World

ACT_S = 45
"""Of faults; some seconds more until all is seen."""
LOOK_S = 0.5
SCREEN = Console()


@click.command()
@click.option("--seed", default=lambda: str(secrets.randbelow(10**6)), help="Replays a schedule.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=5.0)
@click.option("--act", type=click.IntRange(min=1), help="Only this act.")
def main(seed: str, minutes: float, act: int | None) -> None:
    """Kill and cut what can be, while clients work, and judge what they saw.

    Exit code 1: the promise was broken.
    """
    acts = [act] if act else list(range(1, math.ceil(minutes * 60 / ACT_S) + 1))
    tally = Tally()
    try:
        uvloop.run(run(seed, acts, tally))
    except KeyboardInterrupt:
        SCREEN.print("interrupted")
        sys.exit(130)
    finally:
        SCREEN.print(tally.table())
    sys.exit(1 if tally.violations else 0)


async def run(seed: str, acts: list[int], tally: Tally) -> None:
    folder = Path(tempfile.mkdtemp(prefix="lumina-faults-"))
    folder.chmod(0o755)  # the engines run as another user than root
    SCREEN.print(f"seed {seed}, {len(acts)} acts of {ACT_S} s; starting three nodes")
    try:
        async with worlds.world(folder) as world:
            for act in acts:
                await one_act(world, seed, act, tally)
    except Exception:
        SCREEN.print(f"the run itself failed; what nodes and engines have logged is in {folder}")
        raise
    except asyncio.CancelledError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


async def one_act(world: World, seed: str, act: int, tally: Tally) -> None:
    schedule = from_seed(f"{seed}.{act}", ACT_S)
    SCREEN.print(f"act {act}\n{schedule}", highlight=False)
    async with play(world, f"{seed}.{act}") as working:
        with screen() as progress:
            bar = progress.add_task(f"act {act}", total=ACT_S, words="")
            showing = asyncio.create_task(show(progress, bar, working, tally))
            try:
                evidence = await working.run(schedule)
            finally:
                showing.cancel()
    violations = check(evidence)
    tally.add(working, evidence, violations)
    if violations:
        SCREEN.print(failure(evidence, schedule, violations, world), markup=False)
        SCREEN.print(f"again: make faults SEED={seed} ACT={act}")


def screen() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[words]}"), console=SCREEN)


async def show(progress: Progress, bar: TaskID, playing: Play, tally: Tally) -> None:
    began = asyncio.get_running_loop().time()
    while True:
        words = (
            f"{sum(actor.asked for actor in playing.actors):,} operations, "
            f"{playing.faults.total()} faults, "
            f"{sum(actor.interruptions for actor in playing.actors)} reconnects, "
            f"{tally.violations.total()} violations so far"
        )
        passed = asyncio.get_running_loop().time() - began
        progress.update(bar, completed=passed, words=words)
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    main()

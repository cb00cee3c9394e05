"""Which fault happens when: by hand, or all of it from a seed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from tests.faults.faults import FAULTS, Row
from tests.faults.play import Play

EVERY_S = 2.0
"""From one fault to the next, on average; they overlap."""
RESTING_S = 6.0
"""So long what was broken is left alone, for it to come back."""


@dataclass(frozen=True, slots=True)
class Step:
    at_s: float
    fault: str
    for_s: float = 0.0
    target: int = 0
    """Which node or actor, where there are several."""

    def __str__(self) -> str:
        return f"{self.at_s:7.2f} s  {self.fault} {self.target}, for {self.for_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Schedule:
    steps: tuple[Step, ...]

    async def __call__(self, play: Play) -> None:
        """Returns when all is healed."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for step in self.steps:
                tasks.create_task(_do(play, step, began + step.at_s))

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


async def _do(play: Play, step: Step, at: float) -> None:
    await asyncio.sleep(at - asyncio.get_running_loop().time())
    play.broken += 1
    async with FAULTS[step.fault].inject(play, step.target):
        await asyncio.sleep(step.for_s)
    play.healed(step.fault)


def from_seed(seed: str, seconds: float) -> Schedule:
    """The same for the same seed and length."""
    random = Random(seed)
    free_at: dict[str, float] = {}
    steps = []
    at_s = random.expovariate(1 / EVERY_S)
    while at_s < seconds:
        name = random.choices(list(FAULTS), [row.weight for row in FAULTS.values()])[0]
        step = _step(random, name, FAULTS[name], at_s)
        what = FAULTS[name].what.replace("#", str(step.target))
        if free_at.get(what, 0) <= at_s:
            free_at[what] = at_s + step.for_s + RESTING_S
            steps.append(step)
        at_s += random.expovariate(1 / EVERY_S)
    return Schedule(tuple(steps))


def _step(random: Random, name: str, row: Row, at_s: float) -> Step:
    for_s = random.uniform(0, row.longest_s)
    return Step(round(at_s, 2), name, round(for_s, 2), random.randrange(row.targets))

"""Each fault once, on a fixed schedule, while clients work; then the checker judges."""

from __future__ import annotations

import pytest

from tests.faults.checker import check
from tests.faults.play import play
from tests.faults.report import failure
from tests.faults.schedule import Schedule, Step
from tests.faults.world import World

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

SCHEDULES: dict[str, tuple[Step, ...]] = {
    "a node is killed, another stands still, and the third is drained": (
        Step(0.5, "node_killed", 0.5, 0),
        Step(0.5, "node_paused", 1, 1),
        Step(1.5, "node_drained", 0, 2),
    ),
    "redis is killed, forgets everything, is flushed, and hangs": (
        Step(0.5, "redis_killed", 1),
        Step(2.0, "redis_emptied", 0.2),
        Step(2.8, "redis_flushed"),
        Step(3.0, "redis_paused", 2),
    ),
    "members come and go while they resume, and postgres crashes, and hangs": (
        Step(0.2, "member_comes_and_goes", 0, 1),
        Step(0.5, "member_comes_and_goes", 0.5, 3),
        Step(1.5, "postgres_restarted", 0.5),
        Step(3.0, "postgres_paused", 1.5),
    ),
    "single nodes are cut off": (
        Step(0.5, "without_redis_cut", 2, 0),
        Step(0.5, "without_postgres_cut", 1.5, 1),
        Step(1.0, "without_redis_stall", 2, 2),
        Step(2.0, "without_postgres_stall", 1, 0),
        Step(2.0, "without_postgres_drip", 1, 1),
    ),
    "all nodes are cut off from redis and from postgres": (
        Step(0.5, "all_without_redis_cut", 1),
        Step(1.0, "all_without_postgres_cut", 0.5),
        Step(1.7, "all_without_postgres_stall", 1),
        Step(2.0, "all_without_redis_stall", 1),
        Step(3.0, "all_without_redis_drip", 0.5),
        Step(3.2, "all_without_postgres_drip", 0.5),
    ),
    "clients are slow, half-open, and all come at once": (
        Step(0.5, "slow_client", 2, 0),
        Step(0.5, "half_open_client", 1.5, 3),
        Step(1.0, "all_reconnect"),
        Step(2.0, "all_reconnect"),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
async def test_the_promise_holds_when(name: str, world: World) -> None:
    steps = Schedule(SCHEDULES[name])
    async with play(world, name) as working:
        evidence = await working.run(steps)
    violations = check(evidence)
    assert not violations, failure(evidence, steps, violations, world)
    assert sum(working.faults.values()) == len(steps.steps)
    spans = [spans for talk in evidence.truth.values() for spans in talk.intervals.values()]
    came_back = sum(len(each) > 1 for each in spans)
    assert came_back >= working.faults["member_comes_and_goes"]
    assert sum(len(talk.messages) for talk in evidence.truth.values()) > 20, "it was work"

"""Bugs that are put into the nodes, or into the client, on purpose: the suite finds each."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from lumina_protocol.frame import Request
from lumina_protocol.messages import MessageSent, SendMessage

from tests.faults import social_checks
from tests.faults.checker import check
from tests.faults.planted import PLANTS, command
from tests.faults.planted_social import PLANTS as SOCIAL
from tests.faults.play import SETTLE_S, play
from tests.faults.report import failure
from tests.faults.schedule import Schedule, Step
from tests.faults.stream import R, Stream
from tests.faults.world import World

pytestmark = [pytest.mark.once, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


class Careless(Stream):
    """Takes the answer to what it sent for a sign that it has everything up to there."""

    async def ask(self, request: Request[R]) -> R | str:
        answer = await super().ask(request)
        if isinstance(request, SendMessage) and isinstance(answer, MessageSent):
            told = self._order.conversations[request.conversation_id]
            told.rev = max(told.rev, answer.rev)
        return answer


NODES = 2
COMMAND = command(*SOCIAL)
"""With which nodes begin: of the first group. To start them again takes its time."""
Steps = tuple[Step, ...]
FOUND: dict[tuple[str, ...], tuple[Steps, type[Stream], set[str]]] = {  # each by another demand
    tuple(SOCIAL): (
        (Step(0.5, "redis_flushed", 3),),
        Careless,
        {
            "pages_and_events_tile",
            "all_see_the_truth_in_the_end",
            *(demand.__name__ for demand in social_checks.INVARIANTS),
        },
    ),
    ("double-publish", "unlooked-intervals", "unnumbered-reaction", "growing-unread"): (
        (Step(0.2, "member_comes_and_goes", 0, 0),),
        Stream,
        {
            "nothing_is_told_twice",
            "nobody_sees_what_they_may_not",
            "all_see_the_truth_in_the_end",
            "unread_is_exact",
        },
    ),
    ("ack-before-commit", "unread-outbox"): (
        (Step(0.5, "node_killed", 0, 0), Step(0.7, "node_killed", 0, 1)),
        Stream,
        {"every_acknowledged_send_is_kept", "what_is_acknowledged_is_seen_in_time"},
    ),
    ("skipped-outbox-row",): ((), Stream, {"what_is_acknowledged_is_seen_in_time"}),
}


TRIES = 3
"""Some bugs need a moment that not every run has: what is sent just before its node is killed."""


async def start_again(world: World, command: tuple[str, ...]) -> None:
    for node in world.nodes:
        node.command = command
    await asyncio.gather(*(node.kill() for node in world.nodes))
    await asyncio.gather(*(node.come_back() for node in world.nodes))


async def found(world: World, steps: Steps, stream: type[Stream]) -> set[str]:
    async with play(world, "planted", stream) as working:
        working.converge_s = SETTLE_S  # what is lost stays so, and is not to be waited for
        evidence = await working.run(Schedule(steps))
    violations = check(evidence)
    told = failure(evidence, Schedule(steps), violations, world)
    logs = Path(told.splitlines()[-1].rpartition(" ")[2])
    assert len(list(logs.glob("*.jsonl"))) == len(evidence.logs)
    assert all("ready" in path.read_text("utf-8") for path in logs.glob("node*.log"))
    shutil.rmtree(logs)
    return {violation.demand for violation in violations}


@pytest.mark.parametrize("plants", FOUND, ids="+".join)
async def test_a_bug_of_the_server_or_the_client_is_found(
    plants: tuple[str, ...], world: World
) -> None:
    steps, stream, demands = FOUND[plants]
    if world.nodes[0].command != command(*plants):
        await start_again(world, command(*plants))
    for _ in range(TRIES):
        demands = demands - await found(world, steps, stream)
        if not demands:
            break
    assert demands == set(), "not met"


async def test_every_bug_is_planted_somewhere() -> None:
    assert {plant for plants in FOUND for plant in plants} == set(PLANTS)

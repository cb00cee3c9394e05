"""Bugs that are put into the nodes, or into the client, on purpose: the suite finds each."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from lumina_protocol.frame import Request
from lumina_protocol.messages import MessageSent, SendMessage

from tests.faults.checker import check
from tests.faults.node import SERVE
from tests.faults.planted import PLANTS, command
from tests.faults.play import play
from tests.faults.report import failure
from tests.faults.schedule import Schedule, Step
from tests.faults.stream import R, Stream
from tests.faults.world import World

pytestmark = [pytest.mark.once, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

NODES = 2
FOUND: dict[tuple[str, ...], tuple[tuple[Step, ...], set[str]]] = {
    ("ack-before-commit",): (
        (Step(1, "node_killed", 0, 0), Step(1.5, "node_killed", 0, 1)),
        {"every_acknowledged_send_is_kept"},
    ),
    ("skipped-outbox-row",): ((), {"what_is_acknowledged_is_seen_in_time"}),
    ("unread-outbox",): ((), {"what_is_acknowledged_is_seen_in_time"}),
    ("double-publish", "unlooked-intervals"): (  # each to be found by another demand
        (Step(0.2, "member_comes_and_goes", 0, 0),),
        {"nothing_is_told_twice", "nobody_sees_what_they_may_not"},
    ),
}


async def start_again(world: World, command: tuple[str, ...]) -> None:
    for node in world.nodes:
        node.command = command
    await asyncio.gather(*(node.kill() for node in world.nodes))
    await asyncio.gather(*(node.come_back() for node in world.nodes))


async def found(world: World, steps: tuple[Step, ...], stream: type[Stream] = Stream) -> set[str]:
    async with play(world, "planted", stream) as working:
        evidence = await working.run(Schedule(steps))
    violations = check(evidence)
    told = failure(evidence, Schedule(steps), violations, world)
    logs = Path(told.splitlines()[-1].rpartition(" ")[2])
    assert len(list(logs.glob("*.jsonl"))) == len(evidence.logs)
    assert all("ready" in path.read_text("utf-8") for path in logs.glob("node*.log"))
    shutil.rmtree(logs)
    return {violation.demand for violation in violations}


@pytest.mark.parametrize("plants", FOUND, ids="+".join)
async def test_a_bug_of_the_server_is_found(plants: tuple[str, ...], world: World) -> None:
    steps, demands = FOUND[plants]
    await start_again(world, command(*plants))
    assert demands <= await found(world, steps)


async def test_every_bug_is_planted_somewhere() -> None:
    assert {plant for plants in FOUND for plant in plants} == set(PLANTS)


class Careless(Stream):
    """Takes the answer to what it sent for a sign that it has everything up to there."""

    async def ask(self, request: Request[R]) -> R | str:
        answer = await super().ask(request)
        if isinstance(request, SendMessage) and isinstance(answer, MessageSent):
            told = self._order.conversations[request.conversation_id]
            told.rev = max(told.rev, answer.rev)
        return answer


async def test_a_client_whose_answers_move_its_cursor_is_found(world: World) -> None:
    await start_again(world, SERVE)
    assert {"pages_and_events_tile", "all_see_the_truth_in_the_end"} <= await found(
        world, (), Careless
    )

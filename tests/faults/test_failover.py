"""A standby is promoted that had not got all, while clients work."""

from __future__ import annotations

import pytest

from tests.faults.checker import check
from tests.faults.evidence import acknowledged
from tests.faults.failover import Failover, standby
from tests.faults.log import Interrupted
from tests.faults.play import play
from tests.faults.report import failure
from tests.faults.world import World

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

NODES = 2
CHANGED = 4003


async def test_only_the_tail_is_lost_and_clients_begin_anew(world: World) -> None:
    async with standby(world) as follower, play(world, "failover") as working:
        story = Failover(follower)
        evidence = await working.run(story)
        violations = [
            *story.what_is_lost_is_the_tail(evidence),
            *story.clients_begin_anew(evidence),
            *check(story.afterwards(evidence)),
        ]
        assert not violations, failure(evidence, "a standby is promoted", violations, world)
    sends = [asked for _, asked, _ in acknowledged(evidence, "send")]
    lost = [asked for asked in sends if (asked.conversation, asked.message) not in evidence.by_id]
    assert 0 < len(lost) < len(sends) / 2
    codes = {e.code for log in evidence.logs for e in log.entries if isinstance(e, Interrupted)}
    assert CHANGED in codes

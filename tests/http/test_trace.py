"""What a node answers to `lumina trace`."""

from __future__ import annotations

import pytest
from lumina_protocol.fields import uuid7

from lumina_rt.config import Settings
from lumina_rt.http.trace import MAX_USERS
from tests.house import nodes
from tests.http.test_private import get


async def test_a_conversation_of_which_nothing_passed_is_unknown(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        path = f"/trace?conversation={uuid7()}&rev=1&user={uuid7()}"
        expected: dict[str, object] = {"node": node.bus.node_id, "passed": None, "sessions": []}
        assert await get(node, path) == (200, expected)


ID = "019bc119-4268-7e12-b3a9-0f1e2d3c4b5a"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "conversation=42&rev=1",
        f"conversation={ID}",
        f"conversation={ID}&rev=first",
        f"conversation={ID}&rev=1&user=alice",
        f"conversation={ID}&rev=1" + f"&user={ID}" * (MAX_USERS + 1),
    ],
)
async def test_a_wrong_question_is_answered_with_what_is_needed(
    settings: Settings, query: str
) -> None:
    async with nodes(settings, 1) as (node,):
        status, answer = await get(node, f"/trace?{query}")
        assert status == 400
        assert answer["error"].startswith("?conversation=ID&rev=N and at most 100 &user=ID")
        most = f"conversation={uuid7()}&rev=1" + f"&user={uuid7()}" * MAX_USERS
        assert (await get(node, f"/trace?{most}"))[0] == 200

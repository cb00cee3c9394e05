"""What a client had at any rev, with the pages of a sync applied, is what is there now."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from lumina_protocol.accounts import Register
from lumina_protocol.conversations import SyncConversation, SyncPage
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import DeleteMessage, EditMessage, Message, ReadHistory

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import PASSWORD, nodes, open_conversation, register, say, user

State = dict[int, Message]
Step = tuple[str, int]
STEPS = st.tuples(st.sampled_from(["send", "send", "edit", "edit", "delete"]), st.integers(0, 9))


async def now(client: Client, conversation: UUID) -> State:
    """What a fresh client sees."""
    asked = ReadHistory(conversation_id=conversation, limit=200)
    return {message.seq: message for message in (await client.call(asked)).messages}


async def take(client: Client, conversation: UUID, step: Step) -> None:
    """Edits and deletions of whichever message the number falls on, if it is not deleted."""
    what, number = step
    messages = list((await now(client, conversation)).values())
    if what == "send" or not messages:
        await say(client, conversation, f"sent {number}")
        return
    message = messages[number % len(messages)]
    where = {"conversation_id": conversation, "message_id": message.message_id}
    if what == "delete":
        await client.call(DeleteMessage(op_id=uuid7(), **where))
    elif not message.is_deleted:
        edited = f"{message.content}+"
        asked = EditMessage(op_id=uuid7(), base_rev=message.rev, content=edited, **where)
        await client.call(asked)


def apply(state: State, page: SyncPage, limit: int) -> None:
    """As protocol/README.md says a client does it."""
    revs = [message.rev for message in page.messages]
    assert revs == sorted(set(revs))
    assert all(page.from_rev < rev <= page.to_rev for rev in revs)
    assert len(revs) <= limit
    for message in page.messages:
        if message.seq not in state or message.rev > state[message.seq].rev:
            state[message.seq] = message


async def synced(
    client: Client,
    conversation: UUID,
    state: State,
    rev: int,
    limit: int,
    late: list[Step],
    told: list[Message],
) -> tuple[State, int]:
    """The state and the rev that the pages lead to, all of which are `told`; between them the late
    steps are taken."""
    state, late, last = dict(state), list(late), rev + 1
    while rev < last:
        asked = SyncConversation(conversation_id=conversation, after_rev=rev, limit=limit)
        page = await client.call(asked)
        assert page.from_rev == rev, "a page begins where the one before has ended"
        assert rev < page.to_rev <= page.last_rev or page.to_rev == rev == page.last_rev
        apply(state, page, limit)
        told += page.messages
        rev, last = page.to_rev, page.last_rev
        if late:
            await take(client, conversation, late.pop())
            last = rev + 1  # so that it is looked at again
    return state, rev


async def check(client: Client, steps: list[Step], late: list[Step], limit: int) -> None:
    conversation = await open_conversation(client, await new_peer(client))
    states: dict[int, State] = {0: {}}
    for step in steps:
        await take(client, conversation, step)
        state = await now(client, conversation)
        states[max(message.rev for message in state.values())] = state
    newest = max(states)
    assert sorted(states) == list(range(newest + 1)), "each step was one change"
    for rev, state in states.items():
        told: list[Message] = []
        found, reached = await synced(client, conversation, state, rev, limit, [], told)
        assert (found, reached) == (states[newest], newest)
        changed = [message for message in found.values() if message.rev > rev]
        assert told == sorted(changed, key=lambda message: message.rev), "each once, as it is now"
    found, reached = await synced(client, conversation, {}, 0, limit, late, [])
    assert found == await now(client, conversation)
    assert reached == max(message.rev for message in found.values())


async def new_peer(client: Client) -> str:
    name = f"peer{uuid7().hex[-20:]}"
    async with Client(client.url) as stranger:
        await stranger.call(Register(username=name, password=PASSWORD))
    return name


@pytest.mark.timeout(120)  # a counterexample is made smaller before it is shown
async def test_pages_lead_from_any_state_to_the_newest(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    async with nodes(settings, 1, requests_burst=10**9) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:

            @run_with(max_examples=20, deadline=None, database=None)
            @given(
                st.lists(STEPS, min_size=1, max_size=12),
                st.lists(STEPS, max_size=3),
                st.integers(1, 5),
            )
            def try_random_steps(steps: list[Step], late: list[Step], limit: int) -> None:
                work = check(alice, steps, late, limit)
                asyncio.run_coroutine_threadsafe(work, loop).result()

            await asyncio.to_thread(try_random_steps)


async def test_long_messages_make_a_page_shorter(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            conversation = await open_conversation(alice, "bob")
            for _ in range(20):
                await say(alice, conversation, "👋" * 4000)
            asked = SyncConversation(conversation_id=conversation, after_rev=0, limit=200)
            page = await alice.call(asked)
            assert (len(page.messages), page.to_rev, page.last_rev) == (8, 8, 20)
            state, reached = await synced(alice, conversation, {}, 0, 200, [], [])
            assert (list(state), reached) == (list(range(1, 21)), 20)


async def test_a_sync_that_has_everything_is_empty(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            conversation = await open_conversation(alice, "bob")
            for after, last in ((0, 0), (1, 1), (7, 7)):
                asked = SyncConversation(conversation_id=conversation, after_rev=after)
                assert await alice.call(asked) == SyncPage(
                    messages=[], from_rev=after, to_rev=after, last_rev=last
                )
                if not last:
                    await say(alice, conversation, "hello")


async def test_a_stranger_gets_nothing(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "mallory")
        async with user(node, "alice") as alice, user(node, "mallory") as mallory:
            conversation = await open_conversation(alice, "bob")
            await say(alice, conversation, "between us")
            for conversation_id in (conversation, uuid7()):
                with pytest.raises(LuminaError, match="not_found") as refused:
                    await mallory.call(
                        SyncConversation(conversation_id=conversation_id, after_rev=0)
                    )
                assert refused.value.body.field == "conversation_id"
    assert await pg.fetchval("select count(*) from messages") == 1

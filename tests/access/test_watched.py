"""Who is told of somebody's profile and of the topics of their posts: a row a relation."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.posts import CreatePost
from lumina_protocol.topics import CompleteTopic, FollowTopic, GetTopic, PageTopicPosts
from lumina_protocol.watches import ProfileState, TopicState

from lumina_rt.client import Client, Inbox
from tests.access.people import HOST, PEOPLE, POSTS
from tests.access.table import cells, rows
from tests.access.test_matrix import ACCOUNTS, SEES, House, house
from tests.workers import rows as store

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

__all__ = ["house"]
WITHIN_S = 10

# profile: all of it, or the name; topic: whether their post is the newest there. -: nothing.
WATCHED = {"open": """
who           profile  topic
self          whole    newest
stranger      whole    newest
follower      whole    newest
followed      whole    newest
friend        whole    newest
close_friend  whole    newest
named_close   whole    newest
in_audience   whole    newest
blocked       -        -
blocker       -        -
staff         whole    newest
""", "private": """
who           profile  topic
self          whole    -
stranger      name     -
follower      whole    -
followed      name     -
friend        whole    -
close_friend  whole    -
named_close   name     -
in_audience   name     -
blocked       -        -
blocker       -        -
staff         whole    -
""", "suspended": """
who           profile  topic
self          whole    -
stranger      -        -
follower      -        -
followed      -        -
friend        -        -
close_friend  -        -
named_close   -        -
in_audience   -        -
blocked       -        -
blocker       -        -
staff         whole    -
"""}  # fmt: skip


@pytest.mark.parametrize("table", WATCHED.values())
def test_the_tables_have_everybody(table: str) -> None:
    assert rows(table) == list(PEOPLE)


async def topic(pg: asyncpg.Connection, name: str, *post_ids: UUID) -> UUID:
    topic_id = uuid7()
    await store.add(pg, "topics", topic_id=topic_id, topic_name=name, display_name=name)
    for post_id in post_ids:
        await store.add(pg, "post_topics", post_id=post_id, topic_id=topic_id)
    return topic_id


async def answers(client: Client, asked: Request[Any]) -> bool:
    try:
        await client.call(asked)
    except LuminaError as error:
        assert (error.body.code, error.body.field) == ("not_found", "topic_id")
        return False
    return True


@pytest.mark.parametrize("account", SEES)
async def test_a_topic_is_there_for_whom_a_post_in_it_is(house: House, account: str) -> None:
    await house.pg.execute(ACCOUNTS[account])
    owner = house.ids["self"]
    found = await house.pg.fetch("select visibility, post_id from posts where user_id = $1", owner)
    made = {r["visibility"]: await topic(house.pg, r["visibility"], r["post_id"]) for r in found}
    wrong = []
    for cell in (one for one in cells(SEES[account]) if one.column in POSTS):
        client, topic_id = house.clients[cell.row], made[cell.column]
        completed = (await client.call(CompleteTopic(prefix=cell.column))).topics
        seen = [
            await answers(client, GetTopic(topic_id=topic_id)),
            await answers(client, PageTopicPosts(topic_id=topic_id)),
            topic_id in [one.topic_id for one in completed],
        ]
        if set(seen) != {cell.says == "yes"}:
            wrong.append((cell, seen))
    assert wrong == []


async def until(
    inbox: Inbox, kind: type[ProfileState | TopicState], newest: UUID
) -> list[ProfileState | TopicState]:
    """The states up to one of this kind with this mark."""
    states: list[ProfileState | TopicState] = []
    async with asyncio.timeout(WITHIN_S):
        async for news in inbox:
            if isinstance(news, ProfileState | TopicState):
                states.append(news)
                if isinstance(news, kind) and news.newest_post_id == newest:
                    return states
    raise AssertionError("an inbox does not end")


async def profile_of(client: Client, user_id: UUID) -> str:
    try:
        state = (await client.watch("profile", user_id)).profile
    except LuminaError as error:
        assert error.body.code == "not_found"
        return "-"
    assert state
    more = (state.bio, state.follower_count, state.newest_post_id)
    assert state.whole or more == (None, None, None)
    return "whole" if state.whole else "name"


async def newest_of(client: Client, topic_id: UUID) -> UUID | None:
    state = (await client.watch("topic", topic_id)).topic
    assert state
    return state.newest_post_id


@pytest.mark.parametrize("account", WATCHED)
async def test_states_are_told_to_whom_they_are_for(house: House, account: str) -> None:
    await house.pg.execute(ACCOUNTS[account])
    owner = house.ids["self"]
    old = await store.post(house.pg, house.ids[HOST], visibility="public")
    own = await store.post(house.pg, owner, visibility="public")
    walks = await topic(house.pg, "walks", old, own)
    with ExitStack() as stack:
        inboxes = {n: stack.enter_context(c.inbox()) for n, c in house.clients.items()}
        wrong = []
        for cell in cells(WATCHED[account]):
            if cell.column == "profile":
                found = await profile_of(house.clients[cell.row], owner)
            else:
                newest = await newest_of(house.clients[cell.row], walks)
                found = {own: "newest", old: "-"}.get(newest or uuid7(), "wrong")
            if found != cell.says:
                wrong.append((cell, found))
        assert wrong == []
        if account != "suspended":
            await _told(house, account, walks, inboxes)


async def _told(house: House, account: str, walks: UUID, inboxes: dict[str, Inbox]) -> None:
    """Of a new post: to the others on one node in one turn, and behind it a mark for all."""
    says = {(cell.row, cell.column): cell.says for cell in cells(WATCHED[account])}
    with ExitStack() as stack:
        waiting = {n: stack.enter_context(c.inbox()) for n, c in house.clients.items()}
        asked = CreatePost(post_id=uuid7(), post_type="text", caption="more #walks")
        await house.clients["self"].call(asked)
        for name, inbox in waiting.items():
            if says[name, "profile"] == "whole":
                await until(inbox, ProfileState, asked.post_id)
        for name, inbox in waiting.items():
            if says[name, "topic"] == "newest":
                await until(inbox, TopicState, asked.post_id)
    fence = CreatePost(post_id=uuid7(), post_type="text", caption="the last #walks")
    await house.clients["stranger"].call(fence)
    for name, inbox in inboxes.items():
        states = await until(inbox, TopicState, fence.post_id)
        profiles = [state for state in states if isinstance(state, ProfileState)]
        marks = {state.newest_post_id for state in states if isinstance(state, TopicState)}
        assert bool(profiles) == (says[name, "profile"] == "whole"), name
        assert (asked.post_id in marks) == (says[name, "topic"] == "newest"), name


async def test_what_one_follows_only_ones_own_devices_are_told(house: House) -> None:
    old = await store.post(house.pg, house.ids[HOST], visibility="public")
    walks = await topic(house.pg, "walks", old)
    for client in house.clients.values():
        assert (await client.call(FollowTopic(topic_id=walks, op_id=uuid7()))).changed
    told = await house.pg.fetch(
        "select user_id from user_events where event_type = 'topic.follow_changed'"
    )
    assert sorted(row["user_id"] for row in told) == sorted(
        house.ids[name] for name in house.clients
    )

"""Who sees what of somebody, and who reaches them: a row a relation, a column a thing.

They are on one node, and the others on another. What has its operation is asked for through the
front door; posts, stories and comments are real rows, asked for by access.py one at a time, and by
its SQL as a list will.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import (
    CreateConversation,
    ListConversations,
    MemberTyping,
    TellTyping,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.members import CreateGroup
from lumina_protocol.message_reactions import React
from lumina_protocol.presence import WatchPresence
from lumina_protocol.profiles import GetUser
from lumina_protocol.receipts import ReadConversation
from lumina_protocol.settings import ChangeSettings, MessagesFrom, Visibility

from lumina_rt import access
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.access.people import HOST, PEOPLE, introduce, show
from tests.access.table import cells, rows
from tests.handlers.test_blocks import until
from tests.house import message, nodes, register, say, user
from tests.workers.rows import database

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

SEES = {"open": """
who           public  followers  friends  close_friends  custom  private
self          yes     yes        yes      yes            yes     yes
stranger      yes     -          -        -              -       -
follower      yes     yes        -        -              -       -
followed      yes     -          -        -              -       -
friend        yes     yes        yes      -              -       -
close_friend  yes     yes        yes      yes            -       -
named_close   yes     -          -        yes            -       -
in_audience   yes     -          -        -              yes     -
blocked       -       -          -        -              -       -
blocker       -       -          -        -              -       -
staff         yes     yes        yes      yes            yes     -
""", "private": """
who           public  followers  friends  close_friends  custom  private
self          yes     yes        yes      yes            yes     yes
stranger      -       -          -        -              -       -
follower      yes     yes        -        -              -       -
followed      -       -          -        -              -       -
friend        yes     yes        yes      -              -       -
close_friend  yes     yes        yes      yes            -       -
named_close   -       -          -        -              -       -
in_audience   -       -          -        -              -       -
blocked       -       -          -        -              -       -
blocker       -       -          -        -              -       -
staff         yes     yes        yes      yes            yes     -
""", "suspended": """
who           public  followers  friends  close_friends  custom  private
self          yes     yes        yes      yes            yes     yes
stranger      -       -          -        -              -       -
follower      -       -          -        -              -       -
followed      -       -          -        -              -       -
friend        -       -          -        -              -       -
close_friend  -       -          -        -              -       -
named_close   -       -          -        -              -       -
in_audience   -       -          -        -              -       -
blocked       -       -          -        -              -       -
blocker       -       -          -        -              -       -
staff         yes     yes        yes      yes            yes     -
"""}  # fmt: skip

# What is theirs under the public post of somebody else.
COMMENTS = """
who           comment
self          yes
stranger      yes
follower      yes
followed      yes
friend        yes
close_friend  yes
named_close   yes
in_audience   yes
blocked       -
blocker       -
staff         yes
"""

# whole: the whole profile; name: not more than that there is such a user; -: not_found.
PROFILES = {"open": """
who           public  friends  private
self          whole   whole    whole
stranger      whole   name     name
follower      whole   name     name
followed      whole   name     name
friend        whole   whole    name
close_friend  whole   whole    name
named_close   whole   name     name
in_audience   whole   name     name
blocked       -       -        -
blocker       name    name     name
staff         whole   whole    name
""", "private": """
who           public  friends  private
self          whole   whole    whole
stranger      name    name     name
follower      whole   name     name
followed      name    name     name
friend        whole   whole    name
close_friend  whole   whole    name
named_close   name    name     name
in_audience   name    name     name
blocked       -       -        -
blocker       name    name     name
staff         whole   whole    name
""", "suspended": """
who           public  friends  private
stranger      -       -        -
friend        -       -        -
blocked       -       -        -
blocker       -       -        -
staff         whole   whole    name
"""}  # fmt: skip

# Who opens a direct conversation with them, is heard and seen typing in it, by allow_messages_from.
REACHES = """
who           everyone   following     no_one
stranger      yes        not_accepted  not_accepted
follower      yes        not_accepted  not_accepted
followed      yes        yes           not_accepted
friend        yes        yes           not_accepted
close_friend  yes        yes           not_accepted
named_close   yes        yes           not_accepted
in_audience   yes        not_accepted  not_accepted
blocked       blocked    blocked       blocked
blocker       blocked    blocked       blocked
staff         yes        not_accepted  not_accepted
"""

# Who reacts to what they have said in a direct conversation, and whose reading they see there.
ANSWERS = """
who           reaction  receipt
stranger      yes       seen
follower      yes       seen
followed      yes       seen
friend        yes       seen
close_friend  yes       seen
named_close   yes       seen
in_audience   yes       seen
blocked       blocked   unseen
blocker       blocked   unseen
staff         yes       seen
"""

# Who is told that they are online, by what the two have to do with each other.
ONLINE = """
who           nothing  opened  answered  group  hidden
stranger      -        -       yes       yes    -
follower      yes      yes     yes       yes    -
followed      -        -       yes       yes    -
friend        yes      yes     yes       yes    -
close_friend  yes      yes     yes       yes    -
named_close   -        -       yes       yes    -
in_audience   -        -       yes       yes    -
blocked       -        -       -         -      -
blocker       -        -       -         -      -
staff         -        -       yes       yes    -
"""
MEETINGS = {
    "nothing": "select",
    "opened": "insert into conversations (conversation_id, direct_low, direct_high)"
    " select gen_random_uuid(), least(user_id, $1), greatest(user_id, $1) from users"
    " where user_id <> $1",
    "answered": "update conversations set low_wrote = low_wrote or direct_low = $1,"
    " high_wrote = high_wrote or direct_high = $1 where direct_low is not null",
    "group": "with ended as (delete from conversations), new as (insert into conversations"
    " (conversation_id, conversation_type, member_count)"
    " values (gen_random_uuid(), 'group', 200) returning conversation_id)"
    " insert into conversation_participants (conversation_id, user_id)"
    " select conversation_id, user_id from new, users",
    "hidden": "update user_settings set show_activity_status = false where user_id = $1",
}

ACCOUNTS = {
    "open": "update users set is_private = false where username = 'self'",
    "private": "update users set is_private = true where username = 'self'",
    "suspended": "update users set suspended_at = now(), suspended_reason = 'spam',"
    " suspended_until = now() + interval '1 day' where username = 'self'",
}
# As lists will: what there is, and of it what the viewer may see.
LISTS = {
    "posts": "select visibility from posts p where user_id = $2"
    " and exists (select from may_see($1, p.user_id, p.visibility, p.audience_id))",
    "stories": "select visibility from live_stories s where user_id = $2"
    " and exists (select from story_for($1, s.story_id))",
    "comments": "select comment_id from live_comments c join live_posts p using (post_id)"
    " where c.user_id = $2 and not exists (select from blocked_between($1, c.user_id))"
    " and exists (select from may_see($1, p.user_id, p.visibility, p.audience_id))",
}


@dataclass
class House:
    clients: dict[str, Client]
    ids: dict[str, UUID]
    pg: asyncpg.Connection

    async def set(self, **changes: object) -> None:
        asked = ChangeSettings.model_validate({"op_id": uuid7(), **changes})
        await self.clients["self"].call(asked)

    async def profile(self, who: str) -> str:
        try:
            asked = GetUser(user_id=self.ids["self"])
            by_id = (await self.clients[who].call(asked)).profile
            by_name = (await self.clients[who].call(GetUser(username="self"))).profile
        except LuminaError as error:
            assert error.body.code == "not_found"
            return "-"
        assert by_id == by_name
        return "whole" if by_id.whole else "name"


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (here, there), AsyncExitStack() as stack:
        await register(here, *PEOPLE, HOST)
        ids = await introduce(pg)
        await show(pg, ids)
        clients = {
            name: await stack.enter_async_context(user(there if name == "self" else here, name))
            for name in PEOPLE
        }
        yield House(clients, ids, pg)


@pytest.mark.parametrize("table", [*SEES.values(), COMMENTS, REACHES, ANSWERS, ONLINE])
def test_the_tables_have_everybody(table: str) -> None:
    assert rows(table) == [
        name for name in PEOPLE if table not in (REACHES, ANSWERS, ONLINE) or name != "self"
    ]


@pytest.mark.parametrize("account", SEES)
async def test_what_is_shown_is_seen_by_whom_it_is_for(
    house: House, settings: Settings, account: str
) -> None:
    await house.pg.execute(ACCOUNTS[account])
    owner = house.ids["self"]
    audience = await house.pg.fetchval(
        "select audience_id from posts where audience_id is not null"
    )
    listed = {
        (who, kind): {row["visibility"] for row in await house.pg.fetch(LISTS[kind], id_, owner)}
        for who, id_ in house.ids.items()
        for kind in ("posts", "stories")
    }
    wrong = []
    async with database(settings) as db, db.read() as tx:
        for cell in cells(SEES[account]):
            viewer, shown_to, expected = house.ids[cell.row], cell.column, cell.says == "yes"
            seen = await access.visible(
                tx, viewer_id=viewer, owner_id=owner, shown_to=shown_to, audience_id=audience
            )
            found = [seen]
            if shown_to in ("public", "friends", "custom", "private"):
                found.append(shown_to in listed[cell.row, "posts"])
            if shown_to in ("public", "followers", "close_friends"):
                found.append(shown_to in listed[cell.row, "stories"])
            if cell.row != "staff":
                found.append(await behind_the_fence(house.pg, viewer, owner, shown_to, audience))
            if set(found) != {expected}:
                wrong.append((cell, found))
    assert wrong == []


async def behind_the_fence(
    pg: asyncpg.Connection, viewer: UUID, owner: UUID, shown_to: str, audience: UUID
) -> bool:
    """What lumina_app would see, by the row-level security."""
    async with pg.transaction():
        await pg.execute("select set_config('app.user_id', $1, true)", str(viewer))
        seen = await pg.fetchval("select app_may_see($1, $2, $3)", owner, shown_to, audience)
    assert isinstance(seen, bool)
    return seen


async def test_a_comment_is_seen_with_its_post_and_not_across_a_block(house: House) -> None:
    wrong = []
    for cell in cells(COMMENTS):
        asked = house.ids[cell.row], house.ids["self"]
        seen = bool(await house.pg.fetch(LISTS["comments"], *asked))
        if seen is not (cell.says == "yes"):
            wrong.append(cell)
    assert wrong == []


@pytest.mark.parametrize("account", PROFILES)
async def test_a_profile_is_seen_by_whom_it_is_for(house: House, account: str) -> None:
    wrong = []
    for shown_to in get_args(Visibility):
        await house.set(profile_visibility=shown_to)
        await house.pg.execute(ACCOUNTS[account])
        asked = [cell for cell in cells(PROFILES[account]) if cell.column == shown_to]
        seen = [(cell, await house.profile(cell.row)) for cell in asked]
        wrong += [(cell, said) for cell, said in seen if said != cell.says]
        await house.pg.execute("update users set is_active = true where username = 'self'")
    assert wrong == []


async def test_who_reaches_somebody_by_messages(house: House) -> None:
    """Asked twice: of who opens a conversation, and of who has one that was not answered."""
    fence = CreateGroup(conversation_id=uuid7(), title="Fence", usernames=["stranger"])
    await house.clients["self"].call(fence)
    wrong = []
    with house.clients["self"].inbox() as inbox:
        for allowed in get_args(MessagesFrom):
            await house.pg.execute("delete from conversations where conversation_type = 'direct'")
            for cell in cells(REACHES):
                if cell.column == allowed:
                    found = await reach(house, cell.row, allowed, inbox, fence.conversation_id)
                    if found != expected(cell.says):
                        wrong.append((cell, found))
    assert wrong == []


async def test_who_answers_somebody_without_words(house: House) -> None:
    wrong = []
    for cell in cells(ANSWERS):
        conversation_id, message_id = uuid7(), uuid7()
        await house.pg.execute("delete from conversations")
        await insert_direct(house, cell.row, conversation_id)
        await insert_message(house, conversation_id, message_id)
        if cell.column == "reaction":
            where = {"conversation_id": conversation_id, "message_id": message_id}
            asked = React(**where, op_id=uuid7(), reaction="grateful")
            found = await outcome(house.clients[cell.row], asked)
        else:
            await house.clients[cell.row].call(
                ReadConversation(conversation_id=conversation_id, seq=1)
            )
            (listed,) = (await house.clients["self"].call(ListConversations())).conversations
            read = {member.user_id: member.read_seq for member in listed.members}
            found = "seen" if read[house.ids[cell.row]] else "unseen"
        if found != cell.says:
            wrong.append((cell, found))
    assert wrong == []


async def test_who_is_told_that_somebody_is_online(house: House) -> None:
    wrong, owner = [], house.ids["self"]
    follower = house.clients["follower"]
    async with asyncio.timeout(5):  # until the node has written who is there
        while (await watched(follower, owner)) != "online":
            pass
    for met, statement in MEETINGS.items():
        await house.pg.execute(statement.replace("$1", f"'{owner}'"))
        for cell in cells(ONLINE):
            if cell.column == met:
                state = await watched(house.clients[cell.row], owner)
                if state != ("online" if cell.says == "yes" else "offline"):
                    wrong.append((cell, state))
    assert wrong == []
    big = "update conversations set member_count = 201"
    shown = "update user_settings set show_activity_status = true"
    await house.pg.execute(f"{shown}; {big}")
    state = await watched(house.clients["stranger"], owner)
    assert state == "offline", "in a big group members are counted"


async def watched(client: Client, user_id: UUID) -> str:
    (told,) = (await client.call(WatchPresence(user_ids=[user_id]))).users
    return told.state


def expected(says: str) -> list[str]:
    """To open a conversation, to send, and whether typing is seen."""
    if says == "blocked":
        return ["not_found", "blocked", "unseen"]
    return [says, says, "seen" if says == "yes" else "unseen"]


async def reach(house: House, who: str, allowed: str, inbox: Inbox, fence: UUID) -> list[str]:
    client = house.clients[who]
    await house.set(allow_messages_from=allowed)
    create = CreateConversation(conversation_id=uuid7(), username="self")
    opened = await outcome(client, create)
    if opened != "yes":
        await insert_direct(house, who, create.conversation_id)
    sent = await outcome(client, message(create.conversation_id, "hello"))
    await client.call(TellTyping(conversation_id=create.conversation_id))
    # From the same node, so that what was to be told has come before it.
    await say(house.clients["stranger"], fence, f"{who} {allowed}")
    heard = await until(inbox, f"{who} {allowed}")
    typed = any(isinstance(news, MemberTyping) for news in heard)
    return [opened, sent, "seen" if typed else "unseen"]


async def outcome(client: Client, asked: Request[Any]) -> str:
    try:
        await client.call(asked)
    except LuminaError as error:
        return error.body.code
    return "yes"


async def insert_direct(house: House, who: str, conversation_id: UUID) -> None:
    """As if it had been opened when that was accepted."""
    low, high = sorted((house.ids[who], house.ids["self"]))
    await house.pg.execute(
        "insert into conversations (conversation_id, direct_low, direct_high) values ($1, $2, $3)",
        conversation_id, low, high,
    )  # fmt: skip
    await house.pg.executemany(
        "insert into conversation_participants (conversation_id, user_id) values ($1, $2)",
        [(conversation_id, user_id) for user_id in (low, high)],
    )


async def insert_message(house: House, conversation_id: UUID, message_id: UUID) -> None:
    """Of theirs, from before there was a block."""
    await house.pg.execute(
        "insert into messages (conversation_id, message_id, seq, rev, sender_id, content,"
        " content_digest) values ($1, $2, 1, 1, $3, 'hello', $4)",
        conversation_id, message_id, house.ids["self"], bytes(16),
    )  # fmt: skip
    await house.pg.execute(
        "update conversations set last_seq = 1, last_rev = 1 where conversation_id = $1",
        conversation_id,
    )

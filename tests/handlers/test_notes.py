"""Notes: what the largest of them hold."""

from __future__ import annotations

import asyncpg
from lumina_protocol.fields import uuid7
from lumina_protocol.members import AddMembers, CreateGroup
from lumina_protocol.messages import ReadHistory

from lumina_rt.config import Settings
from tests.house import nodes, register, user

WITH_LONG_NAMES = """
insert into users (user_id, username, username_key, password_hash)
select overlay(gen_random_uuid()::text placing '7' from 15)::uuid, name, name, '!'
from unnest($1::text[]) name"""


async def test_a_note_names_a_hundred_people_by_the_longest_names(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    names = [chr(0x4E00 + n) * 30 for n in range(100)]
    await pg.execute(WITH_LONG_NAMES, names)
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            group = uuid7()
            asked = CreateGroup(conversation_id=group, title="Tea", usernames=["bob"])
            await alice.call(asked)
            await alice.call(AddMembers(conversation_id=group, usernames=names, op_id=uuid7()))
            page = await alice.call(ReadHistory(conversation_id=group))
    note = page.messages[-1].note
    assert note is not None
    assert {person.username for person in note.people or ()} == set(names)

"""Mutes, audiences, and the finding of people: for oneself, on all devices."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import asyncpg
from lumina_protocol.audiences import (
    AddToAudience,
    ChangeAudience,
    CreateAudience,
    ListAudienceMembers,
    ListAudiences,
    RemoveAudience,
    TakeFromAudience,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser
from lumina_protocol.mutes import ListMutes, MuteUser, UnmuteUser
from lumina_protocol.people import SearchUsers, SuggestUsers
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Client
from tests.handlers.test_blocks import House, house, refused
from tests.handlers.test_follows import do
from tests.oracle import oracle
from tests.workers import rows

__all__ = ["house"]


async def test_a_mute_is_known_to_ones_own_devices_only(
    house: House, pg: asyncpg.Connection
) -> None:
    bob, carol = house.id("bob"), house.id("carol")
    soon = int(time.time() * 1000) + 3_600_000
    async with oracle(house.alice, house.alice_too, house.bob):
        asked = MuteUser(user_id=bob, op_id=uuid7(), mute_scope="stories", until=soon)
        assert (await house.alice.call(asked)).changed
        again = asked.model_copy(update={"op_id": uuid7()})
        assert not (await house.alice_too.call(again)).changed
        assert (await house.alice_too.call(MuteUser(user_id=carol, op_id=uuid7()))).changed
        (last, first) = (await house.alice.call(ListMutes())).mutes
        assert (last.username, last.mute_scope, last.until) == ("carol", "all", None)
        assert (first.username, first.mute_scope, first.until) == ("bob", "stories", soon)
        assert (await house.alice.call(MuteUser(user_id=bob, op_id=uuid7()))).changed
        assert (await house.alice.call(UnmuteUser(user_id=carol, op_id=uuid7()))).changed
        assert not (await house.alice.call(UnmuteUser(user_id=carol, op_id=uuid7()))).changed
    assert await pg.fetchval("select count(*) from user_events where user_id = $1", bob) == 0
    over = MuteUser(user_id=bob, op_id=uuid7(), until=1)
    assert await refused(house.alice, over) == "invalid until"
    own = MuteUser(user_id=house.id("alice"), op_id=uuid7())
    assert await refused(house.alice, own) == "invalid user_id"
    await pg.execute("update mutes set until = now()")
    assert (await house.alice.call(ListMutes())).mutes == []


async def make(client: Client, name: str) -> UUID:
    asked = CreateAudience(audience_id=uuid7(), name=name)
    await client.call(asked)
    return asked.audience_id


def add(audience_id: UUID, *member_ids: UUID) -> AddToAudience:
    return AddToAudience(audience_id=audience_id, member_ids=list(member_ids), op_id=uuid7())


async def test_an_audience_is_made_filled_named_and_removed(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    async with oracle(house.alice, house.alice_too, house.bob):
        family, others = await make(house.alice, "Family"), await make(house.alice, "Others")
        assert (await house.alice.call(add(family, bob, carol))).changed
        assert not (await house.alice_too.call(add(family, carol))).changed
        take = TakeFromAudience(audience_id=family, member_ids=[carol, alice], op_id=uuid7())
        assert (await house.alice.call(take)).changed
        again = take.model_copy(update={"op_id": uuid7()})
        assert not (await house.alice.call(again)).changed
        rename = ChangeAudience(audience_id=others, op_id=uuid7(), name="Family")
        assert await refused(house.alice, rename) == "conflict name"
        await house.alice.call(rename.model_copy(update={"op_id": uuid7(), "name": "All"}))
        listed = (await house.alice.call(ListAudiences())).audiences
        assert [(a.name, a.member_count) for a in listed] == [("All", 0), ("Family", 1)]
        assert await refused(house.alice, add(family, alice)) == "not_found member_ids"
        assert await refused(house.alice, add(family, carol, uuid7())) == "not_found member_ids"
        assert await refused(house.bob, add(family, carol)) == "not_found audience_id"
        shown = ListAudienceMembers(audience_id=family)
        assert await refused(house.bob, shown) == "not_found audience_id"
        post = await rows.post(pg, alice, visibility="custom", audience_id=family)
        remove = RemoveAudience(audience_id=family, op_id=uuid7())
        assert await refused(house.alice, remove) == "conflict audience_id"
        await pg.execute("delete from posts where post_id = $1", post)
        assert (await house.alice.call(remove)).changed
        once_more = RemoveAudience(audience_id=family, op_id=uuid7())
        assert not (await house.alice.call(once_more)).changed
    assert await pg.fetchval("select count(*) from user_events where user_id = $1", bob) == 0


async def test_who_blocks_or_is_blocked_is_in_no_audience_of_the_other(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    async with oracle(house.alice, house.alice_too, house.bob):
        hers, his = await make(house.alice, "Friends"), await make(house.bob, "Friends")
        await house.alice.call(add(hers, bob, carol))
        await house.bob.call(add(his, alice))
        await house.alice.call(house.block("bob"))
        assert await refused(house.alice, add(hers, bob)) == "not_found member_ids"
        assert await refused(house.bob, add(his, alice)) == "not_found member_ids"
        left = await pg.fetch("select audience_id, user_id from audience_members")
        assert [tuple(row) for row in left] == [(hers, carol)]
        await house.alice.call(house.unblock("bob"))
        for _ in range(3):
            found = await asyncio.gather(
                house.alice_too.call(add(hers, bob)),
                house.bob.call(add(his, alice)),
                house.alice.call(house.block("bob")),
                return_exceptions=True,
            )
            errors = [e for e in found if isinstance(e, BaseException)]
            assert all(isinstance(e, LuminaError) and e.body.code == "not_found" for e in errors)
            assert await pg.fetchval("select count(*) from audience_members") == 1
            await house.alice.call(house.unblock("bob"))


async def named(pg: asyncpg.Connection, name: str) -> UUID:
    user_id = uuid7()
    await rows.add(
        pg, "users", user_id=user_id, username=name, username_key=name, password_hash="!"
    )
    return user_id


async def names_suggested(client: Client) -> list[tuple[str, int | None]]:
    users = (await client.call(SuggestUsers())).users
    return [(user.username, user.mutual) for user in users]


async def test_friends_of_friends_are_suggested_unless_something_speaks_against_it(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    dora, emil = await named(pg, "dora"), await named(pg, "emil")
    await do(house.alice, FollowUser, bob)
    await do(house.alice, FollowUser, carol)
    for client, other in ((house.bob, dora), (house.carol, dora), (house.bob, emil)):
        await do(client, FollowUser, other)
    await do(house.bob, FollowUser, alice)
    await do(house.bob, FollowUser, carol)
    assert await names_suggested(house.alice) == [("dora", 2), ("emil", 1)]
    assert await names_suggested(house.bob) == []
    hide = ChangeSettings(op_id=uuid7(), profile_visibility="private")
    await house.carol.call(hide)
    assert await names_suggested(house.alice) == [("dora", 1), ("emil", 1)]
    against = {
        "insert into mutes (user_id, muted_id) values ($1, $2)": "delete from mutes",
        "insert into follow_requests (follower_id, following_id) values ($1, $2)":
            "delete from follow_requests",
        "insert into follows (follower_id, following_id, connection_type)"
        " values ($1, $2, 'blocked')": "delete from follows where connection_type = 'blocked'",
        "insert into follows (follower_id, following_id, connection_type)"
        " values ($2, $1, 'blocked')": "delete from follows where connection_type = 'blocked'",
    }  # fmt: skip
    for made, ended in against.items():
        await pg.execute(made, alice, dora)
        assert await names_suggested(house.alice) == [("emil", 1)], made
        await pg.execute(ended)
    await pg.execute("update users set is_active = false where user_id = $1", dora)
    await pg.execute("update users set is_private = true where user_id = $1", emil)
    assert await names_suggested(house.alice) == [("emil", 1)]


async def test_people_are_found_by_the_beginning_of_their_name(
    house: House, pg: asyncpg.Connection
) -> None:
    _, bobby, _ = [await named(pg, name) for name in ("bo", "bobby", "boa")]
    await do(house.alice, FollowUser, bobby)

    async def found(prefix: str) -> list[str]:
        users = (await house.alice.call(SearchUsers(prefix=prefix))).users
        return [user.username for user in users]

    assert await found("BO") == ["bo", "bobby", "boa", "bob"]
    assert await found("bob") == ["bob", "bobby"]
    assert await found("b%") == []
    await house.bob.call(house.block("alice"))
    assert await found("bob") == ["bobby"]

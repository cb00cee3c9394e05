"""Follows: begun, asked for, approved, ended; who is told, who sees lists, and what races do."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import (
    ApproveFollow,
    DeclineFollow,
    FollowChanged,
    FollowersChanged,
    FollowKept,
    FollowUser,
    ListFollowers,
    ListFollowing,
    ListFollowRequests,
    RemoveFollower,
    SetFollow,
    UnfollowUser,
)
from lumina_protocol.frame import Change
from lumina_protocol.presence import PresenceChanged, WatchPresence
from lumina_protocol.profiles import GetUser, Profile
from lumina_protocol.settings import ChangeSettings

from lumina_rt import following
from lumina_rt.client import Client, Inbox
from tests.handlers.test_blocks import House, house, refused
from tests.oracle import oracle

__all__ = ["house"]
LIMIT_S = 10
DRIFT = """
select counter, subject_id
from counter_truths full join counter_values v using (counter, subject_id, part)
where counter like 'users.%' and coalesce(truth, 0) <> coalesce(value, 0) + coalesce((
    select sum(delta) from counter_deltas d
    where d.counter = v.counter and d.subject_id = v.subject_id), 0)"""


async def do(client: Client, change: type[Change[FollowKept]], user_id: UUID, **more: Any) -> str:
    """The state, and whether it was changed."""
    asked = change.model_validate({"user_id": user_id, "op_id": uuid7(), **more})
    kept = await client.call(asked)
    return f"{kept.state}{'' if kept.changed else ' as before'}"


async def private(client: Client, *, is_private: bool = True) -> None:
    await client.call(ChangeSettings(op_id=uuid7(), is_private=is_private))


async def profile(viewer: Client, user_id: UUID) -> Profile:
    return (await viewer.call(GetUser(user_id=user_id))).profile


async def next_of(inbox: Inbox, kind: type[Any]) -> Any:
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            if isinstance(news, kind):
                return news
    raise AssertionError("an inbox does not end")


async def test_a_public_account_is_followed_at_once_and_both_sides_are_told(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob = house.id("alice"), house.id("bob")
    async with oracle(house.alice, house.alice_too, house.bob, house.carol):
        with house.bob.inbox() as bobs:
            assert await do(house.alice, FollowUser, bob) == "follows"
            (told,) = (await next_of(bobs, FollowersChanged)).followers
        assert (told.user_id, told.state, told.user.username) == (alice, "follows", "alice")
        assert await do(house.alice_too, FollowUser, bob) == "follows as before"
        assert await do(house.alice, SetFollow, bob, close_friend=True) == "follows"
        assert await do(house.alice, SetFollow, bob, close_friend=True) == "follows as before"
        assert await do(house.alice, SetFollow, bob, notify_on_post=False) == "follows"
        assert "close" not in str(await events_of(pg, bob)), "that is told to who named them"
        seen = await profile(house.bob, bob)
        assert seen.follower_count == 1
        (own,) = (await house.alice.call(ListFollowing())).users
        assert (own.close_friend, own.notify_on_post) == (True, False)
        (listed,) = (await house.carol.call(ListFollowing(user_id=alice))).users
        assert (listed.close_friend, listed.notify_on_post) == (None, None)
        assert await do(house.bob, RemoveFollower, alice) == "none"
        assert await do(house.bob, RemoveFollower, alice) == "none as before"
        assert await refused(
            house.alice, SetFollow(user_id=bob, op_id=uuid7(), close_friend=True)
        ) == ("not_found user_id")
        await do(house.alice, FollowUser, bob)
        assert await do(house.alice, UnfollowUser, bob) == "none"
    assert await pg.fetch(DRIFT) == []


async def events_of(pg: asyncpg.Connection, user_id: UUID) -> list[Any]:
    kept = "select event_type, body from user_events where user_id = $1 order by rev"
    return [tuple(row) for row in await pg.fetch(kept, user_id)]


async def test_a_private_account_lets_in_whom_it_wants(house: House) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    await private(house.alice)
    async with oracle(house.alice, house.alice_too, house.bob, house.carol):
        assert await do(house.bob, FollowUser, alice) == "requested"
        assert await do(house.bob, FollowUser, alice) == "requested as before"
        assert (await profile(house.bob, alice)).relation.requested  # type: ignore[union-attr]
        assert await refused(house.bob, ListFollowers(user_id=alice)) == "forbidden user_id"
        (waits,) = (await house.alice_too.call(ListFollowRequests())).users
        assert waits.username == "bob"
        assert await do(house.alice, DeclineFollow, bob) == "none"
        assert await do(house.alice, ApproveFollow, bob) == "none as before"
        await do(house.bob, FollowUser, alice)
        assert await do(house.bob, UnfollowUser, alice) == "none"
        await do(house.bob, FollowUser, alice)
        with house.bob.inbox() as inbox:
            assert await do(house.alice, ApproveFollow, bob) == "follows"
            told = await next_of(inbox, FollowChanged)
        assert (told.state, told.user.username, told.user.notify_on_post) == (
            "follows", "alice", True,
        )  # fmt: skip
        assert await do(house.alice, ApproveFollow, bob) == "follows as before"
        assert await do(house.alice, DeclineFollow, bob) == "follows as before"
        assert [u.user_id for u in (await house.bob.call(ListFollowers(user_id=alice))).users] == [
            bob
        ]
        await do(house.carol, FollowUser, alice)
        await private(house.alice, is_private=False)
        assert (await profile(house.carol, alice)).relation.follows  # type: ignore[union-attr]
        assert (await house.alice.call(ListFollowRequests())).users == []
    assert carol in {u.user_id for u in (await house.alice.call(ListFollowers())).users}


async def test_all_who_wait_are_let_in_also_by_a_second_try(
    house: House, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts of one, and with rows left by a try that did not come to its end."""
    monkeypatch.setattr(following, "LET_IN_AT_ONCE", 1)
    alice = house.id("alice")
    await private(house.alice)
    for client in (house.bob, house.carol):
        await do(client, FollowUser, alice)
    await pg.execute("update users set is_private = false where user_id = $1", alice)
    async with oracle(house.alice, house.bob, house.carol):
        await private(house.alice, is_private=False)
    names = {user.username for user in (await house.alice.call(ListFollowers())).users}
    assert names == {"bob", "carol"}


async def test_a_block_ends_what_there_is_and_each_is_told_no_more_than_that(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob = house.id("alice"), house.id("bob")
    await do(house.alice, FollowUser, bob)
    await do(house.alice, SetFollow, bob, close_friend=True)
    await private(house.alice)
    await do(house.bob, FollowUser, alice)
    async with oracle(house.alice, house.alice_too, house.bob):
        await house.alice.call(house.block("bob"))
        assert await do(house.bob, UnfollowUser, alice) == "none as before"
        assert await do(house.alice, ApproveFollow, bob) == "none as before"
        follow = FollowUser(user_id=alice, op_id=uuid7())
        assert await refused(house.bob, follow) == "not_found user_id"
        own = FollowUser(user_id=bob, op_id=uuid7())
        assert await refused(house.alice, own) == "blocked user_id"
    told = {kind for kind, _ in await events_of(pg, bob)}
    assert not [kind for kind in told if "block" in kind]
    assert await pg.fetch(DRIFT) == []


async def test_nobody_follows_themselves_or_who_is_not_there(
    house: House, pg: asyncpg.Connection
) -> None:
    carol = house.id("carol")
    asked = FollowUser(user_id=house.id("alice"), op_id=uuid7())
    assert await refused(house.alice, asked) == "invalid user_id"
    nobody = FollowUser(user_id=uuid7(), op_id=uuid7())
    assert await refused(house.alice, nobody) == "not_found user_id"
    gone = {
        "is_active = false": "is_active = true",
        "suspended_at = now(), suspended_reason = '!', suspended_until = now() + interval '1 h'":
            "suspended_at = null, suspended_reason = null, suspended_until = null",
        "is_active = false, deleted_at = now()": "is_active = true, deleted_at = null",
    }  # fmt: skip
    await do(house.alice, FollowUser, carol)
    for change, back in gone.items():
        await pg.execute(f"update users set {change} where user_id = $1", carol)
        follow = FollowUser(user_id=carol, op_id=uuid7())
        assert await refused(house.bob, follow) == "not_found user_id"
        assert (await house.alice.call(ListFollowing())).users == []
        await pg.execute(f"update users set {back} where user_id = $1", carol)
    assert [u.user_id for u in (await house.alice.call(ListFollowing())).users] == [carol]


async def test_pages_do_not_move_while_others_come_and_go(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    await do(house.alice, FollowUser, bob)
    await do(house.carol, FollowUser, bob)
    await pg.execute("update follows set created_at = date_trunc('milliseconds', now())")
    first = await house.bob.call(ListFollowers(limit=1))
    (one,) = first.users
    await do(house.bob, RemoveFollower, one.user_id)
    rest = await house.bob.call(ListFollowers(before=(one.since, one.user_id), limit=1))
    assert (first.more, rest.more) == (True, False)
    assert {one.user_id, rest.users[0].user_id} == {alice, carol}


async def test_who_follows_sees_who_is_online_until_that_ends(house: House) -> None:
    bob = house.id("bob")

    async def state() -> str:
        (told,) = (await house.alice.call(WatchPresence(user_ids=[bob]))).users
        return told.state

    async with asyncio.timeout(LIMIT_S):
        await do(house.alice, FollowUser, bob)
        with house.alice.inbox() as inbox:
            if await state() != "online":  # the nodes tell each other who is there
                assert (await next_of(inbox, PresenceChanged)).state == "online"
            await do(house.bob, RemoveFollower, house.id("alice"))
            assert (await next_of(inbox, PresenceChanged)).state == "offline"


async def test_whatever_comes_at_once_leaves_one_truth(
    house: House, pg: asyncpg.Connection
) -> None:
    """Follows, a block and privacy from all devices at once: no follow stays beside a block, no
    request at a public account, and the events explain what there is."""
    alice, bob = house.id("alice"), house.id("bob")
    async with oracle(house.alice, house.alice_too, house.bob):
        for turn in range(4):
            await private(house.alice, is_private=bool(turn % 2))
            asked: list[Change[Any]] = [
                FollowUser(user_id=alice, op_id=uuid7()),
                FollowUser(user_id=bob, op_id=uuid7()),
                ApproveFollow(user_id=bob, op_id=uuid7()),
                ApproveFollow(user_id=bob, op_id=uuid7()),
                ChangeSettings(op_id=uuid7(), is_private=not turn % 2),
                FollowUser(user_id=alice, op_id=uuid7()),
            ]
            if turn > 1:
                asked.append(BlockUser(user_id=bob, op_id=uuid7()))
            doers = [house.bob, house.alice, house.alice, house.alice_too, house.alice_too,
                     house.bob, house.alice_too]  # fmt: skip
            calls = (who.call(what) for who, what in zip(doers, asked, strict=False))
            found = await asyncio.gather(*calls, return_exceptions=True)
            codes = {error.body.code for error in found if isinstance(error, Exception)}  # type: ignore[attr-defined]
            assert codes <= {"blocked", "not_found"}
            left = await pg.fetch("select connection_type from follows")
            waiting = await pg.fetchval("select count(*) from follow_requests")
            if turn > 1:
                assert ([row[0] for row in left], waiting) == (["blocked"], 0)
                await house.alice.call(house.unblock("bob"))
            elif turn % 2:
                assert waiting == 0, "the account is public now"
            await do(house.bob, UnfollowUser, alice)
            await do(house.alice, UnfollowUser, bob)
    assert await pg.fetch(DRIFT) == []

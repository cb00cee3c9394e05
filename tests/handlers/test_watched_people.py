"""Watching topics and profiles: the snapshot and the events, and when it ends."""

from __future__ import annotations

import asyncio
from typing import TypeVar
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import ApproveFollow, FollowUser, UnfollowUser
from lumina_protocol.frame import Event
from lumina_protocol.lifecycle import ChangeUsername
from lumina_protocol.post_changes import ArchivePost, DeletePost, RestorePost, UnarchivePost
from lumina_protocol.profile_changes import ChangeProfile
from lumina_protocol.reports import CreateReport
from lumina_protocol.settings import ChangeSettings
from lumina_protocol.topics import ChangeTopic, FollowTopic, GetTopic, UnfollowTopic
from lumina_protocol.watches import ProfileState, TopicState, Watch, WatchEnded

from lumina_rt import watching
from lumina_rt.client import Client, Inbox
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, house
from tests.moderation import appeal, appoint, decide, decide_appeal

__all__ = ["house"]
WITHIN_S = 10
E = TypeVar("E", TopicState, ProfileState)


@pytest.fixture(autouse=True)
def _without_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told is told because it has changed, and not because all is read now and then."""
    monkeypatch.setattr(watching, "SWEEP_S", 1000.0)


async def topic_state(client: Client, topic_id: UUID) -> TopicState:
    state = (await client.watch("topic", topic_id)).topic
    assert state
    return state


async def profile_state(client: Client, user_id: UUID) -> ProfileState:
    state = (await client.watch("profile", user_id)).profile
    assert state
    return state


async def until(inbox: Inbox, wanted: E) -> list[E]:
    """What was told up to this."""
    states: list[E] = []
    async with asyncio.timeout(WITHIN_S):
        async for news in inbox:
            if isinstance(news, type(wanted)):
                states.append(news)
                if news == wanted:
                    return states
    raise AssertionError("an inbox does not end")


async def ended(inbox: Inbox) -> WatchEnded:
    async with asyncio.timeout(WITHIN_S):
        async for news in inbox:
            if isinstance(news, WatchEnded):
                return news
    raise AssertionError("an inbox does not end")


async def topic_id_of(client: Client, name: str) -> UUID:
    return (await client.call(GetTopic(topic_name=name))).topic.topic_id


async def test_a_topic_is_told_as_it_changes_on_both_nodes(house: House) -> None:
    """Alice and Carol are on one node, her other device and Bob on the other."""
    alice, bob, carol = house.alice, house.bob, house.carol
    first = await house.post(alice, caption="#tea")
    tea = await topic_id_of(bob, "tea")
    with bob.inbox() as inbox, carol.inbox() as other:
        state = await topic_state(bob, tea)
        assert (state.post_count, state.follower_count, state.newest_post_id) == (1, 0, first)
        assert await topic_state(carol, tea) == state
        await carol.call(FollowTopic(topic_id=tea, op_id=uuid7()))
        await house.post(alice, caption="#tea", visibility="private")
        newest = await house.post(alice, caption="more #tea")
        state = state.model_copy(
            update={"post_count": 3, "follower_count": 1, "newest_post_id": newest}
        )
        for box in (inbox, other):
            assert len(await until(box, state)) <= 3
        await carol.call(UnfollowTopic(topic_id=tea, op_id=uuid7()))
        await appoint(house.pg, "alice", "admin")
        icon_id = uuid7()
        await house.pg.execute(MEDIA, icon_id, "alice", "image", "ready")
        shown: dict[str, object] = {"color_hex": "#00ff00", "description": "Hot."}
        shown |= {"display_name": "Tea", "icon_media_id": icon_id}
        await alice.call(ChangeTopic.model_validate({"topic_id": tea, "op_id": uuid7(), **shown}))
        state = state.model_copy(update={**shown, "follower_count": 0})
        await until(inbox, state)
        await alice.call(DeletePost(post_id=newest, op_id=uuid7()))
        await until(inbox, state.model_copy(update={"newest_post_id": first}))
        await alice.call(RestorePost(post_id=newest, op_id=uuid7()))
        await until(inbox, state)
        assert await topic_state(house.alice_too, tea) == state
        await bob.call(ChangeSettings(hide_metrics=True, op_id=uuid7()))
        quiet = {"post_count": None, "follower_count": None}
        await until(inbox, state.model_copy(update=quiet))
        assert await topic_state(bob, tea) == state.model_copy(update=quiet)


async def test_a_topic_is_told_at_once_of_what_staff_remove_and_bring_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of a suspension, a private account, and one that is left."""
    monkeypatch.setattr(watching, "SWEEP_S", 3600.0)
    alice, bob, carol = house.alice, house.bob, house.carol
    await appoint(house.pg, "carol", "moderator")
    await appoint(house.pg, "alice", "admin")
    first = await house.post(alice, caption="#tea")
    newest = await house.post(bob, caption="#tea")
    tea = await topic_id_of(carol, "tea")
    with carol.inbox() as inbox:
        state = await topic_state(carol, tea)
        assert state.newest_post_id == newest

        async def told(newest_id: UUID) -> None:
            expected = state.model_copy(update={"newest_post_id": newest_id})
            async with asyncio.timeout(WITHIN_S):
                async for event in inbox:
                    if isinstance(event, TopicState) and event.newest_post_id == newest_id:
                        assert event.model_copy(update={"post_count": 2}) == expected
                        return

        asked = {"report_id": uuid7(), "kind": "post", "subject_id": newest, "reason": "spam"}
        report_id = (await alice.call(CreateReport.model_validate(asked))).report_id
        await decide(carol, report_id, "remove")
        await told(first)
        await appeal(bob, report_id)
        await decide_appeal(alice, report_id, "overturned")
        await told(newest)
        for is_private, shown in ((True, first), (False, newest)):
            await bob.call(ChangeSettings(is_private=is_private, op_id=uuid7()))
            await told(shown)
        asked = {"report_id": uuid7(), "kind": "user", "subject_id": id_of(bob), "reason": "spam"}
        report_id = (await alice.call(CreateReport.model_validate(asked))).report_id
        await decide(carol, report_id, "suspend", 3)
        await told(first)


async def test_a_topic_tells_nothing_of_the_blocked_and_ends_when_it_is_gone(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    posts = [await house.post(client, caption="#tea") for client in (alice, carol)]
    tea = await topic_id_of(bob, "tea")
    with bob.inbox() as inbox:
        state = await topic_state(bob, tea)
        assert state.newest_post_id == posts[1]
        await carol.call(BlockUser(user_id=id_of(bob), op_id=uuid7()))
        posts.append(await house.post(carol, caption="#tea again"))
        seen = state.model_copy(update={"newest_post_id": posts[0], "post_count": 3})
        told = await until(inbox, seen)
        assert posts[2] not in {one.newest_post_id for one in told}
        await alice.call(BlockUser(user_id=id_of(bob), op_id=uuid7()))
        assert (await ended(inbox)).subject_id == tea
        asked = Watch(subject_type="topic", subject_id=tea)
        assert await refused(bob, asked) == "not_found subject_id"
        await alice.call(UnblockUser(user_id=id_of(bob), op_id=uuid7()))
        assert (await topic_state(bob, tea)).newest_post_id == posts[0]
        await alice.call(ArchivePost(post_id=posts[0], op_id=uuid7()))
        await carol.call(UnblockUser(user_id=id_of(bob), op_id=uuid7()))
        async with asyncio.timeout(WITHIN_S):
            while (await topic_or_end(bob, tea)) != posts[2]:
                await asyncio.sleep(0)
    with bob.inbox() as inbox:
        for post_id in posts[1:]:
            await carol.call(ArchivePost(post_id=post_id, op_id=uuid7()))
        assert (await ended(inbox)).subject_id == tea
    await alice.call(UnarchivePost(post_id=posts[0], op_id=uuid7()))
    assert (await topic_state(bob, tea)).newest_post_id == posts[0]
    nothing = Watch(subject_type="topic", subject_id=uuid7())
    assert await refused(bob, nothing) == "not_found subject_id"


async def topic_or_end(client: Client, topic_id: UUID) -> UUID | None:
    return (await topic_state(client, topic_id)).newest_post_id


async def test_a_profile_is_told_as_it_changes(house: House) -> None:
    """Each change by itself: with the next one, or with the first look around, it would be told as
    well."""
    alice, bob, carol = house.alice, house.bob, house.carol
    await house.pg.execute("update users set bio = 'Walks.' where username = 'alice'")
    with bob.inbox() as inbox:
        state = await profile_state(bob, id_of(alice))
        assert (state.username, state.whole, state.bio) == ("alice", True, "Walks.")
        counts = (state.follower_count, state.following_count, state.post_count)
        assert (counts, state.newest_post_id) == ((0, 0, 0), None)

        async def tells(**changes: object) -> None:
            nonlocal state
            state = state.model_copy(update=changes)
            await until(inbox, state)

        await carol.call(FollowUser(user_id=id_of(alice), op_id=uuid7()))
        await tells(follower_count=1)
        await alice.call(FollowUser(user_id=id_of(bob), op_id=uuid7()))
        await tells(following_count=1)
        post_id = await house.post(alice)
        await tells(post_count=1, newest_post_id=post_id)
        await house.post(alice, visibility="friends")
        await tells(post_count=2)
        await alice.call(ChangeProfile(bio="Runs.", op_id=uuid7()))
        await tells(bio="Runs.")
        await alice.call(ChangeUsername(username="alicia"))
        await tells(username="alicia")
        await carol.call(UnfollowUser(user_id=id_of(alice), op_id=uuid7()))
        await tells(follower_count=0)
        await alice.call(ArchivePost(post_id=post_id, op_id=uuid7()))
        await tells(post_count=1, newest_post_id=None)
        assert await profile_state(carol, id_of(alice)) == state, "a fresh watcher"
        await alice.call(ChangeSettings(hide_metrics=True, op_id=uuid7()))
        none = dict.fromkeys(("follower_count", "following_count", "post_count"))
        await until(inbox, state.model_copy(update=none))
        await alice.call(ChangeSettings(hide_metrics=False, op_id=uuid7()))
        await until(inbox, state)


@pytest.mark.parametrize("way", ["by the watched", "by the watcher"])
async def test_a_block_ends_it_either_way(house: House, way: str) -> None:
    alice, bob = house.alice, house.bob
    one, other = (alice, bob) if way == "by the watched" else (bob, alice)
    with bob.inbox() as inbox:
        await profile_state(bob, id_of(alice))
        await one.call(BlockUser(user_id=id_of(other), op_id=uuid7()))
        gone = WatchEnded(subject_type="profile", subject_id=id_of(alice), why="gone")
        assert await ended(inbox) == gone
        asked = Watch(subject_type="profile", subject_id=id_of(alice))
        assert await refused(bob, asked) == "not_found subject_id"
        assert id_of(bob) not in house.nodes[1].services.watching._viewers


async def test_of_a_private_account_strangers_learn_nothing_not_even_that_it_changes(
    house: House,
) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    await house.post(alice)
    await alice.call(ChangeSettings(is_private=True, op_id=uuid7()))
    await carol.call(FollowUser(user_id=id_of(alice), op_id=uuid7()))
    await alice.call(ApproveFollow(user_id=id_of(carol), op_id=uuid7()))
    with bob.inbox() as inbox, carol.inbox() as other:
        outside = await profile_state(bob, id_of(alice))
        assert outside.model_dump(exclude_none=True) == {
            "user_id": id_of(alice), "username": "alice", "is_private": True,
            "is_verified": False, "whole": False,
        }  # fmt: skip
        inside = await profile_state(carol, id_of(alice))
        assert (inside.whole, inside.post_count, inside.follower_count) == (True, 1, 1)
        post_id = await house.post(alice)
        more = {"post_count": 2, "newest_post_id": post_id}
        await until(other, inside.model_copy(update=more))
        await alice.call(ChangeSettings(is_private=False, op_id=uuid7()))
        opened = inside.model_copy(update={**more, "is_private": False})
        assert await until(inbox, opened) == [opened], "and nothing before that"
        await until(other, opened)
        await alice.call(ChangeSettings(is_private=True, op_id=uuid7()))
        await until(inbox, outside)
        await carol.call(UnfollowUser(user_id=id_of(alice), op_id=uuid7()))
        assert (await until(other, outside))[-1].post_count is None


async def test_events_are_of_what_is_watched(house: House) -> None:
    """Nothing is kept of it, and nobody else is told."""
    with house.carol.inbox() as inbox:
        await profile_state(house.bob, id_of(house.alice))
        await house.post(house.alice)
        await house.alice.call(FollowUser(user_id=id_of(house.carol), op_id=uuid7()))
        async with asyncio.timeout(WITHIN_S):
            async for news in inbox:
                assert not isinstance(news, ProfileState)
                if isinstance(news, Event) and news.type == "followers.changed":
                    break
    kept = "select count(*) from user_events where event_type like '%.state'"
    assert await house.pg.fetchval(kept) == 0

"""Stories: shown for a day to whom they are for, seen, answered, watched, kept and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import UnfollowUser
from lumina_protocol.mutes import MuteUser
from lumina_protocol.notifications import ListNotifications
from lumina_protocol.settings import ChangeSettings
from lumina_protocol.stories import (
    CreateStory,
    DeleteStory,
    GetStories,
    GetTray,
    ListStories,
    Story,
)
from lumina_protocol.story_answers import (
    AnswerSticker,
    ListAnswers,
    ListViewers,
    ReactToStory,
    StoriesSeen,
    ViewStories,
)
from lumina_protocol.story_highlights import (
    ChangeHighlight,
    CreateHighlight,
    ListHighlights,
    RemoveHighlight,
)
from lumina_protocol.watches import StoryState, Watch, WatchEnded
from pydantic import ValidationError

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_blocks import refused
from tests.handlers.test_comments import FOLLOW
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, register, user
from tests.oracle import oracle

EXPIRE = """
update stories set created_at = now() - interval '24 hours' + $2::interval,
                   expires_at = now() + $2::interval where story_id = $1"""
POLL = {"type": "poll", "question": "Tea?", "options": ["yes", "no"], "x": 0.25, "y": 0.75}
ASK = {"type": "question", "question": "Why?"}
LINK = {"type": "link", "url": "https://example.com/a?b", "label": "more"}


@dataclass
class House:
    """Alice on two nodes; Bob, who follows her; Carol, who does not."""

    pg: asyncpg.Connection
    nodes: list[Node]
    alice: Client
    alice_too: Client
    bob: Client
    carol: Client

    async def media(self, username: str = "alice", kind: str = "image", is_: str = "ready") -> UUID:
        await self.pg.execute(MEDIA, media_id := uuid7(), username, kind, is_)
        return media_id

    async def new(self, **also: object) -> CreateStory:
        known = {"story_id": uuid7(), "media_id": await self.media()}
        return CreateStory.model_validate(known | also)

    async def tell(self, **also: object) -> UUID:
        return (await self.alice.call(await self.new(**also))).story_id

    async def expire(self, story_id: UUID, within: str = "0") -> None:
        await self.pg.execute(EXPIRE.replace("$2", f"'{within} ms'"), story_id)


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol")
        await pg.execute(FOLLOW, "bob", "alice")
        places = ((one, "alice"), (two, "alice"), (two, "bob"), (one, "carol"))
        clients = [await stack.enter_async_context(user(*place)) for place in places]
        yield House(pg, [one, two], *clients)


async def seen(client: Client, *story_ids: UUID) -> list[Story]:
    return (await client.call(GetStories(story_ids=list(story_ids)))).stories


async def tray(client: Client) -> list[tuple[str, int, int]]:
    found = (await client.call(GetTray())).tellers
    return [(one.author.username, one.stories, one.unseen) for one in found]


async def ended(inbox: Inbox) -> WatchEnded:
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, WatchEnded):
                return news
    raise AssertionError("an inbox does not end")


async def told(inbox: Inbox, **counts: int) -> StoryState:
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, StoryState) and counts.items() <= news.model_dump().items():
                return news
    raise AssertionError("an inbox does not end")


async def seen_by(inbox: Inbox) -> list[UUID]:
    """What was told as seen, up to the first."""
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, StoriesSeen):
                return news.story_ids
    raise AssertionError("an inbox does not end")


def react(story_id: UUID, reaction: str | None = "curious") -> ReactToStory:
    asked = {"op_id": uuid7(), "story_id": story_id, "reaction": reaction}
    return ReactToStory.model_validate(asked)


def answer(story_id: UUID, sticker_no: int, **given: object) -> AnswerSticker:
    asked = {"op_id": uuid7(), "story_id": story_id, "sticker_no": sticker_no, **given}
    return AnswerSticker.model_validate(asked)


def delete(story_id: UUID) -> DeleteStory:
    return DeleteStory(op_id=uuid7(), story_id=story_id)


async def test_a_story_is_made_once_and_told_to_the_devices_of_its_author(house: House) -> None:
    bob = id_of(house.bob)
    async with oracle(house.alice, house.alice_too, house.bob):
        asked = await house.new(stickers=[POLL, ASK, LINK, {"type": "mention", "user_id": bob}])
        made = await house.alice.call(asked)
        assert made.expires_at - made.created_at == 24 * 3_600_000
        assert await house.alice_too.call(asked) == made, "a retry"
        other = asked.model_copy(update={"visibility": "public"})
        assert await refused(house.alice, other) == "conflict story_id"
        (story,) = await seen(house.bob, asked.story_id)
        assert [one.type for one in story.stickers] == ["poll", "question", "link", "mention"]
        assert story.stickers[3].user
        assert story.stickers[3].user.username == "bob"
        assert story.attachment
        assert (story.attachment.media_id, story.seen) == (asked.media_id, False)
        assert (story.view_count, story.stickers[0].votes) == (None, None)
        (own,) = await seen(house.alice_too, asked.story_id)
        assert (own.view_count, own.reaction_count, own.stickers[0].votes) == (0, 0, [0, 0])
        gone = await house.tell()
        assert await refused(house.bob, delete(gone)) == "forbidden story_id"
        assert (await house.alice.call(delete(gone))).changed
        assert not (await house.alice.call(delete(gone))).changed
        assert await refused(house.bob, delete(gone)) == "not_found story_id"
        assert await seen(house.alice, gone) == []


async def test_what_is_wrong_with_a_story_is_named(house: House) -> None:
    for refusal, media in {
        "not_found media_id": await house.media("bob"),
        "not_found media_id ": await house.media(is_="deleted"),
        "invalid media_id": await house.media(is_="processing"),
        "invalid media_id ": await house.media(kind="audio"),
    }.items():
        assert await refused(house.alice, await house.new(media_id=media)) == refusal.strip()
    await house.alice.call(BlockUser(user_id=id_of(house.carol), op_id=uuid7()))
    for user_id in (uuid7(), id_of(house.carol)):
        named = await house.new(stickers=[{"type": "mention", "user_id": user_id}])
        assert await refused(house.alice, named) == "not_found stickers"
    for sticker in (
        {**POLL, "options": ["one"]}, {**LINK, "url": "javascript:alert(1)"}, {**ASK, "x": 1.5},
        {"type": "music"}, {**ASK, "options": ["a", "b"]}, {"type": "mention"},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            await house.new(stickers=[sticker])
    with pytest.raises(ValidationError, match="12000 bytes"):
        await house.new(stickers=[{**LINK, "url": "https://" + "\u6f22" * 900}] * 6)


async def test_who_is_shown_what_and_what_ends_it(house: House) -> None:
    stories = {shown: await house.tell(visibility=shown) for shown in
               ("public", "followers", "close_friends")}  # fmt: skip

    async def sees(client: Client) -> set[str]:
        listed = await client.call(ListStories(user_id=id_of(house.alice)))
        ids = {one.story_id for one in listed.stories}
        assert ids == {one.story_id for one in await seen(client, *stories.values())}
        return {shown for shown, story_id in stories.items() if story_id in ids}

    assert await sees(house.carol) == {"public"}
    assert await sees(house.bob) == {"public", "followers"}
    await house.pg.execute(FOLLOW, "alice", "bob")
    await house.pg.execute("update follows set connection_type = 'close_friend'"
                           " where follower_id = $1", id_of(house.alice))  # fmt: skip
    assert await sees(house.bob) == {"public", "followers", "close_friends"}
    assert await tray(house.bob) == [("alice", 3, 3)]
    assert await tray(house.alice) == [("alice", 3, 0)]
    assert await tray(house.carol) == []
    with house.bob.inbox() as inbox:
        await house.bob.watch("story", stories["followers"])
        await house.bob.call(UnfollowUser(user_id=id_of(house.alice), op_id=uuid7()))
        assert (await ended(inbox)).subject_id == stories["followers"]
    assert await sees(house.bob) == {"public", "close_friends"}
    with house.bob.inbox() as inbox:
        await house.bob.watch("story", stories["public"])
        await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
        assert (await ended(inbox)).subject_id == stories["public"]
    assert await sees(house.bob) == set()
    for asked in (react(stories["public"]), answer(stories["public"], 0, text="x"),
                  ListViewers(story_id=stories["public"]),
                  Watch(subject_type="story", subject_id=stories["public"])):  # fmt: skip
        assert (await refused(house.bob, asked)).startswith("not_found")


async def test_the_tray_has_what_is_unseen_first_and_nobody_who_is_muted(house: House) -> None:
    await house.pg.execute(FOLLOW, "bob", "carol")
    first, second = await house.tell(), await house.tell()
    media = await house.media("carol")
    await house.carol.call(CreateStory(story_id=uuid7(), media_id=media))
    assert await tray(house.bob) == [("carol", 1, 1), ("alice", 2, 2)]
    page = await house.bob.call(GetTray(limit=1))
    assert (len(page.tellers), page.more) == (1, True)
    await house.bob.call(MuteUser(user_id=id_of(house.carol), mute_scope="posts", op_id=uuid7()))
    assert await tray(house.bob) == [("carol", 1, 1), ("alice", 2, 2)]
    await house.bob.call(MuteUser(user_id=id_of(house.carol), mute_scope="stories", op_id=uuid7()))
    assert await tray(house.bob) == [("alice", 2, 2)]
    await house.bob.call(ViewStories(story_ids=[first]))
    await house.bob.call(ViewStories(story_ids=[first, second, uuid7()]))
    assert await tray(house.bob) == [("alice", 2, 0)]
    shown = CreateStory(story_id=uuid7(), media_id=media, visibility="public")
    await house.carol.call(shown)
    async with oracle(house.alice, house.alice_too, house.carol):
        with house.alice_too.inbox() as inbox:
            for _ in "ab":
                await house.alice.call(ViewStories(story_ids=[shown.story_id, first]))
            await house.alice.call(react(shown.story_id))
            assert await seen_by(inbox) == [shown.story_id], "on the other device as well"
    pages = ListStories(user_id=id_of(house.alice), limit=1)
    one = await house.bob.call(pages)
    two = await house.bob.call(pages.model_copy(update={"after": first}))
    assert [s.story_id for s in one.stories + two.stories] == [first, second]
    assert (one.more, two.more, one.stories[0].seen) == (True, False, True)


async def test_views_moods_and_answers_are_for_the_author(house: House) -> None:
    story_id = await house.tell(visibility="public", stickers=[POLL, ASK, LINK])
    with house.alice.inbox() as inbox:
        watched = (await house.alice.watch("story", story_id)).story
        assert watched
        assert (watched.view_count, watched.answer_count) == (0, 0)
        for client in (house.bob, house.carol):
            await house.alice.call(ViewStories(story_ids=[story_id]))
            await asyncio.gather(*(client.call(ViewStories(story_ids=[story_id])) for _ in "ab"))
        moods = await asyncio.gather(*(house.bob.call(react(story_id)) for _ in "ab"))
        assert sorted(one.changed for one in moods) == [False, True]
        await house.carol.call(react(story_id, "grateful"))
        assert (await house.carol.call(react(story_id, "excited"))).changed
        assert (await house.bob.call(react(story_id, None))).changed
        assert not (await house.bob.call(react(story_id, None))).changed
        assert (await house.bob.call(answer(story_id, 0, option_no=1))).changed
        assert not (await house.bob.call(answer(story_id, 0, option_no=1))).changed
        assert await refused(house.bob, answer(story_id, 0, option_no=0)) == "conflict option_no"
        assert await refused(house.carol, answer(story_id, 0, option_no=2)) == "invalid option_no"
        assert await refused(house.carol, answer(story_id, 2, text="x")) == "invalid sticker_no"
        assert await refused(house.carol, answer(story_id, 1, option_no=1)) == "invalid sticker_no"
        assert await refused(house.carol, answer(story_id, 3, text="x")) == "not_found sticker_no"
        assert await refused(house.alice, answer(story_id, 1, text="x")) == "forbidden story_id"
        for text in ("because", "so"):
            assert (await house.carol.call(answer(story_id, 1, text=text))).changed
        await told(inbox, view_count=2, reaction_count=1, answer_count=2)
    page = await house.alice.call(ListViewers(story_id=story_id, limit=1))
    (newest,) = page.viewers
    assert (newest.username, newest.reaction, page.more) == ("carol", "excited", True)
    rest = ListViewers(story_id=story_id, before=(newest.seen_at, newest.user_id))
    assert [one.username for one in (await house.alice.call(rest)).viewers] == ["bob"]
    assert await refused(house.bob, ListViewers(story_id=story_id)) == "forbidden story_id"
    answers = [(await house.alice.call(ListAnswers(story_id=story_id, sticker_no=n))).answers
               for n in (0, 1)]  # fmt: skip
    assert [(one.username, one.option_no, one.text) for both in answers for one in both] == [
        ("bob", 1, None), ("carol", None, "so")]  # fmt: skip
    polls = [(await seen(client, story_id))[0].stickers[0] for client in
             (house.alice, house.bob, house.carol)]  # fmt: skip
    assert [(one.votes, one.own_option) for one in polls] == [([0, 1], None), ([0, 1], 1),
                                                              (None, None)]  # fmt: skip
    async with asyncio.timeout(10):
        while True:
            groups = (await house.alice.call(ListNotifications())).groups
            if {(g.type, g.actor_count) for g in groups} == {("reaction", 1), ("comment", 2)}:
                break
            await asyncio.sleep(0.1)
    await house.alice.call(ChangeSettings(op_id=uuid7(), hide_metrics=True))
    (own,) = await seen(house.alice, story_id)
    assert (own.view_count, own.reaction_count, own.stickers[0].votes) == (None, None, None)


async def test_what_has_expired_is_gone_at_once_also_for_who_watches(house: House) -> None:
    soon, past = await house.tell(stickers=[ASK]), await house.tell(stickers=[ASK])
    await house.bob.watch("story", past)
    await house.expire(past)
    with house.alice.inbox() as own, house.bob.inbox() as inbox:
        await house.expire(soon, "600")
        await house.alice.watch("story", soon)
        watched = (await house.bob.watch("story", soon)).story
        assert watched
        assert (watched.view_count, watched.reaction_count, watched.answer_count) == (None,) * 3
        for client, node in ((house.alice, house.nodes[0]), (house.bob, house.nodes[1])):
            assert await seen(client, past) == []
            assert past not in {s.story_id for s in (await client.call(
                ListStories(user_id=id_of(house.alice)))).stories}  # fmt: skip
            assert await refused(client, Watch(subject_type="story", subject_id=past)) == (
                "not_found subject_id"), node  # fmt: skip
        for asked in (react(past), answer(past, 0, text="x")):
            assert await refused(house.bob, asked) == "not_found story_id"
        await house.bob.call(ViewStories(story_ids=[past]))
        assert await house.pg.fetchval("select count(*) from story_views") == 0
        assert (await ended(own)).subject_id == soon
        last = await ended(inbox)
        assert last.subject_id in (past, soon), "the end of the first may come late"
        assert last.subject_id == soon or (await ended(inbox)).subject_id == soon
    assert await tray(house.bob) == []


async def test_highlights_keep_what_has_expired_for_whom_it_was_shown_to(house: House) -> None:
    followers, public = await house.tell(), await house.tell(visibility="public")
    async with oracle(house.alice, house.alice_too):
        made = CreateHighlight(highlight_id=uuid7(), highlight_title="Summer",
                               story_ids=[followers])  # fmt: skip
        kept = await house.alice.call(made)
        assert await house.alice_too.call(made) == kept, "a retry"
        change = ChangeHighlight(highlight_id=made.highlight_id, op_id=uuid7(), add_ids=[public],
                                 highlight_title="Sun",
                                 cover_media_id=await house.media())  # fmt: skip
        changed = (await house.alice.call(change)).highlight
        assert (changed.title, changed.story_ids) == ("Sun", [followers, public])
        foreign = change.model_copy(update={"op_id": uuid7()})
        assert await refused(house.bob, foreign) == "not_found highlight_id"
        missing = change.model_copy(update={"op_id": uuid7(), "add_ids": [uuid7()]})
        assert await refused(house.alice, missing) == "not_found add_ids"
    for story_id in (followers, public):
        await house.expire(story_id)
    found = ListHighlights(user_id=id_of(house.alice))
    for client, expected in ((house.alice, [followers, public]), (house.bob, [followers, public]),
                             (house.carol, [public])):  # fmt: skip
        (one,) = (await client.call(found)).highlights
        assert one.story_ids == expected
        assert [s.story_id for s in await seen(client, followers, public)] == expected
    assert await refused(house.bob, react(public)) == "not_found story_id"
    async with oracle(house.alice, house.alice_too):
        await house.alice.call(delete(public))
        assert (await house.carol.call(found)).highlights == []
        gone = RemoveHighlight(highlight_id=made.highlight_id, op_id=uuid7())
        assert (await house.alice.call(gone)).changed
        assert not (await house.alice.call(gone.model_copy(update={"op_id": uuid7()}))).changed
    assert await seen(house.alice, followers) == []

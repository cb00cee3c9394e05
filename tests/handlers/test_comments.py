"""Comments on posts: threads, likes, pins, pages, what has changed, and who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.comments import (
    Comment,
    CommentChanged,
    CommentLiked,
    CommentPage,
    CreateComment,
    DeleteComment,
    EditComment,
    GetComments,
    LikeComment,
    OfComment,
    PageComments,
    PageReplies,
    PinComment,
    SyncComments,
    UnlikeComment,
    UnpinComment,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.handlers.test_beyond_text import MEDIA, POST
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, register, user
from tests.locks import awaited
from tests.oracle import oracle

FOLLOW = """
insert into follows (follower_id, following_id) select a.user_id, b.user_id from users a, users b
where a.username = $1 and b.username = $2"""


@dataclass
class Wall:
    """A post of Alice's, who has two devices, on two nodes; Bob and Carol see it."""

    pg: asyncpg.Connection
    nodes: list[Node]
    alice: Client
    alice_too: Client
    bob: Client
    carol: Client
    post_id: UUID

    def new(self, content: str = "well said", **also: object) -> CreateComment:
        known = {"post_id": self.post_id, "comment_id": uuid7(), "content": content}
        return CreateComment.model_validate(known | also)

    async def comment(self, client: Client, content: str = "", **also: object) -> UUID:
        return (await client.call(self.new(content or "well said", **also))).comment_id

    def of(
        self, model: type[OfComment[CommentChanged]], comment_id: UUID, **also: object
    ) -> OfComment[CommentChanged]:
        known = {"post_id": self.post_id, "comment_id": comment_id, "op_id": uuid7()}
        return model.model_validate(known | also)

    async def page(self, client: Client, **how: object) -> CommentPage:
        return await client.call(PageComments.model_validate({"post_id": self.post_id} | how))

    async def one(self, client: Client, comment_id: UUID) -> Comment | None:
        asked = GetComments(post_id=self.post_id, comment_ids=[comment_id])
        found = (await client.call(asked)).comments
        return found[0] if found else None

    async def replies(self, client: Client, comment_id: UUID) -> list[str]:
        page = await client.call(PageReplies(post_id=self.post_id, comment_id=comment_id))
        return [comment.content for comment in page.comments]

    async def change(self, **columns: object) -> None:
        """By hand, as a handler of posts would."""
        for name, value in columns.items():
            await self.pg.execute(
                f"update posts set {name} = $2 where post_id = $1",
                self.post_id,
                value,
            )


@pytest.fixture
async def wall(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[Wall]:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "carol")
        await pg.execute(POST, post_id := uuid7(), "alice", "public")
        async with (
            user(one, "alice") as alice,
            user(two, "alice") as alice_too,
            user(two, "bob") as bob,
            user(one, "carol") as carol,
        ):
            yield Wall(pg, [one, two], alice, alice_too, bob, carol, post_id)


def said(page: CommentPage) -> list[str]:
    return [comment.content for comment in page.comments]


async def test_a_thread_is_three_replies_deep_and_its_counts_and_numbers_are_exact(
    wall: Wall,
) -> None:
    asked = wall.new("first")
    first = await wall.bob.call(asked)
    assert (first.rev, first.version) == (1, 1)
    assert await wall.bob.call(asked) == first, "a retry"
    changed = asked.model_copy(update={"content": "other words"})
    assert await refused(wall.bob, changed) == "conflict comment_id"
    assert await refused(wall.carol, asked) == "conflict comment_id"
    above, depths = first.comment_id, []
    for depth in (1, 2, 3):
        above = await wall.comment(wall.carol, f"reply {depth}", parent_comment_id=above)
        found = await wall.one(wall.alice, above)
        assert found
        depths.append((found.depth, found.rev))
    assert depths == [(1, 2), (2, 4), (3, 6)], "with each its parent is numbered"
    deep = wall.new(parent_comment_id=above)
    assert await refused(wall.carol, deep) == "invalid parent_comment_id"
    page = await wall.page(wall.bob)
    (thread,) = page.comments
    assert (thread.content, thread.rev, thread.reply_count, thread.has_replies) == (
        "first",
        3,
        1,
        True,
    )
    assert thread.author
    assert (thread.author.username, thread.liked, page.comment_rev) == ("bob", False, 7)
    assert await wall.replies(wall.alice, first.comment_id) == ["reply 1"]


async def test_who_may_comment_and_with_what(wall: Wall) -> None:
    pg, post = wall.pg, wall.post_id
    closed: list[dict[str, object]] = [
        {"allow_comments": False},
        {"allow_comments": True, "who_may_comment": "following"},
        {"who_may_comment": "friends"},
    ]
    for columns in closed:
        await wall.change(**columns)
        assert await refused(wall.bob, wall.new()) == "forbidden post_id"
    await wall.comment(wall.alice)
    await pg.execute(FOLLOW, "alice", "bob")
    assert await refused(wall.bob, wall.new()) == "forbidden post_id"
    await wall.change(who_may_comment="following")
    await wall.comment(wall.bob)
    await pg.execute(FOLLOW, "bob", "alice")
    await wall.change(who_may_comment="friends")
    await wall.comment(wall.bob)
    await wall.change(who_may_comment="everyone")
    await pg.execute(POST, other := uuid7(), "alice", "private")
    thread = await wall.comment(wall.bob)
    asked = wall.new(parent_comment_id=thread).model_copy(update={"post_id": other})
    assert await refused(wall.bob, asked) == "not_found post_id"
    assert await refused(wall.alice, asked) == "not_found parent_comment_id"
    unknown = wall.new().model_copy(update={"post_id": uuid7()})
    assert await refused(wall.bob, unknown) == "not_found post_id"
    for refusal, (of, kind, status) in {
        "not_found media_id": ("carol", "image", "ready"),
        "not_found media_id ": ("bob", "image", "deleted"),
        "invalid media_id": ("bob", "video", "ready"),
        "invalid media_id ": ("bob", "gif", "processing"),
    }.items():
        await pg.execute(MEDIA, media := uuid7(), of, kind, status)
        assert await refused(wall.bob, wall.new(media_id=media)) == refusal.strip()
    await pg.execute(MEDIA, media := uuid7(), "bob", "sticker", "ready")
    made = await wall.bob.call(wall.new("", media_id=media))
    shown = await wall.one(wall.carol, made.comment_id)
    assert shown
    assert shown.attachment
    assert (shown.content, shown.attachment.media_id) == ("", media)
    truth = await pg.fetchval("select count(*) from comments where post_id = $1", post)
    last = await pg.fetchval("select last_rev from comment_streams where post_id = $1", post)
    assert truth == last, "what was refused has no number"


async def test_edits_deletes_and_tombstones(wall: Wall) -> None:
    thread = await wall.comment(wall.bob, "thread")
    leaf = await wall.comment(wall.bob, "leaf")
    edit = wall.of(EditComment, thread, base_version=1, content="better")
    assert (await wall.bob.call(edit)).version == 2
    stale = wall.of(EditComment, thread, base_version=1, content="late")
    assert await refused(wall.bob, stale) == "stale base_version"
    foreign = wall.of(EditComment, thread, base_version=2, content="mine")
    assert await refused(wall.carol, foreign) == "forbidden comment_id"
    assert await refused(wall.carol, wall.of(DeleteComment, thread)) == "forbidden comment_id"
    found = await wall.one(wall.alice, thread)
    assert found
    assert (found.content, found.is_edited, found.version) == ("better", True, 2)
    reply = await wall.comment(wall.carol, "reply", parent_comment_id=thread)
    assert (await wall.bob.call(wall.of(DeleteComment, thread))).changed
    assert (await wall.alice.call(wall.of(DeleteComment, leaf))).changed, "on her own post"
    assert not (await wall.alice_too.call(wall.of(DeleteComment, leaf))).changed
    (tombstone,) = (await wall.page(wall.carol)).comments
    assert (tombstone.comment_id, tombstone.content, tombstone.author) == (thread, "", None)
    assert tombstone.is_deleted
    assert await wall.replies(wall.carol, thread) == ["reply"]
    late = wall.of(EditComment, thread, base_version=2, content="late")
    assert await refused(wall.bob, late) == "gone comment_id"
    assert await refused(wall.bob, wall.of(LikeComment, thread)) == "gone comment_id"
    answer = wall.new(parent_comment_id=thread)
    assert await refused(wall.bob, answer) == "gone parent_comment_id"
    await wall.carol.call(wall.of(DeleteComment, reply))
    found = await wall.one(wall.bob, thread)
    assert found
    assert found.reply_count == 0
    missing = wall.of(DeleteComment, uuid7())
    assert await refused(wall.bob, missing) == "not_found comment_id"


async def test_likes_from_two_devices_count_once_and_are_told_to_both(wall: Wall) -> None:
    thread = await wall.comment(wall.bob)
    likes = [wall.of(LikeComment, thread) for _ in range(4)]
    devices = (wall.alice, wall.alice_too) * 2
    async with oracle(wall.alice, wall.alice_too, wall.carol):
        with wall.alice_too.inbox() as inbox:
            done = await asyncio.gather(
                *(device.call(one) for device, one in zip(devices, likes, strict=True))
            )
            assert sorted(one.changed for one in done) == [False, False, False, True]
            assert (await wall.carol.call(wall.of(LikeComment, thread))).changed
            found = await wall.one(wall.alice, thread)
            assert found
            assert (found.like_count, found.liked, found.rev) == (2, True, 3)
            assert (await wall.alice.call(wall.of(UnlikeComment, thread))).changed
            assert not (await wall.alice_too.call(wall.of(UnlikeComment, thread))).changed
            told = [await own_like(inbox) for _ in "ab"]
        assert [(one.comment_id, one.liked) for one in told] == [(thread, True), (thread, False)]
        found = await wall.one(wall.alice, thread)
        assert found
        assert (found.like_count, found.liked, found.rev) == (1, False, 4)


async def own_like(inbox: Inbox) -> CommentLiked:
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, CommentLiked):
                return news
    raise AssertionError("an inbox does not end")


async def test_pins_come_first_and_are_three_at_most(wall: Wall) -> None:
    threads = [await wall.comment(wall.bob, f"{number}") for number in range(5)]
    reply = await wall.comment(wall.bob, "reply", parent_comment_id=threads[0])
    assert await refused(wall.bob, wall.of(PinComment, threads[0])) == "forbidden post_id"
    assert await refused(wall.alice, wall.of(PinComment, reply)) == "invalid comment_id"
    for thread in threads[:3]:
        assert (await wall.alice.call(wall.of(PinComment, thread))).changed
    assert not (await wall.alice_too.call(wall.of(PinComment, threads[0]))).changed
    assert await refused(wall.alice, wall.of(PinComment, threads[3])) == "invalid comment_id"
    page = await wall.page(wall.carol, limit=2)
    assert [pin.content for pin in page.pinned] == ["0", "1", "2"]
    assert said(page) == ["4", "3"]
    await wall.alice.call(wall.of(UnpinComment, threads[1]))
    await wall.bob.call(wall.of(DeleteComment, threads[2]))
    assert [pin.content for pin in (await wall.page(wall.carol)).pinned] == ["0"]


async def test_pages_have_neither_doubles_nor_holes_while_others_write(wall: Wall) -> None:
    threads = [await wall.comment(wall.bob, f"{number}") for number in range(7)]
    for thread in (threads[2], threads[5]):
        await wall.carol.call(wall.of(LikeComment, thread))
    await wall.alice.call(wall.of(LikeComment, threads[5]))
    first = await wall.page(wall.carol, sort="most_liked", limit=3)
    assert (said(first), first.more) == (["5", "2", "6"], True)
    for thread in (threads[0], threads[5]):
        await wall.bob.call(wall.of(LikeComment, thread))
    ranked = GetComments(post_id=wall.post_id, comment_ids=first.rest)
    assert said(await wall.carol.call(ranked)) == ["4", "3", "1", "0"]
    for sort, order in (("newest", "6543210"), ("oldest", "0123456")):
        found: list[str] = []
        page = await wall.page(wall.carol, sort=sort, limit=2)
        while True:
            found += said(page)
            if not page.more:
                break
            if sort == "newest":
                await wall.comment(wall.bob, "newer")
            last = page.comments[-1]
            after = (last.created_at, last.comment_id)
            page = await wall.page(wall.carol, sort=sort, limit=2, after=after)
        assert "".join(found).replace("newer", "") == order


async def test_what_a_blocked_user_wrote_is_not_shown_either_way(wall: Wall) -> None:
    of_bob = await wall.comment(wall.bob, "of bob")
    of_carol = await wall.comment(wall.carol, "of carol")
    await wall.comment(wall.alice, "of alice", parent_comment_id=of_bob)
    await wall.carol.call(BlockUser(user_id=id_of(wall.bob), op_id=uuid7()))
    for client, own, other in ((wall.carol, "of carol", of_bob), (wall.bob, "of bob", of_carol)):
        assert said(await wall.page(client)) == [own]
        assert said(await wall.page(client, sort="most_liked")) == [own]
        assert await wall.one(client, other) is None
        under = PageReplies(post_id=wall.post_id, comment_id=other)
        assert await refused(client, under) == "not_found comment_id"
        assert await refused(client, wall.of(LikeComment, other)) == "not_found comment_id"
        answer = wall.new(parent_comment_id=other)
        assert await refused(client, answer) == "not_found parent_comment_id"
        synced = await client.call(SyncComments(post_id=wall.post_id, after_rev=0))
        assert other not in {comment.comment_id for comment in synced.comments}
    await wall.alice.call(BlockUser(user_id=id_of(wall.bob), op_id=uuid7()))
    assert await refused(wall.bob, wall.new()) == "not_found post_id"
    assert (await wall.bob.call(wall.of(DeleteComment, of_bob))).changed, "it stays his to delete"


async def test_what_has_changed_comes_in_pages_that_tile(wall: Wall) -> None:
    for number in range(5):
        await wall.comment(wall.bob, f"{number}")
    thread = (await wall.page(wall.bob)).comments[-1]
    await wall.carol.call(wall.of(LikeComment, thread.comment_id))
    found: dict[UUID, Comment] = {}
    upto, tiles = 0, []
    while True:
        asked = SyncComments(post_id=wall.post_id, after_rev=upto, limit=2)
        page = await wall.carol.call(asked)
        tiles.append((page.from_rev, page.to_rev))
        found |= {comment.comment_id: comment for comment in page.comments}
        upto = page.to_rev
        if upto == page.last_rev:
            break
    assert tiles == [(0, 3), (3, 5), (5, 6)]
    assert found == {one.comment_id: one for one in (await wall.page(wall.carol)).comments}
    beyond = await wall.carol.call(SyncComments(post_id=wall.post_id, after_rev=99))
    assert (beyond.comments, beyond.to_rev, beyond.last_rev) == ([], 99, 99)


async def test_a_comment_on_a_post_that_is_being_deleted_in_both_orders(wall: Wall) -> None:
    """Whoever has the lock first is first."""
    deleting = "update posts set is_deleted = true, deleted_at = now() where post_id = $1"
    async with wall.pg.transaction():
        await wall.pg.execute(deleting, wall.post_id)
        late = asyncio.create_task(refused(wall.bob, wall.new()))
        await awaited(wall.pg)
    assert await late == "not_found post_id"
    await wall.pg.execute(
        "update posts set is_deleted = false, deleted_at = null where post_id = $1", wall.post_id
    )
    async with wall.pg.transaction():
        await wall.pg.execute("select from posts where post_id = $1 for update", wall.post_id)
        early = asyncio.create_task(wall.bob.call(wall.new()))
        await awaited(wall.pg)
    assert (await early).rev == 1
    await wall.pg.execute(deleting, wall.post_id)
    assert await refused(wall.bob, PageComments(post_id=wall.post_id)) == "not_found post_id"


async def test_replies_that_arrive_while_a_thread_is_deleted_stay_or_are_refused(
    wall: Wall,
) -> None:
    thread = await wall.comment(wall.bob, "thread")
    asked = [wall.new(f"{n}", parent_comment_id=thread) for n in range(8)]
    clients = (wall.alice, wall.carol, wall.alice_too, wall.bob) * 2
    deleting: Request[Any] = wall.of(DeleteComment, thread)
    results = await asyncio.gather(
        *(client.call(one) for client, one in zip(clients[:4], asked[:4], strict=True)),
        wall.bob.call(deleting),
        *(client.call(one) for client, one in zip(clients[4:], asked[4:], strict=True)),
        return_exceptions=True,
    )
    made = [one for one in results if not isinstance(one, BaseException)]
    refusals = {str(one.body.code) for one in results if hasattr(one, "body")}
    assert refusals <= {"gone"}
    found = await wall.one(wall.carol, thread)
    revs = [row[0] for row in await wall.pg.fetch("select rev from comments order by rev")]
    assert len(set(revs)) == len(revs)
    if found:
        assert found.is_deleted
        assert found.reply_count == len(made) - 1
    assert len(await wall.replies(wall.carol, thread)) == len(made) - 1


async def test_who_wants_no_numbers_gets_none(wall: Wall) -> None:
    thread = await wall.comment(wall.bob)
    hide = "update user_settings set hide_metrics = $2 where user_id = $1"
    await wall.pg.execute(hide, id_of(wall.carol), True)
    for client, count in ((wall.carol, None), (wall.bob, 0), (wall.alice, 0)):
        found = await wall.one(client, thread)
        assert found
        assert (found.like_count, found.reply_count) == (count, count)
    await wall.pg.execute(hide, id_of(wall.carol), False)
    await wall.pg.execute(hide, id_of(wall.alice), True)
    found = await wall.one(wall.bob, thread)
    assert found
    assert found.like_count is None, "the author of the post shows none"

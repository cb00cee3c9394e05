"""Watching a post: the page at first + events == a fresh page, and when it ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.comments import (
    Comment,
    DeleteComment,
    EditComment,
    LikeComment,
    PinComment,
    UnlikeComment,
    UnpinComment,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.post_changes import (
    ArchivePost,
    DeletePost,
    EditPost,
    RestorePost,
    UnarchivePost,
)
from lumina_protocol.post_people import SharePost, View, ViewPosts
from lumina_protocol.reports import CreateReport
from lumina_protocol.watches import PostState, Unwatch, Watch, WatchEnded

from lumina_rt.bus.bus import connect
from lumina_rt.client import Connected, Inbox, News
from lumina_rt.store.db import Tx
from lumina_rt.watching import KINDS, State
from tests.e2e.test_resume import cut
from tests.handlers.test_beyond_text import POST
from tests.handlers.test_blocks import refused
from tests.handlers.test_comments import FOLLOW, Wall, wall
from tests.handlers.test_message_reactions import id_of
from tests.house import user
from tests.moderation import appeal, appoint, decide, decide_appeal, report
from tests.watched import Board

__all__ = ["wall"]


def watching(post_id: UUID) -> Watch:
    return Watch(subject_type="post", subject_id=post_id)


async def something(wall: Wall, chance: random.Random, made: list[UUID]) -> None:
    """One of them does one of the things that there are to do; what is refused is no matter."""
    client = chance.choice((wall.alice, wall.alice_too, wall.bob, wall.carol))
    if not made or chance.random() < 0.4:
        above = chance.choice([None, *made])
        asked: Request[Any] = wall.new(f"{chance.random()}", parent_comment_id=above)
        made.append(asked.comment_id)  # type: ignore[attr-defined]
    else:
        model = chance.choice(
            (EditComment, DeleteComment, LikeComment, UnlikeComment, PinComment, UnpinComment)
        )
        also = {"base_version": 1, "content": "edited"} if model is EditComment else {}
        asked = wall.of(model, chance.choice(made), **also)
    try:
        await client.call(asked)
    except LuminaError as error:
        assert error.body.code in ("gone", "invalid", "forbidden", "stale", "not_found"), error


@pytest.mark.parametrize("seed", range(2))
async def test_the_page_at_first_and_the_events_make_a_fresh_page(wall: Wall, seed: int) -> None:
    chance, made = random.Random(seed), list[UUID]()
    with ExitStack() as stack:
        clients = (wall.alice_too, wall.carol)
        inboxes = [stack.enter_context(client.inbox()) for client in clients]
        under_way = [asyncio.create_task(something(wall, chance, made)) for _ in range(10)]
        pairs = zip(clients, inboxes, strict=True)
        boards = [await Board.watch(client, inbox, wall.post_id) for client, inbox in pairs]
        for _ in range(6):
            under_way += [asyncio.create_task(something(wall, chance, made)) for _ in range(6)]
            await asyncio.gather(*under_way)
        for board, looking in zip(boards, (wall.alice, wall.bob), strict=True):
            await board.explains(looking)


async def test_what_many_do_is_told_a_few_times_a_second_and_past_fifty_as_too_much(
    wall: Wall,
) -> None:
    with wall.carol.inbox() as inbox:
        board = await Board.watch(wall.carol, inbox, wall.post_id)
        loop = asyncio.get_running_loop()
        began = loop.time()
        clients = (wall.alice, wall.bob)
        await asyncio.gather(*(wall.comment(clients[n % 2], f"{n}") for n in range(60)))
        states = []
        async with asyncio.timeout(10):
            while board.rev < 60:
                states.append(await board.next())
        assert len(states) <= (loop.time() - began) * 4 + 2
        assert len(board.comments) == 60
        told = [state for state in states if isinstance(state, PostState)]
        assert all(len(state.comments) <= 50 for state in told)
        assert any(state.comments_limited for state in told) == any(
            state.comment_rev - state.from_rev > 50 for state in told
        )


async def test_what_one_may_not_see_is_as_what_there_is_not(wall: Wall) -> None:
    await wall.pg.execute(POST, private := uuid7(), "alice", "private")
    await wall.pg.execute(POST, deleted := uuid7(), "alice", "public")
    await wall.pg.execute(
        "update posts set is_deleted = true, deleted_at = now() where post_id = $1", deleted
    )
    refusals = []
    for post_id in (private, deleted, uuid7()):
        with pytest.raises(LuminaError) as refusal:
            await wall.bob.call(watching(post_id))
        refusals.append(refusal.value.body)
    assert refusals[0].code == "not_found"
    assert refusals == [refusals[0]] * 3
    assert wall.nodes[1].services.watching._subjects == {}, "nothing is left of it"


@pytest.mark.parametrize("how", ["deleted", "archived", "narrowed", "private", "inactive"])
async def test_it_ends_for_all_reasons_in_the_same_words(wall: Wall, how: str) -> None:
    """By hand, and marked as the handlers of posts and accounts do."""
    post = f"post_id = '{wall.post_id}'"
    author = f"user_id = '{id_of(wall.alice)}'"
    done = {
        "deleted": f"update posts set is_deleted = true, deleted_at = now() where {post}",
        "archived": f"update posts set is_archived = true where {post}",
        "narrowed": f"update posts set visibility = 'friends' where {post}",
        "private": f"update users set is_private = true where {author}",
        "inactive": f"update users set is_active = false where {author}",
    }[how]
    with wall.bob.inbox() as inbox, wall.alice_too.inbox() as own:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        mine = await Board.watch(wall.alice_too, own, wall.post_id)
        async with wall.nodes[0].services.db.tx() as tx:
            await tx.conn.execute(done)
            tx.touched(wall.post_id)
            tx.sees_changed(id_of(wall.alice))
        async with asyncio.timeout(5):
            ended = await board.next()
        gone = WatchEnded(subject_type="post", subject_id=wall.post_id, why="gone")
        assert ended == gone
        assert await refused(wall.bob, watching(wall.post_id)) == "not_found subject_id"
        asked = Unwatch(subject_type="post", subject_id=wall.post_id)
        assert not (await wall.bob.call(asked)).changed
        if how == "deleted":
            assert await mine.next() == gone
        elif how != "inactive":
            await wall.comment(wall.alice, "to myself")
            async with asyncio.timeout(5):
                while not mine.comments:
                    await mine.next()


async def test_what_its_author_and_others_do_with_it_is_told_or_ends_it(wall: Wall) -> None:
    """The page and the state before it are there, then one after the other."""
    alice, base = wall.alice, 1

    async def done(how: type[Request[Any]], **values: object) -> None:
        nonlocal base
        known = {"post_id": wall.post_id, "op_id": uuid7(), **values}
        reply = await alice.call(how.model_validate(known))
        assert (reply.version, reply.changed) == (base + 1, True)
        base = reply.version

    with wall.bob.inbox() as inbox, wall.alice_too.inbox() as own:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        await done(EditPost, base_version=base, caption="other words")
        assert (await soon(board)).caption == "other words"
        shared = SharePost(post_id=wall.post_id, share_id=uuid7(), via="link")
        await wall.carol.call(shared)
        assert (await soon(board)).share_count == 1
        await wall.carol.call(ViewPosts(views=[View(post_id=wall.post_id, watch_s=1)]))
        assert (await soon(board)).view_count == 1
        for there_again, how, values in (
            ({"visibility": "public"}, EditPost, {"visibility": "private"}),
            (UnarchivePost, ArchivePost, {}),
            (RestorePost, DeletePost, {}),
        ):
            mine = await Board.watch(wall.alice_too, own, wall.post_id)
            edits = {"base_version": base} if how is EditPost else {}
            await done(how, **edits, **values)
            assert isinstance(await ending(board), WatchEnded), how
            assert await refused(wall.bob, watching(wall.post_id)) == "not_found subject_id"
            if how is DeletePost:
                assert await ending(mine)
            if isinstance(there_again, dict):
                await done(EditPost, base_version=base, **there_again)
            else:
                await done(there_again)
            board = await Board.watch(wall.bob, inbox, wall.post_id)
        await board.explains(wall.carol)


async def soon(board: Board) -> PostState:
    async with asyncio.timeout(5):
        state = await board.next()
    assert isinstance(state, PostState)
    return state


async def ending(board: Board) -> WatchEnded:
    async with asyncio.timeout(5):
        while not isinstance(news := await board.next(), WatchEnded):
            pass
    return news


async def test_a_comment_that_staff_remove_goes_from_what_is_watched_and_comes_back(
    wall: Wall,
) -> None:
    await appoint(wall.pg, "carol", "moderator")
    first = await wall.comment(wall.alice, "first")
    reply = await wall.comment(wall.bob, "insult", parent_comment_id=first)
    with wall.bob.inbox() as inbox:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        asked = CreateReport(
            report_id=uuid7(), kind="comment", subject_id=reply, reason="harassment"
        )
        made = await report(wall.alice, asked)
        await decide(wall.carol, made.report_id, "remove")
        await soon(board)
        assert board.comments[reply].is_deleted
        assert board.comments[first].reply_count == 0
        await board.explains(wall.carol)
        await appeal(wall.bob, made.report_id)
        await appoint(wall.pg, "alice", "moderator")
        await decide_appeal(wall.alice, made.report_id, "overturned")
        await soon(board)
        assert board.comments[reply].content == "insult"
        await board.explains(wall.carol)


async def test_after_a_block_is_acknowledged_nothing_more_of_the_other_comes(wall: Wall) -> None:
    """Carol, on the node of Alice, watches while Bob and Alice write and ticks are under way."""
    for round_ in range(2):
        with wall.carol.inbox() as inbox:
            board = await Board.watch(wall.carol, inbox, wall.post_id)
            writing = asyncio.create_task(_write(wall, 16))
            async with asyncio.timeout(5):
                await board.next()
            node = wall.nodes[0].services.watching
            turns = [asyncio.create_task(node.turn()) for _ in range(3)]
            await wall.carol.call(BlockUser(user_id=id_of(wall.bob), op_id=uuid7()))
            inbox.put(acknowledged := Connected(None))
            await asyncio.gather(*turns, writing)
            await wall.comment(wall.alice, last := f"last {round_}")
            late = await _after(inbox, acknowledged, last)
            assert late
            assert {c.author.username for c in late if c.author} == {"alice"}
            await wall.carol.call(UnblockUser(user_id=id_of(wall.bob), op_id=uuid7()))
            await wall.carol.unwatch("post", wall.post_id)


async def test_what_was_read_before_a_block_is_not_told_after_it(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that has a comment of Bob's is read, and told when Carol has blocked him."""
    was_read, is_blocked, plain = asyncio.Event(), asyncio.Event(), KINDS["post"]

    async def read(tx: Tx, since: Mapping[UUID, int | None]) -> Mapping[UUID, State]:
        states = await plain.read(tx, since)
        if any(state.authors for state in states.values()):
            was_read.set()
            await is_blocked.wait()
        return states

    monkeypatch.setitem(KINDS, "post", replace(plain, read=read))
    with wall.carol.inbox() as inbox:
        await wall.carol.watch("post", wall.post_id)
        await wall.comment(wall.bob, "before the block")
        async with asyncio.timeout(5):
            await was_read.wait()
        await wall.carol.call(BlockUser(user_id=id_of(wall.bob), op_id=uuid7()))
        inbox.put(acknowledged := Connected(None))
        is_blocked.set()
        await wall.comment(wall.alice, "last")
        late = await _after(inbox, acknowledged, "last")
        assert {c.author.username for c in late if c.author} == {"alice"}


async def _after(inbox: Inbox, marker: News, last: str) -> list[Comment]:
    """What came behind this, up to the comment that says so."""
    late: list[Comment] = []
    behind = False
    async with asyncio.timeout(5):
        async for news in inbox:
            behind |= news is marker
            late += news.comments if behind and isinstance(news, PostState) else []
            if any(comment.content == last for comment in late):
                break
    return late


async def _write(wall: Wall, count: int) -> None:
    for number in range(count):
        await wall.comment((wall.alice, wall.bob)[number % 2], f"{number}")


async def test_a_block_of_the_author_ends_it_on_all_nodes(wall: Wall) -> None:
    with wall.bob.inbox() as inbox:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        await wall.alice.call(BlockUser(user_id=id_of(wall.bob), op_id=uuid7()))
        async with asyncio.timeout(5):
            assert isinstance(await board.next(), WatchEnded)
        await wall.comment(wall.alice, "behind his back")
        await wall.carol.call(watching(wall.post_id))
        assert id_of(wall.bob) not in wall.nodes[1].services.watching._viewers


async def test_who_stops_following_a_private_account_watches_no_more(wall: Wall) -> None:
    await wall.pg.execute("update users set is_private = true where username = 'alice'")
    await wall.pg.execute(FOLLOW, "bob", "alice")
    with wall.bob.inbox() as inbox:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        async with wall.nodes[0].services.db.tx() as tx:
            await tx.conn.execute("delete from follows where follower_id = $1", id_of(wall.bob))
            tx.sees_changed(id_of(wall.bob))
        async with asyncio.timeout(5):
            assert isinstance(await board.next(), WatchEnded)


async def test_a_mark_that_is_lost_and_streams_that_are_are_made_good(wall: Wall) -> None:
    with wall.bob.inbox() as inbox:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        await wall.change(caption="nobody is told")
        wall.nodes[1].services.watching._swept_at = -1e9  # its time has come
        async with asyncio.timeout(5):
            await board.next()
        assert board.state.caption == "nobody is told"
        redis = connect(wall.nodes[0].settings.redis_url)
        await redis.delete(wall.nodes[1].bus.stream)
        await redis.aclose()
        await wall.comment(wall.alice, "into a stream that is not there")
        async with asyncio.timeout(8):
            while not board.comments:
                await board.next()


async def test_each_new_connection_begins_with_a_snapshot(wall: Wall) -> None:
    with wall.bob.inbox() as inbox:
        board = await Board.watch(wall.bob, inbox, wall.post_id)
        cut(wall.nodes[1])
        await wall.comment(wall.alice, "meanwhile")
        await board.explains(wall.carol)
        cut(wall.nodes[1])
        await wall.change(visibility="private")
        async with asyncio.timeout(10):
            while not board.ended:
                await board.next()


async def test_a_connection_watches_a_hundred_things_and_forgets_them_when_it_ends(
    wall: Wall,
) -> None:
    ids = [uuid7() for _ in range(101)]
    for post_id in ids:
        await wall.pg.execute(POST, post_id, "alice", "public")
    for post_id in ids[:100]:
        await wall.bob.call(watching(post_id))
    assert await refused(wall.bob, watching(ids[100])) == "invalid"
    await wall.bob.call(watching(ids[0]))  # again is no other
    assert (await wall.bob.call(Unwatch(subject_type="post", subject_id=ids[1]))).changed
    await wall.bob.call(watching(ids[100]))
    node = wall.nodes[1].services.watching
    assert len(node._subjects) == 100
    await wall.bob.close()
    async with asyncio.timeout(5):
        while node._subjects or node._viewers or node._lines or node._owned:
            await asyncio.sleep(0.01)


async def test_numbers_are_told_to_those_who_want_them(wall: Wall) -> None:
    hide = "update user_settings set hide_metrics = $2 where user_id = $1"
    await wall.pg.execute(hide, id_of(wall.carol), True)
    with wall.carol.inbox() as inbox, wall.bob.inbox() as other:
        without = await Board.watch(wall.carol, inbox, wall.post_id)
        counted = await Board.watch(wall.bob, other, wall.post_id)
        assert (without.state.comment_count, counted.state.comment_count) == (None, 0)
        await wall.comment(wall.alice)
        async with asyncio.timeout(5):
            first, second = await without.next(), await counted.next()
        assert isinstance(first, PostState)
        assert isinstance(second, PostState)
        assert (first.comment_count, first.comments[0].like_count) == (None, None)
        assert (second.comment_count, second.comments[0].like_count) == (1, 0)


async def test_however_many_watch_it_is_encoded_once(wall: Wall) -> None:
    async with user(wall.nodes[1], "carol") as carol_too:
        watchers = (wall.bob, wall.alice_too, carol_too)
        with ExitStack() as stack:
            inboxes = [stack.enter_context(client.inbox()) for client in watchers]
            boards = [
                await Board.watch(client, inbox, wall.post_id)
                for client, inbox in zip(watchers, inboxes, strict=True)
            ]
            await wall.comment(wall.carol)
            async with asyncio.timeout(5):
                for board in boards:
                    await board.next()
        registry = wall.nodes[1].telemetry.registry
        counted = {
            what: registry.get_sample_value("lumina_watched_total", {"what": what})
            for what in ("encoded", "told")
        }
        assert counted == {"encoded": 1, "told": 3}

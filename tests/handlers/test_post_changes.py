"""What authors do with their posts: edit, archive, delete and restore them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from lumina_protocol.blocks import BlockUser
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Change
from lumina_protocol.post_changes import (
    ArchivePost,
    DeletePost,
    EditPost,
    ListArchivedPosts,
    ListDeletedPosts,
    ListPostEdits,
    PostChangeKept,
    RestorePost,
    UnarchivePost,
)
from lumina_protocol.posts import ListPosts

from lumina_rt.config import Settings
from lumina_rt.store.queries import query
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, get, house
from tests.oracle import oracle
from tests.workers.rows import database

__all__ = ["house"]
COUNT = """
select post_count + (select coalesce(sum(delta), 0) from counter_deltas
                     where subject_id = user_id and counter = 'users.post_count')
from users where username = 'alice'"""


def edit(post_id: UUID, base_version: int, **values: Any) -> EditPost:
    known = {"post_id": post_id, "op_id": uuid7(), "base_version": base_version}
    return EditPost.model_validate(known | values)


def of(change: type[Change[PostChangeKept]], post_id: UUID) -> Change[PostChangeKept]:
    return change.model_validate({"post_id": post_id, "op_id": uuid7()})


async def test_a_caption_is_edited_and_its_history_kept(house: House) -> None:
    post_id = await house.post()
    async with oracle(house.alice, house.alice_too, house.bob):
        first = edit(post_id, 1, caption="hello, all")
        kept = PostChangeKept(post_id=post_id, version=2, changed=True)
        assert await house.alice.call(first) == kept
        assert await house.alice_too.call(edit(post_id, 2, caption="hi")) == kept.model_copy(
            update={"version": 3}
        )
        assert await house.alice_too.call(first) == kept, "a retry"
        same = await house.alice.call(edit(post_id, 3, caption="hi"))
        assert (same.version, same.changed) == (3, False)
    post = await get(house.bob, post_id)
    assert (post.caption, post.version, post.is_edited) == ("hi", 3, True)
    asked = ListPostEdits(post_id=post_id, limit=1)
    page = await house.bob.call(asked)
    assert ([(e.caption, e.version) for e in page.edits], page.more) == ([("hello, all", 2)], True)
    rest = await house.bob.call(asked.model_copy(update={"before": 2}))
    assert ([(e.caption, e.version) for e in rest.edits], rest.more) == ([("hello", 1)], False)
    await house.alice.call(edit(post_id, 3, visibility="private"))
    assert await refused(house.bob, asked) == "not_found post_id"


async def test_settings_are_edited_without_history(house: House) -> None:
    post_id = await house.post()
    lists = await house.audience(house.alice, house.carol)
    async with oracle(house.alice, house.alice_too):
        values = {"visibility": "custom", "audience_id": lists, "allow_comments": False}
        await house.alice.call(edit(post_id, 1, **values, who_may_comment="friends"))
    assert await house.who_sees(post_id) == "c"
    post = await get(house.carol, post_id)
    assert (post.allow_comments, post.who_may_comment) == (False, "friends")
    assert (post.caption, post.is_edited) == ("hello", False)
    assert (await house.alice.call(ListPostEdits(post_id=post_id))).edits == []
    await house.alice.call(edit(post_id, 2, visibility="public"))
    assert await house.who_sees(post_id) == "bc"
    assert (await get(house.alice, post_id)).audience_id is None


async def test_two_devices_edit_at_once(house: House) -> None:
    post_id = await house.post()
    async with oracle(house.alice, house.alice_too):
        done = await asyncio.gather(
            house.alice.call(edit(post_id, 1, caption="here")),
            house.alice_too.call(edit(post_id, 1, caption="there")),
            return_exceptions=True,
        )
    (error,) = [one for one in done if isinstance(one, Exception)]
    assert isinstance(error, LuminaError)
    assert error.body.code == "stale"
    assert (await get(house.alice, post_id)).version == 2


async def test_what_cannot_be_edited(house: House) -> None:
    post_id, alice = await house.post(), house.alice
    foreign = await house.audience(house.bob, alice)
    for asked, error in (
        (edit(post_id, 2, caption="x"), "stale base_version"),
        (edit(post_id, 1, caption=""), "invalid caption"),
        (edit(post_id, 1, visibility="custom"), "invalid audience_id"),
        (edit(post_id, 1, audience_id=foreign), "invalid audience_id"),
        (edit(post_id, 1, visibility="custom", audience_id=foreign), "not_found audience_id"),
        (edit(uuid7(), 1, caption="x"), "not_found post_id"),
    ):
        assert await refused(alice, asked) == error
    assert await refused(house.bob, edit(post_id, 1, caption="x")) == "not_found post_id"
    for change in (ArchivePost, UnarchivePost, DeletePost, RestorePost):
        assert await refused(house.bob, of(change, post_id)) == "not_found post_id"
        assert await refused(alice, of(change, uuid7())) == "not_found post_id"
    await alice.call(of(DeletePost, post_id))
    assert await refused(alice, edit(post_id, 2, caption="x")) == "gone post_id"
    assert await refused(alice, of(ArchivePost, post_id)) == "gone post_id"


async def test_a_post_is_archived_and_brought_back(house: House) -> None:
    post_id, alice = await house.post(), house.alice
    async with oracle(alice, house.alice_too, house.bob):
        assert (await alice.call(of(ArchivePost, post_id))).changed
        assert not (await house.alice_too.call(of(ArchivePost, post_id))).changed
    assert await house.who_sees(post_id) == ""
    assert await house.pg.fetchval(COUNT) == 0
    (archived,) = (await house.alice_too.call(ListArchivedPosts())).posts
    assert (archived.post_id, archived.is_archived) == (post_id, True)
    assert (await house.bob.call(ListArchivedPosts())).posts == []
    assert (await alice.call(ListPosts(user_id=id_of(alice)))).posts == []
    async with oracle(alice, house.alice_too):
        assert (await alice.call(of(UnarchivePost, post_id))).changed
    assert await house.who_sees(post_id) == "bc"
    assert await house.pg.fetchval(COUNT) == 1


async def test_a_post_is_deleted_and_restored(house: House, settings: Settings) -> None:
    post_id, alice = await house.post(), house.alice
    async with oracle(alice, house.alice_too, house.bob):
        with house.alice_too.inbox() as inbox:
            cut(house.nodes[1])
            assert (await alice.call(of(DeletePost, post_id))).changed
            assert not (await alice.call(of(DeletePost, post_id))).changed
            await connected_again(inbox)
    assert await house.who_sees(post_id) == ""
    assert await refused(alice, ListPostEdits(post_id=post_id)) == "not_found post_id"
    (deleted,) = (await house.alice_too.call(ListDeletedPosts())).posts
    assert (deleted.post_id, deleted.caption, deleted.removed) == (post_id, "hello", False)
    assert (await house.bob.call(ListDeletedPosts())).posts == []
    async with oracle(alice, house.alice_too):
        assert (await alice.call(of(RestorePost, post_id))).changed
        assert not (await alice.call(of(RestorePost, post_id))).changed
    assert await house.who_sees(post_id) == "bc"
    await alice.call(of(DeletePost, post_id))
    await house.pg.execute("update posts set deleted_at = now() - interval '31 days'")
    async with database(settings) as db, db.tx() as tx:
        before = await tx.one(query("purge.clock"))
        await tx.one(query("purge.posts"), before=before["now"], batch=10)
    assert await refused(alice, of(RestorePost, post_id)) == "not_found post_id"


async def test_what_staff_have_removed_its_author_does_not_restore(
    house: House, pg: asyncpg.Connection
) -> None:
    post_id = await house.post()
    await pg.execute(
        """insert into reports (report_id, reporter_id, reported_type, reported_id, reason, status,
                                owner_id, action, decided_in, reviewed_at)
           values ($1, $2, 'post', $3, 'spam', 'actioned', $4, 'remove', $1, now())""",
        uuid7(), id_of(house.bob), post_id, id_of(house.alice),
    )  # fmt: skip
    await pg.execute("update posts set is_deleted = true, deleted_at = now()")
    assert await refused(house.alice, of(RestorePost, post_id)) == "forbidden post_id"
    (deleted,) = (await house.alice.call(ListDeletedPosts())).posts
    assert deleted.removed
    await pg.execute("update reports set status = 'overturned'")
    assert (await house.alice.call(of(RestorePost, post_id))).changed


async def test_a_block_hides_the_history_too(house: House) -> None:
    post_id = await house.post()
    await house.alice.call(edit(post_id, 1, caption="hi"))
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await refused(house.bob, ListPostEdits(post_id=post_id)) == "not_found post_id"

"""What of posts, comments and follows others are notified of, and when it is withdrawn."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from lumina_protocol.comments import (
    CommentChanged,
    CreateComment,
    DeleteComment,
    EditComment,
    LikeComment,
    OfComment,
    UnlikeComment,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import (
    ApproveFollow,
    FollowUser,
    RemoveFollower,
    SetFollow,
    UnfollowUser,
)
from lumina_protocol.post_changes import ArchivePost, DeletePost
from lumina_protocol.post_drafts import SetPostDraft
from lumina_protocol.post_people import AnswerCoauthor, SharePost
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Client
from lumina_rt.workers import notifications
from tests.handlers.test_follows import do
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_notifications import listed
from tests.handlers.test_post_changes import edit, of
from tests.handlers.test_posts import House, house, new_post
from tests.oracle import oracle
from tests.workers import rows

__all__ = ["house"]
WAITING = """
select (select count(*) from notification_causes) + (select count(*) from post_announcements)"""
DUE = "update notification_causes set due_at = now() where due_at > now()"


async def heard(house: House, client: Client) -> list[str]:
    """The titles, when all that was caused is told; nobody waits for what is told as one."""
    async with asyncio.timeout(10):
        while await house.pg.fetchval(WAITING):
            await house.pg.execute(DUE)
            await asyncio.sleep(0.02)
    return [group.title for group in await listed(client)]


async def comment(client: Client, post_id: UUID, content: str, to: UUID | None = None) -> UUID:
    asked = CreateComment(
        post_id=post_id, comment_id=uuid7(), content=content, parent_comment_id=to
    )
    return (await client.call(asked)).comment_id


async def change(
    client: Client, what: type[OfComment[CommentChanged]], post_id: UUID, id_: UUID, **also: Any
) -> None:
    known = {"post_id": post_id, "comment_id": id_, "op_id": uuid7(), **also}
    assert (await client.call(what.model_validate(known))).changed


async def test_of_follows_and_requests_until_they_end(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    async with oracle(alice, house.alice_too, bob, carol):
        await do(bob, FollowUser, id_of(alice))
        await do(carol, FollowUser, id_of(alice))
        assert await heard(house, alice) == ["carol and bob followed you"]
        await do(carol, UnfollowUser, id_of(alice))
        assert await heard(house, house.alice_too) == ["bob followed you"]
        await do(alice, RemoveFollower, id_of(bob))
        assert await heard(house, alice) == []
        await alice.call(ChangeSettings(op_id=uuid7(), is_private=True))
        await do(bob, FollowUser, id_of(alice))
        await do(carol, FollowUser, id_of(alice))
        assert await heard(house, alice) == ["carol and bob asked to follow you"]
        await do(carol, UnfollowUser, id_of(alice))
        assert await heard(house, alice) == ["bob asked to follow you"]
        await do(alice, ApproveFollow, id_of(bob))
        assert await heard(house, alice) == [], "who has approved it, knows"
        assert await heard(house, bob) == ["alice lets you follow them"]
        await do(bob, UnfollowUser, id_of(alice))
        assert await heard(house, alice) == await heard(house, bob) == []
        await do(carol, FollowUser, id_of(alice))
        await alice.call(ChangeSettings(op_id=uuid7(), is_private=False))
        assert await heard(house, carol) == ["alice lets you follow them"]
        assert await heard(house, alice) == []


async def test_of_comments_replies_names_and_likes_each_once(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    post_id = await house.post()
    async with oracle(alice, house.alice_too, bob, carol):
        first = await comment(bob, post_id, "well said, @alice and @carol and @nobody")
        assert await heard(house, alice) == ["bob commented on your post"]
        assert await heard(house, carol) == ["bob mentioned you in a comment"]
        reply = await comment(alice, post_id, "thank you @bob", first)
        await comment(carol, post_id, "yes", first)
        assert await heard(house, bob) == ["carol and alice replied to your comment"]
        assert await heard(house, alice) == ["carol and bob commented on your post"]
        (group,) = await listed(alice)
        assert (group.type, group.post_id, group.count) == ("comment", post_id, 2)
        assert group.text == "yes"
        edited = {"base_version": 1, "content": "well said, all"}
        await change(bob, EditComment, post_id, first, **edited)
        assert await heard(house, carol) == []
        await change(bob, EditComment, post_id, first, base_version=2, content="oh @carol")
        assert await heard(house, carol) == ["bob mentioned you in a comment"]
        await change(carol, LikeComment, post_id, first)
        await change(alice, LikeComment, post_id, first)
        await change(bob, LikeComment, post_id, first)
        liked = "alice and carol liked your comment"
        assert await heard(house, bob) == [liked, "carol and alice replied to your comment"]
    async with oracle(alice, house.alice_too, bob, carol):
        await change(alice, UnlikeComment, post_id, first)
        await change(alice, DeleteComment, post_id, reply)
        both = ["carol liked your comment", "carol replied to your comment"]
        assert sorted(await heard(house, bob)) == both
    async with oracle(alice, house.alice_too, bob, carol):
        await change(bob, DeleteComment, post_id, first)
        assert await heard(house, bob) == ["carol replied to your comment"]
        assert await heard(house, carol) == []
        await alice.call(of(DeletePost, post_id))
        assert [await heard(house, one) for one in (alice, bob, carol)] == [[], [], []]


async def test_of_posts_that_name_invite_quote_and_pass_on(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    async with oracle(alice, house.alice_too, bob, carol):
        values: dict[str, Any] = {"post_type": "collaborative", "coauthors": [id_of(carol)]}
        post_id = await house.post(caption="with @bob", **values)
        named, asked = "alice mentioned you in a post", "alice invited you to be a co-author"
        assert (await heard(house, bob), await heard(house, carol)) == ([named], [asked])
        await alice.call(edit(post_id, 1, caption="with @carol"))
        assert await heard(house, bob) == []
        assert sorted(await heard(house, carol)) == [asked, named]
        await carol.call(AnswerCoauthor(post_id=post_id, op_id=uuid7(), accept=True))
        assert await heard(house, carol) == [named]
        assert await heard(house, alice) == ["carol became a co-author of your post"]
        await carol.call(AnswerCoauthor(post_id=post_id, op_id=uuid7(), accept=False))
        assert await heard(house, alice) == []
        await bob.call(SharePost(post_id=post_id, share_id=uuid7(), via="repost"))
        await bob.call(SharePost(post_id=post_id, share_id=uuid7(), via="link"))
        quote = new_post(caption="look", quoted_post_id=post_id)
        await bob.call(quote)
        await bob.call(new_post(caption="psst", quoted_post_id=post_id, visibility="private"))
        told = ["bob quoted your post", "bob reposted your post"]
        assert sorted(await heard(house, alice)) == told
        assert quote.post_id in [group.post_id for group in await listed(alice)]
        await bob.call(of(ArchivePost, quote.post_id))
        assert await heard(house, alice) == told[1:]
    await alice.call(edit(post_id, 2, visibility="private"))  # which what quotes it shows too
    assert await heard(house, carol) == []


async def test_who_follows_hears_of_new_posts_some_at_a_time(
    house: House, monkeypatch: Any
) -> None:
    monkeypatch.setattr(notifications, "FOLLOWERS", 1)
    alice, bob, carol = house.alice, house.bob, house.carol
    await house.follow(bob, alice)
    await house.follow(carol, alice)
    async with oracle(alice, bob, carol):
        first, second = await house.post(), await house.post()
        await house.post(visibility="private")
        await house.post(visibility="friends")
        both = [await heard(house, one) for one in (bob, carol)]
        assert both == [["alice posted"], ["alice posted"]]
        (group,) = await listed(bob)
        assert (group.type, group.count, group.post_id) == ("follow", 2, second)
        await alice.call(of(DeletePost, second))
        assert await heard(house, bob) == ["alice posted"]
        (group,) = await listed(bob)
        assert (group.count, group.post_id) == (1, first)
        quiet = SetFollow(user_id=id_of(alice), op_id=uuid7(), notify_on_post=False)
        await carol.call(quiet)
        await house.post()
        assert [
            (await heard(house, one), (await listed(one))[0].count) for one in (bob, carol)
        ] == [
            (["alice posted"], 2),
            (["alice posted"], 1),
        ]


async def test_what_cannot_be_published_when_its_time_has_come_is_told(house: House) -> None:
    async with oracle(house.alice, house.alice_too):
        await rows.add(
            house.pg, "post_drafts", draft_id=uuid7(), user_id=id_of(house.alice),
            body=f'{{"post_type": "text", "caption": "x", "quoted_post_id": "{uuid7()}"}}',
        )  # fmt: skip
        await house.pg.execute("update post_drafts set publish_at = now()")
        async with asyncio.timeout(10):
            while not await house.pg.fetchval("select error from post_drafts"):
                await asyncio.sleep(0.02)
        title = "A post could not be published when its time had come"
        assert await heard(house, house.alice) == [title]
        (group,) = await listed(house.alice)
        assert (group.type, group.text) == ("system", "not_found quoted_post_id")
        draft_id = await house.pg.fetchval("select draft_id from post_drafts")
        later = {"publish_at": int(time.time() * 1000) + 3_600_000, "op_id": uuid7()}
        post = {"post_type": "text", "caption": "x"}
        asked = {"draft_id": draft_id, "post": post, **later}
        await house.alice_too.call(SetPostDraft.model_validate(asked))
        assert await heard(house, house.alice) == [], "it has another time"

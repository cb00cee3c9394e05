"""Posts: made once, shown to whom they are for, and told to the devices of their author."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.posts import CreatePost, GetPost, ListPosts, Post
from lumina_protocol.settings import ChangeSettings
from pydantic import ValidationError

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, register, user
from tests.oracle import oracle

FOLLOW = """
insert into follows (follower_id, following_id, connection_type) values ($1, $2, $3)
on conflict (follower_id, following_id) do update set connection_type = excluded.connection_type"""


@dataclass
class House:
    """alice on two nodes, bob and carol by turns."""

    pg: asyncpg.Connection
    nodes: list[Node]
    alice: Client
    alice_too: Client
    bob: Client
    carol: Client

    async def media(self, kind: str, of: str = "alice", status: str = "ready") -> UUID:
        await self.pg.execute(MEDIA, id_ := uuid7(), of, kind, status)
        return id_

    async def audience(self, of: Client, *members: Client) -> UUID:
        made = "insert into audiences (audience_id, user_id, name) values ($1, $2, $3)"
        await self.pg.execute(made, id_ := uuid4(), id_of(of), str(id_))
        for member in members:
            await self.pg.execute(
                "insert into audience_members (audience_id, user_id) values ($1, $2)",
                id_,
                id_of(member),
            )
        return id_

    async def follow(self, one: Client, other: Client, how: str = "follow") -> None:
        await self.pg.execute(FOLLOW, id_of(one), id_of(other), how)

    async def post(self, client: Client | None = None, **values: Any) -> UUID:
        asked = new_post(**values)
        await (client or self.alice).call(asked)
        return asked.post_id

    async def who_sees(self, post_id: UUID, author: Client | None = None) -> str:
        """Of bob and carol, their initials."""
        of = id_of(author or self.alice)
        people = [("b", self.bob), ("c", self.carol)]
        return "".join([name for name, client in people if await sees(client, post_id, of)])


def new_post(**values: Any) -> CreatePost:
    known = {"post_id": uuid7(), "post_type": "text", "caption": "hello"}
    return CreatePost.model_validate(known | values)


async def get(client: Client, post_id: UUID) -> Post:
    return (await client.call(GetPost(post_id=post_id))).post


async def sees(client: Client, post_id: UUID, author_id: UUID) -> bool:
    """Alone, and in the list of its author, which say the same."""
    page = await client.call(ListPosts(user_id=author_id, limit=50))
    listed = post_id in [post.post_id for post in page.posts]
    try:
        await get(client, post_id)
    except LuminaError as error:
        assert (error.body.code, error.body.field, listed) == ("not_found", "post_id", False)
        return False
    assert listed
    return True


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol")
        homes = [(one, "alice"), (two, "alice"), (two, "bob"), (one, "carol")]
        clients = [await stack.enter_async_context(user(node, name)) for node, name in homes]
        yield House(pg, [one, two], *clients)


async def test_a_post_is_made_once_and_told_to_the_devices_of_its_author(house: House) -> None:
    media = [await house.media("image"), await house.media("gif")]
    place = {"name": "Oslo", "latitude": 59.9139, "longitude": 10.75}
    asked = new_post(post_type="photo", media_ids=media, location=place, allow_comments=False)
    async with oracle(house.alice, house.alice_too, house.bob):
        kept = await house.alice.call(asked)
        assert await house.alice_too.call(asked) == kept, "a retry"
        assert await refused(house.bob, new_post(post_id=asked.post_id)) == "conflict post_id"
        other = asked.model_copy(update={"caption": "other"})
        assert await refused(house.alice, other) == "conflict post_id"
    post = await get(house.bob, asked.post_id)
    assert (kept.post_id, kept.version, kept.created_at) == (
        asked.post_id, post.version, post.created_at,
    )  # fmt: skip
    assert post.location
    assert post.location.model_dump() == place
    assert [one.media_id for one in post.attachments or ()] == media
    assert (post.author.username, post.caption, post.allow_comments) == ("alice", "hello", False)
    assert (post.comment_count, post.reactions, post.bookmarked) == (0, None, False)
    used = "select count(*) from media_refs where subject_type = 'post' and subject_id = $1"
    assert await house.pg.fetchval(used, asked.post_id) == 2
    old = UUID(int=asked.post_id.int & (2**80 - 1) | 1 << 80)
    assert await refused(house.alice, new_post(post_id=old)) == "too_old post_id"


async def test_two_devices_make_the_same_post_at_once(house: House) -> None:
    asked = new_post()
    async with oracle(house.alice, house.alice_too):
        kept = await asyncio.gather(house.alice.call(asked), house.alice_too.call(asked))
        assert kept[0] == kept[1]
    page = await house.bob.call(ListPosts(user_id=id_of(house.alice)))
    assert [post.post_id for post in page.posts] == [asked.post_id]


async def test_who_sees_a_post(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    await house.follow(bob, alice)
    await house.follow(alice, bob)
    await house.follow(carol, alice)
    lists = await house.audience(alice, carol)
    public, friends, private, custom = [
        await house.post(visibility=shown, audience_id=lists if shown == "custom" else None)
        for shown in ("public", "friends", "private", "custom")
    ]
    for post_id, seen in ((public, "bc"), (friends, "b"), (private, ""), (custom, "c")):
        assert await house.who_sees(post_id) == seen
        assert await sees(house.alice_too, post_id, id_of(alice))
    assert (await get(carol, custom)).audience_id is None
    assert (await get(alice, custom)).audience_id == lists
    block = BlockUser(user_id=id_of(alice), op_id=uuid7())
    await carol.call(block)
    assert [await house.who_sees(one) for one in (public, custom)] == ["b", ""]
    await carol.call(UnblockUser(user_id=id_of(alice), op_id=uuid7()))
    await house.pg.execute("update users set is_private = true where username = 'alice'")
    assert await house.who_sees(public) == "b", "the block has ended the follow"
    await house.pg.execute("update posts set is_archived = true where post_id = $1", public)
    assert await house.who_sees(public) == ""
    assert (await get(alice, public)).is_archived
    await house.pg.execute("update posts set is_deleted = true, deleted_at = now()")
    assert await refused(alice, GetPost(post_id=public)) == "not_found post_id"


async def test_numbers_are_left_out_where_somebody_wants_none(house: House) -> None:
    poll = {"question": "Tea?", "options": ["yes", "no"], "show_results": "always"}
    post_id = await house.post(post_type="poll", poll=poll)
    for who, mood in ((house.bob, "curious"), (house.carol, "curious"), (house.alice, "excited")):
        reacted = "insert into reactions (post_id, user_id, reaction_type) values ($1, $2, $3)"
        await house.pg.execute(reacted, post_id, id_of(who), mood)
    vote = "insert into poll_votes (post_id, user_id, option_no) values ($1, $2, 1)"
    await house.pg.execute(vote, post_id, id_of(house.bob))
    hides = ChangeSettings(op_id=uuid7(), hide_metrics=True)
    seen = await get(house.bob, post_id)
    assert (seen.reactions, seen.own_reaction) == ({"curious": 2, "excited": 1}, "curious")
    assert seen.poll
    assert [option.votes for option in seen.poll.options] == [0, 1]
    assert seen.poll.own_votes == [1]
    await house.carol.call(hides)
    for client, shows in ((house.carol, False), (house.bob, True), (house.alice, True)):
        assert has_numbers(await get(client, post_id)) is shows
    (listed,) = (await house.carol.call(ListPosts(user_id=id_of(house.alice)))).posts
    assert not has_numbers(listed)
    await house.pg.execute(
        "update user_settings set hide_metrics = user_id = $1", id_of(house.alice)
    )
    for client in (house.alice, house.bob):
        assert not has_numbers(await get(client, post_id))


def has_numbers(post: Post) -> bool:
    assert post.poll
    counts = (post.reactions, post.comment_count, post.share_count, post.view_count)
    votes = [option.votes for option in post.poll.options]
    found = {number is not None for number in (*counts, *votes)}
    assert len(found) == 1, "some numbers and others not"
    return found.pop()


@pytest.mark.parametrize(
    ("shown", "sees_it"),
    [("always", "abc"), ("after_vote", "ab"), ("after_close", "a")],
)
async def test_who_sees_the_results_of_a_poll(house: House, shown: str, sees_it: str) -> None:
    poll = {"question": "Tea?", "options": ["yes", "no"], "show_results": shown}
    post_id = await house.post(post_type="poll", poll=poll, caption=None)
    vote = "insert into poll_votes (post_id, user_id, option_no) values ($1, $2, 0)"
    await house.pg.execute(vote, post_id, id_of(house.bob))
    people = (("a", house.alice), ("b", house.bob), ("c", house.carol))

    async def told() -> str:
        polls = [(name, (await get(client, post_id)).poll) for name, client in people]
        return "".join(n for n, poll in polls if poll and poll.options[0].votes == 1)

    assert await told() == sees_it
    await house.pg.execute(
        "update polls set created_at = now() - interval '2 s', closes_at = now()"
    )
    assert await told() == "abc"


async def test_a_quote_shows_to_each_what_is_for_them(house: House) -> None:
    await house.follow(house.bob, house.alice)
    await house.follow(house.alice, house.bob)
    original = await house.post(visibility="friends", caption="x" * 300)
    assert await refused(house.carol, new_post(quoted_post_id=original)) == (
        "not_found quoted_post_id"
    )
    quote = await house.post(house.bob, quoted_post_id=original, caption=None)
    seen = (await get(house.bob, quote)).quoted
    assert seen
    assert (seen.username, seen.excerpt) == ("alice", "x" * 200)
    hidden = (await get(house.carol, quote)).quoted
    assert hidden
    assert hidden.model_dump(exclude_none=True) == {"post_id": original}
    await house.pg.execute(
        "update posts set is_deleted = true, deleted_at = now() where post_id = $1", original
    )
    assert (await get(house.bob, quote)).quoted == hidden


async def test_what_cannot_be_posted(house: House) -> None:
    alice, image, nobody = house.alice, await house.media("image"), uuid7()
    others = await house.media("image", of="bob")
    unready = await house.media("image", status="processing")
    deleted = await house.media("image", status="deleted")
    foreign = await house.audience(house.bob, alice)
    await house.bob.call(BlockUser(user_id=id_of(alice), op_id=uuid7()))
    private = await house.post(house.carol, visibility="private")
    photo: dict[str, Any] = {"post_type": "photo"}
    together: dict[str, Any] = {"post_type": "collaborative"}
    for values, error in (
        ({"visibility": "custom", "audience_id": foreign}, "not_found audience_id"),
        ({"visibility": "custom", "audience_id": nobody}, "not_found audience_id"),
        (photo | {"media_ids": [others]}, "not_found media_ids"),
        (photo | {"media_ids": [nobody]}, "not_found media_ids"),
        (photo | {"media_ids": [image, deleted]}, "not_found media_ids"),
        (photo | {"media_ids": [unready]}, "invalid media_ids"),
        ({"post_type": "audio", "media_ids": [image]}, "invalid media_ids"),
        ({"quoted_post_id": private}, "not_found quoted_post_id"),
        ({"quoted_post_id": nobody}, "not_found quoted_post_id"),
        (together | {"coauthors": [nobody]}, "not_found coauthors"),
        (together | {"coauthors": [id_of(alice)]}, "not_found coauthors"),
        (together | {"coauthors": [id_of(house.bob)]}, "not_found coauthors"),
        (
            {"post_type": "poll", "poll": {"question": "?", "options": ["a", "b"], "closes_at": 1}},
            "invalid poll",
        ),
    ):
        assert await refused(alice, new_post(**values)) == error, values
    assert await house.pg.fetchval("select count(*) from posts") == 1


@pytest.mark.parametrize(
    "values",
    [
        {"caption": None},
        {"caption": ""},
        {"post_type": "photo"},
        {"media_ids": [uuid7()]},
        {"visibility": "custom"},
        {"audience_id": uuid7()},
        {"post_type": "collaborative"},
        {"coauthors": [uuid7()]},
        {"post_type": "poll"},
        {"poll": {"question": "?", "options": ["a", "b"]}},
        {"post_type": "poll", "poll": {"question": "?", "options": ["a"]}},
        {"post_type": "poll", "poll": {"question": "?", "options": [*map(str, range(21))]}},
        {"post_type": "poll", "poll": {"question": "?", "options": ["a", "a"]}},
        {"location": {}},
        {"location": {"latitude": 1.0}},
        {"location": {"latitude": 91.0, "longitude": 0.0}},
        {"location": {"latitude": float("nan"), "longitude": 0.0}},
    ],
)
def test_a_post_without_sense_is_no_request(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        new_post(**values)


async def test_the_posts_of_a_user_by_page(house: House) -> None:
    made = [await house.post(caption=f"{n} " + "\u00e9" * 2000) for n in range(42)]
    hidden = await house.post(visibility="private")
    seen: list[UUID] = []
    before = None
    while True:
        page = await house.bob.call(ListPosts(user_id=id_of(house.alice), before=before, limit=50))
        seen += [post.post_id for post in page.posts]
        if not page.more:
            break
        before = seen[-1]
    assert seen == made[::-1]
    assert hidden not in seen
    page = await house.bob.call(ListPosts(user_id=id_of(house.alice), limit=5))
    assert ([post.post_id for post in page.posts], page.more) == (made[:-6:-1], True)
    assert (await house.bob.call(ListPosts(user_id=uuid7()))).posts == []

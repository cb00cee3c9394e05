"""Messages that are more than text: attachments, posts, answers, mentions, what is forwarded."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ListConversations
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    Message,
    MessageSent,
    Origin,
    ReadHistory,
    SendMessage,
)
from pydantic import ValidationError

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_sending import codes, held
from tests.house import created, message, nodes, open_conversation, register, say, send_all, user
from tests.oracle import oracle

MEDIA = """
insert into media_objects
    (media_id, user_id, kind, status, content_type, bytes, sha256, width, height, duration_ms, blurhash, waveform,
     is_deleted, deleted_at)
select $1, user_id, $3::text, case $4::text when 'deleted' then 'ready' else $4 end, 'x/' || $3, 9,
       sha256(''), 4, 3, 1500, 'LEHV6n', '\\x0010ff', $4 = 'deleted', case $4 when 'deleted' then now() end
from users where username = $2"""  # noqa: E501
POST = """
insert into posts (post_id, user_id, post_type, caption, visibility)
select $1, user_id, 'text', 'hello', $3 from users where username = $2"""
HIDE = "insert into message_hides (conversation_id, seq, user_id) values ($1, $2, $3)"
NOBODY = uuid7()


@dataclass
class Talk:
    """Alice, on two nodes, talks with Bob, on the second, and elsewhere with Mallory."""

    pg: asyncpg.Connection
    one: Node
    two: Node
    alice: Client
    alice_too: Client
    bob: Client
    mallory: Client
    conversation_id: UUID
    elsewhere: UUID

    async def media(self, kind: str, of: str = "alice", status: str = "ready") -> UUID:
        await self.pg.execute(MEDIA, id_ := uuid7(),
                              of, kind, status)  # fmt: skip
        return id_

    async def post(self, of: str, shown_to: str) -> UUID:
        await self.pg.execute(POST, id_ := uuid7(), of, shown_to)
        return id_

    async def messages(self, client: Client | None = None) -> list[Message]:
        asked = ReadHistory(conversation_id=self.conversation_id)
        return (await (client or self.bob).call(asked)).messages

    def asked(self, **beyond: object) -> SendMessage:
        known = {"conversation_id": self.conversation_id, "message_id": uuid7()}
        return SendMessage.model_validate(known | beyond)


@asynccontextmanager
async def talking(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[Talk]:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "mallory")
        async with (
            user(one, "alice") as alice,
            user(two, "alice") as alice_too,
            user(two, "bob") as bob,
            user(one, "mallory") as mallory,
        ):
            talk = await open_conversation(alice, "bob")
            elsewhere = await open_conversation(alice, "mallory")
            yield Talk(pg, one, two, alice, alice_too, bob, mallory, talk, elsewhere)


def user_id(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def test_what_one_of_two_messages_with_the_same_id_uses_stays_when_the_other_is_deleted(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        asked = talk.asked(message_type="image", media_ids=[await talk.media("image")])
        other = asked.model_copy(update={"conversation_id": talk.elsewhere})
        uses = "select count(*) from media_refs where subject_id = $1"
        async with oracle(talk.alice, talk.alice_too, talk.bob, talk.mallory):
            for request in (asked, other):
                await talk.alice.call(request)
            for request, left in ((asked, 1), (other, 0)):
                which = {"conversation_id": request.conversation_id, "message_id": asked.message_id}
                await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
                assert await pg.fetchval(uses, asked.message_id) == left


@pytest.mark.parametrize(
    ("message_type", "kinds"),
    [
        ("image", ["image", "gif", "sticker"]),
        ("image", ["image"] * 20),
        ("video", ["video", "image"]),
        ("audio", ["audio"]),
        ("voice_note", ["voice_note"]),
    ],
)
async def test_attachments_are_told_and_read_with_the_message(
    settings: Settings, pg: asyncpg.Connection, message_type: str, kinds: list[str]
) -> None:
    async with talking(settings, pg) as talk:
        media = [await talk.media(kind) for kind in kinds]
        asked = talk.asked(message_type=message_type, media_ids=media)
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            with talk.bob.inbox() as inbox:
                sent = await talk.alice.call(asked)
                (event,) = await created(inbox, 1)
            assert await talk.alice_too.call(asked) == sent, "a retry"
        (read,) = await talk.messages()
        (listed,) = (await talk.bob.call(ListConversations())).conversations
        assert event.message == read == listed.last_message
        assert (read.message_type, read.content) == (message_type, "")
        assert read.attachments is not None
        assert [(a.media_id, a.kind) for a in read.attachments] == list(
            zip(media, kinds, strict=True)
        )
        first = read.attachments[0]
        assert (first.width, first.height, first.duration_ms, first.blurhash) == (
            4,
            3,
            1500,
            "LEHV6n",
        )
        assert (first.bytes, first.content_type) == (9, f"x/{kinds[0]}")
        wave = base64.b64decode(first.waveform or "")
        assert wave == (b"\x00\x10\xff" if message_type == "voice_note" else b"")
        used = "select media_id from media_refs where subject_type = 'message' and subject_id = $1"
        assert {row[0] for row in await pg.fetch(used, asked.message_id)} == set(media)
        async with oracle(talk.alice, talk.bob):
            which = {"conversation_id": talk.conversation_id, "message_id": asked.message_id}
            await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
        (gone,) = await talk.messages()
        assert (gone.is_deleted, gone.attachments) == (True, None)
        assert await pg.fetch(used, asked.message_id) == []
        assert await talk.alice.call(asked) == sent, "also of what was deleted since"


async def test_a_caption_is_edited_and_what_is_attached_stays(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        sent = await talk.alice.send(
            talk.conversation_id,
            "a cta",
            message_type="image",
            media_ids=[await talk.media("image")],
        )
        which = {"conversation_id": talk.conversation_id, "message_id": sent.message_id}
        async with oracle(talk.alice, talk.bob):
            edit = EditMessage(op_id=uuid7(), base_rev=1, content="a cat", **which)
            await talk.alice.call(edit)
        (read,) = await talk.messages()
        assert (read.content, len(read.attachments or ())) == ("a cat", 1)


async def test_a_post_is_shared_by_who_may_see_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        public = await talk.post("mallory", "public")
        private = await talk.post("mallory", "private")
        archived = await talk.post("mallory", "public")
        await pg.execute("update posts set is_archived = true where post_id = $1", archived)
        shares = [
            talk.asked(message_type="post_share", post_id=post)
            for post in (private, public, archived, NOBODY)
        ]
        async with oracle(talk.alice, talk.bob):
            results = await send_all(talk.alice, *shares)
        assert codes(results) == ["not_found", "sent", "not_found", "not_found"]
        assert field(results[0]) == "post_id"
        (read,) = await talk.messages()
        assert (read.message_type, read.post_id) == ("post_share", public)


async def test_an_answer_shows_what_it_answers_as_that_is_now(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            first = await say(talk.alice, talk.conversation_id, "ä" * 300)
            await talk.bob.send(talk.conversation_id, "yes", reply_to=first.message_id)
        _, answer = await talk.messages()
        assert answer.reply_to is not None
        quote = answer.reply_to
        assert (quote.message_id, quote.seq, quote.excerpt) == (first.message_id, 1, "ä" * 200)
        assert (quote.sender_id, quote.is_deleted) == (user_id(talk.alice), False)
        which = {"conversation_id": talk.conversation_id, "message_id": first.message_id}
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice.call(EditMessage(op_id=uuid7(), base_rev=1, content="no", **which))
        _, answer = await talk.messages()
        assert answer.reply_to is not None
        assert (answer.reply_to.excerpt, answer.rev) == ("no", 2), "the answer has not changed"
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
        (listed,) = (await talk.bob.call(ListConversations())).conversations
        assert listed.last_message is not None
        assert listed.last_message.reply_to == quote.model_copy(
            update={"excerpt": "", "is_deleted": True}
        )


async def test_an_answer_may_be_in_the_batch_of_what_it_answers(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        first = message(talk.conversation_id, "first")
        answer = talk.asked(content="second", reply_to=first.message_id)
        refused = talk.asked(content="shared", message_type="post_share", post_id=NOBODY)
        to_refused = talk.asked(content="third", reply_to=refused.message_id)
        hidden = await say(talk.bob, talk.conversation_id, "hidden by alice")
        await pg.execute(HIDE, talk.conversation_id, hidden.seq, user_id(talk.alice))
        taken = message(talk.conversation_id, "a name that is taken", hidden.message_id)
        to_taken = talk.asked(content="fourth", reply_to=taken.message_id)
        unsent = refused, to_refused, taken, to_taken
        async with oracle(talk.alice, talk.bob):
            async with held(pg, talk.conversation_id):
                opener = asyncio.create_task(say(talk.alice, talk.conversation_id, "opener"))
                sending = asyncio.create_task(send_all(talk.alice, first, answer, *unsent))
            not_found = ["not_found"] * 2
            assert codes(await sending) == ["sent", "sent", *not_found, "conflict", "not_found"]
            await opener
        seen = [m.content for m in await talk.messages(talk.alice)]
        assert seen == ["opener", "first", "second"]


async def test_an_answer_to_what_one_does_not_see_is_refused_and_its_batch_is_not(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        group = uuid7()
        asked = CreateGroup(conversation_id=group, title="Tea", usernames=["mallory"])
        await talk.alice.call(asked)
        early = await say(talk.alice, group, "before bob")
        invite = AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7())
        await talk.alice.call(invite)
        other = await say(talk.alice, talk.elsewhere, "of another conversation")
        hidden = await say(talk.alice, talk.conversation_id, "hidden by bob")
        await pg.execute(HIDE, talk.conversation_id, hidden.seq, user_id(talk.bob))
        wrong = [
            talk.asked(content="x", reply_to=other.message_id),
            talk.asked(content="x", reply_to=NOBODY),
            talk.asked(content="x", reply_to=hidden.message_id),
            talk.asked(conversation_id=group, content="x", reply_to=early.message_id),
        ]
        async with oracle(talk.alice, talk.bob, talk.mallory):
            results = await companions(talk, talk.bob, *wrong)
        assert codes(results) == ["not_found"] * 4
        assert {field(result) for result in results} == {"reply_to"}
        of_alice = talk.asked(conversation_id=group, content="x", reply_to=early.message_id)
        await talk.alice.call(of_alice)


async def test_a_mention_counts_when_it_is_of_a_member(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        alice, bob, mallory = map(user_id, (talk.alice, talk.bob, talk.mallory))
        asked = talk.asked(content="@bob", mentions=[mallory, bob, NOBODY, alice])
        async with oracle(talk.alice, talk.bob, talk.mallory):
            await talk.alice.call(asked)
        (read,) = await talk.messages()
        assert read.mentions == [bob, alice]
        kept = await pg.fetch("select seq, user_id from message_mentions")
        assert {tuple(row) for row in kept} == {(1, bob), (1, alice)}
        await talk.alice.call(talk.asked(content="@mallory", mentions=[mallory]))
        assert (await talk.messages())[1].mentions is None
        which = {"conversation_id": talk.conversation_id, "message_id": asked.message_id}
        async with oracle(talk.alice, talk.bob):
            await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
        assert (await talk.messages())[0].mentions is None
        assert await pg.fetch("select from message_mentions") == []


async def test_what_is_forwarded_is_copied_and_says_so(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        media = [await talk.media("image", of="mallory") for _ in range(2)]
        said = await talk.mallory.send(
            talk.elsewhere, "look", message_type="image", media_ids=media
        )
        origin = Origin(conversation_id=talk.elsewhere, message_id=said.message_id)
        async with oracle(talk.alice, talk.alice_too, talk.bob, talk.mallory):
            sent = await talk.alice.send(talk.conversation_id, forwarded_from=origin)
        (read,) = await talk.messages()
        assert (read.content, read.message_type, read.forwarded) == ("look", "image", True)
        assert [a.media_id for a in read.attachments or ()] == media
        which = {"conversation_id": talk.elsewhere, "message_id": said.message_id}
        await talk.mallory.call(DeleteMessage(op_id=uuid7(), **which))
        assert (await talk.messages()) == [read], "it is alice's by now"
        copied = {"conversation_id": talk.conversation_id, "message_id": sent.message_id}
        edit = EditMessage(op_id=uuid7(), base_rev=1, content="I never said that", **copied)
        with pytest.raises(LuminaError, match="forbidden"):
            await talk.alice.call(edit)
        again = talk.asked(message_id=sent.message_id, forwarded_from=origin.model_dump())
        assert await talk.alice.call(again) == sent, "a retry, though its origin is gone"


async def test_what_one_cannot_see_or_is_not_for_others_is_not_forwarded(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        secret = await say(talk.mallory, talk.elsewhere, "for alice")
        gone = await say(talk.alice, talk.conversation_id, "gone")
        which = {"conversation_id": talk.conversation_id, "message_id": gone.message_id}
        await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
        ends = await talk.alice.send(talk.conversation_id, "ends", expires_after_s=60)
        group = uuid7()
        created = CreateGroup(conversation_id=group, title="Tea", usernames=["bob"])
        note = (await talk.alice.call(created)).conversation.last_message
        assert note is not None
        left = await say(talk.alice, group, "before bob left")
        leave = RemoveMember(conversation_id=group, user_id=user_id(talk.bob), op_id=uuid7())
        here = talk.conversation_id
        origins = [
            (talk.elsewhere, secret.message_id, "not_found"),
            (here, secret.message_id, "not_found"),
            (NOBODY, NOBODY, "not_found"),
            (here, gone.message_id, "gone"),
            (here, ends.message_id, "forbidden"),
            (group, note.message_id, "forbidden"),
        ]
        wrong = [
            talk.asked(forwarded_from={"conversation_id": where, "message_id": id_})
            for where, id_, _ in origins
        ]
        async with oracle(talk.alice, talk.bob):
            results = await companions(talk, talk.bob, *wrong)
        assert codes(results) == [code for *_, code in origins]
        assert {field(result) for result in results} == {"forwarded_from"}
        await talk.bob.call(leave)
        late = talk.asked(forwarded_from={"conversation_id": group, "message_id": left.message_id})
        assert codes(await companions(talk, talk.bob, late)) == ["not_found"]


async def test_media_must_be_ones_own_ready_and_of_the_kind(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        good = await talk.media("image")
        wrong = [
            (await talk.media("image", of="bob"), "not_found"),
            (await talk.media("image", status="deleted"), "not_found"),
            (NOBODY, "not_found"),
            (await talk.media("image", status="processing"), "invalid"),
            (await talk.media("image", status="failed"), "invalid"),
            (await talk.media("voice_note"), "invalid"),
        ]
        asked = [talk.asked(message_type="image", media_ids=[good, id_]) for id_, _ in wrong]
        async with oracle(talk.alice, talk.bob):
            results = await companions(talk, talk.alice, *asked)
        assert codes(results) == [code for _, code in wrong]
        assert {field(result) for result in results} == {"media_ids"}


async def test_the_same_id_with_anything_else_is_a_conflict(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        first = await say(talk.bob, talk.conversation_id, "first")
        asked = talk.asked(content="hello", reply_to=first.message_id)
        sent = await talk.alice.call(asked)
        assert await talk.alice_too.call(asked) == sent
        for other in (
            talk.asked(message_id=asked.message_id, content="hello"),
            talk.asked(message_id=asked.message_id, content="hello", expires_after_s=5),
            talk.asked(message_id=asked.message_id, content="bye", reply_to=first.message_id),
        ):
            with pytest.raises(LuminaError, match="conflict"):
                await talk.alice.call(other)
        plain = message(talk.conversation_id, "plain")
        sent = await talk.alice.call(plain)
        said_so = plain.model_dump() | {"message_type": "text", "media_ids": [], "mentions": []}
        assert await talk.alice.call(SendMessage.model_validate(said_so)) == sent


ONE, TWO = [uuid7(), uuid7()]


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"message_type": "image", "media_ids": [uuid7() for _ in range(21)]}, "media_ids"),
        ({"message_type": "image", "media_ids": [ONE, ONE]}, "media_ids"),
        ({"message_type": "image"}, "media_ids"),
        ({"message_type": "voice_note", "media_ids": [ONE, TWO]}, "media_ids"),
        ({"content": "x", "media_ids": [ONE]}, "media_ids"),
        ({"message_type": "voice_note", "media_ids": [ONE], "waveform": "////"}, "waveform"),
        ({"message_type": "system", "content": "x"}, "message_type"),
        ({"message_type": "post_share"}, "post_id"),
        ({"content": "x", "post_id": ONE}, "post_id"),
        ({"content": "x", "mentions": [uuid7() for _ in range(51)]}, "mentions"),
        ({"content": ""}, "content"),
        ({}, "content"),
        ({"content": "x", "forwarded_from": {"conversation_id": ONE}}, "forwarded_from"),
        (
            {"content": "x", "forwarded_from": {"conversation_id": ONE, "message_id": ONE}},
            "content",
        ),
        (
            {"reply_to": ONE, "forwarded_from": {"conversation_id": ONE, "message_id": ONE}},
            "forwarded_from",
        ),
        ({"content": "x", "expires_after_s": 31_536_001}, "expires_after_s"),
        ({"content": "x", "expires_at": 1, "expires_after_s": 5}, "expires_after_s"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_field(
    wrong: dict[str, object], at: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        SendMessage.model_validate({"conversation_id": ONE, "message_id": TWO, **wrong})
    assert refused.value.errors()[0]["loc"][0] == at


def field(result: MessageSent | BaseException) -> str | None:
    return result.body.field if isinstance(result, LuminaError) else None


async def companions(
    talk: Talk, client: Client, *wrong: SendMessage
) -> list[MessageSent | BaseException]:
    """What becomes of these in one batch, between good ones, which are committed."""
    where = wrong[0].conversation_id
    good = [message(where, f"good {i}") for i in range(2)]
    async with held(talk.pg, where):
        opener = asyncio.create_task(say(client, where, "opener"))
        sending = asyncio.create_task(send_all(client, good[0], *wrong, good[1]))
    first, *results, last = await sending
    await opener
    assert codes([first, last]) == ["sent", "sent"]
    seqs = [r.seq for r in (first, last) if isinstance(r, MessageSent)]
    assert seqs[1] == seqs[0] + 1, "nothing was kept of those between"
    return results

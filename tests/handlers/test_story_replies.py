"""Replies to stories: messages that carry the story, as long as it is there."""

from __future__ import annotations

import asyncio
from uuid import UUID

from lumina_protocol.blocks import BlockUser
from lumina_protocol.conversations import ConversationCreated, ListConversations
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.messages import DeleteMessage, Message, Origin, ReadHistory, SendMessage
from lumina_protocol.settings import ChangeSettings
from lumina_protocol.stories import GetStories
from lumina_protocol.story_highlights import CreateHighlight
from lumina_protocol.story_replies import ReplyToStory

from lumina_rt.client import Client
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_stories import House, delete, house
from tests.house import created, open_conversation, say, user
from tests.locks import awaited
from tests.oracle import oracle

__all__ = ["house"]
NOTIFIED = """
select group_key from notification_causes join users using (user_id) where username = 'alice'"""


def answer(story_id: UUID, content: str = "Where is this?", **also: UUID) -> ReplyToStory:
    ids = {"op_id": uuid7(), "conversation_id": uuid7()} | also
    return ReplyToStory(story_id=story_id, content=content, **ids)


async def newest(client: Client, conversation_id: UUID) -> Message:
    asked = ReadHistory(conversation_id=conversation_id, limit=1)
    return (await client.call(asked)).messages[0]


async def notified(house: House) -> set[str]:
    """Of what the author is about to be."""
    return {row["group_key"] for row in await house.pg.fetch(NOTIFIED)}


async def test_a_reply_opens_the_conversation_and_carries_the_story(house: House) -> None:
    story_id = await house.tell()
    asked = answer(story_id)
    async with oracle(house.alice, house.alice_too, house.bob):
        with house.alice_too.inbox() as inbox:
            first, again = await asyncio.gather(*(house.bob.call(asked) for _ in "ab"))
            assert first == again
            assert await house.bob.call(asked) == first, "a retry"
            assert first.conversation_id == asked.conversation_id
            assert (first.message_id, first.seq) == (asked.op_id, 1)
            (told,) = await created(inbox, 1)
        (told_of,) = (await house.alice.call(GetStories(story_ids=[story_id]))).stories
        assert (told.message.message_type, told.message.content) == ("story_reply", asked.content)
        story = told.message.story
        assert story
        assert (story.story_id, story.user_id, story.is_gone) == (
            story_id, id_of(house.alice), False)  # fmt: skip
        assert told_of.attachment
        assert (story.media_id, story.expires_at) == (
            told_of.attachment.media_id, told_of.expires_at)  # fmt: skip
        assert told_of.view_count == 1, "who answers has seen it"
        assert await newest(house.bob, first.conversation_id) == told.message
        more = await house.bob.call(answer(story_id, "And when?"))
        assert (more.conversation_id, more.seq) == (first.conversation_id, 2)
        assert (await say(house.alice, first.conversation_id, "At home")).seq == 3
        other = asked.model_copy(update={"content": "Why?"})
        assert await refused(house.bob, other) == "conflict op_id"
    async with asyncio.timeout(10):
        while f"message:{first.conversation_id}" not in await notified(house):
            await asyncio.sleep(0.05)
    talks = (await house.alice.call(ListConversations())).conversations
    assert [(one.last_seq, one.unread) for one in talks] == [(3, 2)]


async def test_of_a_story_that_is_gone_nothing_is_left_in_its_replies(house: House) -> None:
    past, gone, kept = [await house.tell() for _ in range(3)]
    async with oracle(house.bob):
        with house.alice.inbox() as inbox:
            where = (await house.bob.call(answer(past))).conversation_id
            for story_id in (gone, kept):
                await house.bob.call(answer(story_id))
            assert all(one.message.story for one in await created(inbox, 3))
        asked = CreateHighlight(highlight_id=uuid7(), highlight_title="Sun", story_ids=[past])
        await house.alice.call(asked)
        await house.expire(past)
        await house.alice.call(delete(gone))
        page = (await house.alice.call(ReadHistory(conversation_id=where))).messages
        left = [m.story.model_dump(exclude_defaults=True) for m in page if m.story]
        assert left[:2] == [{"is_gone": True}] * 2
        assert left[2]["story_id"] == kept
        for story_id in (past, gone):
            assert await refused(house.bob, answer(story_id)) == "not_found story_id"
        origin = Origin(conversation_id=where, message_id=page[2].message_id)
        passed = SendMessage(conversation_id=where, message_id=uuid7(), forwarded_from=origin)
        assert await refused(house.bob, passed) == "forbidden forwarded_from"
        name = {"conversation_id": where, "message_id": page[2].message_id}
        await house.bob.call(DeleteMessage(op_id=uuid7(), **name))
        assert (await newest(house.alice, where)).story is None
    async with user(house.nodes[0], "bob") as fresh:
        assert [m.story for m in (await fresh.call(ReadHistory(conversation_id=where))).messages][
            :2
        ] == [m.story for m in page[:2]]


async def test_who_may_not_write_to_the_author_does_not_reply(house: House) -> None:
    story_id, close = await house.tell(visibility="public"), await house.tell()
    assert await refused(house.carol, answer(close)) == "not_found story_id"
    assert await refused(house.alice, answer(story_id)) == "forbidden story_id"
    taken = await open_conversation(house.alice, "bob")
    assert await refused(house.carol, answer(story_id, conversation_id=taken)) == (
        "conflict conversation_id")  # fmt: skip
    await house.alice.call(ChangeSettings(op_id=uuid7(), allow_messages_from="following"))
    with house.carol.inbox() as inbox, house.alice.inbox() as own:
        assert await refused(house.carol, answer(story_id)) == "not_accepted story_id"
        assert await refused(house.bob, answer(story_id)) == "not_accepted conversation_id"
        assert (await house.carol.call(ListConversations())).conversations == []
        await house.alice.call(ChangeSettings(op_id=uuid7(), allow_messages_from="everyone"))
        sent = await house.carol.call(answer(story_id))
        opened = [await next_personal(inbox, ConversationCreated) for inbox in (inbox, own)]
    assert [one.conversation.conversation_id for one in opened] == [sent.conversation_id] * 2
    assert [one.conversation.unread for one in opened] == [0, 1]
    await house.pg.execute("update users set staff_role = 'moderator' where username = 'carol'")
    await house.alice.call(BlockUser(user_id=id_of(house.carol), op_id=uuid7()))
    assert await refused(house.carol, answer(story_id)) == "not_found story_id"


async def next_personal(inbox: object, kind: type[PersonalEvent]) -> ConversationCreated:
    async with asyncio.timeout(10):
        async for news in inbox:  # type: ignore[attr-defined]
            if isinstance(news, kind):
                return news  # type: ignore[return-value]
    raise AssertionError("an inbox does not end")


async def test_a_block_or_the_end_of_the_story_at_that_moment(house: House) -> None:
    """What comes first wins, and nothing is left of a reply that was refused."""
    lock = "select from stories where story_id = $1 for no key update"
    for what in ("expires", "deleted", "blocked"):
        story_id = await house.tell(visibility="public")
        async with oracle(house.carol):
            async with house.pg.transaction():
                await house.pg.execute(lock, story_id)
                reply = asyncio.create_task(house.carol.call(answer(story_id)))
                await awaited(house.pg)
                match what:
                    case "expires":
                        await house.expire(story_id)
                    case "deleted":
                        await house.pg.execute(
                            "update stories set is_deleted = true, deleted_at = now()"
                            " where story_id = $1", story_id)  # fmt: skip
                    case "blocked":  # waits for the pair, which the reply has
                        block = BlockUser(user_id=id_of(house.carol), op_id=uuid7())
                        blocking = asyncio.create_task(house.alice.call(block))
            found = (await asyncio.gather(reply, return_exceptions=True))[0]
            if what == "blocked":
                await blocking
                assert not isinstance(found, BaseException), "it came first"
                assert await refused(house.carol, answer(story_id)) == "not_found story_id"
            else:
                assert "no such story" in str(found)
                assert (await house.carol.call(ListConversations())).conversations == []

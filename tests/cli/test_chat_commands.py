"""The commands of `lumina chat` in a real conversation: what one types, both see."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import click
import pytest
from lumina_protocol.conversations import Conversation, TellTyping
from lumina_protocol.errors import LuminaError, NotFound
from lumina_protocol.fields import uuid7
from lumina_protocol.members import RemoveMember
from lumina_protocol.messages import Message

from lumina_rt.cli import chat_list
from lumina_rt.cli.chat import Wanted, enter_all, find
from lumina_rt.cli.chat_commands import COMMANDS, Left, Wrong, enter
from lumina_rt.cli.chat_input import OwnTyping
from lumina_rt.cli.chat_screen import Screen
from lumina_rt.cli.chat_status import status
from lumina_rt.cli.chat_talk import Talk
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import PASSWORD, created, nodes, open_conversation, register, say

LIMIT_S = 10


@dataclass
class Desk:
    """A conversation as one of them has it open."""

    talk: Talk
    changes: asyncio.Event

    async def types(self, *lines: str) -> None:
        """Each of them, and waits until what it does is on the screen."""
        async with asyncio.timeout(LIMIT_S):
            for line in lines:
                await self.talk.until(await enter(self.talk, line))

    async def comes(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not so():
                self.changes.clear()
                await self.changes.wait()

    async def sees(self, seq: int, **wanted: object) -> Message:
        """The message on the screen, once it has these fields."""
        kept = self.talk.messages
        await self.comes(
            lambda: seq in kept and all(getattr(kept[seq], k) == v for k, v in wanted.items())
        )
        return kept[seq]

    async def is_told(self, words: str) -> None:
        """In the line below the prompt."""
        await self.comes(lambda: words in status(self.talk))


@dataclass
class House:
    """alice and bob, on a node each; carol is nobody's contact yet."""

    alice: Client
    bob: Client
    carol: Client


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol")
        homes = {"alice": one, "bob": two, "carol": one}
        clients = [
            Client(node.url, username=name, password=PASSWORD, receipts=True)
            for name, node in homes.items()
        ]
        yield House(*[await stack.enter_async_context(client) for client in clients])


@asynccontextmanager
async def desk(client: Client, conversation: Conversation) -> AsyncIterator[Desk]:
    """Sits at it until the block ends."""
    changes = asyncio.Event()
    talk = Talk(client, conversation, Screen(conversation, numbers=True), changes.set)
    tasks = [asyncio.create_task(each) for each in (talk.live(20), talk.keep_reading())]
    try:
        async with asyncio.timeout(LIMIT_S):
            await talk.begun.wait()
        yield Desk(talk, changes)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, LuminaError):
                await task


@asynccontextmanager
async def both(house: House) -> AsyncIterator[tuple[Desk, Desk]]:
    """alice and bob in their direct conversation."""
    conversation = await chat_list.with_somebody(house.alice, "bob")
    async with desk(house.alice, conversation) as alice, desk(house.bob, conversation) as bob:
        yield alice, bob


async def wrong(desk: Desk, line: str) -> str:
    with pytest.raises(Wrong) as refused:
        await enter(desk.talk, line)
    return str(refused.value)


def moods(message: Message) -> list[tuple[str, int]]:
    return [(each.reaction, each.count) for each in message.reactions or []]


async def test_messages_are_answered_reacted_to_edited_pinned_and_deleted(house: House) -> None:
    async with both(house) as (alice, bob):
        await alice.types("hello", "//shrug")
        assert (await bob.sees(2)).content == "/shrug"
        await bob.types("/reply 1 hi", "/react #1 Curious", "/pin 1")
        answer = await alice.sees(3, content="hi")
        assert answer.reply_to
        assert (answer.reply_to.seq, answer.reply_to.excerpt) == (1, "hello")
        await alice.sees(1, rev=5)
        assert moods(alice.talk.messages[1]) == [("curious", 1)]
        assert alice.talk.messages[1].pinned_at
        await alice.types("/edit 1 hello you", "/unpin 1")
        await bob.sees(1, content="hello you", pinned_at=None)
        await bob.types("/react 1 none", "/delete 3")
        assert moods(await alice.sees(1, reactions=None)) == []
        await alice.sees(3, is_deleted=True, content="")


async def test_what_is_hidden_found_muted_and_listed_is_told(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with both(house) as (alice, bob):
        await bob.types("train at nine", "\x1b[31m train")
        await alice.sees(2)
        await alice.types("/search train", "/members", "/mute 8", "/help", "/hide 1")
        await alice.is_told("muted until")
        await alice.types("/unmute")
        await alice.comes(lambda: "muted" not in status(alice.talk))
        assert "hidden this message before" in await wrong(alice, "/hide 1")
    out = capsys.readouterr().out
    assert "-- 2 found" in out
    assert "\x1b" not in out
    assert re.search(r"\n-- bob \((online|offline|unknown)\)\n", out)
    assert "-- alice (you)" in out
    assert "-- deleted for you: 1" in out
    for each in COMMANDS.values():
        assert f"-- {each.usage} " in out
        assert each.example in out


async def test_the_line_below_the_prompt_tells_who_is_here_types_and_has_read(
    house: House,
) -> None:
    conversation = await chat_list.with_somebody(house.alice, "bob")
    asked = TellTyping(conversation_id=conversation.conversation_id)
    async with desk(house.alice, conversation) as alice:
        with house.bob.inbox() as inbox:
            await alice.types("are you there")
            await created(inbox, 1)
            await alice.is_told("1 delivered to bob")
        async with desk(house.bob, conversation) as bob:
            await alice.is_told("1 read by bob")
            await house.bob.call(asked)
            await alice.is_told("bob is typing")
            await bob.types("yes")
            await alice.sees(2)
            assert "typing" not in status(alice.talk)


async def test_who_shows_only_to_those_they_write_to_is_online_when_they_write(
    house: House,
) -> None:
    group = await chat_list.new_group(house.carol, "Tea", ["bob"])
    async with desk(house.carol, group) as carol, both(house) as (alice, bob):
        await carol.is_told("online: bob")
        assert "online" not in status(alice.talk)
        await bob.types("here I am")
        await alice.is_told("online: bob")


WRONG = {
    "/dance": "there is no /dance: /help lists what there is; //dance sends it as it is",
    "/reply": "write /reply N TEXT, as in: /reply 12 see you there",
    "/reply hello": "write /reply N TEXT, as in: /reply 12 see you there",
    "/reply 1": "write /reply N TEXT, as in: /reply 12 see you there",
    "/reply \u0663 hello": "write /reply N TEXT, as in: /reply 12 see you there",
    "/edit 7 new": "there is no message 7 here: its number is the one before it",
    "/delete 1 2": "write /delete N, as in: /delete 12",
    "/react 1 happy": "write /react N and one of inspired, grateful, curious, excited, ",
    "/add carol": "this is a conversation of two: `lumina chat --new-group` opens a group",
    "/leave": "a conversation of two cannot be left: /mute silences it, ",
    "/mute long": "write /mute [HOURS], as in: /mute 8",
    "/mute 0": "write 1 to 8784 hours, or /mute without them: for ever",
    "/search": "write /search WORDS, as in: /search train tickets",
}


async def test_a_wrong_line_says_what_to_type_instead(house: House) -> None:
    async with both(house) as (alice, _):
        await alice.types("hello")
        for line, told in WRONG.items():
            assert (await wrong(alice, line)).startswith(told)
        await alice.types("/react 1 curious")
        assert moods(alice.talk.messages[1]) == [("curious", 1)], "nothing is broken by it"


async def test_what_the_server_refuses_is_one_line_that_says_what_to_do(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lines(*typed: str) -> AsyncIterator[str]:
        for line in typed:
            yield line

    async with both(house) as (alice, bob):
        await bob.types("mine", "/delete 1", "mine too")
        await alice.sees(2)
        capsys.readouterr()
        typed = ["/edit 2 no", "/pin 1", "x" * 4001, "/add", "/reply 2 done"]
        await enter_all(alice.talk, lines(*typed), OwnTyping(alice.talk.tell_typing))
        assert (await alice.sees(3)).content == "done"
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("!!")]
    assert told == [
        "!! not done: This message is somebody else's. /hide N takes a message away for you alone.",
        "!! not done: This message was deleted. Nothing can be done with it any more; "
        "/hide N takes it away for you.",
        "!! not done: a message has 1 to 4,000 characters",
        "!! write /add NAME ..., as in: /add carol dave",
    ]


async def test_a_group_is_opened_found_by_its_title_grows_and_is_left(house: House) -> None:
    group = await chat_list.new_group(house.alice, "Film club", ["bob"])
    for name in ("film CLUB ", str(group.conversation_id)):
        assert (await chat_list.called(house.bob, name)).conversation_id == group.conversation_id
    async with desk(house.alice, group) as alice, desk(house.bob, group) as bob:
        await alice.types("/add carol", "welcome")
        await bob.comes(lambda: len(bob.talk.members) == 3)
        assert "they are in this group already" in await wrong(alice, "/add carol bob")
        with pytest.raises(LuminaError, match="dave"):
            await enter(alice.talk, "/add dave")
        with pytest.raises(Left):
            await enter(bob.talk, "/leave")
        await alice.comes(lambda: len(alice.talk.members) == 2)
    with pytest.raises(click.ClickException, match="you are in no group Film club"):
        await chat_list.called(house.bob, "Film club")


async def test_who_is_sent_away_is_told_and_sees_nothing_more(house: House) -> None:
    group = await chat_list.new_group(house.alice, "Film club", ["bob"])
    assert house.bob.ready
    talk = Talk(house.bob, group, Screen(group))
    living = asyncio.create_task(talk.live(20))
    async with asyncio.timeout(LIMIT_S):
        await talk.begun.wait()
        await house.alice.call(
            RemoveMember(
                conversation_id=group.conversation_id,
                user_id=house.bob.ready.user_id,
                op_id=uuid7(),
            )
        )
        with pytest.raises(NotFound, match="not in this conversation"):
            await living


async def test_without_a_name_one_chooses_from_the_list(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lines() -> AsyncIterator[str]:
        for line in ("7", "nobody", "2", "not asked for"):
            yield line

    with pytest.raises(click.ClickException, match="--with NAME begins one"):
        await find(house.alice, Wanted(), lines())
    first = await open_conversation(house.alice, "bob")
    await say(house.alice, first, "older")
    await chat_list.new_group(house.carol, "Film club", ["alice"])
    typed = lines()
    conversation = await find(house.alice, Wanted(), typed)
    assert conversation
    assert conversation.conversation_id == first
    assert await anext(typed) == "not asked for", "the rest of the lines is for the conversation"
    out = capsys.readouterr().out
    assert out.count("!! write a number from 1 to 2") == 2
    assert "alice: older" in out

"""Search: what is found, by whom, and where it is marked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import DeleteMessage, EditMessage, MessageSent
from lumina_protocol.search import SearchMessages, SearchPage

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle

NAMES = ("alice", "bob", "carol")


@dataclass
class House:
    clients: dict[str, Client]
    talk: UUID
    """Between alice and bob."""

    def id(self, name: str) -> UUID:
        ready = self.clients[name].ready
        assert ready
        return ready.user_id

    async def say(self, name: str, content: str, talk: UUID | None = None) -> MessageSent:
        return await say(self.clients[name], talk or self.talk, content)

    async def search(self, name: str, query: str, **filters: object) -> SearchPage:
        asked = SearchMessages.model_validate({"query": query, **filters})
        return await self.clients[name].call(asked)

    async def found(self, name: str, query: str, **filters: object) -> list[str]:
        page = await self.search(name, query, **filters)
        return [hit.message.content for hit in page.hits]

    async def marked(self, query: str, content: str, **filters: object) -> list[str]:
        """What is marked in the one message that is found."""
        (hit,) = (await self.search("bob", query, **filters)).hits
        assert hit.message.content == content
        return [content[start:end] for start, end in hit.highlights]

    async def refused(self, name: str, query: str, **filters: object) -> str:
        with pytest.raises(LuminaError) as refused:
            await self.search(name, query, **filters)
        return f"{refused.value.body.code} {refused.value.body.field}"

    async def group(self, *others: str) -> UUID:
        asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=list(others))
        await self.clients["alice"].call(asked)
        return asked.conversation_id


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(nodes(settings, 2, requests_burst=10**9))
        await register(both[0], *NAMES)
        clients = {
            name: await stack.enter_async_context(user(both[turn % 2], name))
            for turn, name in enumerate(NAMES)
        }
        yield House(clients, await open_conversation(clients["alice"], "bob"))


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def test_what_was_just_said_is_found_the_newest_first(house: House) -> None:
    async with oracle(*house.clients.values()):
        for content in ("green tea", "coffee", "black tea"):
            await house.say("alice", content)
        page = await house.search("bob", "tea")
    assert [hit.message.content for hit in page.hits] == ["black tea", "green tea"]
    assert [hit.highlights for hit in page.hits] == [[(6, 9)], [(6, 9)]]
    assert page.cursor is None
    assert page.hits[0].message.sender_id == house.id("alice")
    assert await house.found("carol", "tea") == []


SAID = "Red wine", "white wine", "red car", "a car with wine: red"
QUERIES: list[tuple[str, Sequence[int]]] = [
    ("red wine", (0, 3)),
    ("WINE  Red", (0, 3)),
    ('"red wine"', (0,)),
    ("wine -red", (1,)),
    ("-red wine", (1,)),
    ('wine -"red wine"', (1, 3)),
    ("white or car", (1, 2, 3)),
    ("white OR car -wine", (1, 2)),
    ("win", (0, 1, 3)),
    ("win ", ()),
    ("w", ()),
    ("a ", (3,)),
    ('"wine red', (3,)),
    ("'); drop table messages; --wine", ()),
    ("wine:*", (0, 1, 3)),
    ("red & wine", (0, 3)),
    ("red | wine", (0, 3)),
    ("!red", (0, 2, 3)),
    ("(red", (0, 2, 3)),
    ("red <-> wine", (0, 3)),
    ("or red or", (0, 2, 3)),
    ("red\\", (0, 2, 3)),
    ("% _ red", (0, 2, 3)),
]


async def test_words_quotes_minus_and_or(house: House) -> None:
    for content in SAID:
        await house.say("alice", content)
    for query, which in QUERIES:
        expected = [SAID[number] for number in reversed(which)]
        assert await house.found("bob", query) == expected, query


@pytest.mark.parametrize(
    "query", [" ", "-", '"', '""', "or", "OR or", "-tea", '-"a b"', "👋", "&|!"]
)
async def test_a_query_without_a_word_is_refused(house: House, query: str) -> None:
    assert await house.refused("alice", query) == "invalid query"


async def test_many_operators_harm_nobody(house: House) -> None:
    await house.say("alice", "tea")
    for query in ('tea "' * 40, "tea or " * 28, "-" * 190 + " tea", "(" * 190 + "tea", "a " * 100):
        await house.search("bob", query)
    for query in ("x" * 10_000, "a\0b", ""):
        with pytest.raises(ValueError, match="query"):
            SearchMessages(query=query)
    assert await house.found("bob", "tea") == ["tea"]


@pytest.mark.parametrize(
    ("said", "query", "marked"),
    [
        ("Ça va, José?", "jose", ["José"]),
        ("Ça va, José?", "ÇA", ["Ça"]),
        ("e\u0301te\u0301 2026", "été", ["e\u0301te\u0301"]),
        ("Всё хорошо", "все", ["Всё"]),
        ("ο ΣΟΦΟΣ", "σοφος", ["ΣΟΦΟΣ"]),
        ("明日は東京に行く", "東京", ["東", "京"]),
        ("see https://example.com/tea_house?x=1", "example", ["example"]),
        ("see https://example.com/tea_house?x=1", "tea_house ", ["tea", "house"]),
        ("well-known 3.14", "known", ["known"]),
        ("नमस्ते दुनिया", "दुनिया", ["दुनिया"]),
        ("안녕하세요 여러분", "안녕", ["안녕하세요"]),
        ("👋🏽 hello 👋 Hello", "hello", ["hello", "Hello"]),
        ("ﬁne ＴＥＡ", "fine tea", ["ﬁne", "ＴＥＡ"]),
        ("مرحبا بالعالم", "مرحبا", ["مرحبا"]),
        ("<b>bold</b> & <script>", "bold", ["bold"]),
    ],
)
async def test_many_scripts(house: House, said: str, query: str, marked: list[str]) -> None:
    await house.say("alice", "something else")
    await house.say("alice", said)
    assert await house.marked(query, said) == marked


@pytest.mark.parametrize(
    ("language", "said", "query", "marked"),
    [
        ("en", "We run, she runs; a runner", "running ", ["run", "runs", "runner"]),
        ("en", "happiness", "happy ", ["happiness"]),
        ("de", "viele Häuser", "hauses ", ["Häuser"]),
        ("fr", "nous mangeons", "manger ", ["mangeons"]),
        ("ru", "старые книги", "книга ", ["книги"]),
        ("en", "to be or not", "be ", ["be"]),
    ],
)
async def test_stems(house: House, language: str, said: str, query: str, marked: list[str]) -> None:
    await house.say("alice", said)
    assert await house.marked(query, said, language=language) == marked
    quoted = f'"{query.strip()}"'
    assert await house.found("bob", quoted, language=language) == ([said] if query == "be " else [])


async def test_filters(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    sent = [
        await house.say("alice", "tea one"),
        await house.say("bob", "tea two"),
        await house.say("bob", "tea three", group),
    ]
    moments = [message.created_at for message in sent]
    await pg.execute("update messages set media_ids = array[message_id] where seq = 1")
    assert await house.found("alice", "tea") == ["tea three", "tea two", "tea one"]
    assert await house.found("alice", "tea", conversation_id=group) == ["tea three"]
    bob = house.id("bob")
    assert await house.found("alice", "tea", from_user_id=bob) == ["tea three", "tea two"]
    assert await house.found("alice", "tea", from_user_id=uuid7()) == []
    assert await house.found("alice", "tea", has_media=True) == ["tea one"]
    assert await house.found("alice", "tea", has_media=False) == ["tea three", "tea two"]
    assert "tea three" not in await house.found("alice", "tea", before=moments[2])
    assert "tea one" not in await house.found("alice", "tea", after=moments[0])
    assert await house.found("alice", "tea", before=moments[0]) == []
    assert await house.found("alice", "tea", after=moments[2]) == []


async def test_page_after_page_has_everything_once(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    for number in range(7):
        await house.say("alice", f"tea {number}", group if number % 3 else None)
    await pg.execute("update messages set created_at = '2026-01-01'")  # all at once
    for limit in (1, 2, 3, 7, 50):
        seen, cursor = [], None
        while True:
            page = await house.search("bob", "tea", limit=limit, cursor=cursor)
            seen += [hit.message.content for hit in page.hits]
            if (cursor := page.cursor) is None:
                break
            assert len(page.hits) == limit
        assert sorted(seen) == [f"tea {number}" for number in range(7)], limit


async def test_a_page_of_long_messages_is_cut_and_goes_on(house: House) -> None:
    for number in range(12):
        await house.say("alice", f"tea{number} " + "👋" * 3980)
    first = await house.search("bob", "tea", limit=50)
    assert first.cursor
    assert 0 < len(first.hits) < 12
    rest = await house.search("bob", "tea", limit=50, cursor=first.cursor)
    assert len(first.hits) + len(rest.hits) == 12
    assert rest.cursor is None


async def test_nothing_is_found_of_what_was_deleted_or_edited_away(house: House) -> None:
    alice, talk = house.clients["alice"], house.talk
    edited, deleted = await house.say("alice", "secret one"), await house.say("alice", "secret two")
    which = {"conversation_id": talk, "message_id": edited.message_id, "op_id": uuid7()}
    await alice.call(EditMessage(**which, base_rev=edited.rev, content="harmless"))
    gone = {"conversation_id": talk, "message_id": deleted.message_id, "op_id": uuid7()}
    await alice.call(DeleteMessage.model_validate(gone))
    for name in ("alice", "bob"):
        assert await house.found(name, "secret") == []
        assert await house.found(name, "harmless") == ["harmless"]


async def test_nothing_is_found_that_has_expired_or_is_hidden(
    house: House, pg: asyncpg.Connection
) -> None:
    await house.say("alice", "tea one")
    await house.say("alice", "tea two")
    await house.say("alice", "tea three")
    expire = (
        "update messages set is_ephemeral = true, created_at = now() - interval '1 hour',"
        " expires_at = now() + $2::text::interval where seq = $1"
    )
    await pg.execute(expire, 1, "-1 second")
    await pg.execute(expire, 2, "1 hour")
    hide = "insert into message_hides (conversation_id, seq, user_id) values ($1, 3, $2)"
    await pg.execute(hide, house.talk, house.id("bob"))
    assert await house.found("bob", "tea") == ["tea two"]
    assert await house.found("alice", "tea") == ["tea three", "tea two"]


async def test_who_was_away_finds_what_was_said_while_they_were_there(house: House) -> None:
    alice, group = house.clients["alice"], await house.group("bob", "carol")
    away = {"conversation_id": group, "user_id": house.id("bob"), "op_id": uuid7()}
    await house.say("alice", "tea before", group)
    await alice.call(RemoveMember.model_validate(away))
    await house.say("alice", "tea meanwhile", group)
    assert await house.found("bob", "tea") == []
    assert await house.refused("bob", "tea", conversation_id=group) == "not_found conversation_id"
    await alice.call(AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7()))
    await house.say("alice", "tea after", group)
    assert await house.found("bob", "tea") == ["tea after", "tea before"]
    assert await house.found("carol", "tea") == ["tea after", "tea meanwhile", "tea before"]
    assert await house.found("bob", "added") == [], "notes are not searched"


async def test_nobody_else_s_conversation_is_searched(house: House) -> None:
    await house.say("alice", "tea between us")
    for talk in (house.talk, uuid7()):
        refused = await house.refused("carol", "tea", conversation_id=talk)
        assert refused == "not_found conversation_id"
    assert await house.found("carol", "tea", cursor=[2**53 - 1, house.talk, 2**53 - 1]) == []
    assert await house.found("carol", "tea", from_user_id=house.id("alice")) == []


async def test_searches_are_limited(settings: Settings) -> None:
    few = settings.model_validate({**settings.model_dump(), "limit_search": "1/60s burst 2"})
    async with opened(few) as house:
        await house.search("bob", "tea")
        await house.search("bob", "tea")
        assert (await house.refused("bob", "tea")).startswith("rate_limited")

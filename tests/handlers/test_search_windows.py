"""Search for words that very many messages have: by windows of time, until all was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import chain
from uuid import UUID

import asyncpg
import pytest

from lumina_rt.config import Settings
from tests.handlers.test_search import House, opened

MANY = 5200
"""More than are looked for whosesoever they are (0053_search_windows.sql)."""
SAID = """
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest,
                      created_at)
select $1, gen_random_uuid(), n, n, $2,
       'tea' || case when n % 50 = 0 then ' milk ' else ' ' end || n,
       decode(md5('x'), 'hex'), now() - make_interval(secs => 1800 * ($3 - n))
from generate_series(1, $3) n"""


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    """Alice and bob have spoken of tea for months, and of milk now and then."""
    async with opened(settings) as house:
        await pg.execute(SAID, house.talk, house.id("alice"), MANY)
        yield house


async def all_pages(house: House, name: str, query: str, **filters: object) -> list[list[str]]:
    pages, cursor = [], None
    for _ in range(200):
        page = await house.search(name, query, cursor=cursor, **filters)
        pages.append([hit.message.content for hit in page.hits])
        if (cursor := page.cursor) is None:
            return pages
    raise AssertionError("it does not end")


def milky(*, above: int = 0) -> list[str]:
    return [f"tea milk {n}" for n in range(MANY, above, -1) if n % 50 == 0]


async def test_each_is_found_once_the_newest_first(house: House) -> None:
    for query in ("tea milk", '"tea milk"'):
        pages = await all_pages(house, "bob", query, limit=50)
        assert [*chain(*pages)] == milky(), query
    pages = await all_pages(house, "bob", "tea", limit=50)
    assert [len(page) for page in pages[:-1]] == [50] * (MANY // 50 - 1)
    assert [page.split()[-1] for page in [*chain(*pages)]] == [str(n) for n in range(MANY, 0, -1)]


async def test_a_page_without_hits_goes_on_and_says_how_far_it_has_looked(
    house: House, pg: asyncpg.Connection
) -> None:
    await pg.execute("update messages set content = 'tea and honey' where seq = 7")
    sent = await pg.fetchval("select to_ms(created_at) from messages where seq = 7")
    first = await house.search("bob", "honey tea", limit=5)
    assert first.cursor is None, "few have honey: nothing is left"
    assert [hit.message.content for hit in first.hits] == ["tea and honey"]
    phrase = await house.search("bob", '"tea 1"')
    assert phrase.cursor is None
    await pg.execute("update messages set content = content || ' honey' where seq <> 7")
    page = await house.search("bob", '"and honey" or "honey tea"')
    assert page.hits == []
    assert page.cursor
    assert page.cursor[0] > sent
    pages = await all_pages(house, "bob", '"and honey" or "honey tea"')
    assert pages[0] == []
    assert [*chain(*pages)] == ["tea and honey"]


async def test_windows_keep_to_the_filters(house: House, pg: asyncpg.Connection) -> None:
    moment = "select to_ms(created_at) from messages where seq = $1"
    after, before = [await pg.fetchval(moment, seq) for seq in (1000, 4000)]
    pages = await all_pages(house, "bob", "tea", after=after, before=before, limit=50)
    found = [content.split()[-1] for content in [*chain(*pages)]]
    assert found == [str(n) for n in range(3999, 1000, -1)]
    await pg.execute("update messages set sender_id = $1 where seq = 3", house.id("bob"))
    bob: dict[str, object] = {"from_user_id": house.id("bob"), "conversation_id": house.talk}
    assert [*chain(*await all_pages(house, "alice", "tea", **bob))] == ["tea 3"]


async def test_of_what_others_have_said_nothing_is_found(house: House) -> None:
    assert await all_pages(house, "carol", "tea") == [[]]
    group = await house.group("carol")
    await house.say("alice", "tea for carol", group)
    await house.say("alice", "tea too", group)
    assert await all_pages(house, "carol", "tea") == [["tea too", "tea for carol"]]
    assert await all_pages(house, "carol", "tea", limit=1) == [["tea too"], ["tea for carol"]]


async def test_very_many_of_one_moment_are_found_once(house: House, pg: asyncpg.Connection) -> None:
    await pg.execute("update messages set created_at = '2026-01-01'")
    found = [*chain(*await all_pages(house, "bob", "tea milk", limit=50))]
    assert sorted(found) == sorted(milky())


async def test_what_is_hidden_is_passed_over(house: House, pg: asyncpg.Connection) -> None:
    hide = "insert into message_hides (conversation_id, seq, user_id) values ($1, $2, $3)"
    bob: UUID = house.id("bob")
    for seq in (MANY, 50):
        await pg.execute(hide, house.talk, seq, bob)
    pages = await all_pages(house, "bob", "tea milk", limit=50)
    assert [*chain(*pages)] == milky()[1:-1]

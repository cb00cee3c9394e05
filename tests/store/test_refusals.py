"""What the schema does not take is an error with a field, whatever a model let through."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import Conflict, IdTime, Invalid, LuminaError, NotFound
from lumina_protocol.fields import uuid7

from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.store.queries import parse

POST = parse(
    "t.post",
    """insert into posts (post_id, user_id, post_type, caption, latitude, longitude, visibility,
                          duration_seconds, quoted_post_id)
       values (:post_id, :user_id, :post_type, :caption, :latitude, :longitude, :visibility,
               :duration_seconds, :quoted_post_id)""",
)
STORY = parse(
    "t.story",
    """insert into stories (story_id, user_id, media_id, media_type, expires_at)
       values (:story_id, :user_id, :media_id, 'image', :expires_at)""",
)
MEBIBYTE = 1 << 20


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    pool = await store.connect(database_url, size=2)
    try:
        yield Db(pool, lambda emitted: None)
    finally:
        await store.close(pool, within=5)


@pytest.fixture
async def alice(pg: asyncpg.Connection) -> UUID:
    return UUID(
        str(
            await pg.fetchval(
                "insert into users (user_id, username, username_key, password_hash)"
                " values (gen_random_uuid(), 'alice', 'alice', '') returning user_id"
            )
        )
    )


async def post(db: Db, author: UUID, **changes: Any) -> None:
    given = {
        "post_id": uuid7(), "user_id": author, "post_type": "text", "caption": "hello",
        "latitude": None, "longitude": None, "visibility": "public", "duration_seconds": None,
        "quoted_post_id": None,
    }  # fmt: skip
    async with db.tx() as tx:
        await tx.run(POST, **(given | changes))


def id_made(at: datetime) -> UUID:
    milliseconds = int(at.timestamp() * 1000).to_bytes(6, "big")
    return UUID(bytes=milliseconds + uuid7().bytes[6:])


REFUSED: dict[str, tuple[dict[str, Any], str | None]] = {
    "text with NUL": ({"caption": "a\0b"}, None),
    "a caption of 10 MiB": ({"caption": "x" * 10 * MEBIBYTE}, "caption"),
    "a caption of one too many": ({"caption": "é" * 2201}, "caption"),
    "north of the pole": ({"latitude": 90.1, "longitude": 0}, "latitude"),
    "west of the date line": ({"latitude": 0, "longitude": -180.1}, "longitude"),
    "no number": ({"latitude": "NaN", "longitude": 0}, "latitude"),
    "too many digits": ({"latitude": 10**9, "longitude": 0}, None),
    "half a place": ({"latitude": 1}, "place has both coordinates"),
    "an unknown type": ({"post_type": "song"}, "valid post type"),
    "an unknown visibility": ({"visibility": "nobody"}, "visibility"),
    "custom for nobody": ({"visibility": "custom"}, "custom has its audience"),
    "less than no time": ({"duration_seconds": -1}, "duration_seconds"),
    "no type at all": ({"post_type": None}, "post_type"),
}


@pytest.mark.parametrize("why", REFUSED)
async def test_a_bad_post_is_refused_with_the_column(
    db: Db, alice: UUID, pg: asyncpg.Connection, why: str
) -> None:
    changes, about = REFUSED[why]
    with pytest.raises(Invalid) as refused:
        await post(db, alice, **changes)
    body = refused.value.body
    assert body.field == about or (body.field is None and about and about in body.message)
    assert len(refused.value.body.message) < 200
    assert await pg.fetchval("select count(*) from posts") == 0


async def test_the_longest_caption_and_the_corners_of_the_world_are_kept(
    db: Db, alice: UUID, pg: asyncpg.Connection
) -> None:
    await post(db, alice, caption="é" * 2200, latitude=-90, longitude=180)
    kept = await pg.fetchrow("select char_length(caption), latitude, longitude from posts")
    assert kept is not None
    assert [int(value) for value in kept] == [2200, -90, 180]


@pytest.mark.parametrize("off", [timedelta(days=-7, seconds=-5), timedelta(minutes=5, seconds=5)])
async def test_an_id_of_another_time_is_refused(db: Db, alice: UUID, off: timedelta) -> None:
    with pytest.raises(IdTime) as refused:
        await post(db, alice, post_id=id_made(datetime.now(UTC) + off))
    assert refused.value.body.field == "post_id"


@pytest.mark.parametrize("off", [timedelta(days=-6, hours=-23), timedelta(minutes=4)])
async def test_an_id_of_about_now_is_taken(
    db: Db, alice: UUID, pg: asyncpg.Connection, off: timedelta
) -> None:
    await post(db, alice, post_id=id_made(datetime.now(UTC) + off))
    assert await pg.fetchval("select tableoid::regclass::text ~ '^posts_2' from posts")


@pytest.mark.parametrize("id_", [UUID(int=0), UUID("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d")])
async def test_an_id_that_has_no_time_is_refused(db: Db, alice: UUID, id_: UUID) -> None:
    with pytest.raises(IdTime):
        await post(db, alice, post_id=id_)


@pytest.mark.parametrize(
    "expires_at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)
async def test_times_far_away_are_refused(db: Db, alice: UUID, expires_at: datetime) -> None:
    media = await _picture(db, alice)
    with pytest.raises(Invalid):
        async with db.tx() as tx:
            await tx.run(
                STORY, story_id=uuid7(), user_id=alice, media_id=media, expires_at=expires_at
            )


async def test_what_is_there_twice_or_not_there_is_said(db: Db, alice: UUID) -> None:
    twice = uuid7()
    await post(db, alice, post_id=twice)
    with pytest.raises(Conflict):
        await post(db, alice, post_id=twice)
    with pytest.raises(NotFound):
        await post(db, uuid7())


async def test_a_wrong_statement_stays_a_fault_of_ours(db: Db) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with db.read() as tx:
            await tx.run(parse("t.wrong", "select * from nothing_of_that_name"))


async def test_reads_are_refused_alike(db: Db) -> None:
    with pytest.raises(LuminaError) as refused:
        async with db.read() as tx:
            await tx.run(parse("t.cast", "select :text::text::uuid"), text="no id")
    assert refused.value.body.code == Invalid.code


async def _picture(db: Db, owner: UUID) -> UUID:
    media = uuid7()
    insert = """insert into media_objects (media_id, user_id, kind, content_type, bytes, sha256)
                values (:media_id, :user_id, 'image', 'image/png', 1, sha256(''))"""
    async with db.tx() as tx:
        await tx.run(parse("t.picture", insert), media_id=media, user_id=owner)
    return media


async def test_what_is_logged_of_an_error_has_no_values_in_it(db: Db, alice: UUID) -> None:
    """Postgres tells the whole row that it refuses, and it may have secrets in it."""
    with pytest.raises(Invalid) as refused:
        await post(db, alice, caption="a secret", visibility="nobody")
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with db.statement() as tx:
            await tx.run(POST, post_id=uuid7(), user_id=alice, post_type="text", caption="a secret",
                         latitude=None, longitude=None, visibility="nobody", duration_seconds=None,
                         quoted_post_id=None)  # fmt: skip
    for error in (refused.value.__cause__, caught.value):
        assert "violates check constraint" in str(error)
        assert "a secret" not in "".join(traceback.format_exception_only(error))

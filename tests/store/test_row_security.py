"""What a login as lumina_app sees and may do, table by table: the second fence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import pytest

from lumina_rt.dev.engines import Engines
from tests.store.fences import LIVE, SECRETS, SEES, VIEWERS, WRITES, NoAccess, Own, Sees
from tests.store.seeded import changed, everything, insert_rows, names

Denied = asyncpg.InsufficientPrivilegeError
NoRowsBehind = asyncpg.ObjectNotInPrerequisiteStateError
"""Of a view that shows no table's own rows."""
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

RELATIONS = """
select c.relname, c.relkind::text as kind, c.relispartition as part from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname"""
WRITABLE = """
select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped
  and attgenerated = '' and attidentity <> 'a'"""
LAST = """
select attname from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped
  and attgenerated = '' and attidentity <> 'a'
order by has_column_privilege('lumina_app', attrelid, attnum, 'select') desc, attnum desc limit 1"""


@dataclass(slots=True)
class House:
    """A database with the rows; `owner` sees all of it."""

    owner: asyncpg.Connection
    called: dict[str, str]
    log_in: Callable[[str], Awaitable[asyncpg.Connection]]

    def id(self, name: str) -> str:
        return next(key for key, called in self.called.items() if called == name)

    async def relations(self, kinds: str, *, parts: bool = False) -> list[str]:
        found = await self.owner.fetch(RELATIONS)
        return [row["relname"] for row in found if row["kind"] in kinds and row["part"] is parts]

    async def seen(self, conn: asyncpg.Connection, relation: str, by: str) -> list[str]:
        """What the rows that this connection sees are called."""
        columns = ", ".join(f"{column}::text" for column in by.split(", "))
        rows = await conn.fetch(f"select concat_ws('/', {columns}) from {relation}")
        return sorted(
            UUID.sub(lambda found: self.called.get(found[0], found[0]), row[0]) for row in rows
        )


@pytest.fixture
async def house(
    running_engines: Engines, database_url: str, pg: asyncpg.Connection
) -> AsyncIterator[House]:
    await insert_rows(pg)
    called = await names(pg)
    url = running_engines.database_url(urlsplit(database_url).path[1:], user="lumina_app")
    async with AsyncExitStack() as stack:

        async def log_in(viewer: str) -> asyncpg.Connection:
            conn = await asyncpg.connect(url)
            stack.push_async_callback(conn.close)
            if viewer != "nobody":
                await conn.execute("select set_config('app.user_id', $1, false)", ids[viewer])
            return conn

        ids = {name: key for key, name in called.items()}
        yield House(pg, called, log_in)


async def rows_of(house: House, table: str, by: str, viewer: str) -> list[str]:
    """What the fence `Own` lets a viewer see, looked up by the owner."""
    if viewer == "nobody":
        return []
    found = await house.owner.fetch(
        f"select {by}::text from {table} where {by} = $1", house.id(viewer)
    )
    return [house.called[row[0]] for row in found]


def test_every_verb_on_every_table_is_accounted_for() -> None:
    assert all(not isinstance(SEES[table], NoAccess) for table in [*WRITES, *SECRETS])


async def test_each_relation_has_its_fence_in_the_list(house: House) -> None:
    assert await house.relations("rp") == sorted(SEES)
    assert await house.relations("vmf") == sorted(LIVE)


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_each_viewer_sees_these_rows_of_each_table_and_no_others(
    house: House, viewer: str
) -> None:
    conn = await house.log_in(viewer)
    wrong = {}
    for table, fence in SEES.items():
        if isinstance(fence, NoAccess):
            with pytest.raises(Denied):
                await conn.fetch(f"select 1 from {table}")
            continue
        if isinstance(fence, Own):
            seen = await house.seen(conn, table, fence.column)
            expected = await rows_of(house, table, fence.column, viewer)
            assert viewer != "alice" or expected, f"{table}: alice has none to see"
        else:
            seen, expected = await house.seen(conn, table, fence.by), fence.rows(viewer)
        if seen != expected:
            wrong[table] = (seen, expected)
    assert wrong == {}


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_each_viewer_sees_no_more_through_a_view(house: House, viewer: str) -> None:
    conn = await house.log_in(viewer)
    for view, shows in LIVE.items():
        if shows is None:
            with pytest.raises(Denied):
                await conn.fetch(f"select 1 from {view}")
            continue
        table, hidden = shows
        fence = SEES[table]
        assert isinstance(fence, Sees)
        expected = [name for name in fence.rows(viewer) if name not in hidden]
        assert await house.seen(conn, view, fence.by) == expected, view


@pytest.mark.parametrize("viewer", ["alice", "nobody"])
async def test_no_partition_can_be_reached_past_its_table(house: House, viewer: str) -> None:
    conn = await house.log_in(viewer)
    parts = await house.relations("rp", parts=True)
    assert len(parts) > 60
    for part in parts:
        for attack in (
            f"select 1 from {part}",
            f"delete from {part}",
            f"insert into {part} default values",
        ):
            with pytest.raises(Denied):
                await conn.execute(attack)


@pytest.mark.parametrize("viewer", ["mallory", "nobody"])
async def test_a_stranger_changes_and_removes_nothing_of_others(house: House, viewer: str) -> None:
    before = await everything(house.owner)
    conn = await house.log_in(viewer)
    reached = {}
    for relation in [*SEES, *LIVE]:
        column = await house.owner.fetchval(LAST, relation)
        attacks = [f"update {relation} set {column} = {column}", f"delete from {relation}"]
        if relation in SEES:
            attacks.append(f"truncate {relation}")
        for attack in attacks:
            if said := await attempt(conn, attack):
                reached[attack] = said
    own = (
        {}
        if viewer == "nobody"
        else {"update user_settings set show_metrics = show_metrics": "UPDATE 1"}
    )
    assert reached == own
    gone = [
        row for row in await changed(house.owner, before) if house.id("mallory") not in repr(row)
    ]
    assert gone == []


async def attempt(conn: asyncpg.Connection, attack: str) -> str:
    """What it did; nothing when it was refused or no row was in its reach."""
    try:
        said = await conn.execute(attack)
    except (Denied, NoRowsBehind):
        return ""
    return "" if said.endswith(" 0") else said


async def json_row(house: House, table: str, where: str = "true") -> str:
    """One of alice's, if there is one that names her."""
    row: str = await house.owner.fetchval(
        f"select to_jsonb(t)::text from {table} t where {where}"
        " order by to_jsonb(t)::text like $1 desc limit 1",
        f"%{house.id('alice')}%",
    )
    return row


async def insert(house: House, conn: asyncpg.Connection, table: str, row: str) -> str:
    columns = await house.owner.fetchval(WRITABLE, table)
    return await conn.execute(
        f"insert into {table} ({columns})"
        f" select {columns} from jsonb_populate_record(null::{table}, $1::text::jsonb)",
        row,
    )


@pytest.mark.parametrize("viewer", ["mallory", "bob", "nobody"])
async def test_nobody_inserts_in_the_name_of_others(house: House, viewer: str) -> None:
    conn = await house.log_in(viewer)
    reached = []
    for table in SEES:
        row = await json_row(house, table)
        try:
            reached.append((table, await insert(house, conn, table, row)))
        except Denied:
            continue
    assert reached == []


@asynccontextmanager
async def undone(conn: asyncpg.Connection) -> AsyncIterator[None]:
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def test_users_do_with_their_own_rows_what_they_may(house: House) -> None:
    alice = await house.log_in("alice")
    for table, may in WRITES.items():
        row = await json_row(house, table, may.removable)
        async with undone(alice):
            if "update" in may.verbs:
                await updates(house, alice, table)
            if "delete" in may.verbs:
                said = await alice.execute(f"delete from {table} where {may.removable}")
                assert said not in ("", "DELETE 0"), table
            if "insert" in may.verbs:
                assert await insert(house, alice, table, row) == "INSERT 0 1", table


async def updates(house: House, alice: asyncpg.Connection, table: str) -> None:
    """All that she sees and owns, and not into somebody else's."""
    column = await house.owner.fetchval(LAST, table)
    mine = await house.owner.fetchval(
        f"select count(*) from {table} where user_id = $1", house.id("alice")
    )
    assert mine > 0, table
    assert await alice.execute(f"update {table} set {column} = {column}") == f"UPDATE {mine}"
    with pytest.raises(Denied):
        async with alice.transaction():
            await alice.execute(f"update {table} set user_id = $1", house.id("bob"))


async def test_what_is_granted_is_what_is_listed(house: House) -> None:
    granted = await house.owner.fetch(
        "select table_name, lower(privilege_type) from information_schema.role_table_grants"
        " where grantee = 'lumina_app' and privilege_type <> 'SELECT' and table_schema = 'public'"
    )
    listed = {(table, verb) for table, may in WRITES.items() for verb in may.verbs.split()}
    assert {tuple(row) for row in granted} == listed


@pytest.mark.parametrize("table", SECRETS)
async def test_secret_columns_are_read_by_nobody(house: House, table: str) -> None:
    alice = await house.log_in("alice")
    for column in SECRETS[table].split():
        for relation in (
            table,
            *(view for view, shows in LIVE.items() if shows and shows[0] == table),
        ):
            with pytest.raises((Denied, asyncpg.UndefinedColumnError)):
                await alice.fetch(f"select {column} from {relation}")
    with pytest.raises(Denied):
        await alice.fetch(f"select * from {table}")
    with pytest.raises(Denied):
        await alice.fetch(f"select to_jsonb(t) from {table} t")


async def test_every_table_is_fenced_and_no_partition_is_granted(house: House) -> None:
    open_tables = await house.owner.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition and not relrowsecurity"
    )
    assert [row["relname"] for row in open_tables] == ["schema_migrations"]
    granted = await house.owner.fetch(
        "select relname from pg_class c, aclexplode(c.relacl) a"
        " where relispartition and a.grantee <> c.relowner"
    )
    assert [row["relname"] for row in granted] == []
    views = await house.owner.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'"
        " and not coalesce('security_invoker=true' = any (reloptions), false)"
    )
    assert [row["relname"] for row in views] == []

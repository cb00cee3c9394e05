"""What Postgres says about itself, and whether a promise can be kept on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_rt.findings import Finding
from lumina_rt.store import migrate
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Conn, Pool, Row

OLDEST, NEWEST = 15, 18
EMBEDDED = "lumina-embedded"
"""The cluster_name that lumina_rt.dev gives to the Postgres it starts."""

FACTS = """
select current_setting('server_version') as version,
       current_setting('server_version_num')::int / 10000 as major,
       current_setting('cluster_name') as cluster_name,
       current_setting('server_encoding') as encoding,
       pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as read_only,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit,
       current_user as role,
       (select rolsuper from pg_roles where rolname = current_user) as superuser,
       exists (select from pg_class
               where relnamespace = to_regnamespace('public') and relkind in ('r', 'p')
                 and pg_has_role(relowner, 'member')) as owner,
       coalesce(has_table_privilege(to_regclass('public.schema_migrations'), 'select')
                and has_table_privilege(to_regclass('public.outbox'), 'insert'), true) as serves"""
STRAYS = query("partitions.strays")
CANNOT_SERVE = (
    "it may not read and write what a node does; put lumina_writer, whom the migrations make, "
    "into LUMINA_DATABASE_URL"
)


async def examine(pool: Pool, *, production: bool, code: str) -> list[Finding]:
    """`code` is the version of this server, compared with the schema's min_code."""
    async with pool.acquire() as conn:
        row = await conn.fetchrow(FACTS)
        assert row is not None
        inside = await _inside(conn, code) if row["serves"] else []
    return [
        _engine(row, production),
        _encoding(row),
        *_durability(row, production),
        _role(row, production),
        *inside,
    ]


async def _inside(conn: Conn, code: str) -> list[Finding]:
    try:
        status = await migrate.status(conn, migrate.load())
    except migrate.MigrationError as error:
        return [Finding("schema", "does not fit", str(error))]
    schema = _schema(status, code)
    return [schema] if schema.problem else [schema, *await _strays(conn)]


def _engine(row: Row, production: bool) -> Finding:
    value = f"PostgreSQL {row['version']}"
    if row["read_only"]:
        problem = "it only reads (a standby?); set LUMINA_DATABASE_URL to the primary"
        return Finding("postgres", f"{value}, read-only", problem)
    if row["cluster_name"] == EMBEDDED:
        problem = (
            "this is the embedded engine, which is for development; "
            "set LUMINA_DATABASE_URL to a Postgres of your own"
        )
        return Finding("postgres", f"{value}, embedded", problem if production else "")
    if not OLDEST <= row["major"] <= NEWEST:
        problem = f"Lumina is tested on {OLDEST} to {NEWEST}; use one of these"
        return Finding("postgres", value, problem, fatal=row["major"] < OLDEST)
    return Finding("postgres", value)


def _encoding(row: Row) -> Finding:
    problem = "" if row["encoding"] == "UTF8" else "create the database with encoding UTF8"
    return Finding("postgres encoding", row["encoding"], problem)


def _durability(row: Row, production: bool) -> list[Finding]:
    """Acknowledged means on disk: with these off, a power cut loses what was acknowledged."""
    off = [name for name in ("fsync", "full_page_writes") if row[name] == "off"]
    if row["synchronous_commit"] in ("off", "local"):
        off.append("synchronous_commit")
    if not off:
        return [Finding("postgres durability", "on")]
    problem = f"acknowledged writes can be lost; set {' and '.join(off)} to on"
    return [Finding("postgres durability", f"{', '.join(off)} off", problem, fatal=production)]


def _role(row: Row, production: bool) -> Finding:
    """A node only changes rows. Whoever may change the schema may also change the audit log."""
    if not row["serves"]:
        return Finding("postgres role", row["role"], CANNOT_SERVE)
    if row["superuser"]:
        value = f"{row['role']}, a superuser"
    elif row["owner"]:
        value = f"{row['role']}, who owns the tables"
    else:
        return Finding("postgres role", row["role"])
    problem = (
        "a node that is broken into could change the schema and the audit log; as the owner: "
        "alter role lumina_writer password '...', and put lumina_writer into LUMINA_DATABASE_URL "
        "of the nodes (only `lumina migrate` needs the owner)"
    )
    return Finding("postgres role", value, problem if production else "", fatal=False)


def _schema(status: migrate.Status, code: str) -> Finding:
    if status.pending:
        count = len(status.pending)
        return Finding(
            "schema", status.level, f"{count} migrations are missing; run: lumina migrate"
        )
    if migrate.version_tuple(code) < migrate.version_tuple(status.min_code):
        problem = f"the schema needs Lumina {status.min_code}, this is {code}; upgrade this node"
        return Finding("schema", status.level, problem)
    return Finding("schema", status.level)


async def _strays(conn: Conn) -> list[Finding]:
    """Rows that no partition was there for; a node works with them, and slower."""
    rows = [row for row in await conn.fetch(STRAYS.text) if row["strays"]]
    return [_stray(row["parent"], row["strays"]) for row in rows]


def _stray(parent: str, rows: int) -> Finding:
    more = " or more" if rows >= 1000 else ""
    problem = (
        f"they are in {parent}_default; a running node moves them within a minute. Rows that "
        "other tables refer to stay and are only read more slowly; see whether the clocks are right"
    )
    return Finding(f"partitions of {parent}", f"{rows}{more} rows astray", problem, fatal=False)

"""Transactions, and events that leave only when their transaction has committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import orjson
from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import Unavailable
from lumina_protocol.frame import Event, PersonalEvent

from lumina_rt.store.queries import Query, query
from lumina_rt.store.refusals import refusal
from lumina_rt.streams import own_stream

if TYPE_CHECKING:
    Row = asyncpg.Record
    Pool = asyncpg.Pool[Row]
    Conn = asyncpg.Connection[Row] | asyncpg.pool.PoolConnectionProxy[Row]


class StoreUnreachable(ConnectionError):
    """Postgres could not be connected to when the server started."""


@dataclass(slots=True)
class Emitted:
    """An event and the users whose live sessions get it."""

    to: tuple[UUID, ...]
    payload: bytes
    """A MessagePack EVENT frame."""
    place: tuple[UUID, int] | None = None
    """The stream, see lumina_rt/streams.py, and the rev in it. None: it is not kept."""
    blind: tuple[UUID, ...] = ()
    """Members who may not see it, and are told that this rev is nothing for them."""


Publish = Callable[[list[Emitted]], None]

# What a query raises when the database went away, or went into recovery, under it.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement met the server's last words on a dying connection
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,  # the others go on, and who asks again comes after them
    asyncpg.SerializationError,
)
HELD_UP = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
)
CONNECT_TIMEOUT_S = 5
LOCK = query("user_events.lock")
KEEP = query("user_events.keep")


@dataclass(slots=True)
class Tx:
    """One transaction. `query(**params)` is the whole storage API."""

    conn: Conn
    node_id: str = ""
    """Whose commits these are, for the outbox."""
    emitted: list[Emitted] = field(default_factory=list)
    _personal: list[tuple[PersonalEvent, list[UUID]]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)
    """To be called when it is committed, and only then."""
    changed: set[UUID] = field(default_factory=set)
    """Subjects that were touched."""

    async def one(self, query: Query, **params: object) -> Row:
        """The only row. Raises LookupError when there is none."""
        row = await self.maybe(query, **params)
        if row is None:
            raise LookupError(f"{query.name} found no row")
        return row

    async def maybe(self, query: Query, **params: object) -> Row | None:
        return await self.conn.fetchrow(query.text, *query.args(params))

    async def all(self, query: Query, **params: object) -> list[Row]:
        return await self.conn.fetch(query.text, *query.args(params))

    async def run(self, query: Query, **params: object) -> None:
        await self.conn.execute(query.text, *query.args(params))

    async def batches(self, query: Query, size: int, **params: object) -> AsyncIterator[list[Row]]:
        """All rows, `size` at a time, however many there are. Within a transaction."""
        cursor = await self.conn.cursor(query.text, *query.args(params))
        while rows := await cursor.fetch(size):
            yield rows

    def emit(
        self,
        event: Event,
        *,
        place: tuple[UUID, int],
        to: Iterable[UUID],
        blind: Iterable[UUID] = (),
    ) -> None:
        """Tell the live sessions of these members of a change of their conversation, after the
        commit and only then. The statement of the change has put its place into the outbox."""
        self.emitted.append(Emitted(tuple(to), MSGPACK.event(event), place, tuple(blind)))

    def whisper(self, event: Event, *, to: Iterable[UUID]) -> None:
        """Tell the live sessions of these users, after the commit, what may be lost: it has no
        place in any stream."""
        self.emitted.append(Emitted(tuple(to), MSGPACK.event(event)))

    def tell(self, event: PersonalEvent, *, to: Iterable[UUID]) -> None:
        """Put an event into the own stream of each of these users, and tell them, likewise."""
        self._personal.append((event, list(to)))

    def touched(self, *subject_ids: UUID) -> None:
        """The state of these things is another after the commit, or who may see it: those who watch
        them, on any node, are told what it is then, see lumina_rt/watching.py. Often enough is no
        harm: it is read a few times a second at most."""
        self.changed.update(subject_ids)

    def sees_changed(self, *user_ids: UUID) -> None:
        """What these users may see of others, or others of them, is different after the commit (a
        block, a follow that ends, a privacy setting, an audience): what they watch, and what is
        watched of them, is asked anew before anything more is told."""
        self.changed.update(map(own_stream, user_ids))

    async def keep_personal(self) -> None:
        """Number and keep what was told, as the last thing before the commit: it locks users, whom
        nobody locks before conversations."""
        if len(self._personal) > 1:
            everybody = {user_id for _, user_ids in self._personal for user_id in user_ids}
            await self.run(LOCK, user_ids=list(everybody))
        for event, user_ids in self._personal:
            body = event.model_dump(mode="json", exclude_none=True, exclude={"user_rev"})
            rows = await self.all(
                KEEP, user_ids=user_ids, event_type=event.type, body=body, node_id=self.node_id
            )
            for row in rows:
                numbered = event.model_copy(update={"user_rev": row["rev"]})
                place = own_stream(row["user_id"]), row["rev"]
                self.emit(numbered, place=place, to=[row["user_id"]])


@dataclass(slots=True)
class Db:
    """The pool, and the way out for events."""

    pool: Pool
    publish: Publish
    node_id: str = ""
    touch: Callable[[Collection[UUID]], None] = lambda subject_ids: None
    """Told what was touched, before anybody is told that it is done."""
    deadlocked: Callable[[Exception], None] = lambda error: None
    """Told of each transaction that Postgres has ended because it waited in a circle."""

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A READ COMMITTED transaction: commits when the block ends, rolls back when it raises.

        Raises Unavailable when Postgres is away: if that happens at the commit, the transaction
        is in doubt, and the client's ids make its retry safe. Raises what `refusal` makes of
        values that the schema does not take.
        """
        with self._refusing():
            async with self._tx() as tx, tx.conn.transaction():
                yield tx
                await tx.keep_personal()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Tx]:
        """A REPEATABLE READ transaction: all its statements see one moment. It tells nobody
        anything: who numbers events must see the newest.

        Raises as `tx` does.
        """
        with self._refusing():
            async with self._tx() as tx, tx.conn.transaction(isolation="repeatable_read"):
                yield tx

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Tx]:
        """For one statement that is a transaction by itself: one round trip instead of three.

        Raises Unavailable as `tx` does, and asyncpg's PostgresError as it comes, for the group
        commit to find whose fault it is.
        """
        with self._reached():
            async with self._tx() as tx:
                yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """One connection without a transaction: each statement sees the newest commits."""
        with self._refusing():
            async with self.pool.acquire(timeout=5) as conn:
                yield Tx(conn, self.node_id)

    @asynccontextmanager
    async def _tx(self) -> AsyncIterator[Tx]:
        """What was emitted leaves when the block has ended well."""
        async with self.pool.acquire(timeout=5) as conn:
            tx = Tx(conn, self.node_id)
            yield tx
            if tx.changed:
                self.touch(tx.changed)
            if tx.emitted:  # at once: giving the connection back may fail
                self.publish(tx.emitted)
            for call in tx.after:
                call()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        with self._reached():
            try:
                yield
            except AWAY:
                raise
            except asyncpg.PostgresError as error:
                conceal(error)
                if refused := refusal(error):
                    raise refused from error
                raise

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except AWAY as error:
            if isinstance(error, asyncpg.DeadlockDetectedError):
                self.deadlocked(error)
            raise _unavailable(error) from error
        except asyncpg.PostgresError as error:
            conceal(error)
            raise


def conceal(error: asyncpg.PostgresError) -> None:
    """What is logged of an error must not have values in it: Postgres tells the whole row that a
    check refuses, and with it what is secret."""
    error.detail = None


def held_up(error: Exception) -> bool:
    """Whether this Unavailable is about what was to be changed, which others hold or which takes
    too long, and not about Postgres, which goes on with everything else."""
    return isinstance(error, Unavailable) and isinstance(error.__cause__, HELD_UP)


def overtaken(error: Exception) -> bool:
    """Whether this Unavailable says that what a snapshot shows has been changed since: who looks
    again sees what became of it."""
    return isinstance(error.__cause__, asyncpg.SerializationError)


def _unavailable(error: Exception) -> Unavailable:
    """Raises asyncpg's DataError again: an InterfaceError too, but our fault, and no outage."""
    if isinstance(error, ValueError):
        raise error
    return Unavailable(retry_after_ms=1000)


async def connect(dsn: str, *, size: int, lock_timeout_ms: int = 1000) -> Pool:
    """A pool of `size` connections. Raises StoreUnreachable with the cause in a sentence."""
    with _reaching_out():
        return await asyncpg.create_pool(
            dsn,
            min_size=min(2, size),
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            init=_prepare_connection,
            reset=_keep_session,
            server_settings={
                "application_name": "lumina",
                "statement_timeout": "5000",
                "lock_timeout": str(lock_timeout_ms),
                "idle_in_transaction_session_timeout": "10000",
                # The cost of look-ups in 16 parts is guessed far too high: compiling takes seconds
                # for a query of one millisecond.
                "jit": "off",
            },
        )


async def connect_alone(dsn: str) -> asyncpg.Connection[Row]:
    """One connection, without a pool and its limits. Raises StoreUnreachable likewise."""
    with _reaching_out():
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)


@contextmanager
def _reaching_out() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnreachable(str(error) or type(error).__name__) from error
    except ValueError:  # asyncpg's, and it may quote the password
        raise StoreUnreachable("its URL has no host or port that can be read") from None


async def _prepare_connection(conn: Conn) -> None:
    await conn.set_type_codec(
        "jsonb",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        schema="pg_catalog",
        format="binary",
    )


async def _keep_session(conn: Conn) -> None:
    """Nothing here sets session state, so returning a connection need not cost a round trip,
    which might also fail when the commit has not."""


async def close(pool: Pool, *, within: float) -> None:
    """Let queries end; after `within` seconds, cut them off."""
    try:
        await asyncio.wait_for(pool.close(), within)
    except TimeoutError:
        pool.terminate()

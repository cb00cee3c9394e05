"""`lumina keys`, as an operator changes a key with it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import asyncpg
import pytest
from lumina_protocol.emails import RequestReset, SetEmail, VerifyEmail
from lumina_protocol.fields import email_key
from pydantic import SecretStr

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.keyring import Keyring, read_keys
from lumina_rt.letters import Letters
from lumina_rt.workers.rotation import BATCH, PLACES, count, rotate
from tests.cli.command import environment, lumina
from tests.house import PASSWORD, nodes, register
from tests.house import user as client_of
from tests.mailbox import PUBLIC_URL, mailbox, token_in
from tests.workers.rows import add, database, user

OLD = "old:" + "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1"
NEW = "new:" + "510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179"
OTHER = "other:" + "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89"


def ring(*keys: str) -> Keyring:
    return Keyring(read_keys(",".join(keys)))


def with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"encryption_keys": SecretStr(",".join(keys))})


async def keys(settings: Settings, *args: str) -> CompletedProcess[str]:
    assert settings.encryption_keys
    env = environment(
        environment="development",
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        secret=settings.secret.get_secret_value(),
        encryption_keys=settings.encryption_keys.get_secret_value(),
    )
    return await asyncio.to_thread(lumina, "keys", *args, env=env)


async def fill(settings: Settings, pg: asyncpg.Connection, keyring: Keyring, name: str) -> UUID:
    """One of each that is sealed. Returns whose they are."""
    user_id, device_id = await user(pg), uuid4()
    email, push_token = f"{name.title()}@example.com", f"push {name}"
    digest = hashlib.sha256(name.encode()).digest()
    await pg.execute(
        "update users set email = $2, email_index = $3 where user_id = $1", user_id,
        keyring.seal(email, "users.email", user_id), keyring.index(email_key(email)),
    )  # fmt: skip
    await add(
        pg, "devices", device_id=device_id, user_id=user_id, name="phone", platform="ios",
        push_token=keyring.seal(push_token, "devices.push_token", device_id),
        push_token_index=keyring.index(push_token),
    )  # fmt: skip
    await add(
        pg, "user_totp", user_id=user_id,
        secret=keyring.seal(f"totp {name}", "user_totp.secret", user_id),
    )  # fmt: skip
    await pg.execute(
        "insert into account_tokens (token_digest, user_id, purpose, email, expires_at)"
        " values ($1, $2, 'verify_email', $3, now() + interval '1 day')",
        digest, user_id, keyring.seal(email, "account_tokens.email", digest),
    )  # fmt: skip
    async with database(settings) as db, db.tx() as tx:
        await Letters(keyring, PUBLIC_URL).reset(tx, user_id, name, email, "token")
    return user_id


SEALED = """
select 'users.email', user_id::text, email from users where email is not null
union all select 'devices.push_token', device_id::text, push_token from devices
union all select 'user_totp.secret', user_id::text, secret from user_totp
union all select 'account_tokens.email', encode(token_digest, 'hex'), email from account_tokens
union all select 'mails.recipient', mail_id::text, recipient from mails
union all select 'mails.body', mail_id::text, body from mails"""


def row_key(text: str) -> UUID | bytes:
    return UUID(text) if "-" in text else bytes.fromhex(text)


async def opened(pg: asyncpg.Connection, keyring: Keyring) -> list[tuple[str, str, str]]:
    """All that is sealed, in the clear. Raises UnknownKey when a value is under another key."""
    return sorted(
        (column, row, keyring.open(sealed, column, row_key(row)))
        for column, row, sealed in await pg.fetch(SEALED)
    )


async def indexes(pg: asyncpg.Connection) -> set[bytes]:
    rows = await pg.fetch(
        "select email_index from users union all select push_token_index from devices"
    )
    return {row[0] for row in rows if row[0]}


async def test_all_that_is_sealed_is_sealed_anew_and_the_old_key_may_go(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    for name in ("alice", "bob"):
        await fill(settings, pg, ring(OLD), name)
    before = await opened(pg, ring(OLD))
    assert len(before) == 2 * len(PLACES)
    both = with_keys(settings, NEW, OLD)
    asked = await keys(both, "status")
    assert "old: 12 values are left; run: lumina keys rotate" in asked.stdout
    done = await keys(both, "rotate")
    assert done.returncode == 0, done.stderr
    assert "old: nothing is under it; when no node has it first, it may go" in done.stdout
    assert await opened(pg, ring(NEW)) == before
    values = [email_key(f"{n.title()}@example.com") for n in ("alice", "bob")]
    values += ["push alice", "push bob"]
    assert await indexes(pg) == {ring(NEW).index(value) for value in values}
    again = await keys(both, "rotate")
    assert again.stdout == done.stdout
    for secret in (OLD, NEW):
        assert secret.partition(":")[2] not in asked.stdout + done.stdout + done.stderr


async def test_the_status_counts_each_place_by_key(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await fill(settings, pg, ring(OLD), "alice")
    await fill(settings, pg, ring(NEW), "bob")
    await fill(settings, pg, ring(OTHER), "carol")
    asked = await keys(with_keys(settings, NEW, OLD), "status")
    lines = [line.split() for line in asked.stdout.splitlines()]
    other = ring(OTHER).first.head[1:].hex()
    assert lines[0] == ["what", "new", "old", other]
    assert lines[1:7] == [[place.column, "1", "1", "1"] for place in PLACES]
    assert f"{other}: 6 values cannot be read; its key is missing" in asked.stdout


async def test_what_cannot_be_opened_is_left_and_told(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await fill(settings, pg, ring(OTHER), "carol")
    alice = await fill(settings, pg, ring(OLD), "alice")
    await pg.execute("update user_totp set secret = secret || 'x'::bytea where user_id = $1", alice)
    done = await keys(with_keys(settings, NEW, OLD), "rotate")
    assert done.returncode == 1
    assert "not opened: 6 (key " in done.stderr
    assert "not opened: 1 (a value of user_totp.secret is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert "old: 1 values are left" in done.stdout
    async with database(settings) as db:
        counted = await count(db)
    assert counted["users.email"] == {ring(NEW).first.head: 1, ring(OTHER).first.head: 1}


async def test_it_goes_through_more_than_a_batch_and_may_be_cut_off(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    many = 2 * BATCH + 7
    for number in range(many):
        user_id = await user(pg)
        sealed = ring(OLD).seal(f"secret {number}", "user_totp.secret", user_id)
        await add(pg, "user_totp", user_id=user_id, secret=sealed)
    (place,) = [place for place in PLACES if place.column == "user_totp.secret"]

    class CutOff(Exception):
        pass

    def cut_off(done: object) -> None:
        raise CutOff

    async with database(settings, size=4) as db:
        with pytest.raises(CutOff):
            await rotate(db, ring(NEW, OLD), place, cut_off)
        counted = await count(db)
        assert counted[place.column][ring(NEW).first.head] == BATCH
        done = await rotate(db, ring(NEW, OLD), place, lambda done: None)
    assert (done.found, done.changed) == (many - BATCH, many - BATCH)
    rows = await opened(pg, ring(NEW))
    assert sorted(value for _, _, value in rows) == sorted(f"secret {n}" for n in range(many))


async def test_what_is_changed_meanwhile_is_not_overwritten(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    user_id = await fill(settings, pg, ring(OLD), "alice")
    newer = ring(NEW).seal("newer", "user_totp.secret", user_id)
    (place,) = [place for place in PLACES if place.column == "user_totp.secret"]

    async with database(settings, size=4) as db, pg.transaction():
        await pg.execute("update user_totp set secret = $1 where user_id = $2", newer, user_id)
        rotating = asyncio.create_task(rotate(db, ring(NEW, OLD), place, lambda done: None))
        waiting = "select exists (select from pg_locks where not granted)"
        async with asyncio.timeout(5):
            other = await asyncpg.connect(settings.database_url)
            while not await other.fetchval(waiting):
                await asyncio.sleep(0)
            await other.close()
    await rotating
    assert await pg.fetchval("select secret from user_totp") == newer


@asynccontextmanager
async def two_nodes(
    settings: Settings, changes: dict[str, object], *rings: tuple[str, ...]
) -> AsyncIterator[list[Node]]:
    """Each with keys of its own."""
    async with AsyncExitStack() as stack:
        yield [
            (await stack.enter_async_context(nodes(with_keys(settings, *keys), 1, **changes)))[0]
            for keys in rings
        ]


@pytest.mark.timeout(60)
async def test_nodes_go_on_through_a_change_of_the_key(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """Each stage with one node that has it and one that has not yet; no address is lost or given
    twice."""
    stages = [((OLD,), (OLD, NEW)), ((OLD, NEW), (NEW, OLD)), ((NEW, OLD), (NEW,))]
    async with mailbox() as box:
        for number, (first, second) in enumerate(stages):
            async with two_nodes(settings, box.changes, first, second) as (one, two):
                names = [f"user{number}a", f"user{number}b"]
                await register(one, *names)
                tokens = []
                for node, name in zip((one, two), names, strict=True):
                    async with client_of(node, name) as client:
                        await client.call(
                            SetEmail(email=f"same{number}@example.com", password=PASSWORD)
                        )
                    tokens.append(token_in(await box.next()))
                for node, token in zip((two, one), tokens, strict=True):
                    async with Client(node.url) as stranger:
                        await stranger.call(VerifyEmail(token=token))
                assert "belongs to your account" in (await box.next()).text
                async with Client(one.url) as stranger:
                    await stranger.call(RequestReset(email=f"same{number}@example.com"))
                assert "/reset-password#" in (await box.next()).text
            if number == 1:
                async with database(settings, size=4) as db:
                    for place in PLACES:
                        await rotate(db, ring(NEW, OLD), place, lambda done: None)
    assert await pg.fetchval("select count(*) from users where email is not null") == len(stages)


def test_a_new_key_is_a_line_for_the_settings() -> None:
    made = [lumina("keys", "new") for _ in range(2)]
    lines = [done.stdout.strip() for done in made]
    assert lines[0] != lines[1]
    for line in lines:
        name, _, value = line.partition("=")
        assert name == "LUMINA_ENCRYPTION_KEYS"
        assert len(read_keys(value)) == 1
    assert re.search(r"lumina keys rotate", made[0].stderr)


@pytest.mark.parametrize("command", ["new", "rotate", "status"])
def test_each_has_a_help(command: str) -> None:
    assert lumina("keys", command, "--help").returncode == 0

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import structlog.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lumina_rt.config import Settings
from lumina_rt.keyring import Keyring
from lumina_rt.letters import Letters
from lumina_rt.smtp import MailServer, read_sender, read_server
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import mailer as worker
from lumina_rt.workers.mailer import Mailer
from tests.mailbox import PUBLIC_URL, SENDER, Mailbox, mailbox
from tests.workers.rows import database, user

Log = list[MutableMapping[str, Any]]
TO = "alice@example.com"


@pytest.fixture
def logged() -> Iterator[Log]:
    with structlog.testing.capture_logs() as entries:
        yield entries


@asynccontextmanager
async def mailer(settings: Settings, server: MailServer) -> AsyncIterator[Mailer]:
    async with database(settings, size=2) as db:
        yield Mailer(
            db, settings.keyring(), server, read_sender(SENDER), asyncio.Event(), Telemetry("test")
        )


def at(box: Mailbox) -> MailServer:
    return read_server(f"smtp://127.0.0.1:{box.catcher.port}")


async def enqueue(settings: Settings, pg: asyncpg.Connection, count: int = 1) -> UUID:
    """Of a user of their own, so that nobody is mailed too often."""
    user_id = await user(pg)
    async with database(settings) as db, db.tx() as tx:
        for number in range(count):
            letters = Letters(settings.keyring(), PUBLIC_URL)
            await letters.reset(tx, user_id, "alice", TO, f"token{number}")
    return user_id


async def rows(pg: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await pg.fetch("select *, now() as now from mails")]


def counted(one: Mailer, outcome: str) -> float:
    labels = {"purpose": "reset_password", "outcome": outcome}
    return one.telemetry.registry.get_sample_value("lumina_mails_total", labels) or 0


async def test_what_was_sent_is_wiped_and_not_sent_again(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    await enqueue(settings, pg)
    async with mailbox() as box, mailer(settings, at(box)) as one:
        await one.turn()
        await one.turn()
        assert counted(one, "sent") == 1
    (mail,) = box.mails
    assert f"{PUBLIC_URL}/reset-password#token0\n" in mail.text
    (row,) = await rows(pg)
    assert row["sent_at"] is not None
    assert (row["recipient"], row["body"], row["error"]) == (None, None, None)
    assert [line["event"] for line in logged] == ["mail sent"]


async def test_many_nodes_send_each_mail_once(settings: Settings, pg: asyncpg.Connection) -> None:
    for _ in range(8):
        await enqueue(settings, pg, 5)
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mailbox())
        nodes = [await stack.enter_async_context(mailer(settings, at(box))) for _ in range(4)]

        async def drain(one: Mailer) -> None:
            while await one.turn():
                pass

        await asyncio.gather(*map(drain, nodes))
    ids = [mail.message["Message-ID"] for mail in box.mails]
    assert len(ids) == len(set(ids)) == 40


async def test_a_mail_that_another_node_has_taken_up_waits_for_the_end_of_its_lease(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await enqueue(settings, pg)
    sending, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Mailer):
        async def _send(self, *args: Any) -> None:
            sending.set()
            await go_on.wait()

    async with mailbox() as box, mailer(settings, at(box)) as one:
        slow = Slow(one.db, one.keyring, one.server, one.sender, one.posted, Telemetry("slow"))
        first = asyncio.create_task(slow.turn())
        await sending.wait()
        await one.turn()
        assert box.mails == []
        await pg.execute("update mails set next_try_at = now()")  # as if the first had died
        await one.turn()
        assert len(box.mails) == 1
        go_on.set()
        await first


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        ("MAIL", "451 4.3.0 alice@example.com: later", "SMTPSenderRefused 451"),
        ("RCPT", "450 4.2.1 <alice@example.com> is busy", "SMTPRecipientRefused 450"),
        (".", "554 5.7.1 no mail of alice@example.com", "SMTPDataError 554"),
        ("DATA", "421 4.3.2 closing, alice@example.com", "SMTPDataError 421"),
    ],
)
async def test_a_refusal_is_tried_again_later_and_logged_without_the_address(
    settings: Settings, pg: asyncpg.Connection, logged: Log, verb: str, reply: str, error: str
) -> None:
    await enqueue(settings, pg)
    refusals = [reply]

    def answer(asked: str, argument: str) -> str | None:
        return refusals.pop() if asked == verb and refusals else None

    async with mailbox(answer) as box, mailer(settings, at(box)) as one:
        await one.turn()
        (row,) = await rows(pg)
        assert (row["error"], row["sent_at"], row["failed_at"]) == (error, None, None)
        assert 20 < (row["next_try_at"] - row["now"]).total_seconds() < 40
        await one.turn()
        assert box.mails == [], "it is not due yet"
        await pg.execute("update mails set next_try_at = now()")
        await one.turn()
        assert len(box.mails) == 1
        assert (counted(one, "retried"), counted(one, "sent")) == (1, 1)
    assert logged[0]["cause"] == error
    assert "alice" not in repr(logged)
    assert "token0" not in repr(logged)


async def test_one_mail_that_is_refused_does_not_hold_up_the_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await enqueue(settings, pg, 5)
    refusals = ["450 busy"]

    def answer(verb: str, argument: str) -> str | None:
        return refusals.pop() if verb == "RCPT" and refusals else None

    async with mailbox(answer) as box, mailer(settings, at(box)) as one:
        await one.turn()
    assert len(box.mails) == 4


async def test_a_mailbox_that_does_not_exist_is_given_up_at_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await enqueue(settings, pg)

    def answer(verb: str, argument: str) -> str | None:
        return "550 5.1.1 nobody here" if verb == "RCPT" else None

    async with mailbox(answer) as box, mailer(settings, at(box)) as one:
        await one.turn()
        assert counted(one, "failed") == 1
    (row,) = await rows(pg)
    assert row["failed_at"] is not None
    assert (row["recipient"], row["body"]) == (None, None)
    assert row["error"] == "SMTPRecipientRefused 550"


async def test_a_server_that_is_away_is_asked_for_a_day(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    await enqueue(settings, pg)
    async with mailer(settings, read_server("smtp://127.0.0.1:9")) as one:
        await one.turn()
        await pg.execute(
            "update mails set next_try_at = now(), created_at = now() - interval '23:59'"
        )
        await one.turn()
        assert [row["failed_at"] for row in await rows(pg)] == [None]
        await pg.execute(
            "update mails set next_try_at = now(), created_at = now() - interval '1 day'"
        )
        await one.turn()
    (row,) = await rows(pg)
    assert row["failed_at"] is not None
    assert (row["recipient"], row["body"], row["tries"]) == (None, None, 3)
    said = [line["event"] for line in logged]
    assert said == ["mail not sent, to be tried again"] * 2 + ["mail given up"]


def test_tries_come_ever_later_up_to_an_hour() -> None:
    for tries, least in ((1, 24), (2, 48), (5, 384), (9, 2880), (500, 2880)):
        assert least <= worker.delay_s(tries) <= min(least * 1.5, 4320)


async def test_a_mail_under_a_key_that_is_gone_waits_for_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await enqueue(settings, pg)
    async with mailbox() as box, mailer(settings, at(box)) as one:
        right = one.keyring
        one.keyring = Keyring([type(right.first)("other", bytes(range(32)))])
        await one.turn()
        assert [row["error"] for row in await rows(pg)] == ["UnknownKey"]
        one.keyring = right
        await pg.execute("update mails set next_try_at = now()")
        await one.turn()
    assert len(box.mails) == 1


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's of 127.0.0.1, which the machine trusts for as long as the test lasts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, both = tmp_path / "trusted.pem", tmp_path / "both.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + trusted.read_bytes()
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context


@pytest.mark.parametrize("tls", ["starttls", "if offered"])
async def test_mails_go_through_tls_and_with_a_password(
    settings: Settings, pg: asyncpg.Connection, certificate: ssl.SSLContext, tls: Any
) -> None:
    await enqueue(settings, pg)
    async with mailbox(tls=certificate, login=("me", "hunter2")) as box:
        server = MailServer("127.0.0.1", box.catcher.port, tls, "me", "hunter2")
        async with mailer(settings, server) as one:
            await one.turn()
    assert [mail.tls for mail in box.mails] == [True]


@pytest.mark.parametrize("why", ["no starttls", "not trusted", "wrong password"])
async def test_nothing_is_said_to_a_server_that_is_not_safe(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch,
    certificate: ssl.SSLContext, why: str,
) -> None:  # fmt: skip
    await enqueue(settings, pg)
    said: list[str] = []
    if why == "not trusted":
        monkeypatch.delenv("SSL_CERT_FILE")

    def listen(verb: str, argument: str) -> str | None:
        said.append(f"{verb} {argument}")
        return None

    tls = None if why == "no starttls" else certificate
    async with mailbox(listen, tls, ("me", "hunter2")) as box:
        password = "hunter3" if why == "wrong password" else "hunter2"
        server = MailServer("127.0.0.1", box.catcher.port, "starttls", "me", password)
        async with mailer(settings, server) as one:
            await one.turn()
    assert box.mails == []
    assert [line for line in said if line.startswith(("MAIL", "RCPT"))] == []
    assert any(line.startswith("AUTH") for line in said) is (why == "wrong password")
    (row,) = await rows(pg)
    assert row["error"]
    assert row["failed_at"] is None

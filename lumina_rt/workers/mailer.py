"""Once a second: give what waits in `mails` to the mail server.

A mail is taken up under a lease, so that no two nodes send it at once. It is marked as sent after
the mail server has taken it: a node that dies in between has it sent twice, rather than never.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from typing import TYPE_CHECKING

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from lumina_rt.keyring import Keyring
from lumina_rt.letters import BODY, RECIPIENT, Letter, address, message
from lumina_rt.smtp import MailServer
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

TAKE = query("mails.take")
SENT = query("mails.sent")
RETRY = query("mails.retry")
FAIL = query("mails.fail")

EVERY_S = 1.0
BATCH = 5
CONNECT_S, SEND_S = 20.0, 20.0
LEASE_S = 180.0
"""Longer than a batch can take: CONNECT_S + BATCH * SEND_S, and some for the database."""
RETRY_S, MAX_RETRY_S = 30.0, 3600.0


@dataclass(slots=True)
class Mailer:
    db: Db
    keyring: Keyring
    server: MailServer
    sender: Address
    posted: asyncio.Event
    telemetry: Telemetry

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away."""
        while True:
            self.posted.clear()
            if not await self.turn():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.posted.wait(), EVERY_S)

    async def turn(self) -> bool:
        """Try those that are due, a batch at most; True when there may be more."""
        async with self.db.tx() as tx:
            mails = await tx.all(TAKE, lease_s=LEASE_S, batch=BATCH)
        if not mails:
            return False
        try:
            async with connected(self.server) as client:
                for mail in mails:
                    await self._try(client, mail)
        except (SMTPException, OSError, TimeoutError) as error:
            for mail in mails:
                await self._failed(mail, error)
        return len(mails) == BATCH

    async def _try(self, client: SMTP, mail: Row) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(client, mail)
        except Exception as error:  # whatever is wrong with one, the next may be well
            await self._failed(mail, error)
            return
        async with self.db.tx() as tx:
            await tx.run(SENT, user_id=mail["user_id"], mail_id=mail["mail_id"])
        self.telemetry.mail_sent(mail["purpose"], mail["tries"])

    async def _send(self, client: SMTP, mail: Row) -> None:
        mail_id = mail["mail_id"]
        to = self.keyring.open(mail["recipient"], RECIPIENT, mail_id)
        text = self.keyring.open(mail["body"], BODY, mail_id)
        letter = Letter(mail_id, mail["purpose"], to, text, mail["created_at"])
        recipient = address(to)
        await client.send_message(
            message(letter, self.sender, recipient),
            sender=self.sender.addr_spec,
            recipients=[recipient.addr_spec],
        )

    async def _failed(self, mail: Row, error: Exception) -> None:
        what, over = kind(error), is_final(error) or mail["is_last_try"]
        self.telemetry.mail_failed(mail["purpose"], what, mail["tries"], over=over)
        which = {"user_id": mail["user_id"], "mail_id": mail["mail_id"], "tries": mail["tries"]}
        async with self.db.tx() as tx:
            if over:
                await tx.run(FAIL, **which, error=what)
            else:
                await tx.run(RETRY, **which, error=what, delay_s=delay_s(mail["tries"]))


@asynccontextmanager
async def connected(server: MailServer) -> AsyncIterator[SMTP]:
    """A client that has said hello, in TLS, and has logged in if there is a name for it.

    Raises aiosmtplib's SMTPException, OSError or TimeoutError.
    """
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.tls == "at once",
        start_tls={"at once": False, "starttls": True, "if offered": None}[server.tls],
        timeout=CONNECT_S,
    )
    try:
        async with asyncio.timeout(CONNECT_S):
            await client.connect()
        yield client
        with suppress(SMTPException, OSError, TimeoutError):
            await client.quit(timeout=1)
    finally:
        client.close()


def delay_s(tries: int) -> float:
    """Doubled with every try, up to an hour, and not the same for all."""
    return min(RETRY_S * 2.0 ** min(tries - 1, 30), MAX_RETRY_S) * random.uniform(0.8, 1.2)


def is_final(error: Exception) -> bool:
    """Whether it would be the same the next time: there is no such mailbox (RFC 5321 4.2.1)."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(500 <= refused.code < 600 for refused in error.recipients)
    return False


def kind(error: Exception) -> str:
    """What may be logged: the words of a mail server may have the address in them."""
    refused = error.recipients[0] if isinstance(error, SMTPRecipientsRefused) else error
    code = f" {refused.code}" if isinstance(refused, SMTPResponseException) else ""
    return f"{type(refused).__name__}{code}"

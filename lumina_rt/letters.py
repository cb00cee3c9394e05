"""The mails that this server writes: their words, and the queue that they wait in."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from lumina_protocol.errors import NoMail
from lumina_protocol.fields import uuid7

from lumina_rt.keyring import Keyring
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

ENQUEUE = query("mails.enqueue")
RECENT = query("mails.recent")

PER_HOUR = 5
"""To one user, of each kind: whoever has others mailed does not get further by asking more often,
and what strangers cause leaves room for what the owner asks for."""
RECIPIENT, BODY = "mails.recipient", "mails.body"
ADDRESS = "users.email"
Purpose = Literal["verify_email", "change_email", "email_taken", "email_changed", "reset_password"]

SUBJECTS: dict[Purpose, str] = {
    "verify_email": "Confirm your e-mail address",
    "change_email": "Confirm your new e-mail address",
    "email_taken": "Your e-mail address was given for another account",
    "email_changed": "Your account has another e-mail address now",
    "reset_password": "Set a new password",
}

CONFIRM = """Hello,

this address was given for an account. If it was you, open this link within 24 hours:

{link}

If it was not you, ignore this mail: nothing changes.
"""
TAKEN = """Hello {username},

somebody has given this address for another account. It belongs to your account {username}, and
that has not changed. An address can be used for one account only.

If it was not you, there is nothing to do.
"""
CHANGED = """Hello {username},

your account {username} had this e-mail address, and has another one now. From now on a new password
can be asked for at that one only.

If it was not you, somebody knows your password: tell those who run this server.
"""
RESET = """Hello {username},

somebody has asked for a new password for your account. If it was you, open this link within an
hour:

{link}

If it was not you, ignore this mail: your password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Letters:
    """Writes mails into the queue, in the transaction that causes them."""

    keyring: Keyring
    public_url: str | None
    """None: no mail server is set up."""
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after a commit that may have put a mail there, so that it need not wait for its second;
    the mailer of this node clears it."""

    def require(self) -> None:
        """Raises NoMail when no mail server is set up."""
        if self.public_url is None:
            raise NoMail

    async def confirm(self, tx: Tx, user_id: UUID, purpose: Purpose, to: str, token: str) -> None:
        """To an address that nobody has proven yet: no word in it is the asker's."""
        text = CONFIRM.format(link=f"{self.public_url}/verify-email#{token}")
        await self._post(tx, user_id, purpose, to, text)

    async def taken(self, tx: Tx, user_id: UUID, username: str, to: str) -> None:
        if await self.may_mail(tx, user_id, "email_taken"):
            await self._post(tx, user_id, "email_taken", to, TAKEN.format(username=username))

    async def changed(self, tx: Tx, user_id: UUID, username: str, to: str) -> None:
        """To the address that was proven before."""
        await self._post(tx, user_id, "email_changed", to, CHANGED.format(username=username))

    async def reset(self, tx: Tx, user_id: UUID, username: str, to: str, token: str) -> None:
        link = f"{self.public_url}/reset-password#{token}"
        text = RESET.format(username=username, link=link)
        await self._post(tx, user_id, "reset_password", to, text)

    async def may_mail(self, tx: Tx, user_id: UUID, purpose: Purpose) -> bool:
        """Whether this user got less than PER_HOUR mails of this kind in the last hour."""
        mails: int = (await tx.one(RECENT, user_id=user_id, purpose=purpose))["mails"]
        return mails < PER_HOUR

    async def _post(self, tx: Tx, user_id: UUID, purpose: Purpose, to: str, text: str) -> None:
        mail_id = uuid7()
        await tx.run(
            ENQUEUE,
            mail_id=mail_id,
            user_id=user_id,
            purpose=purpose,
            recipient=self.keyring.seal(to, RECIPIENT, mail_id),
            mail_body=self.keyring.seal(text, BODY, mail_id),
        )


@dataclass(frozen=True, slots=True)
class Letter:
    """One that was taken from the queue, opened."""

    mail_id: UUID
    purpose: Purpose
    to: str
    text: str
    created_at: datetime


def address(text: str) -> Address:
    """Of what `Email` let through. The domain as DNS has it (RFC 5891), so that only a name in
    other letters needs SMTPUTF8 (RFC 6531). Raises ValueError."""
    from email_validator import validate_email  # noqa: PLC0415  (takes 0.1 s, see fields.py)

    found = validate_email(
        text, check_deliverability=False, allow_quoted_local=True, allow_domain_literal=True
    )
    name = found.local_part
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])  # `Address` quotes it again
    return Address(username=name, domain=found.ascii_domain)


def message(letter: Letter, sender: Address, to: Address) -> EmailMessage:
    """Ready to be sent. No header has anything in it but constants, ids, and addresses, which
    `Address` refuses with a line break in them. The same id at every try, so that mailboxes may
    drop the second."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = SUBJECTS[letter.purpose]
    made["Date"] = format_datetime(letter.created_at)
    made["Message-ID"] = f"<{letter.mail_id}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    made.set_content(letter.text, cte="7bit" if letter.text.isascii() else "quoted-printable")
    return made

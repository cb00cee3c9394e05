"""What users are mailed, in tests: a real mail server on a socket, which keeps what it gets."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from lumina_rt.config import Settings
from lumina_rt.dev.catcher import HOST, Catcher, Caught

SENDER = "Lumina <no-reply@example.com>"
PUBLIC_URL = "https://chat.example"
WITHIN_S = 10
LINK = re.compile(rf"{re.escape(PUBLIC_URL)}/(verify-email|reset-password)#(\S+)")


@dataclass
class Mailbox:
    """All that was caught, and a way to wait for more."""

    catcher: Catcher
    mails: list[Caught] = field(default_factory=list)
    seen: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def changes(self) -> dict[str, object]:
        """The settings of a node that sends here."""
        return mail_settings(f"smtp://{HOST}:{self.catcher.port}")

    def keep(self, mail: Caught) -> None:
        self.mails.append(mail)
        self.came.set()

    async def next(self) -> Caught:
        """The oldest that was not asked for yet."""
        async with asyncio.timeout(WITHIN_S):
            while len(self.mails) == self.seen:
                self.came.clear()
                await self.came.wait()
        self.seen += 1
        return self.mails[self.seen - 1]


def mail_settings(url: str) -> dict[str, object]:
    return {"smtp_url": SecretStr(url), "mail_from": SENDER, "public_url": PUBLIC_URL}


def token_in(mail: Caught) -> str:
    found = LINK.search(mail.text)
    assert found, mail.text
    return found[2]


@asynccontextmanager
async def mailbox(
    answer: Callable[[str, str], str | None] = lambda verb, argument: None,
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[Mailbox]:
    box = Mailbox(Catcher(lambda mail: None, answer, tls, login))
    box.catcher.show = box.keep
    async with box.catcher.running():
        yield box


def with_mail(settings: Settings, box: Mailbox) -> Settings:
    return settings.model_copy(update=box.changes)

"""Which mail server mails are given to, and who they are from, as the settings say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.headerregistry import Address
from email.policy import SMTP
from typing import Literal
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}
"""Of submission (RFC 6409), and of submission in TLS from the first byte (RFC 8314)."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    tls: Literal["at once", "starttls", "if offered"]
    """`if offered` is for this machine only: elsewhere whoever sits in between could take the
    offer away, and read passwords and links."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def read_server(url: str) -> MailServer:
    """Of smtp://user:password@host:587 or smtps://. Raises ValueError, which quotes nothing."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in PORTS or parts.path not in ("", "/") or parts.query:
        raise ValueError("write it as smtp://user:password@host:587, or smtps:// for port 465")
    tls: Literal["at once", "starttls", "if offered"] = (
        "at once" if parts.scheme == "smtps" else "if offered" if host in LOOPBACK else "starttls"
    )
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password or "") if username else None
    return MailServer(host, port or PORTS[parts.scheme], tls, username, password)


def read_sender(text: str) -> Address:
    """Of `Lumina <no-reply@example.com>`, or the address alone. Raises ValueError."""
    problem = ValueError("write it as Name <no-reply@example.com>, or the address alone")
    if not text.isprintable():
        raise problem
    header = SMTP.header_factory("From", text)
    found: tuple[Address, ...] = getattr(header, "addresses", ())
    if header.defects or len(found) != 1 or not found[0].username or "." not in found[0].domain:
        raise problem
    return found[0]

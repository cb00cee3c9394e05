"""The field types that models share, and the making of ids."""

from __future__ import annotations

import os
import time
import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import UUID7, AfterValidator, BeforeValidator, Field, StringConstraints


def _uuid(value: object) -> object:
    """Both forms of the wire, 16 bytes and text, and nothing else that pydantic would take."""
    match value:
        case bytes() if len(value) == 16:
            return UUID(bytes=value)
        case str() if len(value) == 36:
            return UUID(value)
    return value


Millis = Annotated[
    int, Field(ge=0, le=2**53 - 1, description="milliseconds since 1970-01-01T00:00:00Z")
]
Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]
Id = Annotated[UUID, BeforeValidator(_uuid)]
NewId = Annotated[
    UUID7,
    BeforeValidator(_uuid),
    Field(description="made by the client, and the key of a safe retry"),
]


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character U+0000, which the store cannot keep")
    return text


def _username(text: str) -> str:
    """NFKC first, so that look-alikes written with other code points are one name."""
    name = unicodedata.normalize("NFKC", text)
    if not 3 <= len(name) <= 30:
        raise ValueError("must have 3 to 30 characters")
    if not all(char.isalnum() or char in "_." or _is_mark(char) for char in name):
        raise ValueError("may contain letters, digits, '_' and '.'")
    return name


def _is_mark(char: str) -> bool:
    """Vowel signs and the like, which many scripts cannot be written without."""
    return unicodedata.category(char) in ("Mn", "Mc")


def username_key(name: str) -> str:
    """The form in which two usernames are compared: NFKC, case folded, NFKC again."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _email(text: str) -> str:
    """Every form that mail is delivered to: quoted names, literal addresses, other scripts
    (RFC 5321 section 4.1.2, RFC 6531). Whether it is somebody's, only a mail can tell."""
    # Takes 0.1 s, and most clients never read an address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        found = validate_email(
            text.strip(" "),  # as people paste it
            check_deliverability=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            strict=True,
        )
    except EmailNotValidError as error:
        raise ValueError(f"is no e-mail address: {error}") from None
    return found.normalized


def email_key(email: str) -> str:
    """The form in which two addresses are compared, of what `Email` let through: its case does not
    count, nor how its letters are composed, nor in which way its domain is written."""
    name, _, domain = email.rpartition("@")
    return f"{username_key(name)}@{domain.casefold()}"


Content = Annotated[
    str, StringConstraints(min_length=1, max_length=4000), AfterValidator(without_nul)
]
Username = Annotated[str, StringConstraints(max_length=60), AfterValidator(_username)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)]
Password = Annotated[
    str, StringConstraints(min_length=8, max_length=1000), AfterValidator(without_nul)
]
FullName = Annotated[str, StringConstraints(max_length=100), AfterValidator(without_nul)]


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits."""
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))

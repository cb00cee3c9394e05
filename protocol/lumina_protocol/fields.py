"""The field types that models share, and the making of ids."""

from __future__ import annotations

import os
import time
import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import UUID7, AfterValidator, Field, StringConstraints

Millis = Annotated[int, Field(description="milliseconds since 1970-01-01T00:00:00Z")]
Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]
NewId = Annotated[UUID7, Field(description="made by the client, and the key of a safe retry")]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character U+0000, which the store cannot keep")
    return text


def _username(text: str) -> str:
    """NFKC first, so that look-alikes written with other code points are one name."""
    name = unicodedata.normalize("NFKC", text)
    if not 3 <= len(name) <= 30:
        raise ValueError("must have 3 to 30 characters")
    if not all(char.isalnum() or char in "_." for char in name):
        raise ValueError("may contain letters, digits, '_' and '.'")
    return name


def username_key(name: str) -> str:
    """The form in which two usernames are compared: NFKC, case folded, NFKC again."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


PlainText = Annotated[str, AfterValidator(_without_nul)]
Content = Annotated[PlainText, StringConstraints(min_length=1, max_length=4000)]
Username = Annotated[str, StringConstraints(max_length=60), AfterValidator(_username)]
Password = Annotated[PlainText, StringConstraints(min_length=8, max_length=1000)]
FullName = Annotated[PlainText, StringConstraints(max_length=100)]


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits."""
    raw = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))

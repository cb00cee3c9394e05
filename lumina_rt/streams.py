"""Streams, in which events are numbered 1, 2, 3 … without holes: conversations, and users' own.

A conversation's is known by its id, which its first member makes, and a user's by one made of the
user's id that nobody can make: clients' ids are UUIDv7, and these say version 8 (RFC 9562
section 5.8).
"""

from __future__ import annotations

from uuid import UUID

VERSION = 0xF << 76
"""The four bits that say which version an id is of."""
CLIENTS, OWN = 0x7 << 76, 0x8 << 76


def own_stream(user_id: UUID) -> UUID:
    """What the user's own stream is known by. Raises ValueError when that is no UUIDv7."""
    if user_id.int & VERSION != CLIENTS:
        raise ValueError(f"{user_id} is no UUIDv7")
    return UUID(int=user_id.int & ~VERSION | OWN)


def owner(stream: UUID) -> UUID | None:
    """Whose own stream it is; None when it is a conversation's."""
    if stream.int & VERSION != OWN:
        return None
    return UUID(int=stream.int & ~VERSION | CLIENTS)

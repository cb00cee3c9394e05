"""Streams, in which events are numbered 1, 2, 3 … without holes: conversations, and users' own.

A conversation's is known by its id, which its first member makes, and a user's by one made of the
user's id that nobody can make: clients' ids are UUIDv7, and these say version 8 (RFC 9562
section 5.8).
"""

from __future__ import annotations

from uuid import UUID

VERSION = 0xF << 76
"""The four bits that say which version an id is of."""
CLIENTS, OWN, NEW = 0x7 << 76, 0x8 << 76, 0xA << 76


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


def new_post(post_id: UUID) -> UUID:
    """No stream, but what says over the bus that this post was published. Likewise nobody can make
    it. Raises ValueError when that is no UUIDv7."""
    if post_id.int & VERSION != CLIENTS:
        raise ValueError(f"{post_id} is no UUIDv7")
    return UUID(int=post_id.int & ~VERSION | NEW)


def published(mark: UUID) -> UUID | None:
    """Which post it says was published; None when it says something else."""
    if mark.int & VERSION != NEW:
        return None
    return UUID(int=mark.int & ~VERSION | CLIENTS)

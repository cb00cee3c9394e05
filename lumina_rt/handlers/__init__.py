"""The domains: what is done. Importing this package fills the router. One line per domain."""

from lumina_rt.handlers import (
    accounts,
    conversations,
    edits,
    lifecycle,
    logins,
    members,
    messages,
    resume,
    session,
    tokens,
)

__all__ = [
    "accounts",
    "conversations",
    "edits",
    "lifecycle",
    "logins",
    "members",
    "messages",
    "resume",
    "session",
    "tokens",
]

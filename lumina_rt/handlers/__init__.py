"""The domains: what is done. Importing this package fills the router. One line per domain."""

from lumina_rt.handlers import (
    accounts,
    conversations,
    edits,
    emails,
    lifecycle,
    limits,
    logins,
    members,
    messages,
    resume,
    session,
    tokens,
    totp,
)

__all__ = [
    "accounts",
    "conversations",
    "edits",
    "emails",
    "lifecycle",
    "limits",
    "logins",
    "members",
    "messages",
    "resume",
    "session",
    "tokens",
    "totp",
]

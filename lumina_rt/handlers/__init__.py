"""The domains: what is done. Importing this package fills the router. One line per domain."""

from lumina_rt.handlers import (
    accounts,
    blocks,
    conversations,
    edits,
    emails,
    limits,
    logins,
    members,
    messages,
    profiles,
    resume,
    session,
    settings,
    tokens,
    totp,
)

__all__ = [
    "accounts",
    "blocks",
    "conversations",
    "edits",
    "emails",
    "limits",
    "logins",
    "members",
    "messages",
    "profiles",
    "resume",
    "session",
    "settings",
    "tokens",
    "totp",
]

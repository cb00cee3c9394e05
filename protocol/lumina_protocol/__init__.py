"""The contract between a Lumina client and a Lumina server; protocol/README.md says it in words.

Importing this package fills `REQUESTS` and `EVENTS`. One line per domain.
"""

from lumina_protocol import (
    accounts,
    blocks,
    conversations,
    emails,
    exports,
    hides,
    lifecycle,
    limits,
    logins,
    members,
    message_reactions,
    messages,
    moderation,
    pins,
    preferences,
    profiles,
    receipts,
    reports,
    session,
    settings,
    tokens,
    totp,
)
from lumina_protocol.frame import EVENTS, REQUESTS

VERSION = 1

__all__ = [
    "EVENTS",
    "REQUESTS",
    "VERSION",
    "accounts",
    "blocks",
    "conversations",
    "emails",
    "exports",
    "hides",
    "lifecycle",
    "limits",
    "logins",
    "members",
    "message_reactions",
    "messages",
    "moderation",
    "pins",
    "preferences",
    "profiles",
    "receipts",
    "reports",
    "session",
    "settings",
    "tokens",
    "totp",
]

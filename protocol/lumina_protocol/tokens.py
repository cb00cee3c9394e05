"""Tokens of bots: they log in without a password, for what their scopes allow."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Id, Millis, NewId, without_nul
from lumina_protocol.frame import Reply, Request, Wire

Scope = Literal["read", "messages.write"]
"""`read`: see and be told what the user sees; the others: do what they say."""
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=10)]


class BotToken(Wire):
    token_id: UUID
    name: str
    scopes: list[str]
    created_at: Millis
    last_used_at: Millis | None = None
    """To the minute."""
    expires_at: Millis | None = None


class TokenCreated(Reply):
    token: str
    """Shown this once. `auth` takes it as it takes the token of a login."""
    expires_at: Millis | None = None


class CreateToken(Request[TokenCreated]):
    op = "token.create"
    retry_safe = False  # what is shown once cannot be shown again: revoke it, and make another one

    token_id: NewId
    name: Annotated[
        str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)
    ]
    scopes: Scopes
    expires_at: Millis | None = None


class BotTokens(Reply):
    tokens: list[BotToken]


class ListTokens(Request[BotTokens]):
    op = "token.list"


class TokenRevoked(Reply):
    pass


class RevokeToken(Request[TokenRevoked]):
    """Its connections are closed within a second, on every node."""

    op = "token.revoke"

    token_id: Id

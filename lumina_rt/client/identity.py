"""Who a client is, and the tokens that prove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from lumina_protocol.accounts import Device, Login, Refresh, Tokens
from lumina_protocol.errors import InvalidToken, LuminaError, SessionEnded, TokenExpired
from lumina_protocol.fields import uuid7
from lumina_protocol.session import Authenticate, Ready

from lumina_rt.client.link import Link

REFUSED = {InvalidToken.code, TokenExpired.code, SessionEnded.code}


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """What an app keeps to stay logged in, as it keeps a password."""

    refresh_token: str
    op_id: UUID | None = None
    """Of a refresh that was begun and not answered yet: with it, and only with it, the server
    answers the same again."""


@dataclass
class Identity:
    """Uses what it has in this order: the token, the stored login, the password."""

    token: str | None = None
    login: StoredLogin | None = None
    username: str | None = None
    password: str | None = None
    code: str | None = None
    """Of the second factor, for one login by password."""
    device: Device | None = None
    keep: Callable[[StoredLogin], None] = lambda login: None
    """Told before a refresh and after it, until it has returned once without raising."""
    _kept: bool = True

    @property
    def stranger(self) -> bool:
        return self.token is None and self.login is None and self.password is None

    async def authenticate(self, link: Link) -> Ready:
        """Raises LuminaError when nothing of what it has is good, and what `keep` raises."""
        self._keep()
        for take in (self._nothing, self._refresh, self._log_in):
            try:
                await take(link)
                if self.token is not None:
                    return await link.call(Authenticate(token=self.token, resume=True))
            except LuminaError as error:
                refused = error
                if error.body.code not in REFUSED:
                    raise
        raise refused

    async def renew(self, link: Link) -> Tokens:
        """New tokens for this connection. Raises LuminaError, and what `keep` raises."""
        self._keep()
        assert self.login is not None
        refresh_token, op_id = self.login.refresh_token, self.login.op_id
        if op_id is None:
            op_id = uuid7()
            self._store(StoredLogin(refresh_token, op_id))
        asked = Refresh(op_id=op_id, refresh_token=refresh_token)
        return self._take(await link.call(asked))

    async def _nothing(self, link: Link) -> None:
        pass

    async def _refresh(self, link: Link) -> None:
        self.token = None
        if self.login is not None:
            await self.renew(link)

    async def _log_in(self, link: Link) -> None:
        self.token = None
        if self.username is not None and self.password is not None:
            code, self.code = self.code, None
            asked = Login(
                username=self.username, password=self.password, code=code, device=self.device
            )
            self._take(await link.call(asked))

    def _take(self, tokens: Tokens) -> Tokens:
        self.token = tokens.token
        self._store(StoredLogin(tokens.refresh_token))
        return tokens

    def _store(self, login: StoredLogin) -> None:
        self.login, self._kept = login, False
        self._keep()

    def _keep(self) -> None:
        if not self._kept and self.login is not None:
            self.keep(self.login)
            self._kept = True

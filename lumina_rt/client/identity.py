"""Who a client is, and the tokens that prove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lumina_protocol.accounts import Device, Login, Refresh, Tokens
from lumina_protocol.errors import InvalidToken, LuminaError, SessionEnded, TokenExpired
from lumina_protocol.fields import uuid7
from lumina_protocol.session import Authenticate, Ready

from lumina_rt.client.link import Link

REFUSED = {InvalidToken.code, TokenExpired.code, SessionEnded.code}


@dataclass
class Identity:
    """Uses what it has in this order: the token, the refresh token, the password."""

    token: str | None = None
    refresh_token: str | None = None
    username: str | None = None
    password: str | None = None
    device: Device | None = None
    keep: Callable[[Tokens], None] = lambda tokens: None
    """Told of new tokens, at once: the refresh token before them is worth nothing from then on."""
    _asked: Refresh | None = None
    """A refresh of which no answer has come yet: it is asked again, with the same id."""

    @property
    def stranger(self) -> bool:
        return self.token is self.refresh_token is self.password is None

    async def authenticate(self, link: Link) -> Ready:
        """Raises LuminaError when nothing of what it has is good."""
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
        """New tokens for this connection. Raises LuminaError."""
        assert self.refresh_token is not None
        if self._asked is None or self._asked.refresh_token != self.refresh_token:
            self._asked = Refresh(op_id=uuid7(), refresh_token=self.refresh_token)
        return self._take(await link.call(self._asked))

    async def _nothing(self, link: Link) -> None:
        pass

    async def _refresh(self, link: Link) -> None:
        self.token = None
        if self.refresh_token is not None:
            await self.renew(link)

    async def _log_in(self, link: Link) -> None:
        self.token = None
        if self.username is not None and self.password is not None:
            asked = Login(username=self.username, password=self.password, device=self.device)
            self._take(await link.call(asked))

    def _take(self, tokens: Tokens) -> Tokens:
        self.token, self.refresh_token = tokens.token, tokens.refresh_token
        self.keep(tokens)
        return tokens

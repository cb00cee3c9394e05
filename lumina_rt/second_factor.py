"""Whether a code is right: of the user's app (RFC 6238), or a recovery code. Each works once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from lumina_protocol.errors import CodeNeeded, WrongCode

from lumina_rt.router import Ctx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

LOCK = query("totp.lock")
PASSED = query("totp.passed")
USE_RECOVERY_CODE = query("totp.use_recovery_code")
FORGET = query("totp.forget_recovery_codes")
KEEP = query("totp.keep_recovery_codes")

COLUMN = "user_totp.secret"
ISSUER = "Lumina"
DIGITS, STEP_S, SECRET_BYTES = 6, 30, 20
"""What all apps can do (RFC 4226 section 4, R6; RFC 6238 section 4)."""
DRIFT = 1
"""Steps that the clock of a phone may be off (RFC 6238 section 6)."""
RECOVERY_CODES, RECOVERY_BYTES = 10, 10


class Secret:
    """What the app and the server share."""

    def __init__(self, text: str) -> None:
        self.text = text
        # SHA-1 is what apps know; as a keyed hash it is not broken (RFC 6238 section 1.2).
        self._totp = TOTP(base64.b32decode(text), DIGITS, SHA1(), STEP_S)  # noqa: S303

    @classmethod
    def new(cls) -> Secret:
        return cls(base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode())

    def uri(self, username: str) -> str:
        return self._totp.get_provisioning_uri(username, ISSUER)

    def code(self, step: int) -> str:
        return self._totp.generate(step * STEP_S).decode()

    def step_of(self, code: str, now_s: float, after: int) -> int | None:
        """The step that the code is for, of those around now and after the last one used."""
        now = int(now_s) // STEP_S
        given = code.encode(errors="replace")
        steps = range(max(now - DRIFT, after + 1), now + DRIFT + 1)
        return next((s for s in steps if hmac.compare_digest(self.code(s).encode(), given)), None)


async def ask(ctx: Ctx, tx: Tx, user_id: UUID, code: str | None) -> None:
    """At a login: does nothing for users without a second factor. Raises CodeNeeded, WrongCode."""
    row = await tx.maybe(LOCK, user_id=user_id)
    if row is None or not row["enabled"]:
        return
    if code is None:
        raise CodeNeeded(field="code")
    await check(ctx, tx, user_id, row, code)


async def check(ctx: Ctx, tx: Tx, user_id: UUID, row: Row, code: str) -> None:
    """Use up a code; `row` is that of the user, locked. Raises WrongCode."""
    plain = plain_code(code)
    step = secret_of(ctx, user_id, row).step_of(plain, ctx.services.now(), row["last_step"])
    if step is not None:
        await tx.run(PASSED, user_id=user_id, step=step)
        return
    digest = recovery_digest(plain)
    if not row["enabled"] or not await tx.maybe(
        USE_RECOVERY_CODE, user_id=user_id, code_digest=digest
    ):
        raise WrongCode(field="code")


async def new_recovery_codes(tx: Tx, user_id: UUID) -> list[str]:
    """In the place of those that there were."""
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    await tx.run(FORGET, user_id=user_id)
    digests = [recovery_digest(plain_code(code)) for code in codes]
    await tx.run(KEEP, user_id=user_id, code_digests=digests)
    return codes


def secret_of(ctx: Ctx, user_id: UUID, row: Row) -> Secret:
    return Secret(ctx.services.keyring.open(row["secret"], COLUMN, user_id))


def sealed(ctx: Ctx, user_id: UUID, secret: Secret) -> bytes:
    return ctx.services.keyring.seal(secret.text, COLUMN, user_id)


def plain_code(code: str) -> str:
    """As it is compared: people type dashes, spaces and small letters."""
    return "".join(char for char in code if char.isalnum()).upper()


def new_recovery_code() -> str:
    """80 random bits, as ABCD-EFGH-IJKL-MNOP."""
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def recovery_digest(plain: str) -> bytes:
    """No salt and nothing slow: 80 random bits are not guessed."""
    return hashlib.sha256(plain.encode(errors="replace")).digest()

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any
from uuid import UUID

import bcrypt
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lumina_protocol.errors import InvalidToken, Overloaded
from lumina_protocol.fields import uuid7

from lumina_rt.credentials import Passwords, Tokens

KEY = "0f6b1c2d9e8a7f5b4c3d2e1f0a9b8c7d" * 2
OTHER_KEY = "1" + KEY[1:]
NOW = 1_800_000_000.0
USER = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a1")


def tokens(now: float = NOW) -> Tokens:
    return Tokens(KEY, ttl_s=3600, now=lambda: now)


def signed(key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    """A token like ours, but for the changes; a claim of None is left out."""
    claims = {"sub": str(USER), "iat": int(NOW), "exp": int(NOW) + 3600, **changes}
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.uuids())
def test_a_token_tells_whose_it_is_and_until_when(user_id: UUID) -> None:
    token, expires_at = tokens().issue(user_id)
    assert expires_at == (NOW + 3600) * 1000
    assert tokens(NOW + 3599.9).user_id(token) == user_id


def test_a_token_ends_at_its_time_to_the_second() -> None:
    token, expires_at = tokens().issue(USER)
    with pytest.raises(InvalidToken):
        tokens(expires_at / 1000).user_id(token)


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER_KEY),
        signed(algorithm="HS512"),
        signed("", "none"),
        f"{part({'alg': 'none'})}.{part({'sub': str(USER), 'exp': NOW + 9})}.",
        f"{part({'alg': 'HS256'})}.{part({'sub': str(USER), 'exp': NOW + 9})}.{part(b'forged')}",
        signed(exp=None),
        signed(sub=None),
        signed(sub="alice"),
        signed(sub=""),
        signed(sub=str(USER)[:-1]),
        signed(exp="soon"),
        signed(exp=[]),
        signed(exp=int(NOW)),
        signed(exp=-1),
        signed(exp=10**400),
        signed(exp=float("nan")),
        signed(aud="another service"),
        "",
        "..",
        "\ud800.\ud800.\ud800",
        f"{part(b'[' * 1500)}.e30.e30",
        f"{part([])}.e30.e30",
        f"{part({'alg': ['HS256']})}.e30.e30",
    ],
    ids=lambda token: token.encode(errors="replace").decode()[:8],
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        tokens().user_id(token)
    assert refused.value.body.field == "token"
    assert refused.value.__cause__ is None


def test_the_tokens_above_are_refused_for_their_changes_only() -> None:
    assert tokens().user_id(signed()) == USER


def test_a_claim_changed_after_signing_is_refused() -> None:
    header, _, signature = signed().split(".")
    body = part({"sub": str(uuid7()), "iat": int(NOW), "exp": int(NOW) + 3600})
    with pytest.raises(InvalidToken):
        tokens().user_id(f"{header}.{body}.{signature}")


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens().user_id(text)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(VALUES, VALUES)
def test_claims_of_any_type_are_refused_when_all_time_is_over(sub: object, exp: object) -> None:
    """With our signature: as if another program of the operator had made it."""
    with pytest.raises(InvalidToken):
        tokens(now=float("inf")).user_id(jwt.encode({"sub": sub, "exp": exp}, KEY))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The digests that bcrypt has compared a password with."""
    compared: list[bytes] = []
    really_check = bcrypt.checkpw

    def check(password: bytes, hashed: bytes) -> bool:
        compared.append(hashed)
        return really_check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    return compared


LONG = "x" * 72


@pytest.mark.parametrize(
    ("password", "others"),
    [
        ("correct horse", ["correct hors", "correct horse ", "Correct horse", ""]),
        (f"{LONG}a", [f"{LONG}b", LONG, f"{LONG}ab"]),
        ("ä" * 36 + "1", ["ä" * 36 + "2", "ä" * 36]),
        ("a\0b", ["a", "a\0c"]),
        ("pass\u0301word 👩🏽\u200d🚒", ["password 👩🏽\u200d🚒", "pass\u0301word 👩🏽🚒"]),
    ],
    ids=["plain", "72 bytes", "unicode", "nul", "emoji"],
)
async def test_every_character_of_a_password_counts(password: str, others: list[str]) -> None:
    passwords = Passwords(max_waiting=4, rounds=4)
    hashed = await passwords.hash(password)
    assert await passwords.matches(password, hashed)
    assert [other for other in others if await passwords.matches(other, hashed)] == []


async def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    passwords = Passwords(max_waiting=4, rounds=4)
    composed, decomposed = "p\u00e4ssword", "pa\u0308ssword"
    assert await passwords.matches(decomposed, await passwords.hash(composed))
    assert await passwords.matches(composed, await passwords.hash(decomposed))


async def test_a_hash_is_bcrypts_with_a_salt_of_its_own_and_fits_its_column() -> None:
    passwords = Passwords(max_waiting=4, rounds=5)
    one, two = await passwords.hash("the same"), await passwords.hash("the same")
    assert one != two
    assert one.startswith("$2b$05$")
    assert len(one) <= 255


async def test_an_unknown_user_takes_as_much_work_as_a_known_one(checked: list[bytes]) -> None:
    passwords = Passwords(max_waiting=4, rounds=6)
    hashed = await passwords.hash("correct horse")
    assert not await passwords.matches("wrong horse", hashed)
    assert not await passwords.matches("wrong horse", None)
    known, unknown = checked
    assert known[:7] == unknown[:7] == b"$2b$06$", "bcrypt's cost is in its digest"
    assert len(known) == len(unknown)


async def test_an_unknown_user_has_no_password_at_all(checked: list[bytes]) -> None:
    passwords = Passwords(max_waiting=4, rounds=4)
    for password in ("nobody has this", "", "correct horse"):
        assert not await passwords.matches(password, None)
    assert len(checked) == 3


async def test_who_comes_when_too_many_wait_is_told_to_come_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = Passwords(max_waiting=3, rounds=4)
    hashed = await passwords.hash("correct horse")
    go_on, really_check = threading.Event(), bcrypt.checkpw

    def check_slowly(*args: Any) -> bool:
        assert go_on.wait(10)
        return really_check(*args)

    monkeypatch.setattr(bcrypt, "checkpw", check_slowly)
    try:
        waiting = [
            asyncio.create_task(passwords.matches("correct horse", hashed)) for _ in range(3)
        ]
        await asyncio.sleep(0)  # lets the three begin
        for attempt in (passwords.matches("correct horse", None), passwords.hash("correct horse")):
            with pytest.raises(Overloaded) as refused:
                await attempt
            assert refused.value.body.temporary
            assert refused.value.body.retry_after_ms == 2000
    finally:
        go_on.set()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await passwords.matches("correct horse", hashed), "there is room again"
    assert passwords.waiting == 0

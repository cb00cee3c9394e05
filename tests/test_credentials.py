from __future__ import annotations

import asyncio
import threading
from typing import Any

import bcrypt
import pytest
from lumina_protocol.errors import Overloaded

from lumina_rt.credentials import Passwords


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

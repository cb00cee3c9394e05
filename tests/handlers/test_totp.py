"""The second factor, at the front door of two nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from lumina_protocol.accounts import Login, Tokens
from lumina_protocol.errors import LuminaError
from lumina_protocol.totp import (
    BeginTotp,
    ConfirmTotp,
    GetTotp,
    RemoveTotp,
    RenewRecoveryCodes,
)

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.second_factor import RECOVERY_CODES, STEP_S, Secret, new_recovery_code, plain_code
from tests.house import PASSWORD, nodes, register, user
from tests.locks import awaited
from tests.logins import link_to

RFC_SECRET = Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")


@pytest.mark.parametrize(
    ("time_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238_appendix_b(time_s: int, code: str) -> None:
    assert RFC_SECRET.code(time_s // STEP_S) == code
    assert RFC_SECRET.step_of(code, time_s, 0) == time_s // STEP_S


@pytest.mark.parametrize(
    ("offset", "after", "right"),
    [(0, 99, True), (-1, 98, True), (1, 99, True), (-2, 0, False), (2, 0, False), (0, 100, False)],
)
def test_a_code_is_good_for_its_step_and_those_beside_it_and_once(
    offset: int, after: int, right: bool
) -> None:
    code = RFC_SECRET.code(100 + offset)
    found = RFC_SECRET.step_of(code, 100.5 * STEP_S, after)
    assert found == (100 + offset if right else None)


def test_a_recovery_code_may_be_typed_in_any_way() -> None:
    code = new_recovery_code()
    assert len(plain_code(code)) == 16
    assert plain_code(f" {code.lower().replace('-', ' ')} ") == plain_code(code)
    assert new_recovery_code() != code


class Clock:
    """The one thing that is not real: that of both nodes."""

    def __init__(self, *running: Node) -> None:
        self.now = time.time()
        for node in running:
            object.__setattr__(node.services, "now", lambda: self.now)

    def next_code(self, secret: Secret) -> str:
        self.now += STEP_S
        return secret.code(int(self.now) // STEP_S)


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice")
        yield one, other


async def log_in(node: Node, code: str | None = None, password: str = PASSWORD) -> Tokens:
    async with link_to(node) as link:
        return await link.call(Login(username="alice", password=password, code=code))


async def switch_on(alice: Client, clock: Clock) -> tuple[Secret, list[str]]:
    secret = Secret((await alice.call(BeginTotp(password=PASSWORD))).secret)
    confirmed = await alice.call(ConfirmTotp(code=clock.next_code(secret)))
    return secret, confirmed.recovery_codes


async def test_a_login_needs_a_code_that_works_once_on_all_nodes(two: tuple[Node, Node]) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        secret, codes = await switch_on(alice, clock)
        assert len(set(codes)) == RECOVERY_CODES
        with pytest.raises(LuminaError, match="code_needed"):
            await log_in(other)
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await log_in(other, clock.next_code(secret), password="not the password")
        code = clock.next_code(secret)
        tried = [log_in(node, code) for node in (one, other, one, other)]
        results = await asyncio.gather(*tried, return_exceptions=True)
        assert sum(isinstance(result, Tokens) for result in results) == 1
        refused = [r.body.code for r in results if isinstance(r, LuminaError)]
        assert refused == ["wrong_code"] * 3


async def test_a_recovery_code_works_once(two: tuple[Node, Node]) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        _, codes = await switch_on(alice, clock)
        assert await log_in(other, codes[3].lower())
        with pytest.raises(LuminaError, match="wrong_code"):
            await log_in(one, codes[3])
        state = await alice.call(GetTotp())
        assert (state.enabled, state.recovery_codes) == (True, RECOVERY_CODES - 1)


async def test_new_recovery_codes_take_the_place_of_the_old_ones(two: tuple[Node, Node]) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        secret, old = await switch_on(alice, clock)
        renewed = RenewRecoveryCodes(password=PASSWORD, code=clock.next_code(secret))
        new = (await alice.call(renewed)).recovery_codes
        assert not set(old) & set(new)
        with pytest.raises(LuminaError, match="wrong_code"):
            await log_in(one, old[0])
        assert await log_in(one, new[0])


async def test_nothing_is_asked_before_the_app_has_shown_a_code(two: tuple[Node, Node]) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        with pytest.raises(LuminaError, match="not_found"):
            await alice.call(ConfirmTotp(code="123456"))
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await alice.call(BeginTotp(password="not the password"))
        first = Secret((await alice.call(BeginTotp(password=PASSWORD))).secret)
        assert await log_in(one)
        second = Secret((await alice.call(BeginTotp(password=PASSWORD))).secret)
        with pytest.raises(LuminaError, match="wrong_code"):
            await alice.call(ConfirmTotp(code=clock.next_code(first)))
        with pytest.raises(LuminaError, match="not_found"):
            await alice.call(RenewRecoveryCodes(password=PASSWORD, code=clock.next_code(second)))
        await alice.call(ConfirmTotp(code=clock.next_code(second)))
        with pytest.raises(LuminaError, match="conflict"):
            await alice.call(BeginTotp(password=PASSWORD))
        with pytest.raises(LuminaError, match="conflict"):
            await alice.call(ConfirmTotp(code="123456"))


async def test_it_is_removed_with_password_and_code_only(two: tuple[Node, Node]) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        secret, codes = await switch_on(alice, clock)
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await alice.call(RemoveTotp(password="not the password", code=clock.next_code(secret)))
        with pytest.raises(LuminaError, match="wrong_code"):
            await alice.call(RemoveTotp(password=PASSWORD, code="000000"))
        await alice.call(RemoveTotp(password=PASSWORD, code=codes[0]))
        assert (await alice.call(GetTotp())).enabled is False
    assert await log_in(other)


async def test_the_store_has_neither_the_secret_nor_the_codes(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    async with user(one, "alice") as alice:
        secret, codes = await switch_on(alice, Clock(one, other))
    for table in ("user_totp", "recovery_codes", "audit_log", "op_keys", "user_events"):
        for row in await pg.fetch(f"select t::text as row from {table} t"):
            for each in (secret.text, *codes, *map(plain_code, codes)):
                assert each not in row["row"]
                assert each.encode().hex() not in row["row"]


async def test_a_password_that_was_changed_meanwhile_switches_nothing_off(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, other = two
    clock = Clock(one, other)
    async with user(one, "alice") as alice:
        secret, _ = await switch_on(alice, clock)
        async with pg.transaction():
            await pg.execute("select from user_totp for update")
            asked = RemoveTotp(password=PASSWORD, code=clock.next_code(secret))
            removing = asyncio.create_task(alice.call(asked))
            await awaited(pg)
            await pg.execute("update users set password_hash = 'another one'")
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await removing
        assert (await alice.call(GetTotp())).enabled

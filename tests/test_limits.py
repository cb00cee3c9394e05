"""How often somebody may ask for what: over real sockets, with a clock that the test turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from lumina_protocol.accounts import Login, Register
from lumina_protocol.conversations import ListConversations, TellTyping
from lumina_protocol.errors import ErrorBody, LuminaError
from lumina_protocol.frame import Request
from lumina_protocol.limits import GetLimits, LimitLeft
from lumina_protocol.session import Ping
from lumina_protocol.totp import BeginTotp, ConfirmTotp, RenewRecoveryCodes

from lumina_rt.app import Node
from lumina_rt.bus import limits
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.gcra import Rate
from lumina_rt.limits import network
from lumina_rt.second_factor import STEP_S, Secret
from tests.bus.members import OwnRedis
from tests.gateway.unharmed import count
from tests.house import (
    LIMITS,
    PASSWORD,
    created,
    message,
    nodes,
    open_conversation,
    register,
    say,
    send_all,
    user,
)
from tests.oracle import oracle

S = 1_000_000
HOME, AWAY = "198.51.100.7", "203.0.113.9"
PAIR, ACCOUNT, ADDRESS = "limit_login", "limit_login_account", "limit_login_address"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr(limits, "WITHIN_S", 5.0)


class Clock:
    """Of the nodes and of Redis."""

    now = 1_795_000_000 * S

    def __call__(self) -> int:
        return self.now


@asynccontextmanager
async def limited(
    settings: Settings, clock: Clock, rates: Mapping[str, str], nodes_: int = 1
) -> AsyncIterator[list[Node]]:
    parsed = {name: Rate.parse(rate) for name, rate in rates.items()}
    async with nodes(settings, nodes_, **parsed) as running:
        for node in running:
            node.services.limits.now_us = node.services.limits.shared.now_us = clock
        yield running


@asynccontextmanager
async def stranger(node: Node, address: str) -> AsyncIterator[Client]:
    """A connection that comes from this address, as far as the node knows."""
    before = set(node.gateway.connections)
    async with Client(node.url) as client:
        (connection,) = node.gateway.connections - before
        connection.ctx.address = address
        yield client


async def outcome(client: Client, request: Request[Any]) -> ErrorBody | None:
    try:
        await client.call(request)
    except LuminaError as error:
        return error.body
    return None


def wrong(username: str = "alice") -> Login:
    return Login(username=username, password="not the password")


def right(username: str = "alice") -> Login:
    return Login(username=username, password=PASSWORD)


async def codes(client: Client, *requests: Request[Any]) -> list[str]:
    outcomes = [await outcome(client, request) for request in requests]
    return [body.code if body else "ok" for body in outcomes]


WRONG, REFUSED = "wrong_credentials", "rate_limited"


async def test_an_account_and_a_missing_one_are_answered_the_same(settings: Settings) -> None:
    """The whole sequence, with the waits, also in another spelling and while the clock goes on."""
    clock = Clock()
    async with limited(settings, clock, {PAIR: "10/60s burst 3"}) as (node,):
        await register(node, "alice")
        told: dict[str, list[ErrorBody | None]] = {"alice": [], "nobody": []}
        async with stranger(node, HOME) as client:
            for step in range(12):
                for name, answers in told.items():
                    spelling = name if step % 2 else name.upper()
                    answers.append(await outcome(client, wrong(spelling)))
                clock.now += step * S
    assert told["alice"] == told["nobody"]
    seen = [body.code for body in told["alice"] if body]
    assert seen[:4] == [WRONG, WRONG, WRONG, REFUSED]
    assert seen.count(WRONG) > 5


async def test_asking_again_after_the_wait_succeeds_and_a_ms_earlier_does_not(
    settings: Settings,
) -> None:
    """Whichever of the limits it was, and although others are met soon as well."""
    clock = Clock()
    rates = {PAIR: "7/60s burst 2", ACCOUNT: "100/1h burst 9", ADDRESS: "11/60s burst 3"}
    async with limited(settings, clock, rates) as (node,), stranger(node, HOME) as client:
        waited = 0
        for _ in range(20):
            body = await outcome(client, wrong())
            assert body
            if body.code == REFUSED:
                assert body.temporary
                assert body.limit == "login"
                assert body.retry_after_ms
                clock.now += body.retry_after_ms * 1000 - 1000
                assert await codes(client, wrong()) == [REFUSED]
                clock.now += 1000
                assert await codes(client, wrong()) == [WRONG]
                waited += 1
        assert waited > 5


async def test_two_nodes_hold_one_limit(settings: Settings) -> None:
    async with limited(settings, Clock(), {PAIR: "1/60s burst 3"}, 2) as (one, two):
        await register(one, "alice")
        async with stranger(one, HOME) as a, stranger(two, HOME) as b:
            seen = [await outcome(client, wrong()) for client in (a, b, a, b, a)]
        assert [body and body.code for body in seen] == [WRONG] * 3 + [REFUSED] * 2
        assert count(two, "lumina_limited_total", limit="login") == 1


async def test_one_account_cannot_be_guessed_from_many_addresses(settings: Settings) -> None:
    async with limited(settings, Clock(), {ACCOUNT: "1/60s burst 4"}, 2) as running:
        await register(running[0], "alice")
        for name in ("alice", "nobody"):
            seen = []
            for number in range(6):
                async with stranger(running[number % 2], f"203.0.113.{number}") as client:
                    seen += await codes(client, wrong(name))
            assert seen == [WRONG] * 4 + [REFUSED] * 2


async def test_who_is_logged_in_does_not_guess_more_often(settings: Settings) -> None:
    """As somebody does who has found a phone: at the password, or at codes."""
    async with limited(settings, Clock(), {PAIR: "1/60s burst 3"}) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            asked = BeginTotp(password="not the password")
            assert await codes(alice, *[asked] * 5) == [WRONG] * 3 + [REFUSED] * 2
            renewed = RenewRecoveryCodes(password=PASSWORD, code="123456")
            assert await codes(alice, renewed) == [REFUSED]


async def test_a_login_that_only_lacks_its_code_does_not_count(settings: Settings) -> None:
    async with limited(settings, Clock(), {PAIR: "1/60s burst 3"}) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            secret = Secret((await alice.call(BeginTotp(password=PASSWORD))).secret)
            now = int(time.time()) // STEP_S
            await alice.call(ConfirmTotp(code=secret.code(now)))
        async with stranger(node, AWAY) as client:
            assert await codes(client, *[right()] * 5) == ["code_needed"] * 5
            guess = Login(username="alice", password=PASSWORD, code="000000")
            assert await codes(client, *[guess] * 4) == ["wrong_code"] * 3 + [REFUSED]


async def test_many_accounts_cannot_be_guessed_from_one_address(settings: Settings) -> None:
    async with limited(settings, Clock(), {ADDRESS: "1/60s burst 4"}) as (node,):
        await register(node, "alice")
        async with stranger(node, "2001:db8::1") as client, stranger(node, "2001:db8::2") as other:
            assert await codes(client, *(wrong(f"user{n}") for n in range(3))) == [WRONG] * 3
            assert await codes(other, wrong("user7"), wrong("alice")) == [WRONG, REFUSED]
        async with stranger(node, "2001:db8:0:1::1") as client:
            assert await codes(client, wrong()) == [WRONG], "another /64"


async def test_a_stranger_does_not_lock_the_owner_out(settings: Settings) -> None:
    """Neither from one address, nor from many while the owner is where they have been before."""
    rates = {PAIR: "1/1h burst 3", ACCOUNT: "1/1h burst 4"}
    async with limited(settings, Clock(), rates, 2) as (one, two):
        await register(one, "alice")
        async with stranger(one, HOME) as owner, stranger(two, AWAY) as other:
            assert await codes(owner, right()) == ["ok"]
            assert await codes(other, *[wrong()] * 4) == [WRONG] * 3 + [REFUSED]
            assert await codes(owner, right()) == ["ok"]
        for number in range(4):
            async with stranger(one, f"192.0.2.{number}") as client:
                await codes(client, *[wrong()] * 3)
        async with stranger(two, HOME) as owner, stranger(two, "192.0.2.99") as elsewhere:
            assert await codes(elsewhere, right()) == [REFUSED]
            assert await codes(owner, right()) == ["ok"]
            assert await codes(owner, *[wrong()] * 4) == [WRONG] * 3 + [REFUSED]


async def test_right_passwords_count_for_the_address_only(settings: Settings) -> None:
    rates = {PAIR: "1/1h burst 2", ACCOUNT: "1/1h burst 2", ADDRESS: "1/1h burst 8"}
    async with limited(settings, Clock(), rates) as (node,):
        await register(node, "alice")
        async with stranger(node, HOME) as owner:
            seen = await codes(owner, wrong(), *[right()] * 7, right())
        assert seen == [WRONG, *["ok"] * 7, REFUSED]


async def test_what_is_refused_counts_for_nothing(settings: Settings) -> None:
    """Also not for the limits that would have let it through."""
    clock = Clock()
    rates = {PAIR: "1/60s burst 1", ADDRESS: "1/1h burst 3"}
    async with limited(settings, clock, rates) as (node,), stranger(node, HOME) as client:
        assert await codes(client, *[wrong()] * 6) == [WRONG] + [REFUSED] * 5
        assert await codes(client, wrong("bob"), wrong("carol"), wrong("dan")) == [
            WRONG, WRONG, REFUSED,
        ]  # fmt: skip


async def test_a_login_that_finds_nothing_out_does_not_count(settings: Settings) -> None:
    async with limited(settings, Clock(), {PAIR: "1/1h burst 1"}) as (node,):
        await register(node, "alice")
        async with stranger(node, HOME) as client:
            passwords = node.services.passwords
            passwords.max_waiting, most = 0, passwords.max_waiting
            assert await codes(client, *[wrong()] * 3) == ["overloaded"] * 3
            passwords.max_waiting = most
            assert await codes(client, wrong(), wrong()) == [WRONG, REFUSED]


async def test_accounts_made_from_one_address_are_limited(settings: Settings) -> None:
    async with limited(settings, Clock(), {"limit_register": "60/1h burst 2"}) as (node,):
        asked = [Register(username=f"user{n}", password=PASSWORD) for n in range(3)]
        async with stranger(node, HOME) as client, stranger(node, AWAY) as other:
            assert await codes(client, *asked) == ["ok", "ok", REFUSED]
            assert await codes(other, asked[2]) == ["ok"]


async def test_who_comes_from_nowhere_known_is_not_mixed_up_with_others(
    settings: Settings,
) -> None:
    rates = {"limit_register": "1/1h burst 1", PAIR: "1/1h burst 1", ACCOUNT: "1/1h burst 2"}
    async with limited(settings, Clock(), rates) as (node,), stranger(node, "") as client:
        asked = [Register(username=f"user{n}", password=PASSWORD) for n in range(3)]
        assert await codes(client, *asked) == ["ok"] * 3
        assert await codes(client, *[wrong("user1")] * 3) == [WRONG, WRONG, REFUSED]


async def test_without_redis_each_node_holds_the_limit_alone(
    settings: Settings, own_redis: OwnRedis
) -> None:
    fragile = settings.model_copy(update={"redis_url": own_redis.url})
    clock = Clock()
    async with limited(fragile, clock, {PAIR: "1/60s burst 3"}, 2) as (one, two):
        await register(one, "alice")
        async with stranger(one, HOME) as a, stranger(two, HOME) as b:
            assert await codes(a, wrong()) == [WRONG]
            assert count(one, "lumina_limits_alone_total") == 0
            await own_redis.kill()
            assert await codes(a, *[wrong()] * 3) == [WRONG, WRONG, REFUSED]
            assert await codes(b, *[wrong()] * 4) == [WRONG] * 3 + [REFUSED]
            assert await codes(a, right("nobody"), Ping()) == [WRONG, "ok"]
            clock.now += 60 * S
            assert await codes(a, right(), wrong(), wrong()) == ["ok", WRONG, REFUSED]
            assert count(one, "lumina_limits_alone_total") > 0


async def test_messages_of_a_user_are_limited_whatever_connection_they_use(
    settings: Settings,
) -> None:
    clock = Clock()
    async with limited(settings, clock, {"limit_message": "10/1s burst 5"}) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as one, user(node, "alice") as two, user(node, "bob") as bob:
            talk = await open_conversation(one, "bob")
            async with oracle(one, two, bob):
                first = await send_all(one, *(message(talk, f"{n}") for n in range(4)))
                assert not any(isinstance(answer, BaseException) for answer in first)
                assert await codes(two, message(talk, "4"), message(talk, "5")) == ["ok", REFUSED]
                body = await outcome(one, message(talk, "5"))
                assert body
                assert (body.limit, body.retry_after_ms) == ("message", 100)
                assert await codes(one, ListConversations()) == ["ok"], "of another class"
                await say(bob, talk, "another user")
                clock.now += 100_000
                assert await codes(two, message(talk, "5"), message(talk, "6")) == ["ok", REFUSED]


async def test_a_limit_does_not_change_the_order(settings: Settings) -> None:
    """What is let through of many that are under way together comes in the order it was sent."""
    async with limited(settings, Clock(), {"limit_message": "1/1h burst 20"}) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                await send_all(alice, *(message(talk, f"{n}") for n in range(30)))
                async with asyncio.timeout(5):
                    said = [event.message.content for event in await created(inbox, 20)]
    assert said == [f"{n}" for n in range(20)]


async def test_typing_and_other_things_have_limits_of_their_own(settings: Settings) -> None:
    rates = {"limit_typing": "1/1s burst 2", "limit_default": "1/1s burst 3"}  # resume is one
    async with limited(settings, Clock(), rates) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, Client(node.url) as nobody:
            talk = await open_conversation(alice, "bob")
            typing = TellTyping(conversation_id=talk)
            assert await codes(alice, *[typing] * 3) == ["ok", "ok", REFUSED]
            assert await codes(alice, Ping(), ListConversations()) == ["ok", REFUSED]
            assert await codes(nobody, *[Ping()] * 9) == ["ok"] * 9


async def test_what_is_left_is_told(settings: Settings) -> None:
    clock = Clock()
    off = dict.fromkeys(LIMITS, "off")
    rates = {**off, "limit_message": "10/1s burst 5", "limit_search": "30/60s burst 10"}
    async with limited(settings, clock, rates, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "alice") as elsewhere:
            talk = await open_conversation(alice, "bob")
            await say(alice, talk, "one")
            await say(alice, talk, "two")
            clock.now += 50_000
            messages, search = (await alice.call(GetLimits())).limits
            assert messages == LimitLeft(
                name="message", count=10, period_ms=1000, burst=5, remaining=3, full_in_ms=150
            )
            assert (search.name, search.remaining, search.full_in_ms) == ("search", 10, 0)
            assert alice.ready
            key = one.services.limits._key("search", "user", str(alice.ready.user_id))
            rate = Rate(30, 60, 10)
            await two.services.limits.shared.take([(key, rate, 1), (key, rate, 1)])
            for client in (alice, elsewhere):
                search = (await client.call(GetLimits())).limits[1]
                assert (search.remaining, search.full_in_ms) == (8, 4000)


async def test_without_redis_what_this_node_knows_is_told(
    settings: Settings, own_redis: OwnRedis
) -> None:
    fragile = settings.model_copy(update={"redis_url": own_redis.url})
    async with limited(fragile, Clock(), {}) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            await own_redis.kill()
            told = {left.name for left in (await alice.call(GetLimits())).limits}
    assert told == {"default", "message", "typing", "presence", "search", "invite", "report"}


async def test_redis_is_told_no_name_and_no_address(settings: Settings) -> None:
    rates = {PAIR: "1/60s burst 9", ACCOUNT: "1/60s burst 9", ADDRESS: "1/60s burst 9"}
    async with limited(settings, Clock(), rates) as (node,):
        await register(node, "alice")
        async with stranger(node, HOME) as client:
            await codes(client, wrong(), right())
        redis = node.services.limits.shared.redis
        keys = [key.decode() async for key in redis.scan_iter(f"{settings.redis_prefix}:limit:*")]
        assert len(keys) == 4, "one for each limit, and that the account knows the address"
        assert not any("alice" in key or HOME in key for key in keys)
        assert all([await redis.pttl(key) > 0 for key in keys])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", True),
        ("2001:db8:1:2::", "2001:db8:1:3::", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "0.0.0.0", False),
        ("unix", "", False),
    ],
)
def test_addresses_of_one_household_count_as_one(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same

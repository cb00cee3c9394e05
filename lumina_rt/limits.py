"""How often somebody may ask for what: the policy. The arithmetic is in gcra.py.

Hot classes are held by each node for itself, without an await: an ordered operation may be in them.
The others are held by all nodes together through Redis, and by each node alone while that is away.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from lumina_protocol.errors import RateLimited
from lumina_protocol.limits import LimitLeft

from lumina_rt.address import block, parse_address
from lumina_rt.bus.limits import Away, SharedLimits
from lumina_rt.config import Settings
from lumina_rt.gcra import Rate, Tats, Verdict
from lumina_rt.telemetry import Telemetry

By = Literal["user", "device", "address", "account", "account and address"]
MOST = 20_000
"""Subjects that a node remembers for each hot class, and for all others together; about 5 MB."""
KNOWN_FOR_US = 30 * 86_400 * 1_000_000
HOT = {"default": "limit_default", "message": "limit_message", "typing": "limit_typing"}
"""Classes that count users, and the setting of each."""
TOKEN = "token"  # noqa: S105
"""The class that counts addresses, of wrong tokens over HTTP: on a websocket a few end it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that a class counts."""

    by: By
    setting: str
    failures: bool = False
    """What succeeds, or was refused for no fault of its own, is given back."""
    strangers: bool = False
    """It does not hold for addresses from which the account was got into lately."""


# A stranger who guesses is held by "account and address" soon, by "account" if they have many
# addresses, by "address" if they try many accounts. The owner is none of that: a right password
# costs nothing, a stranger's wrong ones count for another address, and those from many addresses
# do not count for an address that the owner has come from.
SLOW: dict[str, tuple[Rule, ...]] = {
    "login": (
        Rule("account and address", "limit_login", failures=True),
        Rule("account", "limit_login_account", failures=True, strangers=True),
        Rule("address", "limit_login_address"),
    ),
    "reset": (
        Rule("account and address", "limit_reset"),
        Rule("account", "limit_reset_account"),
        Rule("address", "limit_reset_address"),
    ),
    "register": (Rule("address", "limit_register"),),
    "refresh": (Rule("address", "limit_refresh"),),
    "search": (Rule("user", "limit_search"),),
    "report": (Rule("user", "limit_report"),),
}


class Who(NamedTuple):
    """Whom a request counts for; what is not known is ""."""

    user: str = ""
    device: str = ""
    address: str = ""
    account: str = ""
    """The account that a stranger tries to get into, whether it exists or not."""

    def subject(self, by: By) -> str:
        """ "" when there is none, and so nothing to count."""
        match by:
            case "user":
                return self.user
            case "device":
                return self.device
            case "address":
                return network(self.address)
            case "account":
                return self.account
        known = self.account and self.address
        return f"{self.account}\0{network(self.address)}" if known else ""


class Take(NamedTuple):
    rule: Rule
    key: str
    rate: Rate


class Charge(NamedTuple):
    """What a request counted for: on this node, and for all of them in Redis."""

    here: list[Take]
    there: list[Take]
    mark: str = ""
    """By which the account knows this address, once it was got into from there."""


@dataclass(slots=True)
class Limits:
    """Of one node. `take` is asked for a hot class, `charge` for any other."""

    settings: Settings
    shared: SharedLimits
    hash_key: bytes
    telemetry: Telemetry
    now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000
    _hot: dict[str, tuple[Rate, Tats]] = field(init=False)
    _rates: Mapping[Rule, Rate | None] = field(init=False)
    _alone: Tats = field(default_factory=lambda: Tats(MOST))
    _wrong_tokens: Tats = field(default_factory=lambda: Tats(MOST))

    def __post_init__(self) -> None:
        rates = {name: getattr(self.settings, setting) for name, setting in HOT.items()}
        self._hot = {name: (rate, Tats(MOST)) for name, rate in rates.items() if rate}
        rules = [rule for rules in SLOW.values() for rule in rules]
        self._rates = {rule: getattr(self.settings, rule.setting) for rule in rules}

    def take(self, name: str, user: UUID) -> None:
        """Count a request of a hot class. No await: what comes first stays first. Raises
        RateLimited."""
        if hot := self._hot.get(name):
            rate, tats = hot
            if wait_us := tats.take(user.int, rate, self.now_us()):
                raise self._refusal(name, wait_us)

    def take_token(self, address: str) -> Callable[[], None]:
        """Before a token is looked at; what it returns is to be called if it was a good one. Raises
        RateLimited when too many from this address were wrong."""
        if not (rate := self.settings.limit_token):
            return lambda: None
        subject = network(address)
        if wait_us := self._wrong_tokens.take(subject, rate, self.now_us()):
            raise self._refusal(TOKEN, wait_us)
        return lambda: self._wrong_tokens.give_back(subject, rate)

    async def charge(self, name: str, who: Who) -> Charge:
        """Count a request of another class: for all it counts for, or for nothing. Raises
        RateLimited. Without Redis this node decides alone."""
        takes, mark, now = self._takes(name, who), self._mark(name, who), self.now_us()
        if not takes:
            return Charge([], [])
        alone = [Verdict(self._alone.take(t.key, t.rate, now), 0) for t in takes]
        try:
            verdicts, known = await self.shared.take([(t.key, t.rate, 1) for t in takes], mark)
            charge = Charge(_counted(takes, alone), _counted(takes, verdicts), mark)
        except Away:
            self.telemetry.limits_alone.inc()
            verdicts, known = alone, self._alone.ahead(mark, now) > 0
            charge = Charge(_counted(takes, alone), [], mark)
        waits = [
            0 if known and take.rule.strangers else verdict.wait_us
            for take, verdict in zip(takes, verdicts, strict=True)
        ]
        if wait_us := max(waits, default=0):
            await self._give_back(charge)
            raise self._refusal(name, wait_us)
        return charge

    async def succeeded(self, charge: Charge) -> None:
        """Only failures count where a rule says so, and the account knows the address now."""
        if charge.mark:
            self._alone.remember(charge.mark, KNOWN_FOR_US, self.now_us())
            await self._if_there(self.shared.remember(charge.mark, KNOWN_FOR_US))
        await self.no_fault(charge)

    async def no_fault(self, charge: Charge) -> None:
        """Nothing was found out, for example because the store is away."""
        here, there = ([t for t in takes if t.rule.failures] for takes in charge[:2])
        await self._give_back(Charge(here, there))

    async def left(self, user: UUID) -> list[LimitLeft]:
        """What this user has left of the classes that count users."""
        now = self.now_us()
        found = [
            _left(name, rate, tats.ahead(user.int, now)) for name, (rate, tats) in self._hot.items()
        ]
        who = Who(user=str(user))
        takes = {name: t for name in SLOW for t in self._takes(name, who) if t.rule.by == "user"}
        try:
            asked = [(take.key, take.rate, 0) for take in takes.values()]
            verdicts, _ = await self.shared.take(asked)
            ahead = [verdict.ahead_us for verdict in verdicts]
        except Away:
            self.telemetry.limits_alone.inc()
            ahead = [self._alone.ahead(take.key, now) for take in takes.values()]
        pairs = zip(takes.items(), ahead, strict=True)
        return found + [_left(name, take.rate, us) for (name, take), us in pairs]

    def _takes(self, name: str, who: Who) -> list[Take]:
        found = ((rule, who.subject(rule.by), self._rates[rule]) for rule in SLOW[name])
        return [
            Take(rule, self._key(name, rule.by, subject), rate)
            for rule, subject, rate in found
            if subject and rate
        ]

    def _mark(self, name: str, who: Who) -> str:
        pair = who.subject("account and address")
        if not pair or not any(rule.strangers for rule in SLOW[name]):
            return ""
        return self._key(name, "known", pair)

    def _key(self, *parts: str) -> str:
        """A digest (BLAKE2b, RFC 7693): names and addresses are not told to Redis."""
        text = "\0".join(parts).encode()
        return hashlib.blake2b(text, key=self.hash_key, digest_size=16).hexdigest()

    async def _give_back(self, charge: Charge) -> None:
        for take in charge.here:
            self._alone.give_back(take.key, take.rate)
        if charge.there:
            back = [(take.key, take.rate, -1) for take in charge.there]
            await self._if_there(self.shared.take(back))

    async def _if_there(self, told: Awaitable[object]) -> None:
        try:
            await told
        except Away:
            self.telemetry.limits_alone.inc()

    def _refusal(self, name: str, wait_us: int) -> RateLimited:
        self.telemetry.limited.labels(name).inc()
        return RateLimited(retry_after_ms=-(-wait_us // 1000), limit=name)


def _counted(takes: Sequence[Take], verdicts: Sequence[Verdict]) -> list[Take]:
    return [t for t, verdict in zip(takes, verdicts, strict=True) if not verdict.wait_us]


def network(address: str) -> str:
    """Whom an address counts as; what is none counts as itself."""
    try:
        return str(block(parse_address(address)))
    except ValueError:
        return address


def _left(name: str, rate: Rate, ahead_us: int) -> LimitLeft:
    return LimitLeft(
        name=name,
        count=rate.count,
        period_ms=rate.period_s * 1000,
        burst=rate.burst,
        remaining=Verdict(0, ahead_us).remaining(rate),
        full_in_ms=-(-ahead_us // 1000),
    )

"""Kept 1:1 messages, sent, committed and delivered: what one costs by the size of the batches.

Each batch size has a node of its own; they run one after another on the same engines, in another
order each time, so that what changes on the machine and in the database meets all of them.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest import descriptors, interrupt, profiled_node
from loadtest.accounts import introduce, register
from loadtest.gather import PATH, all_came, opened
from loadtest.pairs import Budget, Pair, Sender, Taker, exchange
from loadtest.receiver import Crowd, opening_of
from loadtest.screen import Figure, Result, Screen
from loadtest.stage import HOST, Ground, Stage, ground, running
from loadtest.usage import Usage, family_cpu_s

WARM_UP = 4
"""Messages of each place under way before the measurement: statements are prepared by then."""
TICKS_S = 0.5
"""CPU time below which its steps of 10 ms are more than 2 % of it."""
SHOWN = 5
"""Faults of one batch size; the others are like them."""
COMPARED = ("messages", "node CPU", "Postgres CPU", "to ack, p50", "to ack, p99",
            "to delivery, p50", "to delivery, p99")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """Totals at one moment; the difference of two is what was spent between them."""

    node: Usage
    senders: Usage
    """With the receivers: this process."""
    postgres_s: float
    """Of CPU."""

    @classmethod
    def until_now(cls, on: Stage, postgres: psutil.Process) -> Spent:
        return cls(Usage.of(on.process), Usage.of(psutil.Process()), family_cpu_s(postgres))

    def __sub__(self, earlier: Spent) -> Spent:
        return Spent(
            self.node - earlier.node,
            self.senders - earlier.senders,
            self.postgres_s - earlier.postgres_s,
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """By the node since it has started; the difference of two likewise."""

    batches: float
    items: float

    @classmethod
    def until_now(cls, on: Stage) -> Committed:
        return cls(on.metric("lumina_batch_items_count"), on.metric("lumina_batch_items_sum"))

    def mean_since(self, earlier: Committed) -> float:
        """Items of a batch."""
        return (self.items - earlier.items) / max(self.batches - earlier.batches, 1)


@dataclass(frozen=True, slots=True)
class Sends:
    pairs: int
    messages: int
    under_way: int
    """Messages of each sender that may be without an answer."""
    batches: Sequence[int]
    profile: Path | None = None

    def prepare(self) -> None:
        """Raises CannotStart."""
        descriptors.allow(2 * self.pairs)

    def measure(self, screen: Screen) -> Result:
        """Raises LoadTestError, or what the SDK, `ground` or `running` raise."""
        results: dict[int, Result] = {}
        with ground(screen) as engines:
            for batch in random.sample(self.batches, len(self.batches)):
                screen.line(f"  at most {batch} in a transaction")
                settings = {**engines.settings, "LUMINA_MAX_BATCH": str(batch)}
                with running(screen, settings, self.profile) as on:
                    results[batch] = interrupt.run(self.run(screen, on, engines))
        faults = [f"batch {b}: {line}" for b in self.batches for line in results[b].faults]
        return Result(side_by_side({b: results[b].figures for b in self.batches}), faults)

    async def run(self, screen: Screen, on: Stage, engines: Ground) -> Result:
        """On a node that is there. Raises LoadTestError, or what the SDK raises."""
        budget, crowd = Budget(), Crowd()
        with screen.step(f"making {self.pairs} pairs"):
            pairs = await self._pairs(on, crowd, budget)
        both = [one for pair in pairs for one in (pair.sender, pair.taker)]
        async with opened(crowd, both, HOST, on.port, lambda done: None):
            await exchange(pairs, crowd, budget, self._warm_up, self.under_way)
            with screen.bar(f"sending {self.messages} messages", self.messages) as advance:
                self._toggle(on)
                committed = await asyncio.to_thread(Committed.until_now, on)
                before = Spent.until_now(on, engines.postgres)
                await exchange(pairs, crowd, budget, self.messages, self.under_way, advance)
                spent = Spent.until_now(on, engines.postgres) - before
                batch = (await asyncio.to_thread(Committed.until_now, on)).mean_since(committed)
                self._toggle(on)
            await all_came(both)
            crowd.check()
        with screen.step("checking what each receiver got"):
            result = self._result(pairs, before, spent, batch)
        if spent.node.cpu_s < TICKS_S:
            screen.line(f"  only {spent.node.cpu_s:.2f} s of CPU: use more --messages")
        return result

    async def _pairs(self, on: Stage, crowd: Crowd, budget: Budget) -> list[Pair]:
        people = await register(on.url, 2 * self.pairs, lambda done: None)
        senders, takers = people[: self.pairs], people[self.pairs :]
        names = [name for name, _ in takers]
        made = await introduce(on.url, [(s[1], n) for s, n in zip(senders, names, strict=True)])
        opening = opening_of(PATH, f"{HOST}:{on.port}")
        return [
            Pair(Sender(crowd, opening, token, made[token], budget), Taker(crowd, opening, other))
            for (_, token), (_, other) in zip(senders, takers, strict=True)
        ]

    @property
    def _warm_up(self) -> int:
        return WARM_UP * self.under_way * self.pairs

    def _toggle(self, on: Stage) -> None:
        if self.profile:
            profiled_node.toggle(on.process)

    def _result(
        self, pairs: Sequence[Pair], before: Spent, spent: Spent, mean_batch: float
    ) -> Result:
        acked = [(pair, pair.acked()) for pair in pairs]
        faults = Counter(line for pair, acks in acked for line in pair.faults(acks))
        if faults:  # then nothing can be said of the delays
            shown = [f"{line} ({n} of {len(pairs)} pairs)" for line, n in faults.most_common(SHOWN)]
            return Result(self._figures(spent, mean_batch, [], []), shown)
        delays = [pair.delays(acks, since=before.node.wall_s) for pair, acks in acked]
        return Result(
            self._figures(
                spent,
                mean_batch,
                sorted(delay for acks, _ in delays for delay in acks),
                sorted(delay for _, deliveries in delays for delay in deliveries),
            ),
            [],
        )

    def _figures(
        self, spent: Spent, mean_batch: float, acks: list[float], deliveries: list[float]
    ) -> list[Figure]:
        each = 1e6 / self.messages
        return [
            Figure("messages", "/s", self.messages / spent.node.wall_s, 0),
            Figure("node CPU", "us", spent.node.cpu_s * each, 0),
            Figure("  in user space", "us", spent.node.user_s * each, 0),
            Figure("  in the kernel", "us", spent.node.system_s * each, 0),
            Figure("Postgres CPU", "us", spent.postgres_s * each, 0),
            Figure("CPU of the senders", "us", spent.senders.cpu_s * each, 0),
            Figure("mean batch", "", mean_batch),
            Figure("to ack, p50", "ms", quantile_ms(acks, 0.5)),
            Figure("to ack, p99", "ms", quantile_ms(acks, 0.99)),
            Figure("to delivery, p50", "ms", quantile_ms(deliveries, 0.5)),
            Figure("to delivery, p99", "ms", quantile_ms(deliveries, 0.99)),
        ]


def quantile_ms(delays: Sequence[float], share: float) -> float | None:
    """Of sorted seconds; the nearest rank."""
    if not delays:
        return None
    return delays[min(int(share * len(delays)), len(delays) - 1)] * 1000


def side_by_side(figures: dict[int, list[Figure]]) -> list[Figure]:
    """Those of the same name under each other, with their ratios to the first batch size."""
    first, *others = figures
    rows: list[Figure] = []
    for same in zip(*figures.values(), strict=True):
        rows += [
            Figure(f"{figure.name}, {batch}", figure.unit, figure.value, figure.digits)
            for batch, figure in zip(figures, same, strict=True)
        ]
        if same[0].name in COMPARED:
            rows += [
                Figure(f"  ratio {batch} : {first}", "x", ratio(figure, same[0]))
                for batch, figure in zip(others, same[1:], strict=True)
            ]
    return rows


def ratio(figure: Figure, to: Figure) -> float | None:
    return figure.value / to.value if figure.value is not None and to.value else None

"""What an invariant is given to judge, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.fresh import Fresh
from tests.faults.log import Answered, Asked, Entry, Log, Read, Seen, Shown
from tests.faults.social_truth import SocialTruth
from tests.faults.truth import Kept, Truth


@dataclass(frozen=True, slots=True)
class Violation:
    demand: str
    """The name of the invariant."""
    what: str
    """Who, where and what: enough to find the lines in the logs."""

    def __str__(self) -> str:
        return f"{self.demand.replace('_', ' ')}: {self.what}"


@dataclass(slots=True)
class Evidence:
    """The logs of all clients, the truth after the end, and when the last fault was healed."""

    logs: list[Log]
    truth: Truth
    healed_at: float = 0.0
    ended_at: float = 0.0
    """Until when the clients have listened."""
    before: Truth = field(default_factory=dict)
    """What there was before the first request that is told of here."""
    fresh: dict[UUID, Fresh] = field(default_factory=dict)
    """What a client that knows nothing is told after the end, for each user."""
    social: SocialTruth | None = None
    """Beyond messages; None: it is not known what there was before, so nothing can be said."""
    drift: list[str] = field(default_factory=list)
    """What `lumina recount` finds wrong."""
    clock_s: float = 0.0
    """To be added to times here, for seconds since 1970."""
    by_id: dict[tuple[UUID, UUID], Kept] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {
            (conversation, kept.message): kept
            for conversation, talk in self.truth.items()
            for kept in talk.messages
        }


Invariant = Callable[[Evidence], Iterator[str]]
"""Yields what is wrong, in words. Its name says what it demands."""


def settled(log: Log) -> Iterator[tuple[Asked, Answered]]:
    """The requests that have an answer, in the order of their answers."""
    asked: dict[int, Asked] = {}
    for entry in log.entries:
        if isinstance(entry, Asked):
            asked[entry.number] = entry
        elif isinstance(entry, Answered):
            yield asked[entry.number], entry


def acknowledged(evidence: Evidence, *ops: str) -> Iterator[tuple[Log, Asked, Answered]]:
    for log in evidence.logs:
        for asked, answer in settled(log):
            if answer.outcome == "ok" and asked.op in ops:
                yield log, asked, answer


def shown(entry: Entry) -> list[Seen]:
    """What an entry has brought onto the app's screen."""
    if isinstance(entry, Shown):
        return [entry.message]
    return entry.messages if isinstance(entry, Read) and entry.anew else []


def short(id_: UUID | None) -> str:
    """The end of an id, which is random, unlike its beginning."""
    return str(id_)[-8:] if id_ else "-"

"""The books of a run: what was acknowledged, what came, and whether they agree.

A sender adds each message that was acknowledged to the tally of its conversation, and a receiver
each one that came: its number, and a sum over the ids and seqs. So the two can be compared across
processes without either keeping the messages. What comes twice, late, or behind a hole, a receiver
sees at once, since the seqs of a conversation have no holes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

SUM_BITS = (1 << 64) - 1
ODD = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio (Knuth, TAOCP 6.4): spreads the seqs over all bits."""
SHOWN = 8
Key = bytes
"""The id of a conversation."""


@dataclass(slots=True)
class Tally:
    count: int = 0
    last_seq: int = 0
    digest: int = 0
    unsure: int = 0
    """Sent, and neither acknowledged nor refused: they may be there."""

    def add(self, seq: int, message_id: bytes) -> None:
        self.count += 1
        self.last_seq = max(self.last_seq, seq)
        mixed = int.from_bytes(message_id[8:], "big") ^ (seq * ODD & SUM_BITS)
        self.digest = (self.digest + mixed * ODD) & SUM_BITS

    def merge(self, other: Tally) -> None:
        self.count += other.count
        self.last_seq = max(self.last_seq, other.last_seq)
        self.digest = (self.digest + other.digest) & SUM_BITS
        self.unsure += other.unsure


@dataclass(slots=True)
class Books:
    """Of the users of one process."""

    sent: defaultdict[Key, Tally] = field(default_factory=lambda: defaultdict(Tally))
    got: dict[tuple[int, Key], Tally] = field(default_factory=dict)
    """By the number of the user and the conversation. Of those that have to get all of it, from
    the beginning."""
    notes: dict[tuple[int, str], int] = field(default_factory=dict)
    """What a scenario remembers of a user, for its own check."""
    faults: Counter[str] = field(default_factory=Counter)
    """What was seen to be wrong, in sentences, and how often."""

    def expect(self, user: int, keys: Iterable[Key]) -> None:
        for key in keys:
            self.got.setdefault((user, key), Tally())


def merged(each: Iterable[Books]) -> Books:
    """The users of the processes are different ones."""
    total = Books()
    for books in each:
        for key, tally in books.sent.items():
            total.sent[key].merge(tally)
        total.got.update(books.got)
        total.notes.update(books.notes)
        total.faults.update(books.faults)
    return total


def faults(books: Books) -> list[str]:
    """What is wrong, in sentences; the run must have come to rest."""
    found = Counter(books.faults)
    for (_, key), got in books.got.items():
        if key in books.sent and (why := _difference(books.sent[key], got)):
            found[why] += 1
    shown = [f"{line} ({times:,} times)" for line, times in found.most_common(SHOWN)]
    rest = len(found) - SHOWN
    return shown + ([f"and {rest} other kinds of faults"] if rest > 0 else [])


def _difference(sent: Tally, got: Tally) -> str | None:
    if got.count < sent.count:
        return "a receiver lost messages that were acknowledged"
    if sent.unsure:
        return None
    if got.count > sent.count:
        return "a receiver got more messages than were acknowledged"
    if got.digest != sent.digest:
        return "a receiver got other messages than were acknowledged"
    return None

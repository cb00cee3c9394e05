"""What one user has had of their conversations, and whether the next thing fits behind it.

As protocol/README.md says under "An unbroken conversation", but that a hole is a fault here: a
connection that stays, and a resume, must tell everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loadtest.drive.ledger import Books, Key

TWICE = "a message came twice, or after a later one"
EARLY = "a message came before the one before it"
OWN_STREAM = "an event of the user's own stream came twice, or behind a hole"
BEHIND = "a resume told less of a conversation than there was"
STALE = "a resume left a conversation to be asked for"


class Had:
    """By conversation: the seq and the rev of the newest."""

    __slots__ = ("_books", "_number", "_where", "epoch", "resuming", "user_rev")

    def __init__(self, books: Books, number: int) -> None:
        self._books = books
        self._number = number
        self._where: dict[Key, tuple[int, int]] = {}
        self.resuming = False
        """What was had before may be told again until the resume is answered."""
        self.epoch: int | None = None
        self.user_rev: int | None = None

    def message(self, message: Mapping[str, Any]) -> bool:
        """Whether it is new. What is behind a hole is, too."""
        key, seq, rev = message["conversation_id"], message["seq"], message["rev"]
        last_seq, last_rev = self._where.get(key, (seq - 1, rev - 1))
        if seq <= last_seq:
            if not self.resuming:
                self._books.faults[TWICE] += 1
            return False
        if seq > last_seq + 1:
            self._books.faults[EARLY] += 1
        self._where[key] = seq, max(rev, last_rev)
        if tally := self._books.got.get((self._number, key)):
            tally.add(seq, message["message_id"])
        return True

    def page(self, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Of `conversation.synced`: the messages of it that are new."""
        key = body["conversation_id"]
        known = self._where.get(key, (0, 0))[1]
        new = [m for m in sorted(body["messages"], key=_seq) if m["rev"] > known]
        taken = [m for m in new if self.message(m)]
        self.moved(key, body["to_rev"])
        return taken

    def moved(self, key: Key, rev: int) -> None:
        """Something else than a new message happened in it."""
        if key in self._where:
            seq, last_rev = self._where[key]
            self._where[key] = seq, max(rev, last_rev)

    def own(self, user_rev: int) -> None:
        """An event of the user's own stream."""
        had = self.user_rev
        fits = had is None or user_rev == had + 1 or (self.resuming and user_rev <= had)
        if not fits:
            self._books.faults[OWN_STREAM] += 1
        self.user_rev = max(user_rev, had or 0)

    def cursors(self) -> list[tuple[Key, int]]:
        return [(key, rev) for key, (_, rev) in self._where.items()]

    def resumed(self, answer: Mapping[str, Any]) -> None:
        """The reply to `resume`."""
        self.epoch = answer["epoch"]
        self.user_rev = max(answer["user_rev"], self.user_rev or 0)
        self.resuming = False
        if answer["stale"]:
            self._books.faults[STALE] += len(answer["stale"])
        self._begin(answer["cursors"])

    def _begin(self, standings: Iterable[tuple[Key, int, int]]) -> None:
        for key, rev, seq in standings:
            if key not in self._where:
                self._where[key] = seq, rev
            elif self._where[key][1] < rev:
                self._books.faults[BEHIND] += 1


def _seq(message: Mapping[str, Any]) -> int:
    return int(message["seq"])

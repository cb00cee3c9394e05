"""How far one session is while it catches up with the others of its node.

While it does, no event is kept for it: an event only says how far a stream is by now, and what
the session has not had of it is read from the store, as fast as the client reads. When nothing is
missing any more it goes live. What comes late, of what it has read, is then passed over, until
everything that its last look can have seen has passed the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from lumina_rt.bus.entry import Place

MAX_STREAMS = 10_000


class TooMuch(Exception):
    """More streams have moved than are remembered for a session that does not resume."""


@dataclass(slots=True)
class CatchUp:
    """Of a session that has said that it will resume."""

    live: bool = False
    _had: dict[UUID, int] = field(default_factory=dict)
    _moved: dict[UUID, int] = field(default_factory=dict)
    """Up to where streams are by now that the session has not had so far."""

    def passes(self, place: Place) -> bool:
        """Whether an event is for the session now. Raises TooMuch."""
        if place is None:
            return self.live
        stream, rev = place
        had = self._had.get(stream)
        if had is not None and rev <= had:
            return False
        if not self.live:
            self._moved[stream] = rev
            # Of a stream that the client has said nothing of, this is where it begins.
            self._had.setdefault(stream, rev - 1)
            if len(self._had) > MAX_STREAMS:
                raise TooMuch
        return self.live

    def begin(self, stream: UUID, rev: int, upto: int) -> None:
        """The client has had a stream up to this rev, and it is as far as `upto`."""
        self._had[stream] = rev
        self._move(stream, upto)

    def has(self, stream: UUID, rev: int) -> None:
        """The session has been told a stream up to here."""
        self._had[stream] = max(rev, self._had.get(stream, 0))
        self._move(stream, 0)

    def leave(self, stream: UUID) -> None:
        """The client will ask for this stream itself: what comes of it is told."""
        self._had.pop(stream, None)
        self._moved.pop(stream, None)

    def had(self, stream: UUID) -> int:
        return self._had.get(stream, 0)

    @property
    def covered(self) -> Mapping[UUID, int]:
        """Up to where the session has had each stream."""
        return self._had

    def moved(self, stream: UUID) -> int:
        """How far a stream is that the session has not all of; 0 when it has."""
        return self._moved.get(stream, 0)

    def behind(self) -> dict[UUID, int]:
        """The streams that the session has not all of, and up to where it has had each."""
        return {stream: self._had[stream] for stream in self._moved}

    def _move(self, stream: UUID, upto: int) -> None:
        upto = max(upto, self._moved.pop(stream, 0))
        if upto > self._had[stream]:
            self._moved[stream] = upto

"""Who on this node gets what. An event is encoded once and written many times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from lumina_protocol.codec import JSON, Codec, transcode

from lumina_rt.bus.entry import Delivery, Place
from lumina_rt.telemetry import Telemetry


class Receiver(Protocol):
    """A live session."""

    codec: Codec

    def push(self, frame: bytes, place: Place) -> None:
        """Queue a complete websocket frame. Never raises, never blocks."""

    def whisper(self, frame: bytes) -> bool:
        """Likewise, or drop it when much waits already, and say so by False."""

    def outnumbered(self) -> None:
        """The user has opened too many newer sessions: close this one."""

    def login_ended(self, session_id: UUID) -> None:
        """Close this one if it was opened by that login."""


class Attendance(Protocol):
    """Wants to know who is there."""

    def opened(self, user_id: UUID) -> None:
        """The first session of a user."""

    def closed(self, user_id: UUID) -> None:
        """The last one has left."""

    def left(self, line: Receiver) -> None:
        """Any of them has; maybe told twice."""


class Quiet(Protocol):
    """Knows who is not told everything at once."""

    def opened(self, user_id: UUID) -> None:
        """A session of a user has come."""

    def closed(self, user_id: UUID) -> None:
        """The last one has left."""

    def passing(self, delivery: Delivery) -> Delivery:
        """What of it is to be told now."""


@dataclass(slots=True)
class Hub:
    frame: Callable[[Codec, bytes], bytes]
    """Makes a complete websocket frame of a payload."""
    max_sessions_per_user: int
    telemetry: Telemetry
    attendance: Attendance | None = None
    quiet: Quiet | None = None
    left: list[Callable[[Receiver], None]] = field(default_factory=list)
    """To be called when a session has left, maybe twice."""
    sessions: dict[bytes, list[Receiver]] = field(default_factory=dict)
    """By the 16 bytes of a user's id."""

    def join(self, user_id: UUID, receiver: Receiver) -> None:
        """From now on the receiver gets the events of this user; oldest sessions make room."""
        receivers = self.sessions.setdefault(user_id.bytes, [])
        receivers.append(receiver)
        if self.attendance and len(receivers) == 1:
            self.attendance.opened(user_id)
        if self.quiet:
            self.quiet.opened(user_id)
        if len(receivers) > self.max_sessions_per_user:
            receivers.pop(0).outnumbered()

    def leave(self, user_id: UUID, receiver: Receiver) -> None:
        receivers = self.sessions.get(user_id.bytes, [])
        if receiver in receivers:
            receivers.remove(receiver)
        ended = not receivers and self.sessions.pop(user_id.bytes, None) is not None
        for call in self.left:
            call(receiver)
        if self.attendance:
            self.attendance.left(receiver)
            if ended:
                self.attendance.closed(user_id)
        if self.quiet and ended:
            self.quiet.closed(user_id)

    def end(self, user_id: UUID, session_id: UUID) -> None:
        """This login of the user is over."""
        for receiver in tuple(self.sessions.get(user_id.bytes, ())):
            receiver.login_ended(session_id)

    def deliver(self, delivery: Delivery) -> None:
        """Give an event to the sessions of those whom it is for, and who want it now."""
        self.give(self.quiet.passing(delivery) if self.quiet else delivery)

    def give(self, delivery: Delivery) -> None:
        frames: dict[Codec, bytes] = {}
        delivered, place, codec, frame = 0, delivery.place, None, b""
        receivers_of = self.sessions.get
        for key in delivery.to:
            for receiver in receivers_of(key, ()):
                delivered += 1
                if receiver.codec is not codec:
                    codec = receiver.codec
                    frame = frames.get(codec) or frames.setdefault(
                        codec, self._framed(codec, delivery.payload)
                    )
                if place:
                    receiver.push(frame, place)
                else:
                    receiver.whisper(frame)
        if delivered:
            self.telemetry.deliveries.inc(delivered)

    def _framed(self, codec: Codec, payload: bytes) -> bytes:
        return self.frame(codec, transcode(payload) if codec is JSON else payload)

"""One websocket: bytes to requests, replies and events to bytes. The session decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from uuid import UUID

from lumina_protocol.codec import CODECS, MSGPACK, Codec, Malformed
from lumina_protocol.errors import CloseCode, ErrorBody, InvalidToken, SessionEnded, Suspended
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event, EventFrame, Reply, RequestFrame
from lumina_protocol.session import Ready
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF
from websockets.protocol import State as SocketState

from lumina_rt.address import Address
from lumina_rt.bus.entry import Place
from lumina_rt.catch_up import CatchUp, TooMuch
from lumina_rt.gateway.framing import websocket_frame
from lumina_rt.gateway.handshake import Handshake
from lumina_rt.router import Ctx, dispatch, waiting
from lumina_rt.session import Action, Answer, Close, Ping, Run, Session, State

if TYPE_CHECKING:
    from lumina_rt.gateway.gateway import Gateway

# A name of the module costs a tenth of what Python 3.11 takes to look a member of an enum up.
READY, CLOSED, OPEN = State.READY, State.CLOSED, SocketState.OPEN
CLOSE, CONT, BINARY, TEXT = Opcode.CLOSE, Opcode.CONT, Opcode.BINARY, Opcode.TEXT
PATH = "/v1/socket"
UNCOUNTED = 16
"""Frames that may wait for the next tick: together at most what `outbox_bytes` is at least."""
CLOSE_TIMEOUT_S = 5
ENDED_TIMEOUT_S = 0.5
LEAVE_TIMEOUT_S = 5
"""How long a client that is sent elsewhere may wait for what it has asked for."""
MAX_REASON = 120  # bytes; a close frame has room for 123 (RFC 6455 section 5.5.1)
REFUSALS = frozenset({InvalidToken.code, SessionEnded.code, Suspended.code})
"""Of a token that will never be right."""
ABNORMAL = 1006  # never on the wire: the connection broke without a close frame (section 7.4.1)


def end_of_stream(transport: asyncio.Transport) -> None:
    """Half-close where that is possible. Over TLS uvloop can only close: it says close_notify when
    all is written, and passes over what still comes for CLOSE_TIMEOUT_S at most."""
    if transport.can_write_eof():
        transport.write_eof()
    else:
        transport.close()


class Connection(asyncio.Protocol):
    """A websocket from its opening handshake on. Also the hub's Receiver."""

    __slots__ = ("address", "catch_up", "codec", "ctx", "drained", "gateway", "leaving_with",
                 "message", "outbox", "outbox_bytes", "reading", "session", "slot", "stalled",
                 "timer", "transport", "unread", "writable", "ws")  # fmt: skip

    def __init__(self, gateway: Gateway, address: Address) -> None:
        self.gateway = gateway
        self.address = address
        """Of the client, not of a trusted proxy."""
        self.ws = Handshake(
            max_size=gateway.settings.max_frame_before_auth, logger=gateway.socket_logger
        )
        self.codec: Codec = MSGPACK
        self.session = Session(gateway.limits, gateway.loop.time())
        self.ctx = Ctx(gateway.services, uuid7(), address=str(address), line=self)
        self.catch_up: CatchUp | None = None
        self.drained: asyncio.Future[None] | None = None  # somebody waits for the client to read
        self.outbox: list[bytes] = []
        self.outbox_bytes = 0  # where they are counted; of answers see _next, which bounds them
        self.message: bytearray | None = None  # a fragmented message, as far as it has come
        self.writable = self.reading = True
        self.stalled = 0  # requests that are answered, and may let others begin when all is read
        self.unread = 0
        self.timer: asyncio.TimerHandle | None = None
        self.slot = -1
        self.leaving_with = CloseCode.SERVICE_RESTART

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._set_timer(self.gateway.settings.header_timeout_s, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        self.session.heard = True
        self.ws.receive_data(data)
        for event in self.ws.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._receive(event)
        if self.ws.writes:
            self._write_protocol_data()
        self._update_reading()

    def eof_received(self) -> None:
        self.ws.receive_eof()
        self._write_protocol_data()

    def pause_writing(self) -> None:
        self.writable = False
        self.outbox_bytes = sum(map(len, self.outbox))
        if self.session.state is not CLOSED:
            self.gateway.budget.paused(self)
        self._update_reading()

    def resume_writing(self) -> None:
        self.gateway.budget.resumed(self)
        self.writable = self.session.heard = True
        self.flush()
        self._wake_teller()
        stalled, self.stalled = self.stalled, 0
        for _ in range(stalled):
            if request := self._next():
                self.gateway.spawn(self._serve(request))
        self._update_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.session.over()
        self.gateway.budget.resumed(self)
        self.outbox.clear()
        self.ctx.line = None
        self._wake_teller()
        self._set_timer(None)
        self.gateway.lost(self)

    def _wake_teller(self) -> None:
        if self.drained and not self.drained.done():
            self.drained.set_result(None)

    # What the hub and the gateway call.

    @property
    def close_code(self) -> int:
        """What it ended with: the code that was sent, the client's own if that came first."""
        return self.ws.close_sent.code if self.ws.close_sent else ABNORMAL

    def push(self, frame: bytes, place: Place) -> None:
        """Queue an event for the next flush; close when too much waits.

        The innermost lines of fan-out. A session that is READY has an open socket.
        """
        outbox = self.outbox
        is_plain = self.writable and self.catch_up is None and len(outbox) < UNCOUNTED
        if not (is_plain or self._has_room(frame, place)):
            return
        if not outbox:
            if self.session.state is not READY:
                return
            flusher = self.gateway.flusher  # as `mark` does
            flusher.events.append(self)
            if not flusher.scheduled:
                flusher.schedule()
        outbox.append(frame)

    def _has_room(self, frame: bytes, place: Place) -> bool:
        if self.session.state is not READY:
            return False
        if self.catch_up is not None and not self._is_level(place):
            return False
        if self.writable and not self.outbox_bytes:
            self.outbox_bytes = sum(map(len, self.outbox))
        self.outbox_bytes += len(frame)
        if not self.writable and not self.gateway.budget.takes(self, len(frame)):
            return False
        if self.outbox_bytes > self.gateway.outbox_limit:
            self.too_slow()
            return False
        return True

    async def tell(self, event: Event | EventFrame) -> None:
        """Write an event of a resume, and wait until the client has read most of what waits."""
        if self.session.state is READY:
            self._reply(self.codec.event(event))
            self.flush()
        while not self.writable and self.session.state is READY:
            self.drained = self.gateway.loop.create_future()
            await self.drained

    def settled(self) -> None:
        """Nothing comes any more that a resume has told already."""
        self.catch_up = None

    def whisper(self, frame: bytes) -> bool:
        """Of what is not kept, nobody is to wait for, or be closed over."""
        if self.outbox_bytes + len(frame) > self.gateway.outbox_limit // 2:
            self.gateway.telemetry.shed.inc()
            return False
        self.push(frame, None)
        return True

    def too_slow(self) -> None:
        self.outbox.clear()
        self.close(CloseCode.SLOW_READER, "too much waits to be read; reconnect")

    def outnumbered(self) -> None:
        self.close(CloseCode.TOO_MANY_SESSIONS, "this user has opened too many newer sessions")

    def login_ended(self, session_id: UUID) -> None:
        """Nothing more is told, and nothing begun; what is under way is answered, for a moment."""
        if self.ctx.session_id == session_id and self.ctx.user:
            self.gateway.hub_of(self).leave(self.ctx.user, self)
            self.session.queue = None
            why = "this login has ended; log in again"
            self._leave(CloseCode.SESSION_ENDED, why, ENDED_TIMEOUT_S)

    def ends_at(self, moment: int) -> None:
        if self.session.state is READY and not self.session.leaving:
            left_s = moment / 1000 - self.gateway.services.now()
            self._set_timer(max(left_s, 0), self._expired)

    def _expired(self) -> None:
        self.close(CloseCode.TOKEN_EXPIRED, "the token has expired; get a new one and resume")

    def flush(self) -> None:
        outbox = self.outbox
        if not outbox or not self.writable:
            return
        if len(outbox) == 1:
            joined = outbox.pop()
        else:
            joined = b"".join(outbox)
            outbox.clear()
        self.outbox_bytes = 0
        self.transport.write(joined)

    def beat(self) -> None:
        """Whom we do not read from we cannot hear: it lives while it reads, or waits for us."""
        unread = self.transport.get_write_buffer_size()
        if not self.reading and (self.writable or unread < self.unread):
            self.session.heard = True
        self.unread = unread
        self._obey(self.session.beat())

    def leave(self, reason: str) -> None:
        """Send the client elsewhere, once what it has asked for is answered."""
        if not self.session.leaving:
            self._leave(CloseCode.SERVICE_RESTART, reason, LEAVE_TIMEOUT_S)

    def _leave(self, code: CloseCode, reason: str, within_s: float) -> None:
        if self.session.state is CLOSED:
            return
        self.session.leaving, self.leaving_with = reason, code
        if self.session.idle:
            self.close(code, reason)
        else:
            self._set_timer(within_s, self.close, code, reason)

    def close(self, code: CloseCode, reason: str) -> None:
        """Say why, give the client a moment to answer, then cut the line."""
        self.session.over()
        self.gateway.budget.resumed(self)
        if self.ws.state is not OPEN:
            return
        self.ws.send_close(code, reason[:MAX_REASON])
        self._write_protocol_data()
        self._set_timer(CLOSE_TIMEOUT_S, self.transport.abort)
        self._update_reading()

    # The opening handshake.

    def _shake_hands(self, request: Request) -> None:
        if refusal := self.gateway.refusal(request):
            self.ws.send_response(self.ws.reject(*refusal))
            return
        self.ws.send_response(self.ws.accept(request))
        if self.ws.state is OPEN and self.ws.subprotocol:
            self.codec = CODECS[self.ws.subprotocol]
            self._set_timer(self.gateway.settings.auth_timeout_s, self._late)
            self.slot = self.gateway.opened(self)
            self._write_protocol_data()
            self._reply(self.codec.event(self.gateway.hello()))

    def _late(self) -> None:
        self._obey(self.session.late())

    # Messages in.

    def _receive(self, frame: Frame) -> None:
        if frame.opcode is CLOSE:
            self.session.over()
        elif frame.opcode is CONT and self.message is not None:
            self.message += frame.data
            if frame.fin:
                message, self.message = self.message, None
                self._request(bytes(message))
        elif frame.opcode in (BINARY, TEXT):
            self._first_fragment(frame)

    def _first_fragment(self, frame: Frame) -> None:
        if (frame.opcode is BINARY) is not self.codec.binary:
            wanted = "binary" if self.codec.binary else "text"
            name = self.codec.subprotocol
            self.close(CloseCode.UNSUPPORTED_DATA, f"{name} is spoken in {wanted} frames")
        elif frame.fin:
            self._request(bytes(frame.data))
        else:
            self.message = bytearray(frame.data)

    def _request(self, data: bytes) -> None:
        try:
            request = self.codec.decode(data)
        except Malformed as error:
            self.close(CloseCode.MALFORMED_FRAME, str(error))
            return
        if not isinstance(request, RequestFrame):
            self.close(CloseCode.MALFORMED_FRAME, "clients send requests only")
            return
        self._obey(self.session.receive(waiting(request), self.gateway.loop.time()))

    def _obey(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Run(request):
                    self.gateway.spawn(self._serve(request))
                case Answer(id_, error):
                    self._reply(self.codec.error(id_, error))
                case Close(code, reason):
                    self.session.over()
                    self.close(code, reason)
                case Ping():
                    self.ws.send_ping(b"")
                    self._write_protocol_data()

    async def _serve(self, request: RequestFrame | None) -> None:
        """Run requests until none waits: a task lives only as long as there is something to do."""
        while request is not None:
            result = await dispatch(self.ctx, request)
            if request.op == "auth":
                self._authenticated(result, resumes=request.body.get("resume") is True)
            if isinstance(result, Reply):
                payload = self.codec.reply(request.id, result)
            else:
                payload = self.codec.error(request.id, result)
            self._reply(payload)
            if request.op == "auth" and isinstance(result, ErrorBody):
                self._not_authenticated(result)
            request = self._next()

    def _next(self) -> RequestFrame | None:
        """What the task of an answered request runs now; more than one get tasks of their own.
        Nothing begins while the client does not read what it has asked for."""
        if not self.writable:
            self.stalled += 1
            return None
        first: RequestFrame | None = None
        for action in self.session.finished():
            if first is None and isinstance(action, Run):
                first = action.request
            else:
                self._obey([action])
        self._update_reading()
        if self.session.leaving and self.session.idle:
            self.close(self.leaving_with, self.session.leaving)
        return first

    def _authenticated(self, result: Reply | ErrorBody, *, resumes: bool) -> None:
        """Events follow from here on, so the hub knows the session before the reply is sent."""
        if isinstance(result, Ready) and self.session.accepted(result.user_id):
            self._set_timer(None)
            self.ctx.authenticated(result)
            if result.expires_at:
                self.ends_at(result.expires_at)
            if resumes:
                self.catch_up = CatchUp()
            self.ws.max_message_size = self.gateway.settings.max_frame
            self.gateway.hub_of(self).join(result.user_id, self)
            if self.gateway.has_ended(result.session_id):  # since the token was looked at
                self.login_ended(result.session_id)

    def _not_authenticated(self, error: ErrorBody) -> None:
        if error.code in REFUSALS:
            self._obey(self.session.refused())
        else:
            self.session.undecided()

    def _is_level(self, place: Place) -> bool:
        assert self.catch_up is not None
        try:
            return self.catch_up.passes(place)
        except TooMuch:
            self.close(CloseCode.SLOW_READER, "much has happened and was not resumed; reconnect")
            return False

    # Bytes out.

    def _reply(self, payload: bytes) -> None:
        """Queue what somebody waits for: it is written before other connections' events."""
        if self.ws.state is OPEN and self.session.state is not CLOSED:
            self.gateway.flusher.mark(self, reply=True)
            self.outbox.append(websocket_frame(self.codec, payload))

    def _write_protocol_data(self) -> None:
        """The opening handshake, pongs and closes, which the Sans-I/O protocol makes."""
        if self.ws.state is not OPEN:  # a close goes behind what was queued before it
            self.flush()
            self.outbox.clear()
        for chunk in self.ws.data_to_send():
            if chunk != SEND_EOF:
                self.transport.write(chunk)
            elif not self.transport.is_closing():
                self._end_of_stream()

    def _end_of_stream(self) -> None:
        """The closing handshake is done: half-close, so that the last bytes are not reset away."""
        self.session.over()
        end_of_stream(self.transport)
        self._set_timer(CLOSE_TIMEOUT_S, self.transport.abort)

    def _update_reading(self) -> None:
        """Read only while the client reads too, and while its requests are served."""
        want = self.writable and not self.session.full
        if want is not self.reading and not self.transport.is_closing():
            self.reading = want
            (self.transport.resume_reading if want else self.transport.pause_reading)()

    def _set_timer(self, delay_s: float | None, *then: object) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = None
        if delay_s is not None:
            self.timer = self.gateway.loop.call_later(delay_s, *then)  # type: ignore[arg-type]

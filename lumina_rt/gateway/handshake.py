"""The opening handshake, where websockets' own says too little to whoever has to mend a client."""

from __future__ import annotations

import http
from collections.abc import Sequence

from lumina_protocol.codec import CODECS
from websockets.exceptions import NegotiationError
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import StatusLike, Subprotocol

VERSION = "13"  # of the websocket protocol, RFC 6455


class Handshake(ServerProtocol):
    """The Sans-I/O server side of one websocket."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol:
        """The first of ours that the client offers. Raises NegotiationError."""
        for name in CODECS:
            if name in subprotocols:
                return Subprotocol(name)
        raise NegotiationError(f"Sec-WebSocket-Protocol must offer one of {', '.join(CODECS)}")

    def reject(self, status: StatusLike, text: str) -> Response:
        """As RFC 6455 section 4.4 demands, with the version that would be understood."""
        response = super().reject(status, text)
        response.headers["Sec-WebSocket-Version"] = VERSION
        return response

    def send_eof(self) -> None:
        """What cannot be parsed is answered too, before the end."""
        if self.state is State.CONNECTING and not self.writes:
            why = f"Failed to open a WebSocket connection: {self.handshake_exc}.\n"
            self.writes.append(self.reject(http.HTTPStatus.BAD_REQUEST, why).serialize())
        super().send_eof()

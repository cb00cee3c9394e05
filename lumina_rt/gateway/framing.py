"""Complete websocket frames, as a server sends them: unmasked and unfragmented."""

from __future__ import annotations

from lumina_protocol.codec import Codec

FIN_TEXT, FIN_BINARY = 0x81, 0x82


def websocket_frame(codec: Codec, payload: bytes) -> bytes:
    """RFC 6455 section 5.2. Made once and written to many sockets."""
    first, size = FIN_BINARY if codec.binary else FIN_TEXT, len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65_536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload

"""What the SDK raises besides the server's own errors (lumina_protocol.errors.LuminaError)."""

from __future__ import annotations


class ClientError(Exception):
    """The base of the SDK's own errors."""


class CallTimeout(ClientError):
    """No answer came in time. A write may have been done: its retry with the same ids is safe."""


class Disconnected(ClientError):
    """The connection is closed for good; `code` tells why, see lumina_protocol.errors.CloseCode."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason or 'no reason given'}")
        self.code = code
        self.reason = reason


class Overflow(ClientError):
    """Events came faster than they were taken: read the inbox, or open it only when needed."""

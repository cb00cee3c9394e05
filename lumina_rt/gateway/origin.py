"""Which web pages may open a websocket: browsers ask nobody else (RFC 6455 section 10.2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def may_connect(origins: Sequence[str], host: str, allowed: Collection[str]) -> bool:
    """`origins` are the values of the Origin header: native clients send none. `allowed` are
    origins in lower case, or "*"; when it is empty, a page may connect to the host it came from."""
    if not origins or "*" in allowed:
        return True
    if len(origins) > 1:
        return False
    origin = origins[0].lower()
    return origin in allowed if allowed else _is_of(origin, host.lower())


def _is_of(origin: str, host: str) -> bool:
    """Whether the Host header means the host and the port of this origin (RFC 6454 section 4)."""
    try:
        there, here = urlsplit(origin), urlsplit(f"//{host}")
        default = PORTS.get(there.scheme)
        at = there.hostname, there.port or default
        return there.hostname is not None and at == (here.hostname, here.port or default)
    except ValueError:
        return False

"""Limits: what a user has left of them."""

from __future__ import annotations

from lumina_protocol.frame import Reply, Request, Wire


class LimitLeft(Wire):
    """Of one class of operations."""

    name: str
    count: int
    """So many in `period_ms` for long."""
    period_ms: int
    burst: int
    """So many at once after a pause."""
    remaining: int
    """So many at once now."""
    full_in_ms: int
    """When `remaining` is `burst` again, if nothing is asked for until then."""


class LimitsLeft(Reply):
    limits: list[LimitLeft]
    """Classes that are not in it are not limited by user."""


class GetLimits(Request[LimitsLeft]):
    """What the user has left now, on this node."""

    op = "limits.get"
    scope = ""

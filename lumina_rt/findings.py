"""What was found out about an engine: a line of `doctor`, or the reason why `serve` refuses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    value: str
    problem: str = ""
    """A sentence that says what is wrong and what to do; empty when all is well."""
    fatal: bool = True
    """Whether a node refuses to start because of it."""

"""What ends a measurement: each is one line on stderr and exit code 1."""

from __future__ import annotations


class LoadTestError(Exception):
    """The base; the message says what happened and, where one can do something, what."""


class CannotStart(LoadTestError):
    """Something that the measurement needs is missing: descriptors, a compiler, a server."""


class Broken(LoadTestError):
    """A connection ended, or got what it cannot read."""


class Stalled(LoadTestError):
    """What was waited for did not come in time."""


class Violation(LoadTestError):
    """A receiver missed a message, got one twice, out of order, or with other content."""

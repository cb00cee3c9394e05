"""The limit of open files: each connection is one here and one in the node."""

from __future__ import annotations

import resource

from loadtest.errors import CannotStart

OWN = 200
"""For the engines, logs, libraries and the clients that send."""


def allow(connections: int) -> None:
    """Raise the soft limit to the hard one, for us and the node we start. Raises CannotStart."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + OWN
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotStart(
            f"{connections} connections need {needed} open files and the hard limit is {hard}: "
            f"raise it with `ulimit -Hn {needed}` as root (nofile in limits.conf, LimitNOFILE=)"
        )
    soft = needed if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

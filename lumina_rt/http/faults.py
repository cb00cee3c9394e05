"""What the HTTP library says of failures, without what strangers have sent."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError


class _NotOfClients(logging.Filter):
    """It quotes the line of a request that it cannot read, and that may hold a token. Whoever has
    sent it is told what is wrong with it; the log would only fill."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


FAULTS = logging.getLogger("lumina_rt.http")
"""For web.AppRunner."""
FAULTS.addFilter(_NotOfClients())

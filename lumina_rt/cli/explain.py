"""From an exception to the line that an operator reads. What nobody foresaw keeps its traceback."""

from __future__ import annotations

import asyncpg
from lumina_protocol.errors import LuminaError
from redis.exceptions import RedisError

from lumina_rt.app import PortTaken
from lumina_rt.client.errors import ClientError
from lumina_rt.dev.binaries import EngineError
from lumina_rt.preflight import PreflightError
from lumina_rt.store.db import StoreUnreachable
from lumina_rt.store.migrate import MigrationError

FAILED = 1


def explain(error: BaseException) -> tuple[str, int] | None:  # noqa: PLR0911
    """The line and the exit code, or None for what nobody foresaw."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case StoreUnreachable():
            return f"Postgres cannot be reached: {error}; see LUMINA_DATABASE_URL", FAILED
        case RedisError():
            return f"Redis cannot be reached: {error}; see LUMINA_REDIS_URL", FAILED
        case asyncpg.PostgresError():
            return f"Postgres refused: {error}; see LUMINA_DATABASE_URL", FAILED
        case PortTaken() | EngineError() | PreflightError() | MigrationError():
            return str(error), FAILED
        case LuminaError():
            return error.body.message, FAILED
        case ClientError() | OSError():
            return str(error) or type(error).__name__, FAILED
    return None

"""All settings, read once from the environment (prefix LUMINA_) and passed down."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET = 32
POSTGRES_URL = r"^postgres(ql)?://"
WEAK = ("secret", "changeme", "password", "lumina", "example", "dev-only")


class ConfigError(Exception):
    """Settings are missing or wrong; each problem names one and says what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """The settings of one node. Sizes in bytes, times in seconds unless the name says ms."""

    model_config = SettingsConfigDict(env_prefix="LUMINA_", frozen=True, extra="ignore")

    environment: Literal["production", "development"] = "production"
    """`development` allows embedded engines and a weak secret."""
    database_url: Annotated[str, Field(pattern=POSTGRES_URL, repr=False)]
    """postgresql://user:password@host:5432/database"""
    redis_url: Annotated[str, Field(pattern=r"^(rediss?|unix)://", repr=False)]
    """redis://host:6379/0; Redis 6.2 or newer, or Valkey."""
    redis_prefix: str = "lumina"
    """What every Redis key begins with, so that several installations can share an engine."""
    secret: SecretStr
    """Signs tokens; at least 32 characters. The same on every node."""
    blob_dir: Path = Path(".lumina/blobs")
    """Where uploaded files are kept."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Websocket at /v1/socket, and HTTP."""
    private_host: str = "127.0.0.1"
    private_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    """/healthz, /readyz, /metrics, /trace: not for the public."""
    private_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = None
    """The private port as other machines reach it, if not as http://{private_host}:{private_port};
    `lumina trace` asks there."""
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")] = platform.node() or "node"
    """The name of this node in logs and in the hello."""

    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    max_batch: Annotated[int, Field(ge=1, le=1024)] = 256
    """Messages that one transaction commits at most; 1: each by itself."""
    password_rounds: Annotated[int, Field(ge=4, le=16)] = 12
    """bcrypt's cost: each more doubles the time. Below 12 only in development."""
    old_secrets: SecretStr = SecretStr("")
    """Former values of LUMINA_SECRET, separated by commas: what they have signed is still good."""
    token_ttl_s: Annotated[int, Field(ge=60)] = 900
    """How long an access token is good; clients get a new one by themselves."""
    session_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """A login that is not used for so long ends."""

    max_connections: Annotated[int, Field(ge=1)] = 20_000
    max_sessions_per_user: Annotated[int, Field(ge=1)] = 50
    max_frame: Annotated[int, Field(ge=4096, le=2**24)] = 65_536
    max_frame_before_auth: Annotated[int, Field(ge=1024, le=65_536)] = 4096
    max_requests_waiting: Annotated[int, Field(ge=1)] = 64
    """Of one connection; when there are more, the server stops reading from it."""
    max_requests_together: Annotated[int, Field(ge=1)] = 32
    """Sends of one connection that are under way at once."""
    outbox_bytes: Annotated[int, Field(ge=1_048_576)] = 1_048_576
    """What may wait for one slow reader before it is closed."""
    outbox_node_bytes: Annotated[int, Field(ge=1_048_576)] = 268_435_456
    """What may wait for all slow readers of this node before the slowest is closed."""
    requests_per_s: Annotated[float, Field(gt=0)] = 50
    requests_burst: Annotated[int, Field(ge=1)] = 200
    logins_waiting: Annotated[int, Field(ge=1)] = 64
    """Passwords being checked or waiting for it, on this node; more are told to wait."""
    header_timeout_s: Annotated[float, Field(gt=0)] = 10
    auth_timeout_s: Annotated[float, Field(gt=0)] = 15
    heartbeat_s: Annotated[float, Field(gt=0)] = 25
    """A silent connection is pinged after this time, and closed after twice this time."""
    drain_wait_s: Annotated[float, Field(ge=0)] = 5
    """How long a node that was told to stop goes on as before, but for /readyz, so that a balancer
    notices first."""
    drain_spread_s: Annotated[float, Field(ge=0)] = 5
    """The time over which a node spreads the moments at which it sends its clients elsewhere."""
    drain_s: Annotated[float, Field(ge=0)] = 15
    """When a node that is stopping, and has waited for the balancer, ends at the latest."""

    purge_after_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """What users have deleted, and what has expired, is removed for good after this time."""
    delete_after_days: Annotated[int, Field(ge=1, le=365)] = 30
    """For so long an account that its owner has deleted can be restored; then it is erased."""
    notifications_keep_days: Annotated[int, Field(ge=1, le=3650)] = 90

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("secret")
    @classmethod
    def _has_secret(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value():
            raise ValueError("must not be empty")
        return secret

    @property
    def secrets(self) -> list[str]:
        """The first signs, all are accepted."""
        old = self.old_secrets.get_secret_value().split(",")
        return [self.secret.get_secret_value(), *(each.strip() for each in old if each.strip())]

    @property
    def production(self) -> bool:
        return self.environment == "production"


HINTS = {
    "database_url": "set it to postgresql://user:password@host:5432/database",
    "redis_url": "set it to redis://host:6379/0",
    "secret": "make one with: openssl rand -hex 32",
}


def read_settings(**overrides: object) -> Settings:
    """The settings from the environment. Raises ConfigError."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(*(_explain(item) for item in error.errors())) from None
    if settings.production:
        _refuse_weak(settings.secret.get_secret_value())
        if settings.password_rounds < 12:
            raise ConfigError("LUMINA_PASSWORD_ROUNDS is below 12; leave it out in production")
    return settings


def read_database_url() -> str:
    """LUMINA_DATABASE_URL alone, for commands that need no more. Raises ConfigError."""
    url = os.environ.get("LUMINA_DATABASE_URL")
    if not url:
        raise ConfigError(f"LUMINA_DATABASE_URL is missing; {HINTS['database_url']}")
    if not re.match(POSTGRES_URL, url):
        raise ConfigError(f"LUMINA_DATABASE_URL is wrong; {HINTS['database_url']}")
    return url


def _explain(error: object) -> str:
    assert isinstance(error, dict)
    name = str(error["loc"][0]) if error["loc"] else "?"
    what = "is missing" if error["type"] == "missing" else f"is wrong: {error['msg']}"
    hint = HINTS.get(name)
    return f"LUMINA_{name.upper()} {what}" + (f"; {hint}" if hint else "")


def _refuse_weak(secret: str) -> None:
    if len(secret) < MIN_SECRET:
        raise ConfigError(
            f"LUMINA_SECRET has {len(secret)} characters, at least {MIN_SECRET} are needed; "
            f"{HINTS['secret']}"
        )
    if len(set(secret)) < 10 or any(word in secret.lower() for word in WEAK):
        raise ConfigError(f"LUMINA_SECRET can be guessed; {HINTS['secret']}")

"""All settings, read once from the environment (prefix LUMINA_) and passed down."""

from __future__ import annotations

import os
import platform
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lumina_rt.gcra import Rate
from lumina_rt.keyring import Keyring, development_keys, read_keys
from lumina_rt.smtp import read_sender, read_server

MIN_SECRET = 32
POSTGRES_URL = r"^postgres(ql)?://"
HTTP_URL = r"^https?://[!-~]*[!-.0-~]$"
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,*]+|\*")
WEAK = ("secret", "changeme", "password", "lumina", "example", "dev-only")


def _rate(value: object) -> object:
    return Rate.parse(value) if isinstance(value, str) else value


Limit = Annotated[Rate | None, NoDecode, BeforeValidator(_rate)]
"""Like "10/60s burst 5": 10 in 60 s (s, m or h), and 5 at once after a pause; or "off"."""


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
    encryption_keys: Annotated[SecretStr | None, Field(validate_default=True)] = None
    """name:key,name2:key2 with keys of 32 bytes in hex or base64, the same on every node: what the
    database must not be able to read is encrypted under the first, and all decrypt. Needed in
    production; in development it is made of the secret. `lumina keys` changes it."""
    blob_dir: Path = Path(".lumina/blobs")
    """Where archives of exports are kept, and uploads where no bucket is named: the same folder on
    all nodes."""
    blobs_s3_bucket: str | None = None
    """Where uploads are kept instead: in AWS S3, or what speaks its protocol at blobs_s3_endpoint.
    It is private; its CORS rules must let web pages PUT."""
    blobs_s3_endpoint: Annotated[str | None, Field(pattern=HTTP_URL)] = None
    """https://s3.example, of Cloudflare R2, Ceph, MinIO; left out for AWS. Clients reach it too."""
    blobs_s3_region: str = "us-east-1"
    blobs_s3_access_key: SecretStr | None = None
    """Left out, with the secret: those of the machine, as other AWS programs find them."""
    blobs_s3_secret_key: SecretStr | None = None
    blobs_public_url: Annotated[str | None, Field(pattern=HTTP_URL)] = None
    """https://cdn.example: a CDN that gives everybody what the store has below media/, and nothing
    else of it. Left out: media are fetched by signed URLs that end."""

    smtp_url: SecretStr | None = None
    """smtp://user:password@host:587 (STARTTLS), or smtps:// (TLS at once): who is given the mails.
    Without it there are none, and operations that need one say so."""
    mail_from: Annotated[str | None, Field(validate_default=True)] = None
    """Name <no-reply@example.com>; needed with smtp_url."""
    public_url: Annotated[str | None, Field(validate_default=True)] = None
    """Where the app is, for the links in mails: /verify-email#TOKEN and /reset-password#TOKEN below
    it. Needed with smtp_url."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Websocket at /v1/socket, and HTTP."""
    reuse_port: bool = False
    """Other nodes of this machine listen on the same port, and the kernel spreads connections over
    them (SO_REUSEPORT); `lumina serve --workers` sets it."""
    tls_cert: Path | None = None
    """A file with the certificate chain in PEM: clients connect by wss://, TLS 1.2 or newer. Leave
    it out where a proxy does TLS, which costs less memory. SIGHUP loads both files anew."""
    tls_key: Path | None = None
    """A file with the certificate's key in PEM, without a password."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks, with commas between them: 10.0.0.0/8,192.0.2.7. From there X-Forwarded-For is
    believed; without it everybody behind a proxy counts as one client address."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins of web pages that may connect, with commas between them: https://app.example, or *.
    Empty: pages of the host that they connect to. Native clients send no origin and may always."""
    private_host: str = "127.0.0.1"
    private_port: Annotated[int, Field(ge=0, le=65535)] = 9090
    """/healthz, /readyz, /metrics, /trace: not for the public."""
    private_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = None
    """The private port as other machines reach it, if not as http://{private_host}:{private_port};
    `lumina trace` asks there."""
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")] = platform.node() or "node"
    """The name of this node in logs and in the hello."""

    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    lock_timeout_ms: Annotated[int, Field(ge=100, le=5000)] = 1000
    """So long a statement waits for what another one changes; then who asked is to try again."""
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
    max_connections_per_address: Annotated[int, Field(ge=1)] = 1000
    """Of one client address, or of one /64 of IPv6, on this node: many people share an address.
    HTTP connections of trusted proxies count to nobody: they serve many."""
    handshakes_per_s: Annotated[float, Field(gt=0)] = 50
    """Websockets that one client address, or one /64 of IPv6, may open on this node."""
    handshakes_burst: Annotated[int, Field(ge=1)] = 1000
    """How many of them at once, for example after this node has started again."""
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
    """For the head of a request, from the connection or the answer before it; for TLS before that
    as long again."""
    body_timeout_s: Annotated[float, Field(gt=0)] = 30
    """For the body of an HTTP request, from the end of its head."""
    auth_timeout_s: Annotated[float, Field(gt=0)] = 15
    heartbeat_s: Annotated[float, Field(gt=0)] = 25
    """A silent connection is pinged after this time, and closed after twice this time."""
    presence_linger_s: Annotated[float, Field(ge=0, le=300)] = 10
    """How long after the last connection of a user they still count as online, so that nobody sees
    them come and go with their network, or with a node that stops."""
    calm_s: Annotated[float, Field(gt=0, le=3600)] = 60
    """How often at most users in calm mode are told how far others have read, and who is online."""
    drain_wait_s: Annotated[float, Field(ge=0)] = 5
    """How long a node that was told to stop goes on as before, but for /readyz, so that a balancer
    notices first."""
    drain_spread_s: Annotated[float, Field(ge=0)] = 5
    """The time over which a node spreads the moments at which it sends its clients elsewhere."""
    drain_s: Annotated[float, Field(ge=0)] = 15
    """When a node that is stopping, and has waited for the balancer, ends at the latest."""

    # Of each user, on each node they are connected to.
    limit_default: Limit = Rate(100, 1, 500)
    """Operations that have no limit of their own."""
    limit_message: Limit = Rate(60, 1, 300)
    """Messages sent."""
    limit_typing: Limit = Rate(5, 1, 20)
    limit_token: Limit = Rate(60, 60, 300)
    """Wrong tokens over HTTP from one address."""
    limit_presence: Limit = Rate(2, 1, 20)
    """Whom one watches, and how many are counted."""
    # Of all nodes together, by each node alone while Redis is away.
    limit_login: Limit = Rate(10, 600, 10)
    """Wrong passwords for one account from one address."""
    limit_login_account: Limit = Rate(100, 3600, 50)
    """Wrong passwords for one account from all addresses that it was not logged in from in the last
    30 days."""
    limit_login_address: Limit = Rate(60, 60, 60)
    """Logins from one address, right or wrong. IPv6 counts by /64, here and below."""
    limit_reset: Limit = Rate(3, 3600, 3)
    """Passwords to be reset of one account, asked from one address."""
    limit_reset_account: Limit = Rate(10, 3600, 5)
    limit_reset_address: Limit = Rate(30, 3600, 15)
    limit_register: Limit = Rate(60, 3600, 20)
    """Accounts made from one address."""
    limit_refresh: Limit = Rate(600, 60, 300)
    """Tokens renewed from one address."""
    limit_search: Limit = Rate(30, 60, 10)
    """Of one user."""
    limit_invite: Limit = Rate(20, 3600, 10)
    """Links to groups that lead nowhere, tried by one user."""
    limit_report: Limit = Rate(20, 3600, 10)
    """Of one user."""

    # Uploads; sizes in bytes.
    max_image: Annotated[int, Field(ge=1)] = 26_214_400
    max_gif: Annotated[int, Field(ge=1)] = 26_214_400
    max_sticker: Annotated[int, Field(ge=1)] = 1_048_576
    max_video: Annotated[int, Field(ge=1)] = 1_073_741_824
    max_audio: Annotated[int, Field(ge=1)] = 209_715_200
    max_voice_note: Annotated[int, Field(ge=1)] = 26_214_400
    media_quota: Annotated[int, Field(ge=1)] = 21_474_836_480
    """Of all uploads of one user, as they were uploaded."""
    uploads_open: Annotated[int, Field(ge=1)] = 20
    """Uploads of one user that are under way."""
    upload_hours: Annotated[int, Field(ge=1, le=168)] = 24
    """An upload that is not completed by then is given up."""
    upload_stall_s: Annotated[float, Field(gt=0)] = 30
    """An upload of which nothing comes for so long is cut off; it can be resumed."""
    media_url_s: Annotated[int, Field(ge=60, le=604_800)] = 3600
    """How long a URL of media is good at least; at most twice as long."""
    media_at_once: Annotated[int, Field(ge=0, le=64)] = 1
    """Files that this node processes at once, each by a processor of its own; 0: other nodes do."""
    media_work_dir: Path | None = None
    """Where they are while it does, on this machine, with room for the largest; left out: the
    system's folder for what is temporary."""
    media_unused_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Media that nothing shows are removed after this time."""

    purge_after_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """What users have deleted, and what has expired, is removed for good after this time."""
    delete_after_days: Annotated[int, Field(ge=1, le=365)] = 30
    """For so long an account that its owner has deleted can be restored; then it is erased."""
    notifications_keep_days: Annotated[int, Field(ge=1, le=3650)] = 90
    notify_after_s: Annotated[float, Field(ge=0, le=60)] = 1.5
    """Nobody is notified of a message that they have read within this time."""

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("secret")
    @classmethod
    def _has_secret(cls, secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value():
            raise ValueError("must not be empty")
        return secret

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _has_networks(cls, given: object) -> object:
        return tuple(map(ip_network, _items(given))) if isinstance(given, str) else given

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _has_origins(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        origins = tuple(_items(given.lower()))
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin such as https://app.example, and not *")
        return origins

    @property
    def secrets(self) -> list[str]:
        """The first signs, all are accepted."""
        old = self.old_secrets.get_secret_value().split(",")
        return [self.secret.get_secret_value(), *(each.strip() for each in old if each.strip())]

    @field_validator("encryption_keys")
    @classmethod
    def _has_keys(cls, keys: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if keys is not None:
            read_keys(keys.get_secret_value())
        elif info.data.get("environment") == "production":
            raise PydanticCustomError("missing", "is missing")
        return keys

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            read_server(url.get_secret_value())
        return url

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None:
            read_sender(text)
        return _needed_for_mail(text, info)

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[!-~]+", url):
            raise ValueError("write it as https://chat.example")
        return _needed_for_mail(url.rstrip("/") if url else None, info)

    @property
    def production(self) -> bool:
        return self.environment == "production"

    def keyring(self) -> Keyring:
        if self.encryption_keys is None:
            return Keyring(development_keys(self.secret.get_secret_value()))
        return Keyring(read_keys(self.encryption_keys.get_secret_value()))


def _needed_for_mail(value: str | None, info: ValidationInfo) -> str | None:
    if value is None and info.data.get("smtp_url") is not None:
        raise PydanticCustomError("missing", "is missing")
    return value


HINTS = {
    "database_url": "set it to postgresql://user:password@host:5432/database",
    "redis_url": "set it to redis://host:6379/0",
    "secret": "make one with: openssl rand -hex 32",
    "encryption_keys": "write it as name:key, with a key from: openssl rand -hex 32",
    "mail_from": "set it to whom mails are from, as Name <no-reply@example.com>",
    "public_url": "set it to where the app is, as https://chat.example",
}


def read_settings(**overrides: object) -> Settings:
    """The settings from the environment. Raises ConfigError."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(*(_explain(item) for item in error.errors())) from None
    if (settings.tls_cert is None) is not (settings.tls_key is None):
        missing, other = ("CERT", "KEY") if settings.tls_cert is None else ("KEY", "CERT")
        raise ConfigError(
            f"LUMINA_TLS_{missing} is missing; set it, or leave out LUMINA_TLS_{other} too"
        )
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


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


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

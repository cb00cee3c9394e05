from __future__ import annotations

import traceback

import pytest

from lumina_rt.config import ConfigError, Settings, read_database_url, read_settings
from lumina_rt.gcra import Rate
from lumina_rt.smtp import read_server

GOOD = {
    "LUMINA_DATABASE_URL": "postgresql://lumina:hunter2@db.example/lumina",
    "LUMINA_REDIS_URL": "redis://:hunter2@cache.example:6379/0",
    "LUMINA_SECRET": "9f1c3b5a7d2e4f60819acb3d5e7f2041",
    "LUMINA_ENCRYPTION_KEYS": "k1:6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1",
}
KEY = GOOD["LUMINA_ENCRYPTION_KEYS"].removeprefix("k1:")
SECRETS = ("hunter2", GOOD["LUMINA_SECRET"], KEY)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One that a node would start with; `setenv` and `delenv` make it worse."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal() -> str:
    """What `read_settings` complains of: one line, without a secret in it or in its traceback."""
    with pytest.raises(ConfigError) as refused:
        read_settings()
    message = str(refused.value)
    assert "\n" not in message
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    assert [secret for secret in SECRETS if secret in shown] == []
    return message


def test_four_settings_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    assert settings.production
    assert settings.secret.get_secret_value() == GOOD["LUMINA_SECRET"]
    assert (settings.host, settings.private_host) == ("127.0.0.1", "127.0.0.1")
    assert settings.password_rounds >= 12


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LUMINA_DATABASE_URL", "set it to postgresql://user:password@host:5432/database"),
        ("LUMINA_REDIS_URL", "set it to redis://host:6379/0"),
        ("LUMINA_SECRET", "make one with: openssl rand -hex 32"),
        (
            "LUMINA_ENCRYPTION_KEYS",
            "write it as name:key, with a key from: openssl rand -hex 32",
        ),
    ],
)
def test_a_setting_that_is_missing_is_named_with_what_to_do(
    environment: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    environment.delenv(name)
    assert refusal() == f"{name} is missing; {hint}"


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings()
    told = refused.value.problems
    assert [problem.partition(" is missing; ")[0] for problem in told] == list(GOOD)
    assert str(refused.value) == "; ".join(told)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "mysql://lumina:hunter2@db/lumina", "set it to postgresql://"),
        ("DATABASE_URL", "", "set it to postgresql://"),
        ("REDIS_URL", "http://:hunter2@cache", "set it to redis://"),
        ("SECRET", "", "openssl rand -hex 32"),
        ("ENCRYPTION_KEYS", "", "key 1 has no name"),
        ("ENCRYPTION_KEYS", KEY, "key 1 has no name"),
        ("ENCRYPTION_KEYS", f"{KEY}:{KEY}", "key 1 has no name"),
        ("ENCRYPTION_KEYS", f"k1:{KEY},", "key 2 has no name"),
        ("ENCRYPTION_KEYS", f"k1:{KEY[:-2]}", "key 1 (k1) is not 32 bytes in hex or base64"),
        ("ENCRYPTION_KEYS", f"k1:{KEY},k2:!", "key 2 (k2) is not 32 bytes in hex or base64"),
        ("ENCRYPTION_KEYS", f"k1:{KEY},k1:{KEY[::-1]}", "key 2 (k1) is there twice"),
        ("ENCRYPTION_KEYS", f"k1:{KEY},k2:{KEY.upper()}", "key 2 (k2) is there twice"),
        ("ENCRYPTION_KEYS", f"k1:{'0' * 64}", "key 1 (k1) can be guessed"),
        ("SMTP_URL", "http://me:hunter2@mail.example", "smtp://user:password@host:587"),
        ("SMTP_URL", "smtp://me:hunter2@mail.example:port", "smtp://user:password@host:587"),
        ("SMTP_URL", "smtp://me:hunter2@", "smtp://user:password@host:587"),
        ("MAIL_FROM", "Lumina", "Name <no-reply@example.com>"),
        ("MAIL_FROM", "a@example.com, b@example.com", "Name <no-reply@example.com>"),
        ("MAIL_FROM", "a@example.com\r\nBcc: b@example.com", "Name <no-reply@example.com>"),
        ("PUBLIC_URL", "chat.example", "https://chat.example"),
        ("PUBLIC_URL", "https://chat.example/\n", "https://chat.example"),
        ("ENVIRONMENT", "prod", "'production' or 'development'"),
        ("PORT", "http", "valid integer"),
        ("PORT", "", "valid integer"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("PRIVATE_PORT", "-1", "greater than or equal to 0"),
        ("NODE", "a node", "match pattern"),
        ("NODE", "", "match pattern"),
        ("DATABASE_POOL", "0", "greater than or equal to 1"),
        ("MAX_BATCH", "1025", "less than or equal to 1024"),
        ("MAX_FRAME", "100", "greater than or equal to 4096"),
        ("HEARTBEAT_S", "0", "greater than 0"),
        ("REQUESTS_PER_S", "fast", "valid number"),
        ("LIMIT_LOGIN", "10 a minute", 'write it as "10/60s burst 5"'),
        ("LIMIT_MESSAGE", "0/1s", "no number may be 0"),
        ("LIMIT_SEARCH", "", 'or "off"'),
        ("TRUSTED_PROXIES", "10.0.0.0/8,here", "'here' does not appear to be an IPv4 or IPv6"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
        ("ALLOWED_ORIGINS", "app.example", "'app.example' is no origin such as https://"),
        ("ALLOWED_ORIGINS", "https://app.example/", "'https://app.example/' is no origin"),
        ("ALLOWED_ORIGINS", "https://*.example", "'https://*.example' is no origin"),
        ("HANDSHAKES_PER_S", "0", "greater than 0"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "0", "greater than or equal to 1"),
        ("BODY_TIMEOUT_S", "0", "greater than 0"),
        ("LOG_FORMAT", "xml", "'json' or 'console'"),
        ("LOG_LEVEL", "INFO", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_what_is_accepted(
    environment: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    environment.setenv(f"LUMINA_{name}", value)
    message = refusal()
    assert message.startswith(f"LUMINA_{name} is wrong: ")
    assert told in message


def test_every_setting_is_read_from_the_environment_under_its_own_name(
    environment: pytest.MonkeyPatch,
) -> None:
    defaults = read_settings()
    for name in Settings.model_fields:
        value = getattr(defaults, name)
        if type(value) is int:
            environment.setenv(f"LUMINA_{name.upper()}", str(value + 1))
            assert getattr(read_settings(), name) == value + 1
            environment.delenv(f"LUMINA_{name.upper()}")
    environment.setenv("LUMINA_HOST", "0.0.0.0")
    environment.setenv("LUMINA_UNKNOWN", "is ignored: a newer version may know it")
    assert read_settings().host == "0.0.0.0"


@pytest.mark.parametrize("name", [n for n in Settings.model_fields if n.startswith("limit_")])
def test_every_limit_is_read_from_the_environment(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.setenv(f"LUMINA_{name.upper()}", "7/2m burst 3")
    assert getattr(read_settings(), name) == Rate(7, 120, 3)
    environment.setenv(f"LUMINA_{name.upper()}", "off")
    assert getattr(read_settings(), name) is None


def test_lists_have_commas_between_their_items(environment: pytest.MonkeyPatch) -> None:
    assert (read_settings().trusted_proxies, read_settings().allowed_origins) == ((), ())
    environment.setenv("LUMINA_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8,192.0.2.7,")
    environment.setenv("LUMINA_ALLOWED_ORIGINS", "https://App.example:8443, capacitor://localhost")
    settings = read_settings()
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8", "fd00::/8", "192.0.2.7/32"
    ]  # fmt: skip
    assert settings.allowed_origins == ("https://app.example:8443", "capacitor://localhost")
    environment.setenv("LUMINA_TRUSTED_PROXIES", "")
    environment.setenv("LUMINA_ALLOWED_ORIGINS", "*")
    assert (read_settings().trusted_proxies, read_settings().allowed_origins) == ((), ("*",))


@pytest.mark.parametrize(("given", "missing"), [("CERT", "KEY"), ("KEY", "CERT")])
def test_tls_needs_a_certificate_and_its_key(
    environment: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    environment.setenv(f"LUMINA_TLS_{given}", "/etc/lumina/file.pem")
    assert refusal() == (
        f"LUMINA_TLS_{missing} is missing; set it, or leave out LUMINA_TLS_{given} too"
    )


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("9f1c3b5a7d2e4f60819acb3d5e7f204", "has 31 characters, at least 32 are needed"),
        ("qwerty", "has 6 characters, at least 32 are needed"),
        ("0" * 64, "can be guessed"),
        ("0123456701234567012345670123456701234567", "can be guessed"),
        ("changeme-9f1c3b5a7d2e4f60819acb3d5e7f2041", "can be guessed"),
        ("9f1c3b5a7d2e4f60My-SecReT819acb3d5e7f2041", "can be guessed"),
    ],
)
def test_a_weak_secret_is_refused_in_production_only(
    environment: pytest.MonkeyPatch, secret: str, why: str
) -> None:
    environment.setenv("LUMINA_SECRET", secret)
    message = refusal()
    assert message.startswith(f"LUMINA_SECRET {why}; ")
    assert message.endswith("; make one with: openssl rand -hex 32")
    assert secret not in message
    environment.setenv("LUMINA_ENVIRONMENT", "development")
    assert read_settings().secret.get_secret_value() == secret


def test_a_mail_server_needs_a_sender_and_where_links_lead(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LUMINA_SMTP_URL", "smtps://me:hunter2@mail.example")
    for name, value in (("MAIL_FROM", "a@example.com"), ("PUBLIC_URL", "https://chat.example/")):
        assert f"LUMINA_{name} is missing; set it to" in refusal()
        environment.setenv(f"LUMINA_{name}", value)
    assert read_settings().public_url == "https://chat.example"


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example", 587, "starttls"),
        ("smtp://mail.example:25", 25, "starttls"),
        ("smtps://mail.example", 465, "at once"),
        ("smtp://127.0.0.1:2525", 2525, "if offered"),
        ("smtp://127.0.0.1.example", 587, "starttls"),
    ],
)
def test_only_this_machine_is_sent_mails_without_tls(url: str, port: int, tls: str) -> None:
    server = read_server(url)
    assert (server.port, server.tls) == (port, tls)


def test_a_password_of_a_mail_server_may_have_any_character() -> None:
    server = read_server("smtp://me%40example.com:a%2Fb%3A@mail.example")
    assert (server.username, server.password) == ("me@example.com", "a/b:")


def test_in_development_the_key_is_made_of_the_secret(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("LUMINA_ENCRYPTION_KEYS")
    environment.setenv("LUMINA_ENVIRONMENT", "development")
    first = read_settings().keyring().first
    assert read_settings().keyring().first.head == first.head
    environment.setenv("LUMINA_SECRET", GOOD["LUMINA_SECRET"][::-1])
    assert read_settings().keyring().first.head != first.head


def test_quick_password_hashes_are_refused_in_production_only(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LUMINA_PASSWORD_ROUNDS", "11")
    assert refusal() == "LUMINA_PASSWORD_ROUNDS is below 12; leave it out in production"
    environment.setenv("LUMINA_ENVIRONMENT", "development")
    assert read_settings().password_rounds == 11


def test_settings_that_are_printed_show_no_secret(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    for shown in (repr(settings), str(settings), f"{settings.secret}"):
        assert [secret for secret in SECRETS if secret in shown] == []
    assert "port=8080" in repr(settings)


def test_settings_cannot_be_changed_afterwards(environment: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    for name in Settings.model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(settings, name, None)


def test_the_database_url_is_read_without_the_other_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hint = "set it to postgresql://user:password@host:5432/database"
    for value, told in (
        (None, f"LUMINA_DATABASE_URL is missing; {hint}"),
        ("", f"LUMINA_DATABASE_URL is missing; {hint}"),
        ("mysql://lumina:hunter2@db/lumina", f"LUMINA_DATABASE_URL is wrong; {hint}"),
    ):
        if value is not None:
            monkeypatch.setenv("LUMINA_DATABASE_URL", value)
        with pytest.raises(ConfigError) as refused:
            read_database_url()
        assert str(refused.value) == told
    monkeypatch.setenv("LUMINA_DATABASE_URL", "postgres://db/lumina")
    assert read_database_url() == "postgres://db/lumina"

from __future__ import annotations

import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.cli.command import complaint, environment, lumina, said, serving
from tests.gateway.certificate import Certificate


def serve(settings: dict[str, str], **changes: str) -> str:
    return complaint(lumina("serve", env=environment(**{**settings, **changes})))


def test_without_settings_it_names_those_that_are_missing() -> None:
    said = complaint(lumina("serve"))
    for name in (
        "LUMINA_DATABASE_URL",
        "LUMINA_REDIS_URL",
        "LUMINA_SECRET",
        "LUMINA_ENCRYPTION_KEYS",
    ):
        assert f"{name} is missing" in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"port": "http"}, "LUMINA_PORT is wrong"),
        ({"database_url": "mysql://x"}, "LUMINA_DATABASE_URL is wrong"),
        ({"environment": "production", "secret": "short"}, "openssl rand -hex 32"),
        ({"environment": "production", "secret": "a" * 64}, "LUMINA_SECRET can be guessed"),
        ({"environment": "production"}, "set LUMINA_DATABASE_URL to a Postgres of your own"),
        ({"database_url": "postgresql://127.0.0.1:9/x"}, "see LUMINA_DATABASE_URL"),
        ({"redis_url": "redis://127.0.0.1:9"}, "see LUMINA_REDIS_URL"),
        ({"blob_dir": "/proc/nowhere"}, "set LUMINA_BLOB_DIR"),
        ({"tls_cert": "/nowhere", "tls_key": "/nowhere"}, "LUMINA_TLS_CERT: /nowhere cannot be"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_next_step(
    good: dict[str, str], changes: dict[str, str], expected: str
) -> None:
    assert expected in serve(good, **changes)


def test_a_schema_that_is_behind_is_refused(good: dict[str, str], empty_database_url: str) -> None:
    assert "run: lumina migrate" in serve(good, database_url=empty_database_url)


@pytest.mark.parametrize("setting", ["port", "private_port"])
def test_a_port_in_use_names_the_setting_to_change(good: dict[str, str], setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = serve(good, **{setting: str(taken.getsockname()[1])})
    assert f"set LUMINA_{setting.upper()} to a free port" in said


def test_a_secret_is_never_shown(good: dict[str, str]) -> None:
    said = serve(good, secret="hunter2-hunter2", environment="production")
    assert "hunter2" not in said


def asks(line: ssl.SSLSocket) -> bool:
    """Whether the node answers on this connection."""
    line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return b" 200 OK" in line.recv(65_536)


def test_tls_files_are_loaded_anew_at_sighup(good: dict[str, str], tmp_path: Path) -> None:
    def connect(trusted: Certificate) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", port))
        return trusted.trusted.wrap_socket(plain, server_hostname="127.0.0.1")

    used, first, second = (Certificate.make(tmp_path, name) for name in ("used", "one", "two"))
    used.replace(first)
    tls = {"tls_cert": str(used.cert), "tls_key": str(used.key), "log_level": "info"}
    with serving({**good, **tls}) as node:
        url = said(node.stderr, "ready")["url"]
        assert url.startswith("wss://127.0.0.1:")
        port = int(url.rpartition(":")[2].partition("/")[0])
        with connect(first) as live:
            assert asks(live)
            used.replace(second)
            node.send_signal(signal.SIGHUP)
            said(node.stderr, "certificate was loaded anew")
            with connect(second) as other:
                assert asks(other)
            with pytest.raises(ssl.SSLCertVerificationError):
                connect(first)
            used.key.write_text("broken")
            node.send_signal(signal.SIGHUP)
            kept = said(node.stderr, "old TLS certificate is kept")
            assert (kept["level"], "LUMINA_TLS_KEY" in kept["cause"]) == ("error", True)
            with connect(second) as other:
                assert asks(other)
            assert asks(live)
        node.send_signal(signal.SIGTERM)
        assert node.wait(15) == 0

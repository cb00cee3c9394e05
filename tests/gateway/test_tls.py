"""wss:// and https:// on the public port, without a proxy."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from lumina_protocol.accounts import Register
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ReplyFrame
from lumina_protocol.session import Ping

from lumina_rt.client import Client
from lumina_rt.config import ConfigError, Settings
from lumina_rt.gateway.tls import Certificates
from tests.gateway.certificate import Certificate
from tests.gateway.inside import connection_of, deliver
from tests.gateway.unharmed import count, no_errors_logged, nothing_failed, until
from tests.gateway.wire import Wire, close_frame, handshake, new_name, tcp, websocket
from tests.house import PASSWORD, nodes


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate.make(tmp_path, "first")


async def test_the_sdk_talks_to_a_node_over_tls(
    settings: Settings, certificate: Certificate
) -> None:
    with no_errors_logged():
        async with nodes(settings, 1, **certificate.settings) as (node,):
            assert node.url.startswith("wss://127.0.0.1:")
            async with Client(node.url, ssl_context=certificate.trusted) as client:
                register = Register(username=new_name(), password=PASSWORD)
                token = (await client.call(register)).token
            async with Client(node.url, token=token, ssl_context=certificate.trusted) as client:
                assert (await client.call(Ping())).time > 0
            with pytest.raises(ssl.SSLCertVerificationError):
                await Client(node.url).connect()
            async with websocket(node, token=token, tls=certificate.trusted) as wire:
                event = deliver(node, wire, 1, size=200_000)
                assert await wire.told() == event, "longer than a TLS record"
            await until(lambda: not node.gateway.connections and not node.gateway.strangers)
            nothing_failed(node)


async def test_over_tls_everything_ends_as_it_does_without(
    settings: Settings, certificate: Certificate
) -> None:
    tls = certificate.trusted
    with no_errors_logged():
        async with nodes(settings, 1, **certificate.settings, header_timeout_s=0.5) as (node,):
            for request, status in (
                (handshake(None), 400),
                (handshake(line="GET /x HTTP/1.1"), 404),
                (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
                (b"GET / HTTP/1.1\r\nx: " + b"x" * 100_000, 431),
                (b"GET / HTTP/1.1\r\n", 408),
            ):
                async with tcp(node, tls=tls) as wire:
                    sending = asyncio.create_task(wire.pour(request))
                    assert (await wire.response()).status == status
                    assert await wire.rest() == b""
                    await asyncio.wait([sending])
            async with websocket(node, tls=tls) as wire:
                await wire.send(close_frame(1000))
                assert await wire.close_code() == 1000
            async with websocket(node, tls=tls) as wire:
                connection_of(node, wire).close(CloseCode.SLOW_READER, "for a test")
                assert await wire.close_code() == CloseCode.SLOW_READER
            await until(lambda: not node.gateway.connections and not node.gateway.strangers)
            nothing_failed(node)


async def test_who_does_not_finish_the_tls_handshake_counts_and_is_cut(
    settings: Settings, certificate: Certificate
) -> None:
    changes = {**certificate.settings, "header_timeout_s": 0.5, "max_connections_per_address": 2}
    with no_errors_logged():
        async with nodes(settings, 1, **changes) as (node,):
            async with tcp(node) as silent, tcp(node) as half:
                await until(lambda: node.gateway.strangers == 2)
                await half.send(b"\x16\x03\x01")
                async with tcp(node) as one_too_many:
                    assert await one_too_many.rest() == b"", "cut before its handshake"
                assert count(node, "lumina_refused_total", why="address") == 1
                assert await silent.rest() == b""
                assert await half.rest() == b""
            async with tcp(node) as plain:
                await plain.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with pytest.raises(asyncio.IncompleteReadError):
                    await plain.response()
            await until(lambda: node.gateway.strangers == 0)
            assert count(node, "lumina_refused_total", why="tls") == 3
            async with websocket(node, tls=certificate.trusted) as wire:
                assert isinstance(await wire.ask("ping", {}), ReplyFrame)


async def test_old_versions_of_tls_are_refused(
    settings: Settings, certificate: Certificate
) -> None:
    old = certificate.trusted
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    new = certificate.trusted
    new.maximum_version = ssl.TLSVersion.TLSv1_2
    async with nodes(settings, 1, **certificate.settings) as (node,):
        assert node.gateway.certificates
        assert node.gateway.certificates.context.minimum_version is ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with tcp(node, tls=old):
                pass
        async with websocket(node, tls=new) as wire:
            assert isinstance(await wire.ask("ping", {}), ReplyFrame)


async def test_a_new_certificate_is_for_new_connections_and_a_broken_one_for_none(
    settings: Settings, certificate: Certificate, tmp_path: Path
) -> None:
    async def greets(wire_of: Certificate) -> bool:
        try:
            async with websocket(node, tls=wire_of.trusted) as wire:
                return isinstance(await wire.ask("ping", {}), ReplyFrame)
        except ssl.SSLCertVerificationError:
            return False

    before = Certificate.make(tmp_path, "before")
    before.replace(certificate)
    second = Certificate.make(tmp_path, "second")
    async with (
        nodes(settings, 1, **certificate.settings) as (node,),
        websocket(node, tls=before.trusted) as live,
    ):
        certificates = node.gateway.certificates
        assert certificates
        certificate.replace(second)
        assert await greets(before), "files are not looked at unasked"
        certificates.load_anew()
        assert await greets(second)
        assert not await greets(before)
        certificate.cert.write_bytes(before.cert.read_bytes())
        with pytest.raises(ConfigError, match=r"LUMINA_TLS_KEY: .*KEY_VALUES_MISMATCH"):
            certificates.load_anew()
        assert await greets(second)
        assert isinstance(await live.ask("ping", {}), ReplyFrame)


async def test_a_node_that_stops_cuts_whom_it_is_greeting(
    settings: Settings, certificate: Certificate
) -> None:
    silent: list[Wire] = []
    with no_errors_logged():
        async with nodes(settings, 1, **certificate.settings) as (node,):
            opened = tcp(node)
            silent.append(await opened.__aenter__())
            await until(lambda: node.gateway.strangers == 1)
        assert await silent[0].rest() == b""
        await opened.__aexit__(None, None, None)
    assert node.gateway.strangers == 0


@pytest.mark.parametrize(
    ("cert", "key", "told"),
    [
        ("missing", "good", r"LUMINA_TLS_CERT: .*missing cannot be read \(No such file"),
        ("good", "missing", r"LUMINA_TLS_KEY: .*missing cannot be read \(No such file"),
        ("folder", "good", r"LUMINA_TLS_CERT: .*folder cannot be read \(Is a directory"),
        ("empty", "good", r"LUMINA_TLS_CERT: .*empty holds no certificate in PEM"),
        ("good", "empty", r"LUMINA_TLS_KEY: .*empty is no key in PEM"),
        ("good", "other", r"LUMINA_TLS_KEY: .*other is no key .*KEY_VALUES_MISMATCH"),
        ("good", "locked", r"LUMINA_TLS_KEY: .*locked is no key in PEM, without a password"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_setting(
    certificate: Certificate, tmp_path: Path, cert: str, key: str, told: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    other = Certificate.make(tmp_path, "another")
    other.key.rename(tmp_path / "other")
    certificate.locked(tmp_path / "locked")
    certs = {"good": certificate.cert}
    keys = {"good": certificate.key}
    with pytest.raises(ConfigError, match=told) as refused:
        Certificates(certs.get(cert, tmp_path / cert), keys.get(key, tmp_path / key))
    assert "\n" not in str(refused.value)

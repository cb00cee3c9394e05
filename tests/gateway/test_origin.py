from __future__ import annotations

import pytest

from lumina_rt.config import Settings
from lumina_rt.gateway.origin import may_connect
from tests.gateway.unharmed import count, unharmed
from tests.gateway.wire import handshake, tcp


@pytest.mark.parametrize(
    ("origins", "host", "allowed", "may"),
    [
        # Without a list: the page's own host and port.
        ([], "app.example", (), True),
        (["https://app.example"], "app.example", (), True),
        (["https://App.Example"], "app.EXAMPLE", (), True),
        (["https://app.example"], "app.example:443", (), True),
        (["http://app.example"], "app.example:80", (), True),
        (["http://app.example:8080"], "app.example:8080", (), True),
        (["http://[::1]:8080"], "[::1]:8080", (), True),
        (["http://app.example"], "app.example:443", (), False),
        (["http://app.example:3000"], "app.example:8080", (), False),
        (["https://evil.example"], "app.example", (), False),
        (["https://app.example.evil.example"], "app.example", (), False),
        (["https://app.example@evil.example"], "app.example", (), False),
        (["https://evil.example"], "", (), False),
        (["null"], "null", (), False),
        ([""], "", (), False),
        (["null"], "", (), False),
        (["https://"], "", (), False),
        (["https://[bad"], "app.example", (), False),
        (["https://app.example:x"], "app.example", (), False),
        (["https://app.example", "https://app.example"], "app.example", (), False),
        # With one: exactly what it says.
        ([], "node", ("https://app.example",), True),
        (["https://app.example"], "node", ("https://app.example",), True),
        (["https://APP.example"], "node", ("https://app.example",), True),
        (["https://app.example"], "app.example", ("https://other.example",), False),
        (["http://app.example"], "node", ("https://app.example",), False),
        (["https://app.example:8443"], "node", ("https://app.example",), False),
        (["https://sub.app.example"], "node", ("https://app.example",), False),
        (["https://app.example", "https://x.example"], "node", ("https://app.example",), False),
        (["null"], "node", ("*",), True),
        (["https://evil.example"], "node", ("https://app.example", "*"), True),
    ],
)
def test_a_page_may_connect_to_its_own_host_or_when_it_is_named(
    origins: list[str], host: str, allowed: tuple[str, ...], may: bool
) -> None:
    assert may_connect(origins, host, allowed) is may


async def test_a_page_of_another_origin_is_refused_with_the_setting_to_change(
    settings: Settings,
) -> None:
    for allowed, asked, status in (
        ((), handshake(), 101),
        ((), handshake(Origin="http://127.0.0.1"), 101),
        ((), handshake(Origin="https://evil.example"), 403),
        ((), handshake(Origin="https://evil.example", Host=None), 403),
        (("https://app.example",), handshake(Origin="https://app.example"), 101),
        (("https://app.example",), handshake(Origin="http://127.0.0.1"), 403),
        (("*",), handshake(Origin="https://evil.example"), 101),
    ):
        async with unharmed(settings, allowed_origins=allowed) as node, tcp(node) as wire:
            await wire.send(asked)
            response = await wire.response()
            assert response.status == status, (allowed, asked)
            assert ("LUMINA_ALLOWED_ORIGINS" in response.body.decode()) is (status == 403)
            if status == 403:
                assert await wire.rest() == b""
            assert count(node, "lumina_refused_total", why="origin") == (status == 403)

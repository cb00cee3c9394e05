from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from lumina_rt.address import block, client_address, parse_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_may_come_with_a_port_or_a_zone(text: str, address: str) -> None:
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    "text",
    ["", "unknown", "_hidden", "192.0.2", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:٣", "192.0.2.01",
     "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:x", "2001:db8::1::", "192.0.2.1 192.0.2.2"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|Octet|colon|port|does not appear"):
        parse_address(text)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        # A stranger may say what they like.
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("192.0.2.1", ["10.0.0.1"], "192.0.2.1"),
        # One proxy, and two.
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1,10.0.0.2:80 , [fd00::2]:80"], "192.0.2.1"),
        # What the client wrote itself is left of what the proxy has added.
        ("10.0.0.1", ["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["10.9.9.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["garbage, 192.0.2.1"], "192.0.2.1"),
        # Nobody but proxies: the first of them.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # Malformed: the last good one, or the peer.
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1, garbage"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["192.0.2.1,,10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_client_is_whom_the_outermost_trusted_proxy_has_heard(
    peer: str, forwarded: list[str], address: str
) -> None:
    assert client_address(ip_address(peer), forwarded, TRUSTED) == ip_address(address)
    assert client_address(ip_address(peer), forwarded, []) == ip_address(peer)


def test_ipv6_is_counted_by_64_bits_and_never_as_ipv4() -> None:
    one, same, other = map(ip_address, ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"))
    assert block(one) == block(same)
    assert block(one) != block(other)
    assert block(ip_address("192.0.2.1")) != block(ip_address("192.0.2.2"))
    v4 = IPv4Address("192.0.2.1")
    assert block(IPv6Address(int(v4) << 64)) != block(v4)
    assert block(ip_address("::1")) != block(ip_address("0.0.0.0"))

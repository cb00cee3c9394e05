"""Where a client is: the address of its connection, or what a trusted proxy says of it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse_address(text: str) -> Address:
    """An address, with or without a port: 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1]:443.

    Without a zone, and IPv4 as IPv4 (RFC 4291 section 2.5.5.2). Raises ValueError.
    """
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        if not bracket or not _is_port(port):
            raise ValueError(f"{text!r} is no address")
        text = inner
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            raise ValueError(f"{text!r} is no address")
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_port(text: str) -> bool:
    """What follows an address: nothing, or a colon and a number."""
    return not text or (text[0] == ":" and text[1:].isascii() and text[1:].isdigit())


def is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def client_address(peer: Address, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address:
    """Whom a connection serves. `forwarded` are the values of all X-Forwarded-For, in their order.

    Each proxy appends whom it has heard, so it is read from the right for as long as those who
    have written it are trusted. What is malformed ends that: the last good address counts.
    """
    said = iter([item.strip() for value in forwarded for item in value.split(",")][::-1])
    address = peer
    while is_trusted(address, trusted):
        try:
            address = parse_address(next(said))
        except (StopIteration, ValueError):
            break
    return address


def block(address: Address) -> int:
    """What is counted as one client: an IPv4 address, or the /64 that one IPv6 site has at least
    (RFC 6177). No two blocks have the same number."""
    if isinstance(address, IPv4Address):
        return int(address)
    return (int(address) >> 64) + 2**32

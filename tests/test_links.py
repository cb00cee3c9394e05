"""Links that are good for a while."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lumina_protocol.errors import InvalidToken

from lumina_rt.links import TTL_S, Links

LOGIN = UUID("019bc119-3a98-7c55-8f06-b2d19e4c7a31")
PATH = "/v1/exports/019bc11a-9f70-7b1d-a6c2-3e58d90b7f14"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def parts(link: str) -> list[str]:
    """Path, login, until, signature."""
    split = urlsplit(link)
    query = parse_qs(split.query)
    return [split.path, *(query[name][0] for name in ("login", "until", "signature"))]


def test_a_link_names_its_login_until_its_time_is_over() -> None:
    links = Links(["one secret"], clock := Clock())
    link, until = links.issue(PATH, LOGIN)
    assert until == (clock.now + TTL_S) * 1000
    assert links.read(*parts(link)) == LOGIN
    clock.now += TTL_S - 1
    assert links.read(*parts(link)) == LOGIN
    clock.now += 1
    with pytest.raises(InvalidToken, match="its time is over"):
        links.read(*parts(link))


def test_a_secret_can_be_exchanged() -> None:
    link, _ = Links(["old"]).issue(PATH, LOGIN)
    assert Links(["new", "old"]).read(*parts(link)) == LOGIN
    with pytest.raises(InvalidToken):
        Links(["new"]).read(*parts(link))


@given(st.integers(0, 3), st.text(max_size=80))
def test_nothing_of_it_can_be_changed(part: int, other: str) -> None:
    links = Links(["one secret"])
    said = parts(links.issue(PATH, LOGIN)[0])
    same = said[part] == other
    said[part] = other
    if not same:
        with pytest.raises(InvalidToken):
            links.read(*said)

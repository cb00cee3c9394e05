from __future__ import annotations

import base64
import json
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lumina_protocol.errors import InvalidToken, TokenExpired
from lumina_protocol.fields import uuid7

from lumina_rt.tokens import (
    Access,
    AccessTokens,
    RefreshTokens,
    digest,
    is_bot_token,
    new_bot_token,
)

KEY = "0f6b1c2d9e8a7f5b4c3d2e1f0a9b8c7d" * 2
OTHER_KEY = "1" + KEY[1:]
NOW = 1_800_000_000.0
USER = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a1")
LOGIN = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a2")
OP = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a3")


def tokens(now: float = NOW, secrets: tuple[str, ...] = (KEY,)) -> AccessTokens:
    return AccessTokens(secrets, ttl_s=3600, now=lambda: now)


def kid(key: str = KEY) -> str:
    token, _ = tokens(secrets=(key,)).issue(USER, LOGIN)
    named: str = jwt.get_unverified_header(token)["kid"]
    return named


def signed(key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    """A token like ours, but for the changes; a claim of None is left out."""
    claims = {"sub": str(USER), "sid": str(LOGIN), "iat": int(NOW), "exp": int(NOW) + 3600}
    given = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(given, key, algorithm, {"kid": kid()})


CLAIMS = {"sub": str(USER), "sid": str(LOGIN), "exp": NOW + 9}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.uuids(), st.uuids())
def test_a_token_tells_whose_it_is_and_until_when(user_id: UUID, session_id: UUID) -> None:
    token, expires_at = tokens().issue(user_id, session_id)
    assert expires_at == (NOW + 3600) * 1000
    assert tokens(NOW + 3599.9).read(token) == Access(user_id, session_id, expires_at)


def test_a_token_ends_at_its_time_to_the_second() -> None:
    token, expires_at = tokens().issue(USER, LOGIN)
    with pytest.raises(TokenExpired):
        tokens(expires_at / 1000).read(token)


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER_KEY),
        signed(algorithm="HS512"),
        signed("", "none"),
        f"{part({'alg': 'none', 'kid': kid()})}.{part(CLAIMS)}.",
        f"{part({'alg': 'HS256', 'kid': kid()})}.{part(CLAIMS)}.{part(b'forged')}",
        signed(exp=None),
        signed(sub=None),
        signed(sub="alice"),
        signed(sub=""),
        signed(sub=str(USER)[:-1]),
        signed(exp="soon"),
        signed(exp=[]),
        signed(exp=10**400),
        signed(sid=None),
        signed(sid=""),
        jwt.encode({"sub": str(USER), "sid": str(LOGIN), "exp": NOW + 9}, KEY),
        signed(exp=float("inf")),
        signed(exp=float("nan")),
        signed(aud="another service"),
        "",
        "..",
        "\ud800.\ud800.\ud800",
        f"{part(b'[' * 1500)}.e30.e30",
        f"{part([])}.e30.e30",
        f"{part({'alg': ['HS256'], 'kid': kid()})}.e30.e30",
    ],
    ids=lambda token: token.encode(errors="replace").decode()[:8],
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        tokens().read(token)
    assert refused.value.body.field == "token"
    assert refused.value.__cause__ is None


def test_the_tokens_above_are_refused_for_their_changes_only() -> None:
    assert tokens().read(signed()).user_id == USER


def test_a_claim_changed_after_signing_is_refused() -> None:
    header, _, signature = signed().split(".")
    body = part({"sub": str(uuid7()), "iat": int(NOW), "exp": int(NOW) + 3600})
    with pytest.raises(InvalidToken):
        tokens().read(f"{header}.{body}.{signature}")


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens().read(text)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(VALUES, VALUES)
def test_claims_of_any_type_are_refused_when_all_time_is_over(sub: object, exp: object) -> None:
    """With our signature: as if another program of the operator had made it."""
    claims = {"sub": sub, "sid": str(LOGIN), "exp": exp}
    forged = jwt.encode(claims, KEY, headers={"kid": kid()})
    with pytest.raises((InvalidToken, TokenExpired)):
        tokens(now=float("inf")).read(forged)


def test_a_token_of_a_former_secret_is_good_while_that_is_named() -> None:
    token, expires_at = tokens().issue(USER, LOGIN)
    both = tokens(secrets=(OTHER_KEY, KEY))
    assert both.read(token) == Access(USER, LOGIN, expires_at)
    newer, _ = both.issue(USER, LOGIN)
    with pytest.raises(InvalidToken):
        tokens().read(newer)
    with pytest.raises(InvalidToken):
        tokens(secrets=(OTHER_KEY,)).read(token)


def test_a_kid_does_not_tell_the_secret() -> None:
    assert kid() != kid(OTHER_KEY)
    assert kid() not in KEY


@given(st.uuids(), st.uuids())
def test_a_refresh_token_is_followed_by_one_of_the_same_login(session_id: UUID, op: UUID) -> None:
    refresh = RefreshTokens([KEY])
    first = refresh.read(refresh.first(session_id))
    assert (first.session_id, first.generation) == (session_id, 0)
    (follower,) = refresh.followers(first, op)
    assert refresh.followers(first, op) == [follower], "whoever asks again gets the same"
    assert refresh.followers(first, uuid7()) != [follower], "and nobody else does"
    second = refresh.read(follower)
    assert (second.session_id, second.generation) == (session_id, 1)
    assert len(follower) <= 200


def test_refresh_tokens_differ_where_all_else_is_the_same() -> None:
    refresh = RefreshTokens([KEY])
    assert refresh.first(LOGIN) != refresh.first(LOGIN)


def test_a_refresh_token_is_good_while_its_secret_is_named() -> None:
    old, both = RefreshTokens([KEY]), RefreshTokens([OTHER_KEY, KEY])
    token = both.read(old.first(LOGIN))
    newer, older = both.followers(token, OP)
    assert old.followers(token, OP) == [older], "what an answer that was lost has said"
    with pytest.raises(InvalidToken):
        old.read(newer)


def broken() -> list[str]:
    token = RefreshTokens([KEY]).first(LOGIN)
    turned = [f"{token[:at]}{'B' if token[at] == 'A' else 'A'}{token[at + 1 :]}" for at in (5, 60)]
    others = ["", "lref_", "lref_\ud800", RefreshTokens([OTHER_KEY]).first(LOGIN), new_bot_token()]
    return [*turned, *others, token[:-1], token + "A", token[5:], token.replace("lref_", "lbot_")]


@pytest.mark.parametrize("token", broken(), ids=range(len(broken())))
def test_a_refresh_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        RefreshTokens([KEY]).read(token)
    assert refused.value.body.field == "refresh_token"


@given(st.text(max_size=200))
def test_any_text_is_refused_as_a_refresh_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        RefreshTokens([KEY]).read(text)
    with pytest.raises(InvalidToken):
        RefreshTokens([KEY]).read(f"lref_{text}")


def test_tokens_of_bots_are_told_by_their_beginning() -> None:
    assert is_bot_token(new_bot_token())
    assert not is_bot_token(RefreshTokens([KEY]).first(LOGIN))
    assert new_bot_token() != new_bot_token()
    assert len(digest(new_bot_token())) == 32

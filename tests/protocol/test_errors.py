"""Errors and close codes: what they ask of a client."""

from __future__ import annotations

import re

import pytest
from lumina_protocol.codec import JSON
from lumina_protocol.errors import (
    ERRORS,
    CloseCode,
    ErrorBody,
    LuminaError,
    NotFound,
    RateLimited,
    may_reconnect,
)
from lumina_protocol.frame import ErrorFrame


def all_errors() -> list[type[LuminaError]]:
    """Found without ERRORS, in which the second of two with one code would hide the first."""
    found, left = [], [LuminaError]
    while left:
        below = [c for c in left.pop().__subclasses__() if c.__module__ == LuminaError.__module__]
        found += below
        left += below
    return found


ALL = all_errors()
each_error = pytest.mark.parametrize("error", ALL, ids=[error.code for error in ALL])


def test_codes_are_unique_and_listed() -> None:
    codes = [error.code for error in ALL]
    assert sorted(codes) == sorted(ERRORS)
    assert LuminaError.code not in codes


@each_error
def test_code_and_default_message(error: type[LuminaError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert {"code", "default"} <= set(vars(error))
    assert re.fullmatch(r"[A-Z].*\.", error.default)


@each_error
def test_the_body_says_what_the_class_says(error: type[LuminaError]) -> None:
    body = error().body
    assert (body.code, body.message, body.temporary) == (error.code, error.default, error.temporary)
    assert (body.field, body.retry_after_ms) == (None, None)


def test_what_is_given_goes_into_the_body() -> None:
    error = RateLimited("Slowly.", field="content", retry_after_ms=21)
    assert error.body == ErrorBody(
        code="rate_limited", message="Slowly.", temporary=True, field="content", retry_after_ms=21
    )
    assert str(error) == "rate_limited: Slowly."


def test_a_body_that_came_over_the_wire_is_kept() -> None:
    """Also one of a code that this version does not know."""
    data = JSON.error(3, ErrorBody(code="from_the_future", message="Later.", temporary=True))
    frame = JSON.decode(data)
    assert isinstance(frame, ErrorFrame)
    error = LuminaError(body=ErrorBody.model_validate({**frame.body, "colour": "red"}))
    assert error.body == ErrorBody(code="from_the_future", message="Later.", temporary=True)
    assert str(error) == "from_the_future: Later."


def test_absent_fields_are_left_out() -> None:
    frame = JSON.decode(JSON.error(None, NotFound().body))
    assert frame == ErrorFrame(
        None, {"code": "not_found", "message": NotFound.default, "temporary": False}
    )


def test_may_reconnect_over_every_code() -> None:
    never = {1002, 1003, 1007, 1008, 1009, 1010, *range(4500, 5000)}
    for code in range(6000):
        assert may_reconnect(code) is (code not in never), code


def test_close_codes_are_where_libraries_allow_them() -> None:
    """RFC 6455 section 7.4: applications may use 4000-4999; 1005, 1006 and 1015 are never sent."""
    codes = [code.value for code in CloseCode]
    assert len(CloseCode.__members__) == len(set(codes))
    assert all(1000 <= code <= 1014 or 4000 <= code <= 4999 for code in codes)
    assert not {1004, 1005, 1006} & set(codes)

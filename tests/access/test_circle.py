"""Who follows somebody, sees whom they follow, and comes upon them: a row a relation."""

from __future__ import annotations

from typing import Any

import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser, ListFollowers, ListFollowing
from lumina_protocol.frame import Request
from lumina_protocol.people import SearchUsers

from tests.access.people import PEOPLE
from tests.access.table import cells, rows
from tests.access.test_matrix import ACCOUNTS, House, house

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

__all__ = ["house"]

FOLLOW = """
who           open       private    suspended
stranger      follows    requested  not_found
follower      follows    follows    not_found
followed      follows    requested  not_found
friend        follows    follows    not_found
close_friend  follows    follows    not_found
named_close   follows    requested  not_found
in_audience   follows    requested  not_found
blocked       not_found  not_found  not_found
blocker       blocked    blocked    not_found
staff         follows    requested  not_found
"""
LISTS = """
who           open       private    suspended
stranger      seen       forbidden  not_found
follower      seen       seen       not_found
followed      seen       forbidden  not_found
friend        seen       seen       not_found
close_friend  seen       seen       not_found
named_close   seen       forbidden  not_found
in_audience   seen       forbidden  not_found
blocked       not_found  not_found  not_found
blocker       forbidden  forbidden  not_found
staff         seen       seen       seen
"""
SEARCH = """
who           open       private    suspended
stranger      found      found      -
follower      found      found      -
followed      found      found      -
friend        found      found      -
close_friend  found      found      -
named_close   found      found      -
in_audience   found      found      -
blocked       -          -          -
blocker       -          -          -
staff         found      found      -
"""


@pytest.mark.parametrize("table", [FOLLOW, LISTS, SEARCH])
def test_the_tables_have_everybody(table: str) -> None:
    assert rows(table) == [name for name in PEOPLE if name != "self"]


async def said(house: House, who: str, request: Request[Any]) -> str:
    try:
        reply = await house.clients[who].call(request)
    except LuminaError as error:
        return error.body.code
    return str(getattr(reply, "state", "seen"))


async def found(house: House, who: str) -> str:
    users = (await house.clients[who].call(SearchUsers(prefix="self"))).users
    return "found" if house.ids["self"] in {user.user_id for user in users} else "-"


@pytest.mark.parametrize("account", ["open", "private", "suspended"])
async def test_whom_everybody_follows_and_finds_and_who_is_told(house: House, account: str) -> None:
    owner = house.ids["self"]
    await house.pg.execute(ACCOUNTS[account])
    asked = [cell for table in (LISTS, SEARCH, FOLLOW) for cell in cells(table)]
    wrong, changed = [], set()
    for table in (LISTS, SEARCH, FOLLOW):
        for cell in (one for one in cells(table) if one.column == account):
            if table is SEARCH:
                seen = {await found(house, cell.row)}
            elif table is LISTS:
                lists = ListFollowing(user_id=owner), ListFollowers(user_id=owner)
                seen = {await said(house, cell.row, one) for one in lists}
            else:
                seen = {await said(house, cell.row, FollowUser(user_id=owner, op_id=uuid7()))}
                if seen <= {"follows", "requested"}:
                    changed.add(cell.row)
            if seen != {cell.says}:
                wrong.append((cell, seen))
    assert (wrong, len(asked)) == ([], 90)
    told = await house.pg.fetch(
        "select username, event_type from user_events join users using (user_id)"
        " where event_type like 'follow%'"
    )
    new = changed - {"follower", "friend", "close_friend"}
    expected = {(name, "follow.changed") for name in new}
    assert {tuple(row) for row in told} == expected | (
        {("self", "followers.changed")} if new else set()
    )

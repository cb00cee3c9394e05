"""What is between two users, and telling both sides as much of it as each may know.

A change is made under `access.lock_pair`, and told after it, as it is by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.audiences import Audience, AudienceChanged
from lumina_protocol.follows import (
    FollowChanged,
    FollowedUser,
    Follower,
    FollowersChanged,
    FollowerState,
)

from lumina_rt import causes
from lumina_rt.notifying import withdraw_group
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

BETWEEN = query("follows.between")
PEOPLE = query("follows.people")
DECLINE = query("follows.decline")
END = query("follows.end")
SHARE_PRIVACY = query("follows.share_privacy")
LET_IN = query("follows.let_in")
SHARED = query("audiences.shared")
TAKE = query("audiences.take")
AUDIENCE = query("audiences.one")

LET_IN_AT_ONCE = 100


async def tell(tx: Tx, follower_id: UUID, following_id: UUID, *, both: bool = True) -> str:
    """How the one stands to the other now, to who follows and, if `both`, who is followed. Gives
    the state."""
    row = await tx.one(BETWEEN, follower_id=follower_id, following_id=following_id)
    named = await people(tx, [follower_id, following_id]) if row["since"] else {}
    tx.tell(_follow(following_id, row, named.get(following_id)), to=[follower_id])
    if both:
        told = _follower(follower_id, row, named.get(follower_id))
        tx.tell(FollowersChanged(followers=[told]), to=[following_id])
        tx.touched(follower_id, following_id)  # their profiles count it
    return str(row["state"])


async def people(tx: Tx, user_ids: list[UUID]) -> dict[UUID, Row]:
    """Names, of those whose accounts are open."""
    return {row["user_id"]: row for row in await tx.all(PEOPLE, user_ids=user_ids)}


def _follow(following_id: UUID, row: Row, person: Row | None) -> FollowChanged:
    changed = FollowChanged(user_id=following_id, state=row["state"])
    if person is None:
        return changed
    own = ("close_friend", "notify_on_post") if row["state"] == "follows" else ()
    more = {name: row[name] for name in ("since", *own)}
    return changed.model_copy(update={"user": FollowedUser(**person, **more)})


def _follower(follower_id: UUID, row: Row, person: Row | None) -> FollowerState:
    user = Follower(**person, since=row["since"]) if person else None
    return FollowerState(user_id=follower_id, state=row["state"], user=user)


async def end_all(tx: Tx, one: UUID, other: UUID) -> None:
    """Both ways, also what was only asked for, and that they are in audiences of each other. The
    requests first: who is being let in has been by then, and does not stay."""
    pairs = [
        {"follower_id": follower, "following_id": following}
        for follower, following in ((one, other), (other, one))
    ]
    withdrawn = [await tx.maybe(DECLINE, **pair) for pair in pairs]
    ended = [await tx.maybe(END, **pair) for pair in pairs]
    for pair, *was in zip(pairs, withdrawn, ended, strict=True):
        if any(was):
            await tell(tx, pair["follower_id"], pair["following_id"])
    for row in await tx.all(SHARED, user_id=one, other_id=other):
        if await tx.all(TAKE, audience_id=row["audience_id"], user_ids=[row["member_id"]]):
            await tell_taken(tx, row["owner_id"], row["audience_id"], [row["member_id"]])


async def tell_taken(tx: Tx, owner_id: UUID, audience_id: UUID, taken: list[UUID]) -> None:
    audience = Audience(**await tx.one(AUDIENCE, audience_id=audience_id, user_id=owner_id))
    changed = AudienceChanged(audience_id=audience_id, audience=audience, taken=taken)
    tx.tell(changed, to=[owner_id])


async def let_in(tx: Tx, user_id: UUID) -> bool:
    """Some of those who wait for an account that is not private any more. False when there are no
    more."""
    await tx.run(SHARE_PRIVACY, following_id=user_id)
    rows = await tx.all(LET_IN, following_id=user_id, limit=LET_IN_AT_ONCE)
    if not rows:
        return False
    await causes.approved(tx, [row["follower_id"] for row in rows], user_id)
    await withdraw_group(tx, [user_id], causes.REQUESTED)
    named = await people(tx, [user_id, *(row["follower_id"] for row in rows)])
    own = FollowedUser(
        **named[user_id], since=rows[0]["since"], close_friend=False, notify_on_post=True
    )
    tx.touched(user_id, *(row["follower_id"] for row in rows))
    follow = FollowChanged(user_id=user_id, state="follows", user=own)
    tx.tell(follow, to=[row["follower_id"] for row in rows])
    tx.tell(FollowersChanged(followers=[_let_in(row, named) for row in rows]), to=[user_id])
    return len(rows) == LET_IN_AT_ONCE


def _let_in(row: Row, named: dict[UUID, Row]) -> FollowerState:
    id_ = row["follower_id"]
    user = Follower(**named[id_], since=row["since"]) if id_ in named else None
    return FollowerState(user_id=id_, state="follows", user=user)

"""Follows: begun, asked for, approved, ended, listed. What of them is told, following.py says."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import Invalid, NotFound
from lumina_protocol.follows import (
    ApproveFollow,
    Before,
    DeclineFollow,
    FollowedUser,
    Follower,
    FollowerPage,
    FollowingPage,
    FollowKept,
    FollowUser,
    ListFollowers,
    ListFollowing,
    ListFollowRequests,
    RemoveFollower,
    SetFollow,
    UnfollowUser,
)

from lumina_rt import access, causes, following
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import Query, query

BETWEEN = query("follows.between")
SHARE_PRIVACY = query("follows.share_privacy")
FOLLOW = query("follows.follow")
ASK = query("follows.ask")
APPROVE = query("follows.approve")
DECLINE = query("follows.decline")
END = query("follows.end")
SET = query("follows.set")
FOLLOWING = query("follows.following")
FOLLOWERS = query("follows.followers")
REQUESTS = query("follows.requests")
SENT = query("follows.sent")

OWN = {"close_friend", "notify_on_post"}


@handles(FollowUser)
@once
async def follow(ctx: Ctx, tx: Tx, request: FollowUser) -> FollowKept:
    if request.user_id == ctx.user_id:
        raise Invalid("Nobody follows themselves.", field="user_id")
    pair = _pair(ctx.user_id, request.user_id)
    await _lock(tx, pair)
    await tx.run(SHARE_PRIVACY, following_id=request.user_id)
    other = await access.followable(tx, user_id=ctx.user_id, other_id=request.user_id)
    before = await tx.one(BETWEEN, **pair)
    if before["state"] == "follows" or (before["state"] == "requested" and other["is_private"]):
        return FollowKept(changed=False, state=before["state"])
    await tx.run(ASK if other["is_private"] else FOLLOW, **pair)
    return await _told(ctx, tx, pair)


@handles(UnfollowUser)
@once
async def unfollow(ctx: Ctx, tx: Tx, request: UnfollowUser) -> FollowKept:
    return await _change(ctx, tx, _pair(ctx.user_id, request.user_id), DECLINE, END)


@handles(RemoveFollower)
@once
async def remove_follower(ctx: Ctx, tx: Tx, request: RemoveFollower) -> FollowKept:
    return await _change(ctx, tx, _pair(request.user_id, ctx.user_id), END)


@handles(ApproveFollow)
@once
async def approve(ctx: Ctx, tx: Tx, request: ApproveFollow) -> FollowKept:
    kept = await _change(ctx, tx, _pair(request.user_id, ctx.user_id), APPROVE, approved=True)
    if kept.changed and kept.state == "follows":
        await causes.approved(tx, [request.user_id], ctx.user_id)
    return kept


@handles(DeclineFollow)
@once
async def decline(ctx: Ctx, tx: Tx, request: DeclineFollow) -> FollowKept:
    return await _change(ctx, tx, _pair(request.user_id, ctx.user_id), DECLINE)


@handles(SetFollow)
@once
async def set_follow(ctx: Ctx, tx: Tx, request: SetFollow) -> FollowKept:
    pair = _pair(ctx.user_id, request.user_id)
    await _lock(tx, pair)
    if (await tx.one(BETWEEN, **pair))["state"] != "follows":
        raise NotFound("You do not follow this user.", field="user_id")
    changed = await tx.maybe(SET, **pair, **request.model_dump(include=OWN))
    if changed:
        await following.tell(tx, ctx.user_id, request.user_id, both=False)
    return FollowKept(changed=changed is not None, state="follows")


def _pair(follower_id: UUID, following_id: UUID) -> dict[str, UUID]:
    return {"follower_id": follower_id, "following_id": following_id}


async def _lock(tx: Tx, pair: dict[str, UUID]) -> None:
    await access.lock_pair(tx, user_id=pair["follower_id"], other_id=pair["following_id"])


async def _change(
    ctx: Ctx, tx: Tx, pair: dict[str, UUID], *queries: Query, approved: bool = False
) -> FollowKept:
    await _lock(tx, pair)
    rows = [await tx.maybe(asked, **pair) for asked in queries]
    if any(rows):
        return await _told(ctx, tx, pair, approved=approved)
    return FollowKept(changed=False, state=(await tx.one(BETWEEN, **pair))["state"])


async def _told(ctx: Ctx, tx: Tx, pair: dict[str, UUID], *, approved: bool = False) -> FollowKept:
    state = await following.tell(tx, pair["follower_id"], pair["following_id"])
    await causes.follows(tx, **pair, state=state, approved=approved)
    ctx.shows_changed(tx, pair["follower_id"])
    return FollowKept(changed=True, state=state)


@handles(ListFollowing)
async def list_following(ctx: Ctx, request: ListFollowing) -> FollowingPage:
    owner_id = request.user_id or ctx.user_id
    async with ctx.db.read() as tx:
        if owner_id != ctx.user_id:
            await access.lists_of(tx, user_id=ctx.user_id, other_id=owner_id)
        rows = await tx.all(
            FOLLOWING,
            user_id=ctx.user_id,
            owner_id=owner_id,
            close_friends=request.close_friends,
            **_page(request.before, request.limit),
        )
    users = [FollowedUser(**row) for row in rows[: request.limit]]
    if owner_id != ctx.user_id:
        users = [user.model_copy(update=dict.fromkeys(OWN)) for user in users]
    return FollowingPage(users=users, more=len(rows) > request.limit)


@handles(ListFollowers)
async def list_followers(ctx: Ctx, request: ListFollowers) -> FollowerPage:
    owner_id = request.user_id or ctx.user_id
    async with ctx.db.read() as tx:
        if owner_id != ctx.user_id:
            await access.lists_of(tx, user_id=ctx.user_id, other_id=owner_id)
        page = _page(request.before, request.limit)
        rows = await tx.all(FOLLOWERS, user_id=ctx.user_id, owner_id=owner_id, **page)
    users = [Follower(**row) for row in rows[: request.limit]]
    return FollowerPage(users=users, more=len(rows) > request.limit)


@handles(ListFollowRequests)
async def list_requests(ctx: Ctx, request: ListFollowRequests) -> FollowerPage:
    async with ctx.db.read() as tx:
        page = _page(request.before, request.limit)
        rows = await tx.all(SENT if request.sent else REQUESTS, user_id=ctx.user_id, **page)
    users = [Follower(**row) for row in rows[: request.limit]]
    return FollowerPage(users=users, more=len(rows) > request.limit)


def _page(before: Before | None, limit: int) -> dict[str, object]:
    before_ms, before_id = before or (None, None)
    return {"before_ms": before_ms, "before_id": before_id, "limit": limit + 1}

"""Votes: one ballot for a user and poll, while it is open."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import Conflict, Forbidden, Invalid, PollClosed
from lumina_protocol.messages import Person
from lumina_protocol.polls import PageVoters, PollVoted, Unvote, Vote, Voted, Voter, VoterPage

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

VOTE = query("polls.vote")
OWN = query("polls.own")
UNVOTE = query("polls.unvote")
ASKED_BY = query("polls.asked_by")
VOTERS = query("polls.voters")


@handles(Vote)
@once
async def vote(ctx: Ctx, tx: Tx, request: Vote) -> Voted:
    name = {"post_id": request.post_id, "user_id": ctx.user_id}
    poll = await tx.maybe(VOTE, options=request.options, **name)
    if poll is None:
        raise access.no_post()
    if not poll["voted"]:
        own = [row["option_no"] for row in await tx.all(OWN, **name)]
        if own == request.options:
            return Voted(post_id=request.post_id, own_votes=own, changed=False)
        if poll["closed"]:
            raise PollClosed(field="post_id")
        if poll["known"] < len(request.options):
            raise Invalid("options: the poll has no such option", field="options")
        if not poll["multiple"] and len(request.options) > 1:
            raise Invalid("options: this poll takes one", field="options")
        raise Conflict("You have voted: take that back first.", field="options")
    return _told(ctx, tx, request.post_id, request.options)


@handles(Unvote)
@once
async def unvote(ctx: Ctx, tx: Tx, request: Unvote) -> Voted:
    name = {"post_id": request.post_id, "user_id": ctx.user_id}
    poll = await tx.maybe(UNVOTE, **name)
    if poll is None or not poll["voted"]:
        await _asked_by(tx, name)
    if poll is not None and poll["closed"]:
        raise PollClosed(field="post_id")
    if poll is not None and poll["changed"]:
        return _told(ctx, tx, request.post_id, [])
    return Voted(post_id=request.post_id, own_votes=[], changed=False)


@handles(PageVoters)
async def voters(ctx: Ctx, request: PageVoters) -> VoterPage:
    name = {"post_id": request.post_id, "user_id": ctx.user_id}
    before_ms, before_id = request.before or (None, None)
    async with ctx.db.read() as tx:
        if await _asked_by(tx, name) != ctx.user_id:
            raise Forbidden("Only who asks is told who has voted.", field="post_id")
        rows = await tx.all(
            VOTERS,
            option_no=request.option_no,
            before_ms=before_ms,
            before_id=before_id,
            limit=request.limit + 1,
            **name,
        )
    found = [
        Voter(
            user=Person(user_id=row["user_id"], username=row["username"]),
            voted_at=row["voted_at"],
        )
        for row in rows[: request.limit]
    ]
    return VoterPage(voters=found, more=len(rows) > request.limit)


async def _asked_by(tx: Tx, name: dict[str, UUID]) -> UUID:
    """Raises NotFound."""
    row = await tx.maybe(ASKED_BY, **name)
    if row is None:
        raise access.no_post()
    author: UUID = row["user_id"]
    return author


def _told(ctx: Ctx, tx: Tx, post_id: UUID, options: list[int]) -> Voted:
    tx.tell(PollVoted(post_id=post_id, own_votes=options), to=[ctx.user_id])
    tx.touched(post_id)
    return Voted(post_id=post_id, own_votes=options, changed=True)

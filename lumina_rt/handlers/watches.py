"""What a connection watches: its state now, and from then on as it changes."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import NotFound, Unavailable
from lumina_protocol.watches import Unwatch, Unwatched, Watch, Watched

from lumina_rt import (  # noqa: F401  (the kinds)
    post_states,
    profile_states,
    story_states,
    topic_states,
)
from lumina_rt.hub import Receiver
from lumina_rt.router import Ctx, handles
from lumina_rt.watching import KINDS


@handles(Watch)
async def watch(ctx: Ctx, request: Watch) -> Watched:
    if ctx.line is None:  # nobody is there any more to be told
        raise Unavailable
    if request.subject_type == "feed":
        return _watch_feed(ctx, ctx.line, request.subject_id)
    kind = KINDS[request.subject_type]
    watching = ctx.services.watching
    state = await watching.watch(ctx.user_id, ctx.line, kind, request.subject_id)
    if state is None:
        raise _nothing()
    return Watched.model_validate({kind.name: state})


def _watch_feed(ctx: Ctx, line: Receiver, user_id: UUID) -> Watched:
    if user_id != ctx.user_id:
        raise _nothing()
    return Watched(feed=ctx.services.feeds.watch(user_id, line))


def _nothing() -> NotFound:
    return NotFound("There is no such thing, or not for you.", field="subject_id")


@handles(Unwatch)
async def unwatch(ctx: Ctx, request: Unwatch) -> Unwatched:
    if ctx.line is None:
        raise Unavailable
    if request.subject_type == "feed":
        own = request.subject_id == ctx.user_id
        return Unwatched(changed=own and ctx.services.feeds.unwatch(ctx.line))
    watching = ctx.services.watching
    return Unwatched(changed=watching.unwatch(ctx.line, request.subject_type, request.subject_id))

"""Messages: send one, and everybody in the conversation gets it."""

from __future__ import annotations

from lumina_protocol.messages import MessageSent, SendMessage

from lumina_rt.router import Ctx, handles
from lumina_rt.sending import Sending, commit


@handles(SendMessage, together=True)
async def send(ctx: Ctx, request: SendMessage) -> MessageSent:
    # No await before it is in line: what a connection sends first is committed first.
    sending = Sending.of(ctx.user_id, request, ctx.services.hash_key)
    return await ctx.services.writers.submit(commit, sending)

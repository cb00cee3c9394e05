"""Messages that one deletes for oneself.

No change of the conversation, so nobody else hears of it and its lock is not taken. A change that
is under way may still be told to who hides: clients drop what comes of a hidden message.
"""

from __future__ import annotations

from lumina_protocol.hides import Hidden, HideMessages, MessagesHid, MessagesHidden

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

ADD = query("hides.add")
NAMED = query("hides.named")


@handles(HideMessages)
@once
async def hide(ctx: Ctx, tx: Tx, request: HideMessages) -> MessagesHid:
    conversation_id = request.conversation_id
    where = {"conversation_id": conversation_id, "user_id": ctx.user_id}
    await access.member(tx, **where)
    added = await tx.all(ADD, message_ids=request.message_ids, **where)
    seqs = [row["seq"] for row in added]
    rows = await tx.all(NAMED, conversation_id=conversation_id, seqs=seqs)
    hidden = [Hidden.model_validate(dict(row)) for row in rows]
    if hidden:
        tx.tell(MessagesHidden(conversation_id=conversation_id, hidden=hidden), to=[ctx.user_id])
    return MessagesHid(hidden=hidden)

"""Members: all of them, in pages."""

from __future__ import annotations

from lumina_protocol.conversations import Member
from lumina_protocol.fields import username_key
from lumina_protocol.member_list import ListMembers, MemberPage

from lumina_rt import access
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

PAGE = query("member_list.page")


@handles(ListMembers)
async def list_members(ctx: Ctx, request: ListMembers) -> MemberPage:
    role, name = request.after or (None, None)
    where = {"conversation_id": request.conversation_id}
    async with ctx.db.read() as tx:
        await access.member(tx, user_id=ctx.user_id, **where)
        rows = await tx.all(
            PAGE,
            after_role=role,
            after_name=_key(name),
            prefix=_key(request.prefix),
            limit=request.limit + 1,
            **where,
        )
    found = [Member(**row) for row in rows[: request.limit]]
    return MemberPage(members=found, more=len(rows) > request.limit)


def _key(name: str | None) -> str | None:
    return None if name is None else username_key(name)

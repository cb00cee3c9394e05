"""What a user says of themselves in their profile, changed."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import NotFound
from lumina_protocol.profile_changes import ChangeProfile, OwnProfile, ProfileChanged, ProfileKept

from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("accounts.lock")
OWN = query("profile_changes.own")
OWN_PICTURE = query("groups.own_picture")
CHANGE = query("profile_changes.change")
REFER_TO_PICTURE = query("profile_changes.refer_to_picture")


@handles(ChangeProfile)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeProfile) -> ProfileKept:
    """Who watches the profile is told, see watching.py."""
    await tx.maybe(LOCK, user_id=ctx.user_id)
    before = OwnProfile(**await tx.one(OWN, user_id=ctx.user_id))
    if request.picture_media_id not in (None, before.picture_media_id):
        await _refuse_others_picture(tx, ctx.user_id, request.picture_media_id)
    row = await tx.one(
        CHANGE,
        user_id=ctx.user_id,
        full_name=request.full_name,
        bio=request.bio,
        media_id=request.picture_media_id,
        remove_picture=request.remove_picture,
    )
    after = OwnProfile(**row)
    if after == before:
        return ProfileKept(changed=False)
    await tx.run(REFER_TO_PICTURE, user_id=ctx.user_id, media_id=after.picture_media_id)
    tx.tell(ProfileChanged(profile=after), to=[ctx.user_id])
    tx.touched(ctx.user_id)
    return ProfileKept(changed=True)


async def _refuse_others_picture(tx: Tx, user_id: UUID, media_id: UUID | None) -> None:
    if await tx.maybe(OWN_PICTURE, media_id=media_id, user_id=user_id) is None:
        why = "There is no such image of yours, or it is not ready."
        raise NotFound(why, field="picture_media_id")

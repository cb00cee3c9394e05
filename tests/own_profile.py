"""What the oracle knows of a user's own profile."""

from __future__ import annotations

from lumina_protocol.errors import LuminaError
from lumina_protocol.profile_changes import OwnProfile
from lumina_protocol.profiles import GetUser

from lumina_rt.client import Client


async def own_profile(client: Client) -> OwnProfile | None:
    """None of an account that is deleted: nobody sees it any more."""
    assert client.ready
    try:
        mine = (await client.call(GetUser(user_id=client.ready.user_id))).profile
    except LuminaError as error:
        assert error.body.code == "not_found"
        return None
    return OwnProfile.model_validate(mine.model_dump(include=set(OwnProfile.model_fields)))

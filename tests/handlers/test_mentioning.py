"""Posts that name a user: by pages, as far as they are for them."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.mentioning import ListMentioning
from lumina_protocol.mutes import MuteUser

from lumina_rt.client import Client
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, house

__all__ = ["house"]


async def naming(client: Client) -> list[UUID]:
    """All of them, one by one."""
    found: list[UUID] = []
    while True:
        before = found[-1] if found else None
        page = await client.call(ListMentioning(before=before, limit=1))
        found += [post.post_id for post in page.posts]
        if not page.more:
            return found


async def test_posts_that_name_a_user_are_found_as_far_as_they_are_for_them(house: House) -> None:
    first = await house.post(house.alice, caption="with @bob")
    await house.post(house.alice, caption="with @bob, in private", visibility="private")
    await house.post(house.alice, caption="with @carol")
    second = await house.post(house.carol, caption="@bob!")
    assert await naming(house.bob) == [second, first]
    await house.bob.call(MuteUser(user_id=id_of(house.carol), op_id=uuid7()))
    assert await naming(house.bob) == [first]
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await naming(house.bob) == []

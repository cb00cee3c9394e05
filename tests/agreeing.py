"""What a client can ask in more than one way is the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.conversations import ListConversations
from lumina_protocol.pins import ListPins
from lumina_protocol.receipts import CountUnread

from lumina_rt.client import Client

if TYPE_CHECKING:
    from tests.oracle import World


async def pins_agree(client: Client, world: World, conversation_id: UUID) -> None:
    """Those that the messages tell of, unless something was pinned in between."""
    pins = (await client.call(ListPins(conversation_id=conversation_id))).pins
    for pin in pins:
        found = world.messages.get((conversation_id, pin.message.seq))
        assert found is None or found == pin.message or found.rev != pin.message.rev
    listed = {pin.message.seq for pin in pins}
    marked = {k[1] for k, m in world.messages.items() if k[0] == conversation_id and m.pinned_at}
    assert marked <= listed, "a message is pinned and not listed"


async def badges_agree(client: Client, world: World) -> None:
    """The badge, the list and the messages say the same."""
    counts = await client.call(CountUnread())
    again = await client.call(ListConversations(limit=40))
    if again.conversations != [*world.conversations.values()]:
        return  # something has happened meanwhile
    shown = {one.conversation_id: one.unread for one in counts.conversations}
    assert shown == {
        one.conversation_id: one.unread
        for one in again.conversations
        if one.unread or one.preferences.marked_unread
    }
    for one in again.conversations:
        world.count(one.conversation_id)
        assert world.conversations[one.conversation_id].unread == one.unread

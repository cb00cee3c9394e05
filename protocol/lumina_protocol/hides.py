"""Messages that one has deleted for oneself: nobody else notices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.fields import Id, Seq
from lumina_protocol.frame import Change, PersonalEvent, Reply, Wire


class Hidden(Wire):
    message_id: UUID
    seq: Seq


class MessagesHid(Reply):
    hidden: list[Hidden]
    """Those that were to be seen until now."""


class HideMessages(Change[MessagesHid]):
    """Deletes messages for oneself, for ever and on every device. What is hidden already, or is not
    there, is passed over."""

    op = "message.hide"
    scope = "messages.write"

    conversation_id: Id
    message_ids: Annotated[list[Id], Field(min_length=1, max_length=100)]


class MessagesHidden(PersonalEvent):
    """A change of these messages that was on its way may still come, and is to be dropped."""

    type = "message.hidden"

    conversation_id: UUID
    hidden: list[Hidden]

"""What `lumina chat` prints: messages as lines, and nothing that a terminal obeys."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from lumina_protocol.conversations import Conversation
from lumina_protocol.messages import Attachment, Message, Quote
from lumina_protocol.search import SearchHit
from rich.console import Console, RenderableType
from rich.text import Text

BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLOURS = ("cyan", "magenta", "green", "yellow")
WIDEST = 20
Piece = tuple[str, str]
"""Words and the style that they have."""


class Screen:
    """Prints above the prompt. With `numbers` each message has its seq before it, for commands."""

    def __init__(self, conversation: Conversation, *, numbers: bool = False) -> None:
        self.names: dict[UUID, str] = {}
        self.numbers = numbers
        self._day = datetime.fromtimestamp(time.time()).date()
        for member in conversation.members:
            self.know(member.user_id, member.username)

    def know(self, user_id: UUID, username: str) -> None:
        self.names[user_id] = username

    def name(self, user_id: UUID) -> str:
        return self.names.get(user_id, "?")

    def message(self, message: Message) -> None:
        """A new message, below a line for the day when that is another one than before."""
        at = datetime.fromtimestamp(message.created_at / 1000)
        if at.date() != self._day:
            self._day = at.date()
            self.note(f"{at:%A}, {at.day} {at:%B %Y}")
        self.changed(message)

    def changed(self, message: Message) -> None:
        """A message as it is now, once more."""
        if message.reply_to and not message.is_deleted:
            self._print([self._quote(message.reply_to)])
        self._line(message, body(message))

    def hit(self, hit: SearchHit) -> None:
        """A message that was found, its words marked."""
        message = hit.message
        self._line(message, [*marked(message.content, hit.highlights), *marks(message)])

    def note(self, text: str) -> None:
        self._print([(f"-- {text}", "dim")])

    def failed(self, text: str) -> None:
        self._print([(f"!! {text}", "red")])

    def _line(self, message: Message, said: Iterable[Piece]) -> None:
        at = datetime.fromtimestamp(message.created_at / 1000)
        number = f"{message.seq:>4} " if self.numbers else ""
        who = self._who(message)
        self._print([(f"{at:%H:%M} ", "dim"), (number, "dim"), who, *said])

    def _who(self, message: Message) -> Piece:
        if message.message_type == "system":
            return ("-- ", "dim")
        width = min(max(map(len, self.names.values()), default=0), WIDEST)
        return f"{self.name(message.sender_id):>{width}}  ", self._colour(message.sender_id)

    def _colour(self, user_id: UUID) -> str:
        known = list(self.names)
        return COLOURS[known.index(user_id) % len(COLOURS)] if user_id in known else "default"

    def _quote(self, quote: Quote) -> Piece:
        said = "(deleted)" if quote.is_deleted else quote.excerpt or f"[{quote.message_type}]"
        number = f"{quote.seq} " if self.numbers else ""
        return f"      > {number}{self.name(quote.sender_id)}: {said}", "dim"

    def _print(self, pieces: Iterable[Piece]) -> None:
        line = Text()
        for words, style in pieces:
            line.append(harmless(words), style=style)
        put(line)


def put(what: RenderableType) -> None:
    # Made anew each time: inside patch_stdout, sys.stdout is what keeps the prompt below.
    Console(file=sys.stdout, force_terminal=sys.stdout.isatty(), highlight=False).print(
        what, soft_wrap=isinstance(what, Text)
    )


def harmless(text: str) -> str:
    """Without what a terminal would obey, or what would look like a line of somebody else."""
    shown = text.replace("\n", " \u23ce ")
    return "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Zl", "Zp") or char in BIDI else char
        for char in shown
    )


def body(message: Message) -> list[Piece]:
    """What it says, and what has become of it."""
    if message.is_deleted:
        ended = message.expires_at is not None and message.expires_at <= time.time() * 1000
        return [("(expired)" if ended else "(deleted)", "dim")]
    style = "dim" if message.message_type == "system" else "default"
    return [(gist(message), style), *marks(message)]


def gist(message: Message) -> str:
    """In one line of words: the text, and what is attached."""
    if message.is_deleted:
        return "(deleted)"
    attached = [f"[{attachment(each)}]" for each in message.attachments or ()]
    if message.post_id:
        attached.append("[post]")
    return " ".join([message.content, *attached] if message.content else attached)


def attachment(one: Attachment) -> str:
    size = f" {one.width}x{one.height}" if one.width and one.height else ""
    seconds = -(-(one.duration_ms or 0) // 1000)
    return f"{one.kind}{size}" + (f" {seconds // 60}:{seconds % 60:02}" if seconds else "")


def marks(message: Message) -> list[Piece]:
    """What was done to a message, behind it."""
    told = [
        ("forwarded", message.forwarded),
        ("edited", message.edited_at),
        ("pinned", message.pinned_at),
        (ending(message), True),
    ]
    pieces = [(f" ({mark})", "dim") for mark, so in told if so and mark]
    if message.reactions:
        moods = ", ".join(f"{each.reaction} {each.count}" for each in message.reactions)
        pieces.append((f"  [{moods}]", "yellow"))
    return pieces


def ending(message: Message) -> str:
    """When an ephemeral message ends; empty when it does not."""
    if message.expires_at is not None:
        seconds = datetime.fromtimestamp(message.expires_at / 1000).second
        return f"until {moment(message.expires_at)}:{seconds:02}"
    if message.expires_after_s is not None:
        return f"ends {message.expires_after_s} s after it is read"
    return ""


def moment(millis: int) -> str:
    """The local time, with the day where that is not today."""
    at = datetime.fromtimestamp(millis / 1000)
    today = at.date() == datetime.fromtimestamp(time.time()).date()
    return f"{at:%H:%M}" if today else f"{at:%Y-%m-%d %H:%M}"


def marked(text: str, places: Sequence[tuple[int, int]]) -> list[Piece]:
    """A text with these places (in code points) in bold."""
    pieces, at = [], 0
    for start, end in places:
        pieces += [(text[at:start], "default"), (text[start:end], "bold underline")]
        at = end
    return [*pieces, (text[at:], "default")]

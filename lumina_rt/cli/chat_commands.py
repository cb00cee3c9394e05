"""The lines of `lumina chat` that begin with "/", and what they do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, get_args

from lumina_protocol.errors import LuminaError, RateLimited
from lumina_protocol.fields import uuid7
from lumina_protocol.hides import HideMessages
from lumina_protocol.members import AddMembers, RemoveMember
from lumina_protocol.message_reactions import Mood, React
from lumina_protocol.messages import DeleteMessage, EditMessage, Message
from lumina_protocol.pins import PinMessage, UnpinMessage
from lumina_protocol.preferences import SetPreferences
from lumina_protocol.search import SearchMessages
from pydantic import ValidationError

from lumina_rt.cli.chat_talk import Talk

MOODS: tuple[Mood, ...] = get_args(Mood)
HOUR_MS = 3_600_000
MOST_HOURS = 24 * 366
SEARCHES = 5
"""Pages of a search that are asked for while nothing is found; more soon meets the limit."""


class Wrong(Exception):
    """What was typed cannot be done; the words say what to type instead."""


class Misused(Wrong):
    """The command was typed in another way than its usage says."""


class Left(Exception):
    """The user has left the conversation: there is nothing more to type."""


ADVICE: dict[tuple[str, str | None], str] = {
    ("not_found", "usernames"): "Look how the name is written.",
    ("forbidden", "conversation_id"): "/members shows who they are.",
    ("forbidden", "message_id"): "/hide N takes a message away for you alone.",
    ("gone", "message_id"): "Nothing can be done with it any more; /hide N takes it away for you.",
}
"""What to do about a refusal, by its code and its field."""
Run = Callable[[Talk, str], Awaitable[int]]
"""Does it with the rest of the line, and returns the rev that shows it, or 0."""


@dataclass(frozen=True)
class Command:
    usage: str
    does: str
    example: str
    run: Run


COMMANDS: dict[str, Command] = {}


def command(usage: str, does: str, example: str) -> Callable[[Run], Run]:
    def keep(run: Run) -> Run:
        COMMANDS[usage.partition(" ")[0]] = Command(usage, does, example, run)
        return run

    return keep


async def enter(talk: Talk, line: str) -> int:
    """Obey a line, or send it when it is no command; returns the rev that shows it, or 0.

    Raises Wrong, Left, and what the client raises.
    """
    if not line.startswith("/") or line.startswith("//"):
        return (await talk.client.send(talk.id, line.removeprefix("/"))).rev
    name, _, rest = line.partition(" ")
    found = COMMANDS.get(name.lower())
    if found is None:
        raise Wrong(f"there is no {name}: /help lists what there is; /{line} sends it as it is")
    try:
        return await found.run(talk, rest.strip())
    except Misused:
        raise Wrong(f"write {found.usage}, as in: {found.example}") from None


def complaint(error: Exception) -> str:
    """One line that says what was wrong, and what to do."""
    match error:
        case ValidationError():
            return misfit(error)
        case LuminaError(body=body) if body.code == RateLimited.code:
            return f"that was too much: try again in {-(-(body.retry_after_ms or 1000) // 1000)} s"
        case LuminaError(body=body):
            advice = ADVICE.get((body.code, body.field), "")
            return f"{body.message} {advice}".strip()
    return str(error) or type(error).__name__


def misfit(error: ValidationError) -> str:
    """What cannot be asked like that."""
    first = error.errors()[0]
    field = first["loc"][0] if first["loc"] else "it"
    if field == "content":
        return "a message has 1 to 4,000 characters"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


async def numbered(talk: Talk, rest: str) -> tuple[Message, str]:
    """The message whose number is first, and what is behind that."""
    number, _, rest = rest.partition(" ")
    digits = number.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
        raise Misused
    message = await talk.message(int(digits))
    if message is None:
        raise Wrong(f"there is no message {digits} here: its number is the one before it")
    return message, rest.strip()


async def only_numbered(talk: Talk, rest: str) -> Message:
    message, more = await numbered(talk, rest)
    if more:
        raise Misused
    return message


@command("/reply N TEXT", "answers message N", "/reply 12 see you there")
async def reply(talk: Talk, rest: str) -> int:
    message, text = await numbered(talk, rest)
    if not text:
        raise Misused
    return (await talk.client.send(talk.id, text, reply_to=message.message_id)).rev


@command("/react N MOOD", f"{', '.join(MOODS)}; or none to take it back", "/react 12 grateful")
async def react(talk: Talk, rest: str) -> int:
    message, name = await numbered(talk, rest)
    mood = next((each for each in MOODS if each == name.lower()), None)
    if not name or (mood is None and name.lower() != "none"):
        raise Wrong(f"write /react N and one of {', '.join(MOODS)}, none; as in: /react 12 curious")
    asked = React(
        conversation_id=talk.id, message_id=message.message_id, op_id=uuid7(), reaction=mood
    )
    return (await talk.client.call(asked)).rev


@command("/edit N TEXT", "gives your message N another text", "/edit 12 see you here")
async def edit(talk: Talk, rest: str) -> int:
    message, text = await numbered(talk, rest)
    if not text:
        raise Misused
    asked = EditMessage(
        conversation_id=talk.id, message_id=message.message_id, op_id=uuid7(),
        base_rev=message.rev, content=text,
    )  # fmt: skip
    return (await talk.client.call(asked)).rev


@command("/delete N", "deletes your message N for everybody", "/delete 12")
async def delete(talk: Talk, rest: str) -> int:
    message = await only_numbered(talk, rest)
    asked = DeleteMessage(conversation_id=talk.id, message_id=message.message_id, op_id=uuid7())
    return (await talk.client.call(asked)).rev


@command("/hide N", "deletes message N for you, for ever", "/hide 12")
async def hide(talk: Talk, rest: str) -> int:
    message = await only_numbered(talk, rest)
    asked = HideMessages(conversation_id=talk.id, message_ids=[message.message_id], op_id=uuid7())
    if not (await talk.client.call(asked)).hidden:
        raise Wrong("you have hidden this message before")
    return 0


@command("/pin N", "keeps message N at hand for all", "/pin 12")
async def pin(talk: Talk, rest: str) -> int:
    message = await only_numbered(talk, rest)
    asked = PinMessage(conversation_id=talk.id, message_id=message.message_id, op_id=uuid7())
    return (await talk.client.call(asked)).rev


@command("/unpin N", "takes the pin away", "/unpin 12")
async def unpin(talk: Talk, rest: str) -> int:
    message = await only_numbered(talk, rest)
    asked = UnpinMessage(conversation_id=talk.id, message_id=message.message_id, op_id=uuid7())
    return (await talk.client.call(asked)).rev


@command("/search WORDS", "finds messages of this conversation", "/search train tickets")
async def search(talk: Talk, rest: str) -> int:
    if not rest:
        raise Misused
    asked = SearchMessages(query=rest, conversation_id=talk.id)
    page = await talk.client.call(asked)
    for _ in range(SEARCHES):
        if page.hits or not page.cursor:
            break
        page = await talk.client.call(asked.model_copy(update={"cursor": page.cursor}))
    more = ", and there may be more" if page.cursor else ""
    talk.screen.note(f"{len(page.hits) or 'nothing'} found{more}")
    for hit in reversed(page.hits):
        await talk.learn(hit.message)
        talk.screen.hit(hit)
    return 0


@command("/members", "who is in this conversation", "/members")
async def members(talk: Talk, rest: str) -> int:
    for member in talk.members.values():
        state = "you" if member.user_id == talk.me else talk.online.get(member.user_id, "unknown")
        role = f"{member.role}, " if talk.group else ""
        talk.screen.note(f"{talk.screen.name(member.user_id)} ({role}{state})")
    if talk.more_members > 0:
        talk.screen.note(f"and {talk.more_members} more")
    return 0


@command("/add NAME ...", "brings people into a group", "/add carol dave")
async def add(talk: Talk, rest: str) -> int:
    if not rest:
        raise Misused
    if not talk.group:
        raise Wrong("this is a conversation of two: `lumina chat --new-group` opens a group")
    asked = AddMembers(conversation_id=talk.id, usernames=rest.split(), op_id=uuid7())
    done = await talk.client.call(asked)
    if done.rev is None:
        raise Wrong("they are in this group already: /members shows who is")
    return done.rev


@command("/leave", "leaves a group", "/leave")
async def leave(talk: Talk, rest: str) -> int:
    if rest:
        raise Misused
    if not talk.group:
        raise Wrong("a conversation of two cannot be left: /mute silences it, Ctrl-D ends the chat")
    talk.leaving = True
    try:
        await talk.client.call(
            RemoveMember(conversation_id=talk.id, user_id=talk.me, op_id=uuid7())
        )
    except BaseException:
        talk.leaving = False
        raise
    raise Left


@command("/mute [HOURS]", "silences it on your devices, for ever or so long", "/mute 8")
async def mute(talk: Talk, rest: str) -> int:
    hours = rest.removesuffix("h")
    if rest and not (hours.isascii() and hours.isdigit() and len(hours) <= 5):
        raise Misused
    if rest and not 0 < int(hours) <= MOST_HOURS:
        raise Wrong(f"write 1 to {MOST_HOURS} hours, or /mute without them: for ever")
    until: int | Literal["forever"] = "forever"
    if rest:
        until = int(time.time() * 1000) + int(hours) * HOUR_MS
    asked = SetPreferences(conversation_id=talk.id, op_id=uuid7(), muted_until=until)
    await talk.client.call(asked)
    talk.screen.note(f"muted for {hours} h; /unmute ends it" if rest else "muted; /unmute ends it")
    return 0


@command("/unmute", "lets it be heard again", "/unmute")
async def unmute(talk: Talk, rest: str) -> int:
    asked = SetPreferences(conversation_id=talk.id, op_id=uuid7(), muted_until=0)
    await talk.client.call(asked)
    talk.screen.note("not muted any more")
    return 0


@command("/help", "shows this", "/help")
async def show_help(talk: Talk, rest: str) -> int:
    width = max(len(each.usage) for each in COMMANDS.values())
    for each in COMMANDS.values():
        talk.screen.note(f"{each.usage:<{width}}  {each.does}; {each.example}")
    talk.screen.note("N is the number before a message. //text sends /text. Ctrl-D ends the chat.")
    return 0

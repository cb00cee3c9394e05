"""What a scenario has to prepare with, before the users of the run are there."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from lumina_protocol.conversations import CreateConversation
from lumina_protocol.fields import uuid7
from lumina_protocol.members import AddMembers, CreateGroup

from loadtest.drive.people import CONVERSATIONS, Part, Person, a_few_at_a_time, patient
from loadtest.drive.target import Target
from loadtest.errors import CannotStart
from loadtest.screen import Screen
from lumina_rt.client import Client

AT_ONCE = 100
"""Names that one request may have."""


@dataclass(slots=True)
class Backstage:
    screen: Screen
    target: Target
    people: Sequence[Person]
    parts: list[Part] = field(default_factory=list)
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.parts = self.parts or [{} for _ in self.people]

    def give(self, person: Person, what: str, ids: Iterable[UUID]) -> None:
        """More of it to what the user has already."""
        part = self.parts[person.number]
        part[what] = (*part.get(what, ()), *ids)

    def client(self, person: Person) -> Client:
        """To be entered."""
        return Client(self.target.urls[0], token=person.token)

    async def direct(self, pairs: Iterable[tuple[Person, Person]], role: str) -> None:
        """A conversation for each pair; the first of it writes, and has it as its `role`."""

        async def open_one(pair: tuple[Person, Person]) -> None:
            writer, reader = pair
            async with self.client(writer) as client:
                request = CreateConversation(conversation_id=uuid7(), username=reader.name)
                made = (await patient(client, request)).conversation.conversation_id
            self.give(writer, role, [made])
            for person in pair:
                self.give(person, CONVERSATIONS, [made])

        await a_few_at_a_time(pairs, open_one)

    async def group(self, members: Sequence[Person]) -> UUID:
        """The first of them owns it."""
        owner, *others = members
        names = [person.name for person in others]
        group_id = uuid7()
        async with self.client(owner) as client:
            first = CreateGroup(
                conversation_id=group_id, title="load test", usernames=names[:AT_ONCE]
            )
            await patient(client, first)
            for start in range(AT_ONCE, len(names), AT_ONCE):
                more = names[start : start + AT_ONCE]
                await patient(
                    client, AddMembers(op_id=uuid7(), conversation_id=group_id, usernames=more)
                )
        for person in members:
            self.give(person, CONVERSATIONS, [group_id])
        return group_id

    async def rows(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """What there is no operation for, straight into the database. Raises CannotStart."""
        if self.target.database_url is None:
            raise CannotStart("needs a server that is started for it: leave out --url")
        connection = await asyncpg.connect(self.target.database_url)
        try:
            await connection.executemany(statement, rows)
        finally:
            await connection.close()


def chunks(people: Sequence[Person], size: int) -> list[Sequence[Person]]:
    """All of this size; who is left over belongs to none."""
    return [people[at : at + size] for at in range(0, len(people) - size + 1, size)]

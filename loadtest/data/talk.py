"""Conversations and their messages, in the order in which they were sent.

A first pass decides who says what where (4 bytes a message, and two counters a conversation), so
that conversations can be written with their final numbers before their messages.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from asyncpg.pgproto.pgproto import UUID

from loadtest.data.people import People, Row
from loadtest.data.scale import Scale
from loadtest.data.shape import Ids, heavy_tail, numbered_draws, remix, share, zipf
from loadtest.data.words import Texts

MOODS = ("inspired", "grateful", "curious", "excited", "thoughtful")
DAY_MS = 86_400_000
EDITED, DELETED, REACTED, MARKED = 1, 2, 3, 4
LATE = 0.8
"""Members of a group beyond this part of the list came later."""


class Talk:
    def __init__(self, scale: Scale, people: People) -> None:
        self.scale, self.people, self.time = scale, people, people.time
        self.count = scale.conversation_count
        self.members = array("I")
        self.begins = array("I", [0])
        self._gather_members()
        self.last_seq = array("I", [0]) * self.count
        self.last_rev = array("I", [0]) * self.count
        self.born = array("Q", [self.time.since_ms]) * self.count
        self.updated = array("Q", [self.time.since_ms]) * self.count
        self.where = array("I")
        self._place_messages()
        self.message_id, self.make_id = Ids(scale.seed, "message"), Ids(scale.seed, "conversation")
        self.ids: list[UUID] = [self.make_id(ms, n) for n, ms in enumerate(self.born)]
        self.changed = array("I")
        """Threes: message, seq, rev; of those that changed or are marked by someone."""

    def moment(self, message: int) -> int:
        return self.time.at((message + 0.5) / self.scale.messages)

    def who(self, conversation: int) -> array[int]:
        return self.members[self.begins[conversation] : self.begins[conversation + 1]]

    def is_group(self, conversation: int) -> bool:
        return conversation % 12 == 1

    def _gather_members(self) -> None:
        pairs: set[tuple[int, int]] = set()
        sizes = heavy_tail(8, max(3, min(200, self.people.count // 2)))
        for n, drawn in numbered_draws(self.scale.seed, "members", self.count):
            bits = drawn
            if self.is_group(n):
                size = 500 + (bits >> 50) % 1500 if n % 6000 == 1 else max(3, sizes[bits & 4095])
                self.members.extend(self.people.crowd(bits >> 12, size))
            else:
                pair = self._pair(bits)
                while pair[0] == pair[1] or pair in pairs:
                    bits = remix(bits + 1)
                    pair = self._pair(bits)
                pairs.add(pair)
                self.members.extend(pair)
            self.begins.append(len(self.members))

    def _pair(self, bits: int) -> tuple[int, int]:
        one = int(self.people.count * share(bits) ** 2)
        other = int(self.people.count * share(bits >> 32))
        return min(one, other), max(one, other)

    def _place_messages(self) -> None:
        for n, bits in self._messages():
            where = zipf(self.count, share(bits))
            self.where.append(where)
            if not self.last_seq[where]:
                self.born[where] = self.moment(n) - 1000
            self.last_seq[where] += 1
            self.last_rev[where] += 1 + _changes(bits)
            self.updated[where] = self.moment(n)

    def _messages(self) -> Iterator[tuple[int, int]]:
        return numbered_draws(self.scale.seed, "messages", self.scale.messages)

    def conversations(self) -> Iterator[Row]:
        for n, conversation_id in enumerate(self.ids):
            who, group = self.who(n), self.is_group(n)
            low, high = (None, None) if group else (self.people.ids[m] for m in who)
            yield (conversation_id, "group" if group else "direct", f"Group {n}" if group else None,
                   low, high, self.last_seq[n], self.last_rev[n], len(who),
                   self.born[n], self.updated[n])  # fmt: skip

    def participants(self) -> Iterator[Row]:
        for n, conversation_id in enumerate(self.ids):
            group = self.is_group(n)
            who = self.who(n)
            for place, user in enumerate(who):
                role = "owner" if group and place == 0 else "member"
                inviter = self.people.ids[who[0]] if group and place else None
                born = self.born[n]
                yield conversation_id, self.people.ids[user], role, inviter, born, born

    def receipts(self) -> Iterator[Row]:
        for n, conversation_id in enumerate(self.ids):
            last = self.last_seq[n]
            for place, user in enumerate(self.who(n)):
                read = max(0, last - (place * 7 + n) % 40)
                at = self.updated[n]
                yield conversation_id, self.people.ids[user], max(read, last - 2), read, at, at

    def intervals(self) -> Iterator[Row]:
        """All members', and in every tenth group of someone who has left."""
        for n, conversation_id in enumerate(self.ids):
            who = self.who(n)
            for place, user in enumerate(who):
                first = self._first_seq(n, place, len(who))
                yield conversation_id, self.people.ids[user], first, None, self.born[n]
            gone = (who[0] + 1) % self.people.count
            if self.is_group(n) and n % 120 == 1 and gone not in who:
                last = self.last_seq[n] // 2 + 1
                yield conversation_id, self.people.ids[gone], 1, last, self.born[n]

    def _first_seq(self, conversation: int, place: int, size: int) -> int:
        if size == 2 or place < LATE * size:
            return 1
        return 1 + int(self.last_seq[conversation] * (place / size - LATE) / (1 - LATE))

    def messages(self) -> Iterator[Row]:
        """Fills `changed` on its way. The digest is none that the server would make: no secret."""
        texts = Texts(self.scale.seed)
        seqs, revs = array("I", [0]) * self.count, array("I", [0]) * self.count
        before = array("I", [0]) * self.count
        for n, bits in self._messages():
            where, ms = self.where[n], self.moment(n)
            seqs[where] = seq = seqs[where] + 1
            revs[where] = rev = revs[where] + 1
            raw = self.message_id.raw(ms, n)
            fate, sender = _fate(bits), self._sender(where, bits, seq)
            edited, deleted = fate == EDITED, fate == DELETED
            reply = before[where] if seq > 1 and bits >> 40 & 15 == 0 else None
            ends = ms + 30 * DAY_MS if n % 16 == 0 and self.time.until_ms - ms < DAY_MS else None
            yield (self.ids[where], UUID(raw), seq, rev, self.people.ids[sender],
                   None if deleted else texts(bits >> 20), raw, ms, ends is not None,
                   None if deleted else ends,
                   None if reply is None else self.message_id(self.moment(reply), reply),
                   edited, deleted, ms + 60_000 if deleted else None)  # fmt: skip
            before[where] = n
            if fate:
                revs[where] = rev = rev + _changes(bits)
                self.changed.extend((n, seq, rev))

    def _sender(self, where: int, bits: int, seq: int) -> int:
        """In groups the first few say most, and nobody says anything before they came."""
        begin, end = self.begins[where], self.begins[where + 1]
        place = int((end - begin) * share(bits >> 30) ** (1 if end - begin == 2 else 2))
        if self._first_seq(where, place, end - begin) > seq:
            place = 0
        return self.members[begin + place]

    def _touched(self, *fates: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Message, seq, rev, conversation and bits of those to which one of these happened."""
        changed = zip(self.changed[::3], self.changed[1::3], self.changed[2::3], strict=True)
        wanted = next(changed, None)
        for n, bits in self._messages():
            if wanted and wanted[0] == n:
                if _fate(bits) in fates:
                    yield *wanted, self.where[n], bits
                wanted = next(changed, None)

    def changes(self) -> Iterator[Row]:
        for _, seq, rev, where, _ in self._touched(EDITED, DELETED, REACTED):
            yield self.ids[where], seq, rev

    def reactions(self) -> Iterator[Row]:
        for n, seq, _, where, bits in self._touched(REACTED):
            ms = self.time.after(self.moment(n), 30_000)
            for place, user in enumerate(self.who(where)[: _changes(bits)]):
                mood = MOODS[(bits >> 7) % (3 + place)]
                yield self.ids[where], seq, self.people.ids[user], mood, ms, ms

    def edits(self) -> Iterator[Row]:
        for n, seq, rev, where, _ in self._touched(EDITED):
            at = self.time.after(self.moment(n), 45_000)
            yield self.ids[where], seq, rev, "as it was", at

    def hides(self) -> Iterator[Row]:
        return self._marks(0)

    def mentions(self) -> Iterator[Row]:
        return self._marks(1)

    def _marks(self, odd: int) -> Iterator[Row]:
        for n, seq, _, where, bits in self._touched(MARKED):
            if bits >> 5 & 1 == odd:
                user = self.who(where)[1]
                yield self.ids[where], seq, self.people.ids[user], self.moment(n)


def _fate(bits: int) -> int:
    """What happens to a message after it was sent; mostly nothing."""
    part = bits >> 56
    if part >= 26:
        return 0
    return EDITED if part < 4 else DELETED if part < 6 else REACTED if part < 22 else MARKED


def _changes(bits: int) -> int:
    """How many revs that takes. A reaction is one each, and a conversation has at least two."""
    fate = _fate(bits)
    return 0 if fate in (0, MARKED) else 1 + (bits >> 9 & 1) if fate == REACTED else 1

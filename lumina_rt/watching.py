"""What is watched: told by its state, a few times a second at most, to all who watch it.

A change only marks its subject, on all nodes. Those that are marked are read a moment later, once,
and what was read is encoded once for each codec and variant, however many watch. A mark may be
lost: what is watched is read anyway after a break of the bus, every second while Redis is away, and
now and then.

Who watches is asked for before the state is read, and a mark that comes while it is being read
holds it back: after a block is acknowledged nothing more is told on this node.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from lumina_protocol.codec import Codec
from lumina_protocol.errors import Invalid, Unavailable
from lumina_protocol.frame import Event
from lumina_protocol.watches import MAX_WATCHED, WatchEnded

from lumina_rt.bus.entry import ALL_SUBJECTS
from lumina_rt.hub import Receiver
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import query
from lumina_rt.streams import owner as person
from lumina_rt.telemetry import Telemetry

VIEWERS = query("watches.viewers")

EVERY_S = 0.25
AWAY_S = 1.0
"""How often all is read while Redis is away, and what was dropped is told again."""
SWEEP_S = 15.0
"""How often everything is read when nothing seems to be wrong: a node may die before it has marked
what it has changed."""
VIEWERS_AT_ONCE = 2000
SUBJECTS_AT_ONCE = 100
TELL_AT_ONCE = 500
TRIES = 3
T = TypeVar("T")
Frames = dict[tuple[Codec, bool, bool, frozenset[UUID]], bytes]
"""What is sent, and the event that it is: by codec, with numbers or not, for insiders or not,
without the parts of these."""


@dataclass(frozen=True, slots=True)
class State:
    """What a subject is now, for all who may see it."""

    owner: UUID
    shows_numbers: bool
    """To others than its owner."""
    access: object
    """What decides who sees it, beyond what is between two users. When it is another, all who watch
    are asked for again."""
    now: object
    """Two that are equal need not be told twice."""
    rev: int
    """Of its parts; 0 where they have none."""
    authors: frozenset[UUID]
    """Of the parts in it."""
    told: Callable[[bool, frozenset[UUID]], Event]
    """The event, with numbers or without, and without the parts of these authors."""
    inside: Callable[[bool, frozenset[UUID]], Event] | None = None
    """The same for those who see more, see `Kind.insiders`; None while all see the same."""
    ends_ms: int | None = None
    """When it is to be read again although nothing has marked it: it is gone by itself."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of subjects. `read` gives the states of those that are there; with a rev, and what
    has changed since then. `seen` says which of these viewers may see one."""

    name: str
    read: Callable[[Tx, Mapping[UUID, int | None]], Awaitable[Mapping[UUID, State]]]
    seen: Callable[[Tx, UUID, list[UUID]], Awaitable[set[UUID]]]
    insiders: Callable[[Tx, UUID, list[UUID]], Awaitable[set[UUID]]] | None = None
    """Which of these viewers see more of one than others, while its state says that some do."""


KINDS: dict[str, Kind] = {}
"""By their names; a module of one adds to it when it is imported."""


@dataclass(eq=False, slots=True)
class Viewer:
    """A user who watches something on this node."""

    user_id: UUID
    watches: set[Watch] = field(default_factory=set)
    hides_numbers: bool = False
    blocked: frozenset[UUID] = frozenset()
    """Either has blocked the other."""
    marks: int = 0
    asked: int = 0
    """The marks that were there when it was last asked what they may see."""


@dataclass(eq=False, slots=True)
class Subject:
    kind: Kind
    id: UUID
    watches: set[Watch] = field(default_factory=set)
    owner: UUID | None = None
    access: object = None
    now: object = None
    version: int = 0
    """Of `now`, for this node."""
    rev: int = 0
    """Up to here its parts were told, or were in somebody's snapshot."""
    low: int | None = None
    """The lowest in the snapshots that were taken while it is being told."""
    marks: int = 0
    asked: int = 0
    ask_all: bool = False
    turns: int = 0
    told_now: bool = False
    ends_ms: int | None = None


@dataclass(eq=False, slots=True)
class Watch:
    viewer: Viewer
    line: Receiver
    subject: Subject
    live: bool = False
    """Whether its snapshot is there."""
    version: int = -1
    numbers: bool = True
    inside: bool = False
    """Whether its viewer is one of the insiders."""
    frame: bytes = b""
    """What was told last, the same object for all who were told the same: that something changes
    which they do not see, they are not to learn from being told the same again."""


@dataclass(slots=True)
class Watching:
    """`run` is a loop to be kept running."""

    db: Db
    frame: Callable[[Codec, bytes], bytes]
    bus_is_well: Callable[[], bool]
    telemetry: Telemetry
    _subjects: dict[tuple[str, UUID], Subject] = field(default_factory=dict)
    _owned: dict[UUID, set[Subject]] = field(default_factory=dict)
    _viewers: dict[UUID, Viewer] = field(default_factory=dict)
    _lines: dict[Receiver, dict[tuple[str, UUID], Watch]] = field(default_factory=dict)
    _dirty: set[Subject] = field(default_factory=set)
    _asking: set[Viewer] = field(default_factory=set)
    """Of whom it must be asked anew what they may see."""
    _behind: set[Subject] = field(default_factory=set)
    """Of which somebody was not told the newest state, because they read too slowly."""
    _swept_at: float = field(default_factory=time.monotonic)
    _again_at: float = 0.0
    _was_well: bool = True

    # What the bus and the store call.

    def mark(self, subject_ids: Collection[UUID]) -> None:
        """Their state has changed, or who may see it. Of users (see `Tx.sees_changed`): what they
        see, and who sees what is theirs."""
        for subject_id in subject_ids:
            if subject_id == ALL_SUBJECTS:
                self.mark_all()
            elif (user_id := person(subject_id)) is not None:
                self._mark_person(user_id)
            else:
                found = (self._subjects.get((name, subject_id)) for name in KINDS)
                self._dirty.update(subject for subject in found if subject)

    def _mark_person(self, user_id: UUID) -> None:
        if viewer := self._viewers.get(user_id):
            viewer.marks += 1
            self._asking.add(viewer)
        for subject in self._owned.get(user_id, ()):
            subject.marks += 1
            self._dirty.add(subject)

    def mark_all(self) -> None:
        """Anything may have changed, and we were not told what."""
        for viewer in self._viewers.values():
            viewer.marks += 1
        for subject in self._subjects.values():
            subject.marks += 1
            subject.ask_all = True
        self._asking.update(self._viewers.values())
        self._dirty.update(self._subjects.values())

    # What the hub and handlers call.

    def left(self, line: Receiver) -> None:
        """This connection watches nothing any more."""
        for watch in tuple(self._lines.get(line, {}).values()):
            self._drop(watch)

    def unwatch(self, line: Receiver, kind: str, subject_id: UUID) -> bool:
        watch = self._lines.get(line, {}).get((kind, subject_id))
        if watch:
            self._drop(watch)
        return watch is not None

    async def watch(
        self, viewer_id: UUID, line: Receiver, kind: Kind, subject_id: UUID
    ) -> Event | None:
        """The state as this viewer sees it; None when there is nothing that they may see. First it
        is watched and then read, so that nothing is missed. Raises Invalid, Unavailable."""
        self.unwatch(line, kind.name, subject_id)
        if len(self._lines.get(line, ())) >= MAX_WATCHED:
            raise Invalid(f"A connection watches at most {MAX_WATCHED} things.")
        watch = self._join(viewer_id, line, kind, subject_id)
        try:
            state = await self._snapshot(watch)
        except BaseException:
            self._drop(watch)
            raise
        if state is None or watch not in watch.subject.watches:
            self._drop(watch)
            return None
        return self._begin(watch, state)

    def _join(self, viewer_id: UUID, line: Receiver, kind: Kind, subject_id: UUID) -> Watch:
        key = kind.name, subject_id
        viewer = self._viewers.setdefault(viewer_id, Viewer(viewer_id))
        subject = self._subjects.setdefault(key, Subject(kind, subject_id))
        watch = Watch(viewer, line, subject)
        viewer.watches.add(watch)
        subject.watches.add(watch)
        self._lines.setdefault(line, {})[key] = watch
        return watch

    def _drop(self, watch: Watch) -> None:
        viewer, subject, line = watch.viewer, watch.subject, watch.line
        key = subject.kind.name, subject.id
        subject.watches.discard(watch)
        viewer.watches.discard(watch)
        if self._lines.get(line, {}).get(key) is watch:
            del self._lines[line][key]
            if not self._lines[line]:
                del self._lines[line]
        if not viewer.watches and self._viewers.get(viewer.user_id) is viewer:
            del self._viewers[viewer.user_id]
            self._asking.discard(viewer)
        if not subject.watches and self._subjects.get(key) is subject:
            del self._subjects[key]
            self._dirty.discard(subject)
            self._behind.discard(subject)
            self._disown(subject)

    def _disown(self, subject: Subject) -> None:
        if subject.owner and (owned := self._owned.get(subject.owner)):
            owned.discard(subject)
            if not owned:
                del self._owned[subject.owner]

    async def _snapshot(self, watch: Watch) -> State | None:
        """Again when it may be different meanwhile. Raises Unavailable."""
        viewer, subject = watch.viewer, watch.subject
        for _ in range(TRIES):
            marks = viewer.marks, subject.marks, subject.owner
            async with self.db.read() as tx:
                state = (await subject.kind.read(tx, {subject.id: None})).get(subject.id)
                await self._know(tx, [viewer])
                seen = state and await subject.kind.seen(tx, subject.id, [viewer.user_id])
                if not state or not seen:
                    return None
                await self._sort(tx, state, [watch])
            self._own(subject, state.owner)
            if marks == (viewer.marks, subject.marks, subject.owner):
                return state
        raise Unavailable(retry_after_ms=1000)

    def _own(self, subject: Subject, owner: UUID) -> None:
        """From now on it is marked with its owner."""
        if subject.owner is None and self._subjects.get((subject.kind.name, subject.id)) is subject:
            subject.owner = owner
            self._owned.setdefault(owner, set()).add(subject)

    def _begin(self, watch: Watch, state: State) -> Event:
        """What was told to others while it was read, it has not had: then all are told again."""
        subject = watch.subject
        if subject.now is None:
            subject.now, subject.access, subject.rev = state.now, state.access, state.rev
        subject.rev = min(subject.rev, state.rev)
        subject.ends_ms = state.ends_ms
        if subject.told_now:
            subject.low = min(state.rev, state.rev if subject.low is None else subject.low)
        watch.live = True
        watch.numbers = _numbers(watch.viewer, state)
        if state.now == subject.now:
            watch.version = subject.version
        if state.now != subject.now or subject.told_now:
            self._dirty.add(subject)
        event = _event(watch, state, watch.numbers, watch.viewer.blocked & state.authors)
        if _outside(watch, state) or not watch.numbers:
            watch.frame = self.frame(watch.line.codec, watch.line.codec.event(event))
        return event

    # What goes on by itself.

    async def run(self) -> None:
        while True:
            await self.turn()
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> None:
        """Tell those who watch what has changed. When the store is away, later."""
        self._look_around()
        if not self._dirty and not self._asking:
            return
        viewers, self._asking = self._asking, set()
        subjects = self._dirty | {watch.subject for viewer in viewers for watch in viewer.watches}
        self._dirty = set()
        for viewer in viewers:
            viewer.asked = viewer.marks
        for subject in subjects:
            subject.asked = subject.marks
        try:
            for some in _some(list(viewers), VIEWERS_AT_ONCE):
                async with self.db.read() as tx:
                    await self._know(tx, some)
            for kind in KINDS.values():
                of_kind = [subject for subject in subjects if subject.kind is kind]
                for these in _some(of_kind, SUBJECTS_AT_ONCE):
                    await self._turn_of(kind, these, viewers)
        except Unavailable:
            self._asking |= {viewer for viewer in viewers if viewer.watches}
            self._dirty |= {subject for subject in subjects if subject.watches}

    def _look_around(self) -> None:
        now, well = time.monotonic(), self.bus_is_well()
        every = SWEEP_S if well else AWAY_S
        if now - self._swept_at >= every or (well and not self._was_well):
            self.mark_all()
            self._swept_at = now
        self._was_well = well
        if ended := [s for s in self._subjects.values() if s.ends_ms and s.ends_ms <= clock_ms()]:
            self._dirty.update(ended)
        if now - self._again_at >= AWAY_S:
            self._dirty |= self._behind
            self._behind.clear()
            self._again_at = now

    async def _know(self, tx: Tx, viewers: list[Viewer]) -> None:
        by_id = {viewer.user_id: viewer for viewer in viewers}
        for row in await tx.all(VIEWERS, user_ids=list(by_id)):
            viewer = by_id[row["user_id"]]
            viewer.hides_numbers = row["hide_metrics"]
            viewer.blocked = frozenset(row["blocked"])

    async def _turn_of(self, kind: Kind, subjects: list[Subject], viewers: set[Viewer]) -> None:
        watches = {s: [watch for watch in s.watches if watch.live] for s in subjects}
        for subject in subjects:
            subject.told_now, subject.low = True, None
        try:
            async with self.db.read() as tx:
                states = await kind.read(tx, {subject.id: subject.rev for subject in subjects})
                for subject in subjects:
                    state = states.get(subject.id)
                    await self._refuse(tx, watches[subject], state, viewers)
                    await self._sort(tx, state, watches[subject])
            self.telemetry.watched.labels("read").inc(len(subjects))
            for subject in subjects:
                if state := states.get(subject.id):
                    await self._tell(subject, state, watches[subject])
        finally:
            for subject in subjects:
                subject.told_now = False

    async def _refuse(
        self, tx: Tx, watches: list[Watch], state: State | None, viewers: set[Viewer]
    ) -> None:
        """End those that are not for their viewers any more. The state was read before: who may
        see it is the later answer."""
        if not watches:
            return
        subject = watches[0].subject
        if state is None:
            self._end(watches)
            return
        anew = subject.ask_all or state.access != subject.access
        subject.ask_all = False
        asked = watches if anew else [watch for watch in watches if watch.viewer in viewers]
        try:
            for some in _some(asked, VIEWERS_AT_ONCE):
                ids = list({watch.viewer.user_id for watch in some})
                seen = await subject.kind.seen(tx, subject.id, ids)
                self._end(watch for watch in some if watch.viewer.user_id not in seen)
        except BaseException:
            subject.ask_all |= anew
            raise
        subject.access = state.access

    async def _sort(self, tx: Tx, state: State | None, watches: list[Watch]) -> None:
        """Who of them sees more. After the state was read: who sees it is the later answer."""
        if state is None or state.inside is None or not watches:
            return
        subject = watches[0].subject
        if subject.kind.insiders is None:
            return
        for some in _some(watches, VIEWERS_AT_ONCE):
            ids = list({watch.viewer.user_id for watch in some})
            found = await subject.kind.insiders(tx, subject.id, ids)
            for watch in some:
                watch.inside = watch.viewer.user_id in found

    def _end(self, watches: Iterable[Watch]) -> None:
        for watch in watches:
            if watch in watch.subject.watches:
                self._drop(watch)
                subject, codec = watch.subject, watch.line.codec
                ended = WatchEnded(
                    subject_type=subject.kind.name, subject_id=subject.id, why="gone"
                )
                watch.line.push(self.frame(codec, codec.event(ended)), None)

    async def _tell(self, subject: Subject, state: State, watches: list[Watch]) -> None:
        if state.now != subject.now:
            subject.now, subject.version = state.now, subject.version + 1
        frames: Frames = {}
        for number, watch in enumerate(watches, 1):
            if subject.marks != subject.asked:  # who may see it may be different by now
                self._dirty.add(subject)
                return
            if watch in subject.watches and watch.viewer.marks == watch.viewer.asked:
                self._whisper(watch, state, frames)
            if number % TELL_AT_ONCE == 0:
                await asyncio.sleep(0)
        subject.rev = state.rev if subject.low is None else min(state.rev, subject.low)

    def _whisper(
        self,
        watch: Watch,
        state: State,
        frames: Frames,
    ) -> None:
        subject, numbers = watch.subject, _numbers(watch.viewer, state)
        if (watch.version, watch.numbers) == (subject.version, numbers):
            return
        inside = watch.inside and state.inside is not None
        codec, blocked = watch.line.codec, watch.viewer.blocked
        hidden = frozenset() if blocked.isdisjoint(state.authors) else blocked & state.authors
        if (frame := frames.get((codec, numbers, inside, hidden))) is None:
            frame = self.frame(codec, codec.event(_event(watch, state, numbers, hidden)))
            frames[codec, numbers, inside, hidden] = frame
            self.telemetry.watched.labels("encoded").inc()
        same = frame == watch.frame
        if same or watch.line.whisper(frame):
            watch.version, watch.numbers, watch.frame = subject.version, numbers, frame
            self.telemetry.watched.labels("same" if same else "told").inc()
        else:
            self._behind.add(subject)


def _event(watch: Watch, state: State, numbers: bool, hidden: frozenset[UUID]) -> Event:
    told = state.inside if watch.inside and state.inside else state.told
    return told(numbers, hidden)


def _outside(watch: Watch, state: State) -> bool:
    """Whether others are told more than they."""
    return state.inside is not None and not watch.inside


def clock_ms() -> float:
    return time.time() * 1000


def _numbers(viewer: Viewer, state: State) -> bool:
    own = state.owner == viewer.user_id
    return not viewer.hides_numbers and (own or state.shows_numbers)


def _some(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))

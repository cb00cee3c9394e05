"""What a scenario is, and what the users of one process share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from loadtest.drive.ledger import Books
from loadtest.drive.people import Part
from loadtest.drive.stats import Stats
from loadtest.drive.user import Body, User

if TYPE_CHECKING:
    from loadtest.drive.backstage import Backstage
    from loadtest.drive.run import Run


@dataclass(frozen=True, slots=True)
class Option:
    """A number of a scenario that can be set."""

    default: int
    help: str
    least: int = 1
    most: int = 100_000


class Scenario:
    """What users do. One file and one class each; the docstring is what `--help` says.

    The framework gives it users, connections, a pace, checks and a report. `prepare` runs once,
    before any user of the run is connected; `act` in the processes of the users, once for each
    operation that the pace sets off; `conduct` decides what happens when.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    """What one operation is called, in the singular."""
    users: ClassVar[int] = 200
    rate: ClassVar[float | None] = 100
    """Operations a second, unless said otherwise; None: it has no rate."""
    rated: ClassVar[str] = ""
    """What the rate is of, when not of operations."""
    seconds: ClassVar[float | None] = 20
    """None: it lasts until all is done."""
    nodes: ClassVar[int] = 1
    options: ClassVar[Mapping[str, Option]] = {}
    keeps: ClassVar[bool] = False
    """Whether users reconnect, resume, and ask again by themselves. If not, a connection that the
    server ends is a fault."""
    paced: ClassVar[bool] = True
    """Whether `conduct` asks for `run.paced`, which can warm up and look for a limit."""
    user_class: ClassVar[type[User]] = User

    def __init__(self, chosen: Mapping[str, int]) -> None:
        self.chosen = {name: option.default for name, option in self.options.items()} | dict(chosen)

    async def prepare(self, stage: Backstage) -> None:
        """Make conversations, posts and so on, and give users their parts."""

    def acts(self, part: Part) -> bool:
        """Whether the pace sets off this user too."""
        return True

    async def act(self, user: User, at: float) -> None:
        """One operation, which was due then (time.monotonic()). Raises Refused, Lost."""
        raise NotImplementedError

    def took(self, user: User, kind: str, body: Body) -> None:
        """An event has come, other than a new message. Not to change the body."""

    async def conduct(self, run: Run) -> None:
        await run.connect()
        await run.paced()

    async def check(self, stage: Backstage, run: Run) -> list[str]:
        """What is wrong beyond what the books tell, in sentences; asked when all is at rest."""
        return []


@dataclass(slots=True)
class Scene:
    """Of one process."""

    scenario: Scenario
    stats: Stats = field(default_factory=Stats)
    """Since they were last taken."""
    books: Books = field(default_factory=Books)
    connections: int = 0

    def take(self) -> Stats:
        """What was counted since the last time."""
        taken, self.stats = self.stats, Stats()
        taken.connections = self.connections
        return taken

"""What gateway/connection.py does with a session, without the socket and on a clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from uuid import UUID

from lumina_protocol.frame import RequestFrame

from lumina_rt.session import Action, Answer, Close, Input, Limits, Run, Session, State, Waiting

USER = UUID(int=7)
LOOSE = Limits(requests_waiting=2, requests_together=2, requests_per_s=1e9, requests_burst=10**9)
KINDS = {
    "auth": Input.AUTH,
    "ping": Input.PUBLIC,
    "message.history": Input.PRIVATE,
    "message.send": Input.PRIVATE,
}
TOGETHER = {"message.send"}
VERDICTS = (Input.ACCEPTED, Input.REFUSED, Input.UNDECIDED)


class Shell:
    """Asserts as it goes what must hold whatever happens."""

    def __init__(self, limits: Limits = LOOSE) -> None:
        self.session = Session(limits, now=0.0)
        self.now = 0.0
        self.last_id = 0
        self.running: list[RequestFrame] = []
        self.waiting: deque[int] = deque()
        self.done: list[tuple[int, str]] = []
        """In order: each request, and "ran" or the code of the error that answered it."""
        self.said: list[Action] = []

    @property
    def closed(self) -> bool:
        return self.session.state is State.CLOSED

    def receive(self, op: str) -> None:
        self.last_id += 1
        request = RequestFrame(self.last_id, op, {})
        was_closed, was_running = self.closed, self.running
        actions = self.session.receive(Waiting(request, KINDS[op], op in TOGETHER), self.now)
        if not actions and not was_closed:
            assert was_running, "a request waits only for another one"
            self.waiting.append(request.id)
        self.obey(actions)

    def finish(self, verdict: Input = Input.ACCEPTED, place: int = 0) -> None:
        """A running request has its result; the verdict counts if it was `auth`."""
        if self.running.pop(place).op == "auth":
            self._judge(verdict)
        actions = self.session.finished()
        for action in actions:
            assert isinstance(action, Run | Answer)
            id_ = action.request.id if isinstance(action, Run) else action.id
            assert id_ == self.waiting.popleft()
        self.obey(actions)

    def _judge(self, verdict: Input) -> None:
        if verdict is Input.ACCEPTED:
            was_closed = self.closed
            assert self.session.accepted(USER) is not was_closed
        elif verdict is Input.REFUSED:
            self.obey(self.session.refused())
        else:
            self.session.undecided()

    def obey(self, actions: list[Action]) -> None:
        self.said += actions
        for action in actions:
            match action:
                case Run(request):
                    assert not self.closed
                    self.running.append(request)
                    assert len(self.running) <= self.session.limits.requests_together
                    alone = any(r.op not in TOGETHER for r in self.running)
                    assert len(self.running) == 1 or not alone, "one request at a time"
                    private = KINDS[request.op] is Input.PRIVATE
                    assert self.session.state is State.READY or not private
                    self.done.append((request.id, "ran"))
                case Answer(int(id_), error):
                    assert not self.closed
                    self.done.append((id_, error.code))
                case Close():
                    assert self.closed, "a session that says close is closed"
        if self.closed:
            self.waiting.clear()

    @property
    def closes(self) -> list[Close]:
        return [action for action in self.said if isinstance(action, Close)]


def ready() -> Shell:
    shell = Shell()
    shell.receive("auth")
    shell.finish()
    return shell


def _over(shell: Shell) -> None:
    shell.session.over()
    shell.obey([])


STEPS: dict[str, Callable[[Shell], None]] = {
    "auth": lambda shell: shell.receive("auth"),
    "public": lambda shell: shell.receive("ping"),
    "private": lambda shell: shell.receive("message.history"),
    "together": lambda shell: shell.receive("message.send"),
    "finish accepted": lambda shell: shell.finish(Input.ACCEPTED),
    "finish refused": lambda shell: shell.finish(Input.REFUSED),
    "finish undecided": lambda shell: shell.finish(Input.UNDECIDED),
    "late": lambda shell: shell.obey(shell.session.late()),
    "over": _over,
    "beat": lambda shell: shell.obey(shell.session.beat()),
}

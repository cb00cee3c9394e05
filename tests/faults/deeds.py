"""What was done beyond messages, and between whom, as the logs tell it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

from tests.faults.evidence import Evidence, settled
from tests.faults.fresh import Fresh
from tests.faults.log import Answered, Asked, Log, Value

Write = tuple[Asked, Answered | None, Value]


def writes(evidence: Evidence) -> dict[tuple[str, str], list[Write]]:
    """Of each thing: what was acknowledged, and what is in doubt. A block ends that two follow each
    other."""
    found: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for log in evidence.logs:
        answers = {answer.number: answer for _, answer in settled(log)}
        for entry in log.entries:
            if not isinstance(entry, Asked) or entry.deed is None:
                continue
            answer = answers.get(entry.number)
            if answer is not None and answer.outcome not in ("ok", "in doubt"):
                continue
            kind, name = entry.deed
            found[kind, name].append((entry, answer, entry.value))
            if kind == "block" and entry.value:
                one, other = name.split()
                for pair in (f"{one} {other}", f"{other} {one}"):
                    found["follow", pair].append((entry, answer, None))
    found.pop(("notices", ""), None)
    return found


def is_ok(answer: Answered | None) -> bool:
    return answer is not None and answer.outcome == "ok"


def of_all(evidence: Evidence) -> Iterator[tuple[Log, Fresh]]:
    for log in evidence.logs:
        if evidence.social is not None and log.user in evidence.fresh:
            yield log, evidence.fresh[log.user]


def apart(evidence: Evidence, user: UUID) -> set[UUID]:
    """All between whom and the user there ever was a block."""
    pairs = [
        [UUID(one) for one in entry.deed[1].split()]
        for log in evidence.logs
        for entry in log.entries
        if isinstance(entry, Asked) and entry.deed and entry.deed[0] == "block"
    ]
    return {one for pair in pairs if user in pair for one in pair if one != user}

"""Looking for the highest rate that a server holds: up until it does not, then between the two."""

from __future__ import annotations

from dataclasses import dataclass

UP = 1.5
CLOSE_ENOUGH = 1.1
MOST_STEPS = 14


@dataclass(slots=True)
class Search:
    """`next` is to be tried; `tell` says whether it was held."""

    next: float
    """Operations a second."""
    held: float = 0.0
    """The highest that was held; 0: none yet."""
    broken: float | None = None
    """The lowest that was not."""
    steps: int = 0

    def tell(self, *, held: bool) -> None:
        self.steps += 1
        if held:
            self.held = self.next
        else:
            self.broken = self.next
        if self.broken is None:
            self.next = self.held * UP
        else:
            self.next = (self.held + self.broken) / 2

    @property
    def over(self) -> bool:
        if self.steps >= MOST_STEPS:
            return True
        return self.broken is not None and self.broken <= max(self.held * CLOSE_ENOUGH, 1.0)

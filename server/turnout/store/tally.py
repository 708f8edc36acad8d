"""What a process's writer did since the store was made, for monitors; written by the writer's thread alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> int:
    return 0


@dataclass(slots=True)
class Tally:
    """Commits and the events they recorded, commits that failed (`row`: one after another), and what waits.

    `length` counts what is queued; `since` is when the longest waiting was, in monotonic seconds, 0 while none waits.
    """

    commits: int = 0
    events: int = 0
    failed: int = 0
    row: int = 0
    since: float = 0.0
    length: Callable[[], int] = _nothing

    def waited_s(self) -> float:
        """Tell how long what the writer has in hand waits already."""
        since = self.since
        return time.monotonic() - since if since else 0.0

    def committed(self, events: int) -> None:
        """Count a commit."""
        self.commits += 1
        self.events += events
        self.row = 0

    def broke(self) -> int:
        """Count a commit that failed; give how many did so in a row."""
        self.failed += 1
        self.row += 1
        return self.row

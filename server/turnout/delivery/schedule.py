"""When to try again, and when no more. Source: reliability-security.md 4.2."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.clock import DAY, HOUR, MINUTE, SECOND

RETRY_AFTER_MAX_S = 3600.0
BLOCK_US = 15 * MINUTE
BLOCK_EVENTS = 200
"""A head of a person's line that blocks for so long, or so many, is passed; RudderStack uses 200 and 20 min."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A schedule: waits in seconds by try, or `base` doubled up to `cap`; over after `hours` and `tries`."""

    base: float
    cap: float
    expires_us: int
    tries: int
    steps: tuple[float, ...] = ()

    def delay_s(self, tries: int, fraction: float) -> float:
        """Wait this long after so many counted tries: half of it fixed, half drawn. `fraction` in [0, 1)."""
        if self.steps:
            full = self.steps[min(tries, len(self.steps)) - 1]
        else:
            full = min(self.cap, self.base * 2 ** min(tries - 1, 30))
        return full / 2 + full / 2 * fraction

    def expired(self, first: int, tries: int, now: int) -> bool:
        """Tell whether both are over, the hours since the first try and the tries."""
        return tries >= self.tries and now - first >= self.expires_us


PROFILES = {
    "api": Profile(2, 600, 4 * HOUR, 8),
    "webhook": Profile(
        5, 86_400, 75 * HOUR + 35 * MINUTE, 10, (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    ),
    "bulk": Profile(60, 1800, 24 * HOUR, 8),
    "deletion": Profile(5, 3600, 7 * DAY, 8),
}
"""The last one is for notices that somebody is erased, whatever the destination's: nobody sends one of them again."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The profiles, with the waits that the operator has set instead (tests, mostly), in seconds."""

    base_s: float | None = None
    cap_s: float | None = None

    def profile(self, name: str) -> Profile:
        """Give a profile."""
        found = PROFILES[name]
        if self.base_s is None and self.cap_s is None:
            return found
        base = found.base if self.base_s is None else self.base_s
        return Profile(base, found.cap if self.cap_s is None else self.cap_s, found.expires_us, found.tries)

    def latest(self, name: str, now: int) -> int:
        """Give the latest due that any wait could have set; a later one is a clock's doing."""
        profile = self.profile(name)
        longest = max((profile.cap, RETRY_AFTER_MAX_S, *profile.steps))
        return now + int(longest * SECOND)

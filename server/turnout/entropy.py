"""Chance, handed in from `app`: nobody else draws random numbers."""

from __future__ import annotations

import os
import random
import uuid
from typing import Protocol


class Entropy(Protocol):
    """What draws."""

    def token(self, size: int) -> bytes:
        """Draw `size` bytes fit for keys."""
        ...

    def fraction(self) -> float:
        """Draw a number in [0, 1), fit for jitter."""
        ...


class SystemEntropy:
    """The operating system's generator; jitter from Python's own."""

    def token(self, size: int) -> bytes:
        """Draw `size` bytes."""
        return os.urandom(size)

    def fraction(self) -> float:
        """Draw a number in [0, 1)."""
        return random.random()  # noqa: S311 - jitter, not a key


def uuid7(now: int, entropy: Entropy) -> str:
    """Make a UUID of version 7 from microseconds and chance. Source: RFC 9562, 5.7."""
    drawn = int.from_bytes(entropy.token(10), "big")
    value = (now // 1000 & (1 << 48) - 1) << 80 | drawn
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))

"""Bearer tokens as they look: a public id, 32 random bytes, and a checksum that tells a slip of the pen from a guess.

`to_<id>_<secret><checksum>`, all in hexadecimal. What begins like one can be found wherever it should not be. Only
its SHA-256 is kept: with 256 bits of chance nothing slower is needed.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from hmac import compare_digest

from turnout.entropy import Entropy

ID_BYTES, SECRET_BYTES = 6, 32
_SHAPE = re.compile(r"(to_[0-9a-f]{12})_[0-9a-f]{64}([0-9a-f]{8})")
_BEGINS = re.compile(r"to_[0-9a-f]{12}(_|$)")


@dataclass(frozen=True, slots=True)
class Minted:
    """A token that was just made: all of it this once, and what is kept."""

    id: str
    text: str = field(repr=False)
    digest: bytes


def mint(entropy: Entropy) -> Minted:
    """Make a token."""
    number = f"to_{entropy.token(ID_BYTES).hex()}"
    body = f"{number}_{entropy.token(SECRET_BYTES).hex()}"
    text = f"{body}{_checksum(body)}"
    return Minted(number, text, digest(text))


def id_of(text: str) -> str | None:
    """Read the id out of a token; None for what is none, or was not copied whole.

    >>> id_of("to_0123456789ab_hello") is None
    True
    """
    found = _SHAPE.fullmatch(text)
    return found[1] if found and _checksum(text[:-8]) == found[2] else None


def shown(text: str) -> str:
    """Give of what may be a token what may be repeated: its id.

    >>> shown("to_0123456789ab_cdef"), shown("My laptop")
    ('to_0123456789ab', 'My laptop')
    """
    return text[: len("to_") + 2 * ID_BYTES] if _BEGINS.match(text) else text


def digest(text: str) -> bytes:
    """Give what is kept of a token."""
    return hashlib.sha256(text.encode()).digest()


def agrees(text: str, kept: bytes) -> bool:
    """Tell, in constant time, whether this is the token of which that was kept."""
    return compare_digest(digest(text), kept)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"

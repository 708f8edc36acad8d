"""Live or test: which namespace a call is in, and the pool under whose ids test events leave.

The pool bounds what a vendor can count: whoever is sent, it sees at most `size` ids, each person the same
one always. The exchange happens before mapping, in every place where an id, e-mail or phone stands.
"""

from __future__ import annotations

import re
from typing import assert_never
from uuid import UUID, uuid5

from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.event.ids import LIVE, Namespace
from turnout.guard.personal import Role, rewrite

_NAME = re.compile(r"[a-z0-9-]{1,32}")
_EXCHANGED = frozenset({Role.ID, Role.EMAIL, Role.PHONE})
_MESSAGES = UUID("5a3b0c58-6f0e-5c9e-9c2e-0d4f8f1f7a10")
_FICTIONAL = 100
"""+1 202 555 0100 to 0199 belong to nobody. Source: NANPA, 555 line numbers."""


def namespace(text: str) -> Namespace:
    """Read the name of a namespace: `live`, or a test namespace. Raises: InvalidInput."""
    if _NAME.fullmatch(text) is None:
        raise InvalidInput(
            "The namespace is not a name: expected 1 to 32 of a-z, 0-9 and `-`. "
            "Use `live`, or a test namespace such as `test`."
        )
    return Namespace(text)


def choose(given: str, default: Namespace) -> Namespace:
    """Choose the namespace of a call: the one it names, else the principal's. Raises: InvalidInput."""
    return namespace(given) if given else default


def is_test(name: Namespace) -> bool:
    """Tell a test namespace from `live`."""
    return name != LIVE


def pooled(document: Document, person: int, name: Namespace, size: int = 10) -> Document:
    """Copy a test event with every id, e-mail and phone exchanged for the person's member of the pool.

    >>> pooled({"userId": "u_8842", "traits": {"email": "ann@shop.example"}}, 13, Namespace("test"))
    {'userId': 'turnout-test-test-3', 'traits': {'email': 'turnout-test-test-3@example.com'}}
    """
    assert is_test(name), "live events leave as they are"
    assert size > 0, "a pool has members"
    place = person % size
    member = f"turnout-test-{name}-{place}"

    def exchange(role: Role, _text: str) -> str:
        match role:
            case Role.EMAIL:
                return f"{member}@example.com"
            case Role.PHONE:
                return f"+120255501{place % _FICTIONAL:02}"
            case Role.ID | Role.OTHER:
                return member
        assert_never(role)

    copy = rewrite(document, _EXCHANGED, exchange)
    message = document.get("messageId")
    if isinstance(message, str) and copy["messageId"] != message:
        copy["messageId"] = str(uuid5(_MESSAGES, message))  # two people of one member stay two messages
    return copy

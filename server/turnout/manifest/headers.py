"""Names of headers that a request may be given: tokens, and not those by which messages are told apart."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110, 5.6.2."""
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"})
"""Headers that the sender makes."""
_HOPS = frozenset({"keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer"})
"""Headers for the next hop alone. Source: RFC 9110, 7.6.1, and RFC 2616, 13.5.1."""


def refusal(name: str) -> str:
    """Say why a request may not be given a header of this name; empty where it may.

    >>> refusal("X-Api-Key"), refusal("Content-Length")
    ('', 'which the sender makes itself')
    """
    if not _TOKEN.fullmatch(name):
        return "which is no name: letters, digits and any of !#$%&'*+.^_`|~- make one"
    if name.lower() in OURS:
        return "which the sender makes itself"
    return "which is for the next hop alone" if name.lower() in _HOPS else ""

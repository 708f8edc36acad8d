"""Paths of files to write: which are bare names, and which can never be a file's."""

from __future__ import annotations

import os

NAME_MAX, PATH_MAX = 255, 4096
"""Bytes of a name and, with its closing null, of a path. Source: limits.h of Linux; macOS has less for paths."""


def is_bare_name(name: str) -> bool:
    """Tell a bare file name from anything that leads elsewhere or hides.

    >>> is_bare_name("events.jsonl"), is_bare_name("../events.jsonl"), is_bare_name(".profile")
    (True, False, False)
    """
    return bool(name) and name.isprintable() and not name.startswith(".") and "/" not in name and "\\" not in name


def refusal(path: str) -> str:
    """Say why no file can ever stand at this path, as it is written; empty where one can.

    >>> refusal("events.jsonl"), refusal("/var/log/")
    ('', 'it names no file')
    """
    name = path.rpartition("/")[2]
    if not path.strip() or name in {"", ".", ".."}:
        return "it names no file"
    if "\0" in path:
        return "it contains a null character"
    if any(len(os.fsencode(each)) > NAME_MAX for each in path.split("/")) or len(os.fsencode(path)) >= PATH_MAX:
        return f"it is too long: a name may have {NAME_MAX} bytes, a path {PATH_MAX - 1}"
    return ""

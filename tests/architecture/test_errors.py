"""The drawing at the top of `errors.py` is the tree of its classes."""

from __future__ import annotations

import re

from turnout import errors


def drawn() -> dict[str, str]:
    """Read child and parent from the drawing."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if not (match := re.fullmatch(r"    ([│├└─ ]*)(\w+)\s*", line)):
            continue
        depth = len(match[1]) // 4
        above[depth] = match[2]
        parents[match[2]] = above[depth - 1] if depth else "Exception"
    return parents


def written() -> dict[str, str]:
    return {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def test_the_drawing_equals_the_classes() -> None:
    assert drawn() == written()


def test_a_class_of_error_has_a_code_and_a_sentence_of_its_own() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]

    assert len({value.__dict__["code"] for value in classes}) == len(classes)
    assert len({value.__doc__ for value in classes}) == len(classes)

"""The words of expressions: text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<path>\$(?:[A-Za-z_]\w*)?(?:\.(?:[\w$]+|"(?:[^"\\]|\\.)*"))*\.?)
  | (?P<number>\d+(?:\.\d+)?(?![\w.]))
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<word>[A-Za-z_]\w*(?:\.\w+)*(?::[A-Za-z_]\w*)?)
  | (?P<step>\.(?:[\w$]+|"(?:[^"\\]|\\.)*"))
  | (?P<op>//|==|!=|<=|>=|[<>|+*()\[\],-])
    """,
    re.VERBOSE | re.ASCII,
)
_SEGMENT = re.compile(r'\.(?:([\w$]+)|"((?:[^"\\]|\\.)*)")', re.ASCII)
_ESCAPE = re.compile(r"\\(['\"\\nt])")
_ESCAPED = {"n": "\n", "t": "\t"}


class ExpressionError(ValueError):
    """Something is wrong in an expression; the message is ours and quotes only the manifest."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


_OURS = {"=": "==", "&&": "and", "||": "or", "!": "not"}
"""What other languages write, and ours has another word for."""


def tokens(text: str) -> list[Token]:
    """Cut an expression into tokens, the last of them its end. Raises: ExpressionError."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.end() == place:
            near = next((word for sign, word in _OURS.items() if text.startswith(sign, place)), "")
            said = f"; did you mean `{near}`?" if near else ""
            raise ExpressionError(f"cannot read `{text[place : place + 12]}` at character {place + 1}{said}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), place, match.end()))
        place = match.end()
    found.append(Token("end", "", place, place))
    return found


def unquote(text: str) -> str:
    r"""Read a quoted string: only \' \" \\ \n and \t are escapes, so that patterns read as they are."""
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def segments(text: str) -> tuple[str, ...]:
    """Split `.a.0."odd name"` into its keys."""
    return tuple(plain or unquote(quoted) for plain, quoted in _SEGMENT.findall(text))

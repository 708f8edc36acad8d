"""The only reader of YAML: the core schema of YAML 1.2, strictly, with the place of everything it read.

* `yes`, `no`, `on`, `off`, dates and sexagesimal numbers are text. `NO` is Norway.
* A key stands once in a mapping, and is text: `404:` is the key "404".
* Anchors, aliases and the merge key `<<` may be used; tags may not; infinity and NaN are not JSON.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from turnout.document import Json
from turnout.errors import InvalidManifest

Steps: TypeAlias = "tuple[str | int, ...]"
MAX_NODES = 50_000
"""Aliases multiply: a manifest that unfolds to more than this is refused."""
MAX_DEPTH = 40
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"null|Null|NULL|~|")


class _Strict(yaml.CSafeLoader):
    """The C parser, with the resolvers of the core schema only."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own


for _name, _pattern, _first in (
    ("null", _NULL, ["n", "N", "~", ""]),
    ("bool", _BOOL, list("tTfF")),
    ("int", _INT, list("-+0123456789")),
    ("float", _FLOAT, list("-+0123456789.")),
):
    _Strict.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern.pattern})$"), _first)


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says, and where: `places` gives line and column, from 1, of the value at a path."""

    file: str
    data: Json
    places: Mapping[Steps, tuple[int, int]] = field(repr=False)
    digest: str = ""

    def fail(self, path: Steps, message: str) -> InvalidManifest:
        """Make the error for the value at `path`, or at the nearest place known above it."""
        spot = next((self.places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.places), (0, 0))
        said = ".".join(map(str, path))
        text = f"{said}: {message}" if said else message
        return InvalidManifest(text, file=self.file, line=spot[0], column=spot[1])


def load(text: str, file: str = "manifest") -> Source:
    """Read one YAML document. Raises: InvalidManifest, with the place."""
    try:
        node = yaml.compose(text, Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InvalidManifest(f"not YAML: {error.problem}", file=file, line=line, column=column) from None
    except yaml.YAMLError as error:
        raise InvalidManifest(f"not YAML: {str(error).splitlines()[0]}", file=file) from None
    except RecursionError:
        raise InvalidManifest(f"nested deeper than {MAX_DEPTH} levels", file=file) from None
    builder = _Builder(file)
    data = builder.build(node, ()) if node is not None else None
    return Source(file, data, builder.places, hashlib.sha256(text.encode()).hexdigest())


class _Builder:
    """Turns the parser's nodes into JSON, noting places."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Steps, tuple[int, int]] = {}

    def fail(self, node: yaml.Node, message: str) -> InvalidManifest:
        mark = node.start_mark
        return InvalidManifest(message, file=self.file, line=mark.line + 1, column=mark.column + 1)

    def build(self, node: yaml.Node, path: Steps) -> Json:
        if len(path) > MAX_DEPTH:
            raise self.fail(node, f"nested deeper than {MAX_DEPTH} levels, or an alias that contains itself")
        if len(self.places) >= MAX_NODES:
            raise self.fail(node, f"unfolds to more than {MAX_NODES} values")
        self.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return {key: self.build(value, (*path, key)) for key, value in self.pairs(node, 0).items()}
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(value, (*path, place)) for place, value in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        raise self.fail(node, "tags are not allowed")

    def pairs(self, node: yaml.MappingNode, depth: int) -> dict[str, yaml.Node]:
        """List a mapping's own pairs after those that `<<` brings."""
        if depth > MAX_DEPTH:
            raise self.fail(node, "an alias that contains itself")
        own: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.tag == _TAG + "str" and key.value == "<<" and key.style not in {"'", '"'}:
                for part in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                    if not isinstance(part, yaml.MappingNode):
                        raise self.fail(value, "`<<` merges mappings only")
                    merged |= self.pairs(part, depth + 1)
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag == _TAG + "null":
                raise self.fail(key, "a key must be text")
            if key.value in own:
                raise self.fail(key, f"the key `{key.value}` stands twice")
            own[key.value] = value
        return merged | own

    def scalar(self, node: yaml.ScalarNode) -> Json:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
            case "float":
                return self.number(node, float(text))
            case _:
                raise self.fail(node, "tags are not allowed")

    def number(self, node: yaml.ScalarNode, value: float) -> float:
        if value in {float("inf"), float("-inf")}:
            raise self.fail(node, "this number is too large")
        return value

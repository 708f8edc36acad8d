"""Reads bodies that are more than one value: XML, CSV, parts, GraphQL; and what of them can be told before they run."""

from __future__ import annotations

from turnout.document import Json
from turnout.manifest import multipart, sheets
from turnout.manifest.bodies import MEDIA
from turnout.manifest.expression import Names
from turnout.manifest.language import DIRECTIVES, Language
from turnout.manifest.markup import is_name
from turnout.manifest.nodes import Const, Listing, Node, Shape
from turnout.manifest.part import Part

KINDS = tuple(MEDIA)
GRAPHQL = ("query", "variables", "operation")
_BESIDE = frozenset({*DIRECTIVES, "$by", "$spread", "$keep"})


def read_body(language: Language, names: Names, part: Part, kind: str) -> Node:
    """Read the value of a request's body. Raises: InvalidManifest."""
    raw, path = part.raw[kind], (*part.path, kind)
    match kind:
        case "xml":
            _check_markup(part.of(raw, kind) if isinstance(raw, dict) else part, raw)
            return language.value(raw, path, names)
        case "csv":
            return _sheet(language, names, part, kind)
        case "multipart":
            return _parts(language, names, part.part(kind))
        case "graphql":
            return _graphql(language, names, part.part(kind))
        case _:
            return language.value(raw, path, names)


def _check_markup(part: Part, raw: Json) -> None:
    """Check what stands in the manifest itself: one root, and names that XML allows."""
    if not isinstance(raw, dict):
        return
    if not raw.keys() & _BESIDE and len(raw) != 1:
        raise part.fail("", "an XML body has one root element")
    _check_names(part, raw, root=True)


def _check_names(part: Part, raw: Json, *, root: bool = False) -> None:
    below = enumerate(raw) if isinstance(raw, list) else raw.items() if isinstance(raw, dict) else ()
    for key, one in below:
        if isinstance(key, str) and not key.startswith("$") and "{{" not in key:
            name = key if root else key.removeprefix("@")
            if not is_name(name) and (root or key != "#text"):
                raise part.source.fail((*part.path, key), f"`{key}` cannot be a name in XML")
        if isinstance(one, dict | list):
            _check_names(Part(part.source, (*part.path, key), {}), one)


def _sheet(language: Language, names: Names, part: Part, key: str) -> Node:
    """Read `{rows, columns, null, header, delimiter}`, or the rows alone."""
    raw, at = part.raw[key], ".".join(map(str, (*part.path, key)))
    if not isinstance(raw, dict) or "rows" not in raw:
        rows = language.value(raw, (*part.path, key), names)
        return Shape((), ((Const("rows"), rows),), keep=True, at=at)
    given = part.part(key)
    given.only(*sheets.KEYS)
    given.flag("header")
    delimiter = raw.get("delimiter", ",")
    if delimiter not in sheets.DELIMITERS:
        raise given.fail("delimiter", "expected one of `,`, `;`, `|` or a tab")
    pairs = ((Const(name), language.value(one, (*given.path, name), names)) for name, one in raw.items())
    return Shape((), tuple(pairs), keep=True, at=at)


def _parts(language: Language, names: Names, part: Part) -> Node:
    """Read the parts of a body: fields by name, and files."""
    if not part.raw:
        raise part.fail("", "expected parts by their name")
    return Listing(tuple(_part(language, names, part, field) for field in part.raw), ".".join(map(str, part.path)))


def _part(language: Language, names: Names, part: Part, field: str) -> Node:
    told, path = multipart.part(field, part.raw[field]), (*part.path, field)
    pairs: list[tuple[Node, Node]] = [(Const(key), Const(told[key])) for key in ("field", "kind")]
    if told["kind"] == "field":
        value = language.value(part.raw[field], path, names)
    else:
        below = part.part(field)
        value = read_body(language, names, below, str(told["kind"]))
        beside = [key for key in ("name", "media") if key in below.raw]
        pairs += [(Const(key), language.value(below.raw[key], (*path, key), names)) for key in beside]
    return Shape((), (*pairs, (Const("value"), value)), keep=True, at=".".join(map(str, path)))


def _graphql(language: Language, names: Names, part: Part) -> Node:
    """Read `{query, variables, operation}`: the query is text as it stands, whatever it looks like."""
    part.only(*GRAPHQL)
    pairs: list[tuple[Node, Node]] = [(Const("query"), Const(part.needed("query")))]
    if "variables" in part.raw:
        variables = language.value(part.raw["variables"], (*part.path, "variables"), names)
        pairs.append((Const("variables"), variables))
    if "operation" in part.raw:
        pairs.append((Const("operationName"), Const(part.needed("operation"))))
    return Shape((), tuple(pairs), keep=True, at=".".join(map(str, part.path)))

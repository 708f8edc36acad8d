"""How one connection differs from its manifest, without touching the file: fields of items, names, conditions.

* `map` puts a value of the language at a field, `[action:]field.path`: `$was` is what the manifest makes of it,
  `$plain` the same before it is hashed; `= null` leaves the field out.
* A field without an action is that field of every action that sends it.
* What the vendor drops repeats by stays as it is, and what the manifest hashes leaves hashed, unless it says `plain`.
* `events` gives the name that the manifest sees for a track event's own; `when` a condition more for an action, on
  the event as it was received.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from turnout.document import Document, Json, encode
from turnout.errors import InvalidInput
from turnout.exchange import Dedupe
from turnout.manifest import nodes
from turnout.manifest.expression import nearest
from turnout.manifest.fields import Tree, hashed, hashes, place, standing, unhashed, written
from turnout.manifest.language import Language
from turnout.manifest.load import Source
from turnout.manifest.model import KINDS, ActionSpec, Manifest
from turnout.manifest.nodes import Const, Let, Node

MOST = 200
MAX_BYTES = 64_000
"""Overrides of one connection, and the bytes of all of them."""
MAX_KEYS = 16
_PARTS = ("map", "events", "when")
_FIELD = re.compile(
    r'(?:(?P<action>[\w-]+):)?(?P<path>(?:[^\s.":]+|"(?:[^"\\]|\\.)*")(?:\.(?:[^\s.":]+|"(?:[^"\\]|\\.)*"))*)'
)
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"|([^.]+)')


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a connection changes, as it was said."""

    map: Mapping[str, Json]
    events: Mapping[str, str]
    when: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A field that an override makes: of which action, where, and what was said, under which key."""

    action: str
    field: str
    key: str
    value: Json


@dataclass(frozen=True, slots=True)
class _Wish:
    key: str
    path: tuple[str, ...]
    value: Json


def read(raw: Mapping[str, Json]) -> Overrides:
    """Read the parts of overrides. Raises: InvalidInput."""
    stray = next((key for key in raw if key not in _PARTS), None)
    if stray is not None:
        known = frozenset(_PARTS)
        raise InvalidInput(f"overrides have no `{stray[:40]}`{nearest(stray, known)}: they have {', '.join(_PARTS)}")
    parts = {name: {} if raw.get(name) is None else raw[name] for name in _PARTS}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise InvalidInput(f"`{name}` is an object: {_SHAPES[name]}")
    if sum(len(part) for part in parts.values() if isinstance(part, dict)) > MOST or len(encode(raw)) > MAX_BYTES:
        raise InvalidInput(f"a connection has at most {MOST} overrides, of {MAX_BYTES} bytes in all")
    return Overrides(_object(parts["map"]), _texts("events", parts["events"]), _texts("when", parts["when"]))


_SHAPES = {
    "map": '{"action:field": "value or expression"}',
    "events": '{"Their Event": "vendor_event"}',
    "when": '{"action": "condition"}',
}


def _object(part: Json) -> Document:
    assert isinstance(part, dict)
    return part


def _texts(name: str, part: Json) -> dict[str, str]:
    found = {key: value for key, value in _object(part).items() if isinstance(value, str) and value.strip() and key}
    wrong = next((key for key in _object(part) if key not in found), None)
    if wrong is not None:
        raise InvalidInput(f"`{name}` of `{wrong[:60]}` is text: {_SHAPES[name]}")
    return found


def merged(before: Mapping[str, Json], given: Mapping[str, Json]) -> Document:
    """Put what is given over what is there; null lifts one. Raises: InvalidInput for what is no object."""
    found: Document = {}
    for name in dict.fromkeys((*before, *given)):
        old, new = before.get(name), given.get(name, {})
        if new is None:
            continue
        if not isinstance(new, dict) or name not in _PARTS:
            read({name: new})
        whole = {**_object(old or {}), **_object(new)}
        if left := {key: value for key, value in whole.items() if value is not None}:
            found[name] = left
    return found


def undone(before: Mapping[str, Json], after: Mapping[str, Json]) -> Document:
    """Give what has to be given so that `after` becomes `before` again."""
    found: Document = {}
    for name in dict.fromkeys((*before, *after)):
        old, new = _object(before.get(name) or {}), _object(after.get(name) or {})
        differ = {key: old.get(key) for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key)}
        if differ:
            found[name] = differ
    return found


def fitted(manifest: Manifest, overrides: Overrides) -> tuple[Manifest, tuple[Made, ...]]:
    """Put the values of `map` into a manifest's items. Raises: InvalidInput, with the override and the place in it."""
    wishes: dict[str, list[_Wish]] = {}
    for key, value in overrides.map.items():
        for action, path in _fields(manifest, key):
            wishes.setdefault(action, []).append(_Wish(key, path, value))
    actions, lets = dict(manifest.actions), dict(manifest.lets)
    for action, wanted in wishes.items():
        actions[action] = _Fitting(manifest, manifest.actions[action], lets).action(wanted)
    made = tuple(
        Made(action, ".".join(wish.path), wish.key, wish.value) for action, wanted in wishes.items() for wish in wanted
    )
    return replace(manifest, actions=actions, lets=lets), made


def known_action(manifest: Manifest, name: str, key: str) -> ActionSpec:
    """Find an action that an override names. Raises: InvalidInput."""
    usual = _usual(manifest)
    if name not in usual:
        near = nearest(name, frozenset(usual)) or f"; there are {', '.join(usual)}"
        raise InvalidInput(f"`{key[:80]}`: there is no action `{name[:40]}`{near}")
    return usual[name]


def keys_of(path: str) -> tuple[str, ...]:
    r"""Split a field's path into its keys.

    >>> keys_of('a."b.c".$d')
    ('a', 'b.c', '$d')
    """
    return tuple(plain or re.sub(r"\\(.)", r"\1", quoted) for quoted, plain in _KEY.findall(path))


def _usual(manifest: Manifest) -> dict[str, ActionSpec]:
    """Give the actions for calls: how a vendor is told to forget somebody is not changed."""
    return {name: spec for name, spec in manifest.actions.items() if set(spec.triggers) & set(KINDS)}


def _fields(manifest: Manifest, key: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Find the actions and the path that a key means."""
    match = _FIELD.fullmatch(key)
    if match is None:
        raise InvalidInput(f"`{key[:80]}` names no field: it is written `field`, `action:field` or `action:a.b`")
    path = keys_of(match["path"])
    if len(path) > MAX_KEYS:
        raise InvalidInput(f"`{key[:80]}` has more than {MAX_KEYS} names")
    if match["action"]:
        yield known_action(manifest, match["action"], key).name, path
        return
    usual = _usual(manifest)
    sending = [name for name, spec in usual.items() if spec.item and standing(spec.item, path, manifest.lets)]
    if not sending and len(usual) > 1:
        sent = {each for spec in usual.values() if spec.item for each in written(spec.item, manifest.lets)}
        near = nearest(".".join(path), frozenset(sent))
        raise InvalidInput(
            f"`{key[:80]}`: no action sends this field{near}; a new one needs its action before it, as in "
            f"`{next(iter(usual))}:{key[:40]}` (there are {', '.join(usual)})"
        )
    for name in sending or usual:
        yield name, path


class _Fitting:
    """Puts values into one action's item; named values that they need are added to `lets`."""

    def __init__(self, manifest: Manifest, spec: ActionSpec, lets: dict[str, Node]) -> None:
        self.spec, self.lets = spec, lets
        secret = frozenset(name for name, setting in manifest.settings.items() if setting.secret)
        known = spec.names.settings
        self.names = replace(spec.names, settings=None if known is None else known - secret)

    def action(self, wishes: list[_Wish]) -> ActionSpec:
        item = self.spec.item
        if item is None:
            raise InvalidInput(f"`{wishes[0].key}`: what `{self.spec.name}` sends is not made of fields")
        tree: Tree = {}
        for number, wish in enumerate(wishes):
            self.grow(tree, wish, self.value(wish, item, number))
        return replace(self.spec, item=place(item, tree, self.lets))

    def value(self, wish: _Wish, item: Node, number: int) -> Node | None:
        """Read a value, and see that it may stand there; None leaves the field out."""
        there = standing(item, wish.path, self.lets)
        was = nodes.Get(item, wish.path) if len(there) != 1 else there[0]
        plain = unhashed(was, self.lets)
        known = {"was": was, "plain": was if plain is None else plain}
        bare = {name: f"{self.spec.name}!{name}{number}" for name in known}
        names = replace(self.names, bare={**self.names.bare, **bare})
        node = Language(Source("", {}, {})).value(wish.value, ("map", wish.key), names)
        used = {each.name for each in nodes.walk(node) if isinstance(each, Let)}
        if bare["plain"] in used and plain is None:
            raise InvalidInput(f"`{wish.key}`: the manifest does not hash this field; `$was` is what it sends")
        self.lets |= {unique: known[name] for name, unique in bare.items() if unique in used}
        field = self.spec.dedupe.field
        if self.spec.dedupe.kind is Dedupe.ITEM and wish.path == field[: len(wish.path)]:
            raise InvalidInput(f"`{wish.key}`: the vendor drops repeats by this field, so it stays as it is")
        if isinstance(node, Const) and node.value is None:
            return None
        self.keep_hashed(wish, there, node)
        return node

    def keep_hashed(self, wish: _Wish, there: tuple[Node, ...], node: Node) -> None:
        """Refuse to let what the manifest hashes leave in plain words."""
        if ".".join(wish.path) in self.spec.plain or not any(hashes(each, self.lets) for each in there):
            return
        if not any(hashed(each, self.lets) for each in there):
            raise InvalidInput(f"`{wish.key}`: the manifest hashes fields below this one; map those one by one")
        if not hashed(node, self.lets):
            raise InvalidInput(f"`{wish.key}`: the vendor takes this field hashed; end the expression with `| sha256`")

    def grow(self, tree: Tree, wish: _Wish, node: Node | None) -> None:
        """Put a value into the tree of all of them."""
        here = tree
        for key in wish.path[:-1]:
            below = here.setdefault(key, {})
            if not isinstance(below, dict):
                raise InvalidInput(f"`{wish.key}` stands below a field that is mapped too")
            here = below
        if wish.path[-1] in here:
            raise InvalidInput(f"`{wish.key}` is mapped twice, or a field below it is")
        here[wish.path[-1]] = node

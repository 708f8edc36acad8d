"""Reads a manifest: from a file's data to `Manifest`, refusing what the language does not know or not yet know."""

from __future__ import annotations

import re
from dataclasses import replace

from turnout.exchange import Order
from turnout.manifest import families, model
from turnout.manifest.expression import Names
from turnout.manifest.hatch import NAME
from turnout.manifest.language import Language
from turnout.manifest.lets import lets
from turnout.manifest.load import Source, load
from turnout.manifest.model import Check, Manifest, Repeat, Status
from turnout.manifest.nodes import Path
from turnout.manifest.part import Part
from turnout.manifest.read_actions import (
    ActionReader,
    Defaults,
    read_order,
    read_repeat,
    read_results,
    sending,
)
from turnout.manifest.read_audiences import audience_actions
from turnout.manifest.read_grants import WAYS, read_grant
from turnout.manifest.read_requests import RequestReader, read_send
from turnout.manifest.read_settings import read_settings
from turnout.manifest.read_setup import read_setup
from turnout.manifest.read_tests import read_tests

TOP = (
    *("turnout", "slug", "name", "category", "aliases", "status", "order", "dedupe", "profile", "settings", "auth"),
    *(
        "http",
        "limits",
        "tables",
        "let",
        "shared",
        "actions",
        "results",
        "check",
        "setup",
        "audience",
        "tests",
        "leaves_out",
        "hatch",
    ),
)
_LATER = ("once", "use")
HTTP = ("base", "headers", "query", "media", "timeout")
STATUS = ("verified", "preview", "docs")
NAMES = ("segment", "rudder")
LEFT_OUT = ("what", "why")
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def read(text: str, file: str = "manifest") -> Manifest:
    """Read a manifest from YAML. Raises: InvalidManifest, with the place."""
    return manifest(load(text, file))


def read_all(text: str, file: str = "manifest") -> tuple[Manifest, ...]:
    """Read all manifests of a file: one, or those of a family. Raises: InvalidManifest, with the place."""
    source = load(text, file)
    return tuple(manifest(one) for one in (families.sources(source) if families.is_family(source) else (source,)))


def manifest(source: Source) -> Manifest:
    """Read a manifest from a file's data. Raises: InvalidManifest, with the place."""
    if not isinstance(source.data, dict):
        raise source.fail((), "a manifest is a mapping")
    return _Reader(Part(source, (), source.data)).manifest()


def read_head(top: Part) -> tuple[str, str, str, tuple[str, ...], Status]:
    """Read slug, name, category, aliases and status."""
    slug = top.needed("slug")
    if not SLUG.fullmatch(slug):
        raise top.fail("slug", "a slug has small letters, digits and single hyphens")
    aliases = top.part("aliases")
    aliases.only(*NAMES)
    given = top.part("status")
    given.only(*STATUS)
    status = Status(given.text("verified"), given.text("preview"), given.text("docs"))
    return slug, top.needed("name"), top.text("category"), (*aliases.words("segment"), *aliases.words("rudder")), status


def read_left_out(top: Part) -> tuple[model.LeftOut, ...]:
    """Read what the manifest leaves out, and why."""
    found = []
    for part in top.parts("leaves_out"):
        part.only(*LEFT_OUT)
        found.append(model.LeftOut(part.needed("what"), part.text("why")))
    return tuple(found)


def read_hatch(top: Part) -> tuple[str, ...]:
    """Read which functions in Python the manifest calls."""
    found = top.words("hatch")
    if wrong := [name for name in found if not NAME.fullmatch(name)]:
        raise top.fail("hatch", f"expected functions as `module:function`, not `{wrong[0][:60]}`")
    return found


def _is_map(top: Part, key: str) -> bool:
    return isinstance(top.raw.get(key), dict)


class _Reader:
    """Reads one manifest from top to bottom."""

    def __init__(self, top: Part) -> None:
        self.top = top
        self.hatch = read_hatch(top)
        self.language = Language(top.source, frozenset(self.hatch))

    def manifest(self) -> Manifest:
        top = self.top
        top.only(*TOP, later=_LATER)
        if top.raw.get("turnout") != 1:
            raise top.fail("turnout", "expected `turnout: 1`, the version of the language")
        slug, name, category, aliases, status = read_head(top)
        self.settings = read_settings(top)
        self.actions = top.part("actions")
        if not self.actions.raw:
            raise top.fail("", "`actions` is missing: what the destination does")
        names = self.names()
        meaning, named = lets(
            top.raw.get("let", {}),
            ("let",),
            self.language,
            lambda mine: Names(names.roots | {"request_id"}, mine, names.bare, names.settings, names.tables),
        )
        common = Names(names.roots, meaning, names.bare, names.settings, names.tables)
        grant = read_grant(top.part("auth"), self.language, frozenset(self.settings)) if _is_map(top, "auth") else None
        reader = RequestReader(self.language, sending(common, tokens=grant is not None))
        http = top.part("http")
        http.only(*HTTP)
        defaults = Defaults(read_order(top, Order.PERSON), read_repeat(top, Repeat()), http, grant is not None)
        readers = {one: ActionReader(self.language, common, defaults, self.actions, one) for one in self.actions.raw}
        actions = {one: reader.action() for one, reader in readers.items()}
        listed, audience = audience_actions(top), common.plus("audience")
        for one in listed.raw:
            if one in actions:
                raise self.actions.fail(one, "`audience` makes an action of this name: choose another")
            actions[one] = replace(ActionReader(self.language, audience, defaults, listed, one).action(), lists=True)
        for each in readers.values():
            named |= each.named
        found = Manifest(
            slug,
            name,
            category,
            aliases,
            status,
            frozenset(top.raw),
            self.settings,
            top.choice("profile", tuple(model.PROFILE_HOURS), "api"),
            reader.node(http, "base"),
            reader.node(http, "headers"),
            reader.node(http, "query"),
            self.auth(reader, grant),
            reader.limits(top, "reset"),
            named,
            actions,
            read_results(reader, top),
            self.check(common, http, tokens=grant is not None),
            read_setup(top, self.language, common, http, self.settings, tokens=grant is not None),
            read_tests(top, tuple(actions)),
            read_left_out(top),
            self.hatch,
            top.source,
        )
        if idle := [name for name in self.hatch if name not in self.language.used]:
            raise top.fail("hatch", f"nothing calls `{idle[0]}`; leave it out")
        return found

    def names(self) -> Names:
        """List what may be named everywhere."""
        tables = self.top.part("tables")
        for key, table in tables.raw.items():
            if not isinstance(table, dict):
                raise tables.fail(key, "a table is a mapping")
        bare: dict[str, str] = {}
        for raw in self.actions.raw.values():
            inner = raw.get("let") if isinstance(raw, dict) else None
            bare |= dict.fromkeys(inner, "") if isinstance(inner, dict) else {}
        roots = frozenset({"event", "settings", "integrations", "now"})
        return Names(roots, {}, bare, frozenset(self.settings), tables.raw)

    def auth(self, reader: RequestReader, grant: model.GrantSpec | None) -> model.Auth:
        """Read how requests prove who asks; for Google it goes without saying."""
        if "auth" not in self.top.raw:
            return model.Auth()
        found = replace(reader.auth(self.top, *WAYS), grant=grant)
        if grant and grant.kind == "gcp" and found.bearer is None:
            return replace(found, bearer=Path("auth", ("access_token",), "auth.gcp"))
        return found

    def check(self, common: Names, http: Part, *, tokens: bool) -> Check | None:
        if "check" not in self.top.raw:
            return None
        part = self.top.part("check")
        names = Names(
            frozenset({"settings", "now", "request_id", *(("auth",) if tokens else ())}), {}, {}, common.settings,
            common.tables,
        )  # fmt: skip
        send = read_send(RequestReader(self.language, names), part, http, "ok")
        ok = part.raw.get("ok")
        return Check(send, self.language.condition(ok, (*part.path, "ok"), names.plus("res")) if ok else None)

"""Small manifests for tests, and short ways to use them."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

from turnout.document import Document, Json
from turnout.exchange import Answer, Ask, Drop, Item, Moment, Outcome, Reply, Request
from turnout.manifest import settings, talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.compile import Scope, compile_nodes
from turnout.manifest.expression import Names
from turnout.manifest.language import Language
from turnout.manifest.load import load
from turnout.manifest.model import Manifest
from turnout.manifest.plans import compiled
from turnout.manifest.read import read

NOW = 1_767_398_400_000_000
MOMENT = Moment(NOW, "msg_1")
EVERYTHING = Names(settings=None).plus("settings", "it", "index", "item", "batch", "request_id")
HEAD = "turnout: 1\nslug: acme\nname: Acme\ncategory: Analytics\naliases: {segment: [actions-acme]}\n"


def manifest(text: str) -> Manifest:
    """Read a manifest from what follows its head."""
    return read(HEAD + dedent(text), "acme.yaml")


def target(text: str, **given: Json) -> CompiledTarget:
    """Make a destination of a manifest's text and settings."""
    found = manifest(text)
    return CompiledTarget(compiled(found), settings.check(found, given))


def value(text: str, event: Document | None = None, **others: Json) -> Json:
    """Compute a value written in YAML."""
    source = load(dedent(text))
    node = Language(source).value(source.data, (), EVERYTHING)
    program = compile_nodes({"value": node}, {}, ("Acme", "acme"))
    given = others.get("settings")
    scope = Scope(NOW, "msg_1", others.get("item"), others.get("batch"))
    return program.functions["value"](
        event or {},
        given if isinstance(given, dict) else {},
        program.memory(),
        others.get("it"),
        others.get("index"),
        scope,
    )


def mapped(made: CompiledTarget, *events: Document) -> list[Item | Drop]:
    """Map events through the actions that they are for."""
    return [one for event in events for one in made.items(event, talk.selected(made, event), NOW)]


def items(made: CompiledTarget, *events: Document) -> tuple[Item, ...]:
    """Map events, none of which may be dropped."""
    found = mapped(made, *events)
    kept = tuple(one for one in found if isinstance(one, Item))
    assert len(kept) == len(found), found
    return kept


def sent(made: CompiledTarget, *events: Document) -> list[Document]:
    """Show the requests that events cause."""
    asks = [ask for batch in talk.batches(made, items(made, *events)) for ask in asked(made, batch, Answer(200))[0]]
    return [talk.shown(ask) for ask in asks]


def asked(
    made: CompiledTarget, batch: tuple[Item, ...], *replies: Reply
) -> tuple[tuple[Ask, ...], tuple[Outcome, ...]]:
    """Hold one exchange."""
    answers: Iterator[Reply] = iter(replies)
    done = talk.talk(made, batch, MOMENT, answers)
    return done.asks, done.outcomes


def request(made: CompiledTarget, *events: Document) -> Request:
    """Give the one request that events cause."""
    (ask,) = asked(made, items(made, *events), Answer(200))[0]
    assert isinstance(ask, Request)
    return ask


def outcomes(made: CompiledTarget, reply: Reply, *events: Document) -> list[str]:
    """Say how each item ended: `class code`."""
    return [f"{one.what} {one.code}" for one in asked(made, items(made, *events), reply)[1]]


def answer(status: int, body: Json = None, **headers: str) -> Answer:
    """Make an answer with a JSON body."""
    found = talk.reply(
        {"status": status, "body": body, "headers": {key.replace("_", "-"): one for key, one in headers.items()}}
    )
    assert isinstance(found, Answer)
    return found

"""The requests that events would cause, without network or disk: `turnout destination render`, and previews.

A case is `{"destination", "settings", "event" | "events"}` and may carry `id`, `now`, `action`, `request_id`,
`overrides` and `responses`; the answer is `{"requests", "dropped", "error"}`, and `"unsupported"` for an unknown
destination.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from turnout.document import Document, Json
from turnout.errors import InvalidInput, NotFound
from turnout.exchange import Drop, Item, Moment, Target
from turnout.manifest import talk
from turnout.manifest.catalogue import Catalogue
from turnout.manifest.times import micros
from turnout.manifest.trial import NOW
from turnout.manifest.values import Unsendable, entries, text_of

_KEYS = frozenset(
    {
        "id",
        "destination",
        "settings",
        "event",
        "events",
        "now",
        "auth",
        "action",
        "responses",
        "request_id",
        "overrides",
    }
)


def render(case: Document, catalogue: Catalogue) -> Document:
    """Answer one case."""
    answer: Document = {"id": case["id"]} if "id" in case else {}
    try:
        return answer | _answered(case, catalogue)
    except NotFound as error:
        return answer | _nothing(error.message) | {"unsupported": True}
    except InvalidInput as error:
        return answer | _nothing(error.message)
    except Unsendable as error:
        return answer | _nothing(str(error))


def render_lines(lines: Iterable[bytes | str], catalogue: Catalogue) -> Iterator[bytes]:
    """Answer a stream of cases, one line of JSON for each line; empty lines are passed over."""
    for line in lines:
        if not line.strip():
            continue
        try:
            case = orjson.loads(line)
        except orjson.JSONDecodeError:
            case = None
        answer = render(case, catalogue) if isinstance(case, dict) else _nothing("a case is a JSON object on one line")
        yield orjson.dumps(answer) + b"\n"


def _nothing(error: str) -> Document:
    return {"requests": [], "dropped": None, "error": error}


def _answered(case: Document, catalogue: Catalogue) -> Document:
    stray = next((key for key in case if key not in _KEYS), None)
    if stray is not None:
        raise InvalidInput(f"a case has no `{stray[:40]}`; it may have {', '.join(sorted(_KEYS))}")
    settings = case.get("settings")
    if not isinstance(case.get("destination"), str) or not (settings is None or isinstance(settings, dict)):
        raise InvalidInput("a case needs `destination`, and `settings` that are an object")
    changed = case.get("overrides")
    if not (changed is None or isinstance(changed, dict)):
        raise InvalidInput("`overrides` are an object, with `map`, `events` and `when`")
    target = catalogue.bind(text_of(case["destination"]), settings if isinstance(settings, dict) else {}, changed)
    action = text_of(case.get("action"))
    if action and action not in target.actions:
        raise InvalidInput(f"there is no such action; there are {', '.join(target.actions)}")
    now = micros(case["now"]) if case.get("now") is not None else NOW
    if now is None:
        raise InvalidInput("`now` is no time; write it as ISO 8601")
    events = _events(case)
    found = list(chain.from_iterable(target.items(one, talk.selected(target, one, action), now) for one in events))
    requests = _requests(case, target, [one for one in found if isinstance(one, Item)], now)
    drops = [one for one in found if isinstance(one, Drop)]
    return {"requests": requests, "dropped": None if requests else talk.reason(drops), "error": None}


def _events(case: Document) -> list[Document]:
    given: Json = [case["event"]] if "event" in case else case.get("events")
    events = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if not events or not isinstance(given, list) or len(events) != len(given):
        raise InvalidInput("a case needs `event`, an object, or `events`, a list of objects")
    return events


def _requests(case: Document, target: Target, items: list[Item], now: int) -> list[Json]:
    replies = iter([talk.reply(one) for one in entries(case.get("responses")) if isinstance(one, dict)])
    shown: list[Json] = []
    auth = case.get("auth")
    for batch in talk.batches(target, items):
        request_id = text_of(case.get("request_id")) or text_of(batch[0].document.get("messageId")) or "msg_render"
        sent = talk.talk(target, batch, Moment(now, request_id, auth if isinstance(auth, dict) else None), replies)
        if not sent.asks and sent.outcomes:
            raise InvalidInput(sent.outcomes[0].text)
        shown += [talk.shown(ask) for ask in sent.asks]
    return shown

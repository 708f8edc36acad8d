"""What made a month's count larger than its people: the causes of mtu.md 5 that ids and programs show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from turnout.document import Document, Json
from turnout.event import stored
from turnout.event.model import LIVE, Stored
from turnout.identity.suspects import Mark, marks
from turnout.operations.newest import user_agent
from turnout.store.people import Metered
from turnout.store.unit import View

LOOKED = 2_000
"""Who counted last, looked at one by one: 40 us each."""
ONCE, ADDRESS = "seen_once", "email_as_id"
SAYS = {
    str(Mark.TEST): (
        "Live ids or e-mails that read like tests.",
        "Send them with a test key, or move them: turnout namespace rule add.",
    ),
    str(Mark.PLACEHOLDER): (
        "Ids such as null, 0 or undefined, which stand for nobody.",
        "Send no id where there is none.",
    ),
    str(Mark.BOT): (
        "Programs that call themselves bots, monitors or headless browsers.",
        "Keep them from loading the library, or move their addresses to test by a rule.",
    ),
    ONCE: (
        "Anonymous ids of one event, which no user id came with: private windows, bots, ids made up for each call.",
        "Send the visitor's own anonymous id, or the user id; call reset only at log-out.",
    ),
    ADDRESS: (
        "User ids that are e-mail addresses beside others that are not: one person may count twice.",
        "Use one kind of user id everywhere.",
    ),
}
"""What each cause is, and what to do about it."""


def inflation(view: View, month: int) -> Document:
    """Say what made the count larger, among those who counted last."""
    found = view.people.metered(month, LIVE, LOOKED)
    events = {each: event for each in found if (event := view.log.get(each.seq)) is not None and not event.blank}
    once = view.history.once({event.person for each, event in events.items() if each.kind == "a"})
    tally = Counter(cause for each, event in events.items() for cause in _causes(each, event, once))
    if tally[ADDRESS] == sum(each.kind == "u" for each in found):
        del tally[ADDRESS]
    rows: list[Json] = [
        {"cause": cause, "people": n, "share": round(n / len(found), 3), "says": SAYS[cause][0], "do": SAYS[cause][1]}
        for cause, n in tally.most_common()
    ]
    return {"inflated_by": rows or None, "inflated_looked_at": len(found) or None}


def _causes(each: Metered, event: Stored, once: frozenset[int]) -> Iterator[str]:
    body = stored.document(event.body, event.meta, received=event.received, kind=event.kind)
    value = body.get("userId" if each.kind == "u" else "anonymousId")
    own = value if isinstance(value, str) else ""
    yield from map(str, marks([own] if own else [], _emails(body), user_agent(event)))
    if each.kind == "a" and event.person in once:
        yield ONCE
    if each.kind == "u" and "@" in own:
        yield ADDRESS


def _emails(body: Document) -> Sequence[str]:
    traits = body.get("traits")
    email = traits.get("email") if isinstance(traits, dict) else None
    return [email] if isinstance(email, str) else []

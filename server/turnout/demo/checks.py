"""The demo's claims, each compared with what was found."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.demo.model import AMPLITUDE, ARCHIVE, CRM, NAMES, Check, Crashed, Facts, Journey, Sent
from turnout.demo.story import MAYBE, rows

POOL = 10
"""Members of the pool of a test namespace, unless the operator says otherwise."""
TRIES = ("http_503", MAYBE, "delivered")
"""What the rude webhook's three answers are to us."""


def checks(facts: Facts) -> tuple[Check, ...]:
    """Compare all of them."""
    return (
        *_connected(facts),
        *_sent(facts.sent, facts.journey),
        *_tested(facts),
        *_crashed(facts.crashed, facts.sent),
        *_metered(facts),
    )


def _connected(facts: Facts) -> tuple[Check, ...]:
    asked = [each.name for each in facts.connected.joined if each.plan]
    return (Check("hosts of our own choice needed the token of a plan", asked == [CRM, AMPLITUDE], ", ".join(asked)),)


def _sent(sent: Sent, journey: Journey) -> tuple[Check, ...]:
    same = sent.first.get("message_id") == sent.again.get("message_id") == journey.told.get("message_id")
    replayed = sent.again.get("replayed") is True
    deliveries = rows(journey.told.get("deliveries"))
    verdicts = [(str(row.get("destination")), str(row.get("verdict"))) for row in deliveries]
    once = {each.destination: each.effects for each in journey.arrivals}
    met = [row for row in deliveries if row.get("destination") == CRM]
    tries = tuple(str(attempt.get("outcome")) for row in met for attempt in rows(row.get("attempts")))
    known = f"{journey.webhook_ids} in {len(journey.manners)} requests"
    answered = f"replayed {_yes(found=replayed)}, same id {_yes(found=same)}"
    return (
        Check("the retry was answered from the first call", same and replayed, answered),
        Check(
            "the order has one verdict at each destination",
            verdicts == [(name, "delivered") for name in NAMES],
            ", ".join(verdict for _, verdict in verdicts),
        ),
        Check("the order had its effect once at each destination", once == dict.fromkeys(NAMES, 1), _pairs(once)),
        Check("each answer of the rude webhook is an attempt", tries == TRIES, ", ".join(tries)),
        Check("the webhook knew every try by one id", journey.webhook_ids == 1, known),
    )


def _tested(facts: Facts) -> tuple[Check, ...]:
    tested = facts.tested
    reasons = {str(row.get("destination")): str(row.get("reason")) for row in rows(tested.told.get("deliveries"))}
    barred = {ARCHIVE: "delivered", CRM: "namespace", AMPLITUDE: "namespace"}
    pooled = 0 < len(tested.outward) <= POOL and not tested.leaks
    seen = f"{len(tested.outward)} ids for {tested.people} people, {len(tested.leaks)} leaks"
    return (
        Check("test events stayed out of live destinations", reasons == barred, ", ".join(reasons.values())),
        Check("test people left only as members of the pool", pooled, seen),
    )


def _crashed(crashed: Crashed, sent: Sent) -> tuple[Check, ...]:
    cut = {each.destination: each.at_kill for each in crashed.landed}
    end = {each.destination: each.at_end for each in crashed.landed}
    twice = sum(each.repeated for each in crashed.landed)
    again = crashed.order_again
    replayed = again.get("replayed") is True and crashed.again.get("replayed") is True
    same = again.get("message_id") == sent.first.get("message_id")
    whole = crashed.sent > 0 and end == dict.fromkeys(NAMES, crashed.sent)
    middle = f"{CRM} had {cut[CRM]} of {crashed.sent}"
    marked = f"{twice} came twice, {crashed.unmarked} unmarked"
    answered = f"replayed {_yes(found=replayed)}, same id {_yes(found=same)}"
    return (
        Check("kill -9 came in the middle of delivering", 0 < cut[CRM] < crashed.sent, middle),
        Check("nothing that was acknowledged is lost", whole, _pairs(end)),
        Check("what came twice is marked as maybe sent", crashed.unmarked == 0, marked),
        Check("idempotency keys outlived the crash", replayed and same, answered),
    )


def _metered(facts: Facts) -> tuple[Check, ...]:
    usage, waiting = facts.metered.usage, facts.metered.waiting
    people = usage.get("test_people")
    return (
        Check("nothing waits any more", facts.crashed.waiting == waiting == 0, f"{waiting} waiting"),
        Check("the meter counts the one live person", usage.get("mtu") == 1, f"MTU {usage.get('mtu')}"),
        Check("test people are counted apart", people == facts.tested.people, f"{people} test people"),
    )


def _yes(*, found: bool) -> str:
    return "yes" if found else "no"


def _pairs(found: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())

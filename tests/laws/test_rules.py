"""Laws of the rules that move events: the compiled rules say what plain ones say, and nothing is ever made live."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from support.events import CALLER, call, event
from turnout.event import rules
from turnout.event.accept import accept
from turnout.event.model import LIVE, TEST, Event, Namespace
from turnout.event.rules import By, Rule
from turnout.event.stored import document
from turnout.event.stored import rule as moved_by

# Few letters, so that runs meet; a line break and a backslash, for an expression takes them for something else.
LETTERS = "ab.\n\\"
GLOBS = st.text(f"{LETTERS}*?", min_size=1, max_size=8).filter(lambda text: bool(text.strip("*?")))
IDS = st.text(LETTERS, max_size=10)
LABELS = st.sampled_from(["test", "qa", "x", "latest", "bücher", "example"])
DOMAINS = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
ADDRESSES = st.ip_addresses() | st.integers(0, 255).map(lambda last: ip_address(f"10.0.0.{last}"))
SPACES = st.sampled_from(["test", "ci", "qa"]).map(Namespace)


@st.composite
def networks(draw: st.DrawFn) -> str:
    address = draw(ADDRESSES)
    bits = draw(st.integers(1, address.max_prefixlen))
    return str(ip_network(f"{address}/{bits}", strict=False))


@st.composite
def many(draw: st.DrawFn) -> tuple[Rule, ...]:
    patterns = {By.ID: GLOBS, By.EMAIL_DOMAIN: DOMAINS, By.IP: networks()}
    kinds = draw(st.lists(st.sampled_from(By), max_size=8))
    made = [Rule(at, by, spelled(by, draw(patterns[by])), draw(SPACES), 0) for at, by in enumerate(kinds, 1)]
    return tuple(draw(st.permutations(made)))


def spelled(by: By, text: str) -> str:
    return text if by is By.ID else rules.read(by, text)


def like(glob: str, text: str) -> bool:
    """Say by plain recursion whether a glob fits."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(like(glob[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and glob[0] in {"?", text[0]} and like(glob[1:], text[1:])


def plain(rule: Rule, made: Event, ip: str) -> bool:
    match rule.by:
        case By.ID:
            return any(each and like(rule.pattern, each) for each in (made.user_id, made.anonymous_id))
        case By.EMAIL_DOMAIN:
            names = [each.partition("@")[2].encode("idna").decode() for each in made.emails]
            return any(name == rule.pattern or name.endswith(f".{rule.pattern}") for name in names)
        case By.IP:
            return bool(ip) and ip_address(ip) in ip_network(rule.pattern)


@given(many(), IDS, IDS, st.lists(DOMAINS, max_size=2), st.just("") | ADDRESSES.map(str))
@example((Rule(1, By.ID, "a*a?*b", TEST, 0),), "aab", "aaab", [], "")
def test_compiled_rules_decide_what_each_one_alone_in_its_turn_decides(
    there: tuple[Rule, ...], user_id: str, anonymous_id: str, domains: list[str], ip: str
) -> None:
    made = event(user_id, anonymous_id, emails=tuple(f"ann@{each}" for each in domains))
    place = rules.place(there)

    found = place(made, ip) if place else None

    in_turn = sorted(there, key=lambda each: each.number)
    assert found == next((each for each in in_turn if plain(each, made, ip)), None)


@given(GLOBS, GLOBS, IDS)
def test_what_a_covered_glob_fits_its_cover_fits_too(earlier: str, later: str, value: str) -> None:
    one, other = (Rule(at, By.ID, glob, TEST, 0) for at, glob in ((1, earlier), (2, later)))

    if rules.covers(one, other) and like(later, value):
        assert like(earlier, value)


@given(
    many(),
    st.just(LIVE) | SPACES,
    st.fixed_dictionaries({"userId": IDS.map(lambda text: f"u{text}"), "anonymousId": IDS}),
    DOMAINS,
    ADDRESSES.map(str),
)
def test_no_rule_makes_a_test_event_live_or_takes_it_to_another_namespace(
    there: tuple[Rule, ...], came: Namespace, ids: dict[str, str], domain: str, ip: str
) -> None:
    calls = (call({**ids, "context": {"ip": ip, "traits": {"email": f"ann@{domain}"}}}),)
    caller = replace(CALLER, namespace=came)

    (made,) = accept(calls, caller, fresh_id=lambda: "made", place=rules.place(there))
    (stayed,) = accept(calls, caller, fresh_id=lambda: "made")

    assert isinstance(made, Event)
    assert isinstance(stayed, Event)
    if came != LIVE:
        assert made == stayed
    elif number := moved_by(made.meta):
        assert made.namespace == next(each.to for each in there if each.number == number) != LIVE
    else:
        assert made.namespace == LIVE
    told, as_told = (document(each.body, each.meta, received=each.received, kind=each.kind) for each in (made, stayed))
    assert told == as_told  # where an event lies changes nothing of what it is

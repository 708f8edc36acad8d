"""Rules that move live events: what each looks at, what is taken for a pattern, and which one decides."""

from __future__ import annotations

import time

import pytest

from support.events import event
from turnout.errors import InvalidInput
from turnout.event import rules
from turnout.event.model import TEST, Event, Namespace
from turnout.event.rules import LONGEST_GLOB, LONGEST_ID, By, Rule


def rule(by: By, text: str, to: str = TEST, number: int = 1) -> Rule:
    return Rule(number, by, rules.read(by, text), Namespace(to), 0)


def moved_by(made: Event, *there: Rule, ip: str = "") -> Rule | None:
    place = rules.place(there)
    return place(made, ip) if place else None


def fits(glob: str, value: str) -> bool:
    return moved_by(event(value), rule(By.ID, glob)) is not None


def mailed(domain: str, address: str) -> bool:
    return moved_by(event("u1", emails=(address,)), rule(By.EMAIL_DOMAIN, domain)) is not None


def lies_in(network: str, ip: str) -> bool:
    return moved_by(event("u1"), rule(By.IP, network), ip=ip) is not None


def test_without_rules_there_is_nothing_to_ask() -> None:
    assert rules.place([]) is None


@pytest.mark.parametrize(
    ("glob", "value", "expected"),
    [
        ("qa-*", "qa-1", True),
        ("qa-*", "qa-", True),
        ("qa-*", "QA-1", False),
        ("qa-*", "my-qa-1", False),
        ("*@test.example", "ann@test.example", True),
        ("*@test.example", "ann@test.example.com", False),
        ("*@test.example", "ann@testXexample", False),
        ("*load*", "a load of it", True),
        ("robot", "robot", True),
        ("robot", "robot2", False),
        ("u?", "u1", True),
        ("u?", "u", False),
        ("u?", "u12", False),
        ("a*b*c", "abc", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "acb", False),
        ("ab*ba", "aba", False),
        ("qa-*", "qa-\n1", True),
        ("a.c", "abc", False),
        ("a\\?", "a\\b", True),
        ("bot-*", "bot-\U0001f916", True),
    ],
)
def test_a_glob_means_any_run_by_a_star_and_one_character_by_a_question_mark(
    glob: str, value: str, *, expected: bool
) -> None:
    assert fits(glob, value) is expected


def test_a_glob_is_held_against_both_ids_and_nothing_else() -> None:
    glob = rule(By.ID, "qa-*")

    assert moved_by(event("u1", "qa-1"), glob) == glob
    assert moved_by(event("", "qa-1"), glob) == glob
    assert moved_by(event("u1", "a1", previous_id="qa-1", emails=("qa-1@shop.example",)), glob) is None


def test_an_id_that_is_longer_than_any_name_fits_no_glob() -> None:
    assert fits("qa-*", "qa-" + "x" * (LONGEST_ID - 3))
    assert not fits("qa-*", "qa-" + "x" * (LONGEST_ID - 2))


def test_hostile_ids_and_addresses_cost_no_more_than_their_length() -> None:
    there = [rule(By.ID, f"*{'a*' * 40}{n}b", number=n + 1) for n in range(10, 40)]
    there += [rule(By.EMAIL_DOMAIN, "test.example", number=99), rule(By.IP, "10.0.0.0/8", number=100)]
    place = rules.place(there)
    assert place is not None
    long = "a" * LONGEST_ID
    made = event(long, "a" * 32_000, emails=(f"a@{'a.' * 16_000}", f"a@{'ü' * 16_000}", f"a@{'ü.' * 30}x"))

    begin = time.process_time()
    found = place(made, "1." * 16_000)

    assert found is None
    assert time.process_time() - begin < 1  # one that tries runs twice would not end in this life


@pytest.mark.parametrize(
    ("domain", "address", "expected"),
    [
        ("test.example", "ann@test.example", True),
        ("test.example", "ann@mail.qa.test.example", True),
        ("test.example", "ann@latest.example", False),
        ("test.example", "ann@test.example.com", False),
        ("test.example", "ann@test.example@shop.example", False),
        ("Test.Example.", "ann@test.example.", True),
        ("@test.example", "ann@test.example", True),
        ("bücher.example", "ann@xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "ann@bücher.example", True),
        ("BÜCHER.example", "ann@shop.bücher.example", True),
        ("test", "ann@any.test", True),
        ("test", f"ann@{'ü.' * 30}test", True),
        ("test", f"ann@{'ü.' * 31}test", False),
        ("test.example", "ann@", False),
        ("test.example", "ann@ü\udc00.test.example", False),
    ],
)
def test_an_e_mail_domain_means_itself_and_those_under_it_in_any_spelling(
    domain: str, address: str, *, expected: bool
) -> None:
    assert mailed(domain, address) is expected


def test_any_of_an_events_e_mails_is_enough() -> None:
    there = rule(By.EMAIL_DOMAIN, "test.example")

    assert moved_by(event("u1", emails=("ann@shop.example", "ann@test.example")), there) == there


@pytest.mark.parametrize(
    ("network", "ip", "expected"),
    [
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("::ffff:203.0.113.0/120", "203.0.113.9", True),
        ("2001:db8::/32", "2001:DB8:1::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("::/8", "10.0.0.1", False),
        ("10.0.0.0/8", " 10.1.2.3 ", True),
        ("10.0.0.0/8", "10.1.2.03", False),
        ("10.0.0.0/8", "10.1.2.3, 203.0.113.9", False),
        ("10.0.0.0/8", "10.1.2.3\x00", False),
        ("10.0.0.0/8", "10.1.2.\ud800", False),
        ("10.0.0.0/8", "unknown", False),
    ],
)
def test_a_range_holds_the_addresses_that_its_prefix_says(network: str, ip: str, *, expected: bool) -> None:
    assert lies_in(network, ip) is expected


def test_the_rule_that_was_added_first_decides_whatever_it_looks_at() -> None:
    first = rule(By.IP, "10.0.0.0/8", "office", number=3)
    second = rule(By.ID, "qa-*", "qa", number=7)
    third = rule(By.EMAIL_DOMAIN, "test.example", "mails", number=12)
    made = event("qa-1", emails=("ann@test.example",))

    assert moved_by(made, third, second, first, ip="10.1.1.1") == first
    assert moved_by(made, third, second, first) == second
    assert moved_by(event("u1", emails=("ann@test.example",)), third, second, first) == third
    assert moved_by(event("u1"), third, second, first) is None


@pytest.mark.parametrize(
    ("by", "text", "said"),
    [
        (By.ID, "*", "would move everybody"),
        (By.ID, "**", "would move everybody"),
        (By.ID, "?*", "would move everybody"),
        (By.ID, "", "has 0 characters: expected 1 to 128"),
        (By.ID, "q" * (LONGEST_GLOB + 1), "has 129 characters"),
        (By.ID, "qa-\u200b*", "that can be seen"),
        (By.ID, " qa-*", "without blanks"),
        (By.ID, "qa-[0-9]", r"holds `\["),
        (By.EMAIL_DOMAIN, "", "expected a name such as test.example"),
        (By.EMAIL_DOMAIN, "*.test.example", "expected a name such as test.example"),
        (By.EMAIL_DOMAIN, "ann@test.example", "expected a name such as test.example"),
        (By.EMAIL_DOMAIN, "a." * 130 + "example", "expected a name such as test.example"),
        (By.EMAIL_DOMAIN, "com", "com has one label"),
        (By.IP, "10.0.0.0/33", "expected IPv4 or IPv6 in CIDR"),
        (By.IP, "office", "expected IPv4 or IPv6 in CIDR"),
        (By.IP, "fe80::1%eth0", "expected IPv4 or IPv6 in CIDR"),
        (By.IP, "10.0.0.1/8", r"did you mean 10\.0\.0\.0/8\?"),
        (By.IP, "0.0.0.0/0", "would move everybody"),
        (By.IP, "::/0", "would move everybody"),
        (By.IP, "::ffff:0:0/96", "would move everybody"),
    ],
)
def test_what_is_no_pattern_is_refused_with_what_is_expected(by: By, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rules.read(by, text)


@pytest.mark.parametrize(
    ("by", "earlier", "later", "expected"),
    [
        (By.ID, "qa-*", "qa-*", True),
        (By.ID, "qa-*", "qa-1*", True),
        (By.ID, "qa-*", "qa-???", True),
        (By.ID, "qa-??", "qa-*", False),
        (By.ID, "qa-1*", "qa-*", False),
        (By.ID, "*-bot", "qa-*", False),
        (By.EMAIL_DOMAIN, "test.example", "qa.test.example", True),
        (By.EMAIL_DOMAIN, "qa.test.example", "test.example", False),
        (By.EMAIL_DOMAIN, "test.example", "latest.example", False),
        (By.IP, "10.0.0.0/8", "10.1.0.0/16", True),
        (By.IP, "10.1.0.0/16", "10.0.0.0/8", False),
        (By.IP, "::/8", "10.0.0.0/8", False),
    ],
)
def test_a_rule_covers_what_leaves_nothing_to_the_other(by: By, earlier: str, later: str, *, expected: bool) -> None:
    assert rules.covers(rule(by, earlier), rule(by, later)) is expected


def test_rules_that_look_at_different_things_never_cover_one_another() -> None:
    assert not rules.covers(rule(By.ID, "*test*"), rule(By.EMAIL_DOMAIN, "test"))

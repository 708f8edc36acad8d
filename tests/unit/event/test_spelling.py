from __future__ import annotations

import pytest

from turnout.event.spelling import Alike, pairs


def found(**names: int) -> list[tuple[str, str, Alike]]:
    given = {name.replace("__", " "): n for name, n in names.items()}
    return [(each.name, each.other, each.how) for each in pairs(given)]


@pytest.mark.parametrize("other", ["order_completed", "OrderCompleted", "order completed", "ORDER-COMPLETED"])
def test_one_name_in_another_case_is_found_beside_the_more_frequent(other: str) -> None:
    (pair,) = pairs({"Order Completed": 9, other: 2})

    assert (pair.name, pair.other, pair.how) == (other, "Order Completed", Alike.WORDS)


def test_a_plural_is_found() -> None:
    assert found(Product__Viewed=5, Products__Viewed=4) == [("Products Viewed", "Product Viewed", Alike.PLURAL)]


@pytest.mark.parametrize(
    "slip", ["Ordr Completed", "Orderr Completed", "Oreder Completed", "Order Compleetd", "Odrer Completed"]
)
def test_a_slip_of_a_letter_is_found_where_it_is_rare(slip: str) -> None:
    (pair,) = pairs({"Order Completed": 90, slip: 1})

    assert (pair.name, pair.other, pair.how) == (slip, "Order Completed", Alike.SLIP)


def test_names_as_frequent_that_differ_in_a_letter_are_two_names() -> None:
    assert found(Cart__Viewed=50, Card__Viewed=40) == []


def test_names_that_differ_in_a_number_are_two_names() -> None:
    assert found(Step__1__Done=900, Step__2__Done=1, Step__12__Done=1) == []


def test_short_names_are_not_compared_letter_by_letter() -> None:
    assert found(Open=900, Oped=1) == []


def test_names_that_share_no_spelling_are_left_alone() -> None:
    assert found(Order__Completed=9, Order__Refunded=2, Address__Added=1) == []


def test_each_name_is_named_once_however_it_is_alike() -> None:
    names = {"Order Completed": 90, "order_completed": 30, "Orders Completed": 3, "Ordr Completed": 1}

    assert [(pair.name, pair.other) for pair in pairs(names)] == [
        ("order_completed", "Order Completed"),
        ("Orders Completed", "Order Completed"),
        ("Ordr Completed", "Order Completed"),
    ]


def test_names_in_other_scripts_and_of_signs_alone_are_compared_without_harm() -> None:
    (pair,) = pairs({"Größe Gewählt": 9, "größe gewählt": 1, "!!!": 4, "???": 3, "": 2})

    assert pair.name == "größe gewählt"


def test_two_thousand_long_names_are_compared_in_moments() -> None:
    """Not timed: compared each with each, letter by letter, they would take minutes."""
    names = {f"{chr(97 + n % 26)}{'x' * 70}{n}": n + 1 for n in range(2_000)}

    assert len(pairs(names)) <= len(names)

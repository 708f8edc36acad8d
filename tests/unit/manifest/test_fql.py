from __future__ import annotations

import pytest

from turnout.document import Document
from turnout.errors import InvalidInput
from turnout.manifest.compile import compile_predicate
from turnout.manifest.filters import like

CLICK: Document = {
    "type": "track",
    "event": "Button Clicked",
    "context": {"library": {"name": "analytics.js", "version": "1.0"}},
    "properties": {"features": ["discounts", "dark-mode"], "a b": {"c": [1, {"x": 2}]}, "flag": True, "word": "äb"},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("event = 'Button Clicked'", True),
        ("event = 'Screen Tapped'", False),
        ("context.path.path = '/login'", False),
        ("type = 'identify' or type = 'track'", True),
        ('type = "track" and event = "Button Clicked"', True),
        ("match( context.library.version, '1.*' )", True),
        ("match( context.library.version, '2.*' )", False),
        ("type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )", True),
        ("!contains( context.library.name, 'js' )", False),
        ("'dark-mode' in properties.features", True),
        ("'blink' in properties.features", False),
        ("type in ['track', 'page']", True),
        ("length(properties.features) >= 2", True),
        ("length(properties.word) = 3", True),
        ("length(event) <= 14 and length(event) >= 14", True),
        ("length(event) < 14 or length(event) > 14", False),
        ('typeof(properties.features) = "list"', True),
        ('lowercase(event) = "button clicked"', True),
        ('snakecase(event) = "Button_Clicked"', True),
        ('kebabcase(event) = "Button-Clicked"', True),
        ("number(context.library.version) < 1.5", True),
        ("properties.a\\ b.c.0 = 1", True),
        ('properties["a b"].c[1].x = 2', True),
        ("properties.missing = null", True),
        ("properties.missing != 5", True),
        ("properties.flag", True),
        ("!properties.flag", False),
        ("properties.word", False),
        ("all", True),
        ("event = 'a' or event = 'b' and type = 'track' or type = 'track'", True),
    ],
)
def test_a_condition_of_segments_says_what_it_says_there(text: str, *, holds: bool) -> None:
    assert compile_predicate(text)(CLICK) is holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("evnt = 'a'", r"no `evnt`, at character 1; did you mean `event`\?"),
        ("type = 'a' and lenght(event) > 2", r"no function `lenght`, at character 16; did you mean `length`\?"),
        ("type == 'track'", r"character 7; Segment's language writes `=`"),
        ("type = 'a' && event = 'b'", r"`&& event.* character 12; Segment's language writes `and`"),
        ("type = ", r"ends too early at character 8"),
        ("(type = 'a'", r"expected `\)` at character 12"),
        ("length(event, 2) > 1", r"`length` takes 1 value"),
        ("event in 'abc'", r"needs a list on its right"),
        ("event in [type]", r"a list holds texts"),
        ("match(event, type)", r"its pattern as text"),
        ("!" * 40 + "type", r"nested deeper than 30 levels"),
        ("event = '" + "a" * 5_000 + "'", r"may have 5000 characters"),
        ("", r"ends too early"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place_and_the_nearest_word(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        compile_predicate(text)


def test_both_languages_meet_in_one_expression() -> None:
    holds = compile_predicate("$.properties.flag and fql('type = \"track\"')")

    assert holds(CLICK)
    assert not holds({**CLICK, "type": "page"})


def test_a_form_of_many_stars_takes_no_time_to_speak_of() -> None:
    assert not like("a" * 5_000, "*a" * 30 + "b")


@pytest.mark.parametrize(
    ("text", "form", "fits"),
    [
        ("b2", "[a-c][0-9]", True),
        ("d2", "[a-c]?", False),
        ("a*", "a\\*", True),
        ("ab", "a\\*", False),
        ("[", "[", True),
    ],
)
def test_a_form_has_sets_of_letters_and_an_escape(text: str, form: str, *, fits: bool) -> None:
    assert like(text, form) is fits

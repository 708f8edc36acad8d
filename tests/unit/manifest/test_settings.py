from __future__ import annotations

import pytest

from support.manifests import manifest
from turnout.document import Document
from turnout.entropy import SystemEntropy
from turnout.errors import InvalidManifest, InvalidSettings
from turnout.manifest.casts import signing_keys
from turnout.manifest.settings import check, generated, secrets

ACME = manifest(
    r"""
    settings:
      api_key!: {type: secret, pattern: "^pk_(live|test)?", label: API key, aka: [key]}
      region: {enum: {us: United States, eu: Europe}, default: us}
      size: {type: int, min: 1, max: 10}
      ratio: number
      strict: bool
      url: url
      headers: {type: map, secret: true}
      rules: {type: table, columns: {event!: string, text: template, pass: secret}}
      text: {type: template}
      raw: json
      signing: {type: secret, generate: whsec}
      account: {type: string, required: $settings.region == 'eu'}
    actions: {a: {for: track, send: {post: "https://a.test"}}}
    """
)


def wrong(given: Document) -> str:
    with pytest.raises(InvalidSettings) as error:
        check(ACME, given)
    return error.value.message


def test_names_of_other_catalogues_and_styles_are_ours() -> None:
    assert check(ACME, {"apiKey": "pk_1"}) == {"api_key": "pk_1", "region": "us"}
    assert check(ACME, {"key": "pk_1"})["api_key"] == "pk_1"


def test_values_are_brought_into_their_types() -> None:
    given: Document = {
        "key": "pk_1",
        "size": "7",
        "ratio": "1.5",
        "strict": "true",
        "raw": "[1]",
        "url": " https://a.test/x ",
    }

    found = check(ACME, given)

    assert found == {
        "api_key": "pk_1", "region": "us", "size": 7, "ratio": 1.5, "strict": True,
        "url": "https://a.test/x", "raw": [1],
    }  # fmt: skip


@pytest.mark.parametrize("given", ["eu", "EU", " Eu ", "EU 🇪🇺", "Europe", "EUROPE"])
def test_a_choice_is_known_by_its_label_and_in_other_letters(given: str) -> None:
    assert check(ACME, {"key": "pk_1", "region": given, "account": "a"})["region"] == "eu"


def test_a_choice_that_two_could_mean_is_none() -> None:
    both = manifest(
        """
        settings: {mode: {enum: {a: Same, b: same, c: Third}, default: a}}
        actions: {a: {for: track, send: {post: "https://a.test"}}}
        """
    )

    for given in ("SAME", "🇪🇺"):
        with pytest.raises(InvalidSettings, match="must be one of a, b, c"):
            check(both, {"mode": given})


def test_a_map_and_a_table_are_taken_as_json_text_or_as_rows() -> None:
    found = check(
        ACME,
        {"key": "pk_1", "headers": [{"from": "X-A", "to": 1}], "rules": '[{"event": "*", "text": "{{ $.event }}"}]'},
    )

    assert found["headers"] == {"X-A": "1"}
    assert found["rules"] == [{"event": "*", "text": "{{ $.event }}"}]


def test_all_that_is_wrong_is_in_one_message_without_any_value() -> None:
    message = wrong({"regoin": "hidden1", "size": 99, "strict": "hidden2", "region": "hidden3", "url": "ftp://hidden4"})

    for part in (
        "did you mean `region`",
        "`size` must be at most 10",
        "`strict` must be true or false",
        "`region` must be one of us, eu",
        "`url` must be a URL",
        "`api_key` is missing (API key)",
    ):
        assert part in message
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": "sk_1"}, "does not look right"),
        ({"key": "pk_1\r\nX: y"}, "control character"),
        ({"key": "pk_1", "headers": {"X": "a\nb"}}, "control character"),
        ({"key": "pk_1", "rules": [{"text": "x"}]}, "row 1 lacks `event`"),
        ({"key": "pk_1", "rules": [{"event": "x", "txt": "y"}]}, "row 1 has no column `txt`; did you mean `text`"),
        ({"key": "pk_1", "text": "{{ $.a | nothing }}"}, "cannot be used"),
        ({"key": "pk_1", "signing": "whsec_%%%"}, "base64"),
        ({"key": "pk_1", "region": "eu"}, "`account` is missing"),
        ({"key": "pk_1", "apiKey": "pk_2"}, "given twice"),
        ({"key": "pk_1", "size": 1.5}, "whole number"),
        ({"key": "pk_1", "url": "https://a.test:99999/"}, "must be a URL"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_name(given: Document, says: str) -> None:
    assert says in wrong(given)


def test_every_destination_has_an_endpoint_that_is_an_origin() -> None:
    assert check(ACME, {"key": "pk_1", "endpoint": "http://127.0.0.1:9/"})["endpoint"] == "http://127.0.0.1:9"
    assert "scheme, host and port only" in wrong({"key": "pk_1", "endpoint": "http://127.0.0.1:9/path"})


def test_a_manifest_may_not_declare_endpoint() -> None:
    with pytest.raises(InvalidManifest, match="reserved"):
        manifest("settings: {endpoint: url}\nactions: {a: {for: track, send: {post: 'https://a.test'}}}")


def test_secrets_are_listed_by_name_also_inside_maps_and_tables() -> None:
    values = check(ACME, {"key": "pk_1", "headers": {"X-Key": "k"}, "rules": [{"event": "e", "pass": "p"}], "size": 3})

    assert secrets(ACME.settings, values) == {"api_key": "pk_1", "headers.X-Key": "k", "rules.0.pass": "p"}


def test_a_generated_secret_is_one_that_is_taken() -> None:
    made = generated(ACME.settings["signing"], SystemEntropy())

    assert len(signing_keys(made)[0]) == 32
    assert check(ACME, {"key": "pk_1", "signing": made})["signing"] == made


HOOK = manifest(
    """
    settings: {headers: {type: map, names: header}}
    actions: {a: {for: track, send: {post: "https://a.test"}}}
    """
)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Host", "the sender makes itself"),
        ("content-length", "the sender makes itself"),
        ("Transfer-Encoding", "the sender makes itself"),
        ("Connection", "the sender makes itself"),
        ("Keep-Alive", "for the next hop alone"),
        ("", "is no name: letters, digits"),
        ("a b", "is no name: letters, digits"),
        ("ä", "is no name: letters, digits"),
    ],
)
def test_a_header_that_may_not_be_sent_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        check(HOOK, {"headers": {"X-Key": "k", name: "x"}})

    assert f"`{name}`" in error.value.message
    assert why in error.value.message
    assert "any other name is allowed" in error.value.message


def test_only_the_keys_of_a_map_are_names_of_headers() -> None:
    with pytest.raises(InvalidManifest, match="only the keys of a map"):
        manifest("settings: {a: {type: string, names: header}}")


def test_what_proves_a_caller_within_a_url_is_secret() -> None:
    assert secrets(ACME.settings, {"url": "https://ann:pw@a.test/x?token=abcdefgh&v=2"}) == {
        "url.token": "abcdefgh",
        "url.v": "v=2",
        "url.user": "ann:pw",
        "url.password": "pw",
    }

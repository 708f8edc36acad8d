"""Operators on what identifies people and places: mail, phones, countries, links, browsers."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from turnout.document import Json
from turnout.manifest.entry import Operator
from turnout.manifest.places import CALLING, COUNTRY3, COUNTRY_OF, CURRENCIES, STATE_OF, plain
from turnout.manifest.texts import NOT_DIGITS
from turnout.manifest.values import text_of

_EMAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\".]+(?:\.[^\s@,;<>\".]+)+")
_MAX_EMAIL = 254
_MIN_PHONE, _MAX_PHONE = 7, 15
_MALE = frozenset({"m", "male", "man", "boy"})
_FEMALE = frozenset({"f", "female", "woman", "w", "girl"})
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/([\d.]+)")),
    ("Opera", re.compile(r"(?:OPR|Opera)/([\d.]+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/([\d.]+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/([\d.]+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS|HeadlessChrome)/([\d.]+)")),
    ("Safari", re.compile(r"Version/([\d.]+).*Safari/")),
    ("Internet Explorer", re.compile(r"(?:MSIE |rv:)([\d.]+).*(?:Trident|Windows)")),
)
_SYSTEMS = (
    ("iOS", re.compile(r"(?:iPhone|CPU)(?: iPhone)? OS ([\d_]+)")),
    ("Android", re.compile(r"Android ?([\d.]*)")),
    ("Windows", re.compile(r"Windows NT ([\d.]+)")),
    ("Chrome OS", re.compile(r"CrOS \w+ ([\d.]+)")),
    ("Mac OS X", re.compile(r"Mac OS X ?([\d_.]*)")),
    ("Linux", re.compile(r"Linux()")),
)
_MAX_AGENT = 1_000


def email(value: Json) -> Json:
    """Normalise an e-mail address; null for what is none."""
    text = text_of(value)
    if "@" not in text:
        return None
    text = text.strip().lower()
    return text if len(text) <= _MAX_EMAIL and _EMAIL.fullmatch(text) else None


def e164(value: Json, country: Json = None) -> Json:
    """Normalise a phone number; a national one needs its country."""
    text = text_of(value).strip()
    digits = NOT_DIGITS.sub("", text)
    if not text.startswith("+"):
        if digits.startswith("00"):
            digits = digits[2:]
        else:
            code = CALLING.get(text_of(country2(country)), "") if country is not None else ""
            if not code:
                return None
            digits = _international(digits, code)
    return f"+{digits}" if _MIN_PHONE <= len(digits) <= _MAX_PHONE and digits[0] != "0" else None


def _international(digits: str, code: str) -> str:
    if code == "1":
        return digits if len(digits) == 11 and digits[0] == "1" else f"1{digits}"  # noqa: PLR2004 - NANP
    return code + (digits if code == "39" else digits.lstrip("0"))


def country2(value: Json) -> Json:
    """Give the two letters of a country, from its name or code."""
    return COUNTRY_OF.get(plain(text_of(value)))


def country3(value: Json) -> Json:
    """Give the three letters of a country."""
    return COUNTRY3.get(COUNTRY_OF.get(plain(text_of(value)), ""))


def state2(value: Json) -> Json:
    """Give the two letters of a state of the USA."""
    return STATE_OF.get(plain(text_of(value)))


def currency(value: Json) -> Json:
    """Give a currency's code in capitals; null for what ISO 4217 does not list."""
    code = text_of(value).strip().upper()
    return code if code in CURRENCIES else None


def gender(value: Json) -> Json:
    """Give `m` or `f`; else null."""
    word = text_of(value).strip().lower()
    return "m" if word in _MALE else "f" if word in _FEMALE else None


def url_param(value: Json, name: Json) -> Json:
    """Read a parameter of a link."""
    text, wanted = text_of(value), text_of(name)
    if wanted not in text and "%" not in text and "+" not in text and text.isprintable():  # nor is it hidden
        return None
    try:
        query = urlsplit(text).query
        return next((found for key, found in parse_qsl(query, max_num_fields=200) if key == wanted), None)
    except ValueError:
        return None


def domain(value: Json) -> Json:
    """Read the host of a link or address, without `www.`."""
    text = text_of(value).strip()
    try:
        host = urlsplit(text if "://" in text else f"//{text.rpartition('@')[2]}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host and "." in host else None


def ua(value: Json, field: Json) -> Json:
    """Read a browser's or system's name or version from a user agent."""
    part, _, what = text_of(field).partition(".")
    table = {"browser": _BROWSERS, "os": _SYSTEMS}.get(part, ())
    text = text_of(value)[:_MAX_AGENT]
    for name, pattern in table:
        if found := pattern.search(text):
            return name if what == "name" else found[1].replace("_", ".") or None
    return None


_AGENT = "'Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) Version/17.2 Safari/604.1'"

TABLE = (
    Operator(
        "email",
        "value",
        "Trim and lower an e-mail address; null for what is none.",
        ("' Ann@Example.com' | email => \"ann@example.com\"", "'ann' | email => null"),
        email,
    ),
    Operator(
        "e164",
        "value country?",
        "Write a phone number as +digits; a national one needs its country; null for what is none.",
        ("'(555) 010-9999' | e164(US) => \"+15550109999\"", "'0151 2345678' | e164(Germany) => \"+491512345678\""),
        e164,
    ),
    Operator(
        "country2",
        "value",
        "The two letters of a country, from its English name or code; else null.",
        ("'Norway' | country2 => \"NO\"", 'usa | country2 => "US"'),
        country2,
    ),
    Operator(
        "country3",
        "value",
        "The three letters of a country; else null.",
        ("'Norway' | country3 => \"NOR\"", "'Atlantis' | country3 => null"),
        country3,
    ),
    Operator(
        "state2",
        "value",
        "The two letters of a state of the USA; else null.",
        ("'New York' | state2 => \"NY\"", "'Bavaria' | state2 => null"),
        state2,
    ),
    Operator(
        "currency",
        "value",
        "A currency's code in capitals; null for what is none.",
        ('eur | currency => "EUR"', "'gold' | currency => null"),
        currency,
    ),
    Operator(
        "gender",
        "value",
        "`m` or `f`; else null.",
        ("'Female' | gender => \"f\"", "'other' | gender => null"),
        gender,
    ),
    Operator(
        "url_param",
        "value name",
        "A parameter of a link.",
        ("'https://a.test/?fbclid=x1' | url_param(fbclid) => \"x1\"", "'https://a.test/' | url_param(a) => null"),
        url_param,
    ),
    Operator(
        "domain",
        "value",
        "The host of a link or address, without `www.`.",
        ("'https://www.example.com/a' | domain => \"example.com\"", "'ann@example.com' | domain => \"example.com\""),
        domain,
    ),
    Operator(
        "ua",
        "value field",
        "From a user agent: `browser.name`, `browser.version`, `os.name` or `os.version`.",
        (f'{_AGENT} | ua(os.name) => "iOS"', f'{_AGENT} | ua(browser.name) => "Safari"'),
        ua,
    ),
)

"""Segment's rules for the six calls, with Segment's reason codes where it has one (delivery.md 2) and ours elsewhere.

| all | `userId` or `anonymousId`, each a text |
| track | `event` is a text that is not empty; `properties` an object |
| page, screen | `name` and `category` are texts that are not empty, where given; `properties` an object |
| identify | `traits` an object |
| group | `groupId`; `traits` an object |
| alias | `userId` and `previousId` |

Null is absent everywhere, and so is an empty id: that is how real clients say "no user".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from turnout.document import Json
from turnout.event.model import Kind
from turnout.event.wire import Fields, Flaw

NAME_BYTES: Final = 1024
CONSENT: Final = "Segment Consent Preference Updated"
"""Delivered whatever was consented to, hence checked. Source: privacy.md 4."""

UNKNOWN_TYPE = Flaw(
    "unknown_type", "The type of the call is missing or unknown; send identify, track, page, screen, group or alias."
)
NO_ID = Flaw("no_user_anon_id", "There is neither a user id nor an anonymous id; send one of them.")
NO_EVENT = Flaw("event_not_defined", "The track call has no event name; send it in `event`.")
EVENT_NOT_TEXT = Flaw("event_not_string", "The event name is not a string; send a string in `event`.")
NAME_TOO_LONG = Flaw("name_too_long", f"The name is longer than {NAME_BYTES:,} bytes; shorten it.")
NO_GROUP = Flaw("group_id_missing", "The group call has no group id; send it in `groupId`.")
NO_USER = Flaw("user_id_missing", "The alias call has no user id; send the new id in `userId`.")
NO_PREVIOUS = Flaw("previous_id_missing", "The alias call has no previous id; send the old id in `previousId`.")
MESSAGE_ID = Flaw("message_id_not_string", "The message id is neither a string nor a number; send a string.")


def _must_be(reason: str, what: str, expected: str) -> Flaw:
    return Flaw(reason, f"The {what} is not {expected}; send {expected}.")


_ID = {
    what: _must_be("id_not_string", what, "a string") for what in ("user id", "anonymous id", "previous id", "group id")
}
_OBJECT = {
    what: Flaw(f"{what}_not_object", f"The {what} are not an object; send an object.")
    for what in ("traits", "properties")
}
_TEXT = {what: _must_be(f"{what}_not_string", what, "a non-empty string") for what in ("name", "category")}
_PREFERENCES = "consent_categorypreferences"
_NO_PREFERENCES = Flaw(
    f"{_PREFERENCES}_should_exist",
    "The consent has no category preferences; send `context.consent.categoryPreferences`.",
)
_PREFERENCES_SHAPE = _must_be(f"{_PREFERENCES}_fields_should_be_object", "set of category preferences", "an object")
_PREFERENCE = _must_be(f"{_PREFERENCES}_fields_should_be_bool", "preference of a category", "true or false")
_VERSION = _must_be("consent_version_should_be_number", "version of the consent", "a number")
_ADVERTISING = _must_be("device_advertisingid_should_be_string", "advertising id of the device", "a string")


def validate(kind: Kind, fields: Fields) -> Flaw | None:
    """Judge one call by the rules of its kind: the first that it breaks, or None."""
    return _ids(fields) or _RULES[kind](fields)


def _ids(fields: Fields) -> Flaw | None:
    user, anonymous = fields.user_id, fields.anonymous_id
    if not (user is None or isinstance(user, str)):
        return _ID["user id"]
    if not (anonymous is None or isinstance(anonymous, str)):
        return _ID["anonymous id"]
    return None if user or anonymous else NO_ID


def _track(fields: Fields) -> Flaw | None:
    event = fields.event
    if event is None or event == "":
        return NO_EVENT
    if not isinstance(event, str):
        return EVENT_NOT_TEXT
    return (
        _length(event)
        or _object(fields.properties, "properties")
        or (_consent(fields.context) if event == CONSENT else None)
    )


def _view(fields: Fields) -> Flaw | None:
    return _name(fields.name, "name") or _name(fields.category, "category") or _object(fields.properties, "properties")


def _identify(fields: Fields) -> Flaw | None:
    return _object(fields.traits, "traits")


def _group(fields: Fields) -> Flaw | None:
    return _needed(fields.group_id, "group id", NO_GROUP) or _object(fields.traits, "traits")


def _alias(fields: Fields) -> Flaw | None:
    return _needed(fields.user_id, "user id", NO_USER) or _needed(fields.previous_id, "previous id", NO_PREVIOUS)


_RULES: Mapping[Kind, Callable[[Fields], Flaw | None]] = {
    Kind.IDENTIFY: _identify,
    Kind.TRACK: _track,
    Kind.PAGE: _view,
    Kind.SCREEN: _view,
    Kind.GROUP: _group,
    Kind.ALIAS: _alias,
}


def _needed(value: Json, what: str, missing: Flaw) -> Flaw | None:
    if value is None or value == "":
        return missing
    return None if isinstance(value, str) else _ID[what]


def _object(value: Json, what: str) -> Flaw | None:
    return None if value is None or isinstance(value, dict) else _OBJECT[what]


def _name(value: Json, what: str) -> Flaw | None:
    if value is None:
        return None
    return _length(value) if isinstance(value, str) and value else _TEXT[what]


def _length(name: str) -> Flaw | None:
    # A character takes at most four bytes: short names need not be encoded to be measured.
    return NAME_TOO_LONG if len(name) * 4 > NAME_BYTES and len(name.encode()) > NAME_BYTES else None


def _consent(context: Json) -> Flaw | None:
    """Check the one event that is delivered to everyone, whatever was consented to."""
    consent, device = _inner(context, "consent"), _inner(context, "device")
    preferences = consent.get("categoryPreferences")
    if preferences is None:
        return _NO_PREFERENCES
    if not isinstance(preferences, dict):
        return _PREFERENCES_SHAPE
    if not all(isinstance(value, bool) for value in preferences.values()):
        return _PREFERENCE
    version, advertising = consent.get("version"), device.get("advertisingId")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int | float)):
        return _VERSION
    return None if advertising is None or isinstance(advertising, str) else _ADVERTISING


def _inner(value: Json, key: str) -> Mapping[str, Json]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}

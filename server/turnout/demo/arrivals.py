"""What arrived, by the receivers' own logs: lines of the file, requests of the servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.app import FILES
from turnout.demo.model import AMPLITUDE, ARCHIVE, CRM, NAMES, Arrival, Landed
from turnout.demo.receivers import Received, Receiver
from turnout.document import Document, decode, encode

FILE = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Receivers:
    """The three receivers of the demo."""

    data: Path
    crm: Receiver
    amplitude: Receiver

    def lines(self) -> tuple[Document, ...]:
        """Give the lines of the file."""
        path = self.data / FILES / FILE
        text = path.read_bytes() if path.exists() else b""
        rows = (decode(line) for line in text.splitlines())
        return tuple(row for row in rows if isinstance(row, dict))

    def ids(self) -> Mapping[str, tuple[str, ...]]:
        """Give for each destination the message ids that it took in, in the order of arrival, repeats too."""
        taken = (each for each in self.crm.log if each.manner.takes)
        return {
            ARCHIVE: tuple(str(row.get("messageId")) for row in self.lines()),
            CRM: tuple(message_id(each) for each in taken),
            AMPLITUDE: tuple(str(item.get("insert_id")) for item in items(self.amplitude.log)),
        }

    def arrivals(self, message: str) -> tuple[Arrival, ...]:
        """Tell of one event how often it came to each, and how often it had an effect there.

        The webhook and Amplitude drop what they know by its id, as they are meant to; a file drops nothing.
        """
        ids = self.ids()
        requests = self.requests(message)
        effects = {each.headers.get("webhook-id") for each in requests if each.manner.takes}
        lines, known = ids[ARCHIVE].count(message), ids[AMPLITUDE].count(message)
        return (
            Arrival(ARCHIVE, lines, lines),
            Arrival(CRM, len(requests), len(effects)),
            Arrival(AMPLITUDE, known, min(known, 1)),
        )

    def requests(self, message: str) -> tuple[Received, ...]:
        """Give the webhook's requests for one event, the one that it was too busy for among them."""
        return tuple(each for each in self.crm.log if message_id(each) == message)

    def seen(self, words: str) -> tuple[str, ...]:
        """Name the destinations that some text ever reached."""
        places = {
            ARCHIVE: encode(self.lines()),
            CRM: encode([each.body for each in self.crm.log]),
            AMPLITUDE: encode([each.body for each in self.amplitude.log]),
        }
        return tuple(name for name, text in places.items() if words.encode() in text)


def message_id(request: Received) -> str:
    """Give the message id of a webhook's request."""
    return str(request.body.get("messageId")) if isinstance(request.body, Mapping) else ""


def items(log: Iterable[Received]) -> list[Mapping[str, object]]:
    """Take the events out of Amplitude's requests."""
    bodies = (each.body for each in log if isinstance(each.body, Mapping))
    listed = (body.get("events") for body in bodies)
    return [item for events in listed if isinstance(events, list) for item in events if isinstance(item, Mapping)]


def landed(
    batch: frozenset[str], at_kill: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]]
) -> tuple[Landed, ...]:
    """Compare what each had of a batch at the kill with what it has now."""
    return tuple(
        Landed(name, len(batch & set(at_kill[name])), len(batch & set(now[name])), len(repeated(batch, now[name])))
        for name in NAMES
    )


def repeated(batch: frozenset[str], ids: Iterable[str]) -> tuple[str, ...]:
    """Name the events of a batch that came more than once."""
    return tuple(each for each, n in Counter(ids).items() if n > 1 and each in batch)

"""Who reads, and how much of it they see: personal values are masked for whoever lacks the scope `people`."""

from __future__ import annotations

from dataclasses import dataclass, field

from turnout.document import Document, Json
from turnout.guard.masking import mask, mask_beside, mask_document, untrusted, untrusted_json
from turnout.guard.principal import Principal, Scope


@dataclass(frozen=True, slots=True)
class Reader:
    """One reading call. `own`: the values that the caller itself put into it, which are shown as they are."""

    principal: Principal
    own: frozenset[str] = field(default_factory=frozenset)

    @property
    def sees_people(self) -> bool:
        """Tell whether personal values are shown."""
        return Scope.PEOPLE in self.principal.scopes

    def value(self, text: str) -> str:
        """Show one personal value."""
        return str(untrusted(text if self.sees_people or text in self.own else mask(text)))

    def document(self, body: Document) -> Document:
        """Show an event, or anything else a stranger may have written: as data, bounded, masked."""
        shown = body if self.sees_people else mask_document(body, self.own)
        told = untrusted_json(shown)
        assert isinstance(told, dict)
        return told

    def beside(self, event: Document, value: Json) -> Json:
        """Show what carried an event, or answered it: no name in it says where the event's values are."""
        return untrusted_json(value if self.sees_people else mask_beside(event, value, self.own))

    def text(self, text: str) -> str:
        """Show a name that a stranger chose (an event's, a message's id): as data, bounded, e-mails in it masked."""
        shown = text if self.sees_people else mask_document({"text": text}, self.own)["text"]
        return str(untrusted(str(shown)))

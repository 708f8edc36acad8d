"""The ids of an event, and the two namespaces: for who needs no more, and answers before the rest is loaded."""

from __future__ import annotations

from typing import NewType

MessageId = NewType("MessageId", str)
PersonId = NewType("PersonId", int)
Seq = NewType("Seq", int)
SourceId = NewType("SourceId", int)
Namespace = NewType("Namespace", str)

LIVE = Namespace("live")
TEST = Namespace("test")

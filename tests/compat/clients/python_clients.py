"""A program that uses a client for Python: its plan comes on standard input, what it was told goes to standard output.

The plan is JSON: `vendor`, `host`, `key`, `calls`, `options` of the client. `{"@date": "…"}` stands for a date.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import rudderstack.analytics.client as rudder
import segment.analytics.client as segment

CLIENTS: dict[str, Any] = {"segment": segment.Client, "rudder": rudder.Client}
ARGUMENTS = {
    "userId": "user_id", "anonymousId": "anonymous_id", "previousId": "previous_id", "groupId": "group_id",
    "messageId": "message_id",
}  # fmt: skip


def dated(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["@date"]) if "@date" in value else value


def main() -> None:
    plan = json.load(sys.stdin, object_hook=dated)
    errors: list[str] = []

    def failed(error: Exception, items: list[Any]) -> None:
        errors.append(f"{error!r}: {len(items)} events")

    client = CLIENTS[plan["vendor"]](plan["key"], host=plan["host"], on_error=failed, **plan["options"])
    ids = []
    for call in plan["calls"]:
        arguments = {ARGUMENTS.get(name, name): value for name, value in call.items() if name != "type"}
        taken, message = getattr(client, call["type"])(**arguments)
        assert taken, message
        ids.append(message["messageId"])
    client.flush()
    client.join()
    json.dump({"ids": ids, "errors": errors}, sys.stdout)


if __name__ == "__main__":
    main()

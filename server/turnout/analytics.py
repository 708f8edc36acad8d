"""For programs that use segment-analytics-python: changing the import is the migration.

    import segment.analytics as analytics                    import turnout.analytics as analytics
    from segment.analytics.client import Client              from turnout.analytics import Client

What stays: the six calls with their arguments, `flush`, `join`, `shutdown`, `default_client` and the module's settings.
A call raises where the original did (an id, a name or a timestamp that is missing or of the wrong type), and nowhere
else; what JSON cannot say is left out of the event.

What differs: when a call gives True, the event is on disk. There is no queue, so nothing is lost at exit, at a fork or
under a kill; `flush` and `join` have nothing to do, and events are taken after `shutdown` too. Where one could not be
stored (a full disk, a suppressed person, an event that is too large), the call gives False, and `on_error(error,
[message])` is called at once, in the thread of the call; without `on_error` a line is logged. With `sync_mode` it is
raised instead. An error is an `InvalidCall` where the original raised AssertionError.

| setting | here |
| --- | --- |
| `write_key` | that of a source of the workspace; a test key marks events as test |
| `data` | new: the data directory, else that of `TURNOUT_DATA`, else the user's |
| `on_error`, `send`, `sync_mode` | as above; with `send=False` nothing is opened or stored |
| all others | do nothing, and a warning says so where one is set: `host`, `gzip`, `timeout`, `max_retries` … |
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from typing_extensions import override

from turnout import telemetry
from turnout.calls import Calls
from turnout.clock import iso
from turnout.document import Document
from turnout.entropy import SystemEntropy, uuid7
from turnout.errors import InvalidCall, InvalidInput, TurnoutError
from turnout.event.model import Kind
from turnout.event.plain import Odd, plain
from turnout.event.validate import NO_ID
from turnout.inprocess import Door

Sent: TypeAlias = "tuple[bool, Document]"
OnError: TypeAlias = "Callable[[Exception, list[Document]], object]"

write_key: str | None = None
data: str | Path | None = None
on_error: OnError | None = None
send = True
sync_mode = False
host: object = None
debug: object = False
log_handler: object = None
max_queue_size: object = None
gzip: object = False
timeout: object = None
max_retries: object = None
oauth_client_id: object = None
oauth_client_key: object = None
oauth_key_id: object = None
oauth_auth_server: object = None
oauth_scope: object = None

_ENTROPY = SystemEntropy()


class Client(Calls[Sent]):
    """One source of a workspace; a call gives (True, message), or (False, message) where it could not be stored."""

    def __init__(
        self, write_key: str | None = None, host: object = None, debug: object = None, max_queue_size: object = None,
        send: bool = True, on_error: OnError | None = None, gzip: object = None, max_retries: object = None,  # noqa: FBT001, FBT002 - the original's order
        sync_mode: bool = False, timeout: object = None, proxies: object = None, thread: object = None,  # noqa: FBT001, FBT002 - the original's order
        upload_size: object = None, upload_interval: object = None, log_handler: object = None,
        oauth_client_id: object = None, oauth_client_key: object = None, oauth_key_id: object = None,
        oauth_auth_server: object = None, oauth_scope: object = None, max_total_backoff_duration: object = None,
        max_rate_limit_duration: object = None, *, data: str | Path | None = None,
    ) -> None:  # fmt: skip
        """Open the workspace. Raises: InvalidInput, NotFound, for a key that is missing or unknown; Unavailable."""
        given = {
            "host": host, "debug": debug, "max_queue_size": max_queue_size, "gzip": gzip, "max_retries": max_retries,
            "timeout": timeout, "proxies": proxies, "thread": thread, "upload_size": upload_size,
            "upload_interval": upload_interval, "log_handler": log_handler, "oauth_client_id": oauth_client_id,
            "oauth_client_key": oauth_client_key, "oauth_key_id": oauth_key_id, "oauth_auth_server": oauth_auth_server,
            "oauth_scope": oauth_scope, "max_total_backoff_duration": max_total_backoff_duration,
            "max_rate_limit_duration": max_rate_limit_duration,
        }  # fmt: skip
        if idle := [name for name, value in given.items() if value]:
            warnings.warn(f"Turnout has no use for {', '.join(idle)}: events go into its data directory.", stacklevel=2)
        if not isinstance(write_key, str) or not write_key:
            raise InvalidInput("`write_key` is missing; set it to that of a source (`turnout source list`).")
        self.write_key = write_key
        self.send = send
        self.on_error = on_error
        self.sync_mode = sync_mode
        self._door = Door(data, None, write_key, None)
        if send:
            self._door.open()

    def flush(self) -> None:
        """Do nothing: what was taken is on disk."""

    def join(self) -> None:
        """Do nothing: there is no thread to wait for."""

    def shutdown(self) -> None:
        """Close the workspace until the next call, if there is one."""
        self._door.rest()

    @override
    def _take(self, kind: Kind, **given: object) -> Sent:
        now = self._door.now()
        left_out: list[str] = []
        if given["message_id"] is not None:  # the original takes any, and writes it as text
            given["message_id"] = str(given["message_id"])
        try:
            message = plain(kind, given, now, left_out)
        except InvalidCall as error:
            if not (isinstance(error, Odd) or _is_of_nobody(error, given)):
                raise
            return self._refused(kind, error, {name: value for name, value in given.items() if isinstance(value, str)})
        for found in left_out:
            telemetry.emit("left_out", kind=str(kind), found=found)
        message = {"messageId": uuid7(now, _ENTROPY), "timestamp": iso(now), **message}
        if self.send:
            try:
                self._door.record(kind, message)
            except TurnoutError as error:
                return self._refused(kind, error, message)
        return True, message

    def _refused(self, kind: Kind, error: TurnoutError, message: Document) -> Sent:
        if self.sync_mode:
            raise error
        if self.on_error is None:
            telemetry.emit("not_stored", kind=str(kind), reason=error.code)
        else:
            self.on_error(error, [message])
        return False, message


def _is_of_nobody(error: InvalidCall, given: Mapping[str, object]) -> bool:
    """Tell a call that the original would have queued: its anonymous id is a text, though an empty one."""
    return error.attributes.get("reason") == NO_ID.reason and given.get("anonymous_id") == ""


default_client: Client | None = None
_making = threading.RLock()
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


def flush() -> None:
    """Do nothing: what was taken is on disk."""


def join() -> None:
    """Do nothing: there is no thread to wait for."""


def shutdown() -> None:
    """Close the workspace until the next call, if there is one."""
    if default_client is not None:
        default_client.shutdown()


def _client() -> Client:
    """Give the client of the module, made of its settings when it is first needed."""
    global default_client  # noqa: PLW0603 - the original's name, which programs set and read
    with _making:
        if default_client is None:
            default_client = Client(
                write_key, host=host, debug=debug, max_queue_size=max_queue_size, send=send, on_error=on_error,
                gzip=gzip, max_retries=max_retries, sync_mode=sync_mode, timeout=timeout, log_handler=log_handler,
                oauth_client_id=oauth_client_id, oauth_client_key=oauth_client_key, oauth_key_id=oauth_key_id,
                oauth_auth_server=oauth_auth_server, oauth_scope=oauth_scope, data=data,
            )  # fmt: skip
        return default_client


class _Module(Calls[Sent]):
    @override
    def _take(self, kind: Kind, **given: object) -> Sent:
        sent: Sent = getattr(_client(), str(kind))(**given)
        return sent


_module = _Module()
track = _module.track
identify = _module.identify
page = _module.page
screen = _module.screen
group = _module.group
alias = _module.alias

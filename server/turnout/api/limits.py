"""How much the HTTP door takes, of one connection and of all together, and what it says to those who send more."""

from __future__ import annotations

from turnout.api.answers import later, refused

HEAD_BYTES = 32_768
HEADERS = 100
URI_BYTES = 8_192
BODY_BYTES = 6_291_456
"""Of a body, before it is known whose: above the 5 MB of the doors, which say more. Its framing counts."""
FRAMING_BYTES = 65_536
"""What a chunked body may have beside its bytes and the plain framing of its chunks: extensions, trailers."""
CHUNK_BYTES = 16
"""What the plain framing of a chunk takes at most: its size in hexadecimal and two line ends."""
HEAD_S = 10.0
BODY_S = 30.0
BODY_GRACE_S = 10.0
BODY_RATE = 1_024
"""Bytes a second at which a body moves, on the whole, where it takes longer than its grace."""
IDLE_S = 75.0
UNREAD_S = 30.0
"""So long an answer may lie here of which nothing is read."""
LINGER_S = 2.0
"""So long what a refused client still sends is read, and dropped: the answer would else be lost with the connection."""
LOOK_S = 1.0
"""So often it is looked who is late."""
CONNECTIONS = 1_000
FILES = 2_000
"""Open files of a process that serves: its connections, and as many for all else. Where the system lets us."""
FEWEST_FILES = 64
"""Of them at the least: two processes open 30 before anybody comes."""
REQUESTS = 256
"""At work at once; who comes on top is told to come again."""
AHEAD = 32
"""Requests of one connection that wait for those before them."""
BYTES_IN_FLIGHT = 67_108_864
"""Of bodies longer than 64 KB that are not answered, on all connections: above it they are read one after the other."""
ALWAYS = frozenset({"/healthz", "/readyz"})
"""Answered however many are at work: whoever asks decides about us by the answer."""

STAYS = ("/v1/", "/api/s/", "/beacon/v1/")
"""What these paths take in is answered although the client has ended its side: nothing there waits."""

MALFORMED = refused(
    400, "malformed_request", "This cannot be read as HTTP/1.1 in one way only; send it as the RFC says."
)
NO_HOST = refused(400, "invalid_host", "A request has one Host header; send one.")
NO_PATH = refused(400, "invalid_target", "The target of a request is a path that begins with /; send that alone.")
ENCODED = refused(400, "invalid_transfer_encoding", "The only transfer encoding taken is chunked; send that, or none.")
BODY_LARGE = refused(400, "body_too_large", f"The body has more than {BODY_BYTES:,} bytes; send fewer events at once.")
FRAMED = refused(400, "malformed_request", "The chunks of the body have too much beside their bytes; send them plain.")
SLOW = refused(408, "too_slow", f"A head is taken for {HEAD_S:.0f} s, a body for {BODY_S:.0f}; send it again, faster.")
URI_LONG = refused(414, "uri_too_long", f"The URI has more than {URI_BYTES:,} bytes; send a shorter one.")
BUSY = later(429, "too_many_requests", "More is at work than we take at once; send it again.", 1)
AHEAD_MANY = later(429, "too_many_requests", f"{AHEAD} requests of this connection wait already; send it again.", 1)
HEAD_LARGE = refused(
    431, "headers_too_large", f"There are more than {HEADERS} headers or {HEAD_BYTES:,} bytes of them; send fewer."
)
VERSION = refused(400, "unsupported_version", "This version of HTTP is not spoken here; send HTTP/1.1.")

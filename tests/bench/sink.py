"""What receives, cheaper than what sends: asyncio with httptools, which reads each request and says yes.

Run as `python -m bench.sink CERTIFICATE DELAY PORT`, a file with its key, the seconds that each answer takes, and where
it listens, each of them `-` for none: it prints its port, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import httptools
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typing_extensions import override

from bench.measure import environment, pinned

NONE = "-"
DAY = timedelta(days=1)
BODY = b'{"code":200,"status":"OK","success":true}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Receiver(asyncio.Protocol):
    """One connection."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer; called by the parser."""
        assert self._transport is not None
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, ANSWER)
        else:
            self._transport.write(ANSWER)


@dataclass(frozen=True, slots=True)
class Sink:
    """A running one."""

    process: int
    url: str


@contextmanager
def receiving(
    core: int, certificate: Path | None = None, delay_s: float = 0.0, port: int = 0
) -> Iterator[Sink]:  # fmt: skip
    """Run one on a core."""
    words = (str(certificate or NONE), str(delay_s or NONE), str(port or NONE))
    with pinned(core):
        started = subprocess.Popen(
            (sys.executable, "-m", "bench.sink", *words), env=environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
    with started as process:
        assert process.stdout is not None
        assert process.stdin is not None
        scheme = "https" if certificate else "http"
        yield Sink(process.pid, f"{scheme}://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


def certify(path: Path) -> Path:
    """Write a certificate for 127.0.0.1 with its key, which whoever trusts the file trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(pem))
    return path


async def _serve(certificate: str, delay: str, port: str) -> None:
    loop = asyncio.get_running_loop()
    context: ssl.SSLContext | None = None
    if certificate != NONE:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    delay_s = 0.0 if delay == NONE else float(delay)
    listens = 0 if port == NONE else int(port)
    server = await loop.create_server(lambda: Receiver(delay_s), "127.0.0.1", listens, backlog=1024, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(*sys.argv[1:]))

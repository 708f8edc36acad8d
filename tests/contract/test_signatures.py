"""What is signed is what arrives: signatures made again of the request that a server got."""

from __future__ import annotations

import hmac

import pytest

from support.destination import Received, Recorder
from support.manifests import MOMENT, items, target
from turnout.delivery.sender import CurlSender
from turnout.document import Document, Json
from turnout.egress import Policy, parse_networks
from turnout.exchange import Answer, Request
from turnout.manifest import signing
from turnout.manifest.signing import Access, Consumer

pytestmark = pytest.mark.anyio
LOOPBACK = Policy(parse_networks("127.0.0.0/8 ::1/128"))
KEY = "a-key-that-nobody-sees"
TRACK: Document = {"type": "track", "event": "Été + co/“x”", "messageId": "m1", "userId": "a b/../é&c=d"}
URL = "https://acme.test/a%2Fb/./é/{{ $.userId | urlencode }}/../end?x=1 2&y=%2B"
BODIES = ("json: {e: $.event}", "form: {e: $.event, u: [1, 2]}", "xml: {E: $.event}", "multipart: {e: $.event}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def arrived(auth: str, body: str, vendor: Recorder) -> tuple[Request, Received]:
    """Send what a manifest signs, and give what the server got."""
    made = target(
        f"settings: {{key: secret}}\nauth: {auth}\n"
        f"actions: {{a: {{for: track, send: {{post: '{URL}', query: {{q: $.event}}, {body}}}}}}}",
        key=KEY,
        endpoint=vendor.url,
    )
    sent = next(made.exchange("a", items(made, TRACK), MOMENT))
    assert isinstance(sent, Request)
    async with CurlSender(LOOPBACK) as sender:
        assert isinstance(await sender.send(sent), Answer)
    return sent, vendor.received[-1]


def again(got: Received, *names: str) -> Request:
    """Write what arrived as a request, with only these headers."""
    headers = tuple((name, value) for name in names if (value := got.header(name)) is not None)
    return Request(got.method, f"http://{got.header('host')}{got.path}", headers, got.body)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("service", ["kinesis", "s3"])
async def test_a_request_to_aws_arrives_as_it_was_signed(body: str, service: str) -> None:
    auth = f"{{aws: {{service: {service}, region: r, access_key: a, secret_key: $settings.key}}}}"
    with Recorder() as vendor:
        _, got = await arrived(auth, body, vendor)

    made = signing.aws(Access(service, "r", "a", KEY), again(got, "content-type"), MOMENT.now)

    assert got.header("authorization") == made["authorization"]


@pytest.mark.parametrize("body", BODIES)
async def test_oauth_1_arrives_as_it_was_signed(body: str) -> None:
    with Recorder() as vendor:
        _, got = await arrived("{oauth1: {consumer_key: c, consumer_secret: $settings.key}}", body, vendor)

    nonce, stamp = signing.nonce_of(MOMENT), MOMENT.now // 1_000_000
    assert got.header("authorization") == signing.oauth1(Consumer("c", KEY), again(got, "content-type"), nonce, stamp)


@pytest.mark.parametrize("body", BODIES)
async def test_a_mark_over_path_query_and_body_arrives_as_it_was_signed(body: str) -> None:
    over = "{{ $method }} {{ $path }}?{{ $query }} {{ $body }}"
    with Recorder() as vendor:
        _, got = await arrived(f"{{hmac: {{key: $settings.key, over: '{over}', header: X-Mark}}}}", body, vendor)

    text = f"{got.method} {got.path} {got.body.decode()}"
    found: Json = got.header("x-mark")
    assert found == hmac.digest(KEY.encode(), text.encode(), "sha256").hex()

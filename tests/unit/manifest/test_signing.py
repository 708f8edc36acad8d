"""Signatures by the examples that their makers publish."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from turnout.document import Json, decode
from turnout.exchange import Moment, Request
from turnout.manifest import jose, signing
from turnout.manifest.signing import Access, Consumer

FORM = (("content-type", "application/x-www-form-urlencoded"),)
SUITE_AT = 1_440_938_160_000_000
SUITE = Access("service", "us-east-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwt"
    "hAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXA"
    "kiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
S3 = Access("s3", "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@pytest.mark.parametrize(
    ("asked", "signature"),
    [
        ("GET /", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET /example1/example2/../..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET /./", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET //", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("GET /./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        ("GET //example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        ("GET /example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        (f"GET /{UNRESERVED}", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET /ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET /?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        (
            "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        ("GET /?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        (f"GET /?{UNRESERVED}={UNRESERVED}", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        ("GET /?ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("POST /", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST /?Param1=value1", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
    ],
)
def test_a_request_to_aws_is_signed_as_the_suite_of_signature_version_4_says(asked: str, signature: str) -> None:
    """Source: AWS's signing test suite, v4 (aws-c-auth), the normalized cases without headers of their own."""
    method, path = asked.split(" ", 1)

    made = signing.aws(SUITE, Request(method, f"https://example.amazonaws.com{path}"), SUITE_AT)

    assert made["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )
    assert made["x-amz-date"] == "20150830T123600Z"


def test_a_session_token_of_aws_is_signed_too() -> None:
    """Source: the same suite, post-sts-header-before."""
    who = Access(SUITE.service, SUITE.region, SUITE.access_key, SUITE.secret_key, SUITE_TOKEN)

    made = signing.aws(who, Request("POST", "https://example.amazonaws.com/"), SUITE_AT)

    assert made["x-amz-security-token"] == SUITE_TOKEN
    assert made["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def test_the_content_type_of_a_request_to_aws_is_signed() -> None:
    """Source: AWS Identity and Access Management, Signature Version 4, the example of ListUsers."""
    who = Access("iam", SUITE.region, SUITE.access_key, SUITE.secret_key)
    media = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("user-agent", "any"))
    asked = Request("GET", "https://iam.amazonaws.com:443/?Action=ListUsers&Version=2010-05-08", media)

    made = signing.aws(who, asked, SUITE_AT)["authorization"]

    assert made.partition("SignedHeaders=")[2] == (
        "content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_s3_gets_the_hash_of_the_body_in_a_header(query: str, signature: str) -> None:
    """Source: Amazon S3 API Reference, signature calculation for the authorization header, its examples."""
    asked = Request("GET", f"https://examplebucket.s3.amazonaws.com/?{query}")

    made = signing.aws(S3, asked, 1_369_353_600_000_000)

    assert made["x-amz-content-sha256"].startswith("e3b0c44298fc1c14")
    assert made["authorization"].endswith(f"host;x-amz-content-sha256;x-amz-date, Signature={signature}")


def signed(who: Consumer, asked: Request, nonce: str, timestamp: int) -> str:
    made = signing.oauth1(who, asked, nonce, timestamp)
    return made.partition('oauth_signature="')[2].partition('"')[0]


def test_oauth_1_signs_the_query_of_a_request_as_the_rfc_says() -> None:
    """Source: RFC 5849, 1.2, the request for the photo."""
    who = Consumer("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00", version="")
    asked = Request("GET", "http://photos.example.net:80/photos?file=vacation.jpg&size=original")

    assert signed(who, asked, "chapoH", 137131202) == "MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"


def test_oauth_1_signs_parameters_of_query_and_body_sorted_and_escaped() -> None:
    """Source: RFC 5849, 3.4.1.1, with the signature as its erratum 2550 corrects it."""
    who = Consumer("9djdj82h48djs9d2", "j49sk3j29djd", "kkk9d7dh3k39sjv7", "dh893hdasih9", realm="Example", version="")
    asked = Request("POST", "http://EXAMPLE.COM/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", FORM, b"c2&a3=2+q")

    assert signed(who, asked, "7d8f3e4a", 137131201) == "r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"
    assert signing.oauth1(who, asked, "7d8f3e4a", 137131201).startswith('OAuth realm="Example", oauth_consumer_key=')


def test_oauth_1_signs_a_form_as_twitter_shows() -> None:
    """Source: X's developer documentation, creating a signature: the update with `include_entities`."""
    who = Consumer(
        "xvz1evFS4wEEPTGEFPHBog",
        "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
        "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    )
    body = b"status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21"
    asked = Request("POST", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true", FORM, body)

    found = signed(who, asked, "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", 1318622958)

    assert found == "hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"


def test_wsse_makes_the_header_of_its_first_description() -> None:
    """Source: M. Pilgrim, Atom Authentication (xml.com, December 2003), the example of Bob."""
    made = signing.wsse("bob", "taadtaadpstcsm", "d36e316282959a9ed4c89851497a717f", "2003-12-15T14:43:07Z")

    assert made == (
        'UsernameToken Username="bob", PasswordDigest="quR/EWLAV4xLf9Zqyw4pDmfV9OY=", '
        'Nonce="d36e316282959a9ed4c89851497a717f", Created="2003-12-15T14:43:07Z"'
    )


def test_wsse_may_encode_the_digest_in_hexadecimal_as_some_vendors_do() -> None:
    made = signing.wsse("bob", "taadtaadpstcsm", "d36e", "2003", digest="hex")

    digest = made.partition('PasswordDigest="')[2].partition('"')[0]
    assert len(base64.b64decode(digest)) == 40
    assert set(base64.b64decode(digest).decode()) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("algorithm", "key", "over", "gives"),
    [
        ("md5", "Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        ("sha1", "Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (
            "sha256",
            "Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            "sha512",
            "Jefe",
            "what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ],
)
def test_a_mark_is_that_of_the_rfcs_of_hmac(algorithm: str, key: str, over: str, gives: str) -> None:
    """Source: RFC 2202, 2 and 3, and RFC 4231, 4.3: test case 2 of each."""
    assert signing.mark(key, over, algorithm) == gives
    assert signing.mark(key, over, algorithm, "base64") == base64.b64encode(bytes.fromhex(gives)).decode()


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_token_of_a_shared_key_is_the_one_that_everybody_knows() -> None:
    """Source: jwt.io, its example of HS256."""
    claims: dict[str, Json] = {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}

    assert jose.token("HS256", "your-256-bit-secret", claims) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    )


def b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_shared_key_signs_as_the_rfc_of_signatures_says() -> None:
    """Source: RFC 7515, A.1."""
    key = b64("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
    content = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        b"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )

    assert jose.signature("HS256", key, content) == b64("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")


def test_an_elliptic_key_signs_the_same_each_time() -> None:
    """Source: RFC 6979, A.2.5: P-256 and SHA-256, the message "sample"."""
    number = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    key = pem(ec.derive_private_key(number, ec.SECP256R1()))

    assert jose.signature("ES256", key.encode(), b"sample").hex().upper() == (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )


def test_what_a_private_key_signs_its_public_key_verifies() -> None:
    shared, curve = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())

    head, claims, mark = jose.token("RS256", pem(shared).replace("\n", "\\n"), {"a": 1}, {"kid": "k"}).split(".")
    content = f"{head}.{claims}".encode()
    shared.public_key().verify(b64(mark), content, padding.PKCS1v15(), SHA256())
    assert decode(b64(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k"}

    made = jose.signature("ES256", pem(curve).encode(), content)
    whole = encode_dss_signature(int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big"))
    curve.public_key().verify(whole, content, ec.ECDSA(SHA256()))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_sign_is_told_without_showing_it(algorithm: str, key: str) -> None:
    with pytest.raises(jose.NoKey, match="the key is no private key in PEM"):
        jose.token(algorithm, key, {})


def test_a_key_of_another_kind_is_refused() -> None:
    with pytest.raises(jose.NoKey, match="none that ES256 signs with"):
        jose.token("ES256", pem(rsa.generate_private_key(65537, 2048)), {})


def test_a_service_account_asserts_who_it_is_for_an_hour() -> None:
    """Source: Google, Using OAuth 2.0 for server to server applications: the claims of the assertion."""
    key = rsa.generate_private_key(65537, 2048)
    account: Json = {"client_email": "a@p.iam.gserviceaccount.com", "private_key": pem(key), "private_key_id": "k1"}

    made = jose.assertion(account, ["https://www.googleapis.com/auth/pubsub", "b"], 1_767_398_400_000_000)

    head, claims, mark = made.split(".")
    key.public_key().verify(b64(mark), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256())
    assert decode(b64(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert decode(b64(claims)) == {
        "iss": "a@p.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/pubsub b",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": 1_767_398_400,
        "exp": 1_767_402_000,
    }
    assert made == jose.assertion(account, ["https://www.googleapis.com/auth/pubsub", "b"], 1_767_398_400_000_000)


@pytest.mark.parametrize("account", [None, "text", {}, {"client_email": "a"}])
def test_what_is_no_service_account_is_told(account: Json) -> None:
    with pytest.raises(jose.NoKey, match="service account's key"):
        jose.assertion(account, [], 0)


def test_a_nonce_is_of_its_moment() -> None:
    first = signing.nonce_of(Moment(1, "m"))

    assert first == signing.nonce_of(Moment(1, "m"))
    assert first not in {signing.nonce_of(Moment(2, "m")), signing.nonce_of(Moment(1, "n"))}

"""Bodies beside JSON: what they hold, how they are escaped, and how answers in them are read."""

from __future__ import annotations

import csv
import gzip
import io
from email import message_from_bytes
from email.policy import HTTP
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.manifests import asked, items, outcomes, request, target
from turnout.document import Document, Json, decode, encode
from turnout.errors import InvalidManifest
from turnout.exchange import Answer, Class, Item, Moment, Request
from turnout.manifest import markup, multipart, sheets, talk
from turnout.manifest.actions import CompiledTarget
from turnout.manifest.bodies import ANSWER_BYTES, decoded, readable
from turnout.manifest.values import Unsendable

ORDER: Document = {
    "type": "track",
    "event": "Order <1> & more",
    "messageId": "m1",
    "userId": "u1",
    "properties": {"note": "a\x00b\x1b\ufffe\r\n\t\"c'", "products": [{"sku": "b", "n": 1}, {"sku": "a", "x": "1,2"}]},
}
text = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.sampled_from(("a", "b", "ns:c", "d.e", "é"))
printed = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=8)


def sends(send: str, extra: str = "") -> CompiledTarget:
    return target(f"actions: {{a: {{for: track, {extra} send: {{post: 'https://a.test/in', {send}}}}}}}")


def body(send: str, extra: str = "") -> bytes:
    return request(sends(send, extra), ORDER).body


def test_xml_has_attributes_text_and_repeated_elements() -> None:
    made = request(
        sends(
            "xml: {'soap:Envelope': {'@xmlns:soap': 'urn:s', Table: {'@name': $.event, '#text': hi}, "
            "Row: {$each: $.properties.products, $do: {Sku: $it.sku, N: $it.n}}, Empty: null, Yes: true, No: $.none}}"
        ),
        ORDER,
    )

    assert dict(made.headers)["content-type"] == "application/xml"
    assert made.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="urn:s">'
        '<Table name="Order &lt;1&gt; &amp; more">hi</Table>'
        "<Row><Sku>b</Sku><N>1</N></Row><Row><Sku>a</Sku></Row><Empty/><Yes>true</Yes></soap:Envelope>"
    )


def test_xml_leaves_out_what_it_forbids_and_keeps_white_space() -> None:
    made = body("xml: {R: {'@a': $.properties.note, T: $.properties.note}}").decode()

    assert made.endswith('<R a="ab&#13;&#10;&#9;&quot;c\'"><T>ab&#13;\n\t"c\'</T></R>')
    root = ET.fromstring(made)  # noqa: S314 - our own
    assert root.get("a") == root.findtext("T") == "ab\r\n\t\"c'"


@pytest.mark.parametrize("value", [None, "text", [], {}, {"a": 1, "b": 2}, {"a": [1, 2]}])
def test_xml_without_one_root_is_refused(value: Json) -> None:
    with pytest.raises(Unsendable, match="one root"):
        markup.write(value)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a>", "a:b:c", "-a", "a\x00", "@", "<x"])
def test_a_name_that_xml_does_not_allow_is_refused_and_never_written(name: str) -> None:
    with pytest.raises(Unsendable, match="name that XML does not allow"):
        markup.write({"r": {name: 1}} if not name.startswith("@") else {"r": {"@" + name: 1}})
    made = sends("xml: {r: {$spread: $.traits}}")
    outcome = asked(made, items(made, ORDER | {"traits": {name or " ": "v"}}))[1][0]
    assert (outcome.what, outcome.code) == (Class.SPLIT, "mapping_error")


shapes: st.SearchStrategy[Json] = st.recursive(
    text,
    lambda inner: st.dictionaries(names, st.one_of(inner, st.lists(inner, min_size=2, max_size=3)), max_size=3),
    max_leaves=8,
)


@given(names, st.dictionaries(st.sampled_from(("@a", "@b", "#text")), printed, max_size=3), shapes)
def test_xml_that_is_written_reads_back_as_it_was(name: str, beside: Document, shape: Json) -> None:
    """For every value of texts, what another parser accepts is what was written, and the same each time."""
    value: Json = {name: {**beside, **shape}} if isinstance(shape, dict) else {name: shape}
    made = markup.write(value).encode()

    ET.fromstring(made.replace(b"ns:", b"ns."))  # noqa: S314 - our own
    again = markup.read(made)
    assert markup.read(markup.write(again).encode()) == again
    assert markup.write(value).encode() == made
    if isinstance(shape, str) and not beside:
        assert again == {name: markup._FORBIDDEN.sub("", shape)}


BOMB = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    "raw",
    [
        BOMB,
        b'<!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>',
        b'<!DOCTYPE l [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]><l/>',
        b"<!DOCTYPE l><l/>",
        b"<l>&b;</l>",
        b"<l>",
        b"",
        b"{}",
        b'<?xml version="1.0" encoding="no-such"?><l/>',
        b'<?xml version="1.0" encoding="cp932"?><l/>',
        b"<l>" * 100 + b"</l>" * 100,
        b"<l>" + b" " * ANSWER_BYTES + b"</l>",
    ],
)
def test_xml_with_a_document_type_or_beyond_its_bounds_is_not_read(raw: bytes) -> None:
    assert decoded("xml", raw) is None


def test_xml_of_an_answer_is_an_object_of_the_same_shape() -> None:
    raw = (
        b'<?xml version="1.0"?><r xmlns:x="u" a="1">\n <x:i>1</x:i><x:i n="2"/><t>a &amp; <![CDATA[<b>]]></t> tail </r>'
    )

    assert decoded("xml", raw) == {
        "r": {"@xmlns:x": "u", "@a": "1", "x:i": ["1", {"@n": "2"}], "t": "a & <b>", "#text": "\n  tail "}
    }


@pytest.mark.parametrize(
    ("send", "gives"),
    [
        ("csv: $.properties.products", 'sku,n,x\r\nb,1,\r\na,,"1,2"\r\n'),
        ("csv: {rows: $.properties.products, columns: [x, sku], 'null': '#N/A'}", 'x,sku\r\n#N/A,b\r\n"1,2",a\r\n'),
        ("csv: {rows: $.properties.products, header: false, delimiter: ';'}", "b;1;\r\na;;1,2\r\n"),
        ("csv: [[a, 'b\"c', '=1+2'], [1, true, null]]", 'a,"b""c",=1+2\r\n1,true,\r\n'),
        ("csv: $.none", ""),
        ("csv: {rows: $.none, columns: [a]}", "a\r\n"),
        ("csv: {rows: $.properties.products.0}", "sku,n\r\nb,1\r\n"),
    ],
)
def test_csv_is_written_as_its_rfc_says(send: str, gives: str) -> None:
    assert body(send).decode() == gives


def test_a_list_of_items_is_csv_without_saying_so() -> None:
    made = sends("csv: $batch", "item: {id: $.messageId, rows: $.userId}, batch: {max: 10},")

    assert request(made, ORDER, ORDER | {"messageId": "m2"}).body.decode() == "id,rows\r\nm1,u1\r\nm2,u1\r\n"


@given(st.lists(st.lists(text, min_size=1, max_size=4), max_size=4))
def test_any_text_in_csv_reads_back_as_it_was(rows: list[list[str]]) -> None:
    """No cell can end its row or its quotes, whoever reads it."""
    listed: Json = [[*row] for row in rows]
    made = sheets.write({"rows": listed})

    assert list(csv.reader(io.StringIO(made, newline=""))) == rows
    assert sheets.read(made, ",") == rows


def test_csv_of_an_answer_is_rows_by_their_columns() -> None:
    raw = '\ufeffid;"sf;Error"\r\n1;"a\nb"\r\n2\r\n'.encode()

    assert decoded("csv", raw) == [{"id": "1", "sf;Error": "a\nb"}, {"id": "2"}]
    assert decoded("csv", b"") == []


PARTS = (
    "multipart: {format: csv, tags: [a, b], gone: $.none, "
    "file: {csv: {rows: $.properties.products}, name: 'l\"1.csv'}, "
    "meta: {json: {id: $.userId}, name: m.json, media: application/vnd.m+json}, doc: {xml: {R: $.userId}}, "
    "note: {text: $.event}}"
)


def test_multipart_has_fields_and_files() -> None:
    made = request(sends(PARTS), ORDER)

    media = dict(made.headers)["content-type"]
    read = message_from_bytes(f"Content-Type: {media}\r\n\r\n".encode() + made.body, policy=HTTP)
    parts = [
        (one["content-disposition"], one.get_content_type(), one.get_payload(decode=True)) for one in read.iter_parts()
    ]
    assert parts == [
        ('form-data; name="format"', "text/plain", b"csv"),
        ('form-data; name="tags"', "text/plain", b"a"),
        ('form-data; name="tags"', "text/plain", b"b"),
        ('form-data; name="file"; filename="l%221.csv"', "text/csv", b'sku,n,x\r\nb,1,\r\na,,"1,2"\r\n'),
        ('form-data; name="meta"; filename="m.json"', "application/vnd.m+json", b'{"id":"u1"}'),
        (
            'form-data; name="doc"; filename="doc.xml"',
            "application/xml",
            b'<?xml version="1.0" encoding="UTF-8"?>\n<R>u1</R>',
        ),
        ('form-data; name="note"; filename="note.txt"', "text/plain", b"Order <1> & more"),
    ]


def test_each_attempt_of_a_request_has_the_same_parts_and_another_request_has_its_own_boundary() -> None:
    made = sends(PARTS)
    batch = items(made, ORDER)

    bodies = [
        next(made.exchange("a", batch, moment))
        for moment in (Moment(1, "msg_1"), Moment(2, "msg_1"), Moment(1, "msg_2"))
    ]

    assert bodies[0] == bodies[1]
    assert bodies[0] != bodies[2]


def test_a_text_cannot_end_its_part() -> None:
    parts: Json = [multipart.part("f", "hello")]
    known = multipart.write(parts, "msg_1")[1]
    forged: Json = [multipart.part("f", f'x\r\n--{known}\r\nContent-Disposition: form-data; name="admin"\r\n\r\n1')]

    raw, boundary = multipart.write(forged, "msg_1")

    assert boundary != known
    assert multipart.write(forged, "msg_1") == (raw, boundary)
    read = readable(f"multipart/form-data; boundary={boundary}", raw)
    assert isinstance(read, dict)
    assert list(read) == ["f"]


def test_graphql_is_its_query_as_written_and_its_variables() -> None:
    made = request(
        sends("graphql: {query: 'mutation M($item:In!){up(i:$item){id}}', variables: {item: $.userId}, operation: M}"),
        ORDER,
    )

    assert dict(made.headers)["content-type"] == "application/json"
    assert decode(made.body) == {
        "query": "mutation M($item:In!){up(i:$item){id}}",
        "variables": {"item": "u1"},
        "operationName": "M",
    }


GRAPHQL = "graphql: {query: '{a}'}"
ERRORS: Json = [{"message": "no such field"}]


@pytest.mark.parametrize(
    ("results", "status", "answer", "ends"),
    [
        ("", 200, {"data": {"up": {"id": 1}}}, "success delivered"),
        ("", 200, {"data": {"up": {"id": 1}}, "errors": ERRORS}, "success delivered"),
        ("", 200, {"data": {"up": None}, "errors": ERRORS}, "final rejected"),
        ("", 200, {"data": None, "errors": ERRORS}, "final rejected"),
        ("", 200, {"errors": ERRORS}, "final rejected"),
        ("", 200, {"errors": [], "data": None}, "success delivered"),
        ("", 503, {"errors": ERRORS}, "retry http_503"),
        (", results: {retry: $res.body.errors}", 200, {"errors": ERRORS}, "retry retry"),
        (", results: {drop: false}", 200, {"errors": ERRORS}, "success delivered"),
    ],
)
def test_errors_of_graphql_without_data_are_a_refusal_unless_results_say_otherwise(
    results: str, status: int, answer: Json, ends: str
) -> None:
    made = sends(GRAPHQL + results)

    assert outcomes(made, Answer(status, (), encode(answer)), ORDER) == [ends]


def test_a_refusal_of_graphql_says_what_the_vendor_says() -> None:
    made = sends(GRAPHQL)

    assert asked(made, items(made, ORDER), Answer(200, (), encode({"errors": ERRORS})))[1][0].text == "no such field"


@pytest.mark.parametrize("send", ["xml: {R: $.event}", "csv: $.properties.products", PARTS, GRAPHQL, "text: $.event"])
def test_every_body_may_be_packed(send: str) -> None:
    packed = request(sends(f"{send}, gzip: true"), ORDER)

    assert dict(packed.headers)["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == request(sends(send), ORDER).body
    assert packed == request(sends(f"{send}, gzip: true"), ORDER)


@pytest.mark.parametrize(
    ("how", "raw", "rule"),
    [
        ("json", b'{"a":{"b":"bad"}}', "$res.body.a.b == 'bad'"),
        ("xml", b"<a><b>bad</b></a>", "$res.body.a.b == 'bad'"),
        ("csv", b"id,why\r\n1,bad\r\n", "$res.rows.0.why == 'bad' and $res.body.0.id == '1'"),
        ("form", b"a=ok&b=bad&b=2", "$res.body.b.0 == 'bad' and $res.body.a == 'ok'"),
        ("text", b"bad", "$res.body == 'bad' and $res.text == 'bad'"),
    ],
)
def test_an_answer_is_read_as_the_request_says(how: str, raw: bytes, rule: str) -> None:
    made = sends(f'json: {{a: 1}}, decode: {how}, results: {{drop: "{rule}"}}')

    assert outcomes(made, Answer(200, (), raw), ORDER) == ["final rejected"]
    assert outcomes(made, Answer(200, (), b"\xff<"), ORDER) == ["success delivered"]


def test_the_rows_of_an_answer_may_tell_of_single_items() -> None:
    made = sends(
        "csv: $batch, decode: csv, results: {items: {from: $res.rows, id: $it.id, error: $it.why}}",
        "item: {id: $.messageId}, batch: {max: 9},",
    )

    found = outcomes(made, Answer(200, (), b"id,why\r\nm2,bad\r\n"), ORDER, ORDER | {"messageId": "m2"})

    assert found == ["success delivered", "final rejected"]


@pytest.mark.parametrize(
    ("send", "shown"),
    [
        ("xml: {R: $.userId}", '<?xml version="1.0" encoding="UTF-8"?>\n<R>u1</R>'),
        ("csv: $.properties.products", [["sku", "n", "x"], ["b", "1", ""], ["a", "", "1,2"]]),
        ("csv: {rows: [[a, b]], delimiter: ';'}", [["a", "b"]]),
        (
            "multipart: {a: $.userId, f: {csv: [[1]], name: x.csv}}",
            {"a": "u1", "f": {"name": "x.csv", "media": "text/csv", "body": [["1"]]}},
        ),
        ("graphql: {query: '{a}', variables: {b: $.userId}}", {"query": "{a}", "variables": {"b": "u1"}}),
    ],
)
def test_a_body_is_shown_as_people_read_it(send: str, shown: Json) -> None:
    assert talk.body_of(request(sends(send), ORDER)) == shown


@given(st.sampled_from(("text/csv", "multipart/form-data; boundary=x", "application/xml", "")), st.binary(max_size=60))
def test_any_bytes_are_shown_somehow(media: str, raw: bytes) -> None:
    encode(readable(media, raw))


@pytest.mark.parametrize(
    ("send", "says"),
    [
        ("xml: {A: 1, B: 2}", "one root element"),
        ("xml: {'a b': 1}", "`a b` cannot be a name in XML"),
        ("xml: {A: {C: [{'1b': $.event}]}}", "`1b` cannot be a name in XML"),
        ("xml: {'@a': 1}", "`@a` cannot be a name in XML"),
        ("csv: {rows: $.event, colums: [a]}", "did you mean `columns`"),
        ("csv: {rows: $.event, delimiter: ab}", "expected one of `,`"),
        ("csv: {rows: $.event, header: maybe}", "true or false"),
        ("multipart: $.event", "expected a mapping"),
        ("multipart: {}", "expected parts"),
        ("multipart: {a: {csv: {rows: $.event, colums: 1}}}", "did you mean `columns`"),
        ("graphql: {variables: {}}", "`query` is missing"),
        ("graphql: {query: '{a}', vars: {}}", "unknown key `vars`"),
        ("json: 1, xml: {A: 1}", "one body"),
        ("json: 1, decode: yaml", "expected one of json, xml, csv, form, text"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused_with_its_place(send: str, says: str) -> None:
    with pytest.raises(InvalidManifest, match=says) as error:
        sends(send)

    assert "actions.a.send" in error.value.message
    assert error.value.attributes["line"]


@given(st.recursive(text | st.none() | st.booleans(), lambda inner: st.dictionaries(text, inner, max_size=3)))
def test_an_event_of_strange_keys_and_texts_makes_a_body_or_a_reason(traits: Json) -> None:
    for send in ("xml: {R: {$spread: $.traits}}", "csv: $.traits", "multipart: {a: $.traits, f: {csv: $.traits}}"):
        made = sends(send)
        found = made.items(ORDER | {"traits": traits}, ("a",), 0)
        sent = talk.talk(made, tuple(one for one in found if isinstance(one, Item)), Moment(1, "m"), iter(()))
        assert sent.outcomes[0].what in {Class.SUCCESS, Class.FINAL, Class.SPLIT}
        assert all(isinstance(ask, Request) for ask in sent.asks)

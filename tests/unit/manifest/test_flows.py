"""Which fields of an event stand in what an action sends: followed through lets, loops and shapes."""

from __future__ import annotations

import pytest

from support.manifests import manifest
from turnout.exchange import Flow
from turnout.manifest.flows import flows

ACTION = """
status: {{preview: a test}}
order: none
dedupe: none
http: {{base: https://a.test}}
tables: {{plans: {{a: b}}}}
let:
  who: {{email: $.traits.email, phone: $.traits.phone | sha256}}
  kept: {{$each: $.traits, $where: $it.key != 'secret', $key: $it.key, $value: $it.value}}
actions:
  a:
    for: track
    when: $.properties.asked
    item: {item}
    send: {{post: "/x/{{{{ $.anonymousId | urlencode }}}}", json: {body}}}
"""


@pytest.mark.parametrize(
    ("item", "body", "sent"),
    [
        ("$.userId", "$item", ["userId"]),
        ("{a: $let.who.email}", "$item", ["traits.email"]),
        ("{a: $let.who}", "{b: $item.a}", ["traits.email", "#traits.phone"]),
        ("{a: $.userId, b: $.context.ip}", "{b: $item.b}", ["context.ip"]),
        ("{a: $let.kept}", "$item", ["traits", "traits.key", "traits.value"]),
        ("{a: '= if($.traits.vip, $.userId)'}", "$item", ["userId"]),
        ("{a: $.traits.email == 'x'}", "$item", []),
        ("{a: $.userId // $.anonymousId}", "$item", ["anonymousId", "userId"]),
        ("{a: $.traits | pick('email')}", "$item", ["traits.email"]),
        ("{a: $.traits.plan | lookup(plans)}", "$item", []),
        ("{a: {$each: $.properties.products, $do: {n: $it.name}}}", "$item", ["properties.products.name"]),
        ("{a: $.traits.email | lower | md5}", "$item", ["#traits.email"]),
        ("$.properties", "$item", ["properties"]),
    ],
)
def test_a_field_is_followed_to_where_it_is_sent(item: str, body: str, sent: list[str]) -> None:
    found = flows(manifest(ACTION.format(item=item, body=body)))["a"]

    assert {f"{'#' * each.hashed}{'.'.join(each.path)}" for each in found - {Flow(("anonymousId",))}} == {
        each for each in sent if each != "anonymousId"
    }
    assert Flow(("anonymousId",)) in found, "it stands in the URL"

"""Properties of XMP, whatever form they are written in; hostile packets end early."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode.containers.rdf import MAX_ELEMENTS, properties

NS = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    f' xmlns:q="{NS}">'
)
TAIL = "</r:RDF></x:xmpmeta>"
FORMS = [
    '<r:Description r:about="" q:Type="v"/>',
    "<r:Description><q:Type>v</q:Type></r:Description>",
    '<r:Description><q:Type r:resource="v"/></r:Description>',
    "<q:Photo><q:Type><r:Alt><r:li xml:lang='x-default'>v</r:li></r:Alt></q:Type></q:Photo>",
    "<r:Description><q:Type><r:Bag><r:li r:resource='v'/></r:Bag></q:Type></r:Description>",
    "<q:Photo><q:Type><r:Description><r:value>v</r:value></r:Description></q:Type></q:Photo>",
    "<q:Photo q:Type='v'/>",
]


def read(body: str) -> list[tuple[str, str, str]]:
    return [(p.namespace, p.name, p.value) for p in properties((HEAD + body + TAIL).encode()).found]


@pytest.mark.parametrize("body", FORMS)
def test_every_form_of_a_property_is_read(body: str) -> None:
    assert read(body) == [(NS, "Type", "v")]
    utf16 = properties((HEAD + body + TAIL).encode("utf-16")).found
    assert [p.value for p in utf16] == ["v"]


def test_arrays_give_every_value() -> None:
    values = "".join(f"<r:li>{n}</r:li>" for n in range(3))
    body = f"<r:Description><q:Type><r:Seq>\n{values}\n</r:Seq></q:Type></r:Description>"
    assert [value for *_, value in read(body)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        "<q:Photo><q:Parts r:parseType='Resource'><q:Type>v</q:Type></q:Parts></q:Photo>",
        "<r:Description><q:Parts><r:Bag><r:li q:Type='v'/></r:Bag></q:Parts></r:Description>",
        "<r:Description><q:Parts><r:Description q:Type='v'/></q:Parts></r:Description>",
        "<r:Description><q:Type> </q:Type></r:Description>",
    ],
)
def test_structures_inside_speak_of_something_else(body: str) -> None:
    assert read(body) == []


def test_what_stands_outside_rdf_is_no_property() -> None:
    outside = "<q:Type>outside</q:Type>"
    svg = f'<svg xmlns:q="{NS}" q:Type="root">{outside}{HEAD}{FORMS[0]}{TAIL}{outside}</svg>'
    assert [p.value for p in properties(svg.encode()).found] == ["v"]


def test_a_cut_packet_gives_what_came() -> None:
    cut = properties((HEAD + FORMS[0] + FORMS[1])[:-20].encode())
    assert [p.value for p in cut.found] == ["v"]
    assert not cut.whole


def test_bombs_end_early() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + HEAD + "<q:Type>&b;</q:Type>"
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///a">]>' + HEAD + "<q:Type>&a;</q:Type>"
    deep = HEAD + "<q:a>" * 100_000
    wide = HEAD + "<r:Description>" + "<q:a/>" * (MAX_ELEMENTS + 5)
    odd = '<?xml version="1.0" encoding="utf-7"?><a/>'
    for packet in (laughs, outside, deep, wide, odd, HEAD + "a" * 9_000_000):
        said = properties(packet.encode())
        assert (said.found, said.whole, said.limited) == ((), False, packet is not odd)


def test_an_outer_document_type_alone_is_no_fault() -> None:
    svg = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd"><svg/>'
    assert properties(svg).whole


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_raise(tail: bytes, keep: int) -> None:
    properties((HEAD + FORMS[0]).encode()[: len(HEAD) + keep] + tail)

"""The page of one item: what an editor keeps in a file, or a court."""

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from detectors.signal import Claim
from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.html import item
from provenance.verdict import load

Make = Callable[..., Record]
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{7*7}}"
DEEP = [
    {"title": "second", "manifest": "m2", "relationship": "parentOf", "generator": "Tool 2",
     "issuer": "Signer 2", "ingredients": [
         {"title": "first", "manifest": "m1", "relationship": "componentOf",
          "codes": ["assertion.dataHash.mismatch"], "declares_ai": True}]},
]  # fmt: skip


def page(record: Record, pictures: tuple[tuple[str, bytes], ...] = ()) -> str:
    out = io.BytesIO()
    policy = load(record.verdict.policy.name)
    item.write(record, policy, pictures, out, RenderOptions(policy=policy, verbose=True))
    return out.getvalue().decode()


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def signed(signal: Make, build: Make, text: str) -> Record:
    facts = {"state": "valid", "generator": text, "signer": {"issuer": text}, "ingredients": [
        {"title": text, "relationship": text, "generator": text, "codes": [text]}]}  # fmt: skip
    said = signal("credentials", "credential.ai_declared", Claim.AI_GENERATED, by=text, facts=facts)
    return build(text, said, note=text)


def test_it_says_every_case(example: Record) -> None:
    said = Tags(page(example)).text
    assert example.item.uri in said
    assert "What it does not mean" in said
    assert f"How policy {example.verdict.policy.name} came to" in said
    assert all(signal.reason.code in said for signal in example.signals)


def test_the_history_is_a_tree(signal: Make, build: Make) -> None:
    facts = {"state": "valid", "generator": "Tool 3", "signer": {"issuer": "Signer 3"},
             "ingredients": DEEP}  # fmt: skip
    text = page(
        build("third.jpg", signal("credentials", "credential.edited", Claim.EDITED, facts=facts))
    )
    tree = re.search(r'<ul class="tree">.*?<h2>', text, re.DOTALL)
    assert tree
    said = " ".join(re.sub(r"<(/?)(ul|li)[^>]*>", r" \1\2 ", tree[0]).split())
    said = re.sub("<[^>]*>", "", said)
    assert said.startswith(
        "ul li third.jpg written by Tool 3; signed as Signer 3"
        " ul li second it was made from this; written by Tool 2; signed as Signer 2"
        " ul li first this is a part of it; declares AI assertion.dataHash.mismatch /li /ul /li /ul"
    )


def test_nothing_of_an_item_is_markup(signal: Make, build: Make) -> None:
    hostile, plain = (Tags(page(signed(signal, build, text))) for text in (HOSTILE, "plain"))
    assert hostile.tags == plain.tags
    assert "\u202e" not in hostile.text
    assert "{{7*7}}" in hostile.text


@pytest.mark.parametrize("count", [0, 2])
def test_it_runs_nothing_and_fetches_nothing(signal: Make, build: Make, count: int) -> None:
    text = page(signed(signal, build, "a"), tuple(("A picture", b"RIFF") for _ in range(count)))
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "script-src" not in policy[1]
    assert policy[1].startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "<script" not in text
    assert re.findall(r'src="([^"]*)"', text) == ["data:image/webp;base64,UklGRg=="] * count

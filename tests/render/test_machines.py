"""What programs read: JSON, JSON lines, SARIF and JUnit."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import lxml.etree
import msgspec
import pytest

from detectors.media import Kind
from detectors.signal import Claim, Signal
from provenance.record import Record, Risk
from provenance.render import Look, renderer, sarif
from provenance.verdict import load

Make = Callable[..., Record]
JUNIT = lxml.etree.XMLSchema(file=Path(__file__).with_name("jenkins-junit-10.xsd"))
NOT_XML = "\x00\x0b\x1b\x7f\x85\ufffe\uffff\udc80]]>&<'\""


def written(form: str, records: list[Record], **look: object) -> str:
    out = io.StringIO()
    renderer(form)(records, out, Look(policy=load("default"), **look))  # type: ignore[arg-type]
    return out.getvalue()


def test_a_line_is_a_record(examples: list[Record]) -> None:
    lines = written("jsonl", examples).splitlines()
    assert [msgspec.json.decode(line, type=Record) for line in lines] == examples
    assert lines[0].startswith('{"schema":"provenance.record/1","item":{"uri":"chatgpt-1.png"')


def test_an_array_is_all_records(examples: list[Record]) -> None:
    assert msgspec.json.decode(written("json", examples), type=list[Record]) == examples
    assert written("json", examples).startswith('[\n{\n  "schema": "provenance.record/1",')
    assert json.loads(written("json", [])) == []
    assert written("jsonl", []) == ""


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif"])
def test_json_on_a_terminal_does_nothing(make: Make, form: str) -> None:
    name = "a\x9b31m\u202e\U000e0041é.jpg"
    shown = written(form, [make("a-signed-ai", name)], unicode=False)
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    assert name in json.dumps(json.loads(shown), ensure_ascii=False) or form == "sarif"


def run_of(records: list[Record], **look: object) -> dict[str, object]:
    log = json.loads(written("sarif", records, **look))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run = log["runs"][0]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["message"]["text"]
        assert result["level"] in ("error", "warning")
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["artifactLocation"]["uri"].isascii()
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert all(notice["message"]["text"] for notice in notices)
    return run


def test_sarif_reports_what_asks_for_a_look(examples: list[Record]) -> None:
    run = run_of(examples)
    told = [(r["ruleId"], r["level"]) for r in run["results"]]
    assert told == [
        ("ai-declared", "error"),
        ("known-face", "error"),
        ("ai-history", "error"),
        ("measured", "warning"),
        ("ai-mark", "warning"),
        ("ai-broken", "warning"),
    ]
    assert run["automationDetails"] == {"id": "provenance/default/"}
    assert run["tool"]["driver"]["version"] == "0.1.0"
    named = [n["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for n in
             run["invocations"][0]["toolExecutionNotifications"]]  # fmt: skip
    assert named == ["unreadable.jpg", "failed.jpg"]
    assert written("sarif", examples).count("\n") == 1


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    assert run_of([])["results"] == []


def test_sarif_names_are_uri_references(make: Make, hostile: str) -> None:
    run = run_of([make("marked", name) for name in ("./a b/é%.jpg", "/srv/x#1.jpg", hostile)])
    uris = [
        r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]
    ]
    assert uris[:2] == ["a%20b/%C3%A9%25.jpg", "file:///srv/x%231.jpg"]
    assert "\\u" not in uris[2]


@pytest.mark.parametrize(
    ("uri", "line", "name"),
    [
        ("a/posts.jsonl#17", 17, "17"),
        ("posts.jsonl#x#3", 1, "x#3"),
        ("posts.jsonl#000", 1, "000"),
        ("posts.jsonl#99999999999", 1, "99999999999"),
    ],
)
def test_sarif_points_into_a_file_of_posts(
    build: Make, signal: Callable[..., Signal], uri: str, line: int, name: str
) -> None:
    said = signal("text_marks", "text_marks.residue", Claim.AI_GENERATED)
    post = build(uri, msgspec.structs.replace(said, part="text"), kind=Kind.POST)
    post = msgspec.structs.replace(post, item=msgspec.structs.replace(post.item, sha256=None))
    (result,) = run_of([post])["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"].endswith("posts.jsonl")
    assert place["physicalLocation"]["region"] == {"startLine": line}
    assert place["logicalLocations"] == [{"name": name, "kind": "post"}]
    assert result["partialFingerprints"] == {"itemUri/v1": uri}


def test_sarif_keeps_to_the_limits_of_uploads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    monkeypatch.setattr(sarif, "MOST_NOTICES", 1)
    records = [make("marked", "a"), make("unreadable", "b")] * 3
    run = run_of(records)
    assert len(run["results"]) == 2
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert [n["message"]["text"] for n in notices[1:]] == ["2 more items", "1 more results"]


def test_junit_says_fail_error_or_pass(examples: list[Record]) -> None:
    text = written("junit", examples)
    JUNIT.assertValid(lxml.etree.fromstring(text.encode()))
    cases = ET.fromstring(text.encode()).iter("testcase")  # noqa: S314 - our own
    told = {case.get("name"): [inner.tag for inner in case] for case in cases}
    assert told == {
        "chatgpt-1.png": ["failure"], "DSC_0412.JPG": [], "avatars/anna_k.jpg": ["failure"],
        "post.txt": [], "poster_final.jpg": ["failure"], "measured.jpg": ["system-out"],
        "marked.jpg": ["system-out"], "broken.jpg": ["system-out"], "plain.jpg": [],
        "unreadable.jpg": ["error"], "failed.jpg": ["error"],
    }  # fmt: skip


def test_junit_follows_a_lower_limit(make: Make) -> None:
    for limit, tag in (
        (Risk.REVIEW, "<failure"),
        (None, "<system-out"),
        (Risk.HIGH, "<system-out"),
    ):
        assert tag in written("junit", [make("marked", "a")], fail_on=limit)


def test_junit_holds_what_xml_forbids(make: Make, hostile: str) -> None:
    records = [make(name, hostile + NOT_XML) for name in ("marked", "unreadable", "a-signed-ai")]
    text = written("junit", records)
    JUNIT.assertValid(lxml.etree.fromstring(text.encode()))
    names = [case.get("name") for case in lxml.etree.fromstring(text.encode()).iter("testcase")]
    assert "\\x1b[31m" in names[0]
    assert "]]>&<'\"" in names[0]

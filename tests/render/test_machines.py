"""What programs read: JSON, JSON lines, SARIF and JUnit."""

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import lxml.etree
import msgspec
import pytest

from detectors.item import Kind
from detectors.signal import Claim, Signal
from provenance.record import Record, Risk
from provenance.render import RenderOptions, junit, renderer, sarif
from provenance.verdict import load

Make = Callable[..., Record]
JUNIT = [
    lxml.etree.XMLSchema(file=Path(__file__).with_name(name))
    for name in ("jenkins-junit-10.xsd", "windyroad-junit.xsd")
]
NOT_XML = "\x00\x0b\x1b\x7f\x85\ufffe\uffff\udc80]]>&<'\""


def written(form: str, records: list[Record], **look: object) -> str:
    out = io.StringIO()
    renderer(form)(records, out, RenderOptions(policy=load("default"), **look))  # type: ignore[arg-type]
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
    names = ("./a b/é%.jpg", "bad%FF%FE.jpg", "bad%25FF%25FE.jpg", "/srv/x#1.jpg", hostile)
    run = run_of([make("marked", name) for name in names])
    found = [r["locations"][0]["physicalLocation"]["artifactLocation"] for r in run["results"]]
    assert [each["uri"] for each in found[:4]] == [
        "a%20b/%C3%A9%25.jpg", "bad%FF%FE.jpg", "bad%25FF%25FE.jpg", "file:///srv/x%231.jpg",
    ]  # fmt: skip
    assert [each.get("uriBaseId") for each in found[:4]] == ["ROOT"] * 3 + [None]
    assert "\\u" not in found[4]["uri"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert (notice["level"], "/srv/x#1.jpg" in notice["message"]["text"]) == ("note", True)


def test_sarif_locations_are_relative_to_the_root(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("repo")
    monkeypatch.chdir(tmp_path / "repo" / "deep")
    (tmp_path / "repo" / "e~2").touch()
    names = ["a.jpg", "../b.jpg", f"{tmp_path}/link/c.jpg", "../../d.jpg", "a.jpg~2", "../e~2"]
    run = run_of([make("marked", name) for name in names], root=str(tmp_path / "repo"))
    found = [r["locations"][0]["physicalLocation"]["artifactLocation"] for r in run["results"]]
    assert [each["uri"] for each in found] == [
        "deep/a.jpg", "b.jpg", "c.jpg", f"file://{tmp_path}/d.jpg", "deep/a.jpg", "e~2",
    ]  # fmt: skip
    assert run["originalUriBaseIds"] == {"ROOT": {"uri": f"file://{tmp_path}/repo/"}}


def test_sarif_fingerprints_differ_from_file_to_file(make: Make) -> None:
    run = run_of([make("marked", name) for name in ("a.jpg", "b.jpg", "./a.jpg")])
    prints = [r["partialFingerprints"] for r in run["results"]]
    assert len({each["primaryLocationLineHash"] for each in prints}) == 2
    assert len({each["contentSha256/v1"] for each in prints}) == 1


@pytest.mark.parametrize(
    ("uri", "line", "name"),
    [
        ("a/posts.jsonl#17", 3, "17"),
        ("posts.NDJSON#x#3", 1, "x#3"),
        ("posts.jsonl#../../b%25FF", 99999999999, "../../b%25FF"),
    ],
)
def test_sarif_points_into_a_file_of_posts(
    build: Make, signal: Callable[..., Signal], uri: str, line: int, name: str
) -> None:
    said = signal("text_marks", "text_marks.residue", Claim.AI_GENERATED)
    post = build(uri, msgspec.structs.replace(said, part="text"), kind=Kind.POST, line=line)
    post = msgspec.structs.replace(post, item=msgspec.structs.replace(post.item, sha256=None))
    (result,) = run_of([post])["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri.partition("#")[0]
    assert place["physicalLocation"]["region"] == {"startLine": line}
    assert place["logicalLocations"] == [{"name": name, "kind": "post"}]
    assert result["partialFingerprints"]["itemUri/v1"] == uri


def test_sarif_keeps_to_the_limits_of_uploads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    monkeypatch.setattr(sarif, "MOST_NOTICES", 1)
    records = [make("marked", "a"), make("unreadable", "b")] * 3 + [make("c-known-face", "z")]
    run = run_of(records)
    assert [result["level"] for result in run["results"]] == ["error", "warning"]
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert [n["message"]["text"] for n in notices[1:]] == ["2 more items", "2 more results"]


def test_sarif_keeps_to_the_size_of_uploads(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_PACKED", 60_000)
    names = [hashlib.sha512(b"%d" % number).hexdigest() for number in range(1500)]
    run = run_of([make("marked", name) for name in names])
    left = 1500 - len(run["results"])
    assert 0 < left < 1500
    assert len(gzip.compress(json.dumps(run["results"]).encode())) < 2 * 60_000
    notices = run["invocations"][0]["toolExecutionNotifications"]
    assert [n["message"]["text"] for n in notices] == [f"{left} more results"]


def valid(text: str) -> None:
    """Hold a file against both schemas."""
    for schema in JUNIT:
        schema.assertValid(lxml.etree.fromstring(text.encode()))


def test_junit_of_nothing_is_an_empty_suite() -> None:
    valid(written("junit", []))


def test_junit_cases_wait_on_the_disk(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit, "IN_MEMORY", 500)
    text = written("junit", [make("marked", f"{number}.jpg") for number in range(20)])
    valid(text)
    assert text.count("<testcase") == text.count(": review: ") == 20


def test_junit_says_fail_error_or_pass(examples: list[Record]) -> None:
    text = written("junit", examples)
    valid(text)
    cases = ET.fromstring(text.encode()).iter("testcase")  # noqa: S314 - our own
    told = {case.get("name"): [inner.tag for inner in case] for case in cases}
    assert told == {
        "chatgpt-1.png": ["failure"], "DSC_0412.JPG": [], "avatars/anna_k.jpg": ["failure"],
        "post.txt": [], "poster_final.jpg": ["failure"], "measured.jpg": [], "marked.jpg": [],
        "broken.jpg": [], "plain.jpg": [], "unreadable.jpg": ["error"], "failed.jpg": ["error"],
    }  # fmt: skip
    (suite,) = lxml.etree.fromstring(text.encode())
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["11", "3", "2"]
    remarked = suite.findtext("system-out")
    assert [name in remarked for name in ("marked.jpg: review: ", "plain.jpg")] == [True, False]


def test_junit_follows_a_lower_limit(make: Make) -> None:
    for limit, tag in (
        (Risk.REVIEW, "<failure"),
        (None, "<system-out>a: review"),
        (Risk.HIGH, "<system-out>a: review"),
    ):
        assert tag in written("junit", [make("marked", "a")], fail_on=limit)


def test_junit_holds_what_xml_forbids(make: Make, hostile: str) -> None:
    records = [make(name, hostile + NOT_XML) for name in ("marked", "unreadable", "a-signed-ai")]
    text = written("junit", records)
    valid(text)
    names = [case.get("name") for case in lxml.etree.fromstring(text.encode()).iter("testcase")]
    assert "\\x1b[31m" in names[0]
    assert "]]>&<'\"" in names[0]


def test_no_two_junit_cases_share_a_name(run: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("a\x01.txt", "a\\x01.txt", "a\\x01.txt~2", "b.txt", "interrupted"):
        (tmp_path / name).write_text("words")
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    form = ("--only", "text_marks", "--format", "junit")
    done = run("check", *names, "b.txt", "./b.txt", *form, cwd=tmp_path)
    valid(done.stdout)
    cases = [
        case.get("name") for case in lxml.etree.fromstring(done.stdout.encode()).iter("testcase")
    ]
    assert len(set(cases)) == len(cases) == len(names) + 2
    assert {"a\\x01.txt", "a\\x01.txt~2", "b.txt", "b.txt~2", "b.txt~3"} < set(cases)

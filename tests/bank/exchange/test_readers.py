"""What readers make of feeds as partners write them, faults included."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.bank.entry import Entry, Status, Tlp, hash_fault
from detectors.bank.exchange import FORMATS, files, format_of, guessed
from detectors.bank.exchange.importing import ImportReport, take_in
from detectors.bank.exchange.row import RowDefaults, day, moment, text, tlp_of
from detectors.bank.exchange.stix import EXTENSION, MARKINGS
from detectors.bank.folder.store import Bank
from detectors.errors import ConfigError

NOW = "2026-11-24T08:00:00Z"
ONE = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6339c4e9c9b22"
TWO = "b0a10efd71cc3f429413d48d0ffffe12e34e0e17ada952a9d29684210aa9e5af"
NCMEC = '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">{}</queryResult>'


@pytest.fixture
def taken(tmp_path: Path) -> Callable[..., tuple[ImportReport, dict[str, Entry]]]:
    """Return a function that imports a document into an empty bank."""

    def take(data: Any, **defaults: Any) -> tuple[ImportReport, dict[str, Entry]]:
        file, bank = tmp_path / "feed", tmp_path / "fakes.bank"
        file.write_bytes(data.encode() if isinstance(data, str) else msgspec.json.encode(data))
        report = take_in(bank, file, guessed(file), RowDefaults(now=NOW, **defaults))
        return report, Bank(bank).entries

    return take


Take = Callable[..., tuple[ImportReport, dict[str, Entry]]]


def test_stopncii(taken: Take) -> None:
    def record(value: str, status: str = "Active", signal: str = "ImagePDQ") -> dict[str, Any]:
        return {
            "lastModtimestamp": 1625175071, "hashValue": value, "hashStatus": status,
            "caseNumbers": {}, "signalType": signal,
            "CSPFeedbacks": [{"source": "Site", "feedbackValue": "Blocked", "tags": ["Nude"]}],
        }  # fmt: skip

    report, entries = taken({"count": 1, "hashRecords": [
        record(ONE.upper()), record("0" * 64), record("0" * 32), record("zz"), record("f0" * 32),
        record(TWO, "Withdrawn"), record("ab" * 16, signal="VideoMD5"),
        record(ONE, signal="ImagePhotoDNA"), 7, record("8" * 64),
    ]})  # fmt: skip
    assert report.refused == {
        "all_bits_equal": 1, "wrong_length": 1, "not_hex": 1, "unreadable": 1, "unbalanced": 1,
    }  # fmt: skip
    assert report.parked == {"not_a_picture": 1, "unknown_algorithm": 1}
    one = entries[f"ImagePDQ:{ONE}"]
    assert (one.tags, one.source, one.modified) == (("Nude",), "Site", "2021-07-01T21:31:11Z")
    assert entries[f"ImagePDQ:{TWO}"].status is Status.WITHDRAWN
    assert report.left[0].where == "hashRecords[1]"
    assert all(words in "\n".join(report.lines()) for words in ("refused 1", "parked 1"))


def test_a_later_record_replaces_the_former(taken: Take) -> None:
    def page(status: str, stamp: int) -> dict[str, Any]:
        return {"hashRecords": [{"lastModtimestamp": stamp, "hashValue": ONE, "hashStatus": status,
                                 "signalType": "ImagePDQ"}]}  # fmt: skip

    assert taken(page("Received", 1))[0].outcomes == {"added": 1}
    assert taken(page("Received", 1))[0].outcomes == {"same": 1}
    assert taken(page("Withdrawn", 2))[0].outcomes == {"withdrawn": 1}
    assert taken(page("Active", 3))[0].parked == {"withdrawn_here": 1}


def test_threatexchange(taken: Take) -> None:
    def update(name: str, *words: str, **changed: Any) -> dict[str, Any]:
        opinions = [{"owner": {"id": "7"}, "status": word, "tags": {"data": [{"text": "cib"}]},
                     "added_on": "2026-01-02T03:04:05+0000"} for word in words]  # fmt: skip
        own = hashlib.sha256(name.encode()).hexdigest()
        return {"id": name, "indicator": own, "type": "HASH_PDQ", "last_updated": 1700000000,
                "should_delete": False, "descriptors": {"data": opinions}, **changed}  # fmt: skip

    report, entries = taken({"data": [
        update("1", "MALICIOUS"), update("2", "NON_MALICIOUS"),
        update("3", "MALICIOUS", "NON_MALICIOUS"), update("4", "MALICIOUS", should_delete=True),
        update("5"), update("6", "MALICIOUS", type="HASH_TMK"),
        update("7", "MALICIOUS", type="URI", indicator="hxxp://x"),
        update("8", "MALICIOUS", type="HASH_MD5", indicator="ab" * 16),
        {"id": "9", "indicator": TWO, "type": "HASH_PDQ", "should_delete": False}, "odd",
    ]})  # fmt: skip
    states = {name: (each.status.value, each.innocent) for name, each in entries.items()}
    assert states == {
        "1": ("active", False), "2": ("active", True), "3": ("disputed", False),
        "4": ("withdrawn", False), "5": ("withdrawn", False), "8": ("active", False),
        "9": ("withdrawn", False),
    }  # fmt: skip
    assert (entries["1"].source, entries["1"].tags) == ("threatexchange:7", ("cib",))
    assert entries["1"].created == "2026-01-02T03:04:05Z"
    assert report.parked == {"unknown_algorithm": 1, "not_a_picture": 1}
    assert report.refused == {"unreadable": 1}
    assert report.carried_only == 0


def test_threatexchange_as_a_list_of_hashes(taken: Take) -> None:
    report, entries = taken(f"{ONE}\n\n{TWO.upper()}\r\n{'0' * 64}\nword, word\n{ONE}")
    assert [*entries] == [ONE, TWO]
    assert report.refused == {"all_bits_equal": 1, "unreadable": 1}
    assert report.outcomes == {"added": 2, "same": 1}


def test_ncmec(taken: Take) -> None:
    report, entries = taken(
        NCMEC.format(f"""
      <images count="3" maxTimestamp="2017-10-24T15:10:00Z">
       <image><member id="42">Member</member><timestamp>2017-10-24T15:00:00Z</timestamp>
        <id>image1</id><classification>A1</classification>
        <fingerprints><md5>{"a1" * 16}</md5><sha1>{"a1" * 20}</sha1><pdna>a1a1...</pdna>
         <pdq>{ONE}</pdq><tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/>
        </fingerprints>
        <feedback><negativeFeedback type="Sha1"><reasons><reason guid="0" name="R" type="Sha1"/>
         <members><member id="43">M</member></members></reasons></negativeFeedback></feedback>
       </image>
       <deletedImage><member id="43">M2</member><id>image4</id>
        <timestamp>2017-10-24T15:10:00Z</timestamp></deletedImage></images>
      <videos count="1"><video><member id="42"/><id>v</id><fingerprints><md5>{"b1" * 16}</md5>
       </fingerprints></video></videos><paging><next>/v2?start=2001&amp;size=1000</next></paging>
    """)
    )
    one = entries["42/image1"]
    assert {*one.hashes} == {"md5", "sha1", "pdq"}
    assert (one.status, one.source, one.modified) == ("disputed", "Member", "2017-10-24T15:00:00Z")
    assert one.tags == ("ncmec:classification=A1",)
    assert entries["43/image4"].status is Status.WITHDRAWN
    assert report.parked == {"unknown_algorithm": 1, "link": 1, "not_a_picture": 1}
    assert report.rows == 3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares a document type"),
        (f"<!DOCTYPE queryResult>{NCMEC.format('')}", "declares a document type"),
        (NCMEC.format("<images>"), "is no XML"),
        ('<?xml version="1.0" encoding="shift_jis"?><a/>', "is no XML"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "is no XML"),
        ('<status xmlns="https://hashsharing.ncmec.org/hashsharing/v2"/>', "no `queryResult`"),
        (NCMEC.format("<a>" * 40 + "</a>" * 40), "nested deeper"),
        (NCMEC.format(f"<image><id>{'x' * 2**21}</id></image>"), "more than"),
    ],
)
def test_hostile_xml_is_refused_and_nothing_is_written(
    tmp_path: Path, taken: Take, data: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        taken(data)
    assert not (tmp_path / "fakes.bank").exists()


def test_stix_takes_indicators_of_pictures_alone(taken: Take) -> None:
    red = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
    indicator = {"type": "indicator", "id": "indicator--1", "pattern_type": "stix",
                 "pattern": f"[file:hashes.PDQ = '{ONE}' OR file:hashes.'SHA-256' = '{'5f' * 32}']",
                 "created": "2026-01-02T03:04:05.678Z", "modified": "2026-01-03T03:04:05.678Z",
                 "valid_from": "2026-01-01T00:00:00Z", "created_by_ref": "identity--1",
                 "object_marking_refs": [red], "labels": ["cib"]}  # fmt: skip
    own_mark = {"type": "marking-definition", "id": "marking-definition--1",
                "definition_type": "tlp", "definition": {"tlp": "green"}}  # fmt: skip
    report, entries = taken({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "identity", "id": "identity--1", "name": "Partner"}, own_mark, indicator,
        indicator | {"id": "indicator--2", "object_marking_refs": ["marking-definition--1"],
                     "pattern": f"[file:hashes.PDQ = '{TWO}']", "revoked": True},
        indicator | {"id": "indicator--3", "pattern": "[ipv4-addr:value = '10.0.0.0']"},
        indicator | {"id": "indicator--4", "pattern": "[file:hashes.MD5 = 'abcd']"},
        {"type": "malware", "id": "malware--1"}, 5,
    ]})  # fmt: skip
    one, two = entries["indicator--1"], entries["indicator--2"]
    assert (one.source, one.tlp, one.tags, one.first_seen) == (
        "Partner", Tlp.RED, ("cib",), "2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert {*one.hashes} == {"pdq", "sha256"}
    assert (two.tlp, two.status) == (Tlp.GREEN, Status.WITHDRAWN)
    assert report.parked == {"not_a_picture": 2, "no_picture_said": 1}
    assert report.refused == {"unreadable": 1}


def test_misp_takes_objects_of_the_template_alone(taken: Take) -> None:
    def attribute(relation: str, value: str, **more: Any) -> dict[str, Any]:
        return {"object_relation": relation, "value": value, "type": "text", **more}

    known = {"name": "perceptual-hash-image", "uuid": "u1", "timestamp": 1700000000, "Attribute": [
        attribute("pdq", ONE, Tag=[{"name": "tlp:green"}, {"name": "disarm:T0097"}]),
        attribute("pdq-quality", "88"), attribute("class", "stolen_photo"),
        attribute("first-seen", "2026-01-01T00:00:00+00:00"),
        attribute("pdq", TWO, deleted=True),
    ]}  # fmt: skip
    report, entries = taken({"response": [{"Event": {
        "info": "x", "Orgc": {"name": "CERT"}, "Tag": [{"name": "tlp:white"}],
        "Object": [known, {"name": "file"},
                   known | {"uuid": "u2", "Attribute": [attribute("pdq", TWO)], "deleted": True},
                   known | {"uuid": "u3", "Attribute": [attribute("pdq", ONE),
                                                        attribute("pdq-quality", "12")]}],
        "Attribute": [{"type": "sha256", "value": "5f" * 32}],
    }}]})  # fmt: skip
    one = entries["u1"]
    assert (one.kind, one.source, one.tags, one.tlp) == (
        "stolen_photo", "CERT", ("disarm:T0097",), Tlp.GREEN,
    )  # fmt: skip
    assert one.hashes["pdq"][0].quality == 88
    assert entries["u2"].status is Status.WITHDRAWN
    assert report.refused == {"low_quality": 1}
    assert report.parked == {"not_a_picture": 1, "no_picture_said": 1}


def test_csv_as_a_spreadsheet_writes_it(taken: Take) -> None:
    report, entries = taken(
        f'\ufeffPDQ,ID,Source\n{ONE},a,"two\nlines ""x"""\n{ONE},b\n{"0" * 64},c,d\n,e,f\n{TWO},"g'
    )
    assert entries["a"].source == 'two lines "x"'
    assert report.refused == {"unreadable": 2, "all_bits_equal": 1}
    assert report.parked == {"no_hash": 1}
    with pytest.raises(ConfigError, match="names no column of hashes"):
        [*format_of("csv").read(_file("Tactic,Indicator\na,b\n"))]


def test_jsonl_with_flat_hashes_and_defaults(taken: Take) -> None:
    rows = [{"image": "a.jpg", "pdq": ONE, "quality": 100}, {"pdq": TWO, "quality": 12}, [], {}]
    report, entries = taken(
        "\n".join(msgspec.json.encode(row).decode() for row in rows),
        source="Partner", prefix="p/", tlp=Tlp.GREEN,
    )  # fmt: skip
    one = entries[f"p/{ONE}"]
    assert (one.source, one.tlp, one.created) == ("Partner", Tlp.GREEN, NOW)
    assert report.refused == {"low_quality": 1, "unreadable": 1}
    assert report.parked == {"no_hash": 1}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _file(data: str) -> Path:
    path = Path("some.feed")
    path.write_text(data, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("stopncii", "{}", "no list `hashRecords`"),
        ("threatexchange", '{"a": 1}', "no list of updates"),
        ("stix", "7", "no STIX bundle"),
        ("misp", "{}", "no MISP event"),
    ],
)
def test_a_document_of_another_kind_is_named(name: str, data: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        [*format_of(name).read(_file(data))]


@pytest.mark.parametrize("data", ["", '{"a": 1}', "# a page, of words", "word"])
def test_an_unknown_format_has_to_be_named(data: str) -> None:
    with pytest.raises(ConfigError, match="--as"):
        guessed(_file(data))


@pytest.mark.parametrize("name", [*FORMATS])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        [*format_of(name).read(Path("missing"))]
    with pytest.raises(ConfigError, match="cannot be read"):
        guessed(Path("missing"))


def test_documents_and_lines_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(f"{'x' * (files.MOST_LINE + 10)}\nshort\n{'y' * (files.MOST_LINE + 10)}")
    assert [*files.lines(file)] == [(1, None), (2, b"short"), (3, None)]
    assert [row.skipped[0][0] for row in format_of("jsonl").read(file)] == ["unreadable"] * 3
    monkeypatch.setattr(files, "MOST_DOCUMENT", 100)
    with pytest.raises(ConfigError, match="at most 100"):
        files.document(file)


def test_deep_json_is_a_row_that_cannot_be_read(taken: Take) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    report, _ = taken(f'{{"id": "a", "hashes": {{"pdq": "{ONE}"}}}}\n{deep}')
    assert report.refused == {"unreadable": 1}


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (1625175071, "2021-07-01T21:31:11Z"), ("1625175071", "2021-07-01T21:31:11Z"),
        ("2026-01-02T03:04:05.6+02:00", "2026-01-02T01:04:05Z"),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05Z"), ("soon", None), (None, None),
        (True, None), (1e9, None), (10**30, None), (-(10**13), None),
    ],
)  # fmt: skip
def test_times(given: object, right: str | None) -> None:
    assert moment(given) == right


def test_words() -> None:
    assert [day("2026-02-03"), day("2026-02-31"), day("x")] == ["2026-02-03", None, None]
    assert text("a\u202eb\ud800\x1b") == "ab"
    assert text("") is text(5) is None
    assert [tlp_of(word) for word in ("TLP:WHITE", "tlp:amber+strict", "red", "x", None)] == [
        Tlp.CLEAR, Tlp.AMBER_STRICT, Tlp.RED, None, None,
    ]  # fmt: skip
    assert hash_fault("pdq", ONE, 49) == "low_quality"
    assert hash_fault("pdq", ONE, 50) is None
    assert hash_fault("pdq", "f" * 64, None) == "all_bits_equal"


def test_what_cannot_be_read_twice_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("pipe", "read twice"), (".", "bank merge")):
        with pytest.raises(ConfigError, match=words):
            guessed(tmp_path / name)
        with pytest.raises(ConfigError, match=words):
            take_in(tmp_path / "a.bank", tmp_path / name, "jsonl", RowDefaults(now=NOW))


def test_of_two_markings_the_stricter_holds(taken: Take) -> None:
    entry = {"id": "a", "hashes": {"pdq": [{"value": ONE}]}, "tlp": "GREEN"}
    indicator = {
        "type": "indicator", "id": "indicator--1", "pattern": f"[file:hashes.PDQ = '{ONE}']",
        "extensions": {EXTENSION: {"entry": entry}},
    }  # fmt: skip
    marked = {**indicator, "object_marking_refs": [MARKINGS[Tlp.AMBER_STRICT]]}
    freed = {**indicator, "object_marking_refs": [MARKINGS[Tlp.CLEAR]]}
    freed["extensions"] = {EXTENSION: {"entry": entry | {"id": "b"}}}
    _, entries = taken({"type": "bundle", "id": "bundle--1", "objects": [marked, freed]})
    assert (entries["a"].tlp, entries["b"].tlp) == (Tlp.AMBER_STRICT, Tlp.GREEN)


def test_xml_in_utf_16_is_read(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml"
    rows = "<images><deletedImage><member id='1'/><id>x</id></deletedImage></images>"
    head = '<?xml version="1.0" encoding="UTF-16"?>'
    file.write_bytes((head + NCMEC.format(rows)).encode("utf-16"))
    report = take_in(tmp_path / "a.bank", file, "ncmec", RowDefaults(now=NOW))
    assert report.outcomes == {"tombstone": 1}

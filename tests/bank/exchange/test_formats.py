"""What every format of the table promises."""

import uuid
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.bank.entry import DIGITS, Entry, Hash, Status, Tlp
from detectors.bank.exchange import FORMATS, format_of, guessed, misp
from detectors.bank.exchange.importing import take_in
from detectors.bank.exchange.row import Feed, RowDefaults, entry_of, shared
from detectors.bank.exchange.stix import EXTENSION, extension
from detectors.bank.exchange.tlp import leaving
from detectors.bank.folder.store import Bank
from detectors.errors import ConfigError

NOW = "2026-11-24T08:00:00Z"
TEMPLATE = Path(misp.__file__).with_name("misp-template.json")
FEED = Feed(name="fakes")
BRIEF = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
    deadline=None,
)
EVERY = pytest.mark.parametrize("name", [*FORMATS])


def document(name: str, entries: list[Entry]) -> bytes:
    return b"".join(format_of(name).write(leaving(entries, "Bob")[0], FEED))


def imported(name: str, data: bytes, folder: Path) -> Bank:
    file, bank = folder / f"feed.{name}", folder / "two" / "fakes.bank"
    file.write_bytes(data)
    assert guessed(file) == name
    report = take_in(bank, file, name, RowDefaults(now=NOW))
    assert (report.refused, report.parked, report.left) == ({}, {}, [])
    return Bank(bank)


@EVERY
def test_what_leaves_comes_back_alike(name: str, bank: Path, tmp_path: Path) -> None:
    sent = leaving(Bank(bank).entries.values(), "Bob")[0]
    back = imported(name, document(name, [*Bank(bank).entries.values()]), tmp_path)
    kept = [msgspec.structs.replace(each, note=None, local=None) for each in sent]
    assert [*back.entries.values()] == kept


@EVERY
def test_the_same_entries_give_the_same_bytes(
    name: str, entries: list[Entry], tmp_path: Path
) -> None:
    data = document(name, entries)
    back = imported(name, data, tmp_path)
    assert document(name, [*back.entries.values()]) == data
    assert document(name, entries[::-1]) == data


@EVERY
def test_no_feature_note_path_or_guarded_entry_leaves(
    name: str, bank: Path, tmp_path: Path
) -> None:
    data = document(name, [*Bank(bank).entries.values()])
    local = next(each.local for each in Bank(bank).entries.values() if each.local)
    for secret in (
        str(tmp_path), "features.bin", "SECRET-FEATURES", local.sha256, '"local"',
        "seen at the fair", "nobody may know", "guarded-", "TLP:RED", "AMBER+STRICT",
    ):  # fmt: skip
        assert secret.encode() not in data, secret


@EVERY
def test_amber_leaves_only_to_a_named_recipient(name: str, entries: list[Entry]) -> None:
    sent, held = leaving(entries, None)
    assert held == {"AMBER": 1, "RED": 1, "AMBER+STRICT": 1}
    assert {each.tlp for each in sent} == {Tlp.CLEAR, Tlp.GREEN}
    assert b"Partner" not in b"".join(format_of(name).write(sent, FEED))
    assert leaving(entries, "Bob")[1] == {"RED": 1, "AMBER+STRICT": 1}


@EVERY
def test_a_withdrawal_travels(name: str, entry: Callable[..., Entry], tmp_path: Path) -> None:
    before = imported(name, document(name, [entry("a"), entry("b")]), tmp_path)
    assert before.entries["a"].status is Status.ACTIVE
    gone = entry(
        "a", status=Status.WITHDRAWN, reason="the owner asked", modified="2026-11-05T00:00:00Z"
    )
    after = imported(name, document(name, [gone, entry("b")]), tmp_path)
    assert after.entries["a"] == gone
    again = imported(name, document(name, [entry("b")]), tmp_path)
    assert again.entries["a"].status is Status.WITHDRAWN


@EVERY
def test_an_empty_bank_makes_a_document_that_can_be_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_bytes(document(name, []))
    assert [*format_of(name).read(file)] == []


@EVERY
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
    deadline=None,
)
@given(data=st.binary(max_size=200), at=st.integers(0, 2000))
def test_no_bytes_crash_a_reader(
    name: str, entries: list[Entry], tmp_path: Path, data: bytes, at: int
) -> None:
    whole = document(name, entries)
    for mixed in (data, whole[:at] + data + whole[at + len(data) :], whole[:at]):
        file = tmp_path / "feed"
        file.write_bytes(mixed)
        try:
            rows = [*format_of(name).read(file)]
        except ConfigError:
            continue
        for row in rows:
            entry_of(row, RowDefaults(now=NOW))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@EVERY
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
    deadline=None,
)
@given(value=JSON, place=st.integers(0, 10_000))
def test_no_value_of_another_type_crashes_a_reader(
    name: str, entries: list[Entry], tmp_path: Path, value: object, place: int
) -> None:
    """One value anywhere in the document is replaced by another."""
    if name in ("csv", "ncmec"):
        return
    text = document(name, entries)
    whole = [msgspec.json.decode(line) for line in text.splitlines()] if name == "jsonl" else [
        msgspec.json.decode(text)
    ]  # fmt: skip
    holders = [holder for each in whole for holder in _holders(each)]
    holder, key = holders[place % len(holders)]
    holder[key] = value
    file = tmp_path / "feed"
    file.write_bytes(b"\n".join(msgspec.json.encode(each) for each in whole))
    try:
        rows = [*format_of(name).read(file)]
    except ConfigError:
        return
    for row in rows:
        made, left = entry_of(row, RowDefaults(now=NOW))
        msgspec.json.encode([made, left])
        assert made is None or set(made.hashes) <= set(DIGITS)


def _holders(value: object) -> "list[tuple[object, object]]":
    """Return every place in a document, as container and key."""
    pairs = (
        [*value.items()] if isinstance(value, dict)
        else [*enumerate(value)] if isinstance(value, list) else []
    )  # fmt: skip
    return [(value, key) for key, _ in pairs] + [h for _, each in pairs for h in _holders(each)]


def test_entries_keep_to_their_schema(entries: list[Entry]) -> None:
    definition = extension()[1]
    schema = msgspec.json.decode(definition["schema"])
    sent = leaving(entries, "Bob")[0]
    for each in sent:
        row = msgspec.json.decode(msgspec.json.encode(shared(each, Feed(name="f", notes=True))))
        jsonschema.validate(row, schema["properties"]["entry"])
    bundle = msgspec.json.decode(document("stix", entries))
    marked = [each["extensions"][EXTENSION] for each in bundle["objects"]
              if EXTENSION in each.get("extensions", {})]  # fmt: skip
    assert len(marked) == len(sent)
    for each in marked:
        jsonschema.validate(each, schema)


def test_ids_are_those_that_other_tools_derive_or_expect(entry: Callable[..., Entry]) -> None:
    """The id of the file is what python-stix2 3.0.2 gives for the same hash."""
    made = entry("a", hashes={"md5": (Hash("a1" * 16),)})
    bundle = msgspec.json.decode(document("stix", [made]))
    ids = {each["type"]: each["id"] for each in bundle["objects"]}
    assert ids["file"] == "file--4932f27a-8ceb-599d-a9c7-5c085607d035"
    assert all(uuid.UUID(ids[kind][-36:]).version == 5 for kind in ("indicator", "relationship"))
    assert uuid.UUID(bundle["id"][-36:]).version == 5
    rows = msgspec.json.decode(document("threatexchange", [made, entry("812")]))["data"]
    assert [rows[0]["id"], int(rows[1]["id"]) > 0] == ["812", True]
    assert all(int(row["descriptors"]["data"][0]["owner"]["id"]) for row in rows)


def test_the_right_markings_travel(entries: list[Entry]) -> None:
    """Ids and names of TLP 2.0 as oasis-open/cti-stix-common-objects defines them."""
    objects = msgspec.json.decode(document("stix", entries))["objects"]
    marks = {each["name"]: each for each in objects if each["type"] == "marking-definition"}
    assert {*marks} == {"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER"}
    green = marks["TLP:GREEN"]
    assert green["id"] == "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    assert green["extensions"] == {
        "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
            "extension_type": "property-extension", "tlp_2_0": "green",
        }
    }  # fmt: skip
    known = {each["id"] for each in objects}
    for each in objects:
        assert known >= {*each.get("object_marking_refs", ()), *each.get("extensions", ())} - {
            "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
        }
        assert known >= {each[key] for key in each if key.endswith("_ref")}


def test_each_format_speaks_its_own_words(entry: Callable[..., Entry]) -> None:
    gone = [entry("a", status=Status.WITHDRAWN)]
    said = {name: document(name, gone) for name in FORMATS}
    assert b"<deletedImage>" in said["ncmec"]
    assert msgspec.json.decode(said["stopncii"])["hashRecords"][0]["hashStatus"] == "Withdrawn"
    assert msgspec.json.decode(said["threatexchange"])["data"][0]["should_delete"] is True
    assert b'"revoked":true' in said["stix"]
    (thing,) = msgspec.json.decode(said["misp"])["Event"]["Object"]
    assert thing["deleted"] is True
    template = msgspec.json.decode(TEMPLATE.read_bytes())
    assert (template["uuid"], template["name"]) == (thing["template_uuid"], thing["name"])
    types = {each["object_relation"]: each["type"] for each in thing["Attribute"]}
    listed = {name: each["misp-attribute"] for name, each in template["attributes"].items()}
    assert types.items() <= listed.items()

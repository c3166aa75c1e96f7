"""What every format of the table promises."""

from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.errors import ConfigError
from detectors.known_fakes.bank.entry import DIGITS, Entry, Status, Tlp
from detectors.known_fakes.bank.exchange import FORMATS, format_of, guessed
from detectors.known_fakes.bank.exchange.gate import leaving
from detectors.known_fakes.bank.exchange.intake import take_in
from detectors.known_fakes.bank.exchange.row import Defaults, Feed, entry_of, shared
from detectors.known_fakes.bank.exchange.stix import EXTENSION, extension
from detectors.known_fakes.bank.store import Bank

NOW = "2026-11-24T08:00:00Z"
FEED = Feed(name="fakes")
EVERY = pytest.mark.parametrize("name", [*FORMATS])


def document(name: str, entries: list[Entry]) -> bytes:
    return b"".join(format_of(name).write(leaving(entries, "Bob")[0], FEED))


def imported(name: str, data: bytes, folder: Path) -> Bank:
    file, bank = folder / f"feed.{name}", folder / "two" / "fakes.bank"
    file.write_bytes(data)
    assert guessed(file) == name
    report = take_in(bank, file, name, Defaults(now=NOW))
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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
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
            entry_of(row, Defaults(now=NOW))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@EVERY
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
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
        made, left = entry_of(row, Defaults(now=NOW))
        msgspec.json.encode([made, left])
        assert made is None or set(made.hashes) <= set(DIGITS)


def _holders(value: object) -> "list[tuple[object, object]]":
    """Give every place in a document, as container and key."""
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

"""A feed on its way into a bank that has entries of its own."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.exchange import importing
from detectors.bank.exchange.importing import take_in
from detectors.bank.exchange.merge import differences, merge
from detectors.bank.exchange.row import Feed, RowDefaults, shared
from detectors.bank.folder.store import Bank
from detectors.errors import ConfigError

NOW = "2026-11-24T08:00:00Z"
DEFAULTS = RowDefaults(now=NOW)
Make = Callable[..., Entry]
Fill = Callable[..., None]


def feed(path: Path, entries: list[Entry]) -> Path:
    lines = (msgspec.json.encode(shared(each, Feed(name="f"))) for each in entries)
    path.write_bytes(b"\n".join(lines))
    return path


def other(number: int) -> Hash:
    """Return one of many hashes with half of their bits set."""
    first = number.to_bytes(16, "big")
    return Hash((first + bytes(255 - each for each in first)).hex())


@pytest.mark.parametrize(("ids", "kept"), [(20, 20), (21, 0)])
def test_a_hash_under_more_than_20_ids_is_parked(
    entry: Make, tmp_path: Path, ids: int, kept: int
) -> None:
    rows = [entry(f"id {number}", hashes={"pdq": (other(1),)}) for number in range(ids)]
    bank = tmp_path / "a.bank"
    report = take_in(bank, feed(tmp_path / "feed", rows), "jsonl", DEFAULTS)
    assert len(Bank(bank).entries) == kept
    assert report.parked == ({} if kept else {"crowded": ids})


def test_ids_of_the_bank_count_and_other_hashes_stay(
    entry: Make, fill: Fill, tmp_path: Path
) -> None:
    bank = tmp_path / "a.bank"
    shared_hash = {"pdq": (other(1),)}
    fill(bank, [entry(f"id {number}", hashes=shared_hash) for number in range(20)])
    new = entry("new", hashes=shared_hash)
    with_more = msgspec.structs.replace(new, hashes={**new.hashes, "sha256": (Hash("5f" * 32),)})
    report = take_in(bank, feed(tmp_path / "feed", [with_more]), "jsonl", DEFAULTS)
    assert [*Bank(bank).entries["new"].hashes] == ["sha256"]
    assert report.parked == {"crowded": 1}


def test_a_dry_run_says_the_same_and_writes_nothing(entry: Make, tmp_path: Path) -> None:
    file, bank = feed(tmp_path / "feed", [entry("a"), entry("a")]), tmp_path / "a.bank"
    dry = take_in(bank, file, "jsonl", DEFAULTS, dry=True)
    assert not bank.exists()
    assert dry == take_in(bank, file, "jsonl", DEFAULTS)
    assert dry.outcomes == {"added": 1, "same": 1}


def test_many_entries_come_in_batches_and_once(
    entry: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    rows = [entry(f"{number}", hashes={"pdq": (other(number + 1),)}) for number in range(35)]
    file, bank = feed(tmp_path / "feed", rows), tmp_path / "a.bank"
    steps: list[None] = []
    report = take_in(bank, file, "jsonl", DEFAULTS, step=lambda: steps.append(None))
    assert (report.outcomes, len(steps)) == ({"added": 35}, 70)
    assert take_in(bank, file, "jsonl", DEFAULTS).outcomes == {"same": 35}


def test_a_report_names_the_first_of_many(tmp_path: Path) -> None:
    file = tmp_path / "feed"
    file.write_text("x\n" * 250)
    told: list[object] = []
    report = take_in(tmp_path / "a.bank", file, "threatexchange", DEFAULTS, tell=told.append)
    assert report.refused == {"unreadable": 250}
    assert (len(report.left), len(told)) == (100, 250)


def test_merging_takes_features_along_and_settles_conflicts(
    entry: Make, fill: Fill, tmp_path: Path
) -> None:
    exact = {"sha256": (Hash("5f" * 32),)}
    here, there = tmp_path / "here.bank", tmp_path / "there.bank"
    fill(here, [entry("mine"), entry("both"), entry("gone there"),
                entry("gone here", status=Status.WITHDRAWN), entry("two pictures")])  # fmt: skip
    fill(there, [entry("theirs", hashes=exact), entry("both"),
                 entry("gone there", status=Status.WITHDRAWN), entry("gone here"),
                 entry("two pictures", hashes={"pdq": (other(1),)})], b"LF1 their")  # fmt: skip
    found = {each.id: each.merge for each in differences(Bank(here), Bank(there))}
    assert found == {
        "mine": "only_here", "gone there": "withdrawn", "gone here": "withdrawn_here",
        "two pictures": "other_picture", "theirs": "added",
    }  # fmt: skip
    done = merge(here, Bank(there), NOW)
    stay = {name: ids for name, ids in done.conflicts.items() if ids}
    assert stay == {"other_picture": ["two pictures"], "withdrawn_here": ["gone here"]}
    bank = Bank(here)
    assert bank.entries["gone there"].status is Status.WITHDRAWN
    assert bank.features(bank.entries["theirs"]) == b"LF1 their"
    again = merge(here, Bank(there), NOW, prefix="there/")
    assert again.outcomes["added"] == ["there/theirs", "there/both", "there/two pictures"]
    assert again.outcomes["copy_withdrawn"] == ["there/gone here"]
    with pytest.raises(ConfigError, match="the same bank"):
        merge(here, Bank(here), NOW)
    assert merge(tmp_path / "new.bank", Bank(there), NOW).outcomes["tombstone"] == ["gone there"]

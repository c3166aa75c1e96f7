"""Entries that share a hash are found in the index as by looking at all of them."""

import random
from pathlib import Path

from detectors.bank.entry import Entry, Hash
from detectors.bank.folder.store import Bank, create, writing

NOW = "2026-11-01T00:00:00Z"


def _entry(name: str, seed: int) -> Entry:
    bits = random.Random(seed).sample(range(256), 128)  # noqa: S311 - of a test
    value = f"{sum(1 << bit for bit in bits):064x}"
    return Entry(id=name, hashes={"pdq": (Hash(value),)}, created=NOW, modified=NOW)


def test_entries_that_share_a_hash_are_found_in_the_index_and_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.bank"
    create(path, NOW)
    with writing(path) as writer:
        for number in range(60):
            writer.put(_entry(f"e{number}", number % 20))
        writer.commit()
        writer.compact(0)
        writer.put(_entry("new", 3))
        writer.commit()
    entries = Bank(path).entries
    assert entries.snapshot is not None
    wanted = {_entry("", 3).hashes["pdq"][0].value, _entry("", 99).hashes["pdq"][0].value}
    met = [entry.id for entry in entries.sharing(wanted)]
    assert met == ["e3", "e23", "e43", "new"]
    assert [entry.id for entry in entries.sharing([])] == ["new"]

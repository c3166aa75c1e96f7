"""A change of many entries is there whole or not at all, wherever its writer was killed."""

from pathlib import Path

from detectors.bank.entry import Entry
from detectors.bank.folder.store import LOG, Bank, create, damage, writing

NOW = "2026-11-01T00:00:00Z"


def _entry(name: str) -> Entry:
    return Entry(id=name, hashes={}, created=NOW, modified=NOW, note='"begun":0')


def test_a_log_that_breaks_off_in_a_transaction_reads_as_before_it(tmp_path: Path) -> None:
    bank = tmp_path / "a.bank"
    create(bank, NOW)
    with writing(bank) as writer:
        writer.put(_entry("before"))
        writer.commit()
        for name in "abc":
            writer.put(_entry(name))
        writer.commit(whole=True)
    log = (bank / LOG).read_bytes()
    first = log.index(b"\n") + 1
    assert [*Bank(bank).entries] == ["before", "a", "b", "c"]
    for end in range(first, len(log)):
        (bank / LOG).write_bytes(log[:end])
        assert [*Bank(bank).entries] == ["before"], end
    assert "unfinished" in damage(bank)[0]
    with writing(bank) as writer:
        writer.put(_entry("after"))
        writer.commit()
    assert [*Bank(bank).entries] == ["before", "after"]

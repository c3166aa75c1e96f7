"""Old lines are dropped, their hashes stay, and the log holds."""

from datetime import UTC, datetime

import msgspec
import pytest
from audit_log import Log, Run

from provenance.audit.log import AuditLog
from provenance.record import Record
from provenance.verdict import load


@pytest.fixture
def rotated(log: Log, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Return a log of three files: of January, of January and July, and of July."""
    done = log.scan(log.posts("p.jsonl", 1))
    record = msgspec.json.decode(done.stdout, type=Record)
    log.files()[0].unlink()
    (log.path / "tree.json").unlink()
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    for path in (log.path / "checkpoint", log.key, log.key.with_name("key.pub")):
        path.unlink()
    settings = log.path / "settings"
    settings.rename(log.folder / "settings")
    (log.path / "lock").unlink()
    assert log.audit("init", "--name", "example.org/old", "--key", log.key).returncode == 0
    (log.folder / "settings").rename(settings)
    long = msgspec.structs.replace(record.item, uri="x" * 2_000_000)
    many = [msgspec.structs.replace(record, item=long)] * 40
    for month in (1, 7):
        moment = datetime(2026, month, 1, tzinfo=UTC)
        with AuditLog(log.path, load("default"), now=lambda moment=moment: moment) as opened:  # type: ignore[misc]
            opened.append(many)
    assert len(log.files()) == 3
    return log


def test_files_of_old_lines_are_dropped_and_the_rest_holds(rotated: Log, run: Run) -> None:
    assert (
        "No file holds" in rotated.audit("forget", "--before", "2026-01-01", "--reason", "x").stdout
    )
    done = rotated.audit("forget", "--before", "2026-06-01", "--reason", "six months are over")
    assert done.returncode == 0, done.stderr
    assert [file.name for file in rotated.files()] == ["000001.jsonl", "000002.jsonl"]
    kept = (rotated.path / "000000.hashes").stat().st_size // 32
    done = rotated.audit("verify")
    assert done.stdout.startswith(f"Lines 0 to {kept - 1} were dropped")
    assert "six months are over" in done.stdout
    assert "The log holds: 81 lines, 81 of them" in done.stdout
    assert rotated.audit("replay").returncode == 0
    assert rotated.audit("show", "3").returncode == 1
    assert rotated.audit("bundle", str(kept), "--out", rotated.folder / "b").returncode == 0
    public = rotated.key.with_name("key.pub")
    assert run("audit", "check-bundle", "b", "--key", public).returncode == 0
    (rotated.path / "tree.json").unlink()
    assert rotated.scan(rotated.posts("q.jsonl", 1)).returncode == 0
    assert rotated.audit("verify").returncode == 0
    done = rotated.audit("forget", "--before", "2026-08-01", "--reason", "again")
    assert "(000001.jsonl)" in done.stdout
    assert rotated.audit("verify").returncode == 0


def test_lines_that_nobody_said_were_dropped_are_missing(rotated: Log) -> None:
    from provenance.audit.tree import leaf

    first = rotated.files()[0]
    lines = first.read_bytes().splitlines()
    (rotated.path / "000000.hashes").write_bytes(b"".join(map(leaf, lines)))
    first.unlink()
    done = rotated.audit("verify")
    assert (done.returncode, "no line says that they were dropped" in done.stdout) == (1, True)


def test_a_log_that_does_not_hold_is_left_as_it_is(rotated: Log) -> None:
    first = rotated.files()[0]
    first.write_bytes(first.read_bytes().replace(b'"risk":"', b'"risc":"', 1))
    done = rotated.audit("forget", "--before", "2026-06-01", "--reason", "x")
    assert (done.returncode, "nothing was dropped" in done.stderr) == (2, True)
    assert len(rotated.files()) == 3

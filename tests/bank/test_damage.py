"""A bank that was killed, changed or laid as a trap: no entry is lost, no known fake is cleared."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from subprocess import CompletedProcess

import msgspec
import pytest

from detectors.bank.entry import Entry, Hash
from detectors.bank.folder import store
from detectors.bank.folder.snapshot import KINDS, RECORDS
from detectors.bank.matching.index import Index
from detectors.bank.matching.search import Searcher
from detectors.errors import DamagedError

Run = Callable[..., CompletedProcess[str]]
NOW = "2026-01-02T03:04:05Z"
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
KNOWN = FAKES / "known" / "anna.jpg"
MANY = 5000
"""Entries over which hashes have tables of their own (`bands.FLAT`)."""
SUMS = 20
"""Entries that have an MD5 too."""
EMPTY = {"pdq64.v1.order", "pdq64.v1.starts"}
"""Arrays that the bank of these tests does not need."""


@cache
def many(count: int) -> list[Entry]:
    random = Random(5)  # noqa: S311 - not for secrets
    hashes = [f"{random.getrandbits(256):064x}" for _ in range(count)]
    return [
        Entry(
            id=f"e{at}",
            hashes={"pdq": (Hash(value),), **({"md5": (Hash(value[:32]),)} if at < SUMS else {})},
            created=NOW,
            modified=NOW,
        )
        for at, value in enumerate(hashes)
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bank with an index in which one picture lies, with its local features."""
    path = tmp_path_factory.mktemp("sound") / "s.bank"
    store.create(path, NOW)
    with store.writing(path) as writer:
        for each in many(10):
            writer.put(each)
        writer.commit()
    command = [sys.executable, "-m", "provenance", "bank", "add", "--bank", path, KNOWN]
    subprocess.run(command, check=True, capture_output=True)
    with store.writing(path) as writer:
        for each in many(MANY)[10:]:
            writer.put(each)
        writer.commit()
    assert store.Bank(path).entries.snapshot is not None
    return path


def copied(sound: Path, to: Path) -> Path:
    to.mkdir()
    for file in sound.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def changed(path: Path, name: str, fill: bytes) -> None:
    """Overwrite an array of the index."""
    saved = store.Bank(path).manifest.generation
    assert saved is not None
    at, count = saved.arrays[name]
    size = count * {"Q": 8, "I": 4, "B": 1}[KINDS[name]]
    assert size
    with (path / saved.name).open("r+b") as file:
        file.seek(at)
        file.write(fill * size)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"])
@pytest.mark.parametrize("name", sorted(set(KINDS) - EMPTY))
def test_an_array_that_was_changed_is_passed_over(
    sound: Path, tmp_path: Path, name: str, fill: bytes
) -> None:
    path = copied(sound, tmp_path / "b.bank")
    changed(path, name, fill)
    bank = store.Bank(path)
    assert (bank.entries.snapshot is None) == (name in RECORDS)
    assert len(bank.entries) == MANY + 1
    searcher = Searcher(bank)
    searcher.index.prepare()
    for entry in (bank.entries["anna"], bank.entries["e4999"]):
        assert found(searcher.index, entry) == [entry.id]
    assert searcher.index.exact("sha256", bank.entries["anna"].sha256 or "") == [
        bank.entries["anna"]
    ]


@pytest.mark.parametrize("name", sorted(set(KINDS) - EMPTY))
def test_the_next_one_who_writes_puts_an_array_right(
    sound: Path, tmp_path: Path, name: str
) -> None:
    path = copied(sound, tmp_path / "b.bank")
    changed(path, name, b"\xff")
    with store.writing(path) as writer:
        for each in many(MANY + 2100)[MANY:]:
            writer.put(each)
        writer.commit()
    assert store.damage(path) == []
    assert len(store.Bank(path).entries) == MANY + 2101


def found(index: Index, entry: Entry) -> list[str]:
    """Find the ids of the entries whose PDQ is that of an entry."""
    import numpy as np

    value = entry.hashes["pdq"][0].value
    hits = index._hits("pdq", np.frombuffer(bytes.fromhex(value), np.uint8).reshape(1, 32))  # noqa: SLF001
    return [index.entries.at(int(place)).id for place in hits[:, 0]]


def test_a_changed_index_does_not_clear_a_known_fake(run: Run, sound: Path, tmp_path: Path) -> None:
    path = copied(sound, tmp_path / "b.bank")
    file = next(path.glob("index-*.bin"))
    data = file.read_bytes()
    for fill in (b"\0", b"\xff"):
        file.write_bytes(data[:100] + fill * (len(data) - 100))
        query = FAKES / "queries" / "anna_jpeg.jpg"
        done = run("check", query, "--bank", path, "--only", "known_fakes", "--format", "jsonl")
        assert (done.returncode, done.stderr) == (1, "")
        assert json.loads(done.stdout)["signals"][0]["facts"]["entry"] == "anna"


@pytest.mark.parametrize(
    "change",
    [
        {"entries": 2**31},
        {"entries": 2**53},
        {"entries": MANY},
        {"log_bytes": 0},
        {"bytes": 1},
        {"crc32": {}, "sha256": "0" * 64},
        {"crc32": {"flags": 0}},
    ],
    ids=str,
)
def test_a_manifest_that_does_not_fit_its_index_asks_for_nothing(
    sound: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    path = copied(sound, tmp_path / "b.bank")
    manifest = json.loads((path / store.MANIFEST).read_bytes())
    manifest["generation"] |= change
    (path / store.MANIFEST).write_text(json.dumps(manifest))
    bank = store.Bank(path)
    assert bank.entries.snapshot is None
    assert len(bank.entries) == MANY + 1


@pytest.mark.parametrize("key", ["entries", "log_bytes", "number", "changes"])
def test_a_manifest_with_numbers_that_cannot_be_is_refused(
    sound: Path, tmp_path: Path, key: str
) -> None:
    for value in (-1, 2**70, 1e400):
        path = copied(sound, tmp_path / f"{value}.bank")
        manifest = json.loads((path / store.MANIFEST).read_bytes())
        manifest["generation"][key] = value
        (path / store.MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(DamagedError, match="not the manifest"):
            store.Bank(path)


def test_arrays_that_fit_their_checksum_and_point_nowhere_are_not_believed(
    sound: Path, tmp_path: Path
) -> None:
    import zlib

    for name in ("pdq.owners", "pdq.order", "pdq.starts", "code_owners", "code_starts"):
        path = copied(sound, tmp_path / f"{name}.bank")
        changed(path, name, b"\xff")
        manifest = json.loads((path / store.MANIFEST).read_bytes())
        generation = manifest["generation"]
        at, count = generation["arrays"][name]
        data = (path / f"index-{generation['number']}.bin").read_bytes()
        generation["crc32"][name] = zlib.crc32(data[at : at + 4 * count])
        (path / store.MANIFEST).write_text(json.dumps(manifest))
        bank = store.Bank(path)
        searcher = Searcher(bank)
        searcher.index.prepare()
        assert found(searcher.index, bank.entries["anna"]) == ["anna"]


def test_an_index_of_old_is_read_by_its_digest(sound: Path, tmp_path: Path) -> None:
    path = copied(sound, tmp_path / "b.bank")
    manifest = json.loads((path / store.MANIFEST).read_bytes())
    del manifest["generation"]["crc32"]
    (path / store.MANIFEST).write_text(json.dumps(manifest))
    assert store.Bank(path).entries.snapshot is not None
    changed(path, "pdq.rows", b"\0")
    assert store.Bank(path).entries.snapshot is None


@pytest.mark.parametrize("name", ["bank.json", "entries.jsonl", "features.bin", "lock"])
def test_no_link_in_a_bank_of_others_is_written_through(
    run: Run, tmp_path: Path, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("")
    for number, (made, link) in enumerate([(False, name), (True, name), (False, "bank.json.new")]):
        path = tmp_path / f"b{number}.bank"
        path.mkdir()
        if made:
            store.create(path, NOW)
            (path / name).unlink(missing_ok=True)
        (path / link).symlink_to(victim)
        done = run("bank", "add", "--bank", path, KNOWN)
        assert done.returncode in (0, 2)
        assert "Traceback" not in done.stderr
        assert victim.read_text() == ""


@pytest.mark.parametrize("left", [[], ["entries.jsonl"], ["entries.jsonl", "lock", ".new-abc"]])
def test_a_bank_whose_making_was_interrupted_is_finished(
    run: Run, tmp_path: Path, left: list[str]
) -> None:
    path = tmp_path / "b.bank"
    path.mkdir()
    for name in left:
        (path / name).touch()
    shown = run("bank", "list", "--bank", path)
    assert shown.returncode == 2
    assert "makes or finishes one here" in shown.stderr
    done = run("bank", "add", "--bank", path, KNOWN)
    assert (done.returncode, done.stdout) == (0, "added  anna\n")


def test_two_who_begin_a_bank_together_both_succeed(tmp_path: Path) -> None:
    path = tmp_path / "b.bank"
    command = [sys.executable, "-m", "provenance", "bank", "add", "--bank", path, "--hash"]
    hashes = [each.hashes["pdq"][0].value for each in many(4)]
    running = [
        subprocess.Popen([*command, f"pdq={value}", "--id", value], stderr=subprocess.PIPE)
        for value in hashes
    ]
    said = [each.communicate()[1] for each in running]
    assert [each.returncode for each in running] == [0] * 4, said
    assert sorted(store.Bank(path).entries) == sorted(hashes)


def feed(path: Path, count: int) -> Path:
    rows = [{"id": each.id, "pdq": each.hashes["pdq"][0].value} for each in many(count)]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


def test_a_killed_import_goes_on(tmp_path: Path) -> None:
    path, file = tmp_path / "b.bank", feed(tmp_path / "feed.jsonl", 6000)
    command = [sys.executable, "-m", "provenance", "bank", "import", "--bank", path, file]
    before = 0
    for moment in ("bank.json", "entries.jsonl", "index-1.bin"):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
            while running.poll() is None and not written(path / moment):
                time.sleep(0.001)
            running.send_signal(signal.SIGKILL)
        there = len(store.Bank(path).entries) if (path / "bank.json").exists() else 0
        assert there >= before
        before = there
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert len(store.Bank(path).entries) == 6000
    assert store.damage(path) == []


def written(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


@pytest.mark.parametrize("most", [0, 50, 1000, 100_000])
def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path, most: int) -> None:
    path, file = tmp_path / "b.bank", feed(tmp_path / "feed.jsonl", 2000)
    command = [sys.executable, "-m", "provenance", "bank", "import", "--bank", path, file]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        env={k: v for k, v in os.environ.items() if "COVERAGE" not in k}  # it writes files too
        | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert len(store.Bank(path).entries) == 2000
    assert store.damage(path) == []

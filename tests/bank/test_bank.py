"""A bank keeps what it acknowledged, refuses what cannot be right, and says why."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detectors.bank.entry import Entry, Hash, Status, check_hashes, named
from detectors.bank.folder.store import FEATURES, LOG, MANIFEST, Bank, create, damage, writing
from detectors.errors import ConfigError, DamagedError, UnavailableError

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Listed = Callable[[str], list[dict[str, Any]]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
NOW = "2026-01-02T03:04:05Z"
PDQ = "5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6"


def entry(name: str, **said: object) -> Entry:
    given_: dict[str, object] = {"hashes": {"pdq": (Hash(PDQ),)}, "created": NOW, "modified": NOW}
    return Entry(id=name, **(given_ | said))  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "fakes.bank", NOW)
    return tmp_path / "fakes.bank"


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(
    changes=st.lists(st.tuples(NAMES, st.sampled_from(Status), st.binary(min_size=1, max_size=50)))
)
@settings(max_examples=30, deadline=None)
def test_what_was_put_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, Status, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("x") / "a.bank"
    create(path, NOW)
    with writing(path) as writer:
        for name, status, blob in changes:
            writer.put(entry(name, status=status), blob)
            writer.commit()
    bank = Bank(path)
    last = {name: (status, blob) for name, status, blob in changes}
    said = {name: (each.status, bank.features(each)) for name, each in bank.entries.items()}
    assert said == last
    assert bank.changes == len(changes)
    assert damage(path) == []


@given(cut=st.integers(1, 400))
@settings(max_examples=30, deadline=None)
def test_a_cut_log_keeps_all_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("x") / "a.bank"
    create(path, NOW)
    with writing(path) as writer:
        for name in "abc":
            writer.put(entry(name))
        writer.commit()
    log = path / LOG
    data = log.read_bytes()
    log.write_bytes(data[:-cut])
    kept = list("abc")[: data[:-cut].count(b"\n")]
    assert list(Bank(path).entries) == kept
    with writing(path) as writer:
        writer.put(entry("d"))
        writer.commit()
    assert list(Bank(path).entries) == [*kept, "d"]
    assert damage(path) == []


def test_a_changed_byte_is_noticed(path: Path) -> None:
    with writing(path) as writer:
        for name in ("one", "two"):
            writer.put(entry(name), b"features of " + name.encode())
        writer.commit()
    features = path / FEATURES
    features.write_bytes(features.read_bytes().replace(b"one", b"oNe"))
    assert damage(path) == ["one: its local features are damaged; add the picture again"]
    log = path / LOG
    log.write_bytes(log.read_bytes().replace(b'"one"', b'"onE"'))
    with pytest.raises(DamagedError, match=f"{LOG}:1: damaged"):
        Bank(path)
    assert "damaged" in damage(path)[0]


def test_two_writers_do_not_meet(path: Path) -> None:
    with (
        writing(path),
        pytest.raises(UnavailableError, match="another process"),
        writing(path),
    ):
        pass


@pytest.mark.parametrize(
    ("algorithm", "value", "why"),
    [
        ("pdq", "0" * 64, "all bits are equal"),
        ("pdq", "f" * 64, "all bits are equal"),
        ("pdq", "0" * 32, "not 64 hex digits"),
        ("pdq", PDQ[:-1] + "g", "not 64 hex digits"),
        ("pdq", "1" + "0" * 63, "1 of 256 bits"),
        ("phash", PDQ, "not 16 hex digits"),
        ("md4", PDQ, "unknown hash algorithm"),
    ],
)
def test_a_hash_that_no_picture_has_is_refused(algorithm: str, value: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        check_hashes(Entry(id="a", hashes={algorithm: (Hash(value),)}, created=NOW, modified=NOW))


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "x" * 600, "\udc80"])
def test_an_id_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        named(name)


def _with_zero_hash(bank: Path) -> None:
    from detectors.bank.folder import log

    create(bank, NOW)
    (bank / LOG).write_bytes(log.line(entry("a", hashes={"pdq": (Hash("0" * 64),)})))


JUNK: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "file": lambda bank: bank.write_bytes(b"\x80\x04\x95pickle"),
    "empty folder": lambda bank: bank.mkdir(),
    "pickle": lambda bank: (bank.mkdir(), (bank / MANIFEST).write_bytes(b"\x80\x04]q.")),
    "later": lambda bank: (
        bank.mkdir(),
        (bank / MANIFEST).write_text('{"format":"provenance.bank/9","created":"x"}'),
    ),
    "no log": lambda bank: (create(bank, NOW), (bank / LOG).unlink()),
    "zero hash": _with_zero_hash,
}


@pytest.mark.parametrize("what", JUNK)
def test_what_is_no_bank_is_exit_2_before_anything_is_checked(
    run: Run, tmp_path: Path, what: str
) -> None:
    JUNK[what](tmp_path / "x.bank")
    picture = FAKES / "known" / "anna.jpg"
    done = run("check", picture, "--only", "known_fakes", "--bank", "x.bank", "--format", "jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "x.bank" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_other_things_is_not_made_a_bank(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="not a bank"):
        create(tmp_path / "x", NOW)
    (tmp_path / "y").write_text("a file")
    with pytest.raises(UnavailableError, match="cannot make a bank"):
        create(tmp_path / "y", NOW)


def test_the_same_id_with_other_bytes_changes_nothing(run: Run, tmp_path: Path) -> None:
    add = ("bank", "add", "--bank", "b.bank")
    assert run(*add, FAKES / "known").returncode == 0
    before = (tmp_path / "b.bank" / LOG).read_bytes()
    again = run(*add, FAKES / "known")
    assert (again.returncode, again.stderr) == (0, "b.bank: 5 already there\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "zoe.jpg").write_bytes((FAKES / "negatives" / "hana.jpg").read_bytes())
    (other / "anna.jpg").write_bytes((FAKES / "negatives" / "greta.jpg").read_bytes())
    done = run(*add, "other")
    assert done.returncode == 2
    assert "'anna'" in done.stderr
    assert (tmp_path / "b.bank" / LOG).read_bytes() == before


def copied(tmp_path: Path, **names: str) -> None:
    """Put pictures of the fixtures under other names: keys with two underscores for a slash."""
    for to, name in names.items():
        path = tmp_path / to.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((FAKES / name).read_bytes())


def test_two_files_of_one_stem_are_two_entries(run: Run, listed: Listed, tmp_path: Path) -> None:
    copied(tmp_path, both__a_jpg="known/anna.jpg", both__a_png="negatives/grey.png",
           other__a_png="known/emil.jpg", both__b_jpg="known/emil.jpg")  # fmt: skip
    assert run("bank", "add", "--bank", "b.bank", "both", "other").returncode == 0
    assert [row["id"] for row in listed("b.bank")] == ["a.jpg", "both/a.png", "b", "other/a.png"]
    again = run("bank", "add", "--bank", "b.bank", "both", "other")
    assert (again.returncode, again.stderr) == (0, "b.bank: 4 already there\n")


def test_a_second_file_of_a_stem_does_not_rename_the_first(
    run: Run, listed: Listed, tmp_path: Path
) -> None:
    copied(tmp_path, both__a_jpg="known/anna.jpg")
    assert run("bank", "add", "--bank", "b.bank", "both").returncode == 0
    copied(tmp_path, both__a_jpeg="known/emil.jpg")
    assert run("bank", "add", "--bank", "b.bank", "both").returncode == 0
    assert [row["id"] for row in listed("b.bank")] == ["a", "a.jpeg"]


def test_one_id_for_two_files_is_refused_before_a_bank_is_made(run: Run, tmp_path: Path) -> None:
    copied(tmp_path, both__a_jpg="known/anna.jpg", both__b_jpg="known/emil.jpg")
    done = run("bank", "add", "--bank", "b.bank", "--id", "one", "both")
    assert (done.returncode, "would both be 'one'" in done.stderr) == (2, True)
    assert not (tmp_path / "b.bank").exists()


def test_copies_in_a_folder_are_said_and_reported(run: Run, tmp_path: Path) -> None:
    copied(tmp_path, k__a_jpg="known/anna.jpg", k__b_jpg="known/anna.jpg",
           k__c_jpg="queries/anna_jpeg.jpg", k__d_jpg="known/emil.jpg")  # fmt: skip
    done = run("bank", "add", "--bank", "b.bank", "--report", "k")
    assert 'added  b  (the same bytes as "a")' in done.stdout
    assert "1 of the same bytes as another" in done.stderr
    pairs = [line.split("  ")[1:3] for line in done.stdout.splitlines() if line[:4] == "copy"]
    assert sorted(map(sorted, pairs)) == [["a", "b"], ["a", "c"], ["b", "c"]]
    told = json.loads(
        run("bank", "add", "--bank", "c.bank", "--report", "--format", "json", "k").stdout
    )
    assert (told["copies"], len(told["near"])) == ({"b": "a"}, 3)
    alone = run("bank", "add", "--bank", "d.bank", "--report", "k/d.jpg")
    assert "no copies" in alone.stdout


def test_broken_and_plain_pictures_are_named(run: Run, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    (mixed / "deep").mkdir(parents=True)
    (mixed / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (mixed / "note.txt").write_text("words")
    (mixed / "deep" / "grey.png").write_bytes((FAKES / "negatives" / "grey.png").read_bytes())
    done = run("bank", "add", "--bank", "b.bank", "mixed", "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert report["added"] == report["exact_only"] == ["deep/grey"]
    assert report["broken"] == {"mixed/cut.png": "picture.broken"}
    assert report["passed_over"] == ["mixed/note.txt"]


def test_a_picture_with_a_hash_that_is_none_is_added_without_it(run: Run, tmp_path: Path) -> None:
    fading = Image.linear_gradient("L").rotate(-90)  # falls from left to right: a dHash of zeros
    noise = Image.effect_noise((256, 256), 30)
    Image.blend(fading, noise, 0.15).save(tmp_path / "fading.png")
    assert run("bank", "add", "--bank", "b.bank", "fading.png").returncode == 0
    (entry,) = Bank(tmp_path / "b.bank").entries.values()
    assert {"pdq", "phash"} <= set(entry.hashes)
    assert "dhash" not in entry.hashes


def test_the_life_of_an_entry(run: Run, tmp_path: Path) -> None:
    bank = ("--bank", "b.bank")
    picture = FAKES / "known" / "anna.jpg"
    said = ("--class", "ai_face", "--source", "desk", "--first-seen", "2025-03-04", "--note", "n")
    assert run("bank", "add", *bank, picture, "--id", "case-1", *said, "--tag", "t").stdout == (
        "added  case-1\n"
    )
    assert run("bank", "list", *bank).stdout == "case-1  ai_face  active  2025-03-04  desk\n"
    shown = json.loads(run("bank", "show", *bank, "case-1", "--format", "json").stdout)
    assert (shown["class"], shown["note"], shown["tags"]) == ("ai_face", "n", ["t"])
    assert "local" not in shown
    lines = run("bank", "show", *bank, "case-1").stdout.splitlines()
    assert any(re.fullmatch(r"hashes\.pdq +[0-9a-f]{64} \d+", line) for line in lines)

    query = FAKES / "queries" / "anna_jpeg.jpg"
    check = ("check", query, "--only", "known_fakes", *bank, "--format", "jsonl")

    def told() -> tuple[str, str | None]:
        signals = json.loads(run(*check).stdout)["signals"]
        return signals[0]["outcome"], signals[0]["claim"]

    assert told() == ("finding", "known_fake")
    assert run("bank", "dispute", *bank, "case-1", "--reason", "r").returncode == 0
    assert told() == ("finding", None)
    assert run("bank", "confirm", *bank, "case-1", "--reason", "r").returncode == 0
    assert told() == ("finding", "known_fake")
    assert run("bank", "withdraw", *bank, "case-1", "--reason", "r").returncode == 0
    assert told() == ("clear", None)
    assert run("bank", "confirm", *bank, "case-1", "--reason", "r").returncode == 2
    assert run("bank", "withdraw", *bank, "nobody", "--reason", "r").returncode == 2
    assert run("bank", "list", *bank).stdout == ""
    assert run("bank", "list", *bank, "--all", "--format", "json").returncode == 0
    stats = json.loads(run("bank", "stats", *bank, "--format", "json").stdout)
    assert stats["by_status"] == {"withdrawn": 1}
    assert stats["changes"] == 4
    assert "by_status.withdrawn" in run("bank", "stats", *bank).stdout
    assert run("bank", "verify", *bank).stdout == "b: 1 entries, all whole\n"
    log = tmp_path / "b.bank" / LOG
    log.write_bytes(log.read_bytes() + b"half a li")
    assert run("bank", "verify", *bank).returncode == 3


def test_hashes_of_others_make_an_entry(run: Run) -> None:
    add = ("bank", "add", "--bank", "b.bank")
    assert run(*add, "--id", "theirs", "--hash", f"pdq={PDQ}").returncode == 0
    assert run(*add, "--id", "theirs", "--hash", f"pdq={PDQ}").returncode == 2
    assert run(*add, "--id", "zero", "--hash", f"pdq={'0' * 64}").returncode == 2
    assert run(*add, "--hash", f"pdq={PDQ}").returncode == 2
    assert run(*add).returncode == 2
    assert run(*add, "nowhere").returncode == 2


KILLS = 50
VICTIMS = """
import contextlib, io, json, os, random, signal, sys, time
from pathlib import Path
from detectors.bank.folder import store
from provenance import cli
from provenance.banking import add

store.MOST_UNCOMPACTED, add.BATCH, rng, bank = 3, 2, random.Random(5), sys.argv[1]
for name in (".warm", ".timed"):
    began = time.monotonic()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        cli.provenance(["bank", "add", "--bank", bank + name, sys.argv[2]])
    longest = time.monotonic() - began
for turn in range(int(sys.argv[3])):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        os.close(2)
        cli.provenance(["bank", "add", "--bank", bank, sys.argv[2], f"{sys.argv[2]}/../{turn}.png"])
        os._exit(0)
    os.close(writer)
    time.sleep(rng.uniform(0.0, longest))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(reader) as told:
        lines = [line for line in told if line.endswith("\\n")]
    there, damage, generation = [], [], None
    if os.path.exists(f"{bank}/bank.json"):
        opened = store.Bank(Path(bank))
        there, damage = list(opened.entries), store.damage(Path(bank))
        generation = opened.manifest.generation and opened.manifest.generation.number
    said = {"acknowledged": [line.split()[1] for line in lines], "there": there,
            "damage": damage, "generation": generation}
    print(json.dumps(said), flush=True)
"""


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    tiny = Image.effect_noise((40, 40), 60)
    for number in range(60):
        tiny.putpixel((0, 0), number)
        tiny.save(pictures / f"{number:02}.png")
    for turn in range(KILLS):
        tiny.putpixel((1, 0), turn)
        tiny.save(tmp_path / f"{turn}.png")
    bank = tmp_path / "b.bank"
    done = subprocess.run(
        [sys.executable, "-c", VICTIMS, str(bank), str(pictures), str(KILLS)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == KILLS, done.stderr
    acknowledged: set[str] = set()
    for each in rounds:
        acknowledged |= set(each["acknowledged"])
        assert acknowledged <= set(each["there"])
        assert all("unfinished change at the end" in word for word in each["damage"])
    assert len({each["generation"] for each in rounds}) > 1  # indexes were swapped meanwhile
    assert acknowledged

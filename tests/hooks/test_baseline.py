"""`--baseline`: what people accepted does not count, and nothing else is let through by it."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.hooks.baseline import Baseline, Entry, accepted, digest, found, load, save
from provenance.record import Record

Records = Callable[..., list[dict[str, Any]]]
Run = Callable[..., Any]
Put = Callable[[Path, str], None]
ONLY = ("--only", "credentials,metadata,text_marks")
ACCEPT = ("baseline", "accept", "--baseline", "known.json", "--reason", "our own poster", *ONLY)
TODAY = datetime.now(UTC).date()
EXAMPLES = [
    msgspec.json.decode(line, type=Record)
    for line in (Path(__file__).parents[1] / "render" / "records-0.1.jsonl")
    .read_bytes()
    .splitlines()
]
FOUND = [record for record in EXAMPLES if digest(record) and found(record)]


@pytest.fixture
def folder(tmp_path: Path, put: Put) -> Path:
    """Return a folder with two AI pictures, one of them of an odd name, and a file of posts."""
    put(tmp_path / "box" / "ai.jpg", "signed/ai.jpg")
    put(tmp_path / "box" / "\x1b[31m::error::.webp", "signed/ai.webp")
    text = json.dumps({"post_id": "7", "text": "As an AI language model, I cannot help with that."})
    (tmp_path / "box" / "posts.jsonl").write_text(text + "\n")
    return tmp_path / "box"


def everything(run: Run, folder: Path, *more: str) -> Any:
    """Accept all items of the folder."""
    done = run(*ACCEPT, "ai.jpg", "\x1b[31m::error::.webp", "posts.jsonl", *more, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads((folder / "known.json").read_text())["accepted"]


def scan(run: Run, folder: Path, *options: str) -> Any:
    arguments = ("scan", ".", "--fail-on", "review", *ONLY, "--baseline", "known.json", *options)
    return run(*arguments, cwd=folder)


def test_what_is_accepted_keeps_its_verdict_and_does_not_count(
    run: Run, records: Records, folder: Path
) -> None:
    before = records("scan", ".", *ONLY, cwd=folder)
    assert run("scan", ".", "--fail-on", "review", *ONLY, cwd=folder).returncode == 1
    entries = everything(run, folder)
    assert [entry["uri"] for entry in entries if entry["codes"]] == [e["uri"] for e in entries]
    assert {e["uri"] for e in entries} == {"ai.jpg", "\x1b[31m::error::.webp", "posts.jsonl#7"}
    done = scan(run, folder)
    assert done.returncode == 0
    assert "3 accepted by the baseline do not count" in " ".join(done.stdout.split())
    after = records("scan", ".", *ONLY, "--baseline", "known.json", cwd=folder)
    assert [r["verdict"] for r in after if "known" not in r["item"]["uri"]] == [
        r["verdict"] for r in before
    ]
    shown = run("check", "ai.jpg", *ONLY, "--baseline", "known.json", cwd=folder)
    assert (shown.returncode, "Accepted: our own poster" in shown.stdout) == (0, True)
    assert run("check", "-q", "ai.jpg", *ONLY, "--baseline", "known.json", cwd=folder).stdout == ""
    kept = run("scan", ".", *ONLY, "--out", "../run", "--baseline", "known.json", cwd=folder)
    assert (kept.returncode, "accepted by the baseline" in " ".join(kept.stdout.split())) == (
        0,
        True,
    )


def test_each_format_marks_it(run: Run, folder: Path) -> None:
    everything(run, folder)
    results = json.loads(scan(run, folder, "--format", "sarif").stdout)["runs"][0]["results"]
    assert {r["baselineState"] for r in results} == {"unchanged"}
    assert {r["suppressions"][0]["justification"] for r in results} == {"our own poster"}
    assert scan(run, folder, "--format", "junit").stdout.count("<skipped message=") == 3
    assert json.loads(scan(run, folder, "--format", "gitlab").stdout) == []
    assert "::error" not in scan(run, folder, "--format", "github").stdout


def test_other_bytes_further_codes_and_later_days_count_again(
    run: Run, folder: Path, put: Put
) -> None:
    entries = everything(run, folder, "--until", str(TODAY))
    assert scan(run, folder).returncode == 0

    def with_changed(**changes: object) -> int:
        changed = [entry | changes if entry["uri"] == "ai.jpg" else entry for entry in entries]
        book = {"format": "provenance.baseline/1", "accepted": changed}
        (folder / "known.json").write_text(json.dumps(book))
        return int(scan(run, folder).returncode)

    assert with_changed(uri="moved.jpg") == 0
    assert with_changed(until=str(TODAY - timedelta(1))) == 1
    assert with_changed(codes=["some.other"]) == 1
    assert with_changed(sha256="0" * 64) == 1
    put(folder / "ai.jpg", "signed/ai-actions-v1.jpg")
    assert with_changed() == 1


def test_a_file_is_the_same_whatever_the_order(run: Run, folder: Path) -> None:
    everything(run, folder)
    first = (folder / "known.json").read_bytes()
    run(*ACCEPT, "ai.jpg", cwd=folder)
    assert (folder / "known.json").read_bytes() == first
    (folder / "known.json").unlink()
    for name in ("posts.jsonl", "\x1b[31m::error::.webp", "ai.jpg"):
        run(*ACCEPT, name, cwd=folder)
    assert (folder / "known.json").read_bytes() == first
    assert sum(b'"sha256"' in line for line in first.splitlines()) == 3
    assert b"\x1b" not in first


def test_prune_drops_what_is_gone_and_what_has_run_out(run: Run, folder: Path) -> None:
    everything(run, folder)
    (folder / "posts.jsonl").write_text('{"post_id": "7", "text": "another text"}\n')
    run(*ACCEPT, "ai.jpg", "--until", str(TODAY - timedelta(1)), cwd=folder)
    listed = run("baseline", "list", "--baseline", "known.json", cwd=folder).stdout
    assert "our own poster" in listed
    assert "counts again" in listed
    assert "\x1b" not in listed
    done = run("baseline", "prune", "--baseline", "known.json", cwd=folder)
    assert (done.returncode, "2 dropped, 1 kept" in done.stdout) == (0, True)
    kept = load(str(folder / "known.json"))
    assert [entry.uri for entry in kept] == ["\x1b[31m::error::.webp"]


def test_what_is_in_an_archive_can_be_accepted(run: Run, folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.write(folder / "ai.jpg", "in/ai.jpg")
    assert run(*ACCEPT, "a.zip", cwd=folder).returncode == 0
    assert [e.uri for e in load(str(folder / "known.json"))] == ["a.zip!/in/ai.jpg"]
    assert "0 dropped" in run("baseline", "prune", "--baseline", "known.json", cwd=folder).stdout
    assert run("scan", "a.zip", *ONLY, "--baseline", "known.json", cwd=folder).returncode == 0


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[]",
        '{"format": "provenance.baseline/9", "accepted": []}',
        '{"format": "provenance.baseline/1", "accepted": [{"sha256": "0", "codes": []}]}',
        '{"format": "provenance.baseline/1", "accepted": [], "more": 1}',
        "[" * 100_000,
        None,
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_not_an_empty_one(
    run: Run, folder: Path, data: str | None
) -> None:
    if data is not None:
        (folder / "known.json").write_text(data)
    for command in (
        ("scan", "."),
        ("check", "ai.jpg"),
        ("baseline", "list"),
        ("baseline", "prune"),
    ):
        done = run(*command, "--baseline", "known.json", cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert "known.json" in done.stderr
        assert "Traceback" not in done.stderr


def test_accepting_wants_a_reason_a_date_and_a_file(run: Run, folder: Path) -> None:
    plain = ("baseline", "accept", "--baseline", "known.json", *ONLY)
    for wrong in (
        ("ai.jpg",),
        ("ai.jpg", "--reason", " "),
        (".", "--reason", "x"),
        ("ai.jpg", "--reason", "x", "--until", "soon"),
    ):
        assert run(*plain, *wrong, cwd=folder).returncode == 2
    assert not (folder / "known.json").exists()
    (folder / "plain.txt").write_text("Words that a person wrote on a Sunday in May.\n")
    clean = run(*ACCEPT, "plain.txt", cwd=folder)
    assert (clean.returncode, "nothing to accept" in clean.stderr) == (0, True)
    gone = run(*ACCEPT, "gone.jpg", cwd=folder)
    assert (gone.returncode, "no such file" in gone.stderr) == (3, True)


@given(
    st.sampled_from(FOUND),
    st.sets(st.sampled_from(sorted({code for record in FOUND for code in found(record)}))),
    st.integers(-2, 2),
)
def test_an_entry_holds_for_these_bytes_these_codes_and_these_days(
    record: Record, codes: set[str], days: int
) -> None:
    sha256 = digest(record)
    assert sha256 is not None
    until = TODAY + timedelta(days)
    entry = Entry(sha256=sha256, uri="other", codes=tuple(sorted(codes)), reason="why", until=until)
    holds = found(record) <= codes and days >= 0
    assert (Baseline([entry], TODAY).reason(record) == "why") is holds
    other = msgspec.structs.replace(entry, sha256="f" * 64)
    assert Baseline([other], TODAY).reason(record) is None


@given(st.lists(st.sampled_from(FOUND), max_size=6), st.text(min_size=1))
def test_what_is_saved_is_loaded(tmp_path_factory: Any, records: list[Record], reason: str) -> None:
    file = str(tmp_path_factory.mktemp("baseline") / "known.json")
    try:
        reason.encode()
    except UnicodeEncodeError:
        return
    entries = accepted([], records, reason, date(2027, 1, 1))
    save(file, entries)
    assert {e.uri for e in load(file)} == {r.item.uri for r in records}
    assert all(Baseline(load(file), TODAY).reason(record) == reason for record in records)

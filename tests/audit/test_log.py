"""What was decided stands in the log, and no change to it goes unseen."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from audit_log import LOOK, Log, Run
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from detectors.errors import ConfigError, DamagedError
from provenance.audit.keys import PublicKey
from provenance.audit.tree import Tree, leaf

NAME = "example.org/wächter"
Change = Callable[[list[bytes]], list[bytes]]


def root(lines: list[bytes]) -> bytes:
    tree = Tree()
    for line in lines:
        tree.add(leaf(line))
    return tree.root


def rewrite(log: Log, change: Change) -> None:
    (file,) = log.files()
    file.write_bytes(b"".join(line + b"\n" for line in change(log.lines())))


def test_a_line_says_what_the_record_says(log: Log) -> None:
    done = log.scan(log.posts("p.jsonl", 5))
    records = [json.loads(line) for line in done.stdout.splitlines()]
    entries = log.entries()
    assert [entry["n"] for entry in entries] == list(range(5))
    for entry, record in zip(entries, records, strict=True):
        for key in ("item", "signals", "verdict", "tool"):
            assert entry[key] == record[key]
        assert entry["settings"] == record["tool"]["settings"]
        body = (log.path / "settings" / f"{entry['settings']}.json").read_bytes()
        assert hashlib.sha256(body).hexdigest() == entry["settings"]
        policy = (
            log.path / "settings" / f"{entry['verdict']['policy']['sha256']}.toml"
        ).read_bytes()
        assert hashlib.sha256(policy).hexdigest() == entry["verdict"]["policy"]["sha256"]
        assert entry["actor"]
    assert [part["name"] for part in entries[0]["item"]["parts"]] == ["text"]


def test_lines_are_canonical_and_name_the_one_before(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 4))
    lines = log.lines()
    assert [rfc8785.dumps(json.loads(line)) for line in lines] == lines
    assert json.loads(lines[0])["prev"] == hashlib.sha256(NAME.encode()).hexdigest()
    for before, line in pairwise(lines):
        assert json.loads(line)["prev"] == hashlib.sha256(before).hexdigest()


def test_the_checkpoint_is_signed_over_the_root(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))
    text, signature = (log.path / "checkpoint").read_text("utf-8").split("\n\n")
    assert text.split("\n") == [NAME, "3", base64.b64encode(root(log.lines())).decode()]
    dash, name, blob = signature.strip().split(" ")
    assert (dash, name) == ("\N{EM DASH}", NAME)
    key = Ed25519PublicKey.from_public_bytes(own(log).raw)
    key.verify(base64.b64decode(blob)[4:], f"{text}\n".encode())


def test_the_key_is_the_owners_alone_and_printed(log: Log, run: Run) -> None:
    assert log.key.stat().st_mode & 0o077 == 0
    assert b"PRIVATE KEY" in log.key.read_bytes()
    done = run("audit", "init", log.folder / "other", "--name", "a")
    assert done.stdout.startswith("a+")
    key = Path(done.stderr.split("private key lies in ")[1].split(";")[0])
    assert key.is_relative_to(log.folder / "home")
    assert Path(f"{key}.pub").read_text("utf-8") == done.stdout


@pytest.mark.parametrize("name", ["a b", "a+b", "", "a\u2003b", "é" * 101, "a\x1bb"])
def test_a_name_that_no_note_can_bear_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    done = run("audit", "init", tmp_path / "log", "--name", name)
    assert done.returncode == 2
    assert not (tmp_path / "log").exists()


def test_nothing_is_made_over_what_is_there(log: Log, run: Run) -> None:
    assert log.audit("init", "--name", "a").returncode == 2
    done = run("audit", "init", log.folder / "new", "--name", "a", "--key", log.key)
    assert (done.returncode, "no key is written over it" in done.stderr) == (2, True)
    done = run("audit", "init", log.folder / "in", "--name", "a", "--key", log.folder / "in" / "k")
    assert (done.returncode, "must not have its key" in done.stderr) == (2, True)


def test_a_log_that_was_never_made_is_refused_before_a_look(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    done = run("scan", "a.txt", "--audit", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "provenance audit init nowhere" in done.stderr
    assert run("audit", "verify", "nowhere").returncode == 2


CHANGES: dict[str, Change] = {
    "altered": lambda lines: [*lines[:2], lines[2].replace(b"t", b"T", 1), *lines[3:]],
    "removed": lambda lines: [*lines[:2], *lines[3:]],
    "doubled": lambda lines: [*lines[:3], *lines[2:]],
    "swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "blank": lambda lines: [*lines[:2], b"", *lines[2:]],
    "not UTF-8": lambda lines: [*lines[:2], lines[2].replace(b"text", b"te\xff", 1), *lines[3:]],
    "spaced": lambda lines: [*lines[:2], lines[2].replace(b",", b", ", 1), *lines[3:]],
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_and_its_line_named(log: Log, name: str) -> None:
    log.scan(log.posts("p.jsonl", 6))
    assert log.audit("verify").returncode == 0
    rewrite(log, CHANGES[name])
    done = log.audit("verify")
    assert done.returncode == 1
    assert any(f"ine {n} " in done.stdout for n in (2, 3)), done.stdout


def test_the_last_line_counts_too(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))
    rewrite(log, lambda lines: [*lines[:2], lines[2].replace(b'"time":"2', b'"time":"3')])
    assert log.audit("verify").returncode == 1


def test_a_cut_end_needs_a_checkpoint_from_elsewhere(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))
    kept = shutil.copytree(log.path, log.folder / "kept")
    log.scan(log.posts("q.jsonl", 3))
    newer = log.folder / "newer"
    shutil.copy(log.path / "checkpoint", newer)
    assert log.audit("verify", "--checkpoint", kept / "checkpoint").returncode == 0
    shutil.copy(kept / "checkpoint", log.path)
    rewrite(log, lambda lines: lines[:3])
    assert log.audit("verify").returncode == 0
    done = log.audit("verify", "--checkpoint", newer)
    assert (done.returncode, "Line 3 is missing" in done.stdout) == (1, True)


def test_a_log_that_is_written_anew_does_not_hold(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))

    def anew(lines: list[bytes]) -> list[bytes]:
        before, made = hashlib.sha256(NAME.encode()).hexdigest(), []
        for line in lines:
            entry = {**json.loads(line), "prev": before, "actor": "nobody"}
            made.append(rfc8785.dumps(entry))
            before = hashlib.sha256(made[-1]).hexdigest()
        return made

    rewrite(log, anew)
    done = log.audit("verify")
    assert (done.returncode, "all written anew" in done.stdout) == (1, True)
    stranger = Ed25519PrivateKey.generate()
    text = f"{NAME}\n3\n{base64.b64encode(root(log.lines())).decode()}\n"
    for public in (stranger.public_key().public_bytes_raw(), own(log).raw):
        blob = PublicKey(NAME, public).id + stranger.sign(text.encode())
        note = f"{text}\n\N{EM DASH} {NAME} {base64.b64encode(blob).decode()}\n"
        (log.path / "checkpoint").write_text(note, "utf-8")
        done = log.audit("verify", "--key", log.key.with_name("key.pub"))
        assert (done.returncode, "not signed by" in done.stdout) == (1, True)
    (log.path / "checkpoint").unlink()
    assert log.audit("verify", "--key", log.key.with_name("key.pub")).returncode == 1


def own(log: Log) -> PublicKey:
    return PublicKey.parse(log.key.with_name("key.pub").read_text("utf-8"), "key.pub")


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_settings_and_policies_count(log: Log, ending: str) -> None:
    log.scan(log.posts("p.jsonl", 2))
    body = next((log.path / "settings").glob(f"*.{ending}"))
    body.write_bytes(body.read_bytes() + b"\n")
    done = log.audit("verify")
    assert (done.returncode, body.name in done.stdout) == (1, True)


def test_nobody_gets_a_signature_under_lines_that_were_changed(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))
    before = (log.path / "checkpoint").read_bytes()
    rewrite(log, CHANGES["removed"])
    for forgotten in (False, True):
        if forgotten:
            (log.path / "tree.json").unlink()
        done = log.scan(log.posts("q.jsonl", 1))
        assert (done.returncode, done.stdout) == (2, "")
        assert "provenance audit verify" in done.stderr
    assert (log.path / "checkpoint").read_bytes() == before


def test_a_writer_that_remembers_nothing_reads_every_line(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 3))
    (log.path / "tree.json").write_text("{")
    log.scan(log.posts("q.jsonl", 3))
    assert log.audit("verify").stdout.startswith("The log holds: 6 lines, 6 of them")


def test_an_unfinished_line_is_incomplete_and_set_aside(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 2))
    assert "nothing to repair" in log.audit("repair").stdout
    half = log.lines()[-1][:100]
    with log.files()[-1].open("ab") as file:
        file.write(half)
    done = log.audit("verify")
    assert (done.returncode, "Incomplete: 100 bytes" in done.stdout) == (3, True)
    assert log.audit("repair").returncode == 0
    said = log.entries()[-1]["repair"]
    assert (log.path / said["aside"]).read_bytes() == half
    assert log.audit("verify").returncode == 0
    assert len(log.lines()) == 3


def test_whoever_goes_on_sets_an_unfinished_line_aside_too(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 2))
    with log.files()[-1].open("ab") as file:
        file.write(b'{"half')
    assert log.scan(log.posts("q.jsonl", 2)).returncode == 0
    assert ["repair" in entry for entry in log.entries()] == [False, False, True, False, False]
    assert log.audit("verify").returncode == 0


def test_processes_write_at_once(log: Log) -> None:
    env = os.environ | {"HOME": str(log.folder / "home")}
    processes = []
    for name in "abc":
        log.posts(f"{name}.jsonl", 400)
        command = [sys.executable, "-m", "provenance", "scan", f"{name}.jsonl", "--audit", log.path]
        processes.append(
            subprocess.Popen(
                [*command, "--format", "jsonl", *LOOK],
                cwd=log.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    named = [entry["item"]["uri"] for entry in log.entries()]
    assert len(set(named)) == len(named) == 1200
    assert log.audit("verify").stdout.startswith("The log holds: 1200 lines, 1200 of them")


def test_a_log_inside_a_source_is_passed_over(log: Log) -> None:
    log.posts("p.jsonl", 2)
    done = log.scan(".")
    done = log.scan(".")
    assert "passed over 1 folders of runs, banks and logs" in done.stderr
    assert not any("log/" in entry["item"]["uri"] for entry in log.entries())


def test_a_run_is_logged_with_the_settings_of_kept_records(log: Log, run: Run) -> None:
    file = log.posts("p.jsonl", 3)
    for _ in range(2):
        done = run("scan", file, "--out", "run", "--audit", log.path, *LOOK)
        assert done.returncode == 0, done.stderr
    assert [entry["item"]["uri"].rpartition("#")[2] for entry in log.entries()] == [*"012"] * 2
    for path in (log.path / "settings").glob("*.json"):
        path.unlink()
    run("scan", file, "--out", "run", "--audit", log.path, *LOOK)
    assert log.audit("verify").returncode == 0


def test_what_is_printed_stands_in_the_log(log: Log) -> None:
    log.posts("p.jsonl", 2000)
    command = [sys.executable, "-m", "provenance", "scan", "p.jsonl", "--audit", log.path]
    process = subprocess.Popen(
        [*command, "--format", "jsonl", "--jobs", "1", *LOOK],
        cwd=log.folder, env=os.environ | {"HOME": str(log.folder / "home")},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout
    said = [json.loads(process.stdout.readline())["item"]["uri"] for _ in range(100)]
    process.kill()
    process.communicate()
    assert {*said} <= {entry["item"]["uri"] for entry in log.entries()}
    assert log.audit("verify").returncode in (0, 3)


def test_files_are_rotated(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    from provenance.audit.log import AuditLog
    from provenance.record import Record
    from provenance.verdict import load

    done = log.scan(log.posts("p.jsonl", 1))
    record = msgspec.json.decode(done.stdout, type=Record)
    long = msgspec.structs.replace(record.item, uri="x" * 1_000_000)
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    with AuditLog(log.path, load("default")) as opened:
        opened.append([msgspec.structs.replace(record, item=long)] * 70)
    sizes = [file.stat().st_size for file in log.files()]
    assert len(sizes) == 2
    assert 63 << 20 < sizes[0] <= 64 << 20
    assert log.audit("verify").stdout.startswith("The log holds: 71 lines, 71 of them")
    log.scan(log.posts("q.jsonl", 1))
    assert log.audit("verify").returncode == 0
    log.files()[0].unlink()
    assert log.audit("verify").returncode == 1


def test_a_key_that_is_not_the_logs_is_refused(
    log: Log, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    from provenance.audit.log import AuditLog

    run("audit", "init", log.folder / "other", "--name", NAME, "--key", log.folder / "other.key")
    done = log.audit("verify", "--key", log.folder / "other.key.pub")
    assert (done.returncode, "not signed by" in done.stdout) == (1, True)
    assert log.audit("verify", "--key", log.key).returncode == 2
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    (log.folder / "other.key").replace(log.key)
    with pytest.raises(ConfigError, match="is not the private key of"):
        AuditLog(log.path)
    monkeypatch.setenv("HOME", str(log.folder / "elsewhere"))
    with pytest.raises(ConfigError, match="name the public key with --key"):
        AuditLog(log.path)


def test_a_line_by_another_hand_is_not_gone_on_from(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provenance.audit.log import AuditLog

    log.scan(log.posts("p.jsonl", 2))
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    opened = AuditLog(log.path)
    entry: dict[str, Any] = {**log.entries()[-1], "n": 2}
    with log.files()[-1].open("ab") as file:
        file.write(rfc8785.dumps(entry) + b"\n")
    with pytest.raises(DamagedError, match="line 2 does not continue the chain"):
        opened.sign()


def test_threads_share_a_log(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    from provenance.audit.log import AuditLog
    from provenance.record import Record

    done = log.scan(log.posts("p.jsonl", 1))
    record = msgspec.json.decode(done.stdout, type=Record)
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    with AuditLog(log.path) as opened, ThreadPoolExecutor(4) as pool:
        list(pool.map(opened.append, [[record]] * 40))
    assert log.audit("verify").stdout.startswith("The log holds: 41 lines, 41 of them")


def test_a_copy_that_may_only_be_read_is_verified_and_stays_as_it_is(log: Log) -> None:
    log.scan(log.posts("p.jsonl", 2))
    (log.path / "lock").unlink()
    before = sorted(path.name for path in log.path.iterdir())
    assert log.audit("verify").returncode == 0
    assert sorted(path.name for path in log.path.iterdir()) == before

"""`provenance bank export`, `import`, `merge` and `diff`, as users run them."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from detectors.bank.entry import Entry, Status
from detectors.bank.folder.store import Bank

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_bank_goes_out_and_comes_in(run: Run, bank: Path, tmp_path: Path) -> None:
    said = run("bank", "export", "--bank", bank, "--as", "stix", "--out", "out.json")
    assert (said.returncode, said.stdout) == (0, "")
    assert said.stderr.splitlines() == [
        "fakes: 7 entries as stix",
        "  held back 1: TLP:AMBER needs --to NAME",
        "  held back 1: TLP:RED never leaves",
        "  held back 1: TLP:AMBER+STRICT never leaves",
    ]
    assert [path.name for path in tmp_path.glob("out.json*")] == ["out.json"]
    done = run("bank", "import", "--bank", "new.bank", "out.json", "--format", "json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["outcomes"] == {"added": 5, "tombstone": 2}
    assert report["format"] == "stix"
    same = run("bank", "diff", "--bank", "new.bank", bank, "--format", "json")
    assert [each["merge"] for each in json.loads(same.stdout)] == ["added"] * 3


def test_export_to_a_recipient_on_stdout(run: Run, bank: Path) -> None:
    said = run("bank", "export", "--bank", bank, "--as", "jsonl", "--to", "Bob", "--with-notes")
    assert "8 entries as jsonl for Bob" in said.stderr
    assert len(said.stdout.splitlines()) == 8
    assert "seen at the fair" in said.stdout


def test_what_is_left_out_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "feed").write_text("0" * 64 + "\n" + "f0" * 24 + "\nx\n")
    done = run("bank", "import", "--bank", "a.bank", "feed", "--left-out", "left.jsonl")
    assert done.returncode == 3
    assert "refused 1: a hash whose bits are all equal" in done.stdout
    left = [json.loads(line) for line in (tmp_path / "left.jsonl").read_text().splitlines()]
    assert [each["code"] for each in left] == ["all_bits_equal", "unknown_algorithm", "unreadable"]


def test_merge_and_diff_in_words(
    run: Run, bank: Path, tmp_path: Path, entry: Callable[..., Entry], fill: Callable[..., None]
) -> None:
    mine = tmp_path / "mine.bank"
    withdrawn = entry("disputed", status=Status.WITHDRAWN, reason="a real person")
    fill(mine, [entry("gone"), entry("innocent"), withdrawn])
    shown = run("bank", "diff", "--bank", mine, bank)
    assert "withdrawn       gone  (" in shown.stdout
    assert "status active here, withdrawn there" in shown.stdout
    before = Bank(mine).changes
    merged = run("bank", "merge", "--bank", mine, bank)
    assert merged.stdout.splitlines() == [
        "mine: 6 added, 1 other_picture, 1 tombstone, 1 withdrawn, 1 withdrawn_here",
        "  other_picture  innocent",
        "  withdrawn_here  disputed",
    ]
    assert Bank(mine).changes == before + 8
    told = json.loads(run("bank", "merge", "--bank", mine, bank, "--format", "json").stdout)
    stay = {name: ids for name, ids in told["conflicts"].items() if ids}
    assert stay == {"other_picture": ["innocent"], "withdrawn_here": ["disputed"]}


@pytest.mark.parametrize(
    "args",
    [
        ("export", "--bank", "missing.bank", "--as", "csv"),
        ("import", "--bank", "a.bank", "missing"),
        ("merge", "--bank", "a.bank", "missing.bank"),
        ("diff", "--bank", "missing.bank", "other.bank"),
    ],
)
def test_what_cannot_be_used_is_named(run: Run, tmp_path: Path, args: tuple[str, ...]) -> None:
    done = run("bank", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("provenance: error: missing")
    assert not (tmp_path / "a.bank").exists()


def test_a_file_that_cannot_be_written_is_named(run: Run, bank: Path) -> None:
    done = run("bank", "export", "--bank", bank, "--as", "csv", "--out", "none/out.csv")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_counters_are_for_terminals(tmp_path: Path) -> None:
    (tmp_path / "feed").write_text("0\n" * 1200)
    outer, inner = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "provenance", "bank", "import", "--bank", "n.bank", "feed"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=inner,
    ):  # fmt: skip
        os.close(inner)
        seen = ""
        with suppress(OSError):  # EIO: the other side has closed
            while chunk := os.read(outer, 65536):
                seen += chunk.decode()
    os.close(outer)
    assert "Reading rows, twice: 1" in seen
    assert seen.endswith("\x1b[K")

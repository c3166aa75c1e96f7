"""The pages on banks: what they show works, and what they describe is so."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.bank.entry import Entry, Status
from detectors.bank.exchange import FORMATS
from detectors.bank.exchange.conflicts import MergeOutcome
from detectors.bank.exchange.row import SKIP_REASONS
from detectors.bank.folder.store import LOG, Bank, writing

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[3]
FAKES = ROOT / "fixtures" / "fakes"
PAGE = (ROOT / "docs" / "banks.md").read_text("utf-8")
FORMAT = (ROOT / "docs" / "bank-format.md").read_text("utf-8")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def read() -> Callable[[Path], dict[str, Any]]:
    """Read the reader that the page shows."""
    code = re.search(r"```python\n(.*?)```", FORMAT, re.DOTALL)
    assert code is not None
    assert len(code[1].splitlines()) <= 40
    names: dict[str, Any] = {}
    exec(compile(code[1], "bank-format.md", "exec"), names)  # noqa: S102 - the page's own code
    reader: Callable[[Path], dict[str, Any]] = names["read"]
    return reader


def test_every_command_of_the_page_runs(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "takedown"
    folder.mkdir()
    for name in ("anna", "boris", "chloe"):
        (folder / f"{name}.jpg").write_bytes((FAKES / "known" / f"{name}.jpg").read_bytes())
    (tmp_path / "suspect.jpg").write_bytes((FAKES / "queries" / "anna_jpeg.jpg").read_bytes())
    lines = [line for line in PAGE.splitlines() if line.startswith("$ ")]
    assert len(lines) == 17
    for line in lines:
        _, command, *args = shlex.split(line)
        done = run(*args)
        assert (command, done.returncode) == ("provenance", 0), (line, done.stderr)
    mine = Bank(tmp_path / "mine.bank")
    assert {*mine.entries} == {"anna", "boris", "chloe", "cert/anna", "cert/boris", "cert/chloe"}
    assert mine.entries["cert/chloe"].status is Status.WITHDRAWN
    assert "Shows the AI-made face" in run("check", "suspect.jpg", "--bank", "mine.bank").stdout


def test_the_page_names_every_format_and_conflict() -> None:
    assert [name for name in FORMATS if f"| `{name}` |" not in PAGE] == []
    assert [
        each
        for each in MergeOutcome
        if each.value in SKIP_REASONS and f"`{each.value}`" not in PAGE
    ] == []


def test_a_match_by_hashes_alone_says_what_was_not_assessed(
    run: Run, records: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    run("bank", "add", "--bank", "a.bank", "--tlp", "GREEN", FAKES / "known")
    run("bank", "export", "--bank", "a.bank", "--as", "csv", "--out", "a.csv")
    assert run("bank", "import", "--bank", "b.bank", "a.csv").returncode == 0
    for bank, local in (("a.bank", None), ("b.bank", "not_assessed")):
        (record,) = records(
            "check", FAKES / "queries" / "anna_jpeg.jpg", "--bank", tmp_path / bank,
            "--only", "known_fakes",
        )  # fmt: skip
        (signal,) = record["signals"]
        assert signal["facts"]["entry"] == "anna"
        assert signal["facts"].get("local") == local


def test_the_page_reader_reads_a_bank(
    bank: Path, read: Callable[[Path], dict[str, Any]], entries: list[Entry]
) -> None:
    with writing(bank) as writer:
        writer.put(msgspec.structs.replace(writer.bank.entries["exact"], note="changed"))
        writer.commit()
    opened, seen = Bank(bank), read(bank)
    assert [*seen] == [each.id for each in entries]
    for name, entry in opened.entries.items():
        features = seen[name].pop("features", None)
        assert features == opened.features(entry)
        assert msgspec.convert(seen[name], Entry) == entry
    assert seen["exact"]["note"] == "changed"


@pytest.mark.parametrize("left", [b'{"id":"ha', b'{"id":"no check"}\n', b'{"id":"a","check":"'])
def test_the_page_reader_passes_over_what_a_killed_writer_left(
    bank: Path, read: Callable[[Path], dict[str, Any]], left: bytes
) -> None:
    before = read(bank)
    with (bank / LOG).open("ab") as file:
        file.write(left)
    assert read(bank) == before
    assert [*Bank(bank).entries] == [*before]


def test_the_page_reader_refuses_damage(bank: Path, read: Callable[[Path], dict[str, Any]]) -> None:
    log = bank / LOG
    log.write_bytes(log.read_bytes().replace(b"ai_face", b"AI_face", 1))
    with pytest.raises(ValueError, match="damaged"):
        read(bank)


def test_features_are_as_the_page_says(run: Run, tmp_path: Path) -> None:
    import numpy as np

    from detectors.bank.features import from_block

    run("bank", "add", "--bank", "a.bank", FAKES / "known" / "anna.jpg")
    opened = Bank(tmp_path / "a.bank")
    block = opened.features(opened.entries["anna"])
    assert block is not None
    numbers = np.frombuffer(block, "<u2", 6, 4)
    count, width, height, across, down, colours = map(int, numbers)
    assert (block[:4], colours) == (b"LF1\0", 1)
    assert len(block) == 16 + count * (8 + 4 + 128) + across * down
    known = from_block(block)
    places = np.frombuffer(block, "<u2", 2 * count, 16 + 8 * count).reshape(-1, 2) / 64
    assert known.size == (width, height)
    assert np.array_equal(known.points, places.astype(np.float32))
    assert known.grey.tobytes() == block[-across * down :]

"""Feeds that were made to do harm: each is read in bounds, and one bad row costs that row alone."""

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.exchange import FORMATS, format_of
from detectors.bank.exchange.importing import take_in
from detectors.bank.exchange.row import Feed, RowDefaults
from detectors.bank.exchange.tlp import leaving
from detectors.bank.folder.store import Bank
from detectors.errors import ConfigError

Run = Callable[..., CompletedProcess[str]]
NOW = "2026-01-02T03:04:05Z"
PDQ = "5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6"
JSON = ("jsonl", "threatexchange", "stopncii", "stix", "misp")
NASTY = (
    "9" * 5000, "1e999", "-1e400", "1" * 30, "-1", "0.5", "[" * 2000 + "]" * 2000, "[]", "{}",
    "null", "true", '"\\u0000"', '"\\ud800"', '"' + "7" * 5000 + '"', '"\\u202e\\u009b"',
    '{"a":1,"a":[]}',
    '["9999999999999999999"]', '"99999999999"', '"0000-00-00"', '"9999-12-31T23:59:59-23:59"',
)  # fmt: skip
"""JSON of values that no field expects."""
MARK = "@here@"


def entries() -> list[Entry]:
    hashes = {"pdq": (Hash(PDQ, quality=90),), "sha256": (Hash("ab" * 32),)}
    usual: dict[str, Any] = {"hashes": hashes, "created": NOW, "modified": NOW, "source": "desk"}
    return [
        Entry(id="one", tags=("a",), first_seen="2026-01-01", **usual),
        Entry(id="two", note="n", innocent=True, **usual),
        Entry(id="three", status=Status.WITHDRAWN, reason="r", **usual),
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where in a document something stands."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from places(each, (*path, key))


def put(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of a document with a mark in a place."""
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = MARK
    return copy


@pytest.mark.parametrize("form", JSON)
def test_no_value_in_no_place_is_more_than_a_bad_row(tmp_path: Path, form: str) -> None:
    whole = b"".join(format_of(form).write(entries(), Feed(name="f", notes=True))).decode()
    first, _, rest = whole.partition("\n") if form == "jsonl" else (whole, "", "")
    document = json.loads(first)
    file = tmp_path / "feed"
    for number, path in enumerate(places(document)):
        text = json.dumps(put(document, path))
        for value in NASTY[number % 3 :: 3]:
            file.write_text(text.replace(f'"{MARK}"', value) + f"\n{rest}", "utf-8")
            try:
                report = take_in(tmp_path / "no.bank", file, form, RowDefaults(now=NOW), dry=True)
            except ConfigError:  # the document as a whole is no feed
                continue
            taken = sum(report.outcomes.values())
            assert taken >= 1 or report.refused or report.parked or not report.rows


def test_a_quality_of_5000_digits_costs_its_row_alone(run: Run, tmp_path: Path) -> None:
    raw = b"".join(format_of("misp").write(entries(), Feed(name="f"))).decode()
    file = tmp_path / "feed.json"
    file.write_text(raw.replace('"90"', '"' + "9" * 5000 + '"', 1))
    done = run("bank", "import", "--bank", tmp_path / "b.bank", file)
    assert done.returncode == 3
    assert "refused 1: a row that is not of the format (unreadable;" in done.stdout
    assert set(Bank(tmp_path / "b.bank").entries) == {"two", "three"}


@pytest.mark.parametrize("form", ["threatexchange", "misp"])
def test_a_number_that_no_machine_holds_costs_its_row_alone(tmp_path: Path, form: str) -> None:
    whole = b"".join(format_of(form).write(entries(), Feed(name="f"))).decode()
    document = json.loads(whole)
    rows = document["data"] if form == "threatexchange" else document["Event"]["Object"]
    rows[0]["extra"] = MARK
    file = tmp_path / "feed"
    file.write_text(json.dumps(document).replace(f'"{MARK}"', "9" * 5000))
    report = take_in(tmp_path / "b.bank", file, form, RowDefaults(now=NOW))
    assert report.refused == {"unreadable": 1}
    assert len(Bank(tmp_path / "b.bank").entries) == 2


def ncmec(attributes: bytes, inside: bytes) -> bytes:
    space = b"https://hashsharing.ncmec.org/hashsharing/v2"
    start = b'<queryResult xmlns="' + space + b'" xmlns:a="' + b"u" * 60_000 + b'"><images>'
    return start + inside % attributes + b"</images></queryResult>"


@pytest.mark.parametrize("inside", [b"<image %s/>", b"<other %s/>", b"<image><id %s/></image>"])
def test_names_of_attributes_do_not_repeat_their_namespace(tmp_path: Path, inside: bytes) -> None:
    attributes = b" ".join(b'a:x%d=""' % number for number in range(60_000))
    file = tmp_path / "feed.xml"
    file.write_bytes(ncmec(attributes, inside))
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="namespaces that are too long"):
            take_in(tmp_path / "b.bank", file, "ncmec", RowDefaults(now=NOW))
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_many_ordinary_entries_of_xml_are_read(tmp_path: Path) -> None:
    inside = b"".join(
        b"<image><member id='1'>x</member><id>i%d</id><fingerprints><md5>%032x</md5></fingerprints>"
        b"</image>" % (number, number + 1)
        for number in range(3000)
    )
    file = tmp_path / "feed.xml"
    file.write_bytes(ncmec(b"", inside.replace(b"%", b"%%") + b"%s"))
    report = take_in(tmp_path / "b.bank", file, "ncmec", RowDefaults(now=NOW))
    assert report.outcomes == {"added": 3000}


def test_a_tag_without_an_end_is_not_held(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml"
    file.write_bytes(b"<queryResult " + b"a" * (8 << 20))
    with pytest.raises(ConfigError, match=r"tag or a comment of more than|is no XML"):
        take_in(tmp_path / "b.bank", file, "ncmec", RowDefaults(now=NOW))


def test_an_open_quote_takes_time_that_grows_with_the_file_alone(tmp_path: Path) -> None:
    def seconds(lines: int) -> float:
        file = tmp_path / f"{lines}.csv"
        file.write_bytes(b'id,pdq\n"' + b"a\n" * lines)
        began = time.process_time()
        report = take_in(tmp_path / "b.bank", file, "csv", RowDefaults(now=NOW), dry=True)
        assert report.refused == {"unreadable": 1}
        return time.process_time() - began

    assert seconds(400_000) < 40 * max(seconds(40_000), 0.05)


FORMULAS = ["=1+1", "+1", "-1", "@x", "\uff1dcmd", "\uff0bcmd", "\uff0dcmd", "\uff20cmd",
            " =1+1", "\u3000\uff1dcmd", "'=1", "'' =1"]  # fmt: skip


def test_no_cell_is_a_formula_and_all_are_read_back(tmp_path: Path) -> None:
    usual: dict[str, Any] = {"hashes": {"pdq": (Hash(PDQ),)}, "created": NOW, "modified": NOW}
    given = [
        Entry(id=f"e{at}", source=text, note=f"\t{text}", reason=f"\r{text}", tags=(text,), **usual)
        for at, text in enumerate(FORMULAS)
    ]
    file = tmp_path / "feed.csv"
    file.write_bytes(b"".join(format_of("csv").write(given, Feed(name="f", notes=True))))
    for cell in file.read_text("utf-8").replace("\n", ",").split(","):
        assert not cell.strip('" \u3000').startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r"))
    take_in(tmp_path / "b.bank", file, "csv", RowDefaults(now=NOW))
    bank = Bank(tmp_path / "b.bank")
    assert [bank.entries[each.id].source for each in given] == [
        text.replace("\u3000", "") for text in FORMULAS
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_words_of_the_user_leave_without_controls(form: str) -> None:
    bad = "a\u009b31m\u202eb\u2066\u2028c\x1b[0m"
    one = entries()[0]
    given = Entry(
        id="x", source=bad, note=bad, reason=bad, tags=(bad,), hashes=one.hashes, created=NOW,
        modified=NOW,
    )  # fmt: skip
    kept, _ = leaving([given], "us")
    raw = b"".join(format_of(form).write(kept, Feed(name="f", notes=True))).decode()
    assert "a31mb" in raw
    assert not {*"\u009b\u202e\u2066\u2028\x1b"} & {*raw}


def test_no_command_prints_a_control_raw(run: Run, tmp_path: Path) -> None:
    bad = "e\u009b31m\u202evil\u2066\u2028"
    rows = [{"id": bad, "pdq": PDQ}, {"id": "ok", "pdq": PDQ, "source": bad}]
    file = tmp_path / f"{bad}.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    bank = tmp_path / f"{bad}.bank"
    said = [
        run("bank", "import", "--bank", bank, "--format", form, file)
        for form in ("terminal", "json")
    ]
    said += [run("bank", "withdraw", "--bank", bank, "ok", "--reason", bad)]
    for command in (
        ("stats",), ("list", "--all"), ("show", "ok"), ("merge", tmp_path / "none.bank"),
        ("diff", bank), ("export", "--as", "jsonl", "--to", bad),
    ):  # fmt: skip
        if command[0] != "export":
            said.append(run("bank", command[0], "--bank", bank, "--format", "json", *command[1:]))
        said.append(run("bank", command[0], "--bank", bank, *command[1:]))
    for done in said:
        assert "Traceback" not in done.stderr
        assert not {*"\u009b\u202e\u2066\u2028"} & {*(done.stdout + done.stderr)}, done
    assert "\\u202e" in said[1].stdout


def test_a_feed_is_read_in_a_process_of_its_own(tmp_path: Path) -> None:
    """A reader that is killed, as for its memory, is a refusal and not the end of the command."""
    program = """
import os, signal, sys
from detectors.bank.exchange import jsonl
def killed(path):
    os.kill(os.getpid(), signal.SIGKILL)
    yield
jsonl.read = killed
from provenance.cli import main
main()
"""
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "a", "pdq": PDQ}))
    words = ["bank", "import", "--bank", tmp_path / "b.bank", tmp_path / "a.jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "a.jsonl: the process that read it ended (SIGKILL)" in done.stderr
    assert not (tmp_path / "b.bank").exists()

"""The last decision on some bytes is found, whatever was added, rotated away or dropped."""

import hashlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance
from provenance.audit import index
from provenance.audit.entry import Entry
from provenance.audit.folder import LogFolder
from provenance.audit.index import Index
from provenance.record import Record

DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(6)]
PREFIX = DIGESTS[0][:16] + "0" * 48
"""Another digest that begins alike."""


@cache
def record() -> Record:
    with provenance.Checker(only=["text_marks"], jobs=0) as checker:
        return checker.check_text("words")


def line(sha256: str | None, uri: str) -> bytes:
    one = record()
    item = msgspec.structs.replace(one.item, sha256=sha256, uri=uri, facts={"sha256": DIGESTS[1]})
    said = Entry(
        n=0, time="", prev="0" * 64, actor="", item=item, signals=one.signals, verdict=one.verdict,
        tool=one.tool,
    )  # fmt: skip
    return msgspec.json.encode(said) + b"\n"


OTHER_LINES = (b"no line\n", b'{"appeal": {}}\n', line(None, "unread"))
STEPS = st.lists(st.sampled_from([*DIGESTS, "other", "ask", "rotate"]), max_size=30)


@given(STEPS, st.integers(1, 4))
def test_it_finds_what_reading_everything_finds(steps: list[str], fresh: int) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as top:
        patch.setattr(index, "FRESH", fresh)
        folder, number, last = Path(top), 0, dict[str, str]()
        (folder / "checkpoint").touch()
        asked = Index(LogFolder(folder))
        for step, what in enumerate([*steps, "ask"]):
            if what == "ask":
                for digest in (*DIGESTS, PREFIX):
                    found = asked.last(digest)
                    assert (found.item.uri if found else None) == last.get(digest)
            elif what == "rotate":
                number += 1
            else:
                with (folder / f"{number:06}.jsonl").open("ab") as file:
                    if what == "other":
                        file.write(b"".join(OTHER_LINES))
                    else:
                        file.write(line(what, str(step)))
                        last[what] = str(step)


def test_dropped_lines_and_half_a_line_are_not_found(tmp_path: Path) -> None:
    first, second = tmp_path / "000000.jsonl", tmp_path / "000001.jsonl"
    first.write_bytes(line(DIGESTS[0], "first"))
    whole = line(DIGESTS[1], "second")
    second.write_bytes(whole[:-20])
    asked = Index(LogFolder(tmp_path))

    def found(digest: str) -> bool:
        return asked.last(digest) is not None

    assert [found(digest) for digest in DIGESTS[:2]] == [True, False]
    second.write_bytes(whole)
    assert found(DIGESTS[1])
    (tmp_path / "checkpoint").touch()
    (tmp_path / "000000.hashes").write_bytes(bytes(32))
    first.unlink()
    assert [found(digest) for digest in DIGESTS[:2]] == [False, True]

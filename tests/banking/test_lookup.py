"""A hash finds the known entries near it, and accuses nobody whose picture was cleared."""

import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.folder.store import Bank, create, writing
from provenance.banking.lookup import Found, LookUp, NoPdqError

NOW = "2026-01-02T03:04:05Z"
LATER = "2026-02-02T03:04:05Z"
PDQ = "5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6"
FILE = b"bytes of a file"

Put = Callable[..., None]


def turned(*bits: int) -> str:
    """Return the hash with these bits changed."""
    return f"{int(PDQ, 16) ^ sum(1 << bit for bit in bits):064x}"


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    create(tmp_path / "fakes.bank", NOW)
    return tmp_path / "fakes.bank"


@pytest.fixture
def put(bank: Path) -> Put:
    def write(name: str, pdq: str = PDQ, **said: Any) -> None:
        hashes = said.pop("hashes", {"pdq": (Hash(pdq),)})
        with writing(bank) as writer:
            writer.put(Entry(id=name, hashes=hashes, created=NOW, modified=LATER, **said))
            writer.commit()

    return write


def near(bank: Path, value: str = PDQ) -> list[Found]:
    return LookUp([str(bank)]).by_pdq(value)


CHANGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), min_size=1, max_size=20)


@given(changes=CHANGES, compacted=st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_an_entry_has_the_number_of_the_line_that_made_it(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, bool]], compacted: int
) -> None:
    path = tmp_path_factory.mktemp("x") / "a.bank"
    create(path, NOW)
    with writing(path) as writer:
        for number, (name, withdrawn) in enumerate(changes):
            status = Status.WITHDRAWN if withdrawn else Status.ACTIVE
            hashes = {"pdq": (Hash(PDQ),)}
            writer.put(Entry(id=name, hashes=hashes, created=NOW, modified=LATER, status=status))
            writer.commit()
            if number == compacted:
                writer.compact(0)
    names = [name for name, _ in changes]
    opened = Bank(path)
    wanted = {name: names.index(name) + 1 for name in opened.entries}
    assert dict(zip(opened.entries, opened.history().made.tolist(), strict=True)) == wanted
    assert opened.history().changed == LATER
    last = dict(changes)
    counted = {name: number for name, number in wanted.items() if not last[name]}
    found = LookUp([str(path)]).by_pdq(PDQ)
    assert {each.entry: each.change for each in found} == counted


def test_all_within_the_matching_distance_are_found_nearest_first(bank: Path, put: Put) -> None:
    put("far", turned(*range(32)))
    put("edge", turned(*range(31)), kind="ai_face")
    put("near", turned(1, 3))
    found = near(bank)
    assert [(each.entry, each.distance, each.change) for each in found] == [
        ("near", 2, 3), ("edge", 31, 2),
    ]  # fmt: skip
    assert {(each.bank, each.claim) for each in found} == {("fakes", "known_fake")}
    assert [each.kind for each in found] == ["other", "ai_face"]
    assert all(0 < each.false_match_probability < 1e-4 for each in found)


@pytest.mark.parametrize(
    ("said", "claim"),
    [
        ({"status": Status.DISPUTED}, None),
        ({"innocent": True}, "known_innocent"),
        ({}, "known_fake"),
    ],
)
def test_what_is_disputed_or_harmless_is_no_known_fake(
    bank: Path, put: Put, said: dict[str, Any], claim: str | None
) -> None:
    put("a", **said)
    assert [each.claim for each in near(bank)] == [claim]


def test_a_harmless_picture_clears_what_is_not_nearer(bank: Path, put: Put) -> None:
    put("fake", turned(1, 2, 3))
    put("nearer", turned(1))
    put("harmless", turned(5, 7), innocent=True)
    assert {each.entry: each.claim for each in near(bank)} == {
        "nearer": "known_fake", "harmless": "known_innocent", "fake": None,
    }  # fmt: skip


def test_a_copy_of_what_was_withdrawn_is_no_known_fake(bank: Path, put: Put) -> None:
    put("copy")
    put("gone", status=Status.WITHDRAWN)
    assert [(each.entry, each.claim) for each in near(bank)] == [("copy", None)]


def test_a_withdrawal_counts_from_the_next_refresh_on(bank: Path, put: Put) -> None:
    put("a")
    put("b", turned(2))
    asked = LookUp([str(bank)], count(0, 10).__next__)
    assert len(asked.by_pdq(PDQ)) == 2
    put("a", status=Status.WITHDRAWN)
    assert len(asked.by_pdq(PDQ)) == 2
    asked.refresh()
    assert [(each.entry, each.claim) for each in asked.by_pdq(PDQ)] == [("b", None)]
    assert [state.changes for state in asked.states()] == [3]


def test_a_file_is_found_by_its_digests_and_by_its_hash(bank: Path, put: Put) -> None:
    sha256, md5 = (hashlib.new(name, FILE).hexdigest() for name in ("sha256", "md5"))
    put("bytes", hashes={"sha256": (Hash(sha256),), "pdq": (Hash(turned(1)),)})
    put("md5", hashes={"md5": (Hash(md5),)})
    put("look", turned(2, 3))
    found = LookUp([str(bank)]).by_file(FILE, PDQ)
    assert {(each.entry, each.distance, each.change) for each in found} == {
        ("bytes", 0, 1), ("md5", 0, 2), ("look", 2, 3),
    }  # fmt: skip
    assert LookUp([str(bank)]).by_file(b"another", "") == []


@pytest.mark.parametrize("value", ["", "xyz", PDQ[:-1], PDQ + "0", PDQ[:-1] + "ü", " " + PDQ[1:]])
def test_what_is_no_pdq_hash_is_refused(bank: Path, value: str) -> None:
    with pytest.raises(NoPdqError):
        near(bank, value)
    assert near(bank, PDQ.upper()) == []

"""The rules by which two banks settle what they say differently."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bank.entry import Entry, EntryKind, Hash, Local, Status, Tlp
from detectors.bank.exchange.conflicts import MergeOutcome, differing, resolve

VALUES = ["f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6339c4e9c9b22",
          "b0a10efd71cc3f429413d48d0ffffe12e34e0e17ada952a9d29684210aa9e5af"]  # fmt: skip
ENTRIES = st.builds(
    Entry,
    id=st.just("a"),
    kind=st.sampled_from(EntryKind),
    hashes=st.sampled_from([{}, *({"pdq": (Hash(value),)} for value in VALUES)]),
    created=st.just("2026-01-01T00:00:00Z"),
    modified=st.sampled_from([f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]),
    tlp=st.sampled_from(Tlp),
    status=st.sampled_from(Status),
    local=st.none() | st.just(Local(0, 1, "0" * 16)),
)


@given(here=ENTRIES, there=ENTRIES)
def test_nothing_brings_back_what_was_withdrawn_here(here: Entry, there: Entry) -> None:
    done = resolve(here, there).entry or here
    assert here.status is not Status.WITHDRAWN or done.status is Status.WITHDRAWN


@given(here=ENTRIES, there=ENTRIES)
def test_a_withdrawal_there_always_takes_effect_on_the_same_picture(
    here: Entry, there: Entry
) -> None:
    done = resolve(here, there)
    if there.status is Status.WITHDRAWN and done.outcome is not MergeOutcome.OTHER_PICTURE:
        assert (done.entry or here).status is not Status.ACTIVE


@given(here=ENTRIES, there=ENTRIES, dispute=st.booleans())
def test_settling_twice_changes_nothing_more(here: Entry, there: Entry, dispute: bool) -> None:
    first = resolve(here, there, dispute=dispute).entry or here
    second = resolve(first, there, dispute=dispute).entry or first
    assert second == first


@given(here=ENTRIES, there=ENTRIES)
def test_features_notes_and_strictness_stay(here: Entry, there: Entry) -> None:
    done = resolve(here, there).entry or here
    assert done.local == here.local
    assert [*Tlp].index(done.tlp) >= [*Tlp].index(here.tlp)


@pytest.mark.parametrize(
    ("here", "there", "dispute", "outcome"),
    [
        (None, {}, False, "added"),
        (None, {"status": Status.WITHDRAWN}, False, "tombstone"),
        ({}, {}, False, "same"),
        ({}, {"hashes": {"pdq": (Hash(VALUES[1]),)}}, False, "other_picture"),
        ({"status": Status.WITHDRAWN}, {}, False, "withdrawn_here"),
        ({"status": Status.WITHDRAWN}, {"status": Status.WITHDRAWN, "reason": "x"}, False, "same"),
        ({}, {"status": Status.WITHDRAWN}, False, "withdrawn"),
        ({}, {"status": Status.WITHDRAWN}, True, "disputed"),
        ({"status": Status.DISPUTED}, {"status": Status.WITHDRAWN}, True, "same"),
        ({"local": Local(0, 1, "")}, {"status": Status.WITHDRAWN, "hashes": {}}, False, "disputed"),
        ({}, {"modified": "2026-12-01T00:00:00Z"}, False, "updated"),
        ({}, {"modified": "2026-01-01T00:00:00Z"}, False, "older"),
    ],
)
def test_each_rule(
    entry: Callable[..., Entry],
    here: dict[str, object] | None,
    there: dict[str, object],
    dispute: bool,
    outcome: str,
) -> None:
    ours = None if here is None else entry("a", **here)
    assert resolve(ours, entry("a", **there), dispute=dispute).outcome == outcome


def test_an_update_joins_hashes(entry: Callable[..., Entry]) -> None:
    here = entry("a", hashes={"pdq": (Hash(VALUES[0]),), "sha256": (Hash("5f" * 32),)})
    there = entry(
        "a", hashes={"pdq": (Hash(VALUES[1]), Hash(VALUES[0]))}, modified="2027-01-01T00:00:00Z"
    )
    joined = resolve(here, there).entry
    assert joined is not None
    assert {name: len(hashes) for name, hashes in joined.hashes.items()} == {"pdq": 2, "sha256": 1}
    assert differing(here, msgspec.structs.replace(here, kind=EntryKind.OTHER)) == {
        "class": ["ai_face", "other"]
    }

"""The index finds what comparing everything finds, and is never needed to read a bank."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.folder import store
from detectors.bank.folder.store import Bank, create, damage, writing
from detectors.bank.index import multi_index
from detectors.bank.index.descriptors import (
    FEWEST_BITS,
    PREFIX_BITS,
    BinaryDescriptors,
    cell_bits,
    count_votes,
)
from detectors.bank.matching.index import Index
from detectors.hashing.views import PictureHashes

NOW = "2026-01-02T03:04:05Z"


def hashes(rng: np.random.Generator, count: int, clusters: int, flips: float) -> NDArray[np.uint64]:
    """Return hashes around so many centres; flips of .5 are no clusters."""
    centres = rng.integers(0, 256, (clusters, 32), dtype=np.uint8)
    changed = np.packbits(rng.random((count, 256)) < flips, axis=1)
    return (centres[rng.integers(0, clusters, count)] ^ changed).view(np.uint64)


@given(
    st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.18, 0.5]),
    st.integers(0, 31),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_tables_find_exactly_what_comparing_all_finds(
    seed: int, clusters: int, flips: float, radius: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = hashes(rng, multi_index.FLAT + 100, clusters, flips)
    near = np.packbits(rng.random((20, 256)) < radius / 256, axis=1).view(np.uint64)
    queries = np.concatenate([rows[:20] ^ near, hashes(rng, 5, 2, 0.5)])
    order, starts = multi_index.tables(rows)
    found = multi_index.MultiIndex(rows, order, starts).within(queries, radius)
    wanted = multi_index.MultiIndex(rows, order[:0], starts[:0]).within(queries, radius)
    for hits in (found, wanted):
        assert (hits.distances <= radius).all()
    assert sorted(zip(*_lists(found), strict=True)) == sorted(zip(*_lists(wanted), strict=True))


def _lists(hits: multi_index.Hits) -> list[list[int]]:
    return [each.tolist() for each in (hits.queries, hits.rows, hits.distances)]


def test_a_scan_counts_every_bit_and_damaged_tables_are_noticed() -> None:
    rng = np.random.default_rng(1)
    rows = hashes(rng, 5000, 3, 0.1)
    hits = multi_index.MultiIndex(rows, *(np.zeros(0, np.uint32),) * 2).within(rows[:3], 20)
    counted = np.unpackbits((rows[:3, None] ^ rows[None]).view(np.uint8), axis=2).sum(axis=2)
    assert len(hits.rows) == (counted <= 20).sum()
    order, starts = multi_index.tables(rows)
    with pytest.raises(ValueError, match="damaged"):
        multi_index.MultiIndex(
            rows, order, starts + np.arange(len(starts), dtype=np.uint32) ** 2
        ).within(rows[:1], 31)
    with pytest.raises(ValueError, match="damaged"):
        multi_index.MultiIndex(rows, order, starts.max() - starts).within(rows[:1], 31)
    with pytest.raises(ValueError, match="at most 31"):
        multi_index.MultiIndex(rows, order, starts).within(rows[:1], 32)


@given(st.integers(0, 2**32), st.sampled_from([12, 15, 18]))
@settings(max_examples=20, deadline=None)
def test_codes_are_found_by_their_first_bits(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**64, 300, dtype=np.uint64)
    asked = codes ^ (np.uint64(1) << rng.integers(0, 64, 300, dtype=np.uint64))
    said = BinaryDescriptors.of((n, codes[n : n + 1]) for n in range(300)).near(asked, bits)
    assert {(n, n, 1) for n in range(300)} <= {tuple(row) for row in said.tolist()}
    assert count_votes(said[said[:, 0] == 7])[:, 0].tolist()[:1] == [7]


def test_cells_grow_with_the_bank() -> None:
    sizes = [cell_bits(10**n) for n in range(9)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (FEWEST_BITS, PREFIX_BITS)


def entry(name: str, value: NDArray[np.uint64], **said: object) -> Entry:
    each = Hash(value.tobytes().hex())
    facts: dict[str, object] = {
        "hashes": {"pdq": (each,), "sha256": (each,)}, "created": NOW, "modified": NOW,
    }  # fmt: skip
    return Entry(id=name, **(facts | said))  # type: ignore[arg-type]


def block(codes: NDArray[np.uint64]) -> bytes:
    from detectors.bank.features import HEADER, MAGIC

    return HEADER.pack(MAGIC, len(codes), 9, 9, 0, 0, 0) + codes.astype("<u8").tobytes()


def index(bank: Bank) -> Index:
    from detectors.bank.features import CODES_END, block_codes

    return Index(bank.entries, lambda entry: block_codes(bank.head(entry, CODES_END)))


def seen(value: NDArray[np.uint64]) -> PictureHashes:
    turned = np.tile(value.view(np.uint8), (8, 1))
    turned[1:] ^= 255
    return PictureHashes(turned[0], turned, 100, 50.0, ("whole",), turned[None])


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(Status), st.booleans()), max_size=60),
    st.integers(1, 9),
)
@settings(max_examples=25, deadline=None)
def test_an_index_changes_no_answer(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[int, Status, bool]],
    tail: int,
) -> None:
    path = tmp_path_factory.mktemp("x") / "a.bank"
    create(path, NOW)
    rng = np.random.default_rng(3)
    values = hashes(rng, 13, 4, 0.04)
    with writing(path) as writer:
        for name, status, innocent in changes:
            picture = entry(f"é{name}", values[name], status=status, innocent=innocent)
            writer.put(picture, block(rng.integers(0, 2**64, 5, dtype=np.uint64)))
            writer.commit()
            writer.compact(tail)
    mapped, read = Bank(path), Bank(path, whole=True)
    assert [*mapped.entries.items()] == [*read.entries.items()]
    assert [*mapped.entries.values()] == [*read.entries.values()]
    assert (len(mapped.entries), mapped.changes) == (len(read.entries), read.changes)
    one, other = index(mapped), index(read)
    assert (len(one), one.local) == (len(other), other.local)
    assert damage(path) == []
    for value in values:
        look, code = seen(value), rng.integers(0, 2**64, 9, dtype=np.uint64)
        assert one.nearest(look, 3) == other.nearest(look, 3)
        assert one.comparisons(look) == other.comparisons(look)
        assert one.exact("sha256", value.tobytes().hex()) == other.exact(
            "sha256", value.tobytes().hex()
        )
        assert one.sharing(code, 5) == other.sharing(code, 5)
    assert mapped.entries.get("nobody") is None


@pytest.fixture
def settled(tmp_path: Path) -> Path:
    """Return a bank of 30 with a generation."""
    path = tmp_path / "a.bank"
    create(path, NOW)
    with writing(path) as writer:
        for number, value in enumerate(hashes(np.random.default_rng(5), 30, 30, 0.02)):
            if np.bitwise_count(value).sum() in range(96, 161):
                writer.put(entry(f"{number}", value), block(value))
        writer.commit()
        writer.compact(0)
    return path


def test_a_reader_keeps_what_it_opened_while_a_writer_goes_on(settled: Path) -> None:
    reader = Bank(settled)
    before = index(reader)
    names = [each.id for each in reader.entries.values()]
    first = reader.entries["0"]
    with writing(settled) as writer:
        for _ in range(3):
            withdrawn = msgspec.structs.replace(first, status=Status.WITHDRAWN)
            writer.put(withdrawn)
            writer.commit()
            writer.compact(0)
    assert len([*settled.glob("index-*.bin")]) == 1
    assert [each.id for each in reader.entries.values()] == names
    assert before.exact("sha256", first.sha256 or "") == [first]
    assert reader.features(first) is not None
    assert index(Bank(settled)).exact("sha256", first.sha256 or "") == []


@pytest.mark.parametrize("how", ["missing", "short", "other", "foreign log"])
def test_an_index_that_cannot_be_used_costs_only_time(settled: Path, how: str) -> None:
    before = dict(Bank(settled).entries)
    (file,) = settled.glob("index-*.bin")
    if how == "missing":
        file.unlink()
    elif how == "short":
        file.write_bytes(file.read_bytes()[:-64])
    elif how == "other":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    else:
        lines = (settled / store.LOG).read_bytes().splitlines(keepends=True)
        (settled / store.LOG).write_bytes(b"".join(lines[::-1]))
    assert dict(Bank(settled).entries) == before
    assert any("index-1.bin" in each for each in damage(settled))
    file.unlink(missing_ok=True)
    with writing(settled) as writer:
        writer.compact(0)
    assert damage(settled) == []
    assert Bank(settled).entries.snapshot is not None

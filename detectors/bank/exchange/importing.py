"""The rows of a feed on their way into a bank."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import DIGITS, EXACT, PERCEPTUAL, Entry, Status
from detectors.bank.exchange import format_of
from detectors.bank.exchange.columns import UNNAMED, told_by_bits
from detectors.bank.exchange.conflicts import CONFLICTS, MergeOutcome
from detectors.bank.exchange.files import regular
from detectors.bank.exchange.pictures import Pictures
from detectors.bank.exchange.row import (
    DECIDED,
    REFUSED,
    SKIP_REASONS,
    FeedRow,
    RowDefaults,
    Skipped,
    dicts,
    entry_of,
)
from detectors.bank.folder.entries import Entries
from detectors.bank.location import (
    BankLocation,
    Writer,
    create,
    exists,
    opened,
    title,
    writing,
)
from detectors.errors import ConfigError

MOST_IDS: Final = 20
"""Ids that may share one hash; more mark a placeholder (seen in real feeds)."""
BATCH: Final = 1000
"""Entries that are brought to the disk together."""
SHOWN: Final = 5
"""Details of a code that are shown."""
SAMPLE: Final = 10_000
"""Hashes without a name by which their algorithm is told."""
UNCLEAR: Final = (
    "64 digits are the length of SHA-256 and of PDQ, and these few tell nothing; say which they "
    "are: --algorithm sha256 or --algorithm pdq"
)
NAMED: Final = 100
"""Left-out things that a report names of each code; all are counted."""


class ImportReport(msgspec.Struct, kw_only=True):
    """What became of a feed."""

    file: str
    format: str
    bank: str
    rows: int = 0
    outcomes: dict[str, int] = {}
    """Outcome → entries."""
    carried_only: int = 0
    """Entries taken that have neither a perceptual hash nor a digest, so nothing matches them."""
    taken_as: str | None = None
    """Algorithm that hashes of 64 digits which nobody names were taken to be."""
    refused: dict[str, int] = {}
    parked: dict[str, int] = {}
    left: list[Skipped] = []
    """The first of each code."""
    vanished: list[str] = []
    """Ids that the feed no longer names, without a word of their withdrawal: disputed here."""

    def count(self, found: Skipped) -> None:
        """Count what was skipped, and keep the first of each code."""
        counts = self.refused if found.code in REFUSED else self.parked
        counts[found.code] = counts.get(found.code, 0) + 1
        if counts[found.code] <= NAMED:
            self.left.append(found)

    def report(self) -> dict[str, Any]:
        """Return all of it as JSON types."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        done = ", ".join(f"{count} {name}" for name, count in self.outcomes.items())
        yield f"{self.bank}: {self.rows} rows of {self.format}: {done or 'nothing taken'}"
        if self.taken_as:
            yield (
                f"  64 digits without a name are taken as {self.taken_as}, by how many of their "
                "bits are set (--algorithm says otherwise)"
            )
        if self.carried_only:
            yield (
                f"  {self.carried_only} of them have hashes alone of which it was not "
                "measured how often they meet by chance: what is near is shown, and nothing follows"
            )
        for what, counts, words in (("refused", self.refused, REFUSED),
                                    ("parked", self.parked, SKIP_REASONS)):  # fmt: skip
            for code, count in sorted(counts.items()):
                yield f"  {what} {count}: {words[code]} ({code}{self._details(code)})"

    def _details(self, code: str) -> str:
        """Return the first few of what stands behind a code, in words."""
        said = dict.fromkeys(each.detail for each in self.left if each.code == code and each.detail)
        few = list(said)[:SHOWN]
        return "".join(f"; {each}" for each in few) + ("; …" if len(said) > SHOWN else "")

    @property
    def decided(self) -> list[Skipped]:
        """The first of what something else was decided of here."""
        return [each for each in self.left if each.code in DECIDED]


def take_in(
    bank: BankLocation,
    file: Path,
    form: str,
    defaults: RowDefaults,
    *,
    dispute: bool = False,
    reinstate: str | None = None,
    dry: bool = False,
    tell: Callable[[Skipped], None] = lambda _: None,
    step: Callable[[], None] = lambda: None,
    read: Callable[[str, Path], Iterable[FeedRow]] | None = None,
    whole: bool = False,
    complete: bool = False,
) -> ImportReport:
    """Bring the entries of a file into a bank, which is made where there is none.

    The file is read twice, first for its form and for hashes that too many ids share: nothing is
    written of a broken one. Entries are written in batches; after a kill the same call goes on.
    With `whole` they are written as one transaction.

    Args:
        bank: where it lies.
        file: in a format of the table.
        form: its name there.
        defaults: for what rows do not say.
        dispute: what the feed withdrew becomes disputed here.
        reinstate: why pictures are taken in of which something else was decided here.
        dry: change nothing.
        tell: called with everything that is skipped.
        step: called for each row, twice.
        read: `rows`, or what calls it in a process with limits.
        whole: a writer that is killed leaves all of it or nothing.
        complete: the file names all entries of the feed `defaults.feed`, so that others of it
            which are here become disputed.

    Raises:
        ConfigError: file or bank cannot be used; then nothing is written.
    """
    regular(file)
    report = ImportReport(file=_shown(file), format=form, bank=title(bank))
    store = opened(bank) if exists(bank) else None
    known: Mapping[str, Entry] = store.entries if store else {}
    read = read or rows
    unnamed: list[str] = []
    first = _noticed(_counted(read(form, file), step), unnamed)
    foreseen: list[Entry] = []
    shared = _shared_by_too_many(known, first, defaults, foreseen)
    if unnamed and defaults.algorithm is None:
        defaults = msgspec.structs.replace(defaults, algorithm=told_by_bits(unnamed))
        if defaults.algorithm is None:
            raise ConfigError(f"{_shown(file)}: {UNCLEAR}")
        report.taken_as = defaults.algorithm
    note = _noted(report, tell)
    taken = _taken(_counted(read(form, file), step), defaults, shared, report, note)
    if dry:
        pictures = Pictures(store, foreseen, dispute=dispute, reinstate=reinstate)
        return _merge_rows(known, taken, report, note, pictures, writer=None)
    create(bank, defaults.now)
    named: set[str] | None = set() if complete else None
    with writing(bank) as writer:
        pictures = Pictures(writer.bank, foreseen, dispute=dispute, reinstate=reinstate)
        here = writer.bank.entries
        batch = None if whole else BATCH
        _merge_rows(here, taken, report, note, pictures, writer=writer, batch=batch, named=named)
        if named is not None:
            _dispute_vanished(here, named, defaults, report, writer)
        writer.commit(whole=whole)
    return report


def _dispute_vanished(
    here: Mapping[str, Entry],
    named: set[str],
    defaults: RowDefaults,
    report: ImportReport,
    writer: Writer,
) -> None:
    """Put the entries of a feed as disputed that it no longer names."""
    for entry in here.values():
        if entry.feed == defaults.feed and entry.status is Status.ACTIVE and entry.id not in named:
            reason = f"left the feed {defaults.feed} without being withdrawn"
            report.vanished.append(entry.id)
            writer.put(msgspec.structs.replace(entry, status=Status.DISPUTED, reason=reason))


def _shown(file: Path) -> str:
    """Return a file's name; bytes that are not UTF-8 are escaped."""
    return file.name.encode("utf-8", "backslashreplace").decode()


def _noted(report: ImportReport, tell: Callable[[Skipped], None]) -> Callable[[Skipped], None]:
    """Return a function that counts what is skipped and tells of it."""

    def note(found: Skipped) -> None:
        report.count(found)
        tell(found)

    return note


def rows(form: str, file: Path) -> Iterator[FeedRow]:
    """Yield the rows of a foreign file, unchecked."""
    yield from format_of(form).read(file)


def _noticed(found: Iterable[FeedRow], unnamed: list[str]) -> Iterator[FeedRow]:
    """Yield rows, and keep what they hold of hashes that several algorithms have the length of."""
    for row in found:
        hashes = row.said.get("hashes")
        for each in dicts(hashes.get(UNNAMED)) if isinstance(hashes, dict) else ():
            if len(each["value"]) == DIGITS["pdq"] and len(unnamed) < SAMPLE:
                unnamed.append(each["value"])
        yield row


def _counted(found: Iterable[FeedRow], step: Callable[[], None]) -> Iterator[FeedRow]:
    for row in found:
        step()
        yield row


def _shared_by_too_many(
    known: Mapping[str, Entry], rows: Iterator[FeedRow], defaults: RowDefaults, decided: list[Entry]
) -> set[str]:
    """Return the perceptual hashes that too many ids share, here and in the feed together.

    What the feed withdraws, disputes or calls harmless is added to `decided`; there hashes of 64
    digits that nobody names stand as SHA-256, since what they are is not known yet.
    """
    if defaults.algorithm is None:
        defaults = msgspec.structs.replace(defaults, algorithm="sha256")
    owners: dict[str, str | set[str]] = {}
    for row in rows:
        made, _ = entry_of(row, defaults)
        if made is not None:
            _own(owners, made)
            if made.innocent or made.status is not Status.ACTIVE:
                decided.append(made)
    met = known.sharing(owners) if isinstance(known, Entries) else known.values()
    for entry in met:
        _own(owners, entry)
    return {value for value, ids in owners.items() if isinstance(ids, set) and len(ids) > MOST_IDS}


def _own(owners: dict[str, str | set[str]], entry: Entry) -> None:
    """Note an entry's hashes; a set is made only where a second id shares one."""
    for name in PERCEPTUAL:
        for each in entry.hashes.get(name, ()):
            ids = owners.setdefault(each.value, entry.id)
            if isinstance(ids, set):
                if len(ids) <= MOST_IDS:
                    ids.add(entry.id)
            elif ids != entry.id:
                owners[each.value] = {ids, entry.id}


def _taken(
    rows: Iterator[FeedRow],
    defaults: RowDefaults,
    shared: set[str],
    report: ImportReport,
    note: Callable[[Skipped], None],
) -> Iterator[tuple[FeedRow, Entry]]:
    """Yield the rows that make an entry; tell of all else."""
    for row in rows:
        report.rows += not _of_a_column(row)
        entry, faults = entry_of(row, defaults)
        for found in faults:
            note(found)
        if entry is None:
            continue
        hashes = {
            name: kept
            for name, all_of_it in entry.hashes.items()
            if (kept := tuple(each for each in all_of_it if each.value not in shared))
        }
        if hashes != entry.hashes:
            note(Skipped(where=row.where, id=entry.id, code="crowded"))
            entry = msgspec.structs.replace(entry, hashes=hashes)
        if hashes or entry.status is Status.WITHDRAWN:
            yield row, entry


def _of_a_column(row: FeedRow) -> bool:
    """Tell whether it says something of a column, so that it is no row of the file."""
    return not row.said and [code for code, _ in row.skipped] == ["unknown_column"]


def _merge_rows(
    known: Mapping[str, Entry],
    taken: Iterator[tuple[FeedRow, Entry]],
    report: ImportReport,
    note: Callable[[Skipped], None],
    pictures: Pictures,
    *,
    writer: Writer | None,
    batch: int | None = BATCH,
    named: set[str] | None = None,
) -> ImportReport:
    """Settle each entry with what is known of its id and picture, and write what changes."""
    outcomes: Counter[str] = Counter()
    fresh: dict[str, Entry] = {}
    for row, entry in taken:
        if named is not None:
            named.add(entry.id)
        here = fresh.get(entry.id) or known.get(entry.id)
        done, out = pictures.resolve(here, entry)
        if done.outcome in CONFLICTS:
            told = out.told if out else None
            note(Skipped(where=row.where, id=entry.id, code=done.outcome.value, detail=told))
        else:
            outcomes[done.outcome.value] += 1
        if done.entry is None:
            continue
        changed = [done.entry]
        if done.entry.status is Status.WITHDRAWN:
            changed += pictures.copies_of(done.entry)
        outcomes.update(f"{each.status.value}_copy" for each in changed[1:])
        fresh.update((each.id, each) for each in changed)
        if done.outcome is MergeOutcome.ADDED and not (entry.perceptual or entry.digests(*EXACT)):
            report.carried_only += 1
        if writer is not None:
            for each in changed:
                writer.put(each)
            if batch is not None and len(writer.pending) >= batch:
                writer.commit()
                fresh.clear()
    report.outcomes = dict(sorted(outcomes.items()))
    return report

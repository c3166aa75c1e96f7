"""What a report is made of: the records of a run, or records alone, read as often as is needed."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, TypeVar

import msgspec

from detectors.errors import ConfigError, UnavailableError
from detectors.signal import FACTS, Outcome, Signal
from detectors.spec import resolve
from provenance.record import Count, PolicyName, Record, Risk
from provenance.render import RenderOptions
from provenance.render.words import Words
from provenance.runs.folder import RunFolder
from provenance.runs.ledger import NAME
from provenance.runs.summary import Summary
from provenance.verdict import Policy, load, names

T = TypeVar("T")
FORMATS: Final = {
    "html": ("provenance.render.html:write", "report.html"),
    "csv": ("provenance.render.csv:write", "report.csv"),
    "parquet": ("provenance.render.parquet:write", "report.parquet"),
    "markdown": ("provenance.render.markdown:write", "report.md"),
}
"""Format → what writes it, and the file's name in a run."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Items that hold the same bytes, or the same picture."""

    kind: Literal["same_bytes", "same_picture"]
    items: list[str]
    sha256: str | None = None
    max_distance: Count | None = None
    """Differing bits of the two that are the farthest apart."""
    false_group_probability: float | None = None
    """Chance that strangers were joined, over all pairs of the run."""


class Columns(NamedTuple):
    """One item as a row of a table."""

    uri: str
    sha256: str
    kind: str
    media_type: str
    risk: str
    origin: str
    complete: bool
    claims: str
    """Of findings, separated by spaces; so are their codes."""
    codes: str
    sentence: str
    group: str
    """Numbers of its groups, separated by spaces."""


class Report:
    """Records in their order, with the groups of their run, and the words for them."""

    def __init__(
        self,
        path: Path,
        tables: tuple[str, ...] = (),
        *,
        fail_on: Risk | None = Risk.HIGH,
        thumbnails: bool = True,
        locale: str = "en",
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Open a run or a file of records.

        Args:
            path: the folder of a run, or a file with a record a line.
            tables: of plug-ins' sentences, see `RenderOptions`.
            fail_on: the risk from which on a format that names some items names them; None: none.
            thumbnails: whether small copies of pictures are shown.
            locale: language of the sentences.
            tell: told of records that could not be read and are left out.

        Raises:
            ConfigError: there are no records there.
        """
        self.fail_on, self.thumbnails = fail_on, thumbnails
        self._tables, self._locale, self._tell = tables, locale, cache(tell)
        run = RunFolder(str(path)) if path.is_dir() else None
        self.records = run.records if run else path
        if not self.records.is_file():
            lacks = "there are no records in it" if run else "there is no such file"
            raise ConfigError(f"{path}: {lacks}; name a run's folder or a file of records")
        self.about = run.before if run else None
        self.ledger = run.own / NAME if run else None
        """Where small copies of pictures lie; None: records alone."""
        self.groups = list(_lines(run.groups, Group)) if run and run.groups.exists() else []
        self._numbers: dict[str, list[int]] = {}
        for number, group in enumerate(self.groups, 1):
            for uri in group.items:
                self._numbers.setdefault(uri, []).append(number)
        self._size = self.records.stat().st_size
        self.words = cache(self._words)
        self.plain_words = Words(RenderOptions(tables=tables, locale=locale))
        """For what is said of the run: no policy."""

    def __iter__(self) -> Iterator[Record]:
        """Yield the records that were there when the report was begun.

        Raises:
            ConfigError: a line is no record; the last one may be torn, and is then left out.
            UnavailableError: they cannot be read.
        """
        for record in _lines(self.records, Record, self._size, self._tell):
            _whole(record)
            yield record

    def totals(self) -> Summary:
        """Count what the records hold."""
        totals = Summary()
        for record in self:
            totals.add(record)
        return totals

    def numbers(self, record: Record) -> list[int]:
        """Return the numbers of an item's groups, from 1."""
        return self._numbers.get(record.item.uri, [])

    def flagged(self) -> Iterator[Record]:
        """Yield the records at or above the risk that flags."""
        limit = self.fail_on
        return (r for r in self if limit is not None and r.verdict.risk.rank >= limit.rank)

    def columns(self, record: Record) -> Columns:
        """Return an item as a row of a table."""
        item, verdict = record.item, record.verdict
        found = [s for s in record.signals if s.outcome is Outcome.FINDING]
        return Columns(
            uri=item.uri,
            sha256=item.sha256 or "",
            kind=item.kind.value,
            media_type=item.media_type or "",
            risk=verdict.risk.value,
            origin=verdict.origin.value,
            complete=verdict.complete,
            claims=" ".join(dict.fromkeys(s.claim.value for s in found if s.claim)),
            codes=" ".join(dict.fromkeys(s.reason.code for s in found)),
            sentence=self.words(verdict.policy).headline(record),
            group=" ".join(map(str, self.numbers(record))),
        )

    def _words(self, policy: PolicyName) -> Words:
        """Return the words under a policy; rates of wrong findings rest on it."""
        look = RenderOptions(
            policy=_known(policy), tables=self._tables, locale=self._locale, verbose=True
        )
        return Words(look)


def write(report: Report, form: str, out: BinaryIO) -> None:
    """Write a report in a format: a key of `FORMATS`."""
    resolve(FORMATS[form][0])(report, out)


def said(signals: list[Signal]) -> list[Signal]:
    """Return signals as a reader asks for them: findings first, then the rest, in their order."""
    return sorted(signals, key=lambda signal: signal.outcome is not Outcome.FINDING)


def _known(policy: PolicyName) -> Policy | None:
    """Return the policy that ships under this name if it is the one that judged."""
    if policy.name not in names():
        return None
    found = load(policy.name)
    return found if found.sha256 == policy.sha256 else None


def _whole(record: Record) -> None:
    """Check what the type alone does not say.

    Raises:
        ConfigError: an index leads nowhere, or a fact is not of its type.
    """
    named = [*record.verdict.reasons, *record.verdict.not_assessed]
    if any(number >= len(record.signals) for number in named):
        raise _unsound(record, "its verdict names a signal that is not there")
    try:
        for signal in record.signals:
            if signal.facts:
                msgspec.convert(signal.facts, FACTS[signal.tier])
    except msgspec.ValidationError as error:
        raise _unsound(record, error) from error


def _unsound(record: Record, why: object) -> ConfigError:
    return ConfigError(f"the record of {record.item.uri} does not hold: {why}")


def _lines(
    path: Path, kind: type[T], size: int | None = None, tell: Callable[[str], None] | None = None
) -> Iterator[T]:
    """Yield the values of a file with one a line.

    Args:
        path: of the file.
        kind: of the values.
        size: bytes to read, all of them where it is None.
        tell: told that the last line is torn; None: a torn line is refused like any other.
    """
    decoder = msgspec.json.Decoder(kind)
    number = at = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                at += len(line)
                if size is not None and at > size:
                    return
                if line.strip():
                    yield decoder.decode(line)
    except msgspec.MsgspecError as error:
        where = f"{path}:{number}"
        if tell is None or line.endswith(b"\n"):
            raise ConfigError(f"{where}: is no {kind.__name__.lower()}: {error}") from error
        tell(f"{where}: the last line is torn and was left out")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnavailableError:
    what = f"{path}: cannot be read: {os.strerror(error.errno or 0)}"
    return UnavailableError(what, "see that it is yours to read")

"""A pass over a run: every item gets its record, and what is there already is not done again."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.errors import ConfigError, UnavailableError
from detectors.signal import Outcome, Reason
from detectors.spec import Settings
from detectors.storing.atomic import appearing, write_json
from detectors.storing.journal import FULL
from provenance.engine.check import Engine
from provenance.engine.config import RunConfig
from provenance.engine.isolated import isolated
from provenance.engine.ordered import Crew, in_order
from provenance.engine.settings import settings_body
from provenance.intake import remote
from provenance.record import Record
from provenance.runs import groups, identity, why
from provenance.runs.due import Chosen, Desk, Done
from provenance.runs.folder import RunFolder, State
from provenance.runs.ledger import Ledger, Row
from provenance.runs.lines import Lines
from provenance.runs.renewal import Renewal
from provenance.runs.summary import Summary, generators
from provenance.runs.turns import Turn, Turns

WRITTEN: Final = 1.0
"""Seconds between two moments at which everything that is done is on the disk."""
HELD: Final = 0.5
"""Seconds after which a record whose turn has not come is written all the same."""
NAMES: Final = 1000
"""Names of generators that the summary lists."""
GONE: Final = frozenset({"item.missing", "item.unreadable"})
"""Codes that items have when what they lie on has vanished."""


class Stopped(Exception):  # noqa: N818 - the end of a pass, not of the run
    """A pass cannot go on: its disk is full, or what the items lie on has vanished."""


class Pass:
    """One pass over the items of a run."""

    def __init__(
        self,
        folder: RunFolder,
        config: RunConfig,
        sources: list[str],
        encode: Callable[[Record], str],
        deepen: tuple[str, Chosen] | None = None,
        *,
        settings: dict[str, bytes] | None = None,
    ) -> None:
        """Ask the detectors for their settings; nothing is written yet.

        Args:
            folder: of the run.
            config: detectors, options and policy.
            sources: as the user named them.
            encode: gives a record as a line.
            deepen: what further detectors look at, in the user's words, and whether an item is of
                it; None: everything.
            settings: receives the bodies of the settings that records have, each before the first
                of these records: digest → body.

        Raises:
            ConfigError: a detector refuses its options.
        """
        self._bodies = {} if settings is None else settings
        self._folder, self._config, self._encode = folder, config, encode
        self._sources, self._deepen = sources, deepen
        self._settings = isolated("the settings of detectors", _settings, config)
        self._renewal = Renewal(config, self._settings)
        self._digest = hashlib.sha256(self._renewal.body).hexdigest()
        self._roots = {source: _identity(source) for source in sources}
        self._closing = ExitStack()
        self._began, self._written = time.monotonic(), 0.0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Open the run for this pass.

        Raises:
            UnavailableError: another process writes it.
            ConfigError: the folder cannot be made.
            Stopped: it cannot be written.
        """
        with self._closing:
            try:
                self._closing.enter_context(self._folder.writing())
            except OSError as error:
                if error.errno in FULL:
                    raise Stopped(str(error)) from error
                raise ConfigError(f"{self._folder.path}: {error.strerror}") from error
            with _stopping():
                self._open()
            yield

    def _open(self) -> None:
        folder = self._folder
        self._describe("running")  # first: it is small, and a full disk may have room for no more
        self._ledger = Ledger(folder.own)
        self._closing.callback(self._ledger.close)
        self._lines = self._closing.enter_context(Lines(folder.records, folder.own, self._ledger))
        self.last = self._ledger.last_settings()
        self._number = self._ledger.begin_pass()
        self._ledger.note_settings(self._settings, self._config.policy.sha256)
        self.summary = Summary()
        self._ledger.commit()

    @property
    def again(self) -> list[Reason]:
        """What is done again that an earlier pass did, and why."""
        now = (self._settings, self._config.policy.sha256)
        return [] if self.last is None else list(why.reasons(self.last, now))

    def records(
        self,
        paths: Iterable[str],
        crew: Crew,
        ending: Callable[[Iterable[Turn]], Iterator[Turn]],
        interrupted: Callable[[], bool],
    ) -> Generator[Record]:
        """Yield the record of every item in the order of the items, once it is in the run.

        Args:
            paths: of the files that are looked at, as a walk yields them.
            crew: the workers, which tell traces.
            ending: ends the items where the pass is interrupted.
            interrupted: asked when no record is due; true ends the pass early.

        Raises:
            Stopped: the pass cannot go on.
            ConfigError: a detector refused its options.
        """
        chosen = self._deepen[1] if self._deepen else None
        with _stopping():
            self._desk = Desk(self._ledger, self._lines, self._renewal, crew, chosen)

            def ends() -> bool:
                self._write()
                return interrupted()

            self._turns = Turns(self._ledger, self._number, self._desk.suffices)
            turns = self._turns.of(paths)
            if chosen:  # what came since is left to the next pass over everything
                turns = (turn for turn in turns if self._ledger.row(turn.row.uri))
            for done in in_order(ending(turns), self._desk.submit, crew, ends):
                self._take(done)
                self._write()
                yield done.record
            self._write(now=True)

    def end(self, unchecked: int) -> dict[str, Any]:
        """Write what a complete pass writes at its end; return the summary.

        Args:
            unchecked: items that could not be checked.

        Raises:
            Stopped: it cannot be written.
        """
        with _stopping():
            self._lines.flush()
            self._ledger.forget_others(self._number)
            self._lines.finish()
            with appearing(self._folder.groups) as out:
                pixels = any(spec.of_pixels for spec in self._config.specs)
                counts = groups.write(self._ledger, out, pictures=pixels)
            return self._summarise("complete", unchecked, counts)

    def interrupt(self, unchecked: int) -> dict[str, Any]:
        """Write what an interrupted pass writes at its end, as far as it can; return the summary.

        Args:
            unchecked: items that could not be checked.
        """
        with suppress(Stopped), _stopping():
            self._write(now=True)
        with suppress(Stopped), _stopping():
            return self._summarise("interrupted", unchecked, {})
        return self._counted("interrupted", unchecked, {})

    def _summarise(self, state: State, unchecked: int, counts: dict[str, int]) -> dict[str, Any]:
        body = self._counted(state, unchecked, counts)
        write_json(self._folder.summary, body)
        self._describe(state)
        return body

    def _counted(self, state: State, unchecked: int, counts: dict[str, int]) -> dict[str, Any]:
        seconds, names = time.monotonic() - self._began, self._ledger.names(NAMES)
        return self.summary.body(state, unchecked, seconds, counts, names)

    def at_or_above(self, rank: int) -> Iterator[Record]:
        """Yield the records of a risk or a higher one, by risk, then by reason."""
        for row in self._ledger.by_risk(rank, self._number):
            yield msgspec.json.decode(self._lines.read(row), type=Record)

    def _describe(self, state: State) -> None:
        deepened = self._deepen[0] if self._deepen else None
        body = self._renewal.body
        self._folder.describe(state, self._sources, body, self._digest, deepened)

    def _take(self, done: Done) -> None:
        """Put the record of an item into the run, as the next one."""
        record, uri = done.record, done.row.uri
        self._tell_settings(done)
        self._see_that_sources_are_there(record)
        if done.lies:
            row = self._ledger.row(uri) or done.row  # it may have been moved meanwhile
            kept = self._lines.keep(row)
            if kept == row:
                self._ledger.came_to(uri, self._number)
            else:
                self._ledger.put(kept._replace(passed=self._number))
        else:
            row = self._lines.write(self._row(done, self._number), self._line(record))
            self._ledger.put(row)
        self._desk.forget(uri)
        self._turns.came_to(uri)
        self.summary.add(record, done.how)
        for name in generators(record):
            self._ledger.count_name(name)

    def _tell_settings(self, done: Done) -> None:
        """Tell the body of settings that no worker told: of a record that an earlier pass made."""
        sha256 = done.record.tool.settings
        if isinstance(sha256, str) and sha256 not in self._bodies:
            body = settings_body(done.trace.settings, self._config.policy.sha256)
            self._bodies[sha256] = body

    def _line(self, record: Record) -> bytes:
        return self._encode(record).encode()

    def _row(self, done: Done, number: int) -> Row:
        """Return what the ledger is to know, but for where the record lies."""
        record, item = done.record, done.record.item
        reasons = record.verdict.reasons
        content = identity.groupable(item.kind, item.bytes, item.sha256)
        for kept in done.kept:
            self._ledger.put_kept(kept)
        if item.parts:
            self._ledger.put_media(item.uri, identity.pictures(item.parts))
        return done.row._replace(
            trace=self._ledger.number_of(msgspec.json.encode(done.trace, order="deterministic")),
            passed=number,
            content=content,
            risk=record.verdict.risk.rank,
            reason=record.signals[reasons[0] if reasons else 0].reason.code,
        )

    def _write(self, *, now: bool = False) -> None:
        """Bring to the disk what is done, once a second; also what is done before its turn."""
        if not (now or self._lines.full or time.monotonic() - self._written >= WRITTEN):
            return
        for look in self._desk.before_their_turn(0 if now else HELD):
            look.held = True
            done = look.result()
            self._ledger.put(self._lines.hold(self._row(done, 0), self._line(done.record)))
        self._lines.flush()
        self._ledger.commit()
        self._written = time.monotonic()

    def _see_that_sources_are_there(self, record: Record) -> None:
        """Stop where what the user named has vanished since the pass began.

        Raises:
            Stopped: it has.
        """
        if not any(s.outcome is Outcome.FAILED and s.reason.code in GONE for s in record.signals):
            return
        for source, before in self._roots.items():
            if before is not None and _identity(source) != before:
                raise Stopped(f"{source} has vanished meanwhile")


def _settings(config: RunConfig) -> dict[str, Settings]:
    return Engine(config).settings()


def _identity(source: str) -> tuple[int, int] | None:
    """Return what tells a file from another one in its place, None where there is none."""
    if remote.is_remote(source):
        return (0, 0) if remote.answers(source) else None
    try:
        found = Path(source).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _stopping() -> Iterator[None]:
    """Say of what keeps a run from being written that the pass ends there.

    Raises:
        Stopped: something does.
    """
    try:
        yield
    except (OSError, sqlite3.Error, UnavailableError) as error:
        raise Stopped(str(error)) from error

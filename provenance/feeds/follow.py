"""Follow feeds: remember whom, and bring what they say into banks."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from detectors.bank import feeds
from detectors.bank.entry import Status, Tlp
from detectors.bank.exchange.files import decoded
from detectors.bank.exchange.importing import ImportReport, rows, take_in
from detectors.bank.exchange.row import RowDefaults
from detectors.bank.feeds import FeedState
from detectors.bank.location import BankLocation, create, exists, location_of, opened, writing
from detectors.errors import ConfigError, DamagedError
from detectors.storing.atomic import write_json
from detectors.storing.lock import locked
from provenance.engine.isolated import streamed
from provenance.feeds import keys
from provenance.feeds.form import About, checked_name, path_of_deltas, snapshot_parts
from provenance.feeds.refusal import RefusedError
from provenance.feeds.trusted import Anchor, Trusted, first_root, trusted

TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed that is followed here."""

    name: str
    location: str
    bank: str
    """Folder or address of the bank that it fills."""
    prefix: str
    dispute: bool
    """Whether what it withdraws becomes disputed here."""
    fingerprint: str
    """SHA-256 of the first root that was trusted, hex."""
    about: About
    anchor: Anchor

    @property
    def where(self) -> BankLocation:
        """Where the bank lies."""
        return location_of(self.bank)

    @property
    def state(self) -> FeedState | None:
        """What the bank holds of it; None where nothing was brought in yet."""
        return feeds.feeds(self.where).get(self.name) if exists(self.where) else None


class _Named(msgspec.Struct, frozen=True):
    """What a line of entries is told apart by."""

    id: str


class Updated(msgspec.Struct, frozen=True, kw_only=True):
    """What an update brought."""

    name: str
    before: int
    """The sequence that the bank held; 0: none."""
    sequence: int
    report: ImportReport | None = None
    """What became of the rows; None where there were none."""


def follow(
    location: str,
    bank: str,
    *,
    root: Path | None,
    fingerprint: str | None,
    prefix: str = "",
    name: str | None = None,
    dispute: bool = False,
) -> Followed:
    """Begin to follow a feed: verify its metadata, and remember them.

    Args:
        location: a folder or an address.
        bank: folder or address of the bank that it is to fill.
        root: file of its first root.
        fingerprint: SHA-256 of its first root; one of the two is needed.
        prefix: goes before the ids of its entries.
        name: what it is called here; None: as it calls itself.
        dispute: whether what it withdraws becomes disputed here.

    Raises:
        RefusedError: it is not believed.
        ConfigError: something of that name is followed already, or the bank is on a server.
    """
    if name is not None:
        _new(checked_name(name))
    if "://" not in location:
        location = str(Path(location).absolute())
    where = location_of(bank)
    if not isinstance(where, Path):
        raise ConfigError(f"{bank}: a feed fills a bank in a folder; name one")
    first = first_root(location, root, fingerprint)
    with trusted(location, first) as found:
        about, anchor = found.about, found.anchor
    called = _new(name or about.name)
    bank = str(where.absolute())
    made = Followed(
        name=called, location=location, bank=bank, prefix=prefix, dispute=dispute,
        fingerprint=hashlib.sha256(first.root.encode()).hexdigest(), about=about, anchor=anchor,
    )  # fmt: skip
    create(where, _moment(datetime.now(UTC)))
    _save(made)
    return made


def _folder() -> Path:
    return keys.folder() / "followed"


def _file(name: str) -> Path:
    return _folder() / name / "feed.json"


def _new(name: str) -> str:
    """Return a name that nothing is followed under.

    Raises:
        ConfigError: something is.
    """
    if _file(name).is_file():
        raise ConfigError(
            f"a feed {name} is followed already; use --name, or `feed unfollow {name}`"
        )
    return name


def _save(feed: Followed) -> None:
    _file(feed.name).parent.mkdir(parents=True, exist_ok=True)
    write_json(_file(feed.name), feed)


def followed(names: tuple[str, ...] = ()) -> list[Followed]:
    """Return the feeds that are followed, by name: these, or all.

    Raises:
        ConfigError: one is not followed.
        DamagedError: what is remembered of one cannot be read.
    """
    there = {path.parent.name: path for path in sorted(_folder().glob("*/feed.json"))}
    for name in names:
        if name not in there:
            raise ConfigError(f"no feed {name!r} is followed (`provenance feed list`)")
    return [_load(path) for name, path in there.items() if not names or name in names]


def _load(path: Path) -> Followed:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Followed)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise DamagedError(
            f"{path}: cannot be read", "delete it and follow the feed again"
        ) from error


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a feed against another update of it."""
    with locked(_folder() / name / "lock", f"another update of the feed {name} is under way"):
        yield


def update(name: str, now: datetime) -> Updated:
    """Bring what a feed says now into its bank, as one transaction.

    Args:
        name: of a feed that is followed.
        now: UTC.

    Raises:
        RefusedError: it is not believed; nothing was changed here.
        Error: the bank cannot be used.
    """
    with _alone(name):
        (feed,) = followed((name,))
        state = feed.state
        before = state.sequence if state else 0
        with trusted(feed.location, feed.anchor) as found:
            said = found.about
            if said.sequence < before:
                raise RefusedError("sequence", f"{said.sequence} after {before}")
            report = None if said.sequence == before else _taken(feed, found, before, now)
            fresh = FeedState(
                sequence=said.sequence, checked=_moment(now), expires=_moment(found.expires)
            )
        create(feed.where, _moment(now))
        feeds.record(feed.where, feed.name, fresh)
        _save(msgspec.structs.replace(feed, about=said, anchor=found.anchor))
    return Updated(name=name, before=before, sequence=said.sequence, report=report)


def _taken(feed: Followed, found: Trusted, before: int, now: datetime) -> ImportReport:
    """Bring rows into the bank: the changes since what it holds, or the newest snapshot."""
    said = found.about
    steps = path_of_deltas(found.targets, before, said.sequence) if before else None
    targets = steps if steps is not None else snapshot_parts(found.targets, said.sequence)
    if not targets:
        raise RefusedError("missing", f"the entries at sequence {said.sequence}")
    with TemporaryDirectory(prefix="provenance-feed-") as folder:
        file = Path(folder) / f"{feed.name}.jsonl"
        with file.open("wb") as out:
            if steps is None:
                out.writelines(found.unpacked(each) for each in targets)
            else:
                out.writelines(_last_of_each(found.unpacked(each) for each in targets))
        defaults = RowDefaults(
            now=_moment(now), tlp=Tlp(said.tlp) if said.tlp in {*Tlp} else Tlp.AMBER,
            source=said.publisher, feed=feed.name, prefix=feed.prefix,
        )  # fmt: skip
        return take_in(
            feed.where, file, "jsonl", defaults, dispute=feed.dispute,
            read=lambda form, path: streamed(path.name, rows, form, path),
            whole=True, complete=steps is None,
        )  # fmt: skip


def _last_of_each(steps: Iterator[bytes]) -> list[bytes]:
    """Return the lines of several changes, of each entry the last one."""
    kept: dict[str | bytes, bytes] = {}
    for data in steps:
        for line in data.splitlines():
            said = decoded(line, _Named)
            kept[said.id if said else line] = line + b"\n"
    return [*kept.values()]


def unfollow(name: str, now: datetime, *, withdraw: bool = False) -> int:
    """Forget a feed; return how many of its entries were withdrawn here.

    Args:
        name: of the feed.
        now: UTC.
        withdraw: withdraw all entries that it brought; they stay in use otherwise.
    """
    with _alone(name):
        (feed,) = followed((name,))
        count = 0
        if exists(feed.where):
            count = _withdrawn(feed, now) if withdraw else 0
            feeds.record(feed.where, name, None)
        shutil.rmtree(_folder() / name)
    return count


def _withdrawn(feed: Followed, now: datetime) -> int:
    """Withdraw the entries of a feed; return how many."""
    with writing(feed.where) as writer:
        for entry in opened(feed.where).entries.values():
            if entry.feed == feed.name and entry.status is not Status.WITHDRAWN:
                reason = f"the feed {feed.name} is no longer followed"
                gone = {"status": Status.WITHDRAWN, "reason": reason, "modified": _moment(now)}
                writer.put(msgspec.structs.replace(entry, **gone))
        return len(writer.commit(whole=True))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime(TIME)

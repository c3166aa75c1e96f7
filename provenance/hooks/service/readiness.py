"""What the service looks with: detectors, models, banks and lists, by name, digest and age."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from detectors.item import Item
from provenance.banking.lookup import LookUp
from provenance.engine.config import RunConfig
from provenance.engine.description import DEADLINE
from provenance.engine.warm import Workers
from provenance.intake import bytes as given
from provenance.record import PolicyName, Record

PICTURE: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x00\x00\x00\x00\x00,\x00"
    b"\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""One pixel: what detectors of pictures need is loaded by looking at it."""
WORDS: Final = "Is everything here that a look needs?"
FRESH: Final = 30.0
"""Seconds for which what was told of the settings holds."""
PATIENCE: Final = 120.0
"""Seconds for the first look of each worker, which loads the models."""
DAY: Final = 86_400


class ListState(NamedTuple):
    """A trust list in use."""

    name: str
    issued: date


class FeedAge(msgspec.Struct, frozen=True, kw_only=True):
    """A feed that fills a bank, and how long ago it was last found fresh."""

    name: str
    sequence: int
    """Of the entries that the bank holds."""
    age_days: int
    expired: bool


class BankAge(msgspec.Struct, frozen=True, kw_only=True):
    """A bank, and how old its last change is."""

    name: str
    id: str
    change: int
    """Number of its last change."""
    entries: int
    age_days: float | None
    """None for a bank without a change."""
    feeds: list[FeedAge]


class ListAge(msgspec.Struct, frozen=True, kw_only=True):
    """A trust list, and how long ago its publisher issued it."""

    name: str
    sha256: str | None
    """Of what it holds; None where no detector uses it."""
    age_days: float


class Ready(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That the service can check, and with what. Without a token it says only that."""

    status: Literal["ready"]
    policy: PolicyName | None = None
    detectors: dict[str, str] = {}
    """Name → version and engine."""
    models: dict[str, str] = {}
    """Name → SHA-256 of what it holds."""
    banks: list[BankAge] = []
    lists: list[ListAge] = []


class _Digests(msgspec.Struct, frozen=True):
    models: dict[str, str]
    lists: list[dict[str, str]]


class Readiness:
    """Tells what the service looks with, by having the workers look. The loop's thread calls it."""

    def __init__(
        self,
        config: RunConfig,
        *,
        workers: Workers,
        settings: dict[str, bytes],
        lookup: LookUp,
        lists: Callable[[], Sequence[ListState]],
        stale_after: float | None,
    ) -> None:
        """Take what is told of.

        Args:
            config: detectors, policy.
            workers: which look.
            settings: bodies of the settings of records, by digest, as the workers tell them.
            lookup: the banks.
            lists: asked for the trust lists in use.
            stale_after: days beyond which a bank or a list is too old; None: none is.
        """
        self._config, self._workers, self._settings = config, workers, settings
        self._lookup, self._lists, self._stale_after = lookup, lists, stale_after
        self._record: Record | None = None
        self._looked, self._looking = 0.0, asyncio.Lock()

    def begin(self, jobs: int) -> None:
        """Have every worker look once, so that what the first requests need is loaded.

        Args:
            jobs: how many workers there are.

        Raises:
            Error: no worker can be started, or a detector refuses its options.
        """
        due = [self._workers.submit(_item(), PATIENCE) for _ in range(jobs)]
        for each in due:
            self._take(each.result())

    async def ready(self, seconds: float) -> Ready:
        """Return what the service looks with now.

        Args:
            seconds: for which the workers are waited for; busy ones are ready.

        Raises:
            Error: no worker can be started.
        """
        async with self._looking:  # whoever asks without a token has one look made at a time
            if time.monotonic() - self._looked > FRESH:
                self._take(await asyncio.wrap_future(self._workers.submit(_item(), seconds)))
        return self._told()

    def banks(self) -> list[BankAge]:
        """Return the banks and their ages, with those of the feeds that fill them."""
        today, feeds = datetime.now(UTC).date().isoformat(), self._lookup.feeds()
        return [
            BankAge(
                name=state.bank, id=state.id, change=state.changes, entries=state.entries,
                age_days=_age(datetime.fromisoformat(state.modified)) if state.modified else None,
                feeds=[
                    FeedAge(name=name, **feed.told(today))
                    for name, feed in feeds.get(state.bank, {}).items()
                ],
            )
            for state in self._lookup.states()
        ]  # fmt: skip

    def lists(self) -> list[ListAge]:
        """Return the trust lists in use, and their ages."""
        digests = {each["name"]: each["sha256"] for each in self._digests().lists}
        return [
            ListAge(
                name=one.name, sha256=digests.get(one.name),
                age_days=_age(datetime.combine(one.issued, datetime.min.time(), UTC)),
            )
            for one in self._lists()
        ]  # fmt: skip

    def stale(self) -> list[str]:
        """Return the names of banks, feeds and lists that are too old.

        A bank that feeds fill is as old as they are: one without news is not stale.
        """
        if self._stale_after is None:
            return []
        banks = self.banks()
        ages = [(bank.name, bank.age_days) for bank in banks if not bank.feeds]
        ages += [(feed.name, float(feed.age_days)) for bank in banks for feed in bank.feeds]
        ages += [(one.name, one.age_days) for one in self.lists()]
        return [name for name, age in ages if age is None or age > self._stale_after]

    def _take(self, record: Record) -> None:
        self._looked = time.monotonic()
        if self._record is None or not any(s.reason.code == DEADLINE for s in record.signals):
            self._record = record

    def _told(self) -> Ready:
        policy = self._config.policy
        return Ready(
            status="ready",
            policy=PolicyName(name=policy.name, sha256=policy.sha256),
            detectors=self._record.tool.detectors if self._record else {},
            models=self._digests().models,
            banks=self.banks(),
            lists=self.lists(),
        )

    def _digests(self) -> _Digests:
        told = self._record.tool.settings if self._record else None
        body = self._settings.get(told) if isinstance(told, str) else None
        return msgspec.json.decode(body, type=_Digests) if body else _Digests({}, [])


def _item() -> Item:
    return given.post(WORDS, [given.item(PICTURE, "picture")], "ready")


def _age(moment: datetime) -> float:
    return round((datetime.now(UTC) - moment).total_seconds() / DAY, 3)

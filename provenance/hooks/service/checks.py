"""The way from a request to the workers: a queue that is never long, and threads for what waits.

The loop of the service decodes nothing and waits for no disk. Records are made by the workers;
media of messages are fetched, forms taken apart and the audit log written in threads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from detectors.item import Item
from provenance.audit.log import AuditLog
from provenance.engine.check import FINGERPRINTS
from provenance.engine.warm import Workers
from provenance.hooks.decider import Decider
from provenance.hooks.message import Message
from provenance.hooks.service.problem import busy
from provenance.record import Record

T = TypeVar("T")

QUEUE: Final = 4
"""Requests a worker that may wait."""


class Checks:
    """Has items and messages checked. The loop's thread calls it."""

    def __init__(
        self,
        workers: Workers,
        decider: Decider,
        audit: AuditLog | None,
        jobs: int,
        judged: Callable[[Record], None],
    ) -> None:
        """Take what checks.

        Args:
            workers: warm.
            decider: decides on messages, with the same workers.
            audit: takes a line a record.
            jobs: how many workers there are.
            judged: told of each record of an item; of those of messages the decider tells.
        """
        self._workers, self._decider, self._audit = workers, decider, audit
        self._jobs, self._judged = jobs, judged
        self.most = jobs * (1 + QUEUE)
        """Requests that are looked at or wait."""
        self.now = 0
        """How many there are."""
        self._threads = ThreadPoolExecutor(self.most, "request")

    async def records(self, items: Sequence[Item], until: float) -> list[Record]:
        """Return the records of items, in their order.

        Args:
            items: to check.
            until: `time.monotonic()` by which they are wanted, as far as they have come.

        Raises:
            Problem: too many wait.
            Error: no worker can be started, or the audit log not be written.
        """
        async with self._place():
            left = max(until - time.monotonic(), 0.0)
            due = [self._workers.submit(item, left) for item in items]
            records = [await asyncio.wrap_future(each) for each in due]
            for record in records:
                self._judged(record)
            if self._audit:
                await self._in_thread(lambda: self._logged(records))
        return records

    async def fingerprints(self, item: Item, until: float) -> dict[str, str]:
        """Return the fingerprints of a picture, none where it cannot be decoded.

        Arguments and errors as for `records`.
        """
        async with self._place():
            left = max(until - time.monotonic(), 0.0)
            due = self._workers.submit(item, left, only=(FINGERPRINTS,))
            return (await asyncio.wrap_future(due)).item.fingerprints

    async def decision(self, message: Message, until: float) -> bytes:
        """Return the decision on a message, as JSON; arguments and errors as for `records`."""
        async with self._place():
            return await self._in_thread(lambda: self._decider.decide(message, 1, until))

    async def aside(self, work: Callable[[], T]) -> T:
        """Return what a function returns that takes its time, called in a thread.

        Raises:
            Problem: too many wait.
        """
        async with self._place():
            return await self._in_thread(work)

    @property
    def restarts(self) -> int:
        """How many workers were replaced."""
        return self._workers.started - self._jobs

    @property
    def holds(self) -> bool:
        """Whether people are to look before anything is done: the brake is on."""
        return self._decider.holds

    def admit(self) -> None:
        """Do nothing while one more request may wait.

        Raises:
            Problem: none may.
        """
        if self.now >= self.most:
            raise busy()

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        self.admit()
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _logged(self, records: Sequence[Record]) -> None:
        if self._audit:
            self._audit.append(records)

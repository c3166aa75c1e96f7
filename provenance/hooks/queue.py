"""The loop of a worker: take messages, have them decided, publish, and only then acknowledge."""

import asyncio
import random
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from provenance.hooks.brokers import Delivery, Queue
from provenance.hooks.decider import Decider
from provenance.hooks.decision import DeadLetter

FIRST: Final = 0.25
MOST: Final = 15.0
"""Seconds of the first and of the longest pause when a server does not answer."""


class Worker:
    """Takes messages from a queue until it is told to stop."""

    def __init__(
        self,
        queue: Queue,
        decider: Decider,
        *,
        ahead: int,
        attempts: int,
        deadline: float,
        tell: Callable[[str], None],
    ) -> None:
        """Take what it works with.

        Args:
            queue: not opened yet.
            decider: what decides.
            ahead: messages that are taken at once.
            attempts: deliveries after which a message that cannot be done with is a dead letter.
            deadline: seconds for which what was taken is waited for at the end.
            tell: told what people should know.
        """
        self._queue, self._decider = queue, decider
        self._ahead = 1 if queue.serial else ahead
        self._attempts, self._deadline, self._tell = attempts, deadline, tell
        self._stopping = asyncio.Event()
        self._tasks = set[asyncio.Task[None]]()
        self._pool = ThreadPoolExecutor(self._ahead, "message")
        self._trouble = ""

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT, then finish what was taken."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        await self._insisting(self._queue.open)
        while not self._stopping.is_set():
            if len(self._tasks) >= self._ahead:
                await self._pause(None)
                continue
            try:
                delivery = await self._queue.take()
            except Exception as error:  # noqa: BLE001 - each client has errors of its own
                self._say(error)
                await self._reopened()
                continue
            if delivery is not None:
                self._trouble = ""
                self._begin(delivery)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._deadline)
        for task in self._tasks:
            task.cancel()
        with suppress(Exception):
            await self._queue.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._done_with(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _done_with(self, delivery: Delivery) -> None:
        """Decide on one message, publish, and acknowledge it; what fails is delivered again."""
        answer = await self._answer(delivery)
        if answer is None:
            with suppress(Exception):
                await delivery.release(_pause(delivery.attempt))
            return
        if isinstance(answer, DeadLetter):
            letter = answer
            await self._insisting(lambda: self._queue.bury(letter))
        else:
            body = answer
            await self._insisting(lambda: self._queue.answer(body))
        try:
            await delivery.finish()
        except Exception as error:  # noqa: BLE001 - it comes again, and gets the stored decision
            self._say(error)

    async def _answer(self, delivery: Delivery) -> bytes | DeadLetter | None:
        """Return what is published; None where the message is to be delivered again."""
        if delivery.attempt > self._attempts:
            said = {"attempts": self._attempts}
            return DeadLetter(delivery.body, "hook.attempts", said, delivery.attempt - 1)
        loop = asyncio.get_running_loop()
        decide = self._decider.answer
        try:
            return await loop.run_in_executor(self._pool, decide, delivery.body, delivery.attempt)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue goes on
            self._say(error)
            if delivery.attempt < self._attempts:
                return None
            said_of = {"error": f"{type(error).__name__}: {error}"[:500]}
            return DeadLetter(delivery.body, "hook.failed", said_of, delivery.attempt)

    async def _insisting(self, step: Callable[[], object]) -> None:
        """Do something until it succeeds, with longer and longer pauses."""
        tries = 0
        while True:
            try:
                await step()  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - each client has errors of its own
                self._say(error)
                tries += 1
                await self._pause(_pause(tries))
                if self._stopping.is_set() and tries > 1 and not self._tasks:
                    return
            else:
                return

    async def _reopened(self) -> None:
        """Connect anew, however long that takes."""
        with suppress(Exception):
            await self._queue.close()
        await self._pause(_pause(1))
        if not self._stopping.is_set():
            await self._insisting(self._queue.open)

    async def _pause(self, seconds: float | None) -> None:
        """Wait for some time, for a message that is done with, or for the end."""
        stopping = asyncio.create_task(self._stopping.wait())
        waits = {stopping} if seconds is not None else {stopping, *self._tasks}
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    def _say(self, error: Exception) -> None:
        """Say what is amiss, once."""
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        if said != self._trouble:
            self._trouble = said
            self._tell(said)


def _pause(tries: int) -> float:
    """Return the seconds before the next try: doubled each time, with jitter."""
    return float(min(MOST, FIRST * 2 ** min(tries, 10)) * random.uniform(0.5, 1.0))  # noqa: S311

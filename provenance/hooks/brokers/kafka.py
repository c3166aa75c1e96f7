"""Kafka topics, by a consumer group.

Kafka remembers a position, not single messages: whoever commits one has finished all before it. So
one message is taken at a time, and a worker that is killed gives its last one to another.
"""

import asyncio
import base64
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import msgspec
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from provenance.hooks.brokers import Delivery, Names, Queue
from provenance.hooks.decision import DeadLetter

WAIT: Final = 1.0
"""Seconds for which a message is waited for."""


class KafkaDelivery(Delivery):
    """A message whose position is not committed."""

    def __init__(self, message: KafkaMessage, attempt: int) -> None:
        """Keep the message."""
        self._message, self.attempt = message, attempt
        self.body = bytes(message.body)
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether it is finished; else it is to be delivered again."""

    async def finish(self) -> None:
        """Commit its position."""
        await self._message.ack()
        self.done.set_result(True)

    async def release(self, seconds: float) -> None:
        """Take it up again after some time: nothing behind it is read before."""
        await asyncio.sleep(seconds)
        self.done.set_result(False)


class KafkaQueue(Queue):
    """Topics of a Kafka cluster."""

    serial = True

    def __init__(self, names: Names, broker: KafkaBroker | None = None) -> None:
        """Keep the names; nothing is connected yet.

        Args:
            names: of the topics.
            broker: None: one at the address of the names.
        """
        self._names = names
        server = urlsplit(names.url).netloc
        self._broker = broker or KafkaBroker(server, logger=None)
        self._taken: asyncio.Queue[KafkaDelivery] = asyncio.Queue(1)

    def subscribe(self) -> None:
        """Ask for messages of the group, which begins at the first one."""
        subscriber = self._broker.subscriber(
            self._names.inbox,
            group_id=self._names.group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            decoder=_undecoded,
        )
        subscriber(self._hand_over)

    async def open(self) -> None:
        """Connect, and join the group."""
        if not self._broker.subscribers:
            self.subscribe()
        await self._broker.start()

    async def close(self) -> None:
        """Leave the group."""
        await self._broker.stop()

    async def take(self) -> KafkaDelivery | None:
        """Return the next message."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._taken.get(), WAIT)
        return None

    async def answer(self, decision: bytes) -> None:
        """Publish a decision; the cluster confirms it."""
        await self._broker.publish(decision, self._names.out)

    async def bury(self, letter: DeadLetter) -> None:
        """Publish a dead letter; the cluster confirms it."""
        await self._broker.publish(letter.to_json(), self._names.dead)

    async def raise_dead(self) -> int:
        """Publish the messages of dead letters again; the letters stay, behind a position."""
        count = 0
        dead = self._broker.subscriber(
            self._names.dead,
            group_id=f"{self._names.group}.replay",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            persistent=False,
        )
        await dead.start()
        while message := await dead.get_one(timeout=5 * WAIT):
            with suppress(msgspec.DecodeError, KeyError, TypeError, ValueError):
                letter = msgspec.json.decode(bytes(message.body))
                await self._broker.publish(base64.b64decode(letter["bytes"]), self._names.inbox)
                count += 1
            await message.ack()
        return count

    async def _hand_over(self, message: KafkaMessage) -> None:
        """Let a message be taken, and wait until it is done with."""
        attempt, done = 1, False
        while not done:
            delivery = KafkaDelivery(message, attempt)
            await self._taken.put(delivery)
            done = await delivery.done
            attempt += 1


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    """Leave a body as it is: the handler gets the message."""
    return message

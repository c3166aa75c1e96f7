"""RabbitMQ (AMQP 0.9.1): durable queues, quorum queues where the server can.

A message that cannot be done with now waits in `IN.retry`, from where the server moves it back.
Decisions are persistent, and confirmed by the server before anything is acknowledged.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aio_pika.exceptions import ChannelClosed
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from provenance.hooks.brokers import Delivery, Names, Queue
from provenance.hooks.decision import DeadLetter

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
    from faststream.rabbit.schemas.queue import ClassicQueueArgs

WAIT: Final = 1.0
"""Seconds for which a message is waited for."""
STEP: Final = 0.1
"""Seconds between two looks for one."""
REPLY: Final = 60.0
"""Seconds for the server to reply: a call that is broken off closes the channel, with all that was
taken over it and is not acknowledged."""
ATTEMPT: Final = "x-provenance-attempt"
"""Header of a message that waited in `IN.retry`: which delivery comes next."""
COUNT: Final = "x-delivery-count"
"""Header of quorum queues: deliveries before this one."""


class AmqpDelivery(Delivery):
    """A message that is not acknowledged."""

    def __init__(self, message: "AbstractIncomingMessage", queue: "AmqpQueue") -> None:
        """Keep the message."""
        self._message, self._queue = message, queue
        self.body = bytes(message.body)
        headers = message.headers
        before = int(_number(headers.get(COUNT))) or int(bool(message.redelivered))
        self.attempt = max(before + 1, int(_number(headers.get(ATTEMPT))))

    async def finish(self) -> None:
        """Acknowledge it."""
        await self._message.ack()

    async def release(self, seconds: float) -> None:
        """Let it wait in the queue for later, then acknowledge it here."""
        await self._queue.put_off(self.body, self.attempt + 1, seconds)
        await self._message.ack()


class AmqpQueue(Queue):
    """Queues on a RabbitMQ server."""

    def __init__(self, names: Names) -> None:
        """Keep the names; nothing is connected yet."""
        self._names = names
        self._retry = f"{names.inbox}.retry"

    async def open(self) -> None:
        """Connect, and declare the queues."""
        self._broker = RabbitBroker(
            self._names.url,
            logger=None,
            default_channel=Channel(publisher_confirms=True),
        )
        await self._broker.connect()
        await self._broker.start()
        names = self._names
        self._inbox = await self._declared(names.inbox)
        for name in (names.out, names.dead):
            await self._declared(name)
        back: ClassicQueueArgs = {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": names.inbox,
        }
        retry = RabbitQueue(self._retry, durable=True, arguments=back)
        await self._broker.declare_queue(retry)

    async def close(self) -> None:
        """Disconnect; the server takes back what was not acknowledged."""
        await self._broker.stop()

    async def take(self) -> AmqpDelivery | None:
        """Return the next message."""
        for _ in range(round(WAIT / STEP)):
            if message := await self._inbox.get(fail=False, timeout=REPLY):
                return AmqpDelivery(message, self)
            await asyncio.sleep(STEP)
        return None

    async def answer(self, decision: bytes) -> None:
        """Publish a decision."""
        await self._put(self._names.out, decision)

    async def bury(self, letter: DeadLetter) -> None:
        """Publish a dead letter: the message's bytes, with error and attempts as headers."""
        error = msgspec.json.encode(letter.error).decode()
        headers = {"error": error, "attempts": letter.attempts}
        await self._put(self._names.dead, letter.data, headers)

    async def put_off(self, body: bytes, attempt: int, seconds: float) -> None:
        """Publish a message that is to be delivered later."""
        await self._put(self._retry, body, {ATTEMPT: attempt}, expiration=max(seconds, 0.001))

    async def raise_dead(self) -> int:
        """Move messages back, each acknowledged when the server has it again."""
        dead, count = await self._declared(self._names.dead), 0
        while message := await dead.get(fail=False, timeout=REPLY):
            await self._put(self._names.inbox, bytes(message.body))
            await message.ack()
            count += 1
        return count

    async def _declared(self, name: str) -> "AbstractQueue":
        """Return a queue that is there now: a quorum queue, or what somebody made of that name."""
        queue = RabbitQueue(name, durable=True, queue_type=QueueType.QUORUM)
        with suppress(ChannelClosed):
            return await self._broker.declare_queue(queue)
        return await self._broker.declare_queue(RabbitQueue(name, declare=False))

    async def _put(
        self, name: str, body: bytes, headers: dict[str, Any] | None = None, **more: Any
    ) -> None:
        await self._broker.publish(
            body, name, persist=True, content_type="application/json", headers=headers, **more
        )


def _number(value: object) -> int:
    """Return a header as a number; 0 where it is none."""
    return value if isinstance(value, int) else 0

"""NATS JetStream: a stream for each of the three names, and a durable consumer for the group."""

import base64
from contextlib import suppress
from typing import Any, Final

import msgspec
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from provenance.hooks.brokers import Delivery, Names, Queue
from provenance.hooks.decision import DeadLetter

WAIT: Final = 1.0
"""Seconds for which a message is waited for."""


class NatsDelivery(Delivery):
    """A message that is not acknowledged."""

    def __init__(self, message: NatsMessage) -> None:
        """Keep the message."""
        self._message: Any = message
        self.body = bytes(message.body)
        self.attempt = self._message.raw_message.metadata.num_delivered

    async def finish(self) -> None:
        """Acknowledge it, and wait until the server says so."""
        await self._message.raw_message.ack_sync()

    async def release(self, seconds: float) -> None:
        """Have it delivered again later."""
        await self._message.raw_message.nak(delay=seconds)


class NatsQueue(Queue):
    """Streams of a NATS server."""

    def __init__(self, names: Names) -> None:
        """Keep the names; nothing is connected yet."""
        self._names = names

    async def open(self) -> None:
        """Connect, and make streams and consumer where there are none."""
        names = self._names
        self._broker = NatsBroker(names.url, logger=None, decoder=_undecoded)
        client = await self._broker.connect()
        self._server = client.jetstream()
        inbox, *_ = [await self._stream(name) for name in (names.inbox, names.out, names.dead)]
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT, ack_wait=names.lease, deliver_policy=DeliverPolicy.ALL
        )
        self._inbox = self._broker.subscriber(
            names.inbox,
            stream=JStream(inbox, declare=False),
            durable=names.group,
            pull_sub=PullSub(batch_size=1, timeout=WAIT),
            config=config,
            persistent=False,
        )
        await self._broker.start()
        await self._inbox.start()

    async def close(self) -> None:
        """Disconnect."""
        await self._broker.stop()

    async def take(self) -> NatsDelivery | None:
        """Return the next message."""
        message: Any = await self._inbox.get_one(timeout=WAIT)
        return NatsDelivery(message) if message else None

    async def answer(self, decision: bytes) -> None:
        """Publish a decision; the server confirms it."""
        await self._server.publish(self._names.out, decision)

    async def bury(self, letter: DeadLetter) -> None:
        """Publish a dead letter; the server confirms it."""
        await self._server.publish(self._names.dead, letter.to_json())

    async def raise_dead(self) -> int:
        """Move messages back, each removed when the server has it again."""
        name, count = await self._stream(self._names.dead), 0
        state = (await self._server.stream_info(name)).state
        for number in range(state.first_seq, state.last_seq + 1):
            with suppress(NotFoundError, msgspec.DecodeError, KeyError, TypeError, ValueError):
                letter = msgspec.json.decode((await self._server.get_msg(name, number)).data or b"")
                await self._server.publish(self._names.inbox, base64.b64decode(letter["bytes"]))
                await self._server.delete_msg(name, number)
                count += 1
        return count

    async def _stream(self, subject: str) -> str:
        """Return the name of the stream that holds a subject; it is made where there is none."""
        with suppress(NotFoundError):
            return await self._server.find_stream_name_by_subject(subject)
        name = subject.replace(".", "_")
        await self._server.add_stream(name=name, subjects=[subject])
        return name


async def _undecoded(_message: NatsMessage) -> None:
    """Leave a body as it is."""

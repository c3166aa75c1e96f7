"""Redis Streams, by a consumer group.

A message is the field `__data__` of an entry, or its only field; decisions and dead letters are
bare JSON in `__data__`. What a worker took and did not finish stays pending with the server until
another claims it: FastStream reads new entries or claims old ones, so there are two subscribers.
"""

import base64
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import RedisStreamMessage
from faststream.redis.parser import BinaryMessageFormatV1
from redis.exceptions import ResponseError

from provenance.hooks.brokers import Delivery, Names, Queue
from provenance.hooks.decision import DeadLetter

DATA: Final = b"__data__"
WAIT: Final = 1.0
"""Seconds for which new messages are waited for, and between two looks at what others left."""
IDLE: Final = 3_600_000
"""Milliseconds after which a consumer that has nothing pending is forgotten."""


class RedisDelivery(Delivery):
    """An entry of a stream."""

    def __init__(self, message: RedisStreamMessage, attempt: int, *, trim: bool) -> None:
        """Keep the entry."""
        self._message, self._trim = message, trim
        self.body, self.attempt = bytes(message.body), attempt

    async def finish(self) -> None:
        """Acknowledge the entry, and remove it if that is wanted."""
        await self._message.ack()
        if self._trim:
            await self._message.delete()

    async def release(self, seconds: float) -> None:
        """Leave it pending: it is claimed once its lease has run out."""


class RedisQueue(Queue):
    """Streams on a Redis server."""

    def __init__(self, names: Names) -> None:
        """Keep the names; nothing is connected yet."""
        self._names = names
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._claimed = 0.0
        """When it was last looked for what others left."""

    async def open(self) -> None:
        """Connect, and make the group, which begins at the first entry."""
        names = self._names
        self._broker = RedisBroker(
            names.url,
            logger=None,  # type: ignore[arg-type]  # the other brokers declare None
            parser=_raw,
            decoder=_undecoded,
        )
        client: Any = await self._broker.connect()
        self._client = client
        with suppress(ResponseError):  # it is there
            await client.xgroup_create(names.inbox, names.group, id="0", mkstream=True)
        self._new = self._broker.subscriber(stream=self._sub(), persistent=False)
        lease = int(1000 * names.lease)
        self._old = self._broker.subscriber(stream=self._sub(lease), persistent=False)
        for subscriber in (self._new, self._old):
            await subscriber.start()
        await self._forget_consumers()

    async def close(self) -> None:
        """Leave the group, if nothing is pending here, and disconnect."""
        with suppress(Exception):
            mine = [c for c in await self._consumers() if c["name"] == self._consumer.encode()]
            if mine and not mine[0]["pending"]:
                names = self._names
                await self._client.xgroup_delconsumer(names.inbox, names.group, self._consumer)
        await self._broker.stop()

    async def take(self) -> RedisDelivery | None:
        """Return an entry that another worker left, else the next new one."""
        if time.monotonic() - self._claimed > WAIT:
            if message := await self._old.get_one():
                return await self._delivery(message, again=True)
            self._claimed = time.monotonic()
        message = await self._new.get_one(timeout=WAIT)
        return await self._delivery(message, again=False) if message else None

    async def answer(self, decision: bytes) -> None:
        """Add a decision to its stream."""
        await self._client.xadd(self._names.out, {DATA: decision})

    async def bury(self, letter: DeadLetter) -> None:
        """Add a dead letter to its stream."""
        await self._client.xadd(self._names.dead, {DATA: letter.to_json()})

    async def raise_dead(self) -> int:
        """Move messages back, entry by entry in one transaction each."""
        count, start = 0, "-"
        while entries := await self._client.xrange(self._names.dead, min=start, count=100):
            for identity, fields in entries:
                start = f"({identity.decode()}"
                with suppress(msgspec.DecodeError, KeyError, TypeError, ValueError):
                    letter = msgspec.json.decode(fields[DATA])
                    body = base64.b64decode(letter["bytes"])
                    async with self._client.pipeline(transaction=True) as pipe:
                        pipe.xadd(self._names.inbox, {DATA: body})
                        pipe.xdel(self._names.dead, identity)
                        await pipe.execute()
                    count += 1
        return count

    def _sub(self, lease: int | None = None) -> StreamSub[Any]:
        return StreamSub(
            self._names.inbox,
            group=self._names.group,
            consumer=self._consumer,
            min_idle_time=lease,
            declare=False,
        )

    async def _delivery(self, message: RedisStreamMessage, *, again: bool) -> RedisDelivery:
        attempt = await message.get_delivery_count() if again else 1
        return RedisDelivery(message, max(attempt, 1), trim=self._names.trim)

    async def _consumers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._client.xinfo_consumers(
            self._names.inbox, self._names.group
        )
        return found

    async def _forget_consumers(self) -> None:
        """Remove consumers that have gone and left nothing."""
        for one in await self._consumers():
            if not one["pending"] and one["idle"] > IDLE:
                await self._client.xgroup_delconsumer(
                    self._names.inbox, self._names.group, one["name"]
                )


async def _raw(
    message: dict[str, Any],
    original: Callable[[dict[str, Any]], Awaitable[RedisStreamMessage]],
) -> RedisStreamMessage:
    """Return a message whose body nobody has parsed: it may be anything."""
    fields: dict[bytes, bytes] = message["data"] or {}
    body = fields.get(DATA)
    if body is None:
        body = next(iter(fields.values())) if len(fields) == 1 else b""
    made = await original({**message, "data": {DATA: b"null"}})
    if body.startswith(BinaryMessageFormatV1.IDENTITY_HEADER):  # published by FastStream
        body, _ = BinaryMessageFormatV1.parse(body)
    made.body = body
    return made


async def _undecoded(_message: RedisStreamMessage) -> None:
    """Leave a body as it is."""

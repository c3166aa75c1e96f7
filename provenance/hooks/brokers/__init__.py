"""Queues of messages: a module for each kind of server, all behind one form."""

from abc import ABC, abstractmethod
from typing import Final
from urllib.parse import urlsplit

import msgspec

from detectors.errors import ConfigError
from detectors.spec import resolve
from provenance.hooks.decision import DeadLetter

BROKERS: Final = {
    "redis": "provenance.hooks.brokers.redis:RedisQueue",
    "rediss": "provenance.hooks.brokers.redis:RedisQueue",
    "amqp": "provenance.hooks.brokers.amqp:AmqpQueue",
    "amqps": "provenance.hooks.brokers.amqp:AmqpQueue",
    "nats": "provenance.hooks.brokers.nats:NatsQueue",
    "tls": "provenance.hooks.brokers.nats:NatsQueue",
    "kafka": "provenance.hooks.brokers.kafka:KafkaQueue",
}
"""Scheme of an address → what speaks with such a server."""


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages come from and go to."""

    url: str
    inbox: str
    out: str
    dead: str
    group: str
    lease: float
    """Seconds after which a message that somebody took and did not finish goes to another."""
    trim: bool = False
    """Whether what is finished is removed, where servers keep it."""


class Delivery(ABC):
    """One delivery of a message, not finished yet."""

    body: bytes
    attempt: int
    """The how many-th it is, from 1."""

    @abstractmethod
    async def finish(self) -> None:
        """Tell the server that the message is done with."""

    @abstractmethod
    async def release(self, seconds: float) -> None:
        """Give the message back, to be delivered again after so many seconds."""


class Queue(ABC):
    """Messages, decisions and dead letters on one server. A method may raise what its client does.

    `take` is called by one task, everything else by several.
    """

    serial = False
    """Whether a message has to be finished before the next one is taken."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and make what is missing."""

    @abstractmethod
    async def close(self) -> None:
        """Leave; what was not finished goes to others."""

    @abstractmethod
    async def take(self) -> Delivery | None:
        """Return the next message; None where none comes within a second or so."""

    @abstractmethod
    async def answer(self, decision: bytes) -> None:
        """Publish a decision; it is durable when this returns."""

    @abstractmethod
    async def bury(self, letter: DeadLetter) -> None:
        """Publish a dead letter; it is durable when this returns."""

    @abstractmethod
    async def raise_dead(self) -> int:
        """Move every dead letter's message back to the queue; return how many there were."""


def queue_at(names: Names) -> Queue:
    """Return the queue at an address, not opened yet.

    Raises:
        ConfigError: there is no client for such addresses, or it is not installed.
    """
    scheme = urlsplit(names.url).scheme
    if scheme not in BROKERS:
        known = ", ".join(f"{name}://" for name in BROKERS)
        raise ConfigError(f"{scheme or 'this address'}: no known kind of queue; known: {known}")
    try:
        made: Queue = resolve(BROKERS[scheme])(names)
    except ImportError as error:
        raise ConfigError(
            f"queues need the extra queue: pip install 'provenance-check[queue]' ({error})"
        ) from error
    return made

"""A message in, a decision or a dead letter out: what every queue has in common."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from detectors.errors import CannotAssess
from detectors.item import Item, Kind
from provenance.audit.log import AuditLog
from provenance.canonical import canonical
from provenance.engine.config import RunConfig
from provenance.engine.warm import Workers
from provenance.hooks.brake import Brake
from provenance.hooks.decision import DeadLetter, Verdict, decision, verdict_of
from provenance.hooks.media import Loaded, MediaFrom
from provenance.hooks.message import Malformed, Message, identity, parse
from provenance.hooks.state import State, Stored
from provenance.intake import bytes as given
from provenance.intake import files
from provenance.intake.stdin import refused
from provenance.record import Record, Risk
from provenance.render.words import Words
from provenance.version import __version__

NONE: Final = msgspec.Raw(b"null")


class Decider:
    """Decides on messages with warm workers. Any thread may call it."""

    def __init__(
        self,
        config: RunConfig,
        workers: Workers,
        media: MediaFrom,
        words: Words,
        *,
        deadline: float,
        fail_on: Risk | None,
        state: State | None = None,
        audit: AuditLog | None = None,
        brake: Brake | None = None,
        judged: Callable[[Record], None] = lambda _record: None,
    ) -> None:
        """Take what decides.

        Args:
            config: detectors, options, policy.
            workers: which check items.
            media: which opens what messages name.
            words: for the sentence of a decision.
            deadline: seconds for a message, with its media.
            fail_on: the risk from which on a decision counts as flagged for the brake; None: never.
            state: keeps decisions; None: every message is looked at.
            audit: takes a line a decision.
            brake: None: there is none.
            judged: told of each record that is made of a message.
        """
        self._config, self._workers, self._media, self._words = config, workers, media, words
        self._deadline, self._fail_on = deadline, fail_on
        self._state, self._audit, self._brake, self._judged = state, audit, brake, judged

    def answer(self, data: bytes, attempt: int) -> bytes | DeadLetter:
        """Return the decision on a message as JSON, or the dead letter of what is none.

        Args:
            data: of the message.
            attempt: which delivery it is, from 1.

        Raises:
            Error: what was decided cannot be stored or logged.
        """
        try:
            return self.decide(parse(data), attempt)
        except Malformed as error:
            return DeadLetter(data, error.code, error.args_of, attempt)

    def line(self, data: bytes) -> bytes:
        """Return the decision on a line of JSON; one that `failed` where it is no message.

        Raises:
            Error: as for `answer`.
        """
        try:
            return self.decide(parse(data), 1)
        except Malformed as error:
            fault = files.failed(error.code, **error.args_of)
            name = identity(data)
            record = self._checked(self._refused(name or "-", fault), self._deadline)
            verdict = verdict_of(record, self._words)
            return decision(verdict, name, 1, NONE, hold=False)

    def decide(self, message: Message, attempt: int, until: float | None = None) -> bytes:
        """Return the decision on a message, as JSON.

        Args:
            message: what to decide on.
            attempt: which delivery it is, from 1.
            until: `time.monotonic()` by which it is wanted, as far as it has come; None: the
                deadline of all messages from now.

        Raises:
            Error: as for `answer`.
        """
        until = time.monotonic() + self._deadline if until is None else until
        media = [self._media.load(medium, until) for medium in message.media]
        key = self._key(message, media)
        stored = self._state.get(key) if self._state else None
        if stored is None or (self._audit and not stored.logged):
            # also of one that is stored: the log wants the settings, which a look tells
            stored = self._settled(key, self._verdict(message, media, until))
        return decision(stored.verdict, message.id, attempt, message.context, hold=self.holds)

    def _settled(self, key: bytes, verdict: bytes) -> Stored:
        """Store what was said, unless something was before, and log what stands then."""
        stored = Stored(verdict, logged=False)
        if self._state:
            risk = msgspec.json.decode(verdict, type=Verdict).risk
            stored = self._state.put(key, verdict, flagged=self._flags(risk))
        if self._audit and not stored.logged:
            said = msgspec.json.decode(stored.verdict, type=Verdict)
            self._audit.append([msgspec.json.decode(said.record, type=Record)])
            if self._state:
                self._state.logged(key)
        return stored

    def _verdict(self, message: Message, media: list[Loaded], until: float) -> bytes:
        """Return what is said of a message after a look at it."""
        item = given.post(message.text, [medium.item for medium in media], _name(message.id))
        left = max(until - time.monotonic(), 0.0)
        record = self._checked(item, left)
        self._judged(record)
        return verdict_of(record, self._words)

    def _checked(self, item: Item, deadline: float) -> Record:
        return self._workers.submit(item, deadline).result()

    def _refused(self, name: str, fault: CannotAssess) -> Item:
        """Return the item of what could not be read."""
        return Item(_name(name), partial(refused, fault), kind=Kind.POST)

    def _flags(self, risk: str) -> bool:
        return self._fail_on is not None and Risk(risk).rank >= self._fail_on.rank

    @property
    def holds(self) -> bool:
        """Whether people are to look before anything is done: the brake is on.

        Raises:
            UnavailableError: what counts decisions cannot be read.
        """
        return self._brake is not None and self._brake.holds()

    def _key(self, message: Message, media: list[Loaded]) -> bytes:
        """Return the digest of what is decided on, and with what."""
        said = {
            "id": message.id,
            "text": message.text,
            "media": [[medium.item.uri, medium.identity] for medium in media],
            "settings": self._settings(),
        }
        return hashlib.sha256(msgspec.json.encode(said)).digest()

    def _settings(self) -> Mapping[str, object]:
        """Return what decides besides the message, as far as it shows without a look."""
        config = self._config
        return {
            "tool": __version__,
            "detectors": [spec.name for spec in config.specs],
            "options": canonical(msgspec.to_builtins(config.options)).decode(),
            "policy": config.policy.sha256,
            "fingerprints": config.fingerprints,
            "banks": [_state_of(bank) for bank in config.banks],
        }


def _state_of(bank: str) -> list[tuple[str, int, int]]:
    """Return names, sizes and times of the files of a bank; nothing of one on a server."""
    found = list[tuple[str, int, int]]()
    with suppress(OSError), os.scandir(bank) as entries:
        for entry in entries:
            there = entry.stat()
            if entry.is_file():
                found.append((entry.name, there.st_size, there.st_mtime_ns))
    return sorted(found)


def _name(identity: str) -> str:
    """Return the id of a message as the name of its record; half surrogates are replaced."""
    return identity.encode("utf-8", "replace").decode()

"""Decisions that nobody waits for: made in threads, and sent to the address that was named."""

import http.client
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Final

from detectors.errors import Error
from provenance.hooks.address import Address
from provenance.hooks.decider import Decider
from provenance.hooks.dialects.mastodon import SIGNATURE, signature
from provenance.hooks.message import Message
from provenance.version import __version__

WAITING: Final = 64
"""Messages a thread that may wait."""
PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before a decision that could not be delivered is sent again."""
SECONDS: Final = 10.0
"""For the answer of the address."""
DELIVERED: Final = range(200, 300)
"""Statuses that say that a decision has come."""


class Reports:
    """Decides on messages, and reports."""

    def __init__(
        self,
        decider: Decider,
        secret: bytes,
        to: Address | None,
        *,
        deadline: float,
        threads: int,
        tell: Callable[[str], None],
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """Take what decides.

        Args:
            decider: with its audit log, if there is one.
            secret: that bodies are signed with, those that come and those that go.
            to: where decisions go; None: nowhere.
            deadline: seconds for a message, with its media.
            threads: messages that are looked at together.
            tell: told of decisions that could not be made or delivered.
            pauses: seconds before each further try to deliver.
        """
        self.secret = secret
        self._decider, self._to, self._deadline, self._tell = decider, to, deadline, tell
        self._pauses, self._places = pauses, Semaphore(threads * WAITING)
        self._ended = Event()
        self._threads = ThreadPoolExecutor(threads, "report")

    def take(self, messages: Sequence[Message]) -> bool:
        """Have messages looked at, all or none; tell whether there was room for them."""
        taken = [message for message in messages if self._places.acquire(blocking=False)]
        if len(taken) < len(messages):
            for _ in taken:
                self._places.release()
            return False
        for message in messages:
            self._threads.submit(self._done, message)
        return True

    def close(self) -> None:
        """Wait until all that was taken is reported, or could not be at once."""
        self._ended.set()
        self._threads.shutdown(wait=True)

    def _done(self, message: Message) -> None:
        """Decide on a message, and report."""
        try:
            body = self._decider.decide(message, 1, time.monotonic() + self._deadline)
            if self._to is not None:
                self._deliver(self._to, body)
        except (Error, OSError, http.client.HTTPException) as error:
            self._tell(f"{message.id}: {error}")
        finally:
            self._places.release()

    def _deliver(self, to: Address, body: bytes) -> None:
        """Send a decision, again where it does not come.

        Raises:
            OSError: it has not come at the last try either.
            HTTPException: what is answered is no HTTP.
        """
        for pause in (*self._pauses, None):
            try:
                _post(to, body, {SIGNATURE: signature(self.secret, body)})
            except (OSError, http.client.HTTPException):
                if pause is None or self._ended.wait(pause):
                    raise
            else:
                return


def _post(to: Address, body: bytes, headers: dict[str, str]) -> None:
    """Send a body.

    Raises:
        OSError: it has not come.
        HTTPException: what is answered is no HTTP.
    """
    if to.scheme == "https":
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            to.host, to.port, timeout=SECONDS, context=context
        )
    else:
        line = http.client.HTTPConnection(to.host, to.port, timeout=SECONDS)
    said = {"Content-Type": "application/json", "User-Agent": f"provenance-check/{__version__}"}
    try:
        line.request("POST", to.target, body, said | headers)
        status = line.getresponse().status
    finally:
        line.close()
    if status not in DELIVERED:
        raise OSError(f"{to.text} answers {status}")

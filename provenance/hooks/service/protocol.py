"""HTTP/1.1 as uvicorn speaks it, with deadlines for headers and for bodies that nobody reads."""

import asyncio
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from provenance.hooks.service.problem import MEDIA_TYPE, Problem

HEADERS_SECONDS: Final = 15.0
"""Until the headers of a request are here, since the connection or the last answer."""
LINGER_SECONDS: Final = 5.0
"""For which the rest of a body is thrown away after its request was answered. Were the connection
closed at once, whoever still sends would not see the answer."""

FINAL: Final = tuple(b"HTTP/1.1 %d" % hundreds for hundreds in range(2, 6))
"""How the head of an answer begins; those of 100 and above are sent at once."""


class _Joined:
    """A transport that sends the head of an answer with its body: half of the system calls."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Hold nothing."""
        self._transport, self._head = transport, b""

    def write(self, data: bytes) -> None:
        """Send data, a head together with what is written next."""
        head, self._head = self._head, b""
        if not head and data.startswith(FINAL):
            self._head = data
        elif head or data:
            self._transport.write(head + data)

    def close(self) -> None:
        """Send what is held, and close."""
        self.write(b"")
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return anything else as the transport has it."""
        return getattr(self._transport, name)


class Protocol(H11Protocol):
    """A connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """Start without a deadline."""
        super().__init__(*args, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._awaited: Any = None
        """The state of whoever asks that the timer is for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(cast("asyncio.Transport", _Joined(transport)))
        self._mind()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        super().data_received(data)
        self._mind()

    def on_response_complete(self) -> None:
        """Wait for the rest of the body, or for the next request."""
        super().on_response_complete()
        self._mind()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Answer what is no HTTP."""
        self._refuse(Problem(400, "request.no_http"))

    def _mind(self) -> None:
        """Set the deadline for what is waited for now."""
        theirs = self.conn.their_state
        unread = theirs is h11.SEND_BODY and self.conn.our_state in (h11.DONE, h11.MUST_CLOSE)
        awaited = theirs if theirs is h11.IDLE or unread else None
        if awaited is self._awaited:
            return
        self._forget()
        if awaited is not None and not self.transport.is_closing():
            seconds = LINGER_SECONDS if unread else HEADERS_SECONDS
            self._awaited = awaited
            self._timer = self.loop.call_later(seconds, self._late)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._awaited = None

    def _late(self) -> None:
        """End a connection that is behind its deadline."""
        self._timer = None
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
            self._refuse(Problem(408, "request.slow", seconds=HEADERS_SECONDS))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer by ourselves, and close."""
        body = problem.body
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body))}
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = h11.Response(
                status_code=problem.status, headers=[*headers.items(), ("connection", "close")]
            )
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

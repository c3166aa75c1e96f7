"""Runs the application until a signal ends it: what was asked by then is answered first."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from detectors.errors import ConfigError
from provenance.hooks.service.app import App
from provenance.hooks.service.protocol import Protocol

BACKLOG: Final = 2048
GRACE_SECONDS: Final = 5.0
"""Beyond the deadline of a request, for which what was asked is waited for at the end."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        ConfigError: it cannot be.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
        # Inherited by connections; else the body of an answer waits until its head is acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ConfigError(f"--host {host} --port {port}: {error.strerror}") from error
    return listener


def run(app: App, listener: socket.socket, deadline: float, ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Args:
        app: what answers.
        listener: bound.
        deadline: seconds of a request.
        ready: called once it answers.
    """
    for name in ("uvicorn", "python_multipart"):
        log = logging.getLogger(name)
        log.addHandler(logging.NullHandler())  # what should be known the application says
        log.propagate = False
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(deadline + GRACE_SECONDS),
    )
    asyncio.run(_Server(config, ready).serve([listener]))


class _Server(uvicorn.Server):
    """Ends at a signal, without sending it on to this process as uvicorn's own does."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.force_exit = self.should_exit  # a second signal waits for nobody
        self.should_exit = True

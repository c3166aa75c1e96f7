"""Import libraries that bring urllib3 without the socket that it would bind."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_probing() -> Iterator[None]:
    """Load libraries in this block that bring urllib3, which binds a socket to ::1 at its import.

    It does so to see whether the machine has IPv6, and asks Python first; here the answer is no.
    """
    had = socket.has_ipv6
    socket.has_ipv6 = False
    try:
        yield
    finally:
        socket.has_ipv6 = had

"""Where a feed is read from: a folder, or a server within limits of host, time and size.

Nothing is asked of any other host. The proxies of the environment are used for `https`; plain
`http` is for servers on this machine alone, which no proxy reaches.
"""

import base64
import http.client
import ipaddress
import os
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from detectors.errors import ConfigError
from provenance.version import __version__

SILENT: Final = 30.0
"""Seconds without a byte after which a server is given up."""
WINDOW: Final = 60.0
"""Seconds within which a server has to send `LEAST` bytes, or all that it has."""
LEAST: Final = int(WINDOW) * 16 * 1024
CHUNK: Final = 1 << 16
REDIRECTS: Final = 3
_MOVED: Final = (301, 302, 303, 307, 308)


class ElsewhereError(DownloadError):
    """A server sends us to another host."""


def source(location: str) -> tuple[str, FetcherInterface]:
    """Return the base of a feed's names, and what reads them.

    Args:
        location: `https://…`, `http://…` of this machine, or a folder.

    Raises:
        ConfigError: neither; nothing was opened.
    """
    scheme = urlsplit(location).scheme.lower()
    if scheme in ("http", "https"):
        base = location if location.endswith("/") else f"{location}/"
        return base, Server(base)
    if "://" in location:
        raise ConfigError(f"{location}: a feed lies in a folder or on a server (https://…)")
    folder = Path(location).absolute()
    if not folder.is_dir():
        raise ConfigError(f"{location}: there is no such folder")
    return f"{folder}/", Folder()


class Folder(FetcherInterface):
    """Reads files; a link, a pipe or a device is none."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            handle = os.open(url, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"{url} is not there", 404) from error
        except OSError as error:
            raise DownloadError(f"{url}: {error.strerror}") from error
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DownloadError(f"{url}: is no regular file")
            while chunk := file.read(CHUNK):
                yield chunk


class Server(FetcherInterface):
    """Reads from one host."""

    def __init__(self, base: str) -> None:
        """Check the address.

        Raises:
            ConfigError: it cannot be used.
        """
        parts = urlsplit(base)
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as error:
            raise ConfigError(f"{base}: {error}") from error
        if not self._host or parts.username is not None or parts.query or parts.fragment:
            raise ConfigError("an address of a feed is https://HOST/PATH/, without a password")
        if parts.scheme == "http" and not _local(self._host):
            raise ConfigError(f"{base}: http:// is for this machine alone; use https://")
        self._site = parts.scheme, parts.netloc

    def _fetch(self, url: str) -> Iterator[bytes]:
        for _ in range(REDIRECTS + 1):
            with closing(self._connected()) as line:
                watch = threading.Timer(WINDOW, _hang_up, [line])
                watch.daemon = True
                watch.start()
                try:
                    answer = self._answer(line, url)
                finally:
                    watch.cancel()
                if answer.status == http.client.OK:
                    yield from _body(answer, url)
                    return
                if answer.status not in _MOVED:
                    raise DownloadHTTPError(f"{url}: HTTP {answer.status}", answer.status)
                moved = urljoin(url, answer.headers.get("Location", ""))
                if (urlsplit(moved).scheme, urlsplit(moved).netloc) != self._site:
                    raise ElsewhereError(f"{url}: the server sends us to another host")
                url = moved
        raise DownloadError(f"{url}: more than {REDIRECTS} redirects")

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection that is not opened yet, through the proxy of the environment."""
        if self._site[0] == "http":
            return http.client.HTTPConnection(self._host, self._port, timeout=SILENT)
        proxy = urllib.request.getproxies().get("https")
        if not proxy or urllib.request.proxy_bypass(self._site[1]):
            return http.client.HTTPSConnection(self._host, self._port, timeout=SILENT)
        by = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        line = http.client.HTTPSConnection(by.hostname or "", by.port or 3128, timeout=SILENT)
        headers = {}
        if by.username is not None:
            pair = f"{unquote(by.username)}:{unquote(by.password or '')}".encode()
            headers["Proxy-Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        line.set_tunnel(self._host, self._port, headers)
        return line

    def _answer(self, line: http.client.HTTPConnection, url: str) -> http.client.HTTPResponse:
        """Ask for a file."""
        parts = urlsplit(url)
        try:
            headers = {"User-Agent": f"provenance/{__version__}", "Accept-Encoding": "identity"}
            line.request("GET", parts.path, headers=headers)
            return line.getresponse()
        except TimeoutError as error:
            raise SlowRetrievalError(f"{url}: no answer in {SILENT:g} seconds") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DownloadError(f"{url}: {error}") from error


def _local(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hang_up(line: http.client.HTTPConnection) -> None:
    """End a connection whose headers do not come to an end."""
    with suppress(OSError, AttributeError):
        line.sock.shutdown(socket.SHUT_RDWR)


def _body(answer: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    """Yield the bytes of an answer as they come, as long as they come fast enough."""
    began, count = time.monotonic(), 0
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except TimeoutError as error:
            raise SlowRetrievalError(f"{url}: no byte in {SILENT:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            raise DownloadError(f"{url}: {error}") from error
        if not chunk:
            return
        yield chunk
        count += len(chunk)
        now = time.monotonic()
        if now - began >= WINDOW:
            if count < LEAST:
                raise SlowRetrievalError(f"{url}: slower than 16 KiB/s")
            began, count = now, 0

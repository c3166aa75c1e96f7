"""Addresses that a message names, fetched with care.

1. Scheme, host and port are those of a prefix, and the path's decoded segments begin with its own.
2. A name is resolved once. Every answer must be a public address (unless the operator says that the
   host is a private one), and the connection goes to an address that was checked: a name server
   cannot answer otherwise in between.
3. A redirect is followed only to an address that passes the same.
4. Size and time are counted while reading, and no proxy of the environment is asked.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import msgspec

from provenance.version import __version__

PORTS: Final = {"http": 80, "https": 443}
MOST_REDIRECTS: Final = 3
CHUNK: Final = 1 << 16
FOUND: Final = 200
REDIRECTS: Final = (301, 302, 303, 307, 308)
MOST_LENGTH: Final = 8192
"""Characters of an address."""


class NotAllowed(Exception):  # noqa: N818 - an answer, not a fault
    """An address or a path that no prefix allows."""


class Address(msgspec.Struct, frozen=True):
    """A web address, taken apart."""

    scheme: str
    host: str
    """In lower case, without brackets."""
    port: int
    segments: tuple[str, ...]
    """Of the path, decoded."""
    target: str
    """Path and query as they are sent."""

    @property
    def is_ip(self) -> bool:
        """Whether the host is the literal of an IP address."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def text(self) -> str:
        """The address as it is written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.target}"


class Prefix(msgspec.Struct, frozen=True):
    """Below which addresses may be fetched."""

    address: Address
    private: bool
    """Whether its host may have an address that is not public."""

    def holds(self, address: Address) -> bool:
        """Tell whether an address lies below it."""
        mine = [segment for segment in self.address.segments if segment]
        theirs = [segment for segment in address.segments if segment]
        same = (address.scheme, address.host, address.port) == (
            self.address.scheme, self.address.host, self.address.port
        )  # fmt: skip
        return same and theirs[: len(mine)] == mine


def parsed(url: str) -> Address:
    """Return an address taken apart.

    Raises:
        NotAllowed: it is none, has a user or a password in it, or segments that lead upwards.
    """
    if len(url) > MOST_LENGTH or not url.isascii() or not url.isprintable() or "\\" in url:
        raise NotAllowed
    try:
        split = urlsplit(url)
        port = split.port or PORTS.get(split.scheme, 0)
    except ValueError:
        raise NotAllowed from None
    if not port or not split.hostname or "@" in split.netloc or " " in url:
        raise NotAllowed
    segments = tuple(map(unquote, split.path.split("/")))
    if any(segment in (".", "..") or not set(segment).isdisjoint("/\\\0") for segment in segments):
        raise NotAllowed
    return Address(split.scheme, split.hostname, port, segments, _target(split))


def _target(split: SplitResult) -> str:
    return (split.path or "/") + (f"?{split.query}" if split.query else "")


def fetch(address: Address, prefixes: Sequence[Prefix], until: float, most: int) -> bytes:
    """Return what an address gives.

    Args:
        address: what to ask for.
        prefixes: below one of which it, and each that it leads to, must lie.
        until: `time.monotonic()` by which it must be here.
        most: bytes.

    Raises:
        NotAllowed: no prefix allows it.
        TimeoutError: it is not here in time.
        OSError: the server cannot be reached.
        ValueError: it answers otherwise than with the bytes, or with too many.
    """
    for _ in range(MOST_REDIRECTS + 1):
        prefix = next((prefix for prefix in prefixes if prefix.holds(address)), None)
        if prefix is None:
            raise NotAllowed
        data, onward = _asked(address, prefix, until, most)
        if not onward:
            return data
        address = parsed(urljoin(address.text, onward))
    raise ValueError("too many redirects")


def _asked(address: Address, prefix: Prefix, until: float, most: int) -> tuple[bytes, str]:
    """Return the bytes that an address gives, or where it leads."""
    sock = _connected(address, prefix, until)
    late = threading.Timer(max(until - time.monotonic(), 0), _cut, [sock])  # also of slow headers
    late.daemon = True
    late.start()
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = sock
    try:
        agent = {"User-Agent": f"provenance/{__version__}", "Accept-Encoding": "identity"}
        connection.request("GET", address.target, headers=agent | {"Connection": "close"})
        with connection.getresponse() as answer:
            if answer.status in REDIRECTS:
                return b"", answer.getheader("Location") or "-"
            if answer.status != FOUND:
                raise ValueError(f"the server answers {answer.status}")
            return _body(answer, most), ""
    except (http.client.HTTPException, OSError) as error:
        if time.monotonic() >= until:
            raise TimeoutError from None
        raise OSError(f"the server breaks off ({type(error).__name__})") from None
    finally:
        late.cancel()
        connection.close()
        sock.close()


def _cut(sock: socket.socket) -> None:
    """Let whoever waits for a socket wait no more."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _body(answer: http.client.HTTPResponse, most: int) -> bytes:
    if (answer.length or 0) > most:
        raise ValueError("the file is too large")
    chunks, size = list[bytes](), 0
    while chunk := answer.read1(CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise ValueError("the file is too large")
    if answer.length:
        raise OSError("the file is cut")
    return b"".join(chunks)


def _connected(address: Address, prefix: Prefix, until: float) -> socket.socket:
    """Return a connection to an address that was checked."""
    answers = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    if not prefix.private and not all(_is_public(str(answer[4][0])) for answer in answers):
        raise NotAllowed
    error: OSError = OSError("the name has no address")
    for family, kind, protocol, _, where in answers:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(until - time.monotonic(), 0.001))
        try:
            sock.connect(where)
            if address.scheme == "https":
                return ssl.create_default_context().wrap_socket(sock, server_hostname=address.host)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            return sock
    raise error


def _is_public(text: str) -> bool:
    """Tell whether an IP address is one of the public network (RFC 6890), also inside IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return inner.is_global
        if address in ipaddress.ip_network("64:ff9b::/96"):  # NAT64 (RFC 6052)
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF).is_global
    return address.is_global and not address.is_multicast

"""Bodies of requests: read whole into memory, within limits of size, time and number."""

import asyncio
from typing import Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from provenance.hooks.service.problem import Problem, busy

MOST_BYTES: Final = 256 * 2**20
"""Of a body."""
MOST_HELD: Final = 4 * MOST_BYTES
"""Bytes of all bodies that are held at a time."""
PATIENCE: Final = 30.0
"""Seconds for a body, and one more for each so many bytes of it that have come:"""
SLOWEST: Final = 2**17
"""Bytes a second (1 Mbit/s)."""
MOST_FILES: Final = 32
MOST_FIELDS: Final = 32
"""Parts of a form that are no files."""
PLAIN: Final = "identity"
"""The only coding of a body that is taken; what unpacks may unpack to anything."""
HELD: Final = "provenance.held"
"""Key of a scope: bytes held for the request."""


class Bodies:
    """Reads bodies, and counts what is held of all of them."""

    def __init__(self) -> None:
        """Hold none."""
        self.held = 0
        """Bytes."""

    async def read(self, request: Request) -> bytes:
        """Return the body of a request, which is held until `release`.

        Raises:
            Problem: it is too large, too slow or packed, or others fill the memory.
            ClientDisconnect: nobody sends it any more.
        """
        if request.headers.get("content-encoding", PLAIN).lower() != PLAIN:
            raise Problem(415, "request.packed", {"Accept-Encoding": PLAIN})
        announced = int(request.headers.get("content-length", "0"))
        self._room_for(announced, announced)
        loop, data, more = asyncio.get_running_loop(), bytearray(), True
        began = loop.time()
        while more:
            try:
                async with asyncio.timeout_at(began + PATIENCE + len(data) / SLOWEST):
                    message = await request.receive()
            except TimeoutError:
                raise Problem(408, "request.slow", seconds=PATIENCE) from None
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk, more = message.get("body", b""), message.get("more_body", False)
            self._room_for(len(data) + len(chunk), len(chunk))
            request.scope[HELD] = request.scope.get(HELD, 0) + len(chunk)
            self.held += len(chunk)
            data += chunk
        return bytes(data)

    def release(self, request: Request) -> None:
        """Hold the body of a request no longer."""
        self.held -= request.scope.pop(HELD, 0)

    def _room_for(self, size: int, more: int) -> None:
        """Do nothing where a body of this size may be read.

        Raises:
            Problem: it is too large, or others fill the memory.
        """
        if size > MOST_BYTES:
            raise Problem(413, "request.too_large", limit_mib=MOST_BYTES >> 20)
        if self.held + more > MOST_HELD:
            raise busy()


class Part(NamedTuple):
    """A part of a form."""

    field: str
    name: bytes | None
    """Of a file, as it was sent; None: it is no file."""
    data: bytes


def form(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a form (RFC 7578), in their order.

    Args:
        content_type: `multipart/form-data` with its boundary.
        body: of the request.

    Raises:
        Problem: it is no such form, or has too many parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    made = _Form()
    try:
        parser = MultipartParser(boundary, made.callbacks)  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Problem(400, "request.form", error=str(error)[:200]) from None
    if not made.ended:
        raise Problem(400, "request.form", error="its end is missing")
    return made.parts


class _Form:
    """Takes what the parser finds."""

    def __init__(self) -> None:
        self.parts, self.ended = list[Part](), False
        self._files = self._fields = 0
        self._field, self._value = bytearray(), bytearray()
        self._headers, self._data = dict[bytes, bytes](), bytearray()
        self._said = dict[bytes, bytes]()
        self.callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        self._headers, self._data = {}, bytearray()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        kind, self._said = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in self._said:
            raise Problem(400, "request.form", error="a part has no name")
        self._files += b"filename" in self._said
        self._fields += b"filename" not in self._said
        if self._files > MOST_FILES:
            raise Problem(413, "request.files", limit=MOST_FILES)
        if self._fields > MOST_FIELDS:
            raise Problem(413, "request.fields", limit=MOST_FIELDS)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._data += memoryview(data)[start:end]

    def _on_part(self) -> None:
        field = self._said[b"name"].decode("utf-8", "replace")
        self.parts.append(Part(field, self._said.get(b"filename"), bytes(self._data)))

    def _on_end(self) -> None:
        self.ended = True

"""Requests that are too large, too slow or no HTTP cost little, and get an answer."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.server import ServerState

from provenance.hooks.service import body, protocol, server
from provenance.hooks.service.problem import Problem

HEAD = b"POST /v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any]) -> Any:
    return serve()


def status(port: int, *data: bytes) -> int:
    """Send bytes as they are; return the status of the answer, 0 where there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        got = b""
        try:
            for each in data:
                connection.sendall(each)
            while b"\r\n\r\n" not in got and (more := connection.recv(1 << 16)):
                got += more
        except ConnectionError:
            pass
    found = re.match(rb"HTTP/1\.1 (\d{3})", got)
    assert not found or found[1] == b"100" or b"application/problem+json" in got.lower()
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Content-Length: 268435457\r\n\r\n", 413),
        (b"Expect: 100-continue\r\nContent-Length: 314572800\r\n\r\n", 413),
        (b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", 413),
        (b"Content-Length: -5\r\n\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (CHUNKED + b"zz\r\nabc\r\n", 400),
        (b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", 400),
        (b"Content-Length: 268435456\r\nAuthorization: \xff\r\nHost: b\r\n\r\n", 400),
    ],
)
def test_what_is_too_large_or_no_http_is_told_before_a_body(
    served: Any, data: bytes, code: int
) -> None:
    assert status(served.port, HEAD + data) == code


def test_many_headers_are_refused_by_their_bytes(served: Any) -> None:
    many = b"".join(b"X-%d: a\r\n" % number for number in range(2000))
    assert status(served.port, HEAD + many + b"\r\n") in (400, 431)  # as they come, or whole


def test_chunks_are_counted(served: Any) -> None:
    chunk = b"1000000\r\n" + bytes(1 << 24) + b"\r\n"
    assert status(served.port, HEAD + CHUNKED, *[chunk] * 18) == 413
    assert served.http.post("/v1/check", content=b"words").status_code == 200


def test_whoever_goes_away_is_no_trouble(served: Any) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nhalf")
    assert served.http.get("/healthz").status_code == 200


def test_a_rush_is_answered_or_told_to_come_again(served: Any) -> None:
    message = {"id": "m", "text": "words " * 20_000}

    def ask(_number: int) -> tuple[int, str]:
        with httpx.Client(base_url=served.url, timeout=120, trust_env=False) as http:
            answer = http.post("/v1/check", json=message)
            return answer.status_code, answer.headers.get("retry-after", "")

    with ThreadPoolExecutor(60) as pool:
        told = set(pool.map(ask, range(60)))
    assert told == {(200, ""), (503, "1")}
    assert served.http.post("/v1/check", content=b"words").status_code == 200


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """Yield the port of a server that reads bodies and answers nothing else."""
    bodies = body.Bodies()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            answer = Response(await bodies.read(request))
        except Problem as problem:
            answer = Response(problem.body, problem.status)
        await answer(scope, receive, send)

    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    state = ServerState()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: protocol.Protocol(config, state, {}), "127.0.0.1", 0
    )
    async with listener:
        yield listener.sockets[0].getsockname()[1]
        for connection in list(state.connections):
            connection.transport.abort()
        listener.close()
        await asyncio.sleep(0)


async def answered(data: bytes) -> bytes:
    """Return everything that is answered to bytes after which nothing more comes."""
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        async with asyncio.timeout(60):
            got = await reader.read()
        writer.close()
        return got


def test_headers_that_do_not_come_are_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_SECONDS", 0.05)
    for data in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n"):
        assert asyncio.run(answered(data)).startswith(b"HTTP/1.1 408 ")


def test_bodies_that_do_not_come_are_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PATIENCE", 0.05)
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.05)
    head = b"POST / HTTP/1.1\r\nHost: a\r\n"
    for data in (b"Content-Length: 5\r\n\r\n", CHUNKED, CHUNKED + b"1\r\nx\r\n"):
        assert asyncio.run(answered(head + data)).startswith(b"HTTP/1.1 408 ")


def test_an_answer_is_sent_in_one_piece_and_a_wish_to_go_on_at_once(served: Any) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(1 << 16).endswith(b'{"status":"ok"}')
        connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(1 << 16).endswith(b"\r\n\r\n")
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"words")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_answers_do_not_wait_for_what_confirms_their_head() -> None:
    with server.listening("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

"""Two installations exchange, dispute and withdraw over http on this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class _Away(_Quiet):
    """Sends everybody to another host."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.2:{self.server.server_port}{self.path}")  # type: ignore[attr-defined]
        self.end_headers()


def _served(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def web(feed: Path) -> Iterator[str]:
    yield from _served(partial(_Quiet, directory=str(feed)))


@pytest.fixture
def away() -> Iterator[str]:
    yield from _served(_Away)


def test_two_installations_exchange_dispute_and_withdraw(
    anna: Any, ben: Any, feed: Path, web: str, entry: Any
) -> None:
    root = (feed / "metadata/1.root.json").read_bytes()
    ben("feed", "follow", web, "--fingerprint", hashlib.sha256(root).hexdigest(), "--bank",
        ben.bank)  # fmt: skip
    ben("feed", "update")
    anna("bank", "dispute", "--bank", anna.bank, "--reason", "in doubt", "a")
    anna("bank", "withdraw", "--bank", anna.bank, "--reason", "a real person", "b")
    anna.takes(entry("c", 3))
    anna.publishes(feed)
    ben("feed", "update")
    assert ben.states() == {"a": "disputed", "b": "withdrawn", "c": "active"}
    (told,) = json.loads(ben("feed", "list", "--format", "json").stdout)
    assert (told["location"], told["sequence"]) == (web, 2)


def test_nobody_is_sent_to_another_host(ben: Any, away: str) -> None:
    done = ben("feed", "follow", away, "--fingerprint", "0" * 64, "--bank", ben.bank, code=2)
    assert "another host" in done.stderr

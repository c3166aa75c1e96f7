"""What messages name is opened below `--media-from` alone: folders, addresses, redirects, names."""

import contextlib
import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ConfigError
from provenance.hooks import address
from provenance.hooks.address import NotAllowed, Prefix, parsed
from provenance.hooks.media import MediaFrom


def code(media: MediaFrom, seconds: float = 60, **medium: Any) -> str:
    """Return what kept a medium away; "" where nothing did."""
    loaded = media.load(medium, time.monotonic() + seconds)
    fault = loaded.item.fault
    return fault.reason.code if fault else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in2").mkdir()
    for name in ("in/a.jpg", "in/deep/b.jpg", "secret.jpg", "in2/c.jpg"):
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "in" / "link.jpg").symlink_to("../secret.jpg")
    (tmp_path / "in" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "in" / "pipe")
    return tmp_path


def test_files_below_a_folder_are_opened_and_no_others(folder: Path) -> None:
    media = MediaFrom([str(folder / "in")])
    for name in ("in/a.jpg", "in/deep/b.jpg", "in/./deep//b.jpg"):
        assert code(media, path=f"{folder}/{name}") == ""
    for name in (
        "secret.jpg",
        "in/../secret.jpg",
        "in/link.jpg",
        "in/up/secret.jpg",
        "in2/c.jpg",
        "in",
        "in/pipe",
    ):
        assert code(media, path=f"{folder}/{name}") == "hook.not_allowed", name
    assert code(media, path="in/a.jpg") == "hook.not_allowed"
    assert code(media, path=f"{folder}/in/a\0.jpg") == "hook.not_allowed"
    assert code(media, path=f"{folder}/in/none.jpg") == "item.missing"
    assert code(MediaFrom(), path=f"{folder}/in/a.jpg") == "hook.not_allowed"


def test_a_medium_needs_one_source_that_can_be_read() -> None:
    media = MediaFrom()
    assert code(media, base64="cGljdHVyZQ==") == ""
    for wrong in (
        {"base64": "@@"},
        {"base64": "é"},
        {},
        {"base64": "", "path": "/a"},
        {"base64": 7},
    ):
        assert code(media, **wrong) == "hook.medium"
    assert media.load("text", 0).item.fault is not None


class Server(http.server.BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/media/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/media/to/"))
            self.end_headers()
            return
        self.send_response(404 if "none" in self.path else 200)
        self.send_header("Content-Length", str(10**11 if "huge" in self.path else 7))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has gone
            for _ in range(600 if "slow" in self.path else 1):
                self.wfile.write(b"p" if "slow" in self.path else b"picture")
                self.wfile.flush()
                time.sleep(0.2 if "slow" in self.path else 0)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    Server.asked = []
    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    one.daemon_threads = True
    threading.Thread(target=one.serve_forever, daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


def test_addresses_below_a_prefix_are_fetched_and_no_others(server: Any) -> None:
    base = f"http://127.0.0.1:{server.server_port}"
    media = MediaFrom([f"{base}/media/"])
    assert code(media, url=f"{base}/media/a.jpg") == ""
    assert code(media, url=f"{base}/media/to/{base}/media/a.jpg") == ""
    assert code(media, url=f"{base}/media/to/../a.jpg") == "hook.not_allowed"
    assert code(media, url=f"{base}/media/to//media/a.jpg") == ""  # the same server
    Server.asked.clear()
    for url in (
        f"{base}/other.jpg", f"{base}/media2/a.jpg", f"{base}/media/../other.jpg",
        f"{base}/media/%2e%2e/other.jpg", f"{base}/media/%2E%2e%2fother.jpg",
        f"http://user@127.0.0.1:{server.server_port}/media/a.jpg",
        f"http://localhost:{server.server_port}/media/a.jpg",
        f"http://0x7f000001:{server.server_port}/media/a.jpg", "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/", f"{base}\\@evil/media/a.jpg",
        f"{base}/media/a b",
    ):  # fmt: skip
        assert code(media, url=url) == "hook.not_allowed", url
    assert Server.asked == []
    assert code(media, url=f"{base}/media/to/{base}/other.jpg") == "hook.not_allowed"
    assert Server.asked == [f"/media/to/{base}/other.jpg"]
    assert code(media, url=f"{base}/media/none.jpg") == "hook.not_fetched"
    assert code(media, url=f"{base}/media/huge.jpg") == "hook.not_fetched"
    started = time.monotonic()
    assert code(media, 1, url=f"{base}/media/slow.jpg") in ("hook.late", "")
    assert code(media, url=f"{base}/media/huge-slow.jpg") == "hook.not_fetched"
    assert time.monotonic() - started < 60  # all that is slow takes two minutes


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        assert code(MediaFrom([base]), 0.5, url=f"{base}a.jpg") == "hook.late"
        assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "answer",
    [
        "127.0.0.1",
        "10.0.0.7",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "0.0.0.0",  # noqa: S104 - an answer, not what anything listens at
        "224.0.0.1",
        "100.64.0.1",
    ],
)
def test_a_name_that_leads_into_a_private_network_is_not_asked(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))
        return [public, (socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port))]

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(address.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(address.socket, "socket", refuse)
    media = MediaFrom(["https://cdn.example/media/"])
    assert code(media, url="https://cdn.example/media/a.jpg") == "hook.not_allowed"
    assert asked == ["cdn.example"]


def test_objects_below_a_prefix_are_fetched_and_no_others(
    run: Any, bucket: Any, store: dict[str, str]
) -> None:
    for key in ("in/a.txt", "in/deep//b::http%41.txt", "in2/c.txt", "../in/d.txt", "in/../e.txt"):
        bucket.put(key, b"We met at the market.")
    bucket.put("in/empty.txt", b"")
    here = f"s3://{bucket.name}"
    expected = {
        f"{here}/in/a.txt": "", f"{here}/in/deep//b::http%41.txt": "",
        f"{here}/in/empty.txt": "item.empty", f"{here}/in/none.txt": "hook.not_fetched",
        f"{here}/in/deep": "hook.not_fetched", f"{here}/in/": "hook.not_fetched",
        f"{here}/in/a.txt?versionId=1": "hook.not_fetched",
    } | dict.fromkeys((
        f"{here}/in", f"{here}/in2/c.txt", f"{here}/in/../e.txt", f"{here}/../in/d.txt",
        f"s3a://{bucket.name}/in/a.txt", f"s3://{bucket.name}2/in/a.txt", "s3:///in/a.txt",
        f"simplecache::{here}/in/a.txt", f"S3://{bucket.name}/in/a.txt",
    ), "hook.not_allowed")  # fmt: skip
    lines = (json.dumps({"id": url, "media": [{"url": url}]}) for url in expected)
    done = run(
        *("work", "-", "--media-from", f"{here}/in", "--only", "text_marks"),
        stdin="\n".join(lines).encode(),
        **store,
    )
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    said = {
        each["id"]: each["record"]["signals"][0]["reason"]["code"].removeprefix("text_marks.clear")
        for each in decisions
    }
    assert said == expected, done.stderr


@pytest.mark.parametrize(
    "prefix",
    [
        "http://example.org/",
        "ftp://example.org/",
        "nowhere",
        "https://u:p@example.org/",
        "s3:///in/",
    ],
)
def test_a_prefix_that_cannot_be_used_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError):
        MediaFrom([prefix])


SEGMENTS = st.lists(
    st.sampled_from(["media", "a", "..", ".", "%2e%2e", "", "media2", "%6dedia", "a%2fb"]),
    max_size=5,
)


@given(SEGMENTS)
def test_nothing_outside_a_prefix_is_allowed_whatever_its_path(segments: list[str]) -> None:
    prefix = Prefix(parsed("https://cdn.example/media/"), private=False)
    try:
        allowed = prefix.holds(parsed("https://cdn.example/" + "/".join(segments)))
    except NotAllowed:
        return
    decoded = [segment.replace("%6d", "m") for segment in segments if segment]
    assert allowed == (decoded[:1] == ["media"])
    assert not allowed or not {"..", ".", "%2e%2e"} & set(segments)

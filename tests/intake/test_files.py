"""What the user names is read with care, and what cannot be read becomes an item that says so."""

import io
import os
import socket
import sys
from pathlib import Path

import pytest

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import files, paths


def code(item: Item) -> str | None:
    return item.fault.reason.code if item.fault else None


def test_names_that_are_not_utf8_are_percent_encoded() -> None:
    assert files.uri(os.fsdecode(b"caf\xe9\xff.png")) == "caf%E9%FF.png"
    assert files.uri(os.fsdecode(b"100%\xff")) == "100%25%FF"
    assert files.uri("100%.png") == "100%.png"


def test_faults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"12345")
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    named = ("missing", "loop", "file")
    got = [code(files.item(str(tmp_path / name), follow=True)) for name in named]
    assert got == ["item.missing", "item.link_loop", "item.too_large"]
    assert code(files.item(str(tmp_path / "link"), follow=False)) == "item.link_loop"


def test_special_files_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    assert code(files.item("pipe", follow=True)) == "item.special"
    for name in ("pipe", "socket", "/dev/zero", "."):
        with pytest.raises(ConfigError, match=r"scan|regular file"):
            paths.named([name])


def test_scan_passes_over_links_and_sorts_by_bytes(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a-b.txt", "a/x.txt", "a/.hidden", "é.txt", "skip/me.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone").symlink_to("nowhere")
    passed: list[str] = []
    got = [
        os.path.relpath(p, tmp_path) for p in paths.found([str(tmp_path)], ["skip"], passed.append)
    ]
    assert got == ["a-b.txt", "a/.hidden", "a/x.txt", "b/2.txt", "é.txt"]
    assert sorted(Path(p).name for p in passed) == ["gone", "up"]


def test_what_is_named_twice_is_checked_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    found = paths.found([str(tmp_path), str(tmp_path / "a.txt")], (), print)
    assert found == [str(tmp_path / "a.txt")]


def test_a_sidecar_belongs_to_the_file_of_its_stem(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.c2pa", "b.jpg", "b.png", "b.c2pa", "orphan.c2pa"):
        (tmp_path / name).write_bytes(name.encode())
    got = {Path(p).name for p in paths.found([str(tmp_path)], (), print)}
    assert got == {"a.jpg", "b.jpg", "b.png", "orphan.c2pa"}
    a, b = (files.item(str(tmp_path / name), follow=True).sidecar for name in ("a.jpg", "b.png"))
    assert a is not None
    assert (a.read(), a.name, a.shared) == (b"a.c2pa", "a.c2pa", False)
    assert b is not None
    assert b.shared


def test_standard_input_is_one_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello")))
    (item,) = paths.items(["-"], Kind.TEXT)
    assert (item.uri, item.data, item.kind) == ("-", b"hello", Kind.TEXT)


def test_standard_input_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello")))
    (item,) = paths.items(["-"])
    assert code(item) == "item.too_large"

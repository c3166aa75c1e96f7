"""What the user names is read with care, and what cannot be read becomes an item that says so."""

import io
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import files, paths


def code(item: Item) -> str | None:
    return item.fault.reason.code if item.fault else None


def test_names_that_are_not_utf8_are_percent_encoded() -> None:
    assert files.uri(os.fsdecode(b"caf\xe9\xff.png")) == "caf%E9%FF.png"
    assert files.uri(os.fsdecode(b"100%\xff")) == "100%25%FF"
    assert files.uri("100%.png") == "100%.png"
    assert files.uri("bad%FF%FE.jpg") == "bad%25FF%25FE.jpg"
    assert files.uri("5%e9 é%") == "5%25e9 é%25"


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_no_two_names_become_one(one: bytes, other: bytes) -> None:
    assert (files.named(one) == files.named(other)) == (one == other)
    assert files.raw_name(files.named(one)) == one


def test_faults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"12345")
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    named = ("missing", "loop", "file")
    got = [code(files.item(str(tmp_path / name), follow=True)) for name in named]
    assert got == ["item.missing", "item.link_loop", "item.too_large"]
    assert code(files.item(str(tmp_path / "link"), follow=False)) == "item.link"


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
    below = paths.Walk([str(tmp_path)], ["skip"])
    got = [os.path.relpath(path, tmp_path) for path in below]
    assert got == ["a-b.txt", "a/.hidden", "a/x.txt", "b/2.txt", "é.txt"]
    assert [Path(path).name for path in below.links] == ["gone", "up"]


def test_a_named_link_is_passed_over_unless_it_leads_to_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    (tmp_path / "to_file").symlink_to("in/a.txt")
    (tmp_path / "to_folder").symlink_to("in")
    below = paths.Walk([str(tmp_path / "to_file"), str(tmp_path / "to_folder")])
    assert [*below] == [str(tmp_path / "to_folder" / "a.txt")]
    assert below.links == [str(tmp_path / "to_file")]


def test_folders_of_version_control_are_left_out_unless_named(tmp_path: Path) -> None:
    for name in (".git/a.txt", "in/node_modules/b.txt", "in/c.txt", "d/.git"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    below = paths.Walk([str(tmp_path)])
    assert [Path(path).name for path in below] == [".git", "c.txt"]  # d/.git is a file
    assert [Path(path).name for path in below.excluded] == [".git", "node_modules"]
    every = paths.Walk([str(tmp_path)], unwanted=True)
    assert (len([*every]), every.excluded) == (4, [])
    assert len([*paths.Walk([str(tmp_path / ".git"), str(tmp_path / "in")])]) == 2


def test_sources_come_as_given_and_what_is_named_twice_is_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.txt").write_text("x")
    sources = ["in/b.txt", "gone", ".", "./in", f"{tmp_path}/", "in/../a.txt", "gone"]
    monkeypatch.chdir(tmp_path)
    assert [*paths.Walk(sources)] == ["in/b.txt", "gone", "./a.txt"]


def test_a_sidecar_belongs_to_the_file_of_its_stem(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.c2pa", "b.jpg", "b.png", "b.c2pa", "orphan.c2pa"):
        (tmp_path / name).write_bytes(name.encode())
    got = {Path(p).name for p in paths.Walk([str(tmp_path)])}
    assert got == {"a.jpg", "b.jpg", "b.png", "orphan.c2pa"}
    a, b = (files.item(str(tmp_path / name), follow=True).sidecar for name in ("a.jpg", "b.png"))
    assert a is not None
    assert (a.read(), a.name, a.shared) == (b"a.c2pa", "a.c2pa", False)
    assert b is not None
    assert b.shared


def test_an_xmp_file_belongs_to_the_picture_of_its_name(tmp_path: Path) -> None:
    for name in (
        "a.jpg", "a.xmp", "b.jpg", "b.jpg.xmp", "b.XMP", "c.cr3", "c.jpg", "c.xmp", "d.txt",
        "d.xmp", "e.xmp", "a.c2pa",
    ):  # fmt: skip
        (tmp_path / name).write_bytes(name.encode())
    got = {Path(p).name for p in paths.Walk([str(tmp_path)])}
    assert got == {"a.jpg", "b.jpg", "c.cr3", "c.jpg", "d.txt", "d.xmp", "e.xmp"}
    read = {
        name: [(s.name, s.shared) for s in files.item(str(tmp_path / name), follow=True).metadata]
        for name in ("a.jpg", "b.jpg", "c.jpg", "d.txt")
    }
    assert read == {
        "a.jpg": [("a.xmp", False)],
        "b.jpg": [("b.jpg.xmp", False), ("b.XMP", False)],
        "c.jpg": [("c.xmp", True)],
        "d.txt": [],
    }


def test_a_sidecar_named_with_its_file_is_read_with_it(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.xmp", "a.c2pa"):
        (tmp_path / name).write_bytes(b"x")

    def uris(*names: str) -> list[str]:
        return [Path(item.uri).name for item in paths.items([str(tmp_path / n) for n in names])]

    assert uris("a.xmp", "a.jpg", "a.c2pa") == ["a.jpg"]
    assert uris("a.xmp", "a.c2pa") == ["a.xmp", "a.c2pa"]


def test_the_time_for_sidecars_grows_with_their_number_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (tmp_path / f"{number}.c2pa").write_bytes(b"x")
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
        (tmp_path / f"{number}.xmp").write_bytes(b"x")
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    items = list(paths.scanned(paths.Walk([str(tmp_path)])))
    assert len([item for item in items if item.sidecar]) == 40
    assert len(listed) == 3


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    for name in ("a.txt", "a.txt~2"):
        (tmp_path / name).write_text(name)
    (tmp_path / "p.jsonl").write_text(
        '{"text": "a", "post_id": "2"}\n{"text": "b"}\n{"text": "c", "post_id": "%41"}\n'
    )
    named = ["a.txt", "a.txt", "a.txt~2", "a.txt", "p.jsonl"]
    got = paths.items([str(tmp_path / name) for name in named])
    assert [item.uri.removeprefix(f"{tmp_path}/") for item in got] == [
        "a.txt", "a.txt~2", "a.txt~2~2", "a.txt~3", "p.jsonl#2", "p.jsonl#2~2", "p.jsonl#%2541",
    ]  # fmt: skip


def test_standard_input_is_one_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello")))
    (item,) = paths.items(["-"], Kind.TEXT)
    assert (item.uri, item.data, item.kind) == ("-", b"hello", Kind.TEXT)


def test_standard_input_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello")))
    (item,) = paths.items(["-"])
    assert code(item) == "item.too_large"

"""Archives are read as the folders that they hold, and nothing in them is obeyed."""

import io
import json
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.intake import archives
from provenance.intake.archives import items, members

Run = Callable[..., CompletedProcess[str]]
FIXTURES = Path(__file__).parents[2] / "fixtures"
ONLY = ("--only", "credentials,metadata,text_marks,text_credentials", "--format", "jsonl")
WORDS = b"The harbour was quiet in the morning light, and nobody came.\n"


def records(run: Run, *args: str | Path) -> tuple[list[dict[str, Any]], int]:
    done = run("scan", *args, *ONLY)
    assert "Traceback" not in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for record in found:
        del record["elapsed_ms"]
    return found, done.returncode


def told(found: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {r["item"]["uri"]: (r["item"]["kind"], r["signals"][0]["reason"]["code"]) for r in found}


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, bytes]:
    """Members of every kind: signed and broken pictures, sidecars, posts with media, odd names."""
    signed = {p.name: p.read_bytes() for p in sorted((FIXTURES / "signed").glob("*.jpg"))[:4]}
    members = {f"p/{name}": data for name, data in signed.items()}
    first = next(iter(signed.values()))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    posts = [
        {
            "post_id": "1",
            "text": "Look!",
            "media": ["media/a.jpg", "media//b.jpg", "media/none.jpg"],
        },
        {"post_id": "2", "text": "Up", "media": ["../p/laundered.jpg", "/etc/passwd"]},
    ]
    members |= {
        "side/a.jpg": first, "side/a.xmp": xmp, "side/b.jpg": first, "side/b.jpg.xmp": xmp,
        "side/orphan.c2pa": b"neither", "posts/no.jsonl": b"[1]\n[2]\n", "empty.txt": b"",
        "posts/feed.jsonl": "\n".join(map(json.dumps, posts)).encode(),
        "posts/media/a.jpg": first, "posts/media/b.jpg": first[:900],
        "odd/new\nline.txt": WORDS, "odd/%41.txt": WORDS, "odd/\u202egpj.txt": WORDS,
    }  # fmt: skip
    for name, data in members.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return members


def pack(path: Path, members: dict[str, bytes], how: str) -> None:
    names = sorted(members, key=lambda name: zlib.crc32(name.encode()))
    if how == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, members[name])
        return
    with tarfile.open(path, f"w:{how}") as archive:
        for name in names:
            info = tarfile.TarInfo(f"./{name}" if how == "bz2" else name)
            info.size = len(members[name])
            archive.addfile(info, io.BytesIO(members[name]))


@pytest.mark.parametrize("how", ["zip", "", "gz", "bz2", "xz"])
def test_an_archive_gives_the_records_of_its_folder(
    run: Run, tmp_path: Path, tree: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    want, code = records(run, "tree")
    pack(tmp_path / "noname", tree, how)
    got, same = records(run, "noname")
    assert same == code
    before = "noname!/./" if how == "bz2" else "noname!/"
    swap = [
        json.loads(json.dumps(r).replace('"uri": "tree/', f'"uri": "{before}', 1)) for r in want
    ]
    assert got == swap


def test_names_are_names_and_what_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "odd.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("ok.txt", "../up.txt", str(tmp_path / "abs.txt"), "..\\win.txt", "secret.txt"):
            archive.writestr(name, WORDS)
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as within:
            within.writestr("in.txt", WORDS)
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("rotten.txt", WORDS)
        spots = {info.filename: info.header_offset for info in archive.infolist()}
    raw = bytearray(file.read_bytes())
    raw[spots["rotten.txt"] + 30 + len("rotten.txt")] ^= 1
    centre = raw.rindex(b"PK\1\2", 0, raw.rindex(b"secret.txt"))
    raw[centre + 8] |= 1
    file.write_bytes(raw)
    found, code = records(run, file)
    said = {uri.partition("!/")[2]: what for uri, what in told(found).items()}
    text = ("text", "text_credentials.absent")
    assert [said[name] for name in ("ok.txt", "../up.txt", "..\\win.txt")] == [text] * 3
    assert said[str(tmp_path / "abs.txt")] == text
    assert said["inner.zip"][0] == "unsupported"
    assert said["secret.txt"][1] == "archive.encrypted"
    assert said["rotten.txt"][1] == "archive.damaged"
    assert "link.txt" not in said
    assert code == 3
    assert not (tmp_path / "abs.txt").exists()


class Streamed(io.BytesIO):
    """What cannot seek, as a pipe: the sizes of a member then stand behind its data."""

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def zipped(members: dict[str, bytes], how: str) -> bytes:
    out = Streamed() if how == "streamed" else io.BytesIO()
    method = zipfile.ZIP_STORED if how == "stored" else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def packed(names: list[str], how: str) -> bytes:
    """Return an archive of members of 100 to 2,900 bytes that do not pack, in this order."""
    rng = np.random.default_rng(7)
    data = {name: rng.bytes(100 + 700 * number) for number, name in enumerate(names)}
    if how in ("zip", "streamed", "stored"):
        return zipped(data, how)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{how}") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(data[name])
            archive.addfile(info, io.BytesIO(data[name]))
    return out.getvalue()


NAMES = ["d.bin", "b/é.bin", "a.bin", "c.bin", "e.bin"]


@pytest.mark.parametrize("how", ["zip", "stored", "streamed", "", "gz", "xz"])
def test_of_an_archive_that_is_cut_the_members_before_the_cut_are_read(
    run: Run, tmp_path: Path, how: str
) -> None:
    archive = tmp_path / "cut"
    data = packed(NAMES, how)
    archive.write_bytes(data)
    whole, _ = records(run, archive, "--fail-on", "never")
    archive.write_bytes(data[: len(data) * (7 if how else 3) // 10])
    (tmp_path / "d.txt").write_bytes(WORDS)
    found, code = records(run, archive, tmp_path / "d.txt", "--fail-on", "never")
    assert code == 3
    *members, last, after = found
    assert after["item"]["uri"] == str(tmp_path / "d.txt")
    assert last["item"]["uri"] == str(archive)
    assert last["signals"][0]["reason"]["code"] == "archive.damaged"
    cut = [m for m in members if m["signals"][0]["reason"]["code"] == "archive.damaged"]
    kept = [member for member in members if member not in cut]
    assert [one["item"]["uri"].split("!/")[1] for one in cut] in (["c.bin"], ["e.bin"])
    assert {one["item"]["uri"].split("!/")[1] for one in kept} >= {"b/é.bin", "d.bin"}
    assert all(member in whole for member in kept)


def test_an_archive_that_has_lost_its_directory_alone_has_all_members(
    run: Run, tmp_path: Path
) -> None:
    data = packed(NAMES, "zip")
    (tmp_path / "a.zip").write_bytes(data)
    whole, _ = records(run, tmp_path / "a.zip", "--fail-on", "never")
    (tmp_path / "a.zip").write_bytes(data[: data.index(b"PK\1\2") + 20])
    *members, own = records(run, tmp_path / "a.zip", "--fail-on", "never")[0]
    assert members == whole
    assert own["item"]["uri"] == str(tmp_path / "a.zip")


def test_the_directory_of_an_inner_archive_is_not_that_of_one_that_is_cut(
    run: Run, tmp_path: Path
) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("hidden.txt", WORDS)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("first.txt", WORDS)
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("last.txt", WORDS)
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data[: data.rindex(b"PK\3\4")])
    found, _ = records(run, tmp_path / "a.zip", "--fail-on", "never")
    names = [record["item"]["uri"].removeprefix(f"{tmp_path}/") for record in found]
    assert names == ["a.zip!/first.txt", "a.zip!/inner.zip", "a.zip"]


def test_a_document_that_is_cut_is_one_item(run: Run, tmp_path: Path) -> None:
    word = next((FIXTURES / "documents").glob("*.docx")).read_bytes()
    (tmp_path / "b.docx").write_bytes(word[: len(word) * 8 // 10])
    (record,), code = records(run, tmp_path / "b.docx", "--fail-on", "never")
    assert (record["item"]["uri"], code) == (str(tmp_path / "b.docx"), 3)


@pytest.mark.parametrize("how", ["known", "streamed"])
def test_what_is_cut_and_expands_without_end_is_stopped(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "LEAST_BOMB", 2**20)
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped({f"{number}.txt": bytes(2**19) for number in range(8)}, how)[:-30])
    opened = archives.opened(str(path), follow=False)
    assert opened is not None
    assert opened.fault is not None
    assert opened.fault.reason.code == "archive.expands"
    assert len(opened.members) == 2


@settings(max_examples=300)
@given(st.integers(0, 2**16), st.sampled_from(["zip", "streamed"]), st.binary(max_size=60))
def test_no_cut_and_no_damage_breaks_the_reader(at: int, how: str, damage: bytes) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.zip"
        data = bytearray(packed(NAMES, how))
        at %= len(data)
        data[at : at + len(damage)] = damage
        path.write_bytes(data[: at + len(damage)])
        opened = archives.opened(str(path), follow=False)
        if opened is not None:
            made = dict(opened.contents(opened.members))
            assert len(made) == len(opened.members)


def test_of_members_of_one_name_the_last_counts(run: Run, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for data in (b"first\n", b"the second\n"):
            info = tarfile.TarInfo("a.txt")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            special = tarfile.TarInfo(f"special{kind!r}")
            special.type, special.linkname = kind, "/etc/passwd"
            archive.addfile(special)
    (record,), _ = records(run, tmp_path / "a.tar")
    assert record["item"]["bytes"] == len(b"the second\n")


def bomb(path: Path, members: int, each: int) -> None:
    """Write members that each unpack to `each` bytes of nothing from the same few bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = packer.compress(bytes(each)) + packer.flush()
    crc, centre = zlib.crc32(bytes(each)), b""
    with path.open("wb") as file:
        for number in range(members):
            name, at = f"{number:03}.bin".encode(), file.tell()
            head = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 33, crc, len(small), each, len(name), 0)
            file.write(b"PK\3\4" + head + name + small)
            centre += (
                b"PK\1\2" + struct.pack("<H", 20) + head + struct.pack("<HHHLL", 0, 0, 0, 0, at)
            )
            centre += name
        at = file.tell()
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, members, members, len(centre), at, 0)
        file.write(centre + end)


def test_an_archive_that_expands_without_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb(tmp_path / "bomb.zip", 60, 30 << 20)
    found = archives.opened(str(tmp_path / "bomb.zip"), follow=False)
    assert found is not None
    assert len(found.members) < 60
    assert found.fault is not None
    assert found.fault.reason.code == "archive.expands"
    monkeypatch.setattr(members, "LEAST_BOMB", 1 << 20)
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as archive:
        for number in range(8):
            info = tarfile.TarInfo(f"{number}.bin")
            info.size = 1 << 20
            archive.addfile(info, io.BytesIO(bytes(1 << 20)))
    found = archives.opened(str(tmp_path / "bomb.tgz"), follow=False)
    assert found is not None
    assert 0 < len(found.members) < 8
    assert [item.uri.rpartition("/")[2] for item in items.items("bomb.tgz", found)][
        -1
    ] == "bomb.tgz"


def test_a_stream_is_read_window_by_window(
    tmp_path: Path, tree: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(tmp_path / "a.tgz", tree, "gz")
    found = archives.opened(str(tmp_path / "a.tgz"), follow=False)
    assert found is not None
    whole = [(item.uri, item.data) for item in items.items("a", found)]
    monkeypatch.setattr(items, "WINDOW", 1)
    assert [(item.uri, item.data) for item in items.items("a", found)] == whole


def test_documents_and_files_that_only_begin_like_archives_are_items(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"PK\x03\x04 no archive")
    word = next((FIXTURES / "documents").glob("*.docx"))
    (tmp_path / "b.docx").write_bytes(word.read_bytes())
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8b" + os.urandom(40))
    found, _ = records(run, tmp_path)
    assert [r["item"]["kind"] for r in found] == ["unsupported", "text", "unsupported"]
    with zipfile.ZipFile(tmp_path / "a.png", "w") as archive:
        archive.writestr("a.txt", WORDS)
    (record,), _ = records(run, tmp_path / "a.png")
    assert record["signals"][0]["reason"]["code"] == "item.not_what_it_is_called"


def test_check_of_an_archive_says_to_use_scan(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", WORDS)
    done = run("check", tmp_path / "a.zip")
    assert done.returncode == 3
    assert "provenance scan" in done.stderr

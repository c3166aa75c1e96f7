"""A file of posts is one item a line, with text and media as parts."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from detectors.item import Item, Kind
from provenance.intake import paths, posts


def written(folder: Path, *lines: Any) -> str:
    path = folder / "posts.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines) + "\n")
    return str(path)


def read(path: str) -> list[Item]:
    return list(paths.items([path]))


def test_a_post_has_text_and_media(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    post = {"post_id": "p1", "account_id": 7, "text": "hi", "media": ["m/a.png"], "likes": 3}
    (item,) = read(written(tmp_path, post))
    assert item.uri == f"{tmp_path}/posts.jsonl#p1"
    assert item.kind is Kind.POST
    assert [(name, part.data) for name, part in item.parts] == [
        ("text", b"hi"),
        ("media/0", b"\x89PNG\r\n\x1a\n"),
    ]
    assert item.facts == {"account_id": 7, "line": 1}


def test_ids_fall_back_to_line_numbers(tmp_path: Path) -> None:
    path = written(
        tmp_path, {"text": "a", "post_id": "x"}, {"text": "b", "post_id": "x"}, {"text": "c"}
    )
    assert [item.uri.rpartition("#")[2] for item in read(path)] == ["x", "2", "3"]


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "m/../../x", "link", "dir/inner", ""])
def test_media_stay_below_the_folder_of_the_file(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "dir").symlink_to("/etc")
    (item,) = read(written(tmp_path, {"text": "a", "media": [path]}))
    fault = dict(item.parts)["media/0"].fault
    assert fault is not None
    assert fault.reason.code == "item.media_outside"


@pytest.mark.parametrize(
    "line", ["{", '{"text": 3}', "[" * 60_000, '{"text": "\\ud800"}', '{"media": "a"}', '"word"']
)
def test_a_malformed_line_is_an_item_with_a_fault(tmp_path: Path, line: str) -> None:
    first, broken, last = read(written(tmp_path, {"text": "a"}, line, {"text": "b"}))
    assert broken.fault is not None
    assert broken.fault.reason.code == "item.malformed_post"
    assert broken.kind is Kind.POST
    assert (first.fault, last.fault) == (None, None)


def test_a_line_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "MAX_LINE", 50)
    got = read(written(tmp_path, {"text": "a"}, {"text": "b" * 500}, {"text": "c"}))
    assert [item.fault is None for item in got] == [True, False, True]


def test_other_jsonl_holds_no_posts(tmp_path: Path) -> None:
    for line, kind in (('{"a": 1}', Kind.UNSUPPORTED), ("not json", Kind.TEXT), ("7", Kind.TEXT)):
        (item,) = read(written(tmp_path, line))
        assert item.kind is kind


def test_items_travel_to_workers(tmp_path: Path) -> None:
    for item in read(written(tmp_path, {"text": "a", "media": ["../x"]}, "{")):
        copy = pickle.loads(pickle.dumps(item))  # noqa: S301 - our own bytes
        assert copy.uri == item.uri
        assert (copy.fault is None) == (item.fault is None)
        assert [p.fault is None for _, p in copy.parts] == [p.fault is None for _, p in item.parts]

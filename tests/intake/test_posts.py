"""A file of posts is one item a line, with text and media as parts."""

import codecs
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import provenance
from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.intake import paths, posts

Run = Callable[..., Any]
Records = Callable[..., list[dict[str, Any]]]


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
    "line",
    ["{", "[" * 60_000, '{"text": ' + "[" * 60_000, '{"text": "a', '"word"', "[1]", '{"a": 1}'],
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
    for line, kind in (
        ('{"a": 1}', Kind.UNSUPPORTED),
        ('{"account_id": "a", "bio": "b"}', Kind.UNSUPPORTED),
        ('{"content": "<p>a</p>", "media": [{"url": "b"}]}', Kind.UNSUPPORTED),
        ('{"title": "a", "selftext": "b", "media": null}', Kind.UNSUPPORTED),
        ("not json", Kind.TEXT),
        ("7", Kind.TEXT),
    ):
        (item,) = read(written(tmp_path, line))
        assert item.kind is kind, line


RESIDUE = "As an AI language model, I cannot take sides."
ONE, TWO = {"post_id": 1, "text": "Market day"}, {"post_id": 2, "text": RESIDUE}
LINES = [json.dumps(post).encode() for post in (ONE, TWO)]


NAMED = {
    "posts.ndjson": b"\n".join(LINES),
    "POSTS.JSONL": b"\n".join(LINES),
    "mark.jsonl": codecs.BOM_UTF8 + b"\r\n".join(LINES),
    "joined.jsonl": b"\n".join(codecs.BOM_UTF8 + line for line in LINES),
    "blank.jsonl": b" \n\r\n\n" + b"\n\n".join(LINES),
    "wide.jsonl": b"\n".join(LINES).decode().encode("utf-16"),
    "heading.jsonl": b'{"exported": "2026-03-01", "count": 2}\n' + b"\n".join(LINES),
    "dated.jsonl": b'{"created_at": "2026-03-01", "by": "x"}\n' + b"\n".join(LINES),
}


def test_posts_are_told_by_their_content(records: Records, tmp_path: Path) -> None:
    for name, data in NAMED.items():
        (tmp_path / name).write_bytes(data)
    said = records("check", *NAMED, "--only", "text_marks", cwd=tmp_path)
    assert {
        record["item"]["uri"]: [signal["claim"] for signal in record["signals"]] for record in said
    } == {f"{name}#{n}": [claim] for name in NAMED for n, claim in ((1, None), (2, "ai_generated"))}
    assert {record["item"]["kind"] for record in said} == {"post"}


def test_a_heading_is_counted_and_a_later_one_is_named(records: Records, tmp_path: Path) -> None:
    path = written(tmp_path, {"exported": 1}, ONE, {"exported": 1}, TWO)
    first, heading, second = records("check", path, "--only", "text_marks")
    assert first["item"]["facts"] == {"heading_lines": 1, "line": 2}
    assert heading["signals"][0]["reason"]["code"] == "item.malformed_post"
    assert second["item"]["facts"] == {"line": 4}


def test_what_comes_first_may_be_a_picture_or_broken(records: Records, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    for first in ('{"media": ["a.png"]}', '{"text": null, "media": ["a.png"]}', '{"text": "cut'):
        made = records("check", written(tmp_path, first, ONE, TWO), "--only", "text_marks,metadata")
        assert len(made) == 3, first
        assert made[2]["signals"][0]["claim"] == "ai_generated"
        if "media" in first:
            assert [s["part"] for s in made[0]["signals"]] == ["media/0"]


FIELDS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ('"urls": null, "media": null, "account_id": null, "created_at": null', {}, {}),
    ('"urls": [{"url": "https://t.example/x"}], "media": []', {"left_out": ["urls"]}, {}),
    ('"urls": "https://a.example"', {"urls": ["https://a.example"]}, {}),
    ('"urls": ["a", null, 7]', {"urls": ["a"], "left_out": ["urls"]}, {}),
    ('"created_at": 17.5, "account_id": 5', {"created_at": 17.5, "account_id": 5}, {}),
    ('"created_at": {}, "account_id": []', {"left_out": ["account_id", "created_at"]}, {}),
    ('"media": [{"url": "b"}]', {"left_out": ["media"]}, {"media/0": "item.no_path"}),
    ('"media": {"url": "b"}', {"left_out": ["media"]}, {"media/0": "item.no_path"}),
    ('"media": ["https://a.example/b.jpg"]', {}, {"media/0": "item.no_path"}),
    ('"media": 7', {"left_out": ["media"]}, {"media/0": "item.no_path"}),
    ('"media": "gone.png"', {}, {"media/0": "item.missing"}),
    ('"media": NaN, "likes": -Infinity', {}, {}),
]  # fmt: skip


def test_a_value_of_a_wrong_kind_costs_its_field_alone(records: Records, tmp_path: Path) -> None:
    path = written(tmp_path, *(f'{{"text": "{RESIDUE}", {fields}}}' for fields, _, _ in FIELDS))
    said = records("check", path, "--only", "text_marks")
    for number, (record, (fields, facts, amiss)) in enumerate(zip(said, FIELDS, strict=True), 1):
        assert record["item"]["facts"] == {"line": number, **facts}, fields
        text, *media = record["signals"]
        assert text["claim"] == "ai_generated", fields
        assert {s["part"]: s["reason"]["code"] for s in media} == amiss, fields


def test_long_lists_are_cut_and_counted(tmp_path: Path) -> None:
    long = {"text": "a", "media": ["no:where.png"] * 70, "urls": [{}, *["b"] * 1009]}
    (item,) = read(written(tmp_path, long))
    assert item.facts.pop("urls") == ["b"] * 999
    assert item.facts == {
        "line": 1, "left_out": ["urls"], "urls_left_out": 10, "media_left_out": 6,
    }  # fmt: skip
    assert [part.fault.reason.code for _, part in item.parts[1:] if part.fault] == [
        "item.missing"
    ] * 64


def test_a_text_of_a_wrong_kind_is_said(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    line = '{"post_id": {}, "text": %s, "media": ["a.png"]}'
    path = written(tmp_path, *(line % text for text in ("3", "{}", '["a", 7]', "true")))
    done = run("check", path, "--only", "text_marks,metadata", "--format", "jsonl")
    assert done.returncode == 3
    for number, record in enumerate(map(json.loads, done.stdout.splitlines()), 1):
        assert record["item"]["facts"] == {"left_out": ["post_id", "text"], "line": number}
        said = [(s["part"], s["outcome"], s["reason"]["code"]) for s in record["signals"]]
        assert said[0] == ("text", "failed", "item.wrong_kind")
        assert said[1][:2] == ("media/0", "clear")


def test_a_post_of_nothing_is_said(records: Records, tmp_path: Path) -> None:
    for made in records(
        "check", written(tmp_path, *({"post_id": 1, "text": t} for t in ("", None)))
    ):
        (signal,) = made["signals"]
        assert (signal["outcome"], signal["reason"]["code"]) == ("not_assessed", "item.empty_post")


def test_a_text_that_was_cut_within_a_character_is_read(tmp_path: Path) -> None:
    lines = (r'{"text": "a \ud83d\ude00 \\ud800 \ud83d", "x": "\udc00"}', r'{"text": "NaN \"NaN"}')
    cut, quoted = read(written(tmp_path, *lines))
    assert dict(cut.parts)["text"].data.decode() == "a \U0001f600 \\ud800 \ufffd"
    assert dict(quoted.parts)["text"].data == b'NaN "NaN'
    (tmp_path / "old.jsonl").write_bytes(b'{"text": "caf\xe9"}')
    (old,) = read(str(tmp_path / "old.jsonl"))
    assert dict(old.parts)["text"].data.decode() == "caf\ufffd"


def test_a_text_in_pieces_is_one_text(tmp_path: Path) -> None:
    pieces = ["As an AI ", {"type": "bold", "text": "language model"}, ", I cannot."]
    whole, none = read(written(tmp_path, {"text": pieces}, {"text": []}))
    assert dict(whole.parts)["text"].data == b"As an AI language model, I cannot."
    assert dict(none.parts)["text"].fault is not None


def test_ids_that_are_numbers_of_lines_stay_apart(records: Records, tmp_path: Path) -> None:
    path = written(
        tmp_path, {"text": "a", "post_id": "3"}, {"text": "b", "post_id": "3"}, {"text": "c"}
    )
    made = records("check", path, "--only", "text_marks")
    assert [r["item"]["uri"].rpartition("#")[2] for r in made] == ["3", "2", "3~2"]
    assert [r["item"]["facts"] for r in made] == [
        {"line": 1},
        {"line": 2, "post_id": "3"},
        {"line": 3},
    ]


def test_one_record_is_not_made_of_many_posts(tmp_path: Path) -> None:
    (tmp_path / "posts.NDJSON").write_bytes(codecs.BOM_UTF8 + b"\n" + b"\n".join(LINES))
    with pytest.raises(ConfigError, match="scan"):
        provenance.check(tmp_path / "posts.NDJSON")
    made = list(provenance.scan(tmp_path / "posts.NDJSON"))
    assert [record.item.uri.rpartition("#")[2] for record in made] == ["1", "2"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from([*posts.Post.__struct_fields__, "id"]), inner)
        ),
    )
)
def test_whatever_a_line_says_it_is_one_item(line: Any) -> None:
    with TemporaryDirectory() as folder:
        path = written(Path(folder), {"post_id": "a"}, json.dumps([line])[1:-1], {"post_id": "z"})
        first, item, last = read(path)
        assert (first.uri[-2:], item.kind, last.uri[-2:]) == ("#a", Kind.POST, "#z")
        assert item.fault or item.parts


def test_items_travel_to_workers(tmp_path: Path) -> None:
    for item in read(written(tmp_path, {"text": "a", "media": ["../x"]}, "{")):
        copy = pickle.loads(pickle.dumps(item))  # noqa: S301 - our own bytes
        assert copy.uri == item.uri
        assert (copy.fault is None) == (item.fault is None)
        assert [p.fault is None for _, p in copy.parts] == [p.fault is None for _, p in item.parts]

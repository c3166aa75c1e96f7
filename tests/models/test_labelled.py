"""Labelled texts and pictures in the forms people have them; what cannot be used is named."""

import gzip
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from detectors.errors import ConfigError
from detectors.models.encoder import features
from detectors.models.labelled import AI, NOT_AI, UNSTATED, is_ai
from detectors.text_model.training.records import UNKNOWN, read, splits_of


def jsonl(path: Path, *rows: object) -> Path:
    content = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    path.write_bytes(out.getvalue())


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Words of {name}.", "utf-8")
    return folder


@pytest.mark.parametrize("word", [*AI, *NOT_AI, "AI", "Human"])
def test_labels_are_words_in_small_or_large_letters(word: str) -> None:
    assert is_ai(word, "here") == (word.lower() in AI)


@pytest.mark.parametrize("word", ["", "1", "maybe", "ai?"])
def test_other_labels_are_refused_with_those_that_are_known(word: str) -> None:
    with pytest.raises(ConfigError, match=r"here: label .* is not known; write ai, .*human"):
        is_ai(word, "here")


@pytest.mark.parametrize("name", ["own.jsonl", "own.jsonl.gz"])
def test_a_file_of_texts_needs_text_and_label_alone(tmp_path: Path, name: str) -> None:
    rows = {"text": "One.", "label": "Real"}, "", {"text": "Two.", "label": "ai", "source": "s-1"}
    path = jsonl(tmp_path / name, *rows)
    assert splits_of(path) == ("own",)
    one, two = read(path, ("own",))
    assert (one.id, one.label, one.source, one.domain) == (f"{name}:1", "human", UNSTATED, UNKNOWN)
    assert (two.id, two.ai, two.source, two.family) == (f"{name}:3", True, "s-1", "s")


def test_a_folder_of_files_has_a_split_for_each(tmp_path: Path) -> None:
    row = {"id": "1", "text": "One.", "label": "ai", "native": False, "author": "x"}
    jsonl(tmp_path / "b.jsonl.gz", row)
    jsonl(tmp_path / "a.jsonl", row | {"id": "2"})
    assert splits_of(tmp_path) == ("a", "b")
    assert [(t.id, t.native, t.author) for t in read(tmp_path, ("b",))] == [("1", False, "x")]


def test_folders_name_label_and_source_and_texts_are_read_as_check_reads_them(
    tmp_path: Path,
) -> None:
    put(tmp_path, "ai/gpt/b.txt", "human/a.md", "ai/.hidden", "ai/gpt/Thumbs.db")
    (tmp_path / "ai" / "gpt" / "c.txt").write_bytes("\ufeffDrei\u200b Wörter".encode("utf-16"))
    (split,) = splits_of(tmp_path)
    texts = read(tmp_path, (split,))
    assert [(t.id, t.label, t.source) for t in texts] == [
        ("ai/gpt/b.txt", "ai", "gpt"),
        ("ai/gpt/c.txt", "ai", "gpt"),
        ("human/a.md", "human", UNSTATED),
    ]
    assert texts[1].text == "Drei Wörter"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", r"own.jsonl:2: no labelled text: .*an object like"),
        ({"text": "One."}, r"own.jsonl:2: no labelled text: .*label"),
        ({"text": 1, "label": "ai"}, r"own.jsonl:2: no labelled text: .*text"),
        ({"text": "One.", "label": 1}, r"own.jsonl:2: no labelled text: .*label"),
        ({"text": "One.", "label": "perhaps"}, r"own.jsonl:2: label 'perhaps' is not known"),
        ({"text": " \n", "label": "ai"}, r"own.jsonl:2: the text is empty"),
        ({"text": "x", "label": "ai", "id": "first"}, r"own.jsonl:2: a second text of id 'first'"),
    ],
)
def test_a_line_that_is_no_labelled_text_is_named(tmp_path: Path, row: object, words: str) -> None:
    path = jsonl(tmp_path / "own.jsonl", {"id": "first", "text": "One.", "label": "ai"}, row)
    with pytest.raises(ConfigError, match=words):
        read(path, ("own",))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("ai/a.pdf",), "a.pdf: no text; texts end in .txt or .md"),
        (("ai/a.txt", "notes.txt"), "notes.txt: stands in no folder of a label"),
        (("ai/a.txt", "maybe/b.txt"), "label 'maybe' is not known"),
        (("a.jsonl", "a.jsonl.gz"), "same split"),
        (("notes.txt",), "no labelled texts here; give a file"),
    ],
)
def test_a_file_that_is_no_labelled_text_is_named(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    put(tmp_path, *names)
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, splits_of(tmp_path))


def test_empty_texts_in_folders_and_unknown_splits_are_named(tmp_path: Path) -> None:
    (put(tmp_path, "ai/a.txt") / "ai" / "a.txt").write_text(" ")
    with pytest.raises(ConfigError, match=r"a\.txt: the text is empty"):
        read(tmp_path, splits_of(tmp_path))
    with pytest.raises(ConfigError, match="no such split: dev; there is"):
        read(tmp_path, ("dev",))


def test_what_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl.gz").write_bytes(b"plain")
    with pytest.raises(ConfigError, match=r"own\.jsonl\.gz: cannot be read"):
        read(tmp_path / "own.jsonl.gz", ("own",))


def test_a_file_of_pictures_names_them_beside_itself(tmp_path: Path) -> None:
    rows = [
        {"file": "b.png", "label": "REAL", "source": "nikon", "scene": "street"},
        {"file": "a.png", "label": "generated"},
        {"file": "c.png", "label": "other"},
    ]
    path = jsonl(tmp_path / "own.jsonl", *rows)
    found = features.rows(path, ())
    assert [(r.file, r.label, r.repo, r.scene) for r in found] == [
        ("a.png", "ai", UNSTATED, None),
        ("b.png", "real", "nikon", "street"),
    ]
    assert [r.file for r in features.rows(path, (), ("other",))] == ["c.png"]
    picture(tmp_path / "a.png")
    assert features.decoded(path, found[0]).width == 8


def test_folders_of_pictures_name_label_and_source(tmp_path: Path) -> None:
    for name in ("real/canon/a.png", "ai/b.png"):
        picture(tmp_path / name)
    found = features.rows(tmp_path, ())
    assert [(r.file, r.label, r.repo, r.split) for r in found] == [
        ("ai/b.png", "ai", UNSTATED, ""),
        ("real/canon/a.png", "real", "canon", ""),
    ]
    assert features.opened(tmp_path, found[1]).data[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"label": "ai"}, r"MANIFEST.jsonl:1: .*file.*an object like"),
        ({"file": "a.png", "label": "cat"}, r"MANIFEST.jsonl:1: label 'cat' is not known"),
        ({"file": "a.png", "label": "other"}, "no row of any split with label ai or real"),
    ],
)
def test_a_line_that_is_no_labelled_picture_is_named(
    tmp_path: Path, row: object, words: str
) -> None:
    jsonl(tmp_path / "MANIFEST.jsonl", row)
    with pytest.raises(ConfigError, match=words):
        features.rows(tmp_path, ())


def test_a_picture_stands_once_in_a_split_and_may_stand_in_several(tmp_path: Path) -> None:
    row = {"file": "a.png", "label": "ai", "split": "train"}
    path = jsonl(tmp_path / "own.jsonl", row, row | {"split": "dev"})
    assert len(features.rows(path, ())) == 2
    jsonl(path, row, row)
    with pytest.raises(ConfigError, match=r"own\.jsonl:2: a second line for a\.png"):
        features.rows(path, ())


@pytest.mark.parametrize("name", ["none", "some.txt"])
def test_data_without_pictures_are_refused_with_what_would_be_right(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "some.txt").write_text("x")
    with pytest.raises(ConfigError, match="no labelled pictures here; give a folder with MANIFEST"):
        features.rows(tmp_path / name, ())


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no picture", r"a\.png: cannot be opened as a picture"), (None, r"a\.png: cannot be read")],
)
def test_a_file_that_is_no_picture_is_named(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    row = features.LabelledPicture(file="a.png", label="ai")
    with pytest.raises(ConfigError, match=words):
        features.decoded(tmp_path, row)

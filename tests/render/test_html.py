"""The page as a file: what it may do, and that nothing of the records is markup in it."""

import base64
import hashlib
import html.parser
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detectors.signal import Claim
from provenance.engine.trace import Kept
from provenance.record import Record
from provenance.render.html import thumbnails as small
from provenance.render.html.data import json_of
from provenance.render.report import Report, write
from provenance.runs.ledger import Ledger

Make = Callable[..., Record]
Run = Callable[..., Path]
HOSTILE = [
    "<script>window.pwned=1</script>", "</script><script>window.pwned=1</script>", "{{7*7}}",
    "</noscript><img src=x onerror=window.pwned=1>", "javascript:window.pwned=1", "<!--", "]]>",
    "' onclick='window.pwned=1", '"><svg onload=window.pwned=1>', "a\nb\r\x00\u2028", "&#0;&lt;",
    "<base href=http://evil.example/>", "\u202egpj.exe", "</title><style>*{display:none}</style>",
]  # fmt: skip


class Tags(html.parser.HTMLParser):
    """Reads a page as a browser without a script does: its tags, and the text of each table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def page(run: Path, *, thumbnails: bool = False) -> str:
    out = io.BytesIO()
    write(Report(run, thumbnails=thumbnails), "html", out)
    return out.getvalue().decode()


def block(text: str, name: str) -> Any:
    found = re.search(
        rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_the_policy_lets_its_own_style_and_script_run_and_nothing_else(
    examples: list[Record], run_of: Run
) -> None:
    text = page(run_of(examples))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert not re.search("<(script|style|link|img|base)", text[: policy.start()])
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"


def test_nothing_is_fetched_and_nothing_leads_out(examples: list[Record], run_of: Run) -> None:
    for tag, attributes in Tags(page(run_of(examples))).tags:
        assert "src" not in attributes
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_record_is_markup(
    build: Make, signal: Make, run_of: Run, tmp_path: Path, text: str
) -> None:
    def made(said: str) -> Record:
        facts = {"state": "valid", "ai": "generated", "note": said, said: 1}
        claim = Claim.AI_GENERATED
        found = signal("credentials", f"credential.{said}", claim, by=said, facts=facts)
        return build(said, found, note=said)

    hostile = page(run_of([made(text)], [[text]]))
    (tmp_path / "run").rename(tmp_path / "hostile")
    plain = page(run_of([made("plain")], [["plain"]]))
    names = [[tag for tag, _ in Tags(one).tags] for one in (hostile, plain)]
    assert names[0] == names[1]
    assert block(hostile, "items")[0]["uri"] == text


@given(st.recursive(st.text(st.characters(exclude_categories=["Cs"])), st.lists))
def test_json_in_a_page_says_the_same_without_a_tag(value: Any) -> None:
    assert "<" not in json_of(value)
    assert json.loads(json_of(value)) == value


def test_each_item_has_its_evidence(examples: list[Record], run_of: Run) -> None:
    text = page(run_of(examples, [["chatgpt-1.png", "DSC_0412.JPG"]]))
    items, signals, texts = (block(text, name) for name in ("items", "signals", "texts"))
    for item, record in zip(items, examples, strict=True):
        assert (item["uri"], item["risk"]) == (record.item.uri, record.verdict.risk.value)
        told = [(s["detector"], s["outcome"]) for s in (signals[n] for n in item["signals"])]
        assert sorted(told) == sorted((s.detector, s.outcome.value) for s in record.signals)
    assert [item["groups"] for item in items[:3]] == [[1], [1], []]
    assert block(text, "groups") == [
        "the same picture, 2 items; chance that strangers are joined: 1e-06"
    ]
    measured = next(item for item in items if item["uri"] == "measured.jpg")
    assert re.search(r"of 1,000 warnings like this one are false", texts[measured["weight"]])
    plain = next(item for item in items if item["uri"] == "plain.jpg")
    assert texts[plain["not_assessed"]] == "known fake (no bank was given)"


def test_what_is_the_same_in_many_items_stands_there_once(make: Make, run_of: Run) -> None:
    text = page(run_of([make("plain", f"{number}.jpg") for number in range(50)]))
    assert len(block(text, "items")) == 50
    assert len(block(text, "signals")) == 3
    assert text.count("no bank was given") < 3


def test_without_a_script_items_at_review_and_above_stand_there(
    examples: list[Record], run_of: Run
) -> None:
    cells = Tags(page(run_of(examples))).cells
    named = [cell.strip() for cell in cells[2::5]]
    assert named == [
        "chatgpt-1.png", "avatars/anna_k.jpg", "poster_final.jpg",
        "measured.jpg", "marked.jpg", "broken.jpg",
    ]  # fmt: skip


def pictures(folder: Path, build: Make) -> list[Record]:
    """Make pictures of several formats, and the records of them."""
    made = []
    for name, mode in (("a.jpg", "RGB"), ("b.png", "RGBA"), ("c.webp", "RGB"), ("d.gif", "L")):
        path = folder / name
        noise = np.random.default_rng(7).integers(0, 256, (100, 200, 3), np.uint8)
        Image.fromarray(noise).convert(mode).save(path)
        made.append(of(path, path.read_bytes(), build))
    return made


def of(name: object, data: bytes, build: Make) -> Record:
    record = build(str(name))
    item = msgspec.structs.replace(record.item, sha256=hashlib.sha256(data).hexdigest())
    return msgspec.structs.replace(record, item=item)


@pytest.fixture
def bare(build: Make, signal: Make) -> Make:
    return lambda uri: build(uri, signal("metadata", "metadata.clear"))


def sizes(records: list[Record]) -> dict[int, tuple[int, int]]:
    """Return the sizes of the small copies, by the number of their record."""
    numbers = {record.item.sha256 or "": number for number, record in enumerate(records)}
    made = small.small_copies(records, None, numbers)
    return {number: Image.open(io.BytesIO(image), formats=["WEBP"]).size for number, image in made}


def test_pictures_are_made_anew_and_small(tmp_path: Path, bare: Make, run_of: Run) -> None:
    records = pictures(tmp_path, bare)
    assert sizes(records) == dict.fromkeys(range(4), (64, 32))
    shown = block(page(run_of(records), thumbnails=True), "thumbnails")
    assert [number for number, _ in shown] == [0, 1, 2, 3]
    assert block(page(tmp_path / "run"), "thumbnails") == []


def test_a_file_that_is_another_or_gone_or_broken_has_none(tmp_path: Path, bare: Make) -> None:
    records = pictures(tmp_path, bare)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes() + b"\0")
    (tmp_path / "b.png").unlink()
    broken = b"\xff\xd8\xff\xe0" + bytes(500)
    (tmp_path / "c.webp").write_bytes(broken)
    records[2] = of(tmp_path / "c.webp", broken, bare)
    assert sizes(records) == {3: (64, 32)}


def test_members_of_archives_have_them(tmp_path: Path, bare: Make) -> None:
    inside = pictures(tmp_path, bare)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("a.jpg", "b.png", "c.webp", "d.gif"):
            archive.write(tmp_path / name, f"x/{name}")
    members = [
        of(f"{tmp_path}/all.zip!/x/{name}", (tmp_path / name).read_bytes(), bare)
        for name in ("d.gif", "a.jpg", "nowhere.png")
        if (tmp_path / name).exists()
    ]
    assert sizes([*members, *inside[1:3]]) == dict.fromkeys(range(4), (64, 32))


def test_a_picture_that_takes_too_long_costs_itself_alone(
    tmp_path: Path, bare: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (9000, 9000)).save(tmp_path / "0.png", compress_level=1)
    slow = of(tmp_path / "0.png", (tmp_path / "0.png").read_bytes(), bare)
    monkeypatch.setattr(small, "CPU_SECONDS", 0.1)  # of 0.3
    first, *others = pictures(tmp_path, bare)
    assert sizes([first, slow, *others]) == dict.fromkeys((0, 2, 3, 4), (64, 32))


def test_equal_bytes_have_one_small_copy(tmp_path: Path, bare: Make, run_of: Run) -> None:
    first, second, *_ = pictures(tmp_path, bare)
    shutil.copy(tmp_path / "a.jpg", tmp_path / "copy.jpg")
    gone = of(tmp_path / "gone.jpg", (tmp_path / "a.jpg").read_bytes(), bare)
    copy = of(tmp_path / "copy.jpg", (tmp_path / "a.jpg").read_bytes(), bare)
    text = page(run_of([gone, first, second, copy]), thumbnails=True)
    assert [item["pictures"] for item in block(text, "items")] == [[0], [0], [1], [0]]
    assert [number for number, _ in block(text, "thumbnails")] == [0, 1]


def test_what_lies_in_a_ledger_is_shown_only_if_it_is_a_small_copy(bare: Make, run_of: Run) -> None:
    records = [of(f"{number}.jpg", bytes([number]), bare) for number in range(4)]
    copies = [io.BytesIO() for _ in range(4)]
    for copy, side, kind in zip(
        copies, (64, 65, 64, 8), ("WEBP", "WEBP", "PNG", "WEBP"), strict=True
    ):
        Image.new("RGB", (side, 9)).save(copy, kind)
    run = run_of(records)
    (run / "ledger").mkdir()
    with closing(Ledger(run / "ledger")) as ledger:
        for record, copy in zip(records, copies, strict=True):
            digest = bytes.fromhex(record.item.sha256 or "")
            ledger.put_kept(Kept(digest, b"", copy.getvalue()[: 20 if copy is copies[3] else None]))
        ledger.commit()
    assert [number for number, _ in block(page(run, thumbnails=True), "thumbnails")] == [0]
    (run / "ledger" / "ledger.sqlite").write_bytes(b"no ledger")
    assert block(page(run, thumbnails=True), "thumbnails") == []

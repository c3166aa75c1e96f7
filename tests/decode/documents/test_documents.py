# ruff: noqa: E501 - objects of a format, as long as they are
"""Text comes out of every format, and no document takes long, or anything along that it names."""

import hashlib
import importlib.util
import sys
import time
import tomllib
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode.documents import markdown
from detectors.decode.sniff import sniff
from detectors.decode.text import Passage
from detectors.errors import CannotAssess
from detectors.item import Item, Kind
from detectors.signal import Outcome
from detectors.text_marks.detector import TextMarks

ROOT = Path(__file__).parents[3]
HOME = ROOT / "fixtures" / "documents"
SENTENCES = tomllib.loads((ROOT / "detectors" / "en.toml").read_text("utf-8"))
SPEC = importlib.util.spec_from_file_location("documents_made", ROOT / "fixtures" / "documents.py")
assert SPEC is not None
assert SPEC.loader is not None
MADE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(MADE)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CATALOG, ONE = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 5 0 R/Resources<</Font<</F 3 0 R>>/XObject<</X 6 0 R>>>>>>"
FORM = (
    b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F 3 0 R>>/XObject<</X %d 0 R>>>>"
)
NOISE = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(98_304))
HEAD = b"From: a@b\nDate: x\nMessage-ID: <1>\nMIME-Version: 1.0\n"


def opened(data: bytes) -> tuple[Passage, dict[str, Any]]:
    item = Item("x", lambda: data)
    return item.passage, item.facts


def stopped(data: bytes) -> tuple[Outcome, str]:
    with pytest.raises(CannotAssess) as fault:
        opened(data)
    reason = fault.value.reason
    assert SENTENCES[reason.code].format(**reason.args)
    return fault.value.outcome, reason.code.removeprefix("passage.")


def flate(content: bytes, more: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    head = b"<</Filter/FlateDecode/Length %d%s>>" % (len(packed), more)
    return head + b"stream\n" + packed + b"\nendstream"


def one_page(content: bytes, *more: bytes) -> bytes:
    made: bytes = MADE.file([CATALOG, ONE, FONT, PAGE, flate(content), *more], "/Root 1 0 R")
    return made


def test_the_fixtures_are_what_is_made() -> None:
    assert {path.name: path.read_bytes() for path in HOME.iterdir()} == MADE.files()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("letter.docx", WORD),
        ("letter.pdf", "application/pdf"),
        ("letter.eml", "message/rfc822"),
        ("letter.txt", "text/plain"),
        ("page.html", "text/html"),
        ("notes.md", "text/markdown"),
    ],
)
def test_the_content_says_what_a_text_is(name: str, media_type: str) -> None:
    said = sniff((HOME / name).read_bytes())
    assert (said.name, said.kind) == (media_type, Kind.TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "From: Ada\nTo: Bob\nDate: today\n\nHi",
        "From: Ada\nDate: x\nMessage-ID: <1>\nno empty line behind the fields",
        "Dear all,\nFrom: a\nDate: b\nMessage-ID: c\n\n",
        "# Heading\n\ntext",
        "---\nA line, and another.\n",
        "`code` and ``` in a line\n",
        "Subject: Apology\n\nDear Bob,",
    ],
)
def test_plain_texts_stay_plain_texts(text: str) -> None:
    assert sniff(text.encode()).name == "text/plain"


@pytest.mark.parametrize("cut", [22, 60, 300])
def test_archives_are_word_documents_by_their_directory_alone(cut: int) -> None:
    data = (HOME / "letter.docx").read_bytes()
    assert sniff(data[:-cut]).kind is Kind.UNSUPPORTED
    assert sniff((HOME / "sheet.xlsx").read_bytes()).name == "application/zip"
    assert sniff(b"PK\x03\x04" + b"[Content_Types].xml word/document.xml").kind is Kind.UNSUPPORTED


def test_a_word_document_gives_its_body_then_its_margins() -> None:
    passage, facts = opened((HOME / "letter.docx").read_bytes())
    body = [MADE.PLAIN[0], "Ferry", "Ten", MADE.MARK]
    assert passage.text.split("\n") == [*body, "Harbour office"]
    assert passage.plain.split("\n") == body
    assert facts["document"] == {
        "author": "Ada",
        "created": "2026-03-01T09:30:00+00:00",
        "application": "Fixture Writer",
        "minutes_edited": "3",
    }


def test_what_older_programs_would_show_is_not_read_twice() -> None:
    box = f"<mc:RunConfig>{MADE.paragraph('box')}</mc:RunConfig><mc:Fallback>{MADE.paragraph('box')}</mc:Fallback>"
    data = MADE.word(f"<w:p><w:r><mc:AlternateContent>{box}</mc:AlternateContent></w:r></w:p>")
    assert opened(data)[0].plain.split() == ["box"]


def test_a_pdf_gives_its_pages_and_says_where_a_character_stands() -> None:
    passage, facts = opened((HOME / "letter.pdf").read_bytes())
    assert passage.text.split("\n") == [
        MADE.PLAIN[0],
        "Every morning it rains.",
        MADE.MARK,
        MADE.PLAIN[1],
    ]
    at = passage.text.index(MADE.PLAIN[1]) + 3
    assert passage.position(at) == {"page": 2, "line": 2, "column": 4, "offset": at}
    assert passage.position(3) == {"page": 1, "line": 1, "column": 4, "offset": 3}
    assert facts["pages"] == 2


def test_capital_letters_behind_a_hyphen_are_no_cut_word() -> None:
    data = MADE.pdf([MADE.lines("Rolls-", "Royce and morn-", "ing")])
    assert opened(data)[0].text == "Rolls-\nRoyce and morning"


def test_pages_over_the_limit_are_left_out_and_counted() -> None:
    kids = b"4 0 R " * 150
    pages = b"<</Type/Pages/Count 150/Kids[" + kids + b"]>>"
    data = MADE.file([CATALOG, pages, FONT, PAGE, flate(b"BT /F 9 Tf (a) Tj ET")], "/Root 1 0 R")
    passage, facts = opened(data)
    assert (passage.text.split(), facts["pages"], facts["pages_read"]) == (["a"] * 100, 150, 100)


def test_properties_of_a_pdf_are_facts() -> None:
    data = MADE.pdf(
        [MADE.lines("Hi")], extra="/Info 6 0 R", objects=[b"<</Producer(Made)/CreationDate(D:1)>>"]
    )
    assert opened(data)[1]["document"] == {"producer": "Made", "creation_date": "D:1"}


def test_a_pdf_that_any_viewer_opens_is_read() -> None:
    import io

    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO((HOME / "clean.pdf").read_bytes()))
    writer.encrypt("", "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    assert MADE.PLAIN[0] in opened(out.getvalue())[0].text


@pytest.mark.parametrize(
    ("parts", "kind", "text", "plain"),
    [
        (
            [("text/html", "<p>Hi</p>"), ("text/plain", "Hi\n> said you\n-- \nAda")],
            "alternative",
            "Hi\n> said you\n-- \nAda",
            "Hi\n",
        ),
        ([("text/html", "<p>H<b>i</b></p>")], "alternative", "<p>H<b>i</b></p>", "\nHi\n"),
        ([("text/plain", "> all"), ("image/png", "x")], "mixed", "> all", "> all"),
        ([("text/plain; charset=nonsense", "caf\u00e9")], "mixed", "caf\u00e9", "caf\u00e9"),
    ],
)
def test_a_message_gives_its_body_alone(
    parts: list[tuple[str, str]], kind: str, text: str, plain: str
) -> None:
    passage, facts = opened(MADE.mail(*parts, kind=kind))
    assert (passage.text, passage.plain) == (text, plain)
    assert facts["attachments"] == (1 if "image" in parts[-1][0] else 0)


def test_a_message_without_a_body_says_so() -> None:
    assert stopped(MADE.mail(("image/png", "x"), kind="mixed")) == ("not_assessed", "no_text")


def test_the_main_text_of_a_page_has_no_menu() -> None:
    passage, facts = opened((HOME / "page.html").read_bytes())
    assert "Home" in passage.text
    assert passage.plain.split("\n") == [MADE.PLAIN[0], MADE.MARK, MADE.PLAIN[1]]
    assert facts["main_text"].startswith("trafilatura")


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("---\na: b\n---\nHi", "Hi"),
        ("Hi\n```python\nx = 1\n```\nthere", "Hi\n\nthere"),
        ("```text\nDear Bob\n```\n", "\nDear Bob\n\n"),
        ("Hi\n```\nnever closed", "Hi\n```\nnever closed"),
        ("~~~\nonly code\n~~~", "~~~\nonly code\n~~~"),
        ("Hi\n````\n```\ninner\n```\n````\nbye", "Hi\n\nbye"),
    ],
)
def test_front_matter_and_code_are_not_judged(text: str, prose: str) -> None:
    assert markdown.prose(text) == prose


@given(st.lists(st.sampled_from(["---\n", "a: b\n", "```\n", "```x\n", "~~~\n", "w ", "\n"])))
def test_prose_is_made_of_the_text_and_never_empty(pieces: list[str]) -> None:
    text = "".join(pieces)
    prose = markdown.prose(text)
    assert prose.strip() or not text.strip()
    assert len(prose) <= len(text)


def bomb(name: str) -> bytes:
    made: bytes = MADE.word("", **{name: bytes(150 << 20)})
    return made


def nested(levels: int) -> bytes:
    part = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return HEAD + b"".join(part % (i, i) for i in range(levels)) + b"\nhi"


def laughs() -> bytes:
    forms = [flate(b"BT /F 9 Tf (a) Tj ET " + b"/X Do " * 10, FORM % (7 + i)) for i in range(12)]
    return one_page(b"/X Do", *forms, flate(b"", FORM % 6))


def entities() -> bytes:
    named = "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    made: bytes = MADE.word(
        "",
        **{
            "word/document.xml": f'<!DOCTYPE x [<!ENTITY a "lol">{named}]><w:document {MADE.W}>'
            "<w:body><w:p><w:r><w:t>x&i;y</w:t></w:r></w:p></w:body></w:document>"
        },
    )
    return made


def tree(entries: int) -> bytes:
    pages = b"<</Type/Pages/Count %d/Kids[%s]>>" % (entries, b"4 0 R " * entries)
    made: bytes = MADE.file([CATALOG, pages, FONT, PAGE, flate(b"")], "/Root 1 0 R")
    return made


HOSTILE: dict[str, tuple[Callable[[], bytes], Outcome | None, str]] = {
    "150 MB in one member": (lambda: bomb("word/media/a.bin"), Outcome.NOT_ASSESSED, "over_limit"),
    "90 MB that pack to nothing": (
        lambda: MADE.word("", **{"word/media/a.bin": bytes(90 << 20)}),
        Outcome.NOT_ASSESSED,
        "over_limit",
    ),
    "30 MB of XML": (
        lambda: MADE.word("", **{"word/a.xml": NOISE * 10}),
        Outcome.NOT_ASSESSED,
        "over_limit",
    ),
    "3,000 members": (
        lambda: MADE.word("", **{f"word/{i}": "" for i in range(3000)}),
        Outcome.NOT_ASSESSED,
        "over_limit",
    ),
    "deep XML": (lambda: MADE.word("<w:p>" * 100_000), Outcome.FAILED, "damaged"),
    "entities of entities": (entities, Outcome.FAILED, "damaged"),
    "a part of another kind": (
        lambda: MADE.word("", **{"[Content_Types].xml": "<Types/>"}),
        Outcome.FAILED,
        "damaged",
    ),
    "500 MB in one stream": (
        lambda: one_page(bytes(500 << 20)),
        Outcome.NOT_ASSESSED,
        "too_complex",
    ),
    "600,000 operators": (
        lambda: one_page(b"BT " + b"(a) Tj " * 600_000),
        Outcome.NOT_ASSESSED,
        "too_complex",
    ),
    "a million pages": (lambda: tree(1_000_000), Outcome.NOT_ASSESSED, "too_complex"),
    "pages in themselves": (
        lambda: MADE.file(
            [CATALOG, b"<</Type/Pages/Count 5/Kids[2 0 R 2 0 R]>>", FONT], "/Root 1 0 R"
        ),
        Outcome.FAILED,
        "damaged",
    ),
    "an object that is itself": (
        lambda: MADE.file([b"1 0 R"], "/Root 1 0 R"),
        Outcome.FAILED,
        "damaged",
    ),
    "a form that draws itself": (
        lambda: one_page(b"/X Do", flate(b"/X Do /X Do", FORM % 6)),
        Outcome.NOT_ASSESSED,
        "pictures_only",
    ),
    "forms of forms of forms": (laughs, None, ""),
    "200,000 brackets": (
        lambda: MADE.file([CATALOG, b"[" * 200_000, FONT], "/Root 1 0 R"),
        Outcome.FAILED,
        "damaged",
    ),
    "a PDF of its head alone": (lambda: b"%PDF-1.7", Outcome.FAILED, "damaged"),
    "10,000 nested parts": (lambda: nested(10_000), Outcome.NOT_ASSESSED, "over_limit"),
    "20 nested parts": (lambda: nested(20), None, ""),
    "60,000 parentheses": (
        lambda: HEAD + b"Content-Type: text/plain; " + b"(" * 60_000 + b"\n\nhi",
        None,
        "",
    ),
    "a million lines": (lambda: HEAD + b"\n" * 1_000_000, Outcome.NOT_ASSESSED, "over_limit"),
    "65 MB": (lambda: b"%PDF-1.7" + bytes(65 << 20), Outcome.NOT_ASSESSED, "too_large"),
    "200,000 open elements": (lambda: b"<html>" + b"<div>" * 200_000 + b"x", None, ""),
    "100,000 attributes": (
        lambda: b"<html><p " + b" ".join(b"a%d" % i for i in range(100_000)) + b">x",
        None,
        "",
    ),
    "a page of 1.2 MB": (lambda: b"<html>" + b"<p>a</p>" * 150_000, None, ""),
    "100,000 open quotes": (lambda: b"<html>" + b'<a b="' * 100_000, None, ""),
    "100,000 fences": (lambda: b"```\n" * 100_000, None, ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_bounded_and_say_why(name: str) -> None:
    make, outcome, code = HOSTILE[name]
    data = make()
    if outcome is None:
        assert len(opened(data)[0].plain) < 2_000_000
    else:
        assert stopped(data) == (outcome, code)


def test_an_external_entity_is_not_read() -> None:
    document = (
        f'<!DOCTYPE x [<!ENTITY a SYSTEM "{(HOME / "letter.txt").as_uri()}">]>'
        f"<w:document {MADE.W}><w:body><w:p><w:r><w:t>x&a;y</w:t></w:r></w:p></w:body></w:document>"
    )
    data = MADE.word("", **{"word/document.xml": document})
    assert "Ada" not in opened(data)[0].text


@pytest.mark.parametrize("name", ["letter.pdf", "letter.docx", "letter.eml", "locked.pdf"])
@given(where=st.floats(0, 1), what=st.binary(min_size=1, max_size=8))
def test_damaged_files_are_judged_or_refused(name: str, where: float, what: bytes) -> None:
    data = bytearray((HOME / name).read_bytes())
    at = int(where * len(data))
    data[at : at + len(what)] = what
    item = Item("x", lambda: bytes(data))
    if item.kind is Kind.TEXT:
        with suppress(CannotAssess):
            item.passage.plain.encode()


@pytest.mark.parametrize(("name", "library"), [("letter.pdf", "pypdf"), ("letter.docx", "docx")])
def test_without_the_extra_the_sentence_says_how_to_get_it(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    data = (HOME / name).read_bytes()
    assert stopped(data) == ("not_assessed", "needs_extra")
    assert "pip install 'provenance-check[documents]'" in SENTENCES["passage.needs_extra"].format(
        extra="documents", format="PDF"
    )


def test_without_the_extra_pages_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    passage, facts = opened((HOME / "page.html").read_bytes())
    assert "Home" in passage.plain
    assert "main_text" not in facts


FRONT = [
    ("---\ntitle: a\n---\nwords", "words"),
    ("---\r\ntitle: a\r\n---\r\nwords", "words"),
    ("---\ntitle: a\n...  \nwords", "words"),
    ("---\ntitle: a\n---", "---\ntitle: a\n---"),
    ("---\n---\nwords", "---\n---\nwords"),
    ("---\n---\n---\nwords", "words"),
    ("---\nno end\nwords", "---\nno end\nwords"),
    ("---\n" + "a\n" * 200 + "---\nwords", "words"),
    ("---\n" + "a\n" * 201 + "---\nwords", None),
    ("---\n" + "a" * 2_001 + "\n---\nwords", None),
]


@pytest.mark.parametrize(("text", "own"), FRONT)
def test_front_matter_is_no_prose(text: str, own: str | None) -> None:
    assert markdown.prose(text) == (text if own is None else own)


@pytest.mark.parametrize("line", ["a\r\n", "a\n", "\r\n", "-- \r\n"])
def test_front_matter_that_never_ends_takes_no_time(line: str) -> None:
    began = time.process_time()
    for lines in (60, 100_000):
        markdown.prose("---\r\n" + line * lines)
    assert time.process_time() - began < 1


def parts_of(head: bytes, count: int, boundary: bytes = b'boundary="b"') -> bytes:
    part = b"--b\n" + head + b"\n\nx\n"
    return HEAD + b"Content-Type: multipart/mixed; " + boundary + b"\n\n" + part * count + b"--b--"


def levels_of(head: Callable[[int], bytes]) -> bytes:
    return HEAD + b"".join(map(head, range(200))) + b"\n" + b"x\n" * 100_000


NESTED = {
    "extended parameter": lambda n: b"Content-Type: multipart/mixed; boundary*=''b%d\n\n--b%d\n" % (n, n),
    "many blanks": lambda n: b"Content-Type: multipart/mixed; boundary%s=b%d\n\n--b%d\n" % (b" " * 10, n, n),
    "message": lambda _: b"Content-Type: message/x\n\n",
}  # fmt: skip
PARTS = {
    "many parts": parts_of(b"A: b", 10_000),
    "many, extended parameter": parts_of(b"A: b", 10_000, b"boundary*=us-ascii''b"),
    "many messages": HEAD + b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * 10_000,
} | {f"nested, {name}": levels_of(head) for name, head in NESTED.items()}


@pytest.mark.parametrize("data", PARTS.values(), ids=PARTS)
def test_parts_of_a_message_are_counted_as_the_parser_makes_them(data: bytes) -> None:
    began = time.process_time()
    assert stopped(data) == (Outcome.NOT_ASSESSED, "over_limit")
    assert time.process_time() - began < 1


@pytest.mark.parametrize("noise", [b"(", b'"', b"a;", b";a=b", b"<a@b>,", b"x*0*='';"])
@pytest.mark.parametrize("name", [b"Content-Type: text/plain;", b"Content-Disposition: inline;"])
def test_headers_of_many_parts_take_little_time(name: bytes, noise: bytes) -> None:
    began = time.process_time()
    with suppress(CannotAssess):
        opened(parts_of(name + noise * (4_000 // len(noise)), 60))
    assert time.process_time() - began < 3  # 190 parts took 21 before headers were bounded


@pytest.mark.parametrize("charset", [b"=punycode", b"*=us-ascii''punycode", b"=idna", b"=base64"])
@pytest.mark.parametrize("start", [b"a" * 100, b"\xff" * 100])
def test_a_codec_that_is_no_character_set_of_messages_is_not_used(
    charset: bytes, start: bytes
) -> None:
    began = time.process_time()
    body = start + b"-" + b"aa" * 400_000
    passage, _ = opened(HEAD + b"Content-Type: text/plain; charset" + charset + b"\n\n" + body)
    assert passage.text == body.decode("cp1252")
    assert time.process_time() - began < 1


def test_the_styles_of_a_word_document_tell_what_is_quoted(tmp_path: Path) -> None:
    opened = docx.Document()
    opened.add_paragraph("The reply was short.")
    opened.add_paragraph("As an AI language model, I cannot visit.", style="Intense Quote")
    link = "https://example.org/?utm_source=chatgpt.com"
    opened.part.relate_to(link, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    opened.save(str(tmp_path / "a.docx"))
    item = Item("a.docx", (tmp_path / "a.docx").read_bytes)
    said = {signal.facts["row"]: signal for signal in TextMarks({}).inspect(item)}
    assert set(said) == {"residue.assistant_phrase", "residue.utm_source"}
    assert [signal.claim for signal in said.values()] == [None, None]

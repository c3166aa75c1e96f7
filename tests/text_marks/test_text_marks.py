# ruff: noqa: RUF001 - look-alike letters are what is tested
"""Marks are found with their row, innocent texts are left alone, and no text takes long."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decode.residue import plain
from detectors.errors import ConfigError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Signal
from detectors.text_marks.detector import TextMarks
from detectors.text_marks.hidden import SCANS, payload_of_bits
from detectors.text_marks.table import UNMEASURED

FIXTURES = Path(__file__).parents[2] / "fixtures"
TRUTH = tomllib.loads((FIXTURES / "texts.toml").read_text("utf-8"))
MARKED = {name: rows for name, rows in TRUTH.items() if rows[0]["detector"] == "text_marks"}
TABLE = files("detectors.text_marks")
ROWS = tomllib.loads(TABLE.joinpath("marks.toml").read_text("utf-8"))["mark"]
SPOKEN = tomllib.loads(TABLE.joinpath("languages.toml").read_text("utf-8"))
SAID = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))
SENTENCES = tomllib.loads(TABLE.joinpath("en.toml").read_text("utf-8"))
MARKS = TextMarks({})


def look(text: str) -> list[Signal]:
    return MARKS.inspect(Item("x.txt", lambda: text.encode("utf-8")))


@pytest.mark.parametrize("name", MARKED)
def test_a_text_says_what_the_manifest_says(name: str) -> None:
    said = MARKS.inspect(Item(name, (FIXTURES / name).read_bytes))
    for row in MARKED[name]:
        assert row in [
            {key: value for key in row if (value := getattr(signal, key)) is not None}
            for signal in said
        ]
    for signal in said:
        assert SENTENCES[signal.reason.code].format(**signal.reason.args).isprintable()
        msgspec.json.encode(signal)


@pytest.mark.parametrize("path", sorted((FIXTURES / "texts/traps").iterdir()), ids=lambda p: p.name)
def test_innocent_texts_are_not_accused(path: Path) -> None:
    assert [
        signal.claim for signal in MARKS.inspect(Item(path.name, path.read_bytes)) if signal.claim
    ] == []


def test_every_row_has_a_fixture_a_sentence_and_a_rule() -> None:
    found = {row.get("source") for rows in MARKED.values() for row in rows}
    for row in ROWS:
        assert f"marks:{row['id']}" in found
        said = row.get("reason", row["id"])
        assert any(code.startswith(f"text_marks.{said}") for code in SENTENCES)
        assert row["scan"] in SCANS if "scan" in row else re.compile(row["pattern"], re.VERBOSE)
        assert all(needle == needle.lower() for needle in row.get("needles", []))


def claims(text: str) -> set[str]:
    return {signal.facts["row"] for signal in look(text) if signal.claim}


@pytest.mark.parametrize("code", SPOKEN)
def test_a_model_is_heard_in_every_language_and_a_person_is_not(code: str) -> None:
    said = SAID[code]
    assert claims(said["self"]) == {f"residue.assistant_phrase.{code}"}
    assert claims(f"“{said['self']}”") == set()
    assert claims(f"ChatGPT: {said['self']}") == set()
    if "yes" in SPOKEN[code]:
        (row,) = claims(said["over"])
        assert row.startswith("residue.preamble.")  # Danish and Norwegian are written alike
        assert claims(said["person"]) == set()


@pytest.mark.parametrize(
    ("words", "claimed"),
    [
        ("As an AI language model, I cannot comment.", True),
        ("Unfortunately, as an AI language model, I cannot comment.", True),
        ("I have no feelings because I am an AI language model.", True),
        ("Note: As an AI language model, I do not have current data.", True),
        ("Hello! I'm an AI assistant created by a company in Paris.", True),
        ("The bot answered that, as an AI language model, I cannot, and so on.", False),
        ("Bot: As an AI language model, I cannot comment.", False),
        ("It wrote:\nAs an AI language model, I cannot comment.", False),
        ("As an AI language model, I cannot comment, it said.", False),
        ("- As an AI language model, I cannot comment.", False),
        ("As an AI language model, I cannot come to your wedding lol", False),
        ("I am an AI model. The agency scanned my face in March.", False),
        ("I'm an AI assistant professor at Leeds.", False),
        ("Sure! Here's a revised version of your post:", True),
        ("Rents rose \\ue202turn0search0 in every district.", True),
        ("Sure! Here are the photos from the party:", False),
        ("The tokens <|im_start|> and <|im_end|> stand between the turns.", False),
        ("On Mon, 3 Mar 2025 at 10:11, Bot <b@example.net> wrote:\nAs an AI, I cannot.", False),
    ],
)
def test_who_speaks_is_told_by_how_the_words_stand(words: str, claimed: bool) -> None:
    assert bool(claims(words)) is claimed


def test_a_page_is_read_as_its_reader_sees_it() -> None:
    tags = "".join(f"&#xE00{ord(letter):02X};" for letter in "track=4711")
    page = f"<html><body><p>Read more{tags} here.</p></body></html>"
    (said,) = look(page)
    assert (said.claim, said.facts["decoded"]) == (Claim.HIDDEN_CONTENT, "track=4711")
    assert said.facts["position"]["offset"] == page.index("&")


def test_what_lies_beside_the_text_of_a_page_is_a_fact_with_its_place() -> None:
    (said,) = look("<html><head><script>'as an AI, I cannot'</script></head><p>Hello</p></html>")
    assert (said.claim, said.facts["part"]) == (None, "script")
    assert said.reason.code == "text_marks.apart.script"


def test_every_measured_ratio_follows_from_its_counts() -> None:
    bound = {0: 3.0}  # 95 % upper bound of a Poisson count
    for row in ROWS:
        if "log10_lr" in row and row["log10_lr"] != UNMEASURED:
            ratio = (row["ai"][0] / row["ai"][1]) / (bound[row["human"][0]] / row["human"][1])
            assert 10 ** row["log10_lr"] == pytest.approx(ratio, rel=0.03)


def test_a_finding_names_place_and_value() -> None:
    (said,) = look("first line\nRents rose. citeturn0search0 More.")
    assert said.facts["position"] == {"line": 2, "column": 13, "offset": 23}
    assert said.facts["value"] == "citeturn0search0"
    assert said.source == "marks:residue.citation_token.chatgpt"


def test_a_mark_that_was_left_counts_beside_talk_about_it() -> None:
    (said,) = look("The phrase “[cite_start]” is Gemini's.\n[cite_start]Rents rose.")
    assert said.claim is Claim.AI_GENERATED
    assert said.facts["position"]["line"] == 2


def test_hidden_characters_are_shown_as_escapes() -> None:
    (said,) = look("pay\u202emoc.live\u202c now")
    assert said.facts["value"] == "pay\\u202emoc.live\\u202c now"


@pytest.mark.parametrize(
    ("copied", "claim"),
    [
        ("German: Auf\u200clage", None),
        ("日本\u200c語 中\u200d文 한\u200c국 x", Claim.HIDDEN_CONTENT),
        ("spread \u200c out \u200d here", None),
        ("one\U000e0041 tag", None),
        ("a\ufe01 selector", None),
        ("\ufeff\ufe00\ufe01\ufe02", Claim.HIDDEN_CONTENT),
        ("Тhe Саr сost a lot", Claim.HIDDEN_CONTENT),
        ("Русский тeкcт с oдной опечаткой и ещё десятком обычных слов подряд для верности", None),
        ("שלום \u202e reversed", Claim.HIDDEN_CONTENT),
        ("\u202dnot a number\u202c", Claim.HIDDEN_CONTENT),
        ("nОн nСам газетаThe телеканалnTSN и nПо", None),
        ("I'm an AI language model builder.", None),
        ("Here's what we need for the picnic: bread", None),
    ],
)
def test_copies_from_the_world(copied: str, claim: Claim | None) -> None:
    assert {signal.claim for signal in look(copied)} == {claim}


def test_bits_are_read_either_way_round_or_not_at_all() -> None:
    bits = "".join(f"{byte:08b}" for byte in b"hi")
    assert payload_of_bits(bits.translate({48: 0x200B, 49: 0x200C})) == "hi"
    assert payload_of_bits(bits.translate({48: 0x200C, 49: 0x200B})) == "hi"
    assert payload_of_bits("\u200b\u200c" * 8) == "UU"
    assert payload_of_bits("\u200b" * 16) is None
    assert payload_of_bits(("\u200b" * 7 + "\u200c") * 2) is None


PIECES = st.sampled_from(
    ["a", "É", "о", " ", "\n", "\u200b", "\u200d", "\ufeff", "\ufe0f", "\U000e0141", "\U000e0041",
     "\u202e", "\U0001f3f4", "\U000e007f", "\u00ad", "א", "می", "[cite: 1]", "turn0search0",
     "`", '"', "\x1b[2J", "\0", "🙂"]
)  # fmt: skip


@given(st.lists(PIECES).map("".join))
def test_any_text_gives_signals_that_can_be_written(text: str) -> None:
    said = look(text)
    assert said
    assert len({signal.source for signal in said}) == len(said)
    for signal in said:
        msgspec.json.encode(signal)
        assert signal.outcome in (Outcome.FINDING, Outcome.CLEAR)
        assert len(signal.facts.get("value", "")) <= 200
        assert SENTENCES[signal.reason.code].format(**signal.reason.args).isprintable()


@given(st.text("abc אב漢 .,\n—éüπж"))
def test_ordinary_letters_are_no_mark(text: str) -> None:
    assert [signal.outcome for signal in look(text)] == [Outcome.CLEAR]


@pytest.mark.parametrize(
    "unit",
    ["a", "a\u200b", "a\ufe00", "\u202d1", "a\u00ad", "\u0301", '"', "`", "```\n", "[web:1]",
     "[cite: 1, ", "\ue200turn0",
     "as an ai language model ", "I cannot assist ", "como modelo de lenguaje ", "aа "],
)  # fmt: skip
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (800_000 // len(unit.encode("utf-8")))
    assert look(text)


def test_options_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="colour"):
        TextMarks({"colour": True})


TOKENS = {
    "chatgpt": [
        "\ue200cite\ue202turn0search1\ue201", "citeturn0search1", "turn0search1turn0news2",
        r"\ue202turn0search3", 'image_group{"query":["a"]}', 'entity["people","Ada Lovelace","x"]',
    ],
    "gemini": ["[cite_start]", "[cite: 1, 2]", "[span_1](start_span)"],
    "hex": ["[cite:1a2b3c4d-2]"],
    "claude": ['<cite index="1-2:3">', '<cite index="1-2,4">'],
    "lenticular": [
        "\u30101\u2020source\u3011", "\u3010oaicite:0\u3011", "\u3010turn0search1\u3011",
        "\u3010F:src/a.py\u2020L10-L20\u3011",
    ],
    "perplexity": [
        "[attached_file:1]", "[web:1][web:2]", "[^1_2][^1_3]", "[citation:1][citation:2]",
        '<div align="center">\u2042</div>',
    ],
    "grok": [
        '<grok-card data-id="1"></grok-card>', "{render_inline_citation id=1}",
        '<grok:render card_id="1" type="render_x"><argument name="n">1</argument></grok:render>',
    ],
    "attribution": ['({"attribution":{"attributableIndex":"0-1"}})'],
    "content_reference": [
        "contentReference[oaicite:0]{index=0}", "[oai_citation:0\u2021a.org](https://a.org)",
    ],
}  # fmt: skip


def test_every_citation_token_is_found_and_taken_out_for_classifiers() -> None:
    decisive = {row["id"].rpartition(".")[2]: row["id"] for row in ROWS if row.get("claim") and (
        row["family"] in ("residue.citation_token", "residue.content_reference")
    )}  # fmt: skip
    assert decisive.keys() == TOKENS.keys()
    for name, tokens in TOKENS.items():
        for token in tokens:
            words = f"The council voted. {token} Work begins."
            assert decisive[name] in claims(words), token
            assert plain(words).split() == ["The", "council", "voted.", "Work", "begins."], token

"""Screens, whole, at 80 columns and without colour: what a reviewer sees is what a user sees."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color
from syrupy.assertion import SnapshotAssertion

from detectors.item import Kind
from detectors.signal import FINDING_FROM, Claim, Outcome, Signal
from provenance.record import Record, Risk
from provenance.render import FORMATS, RenderOptions, renderer
from provenance.render.terminal import STYLES, wrapped
from provenance.render.words import Words
from provenance.verdict import load
from provenance.verdict.headline import Headline, headline

Make = Callable[..., Record]
DEFAULT = load("default")
FORBIDDEN = re.compile(r"authentic|\breal\b|fake person|\d ?% ?AI|probably", re.IGNORECASE)
SGR = re.compile(r"\x1b\[[0-9;]*m")
ACTING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)


def screen(records: list[Record], **look: object) -> str:
    out = io.StringIO()
    given_look = {"policy": DEFAULT, **look}
    renderer("terminal")(records, out, RenderOptions(**given_look))  # type: ignore[arg-type]
    return out.getvalue()


def test_every_case_has_its_screen(example: Record, snapshot: SnapshotAssertion) -> None:
    shown = screen([example])
    assert shown == snapshot
    assert not FORBIDDEN.search(shown)
    assert max(map(cell_len, shown.splitlines())) <= 80


def test_all_facts(make: Make, snapshot: SnapshotAssertion) -> None:
    assert screen([make("e-laundered", "poster_final.jpg")], verbose=True) == snapshot


def test_a_folder_names_what_asks_for_attention(
    examples: list[Record], snapshot: SnapshotAssertion
) -> None:
    look = {"folder": True, "show": Risk.REVIEW}
    shown = screen(examples, **look, closing=lambda: "Exit 1: 3 at or above high.")
    assert shown == snapshot


def test_verbose_gives_every_fact_of_what_a_folder_shows(examples: list[Record]) -> None:
    shown = screen(examples, folder=True, show=Risk.HIGH, verbose=True)
    heads = ["HIGH  chatgpt-1.png", "HIGH  avatars/anna_k.jpg", "HIGH  poster_final.jpg"]
    assert all(head in shown for head in heads)
    assert "marked.jpg" not in shown
    assert shown.count("sha256: ") == 4  # three, and one that failed
    assert "11 checked: 3 high" in shown


@pytest.mark.parametrize("fail_on", [Risk.HIGH, Risk.REVIEW, None])
@pytest.mark.parametrize("folder", [True, False])
def test_what_is_shown_does_not_hang_on_what_fails(
    examples: list[Record], *, fail_on: Risk | None, folder: bool
) -> None:
    names = ["marked.jpg", "avatars/anna_k.jpg", "plain.jpg", "DSC_0412.JPG", "unreadable.jpg"]
    for risk, shown in ((Risk.HIGH, "ynnny"), (Risk.REVIEW, "yynny"), (Risk.LOW, "yyyyy")):
        page = screen(examples, folder=folder, show=risk, fail_on=fail_on)
        named = "".join("ny"[name in page] for name in (names[1], names[0], *names[2:]))
        assert named == shown


@pytest.mark.parametrize("folder", [True, False])
def test_quiet_is_what_fails_with_its_first_reason(examples: list[Record], *, folder: bool) -> None:
    shown = screen(examples, quiet=True, folder=folder, width=400).splitlines()
    assert [line.split()[2] for line in shown] == [
        "chatgpt-1.png", "avatars/anna_k.jpg", "poster_final.jpg",
    ]  # fmt: skip
    assert "cib-2023-0417" in shown[1]
    assert screen(examples, quiet=True, folder=folder, fail_on=None) == ""


def test_hostile_names_are_shown_not_obeyed(
    make: Make, hostile: str, snapshot: SnapshotAssertion
) -> None:
    record = make("marked", hostile)
    shown = screen([record])
    assert shown == snapshot
    for look in ({}, {"verbose": True}, {"folder": True}):
        assert not ACTING.search(screen([record], **look))
        coloured = screen([record], colour=True, **look)
        assert not ACTING.search(SGR.sub("", coloured))
        assert SGR.sub("", coloured) == screen([record], **look)


def test_hostile_arguments_and_facts_are_shown_not_obeyed(
    build: Make, signal: Callable[..., Signal], hostile: str
) -> None:
    hostile = hostile.replace("\udc80", "")  # signals hold no lone surrogates
    args = {"field": hostile, "value": hostile, "by": "{0.__class__}[link=x]"}
    facts = {hostile: hostile, "state": "valid", "list": [hostile]}
    said = signal("metadata", "metadata.mark", Claim.AI_GENERATED, facts=facts, **args)
    foreign = signal("plug\x1b_in", hostile, outcome=Outcome.NOT_ASSESSED)
    part = msgspec.structs.replace(said, part=hostile)
    for signals in ((said, foreign), (part,)):
        for look in ({"verbose": True}, {"folder": True}, {"unicode": False, "verbose": True}):
            shown = screen([build("a", *signals)], **look)
            assert not ACTING.search(shown)
            assert look.get("unicode", True) or shown.isascii()


def test_ascii_terminals_get_ascii(make: Make) -> None:
    shown = screen([make("plain", "名前é“x”.jpg")], unicode=False)
    assert shown.isascii()
    assert '\\u540d\\u524d\\xe9"x".jpg' in shown


def test_colour_repeats_the_word(make: Make) -> None:
    shown = screen([make("a-signed-ai", "a.png")], colour=True)
    assert shown.startswith("\x1b[1;38;5;231;48;5;88m!! HIGH\x1b[0m  a.png\n")
    assert "\x1b" not in screen([make("a-signed-ai", "a.png")])


def test_wide_and_long_names_keep_the_width(make: Make) -> None:
    for name in ("名" * 90, "a" * 300, "a " * 90, "e\u0301" * 100):
        for look in ({}, {"folder": True, "verbose": True}, {"width": 40}):
            shown = screen([make("a-signed-ai", f"{name}.jpg")], **look)
            assert max(map(cell_len, shown.splitlines())) <= look.get("width", 80)


@given(st.text(alphabet="ab 名é", max_size=60), st.integers(1, 30), st.integers(2, 30))
def test_wrapping_loses_nothing_but_spaces(text: str, first: int, rest: int) -> None:
    lines = wrapped(text, max(first, 2), rest)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert cell_len(lines[0]) <= max(first, 2)
    assert all(cell_len(line) <= rest for line in lines[1:])


def test_more_findings_than_a_screen_holds(build: Make, signal: Callable[..., Signal]) -> None:
    marks = [signal("metadata", f"metadata.m{i}", Claim.AI_GENERATED) for i in range(7)]
    shown = screen([build("a.jpg", *marks)])
    assert "and 3 more" in shown
    assert "metadata.m6" in screen([build("a.jpg", *marks)], verbose=True)


def test_a_disputed_capture_gets_no_rate(build: Make, signal: Callable[..., Signal]) -> None:
    capture = signal(
        "credentials", "credential.captured", Claim.CAPTURED, facts={"state": "trusted"}
    )
    against = signal("image_model", "image_model.finding", Claim.AI_GENERATED, lr=2.3)
    shown = screen([build("a.jpg", capture, against, signal("metadata", "metadata.clear"))])
    assert "signed photographs are AI less often than this policy assumes" in " ".join(
        shown.split()
    )
    assert "conflict    A trusted credential says that a camera took it" in shown
    assert "of 1,000 warnings" not in shown


def test_a_capture_beside_a_mark_is_told_as_a_disagreement(
    build: Make, signal: Callable[..., Signal]
) -> None:
    capture = signal("credentials", "credential.captured", Claim.CAPTURED, facts={"state": "valid"})
    mark = signal("metadata", "metadata.mark", Claim.AI_GENERATED, facts={"field": "XMP a:b"})
    shown = " ".join(screen([build("a.jpg", capture, mark)]).split())
    assert "It says things of itself that do not go together." in shown
    assert "The credential says that a camera took it; the field XMP a:b says AI." in shown


def test_a_rate_needs_a_prior(make: Make) -> None:
    told = "If 10 of 100 of your items are AI, about 83 of 1,000 warnings like this one are false."
    assert told in " ".join(screen([make("measured", "a.jpg")]).split())
    assert "of 1,000 warnings" not in screen([make("measured", "a.jpg")], policy=None)


@pytest.mark.parametrize(
    ("log10_lr", "words"),
    [
        (-0.5, "No sign of AI: such a result is 3.2 times more common among pictures that are not"),
        (0.2, "Almost no hint of AI: such a result is 1.6 times as common among AI pictures as"),
        (0.29, "Almost no hint of AI"),
        (0.3, "A slight hint of AI: such a result is 2 times more common among AI pictures than"),
        (1.0, "Some signs of AI: such a result is 10 times more common among AI pictures than"),
        (2.0, "Clear signs of AI"),
        (3.2, "Strong signs of AI: such a result is 1,585 times more common"),
        (4.1, "Very strong signs of AI"),
    ],
)
def test_support_has_the_words_of_the_scale(
    log10_lr: float, words: str, signal: Callable[..., Signal]
) -> None:
    claim = Claim.AI_GENERATED if log10_lr >= FINDING_FROM else None
    said = signal("image_model", "image_model.nothing", claim, lr=log10_lr)
    pixels = msgspec.structs.replace(said, source="pixels")
    assert Words(RenderOptions()).support(pixels).startswith(words)


def test_posts_name_their_parts(build: Make, signal: Callable[..., Signal]) -> None:
    text = msgspec.structs.replace(signal("text_marks", "text_marks.clear"), part="text")
    lost = signal("item", "item.missing", outcome=Outcome.FAILED)
    medium = msgspec.structs.replace(lost, part="media/0")
    shown = screen([build("a.jsonl#1", text, medium, kind=Kind.POST)])
    assert "text: text marks" in shown
    assert "Incomplete: media/0: there is no such file." in shown
    assert "Could not be examined whole" in shown


def test_a_post_names_what_was_not_run_on_its_parts(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "A quiet day by the lake.", "post_id": "p"}\n')
    shown = " ".join(run("check", "a.jsonl", "--only", "text_marks").stdout.split())
    assert "Incomplete: credential (it was left out)." in shown


FOUND = {
    Headline.UNSUPPORTED: [("item", "item.empty", None, {})],
    Headline.AI_DECLARED_TRUSTED: [("credentials", "a", Claim.AI_GENERATED, {"state": "trusted"})],
    Headline.AI_DECLARED: [("credentials", "a", Claim.AI_GENERATED, {"state": "valid"})],
    Headline.AI_EDITED: [("credentials", "a", Claim.AI_EDITED, {"state": "valid"})],
    Headline.EDITED: [("credentials", "a", Claim.EDITED, {"state": "valid"})],
    Headline.CAPTURED_INCOMPLETE: [("credentials", "a", Claim.CAPTURED, {"state": "trusted"})],
    Headline.CREDENTIAL_DISTRUSTED: [("credentials", "a", None, {"state": "distrusted"})],
    Headline.STOLEN_PHOTO: [
        ("known_fakes", "a", Claim.KNOWN_FAKE, {"algorithm": "sha256", "class": "stolen_photo"})
    ],
    Headline.KNOWN_FAKE: [("known_fakes", "a", Claim.KNOWN_FAKE, {"algorithm": "sha256"})],
    Headline.WEAK_MATCH: [("known_fakes", "a", Claim.KNOWN_FAKE, {"false_match_probability": 0.2})],
    Headline.KNOWN_INNOCENT: [("known_fakes", "a", Claim.KNOWN_INNOCENT, {})],
    Headline.AI_EDIT_MARK: [("metadata", "a", Claim.AI_EDITED, {})],
    Headline.RESIDUE: [("text_marks", "a", Claim.AI_GENERATED, {"family": "residue"})],
    Headline.HIDDEN: [("text_marks", "a", Claim.HIDDEN_CONTENT, {})],
    Headline.CONFLICT: [("credentials", "a", None, {"state": "valid", "laundering": [{}]})],
    Headline.OTHER: [("metadata", "a", Claim.TAMPERED, {})],
    Headline.NOTHING_TEXT: [("text_marks", "a", None, {})],
    Headline.NOT_JUDGED: [],
}


@pytest.mark.parametrize("expected", FOUND)
def test_each_case_has_its_line(
    expected: Headline, build: Make, signal: Callable[..., Signal]
) -> None:
    said = []
    for detector, code, claim, facts in FOUND[expected]:
        outcome = Outcome.FINDING if claim or detector == "credentials" else Outcome.CLEAR
        outcome = Outcome.NOT_ASSESSED if detector == "item" else outcome
        said.append(signal(detector, code, claim, outcome=outcome, facts=facts))
    said = said or [signal("portrait", "a", outcome=Outcome.NOT_ASSESSED)]
    kind = Kind.TEXT if expected is Headline.NOTHING_TEXT else Kind.IMAGE
    record = build("a", *said, kind=kind)
    if expected is Headline.OTHER:
        verdict = msgspec.structs.replace(record.verdict, reasons=[0])
        record = msgspec.structs.replace(record, verdict=verdict)
    words = Words(RenderOptions())
    assert headline(record) is expected
    own = (
        "The file is empty."
        if expected is Headline.UNSUPPORTED
        else words.word(f"verdict.{expected}")
    )
    assert words.headline(record) == own


def test_weak_support_is_no_finding(build: Make, signal: Callable[..., Signal]) -> None:
    weak = signal("image_model", "image_model.finding", Claim.AI_GENERATED, lr=0.8)
    shown = screen([build("a.jpg", weak)])
    assert "too weak for this policy to ask for a look" in shown
    assert "This does not tell you who or what made it." in shown


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "junit"])
def test_nothing_is_kept(form: str, make: Make) -> None:
    begun = 0

    def stream() -> Iterator[Record]:
        nonlocal begun
        for number in range(3):
            begun += 1
            yield make("a-signed-ai", f"{number}.jpg")

    class Watched(io.StringIO):
        most = 0

        def write(self, text: str) -> int:
            Watched.most = max(Watched.most, begun - self.getvalue().count(".jpg"))
            return super().write(text)

    out = Watched()
    renderer(form)(stream(), out, RenderOptions(policy=DEFAULT))
    assert out.getvalue().count(".jpg") >= 3
    assert Watched.most <= 1


def test_a_ratio_that_supports_nothing_does_not_sound_like_some(
    build: Make, signal: Callable[..., Signal]
) -> None:
    slight = signal("image_model", "image_model.nothing", lr=0.25)
    shown = " ".join(screen([build("photo.jpg", slight)]).split())
    assert "Nothing found that says where this picture comes from." in shown
    assert "Almost no hint of AI: such a result is 1.8 times as common" in shown
    assert "100 times would count here." in shown
    assert "more common" not in shown


def test_a_screen_says_once_that_it_clears_nothing(example: Record) -> None:
    shown = " ".join(screen([example]).split())
    assert "either way" not in shown
    assert shown.count("This does not tell you") <= 1


def test_what_is_internal_is_no_evidence(build: Make, signal: Callable[..., Signal]) -> None:
    inner = signal("text_credentials", "text_credentials.pdf", facts={"state": "absent"})
    shown = screen([build("a.pdf", inner, signal("text_marks", "text_marks.clear"))])
    assert "text_credentials" not in shown
    assert "detector" not in shown


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours of the 256 (WCAG 2.1, 1.4.3)."""
    light = []
    for name in (first, second):
        levels = [level / 255 for level in Color.parse(name).get_truecolor()]
        red, green, blue = (
            level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
            for level in levels
        )
        light.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize("style", [style for style in STYLES.values() if style])
def test_colours_can_be_read_on_light_and_dark(style: str) -> None:
    _, ink, _, paper = style.split()
    assert contrast(ink, paper) >= 4.5
    numbers = [int(part.removeprefix("color(").removesuffix(")")) for part in (ink, paper)]
    assert min(numbers) >= 16  # those below are the terminal's to choose

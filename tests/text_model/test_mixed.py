import json
import random
from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.item import Item
from detectors.models.calibration import Calibration
from detectors.models.language_model import network
from detectors.models.language_model.forward import language_model
from detectors.signal import Reason, phrase
from detectors.text_model import forward
from detectors.text_model.config import load_config
from detectors.text_model.detector import TextModel
from detectors.text_model.long import passages, reading
from detectors.text_model.long.pieces import FARTHEST, LONGEST, Piece, pieces
from detectors.text_model.long.reading import Long
from detectors.text_model.long.windows import spans, windows
from detectors.text_model.normalise import HEAD
from detectors.text_model.training import mixed, train
from detectors.text_model.training.mixed import Known
from detectors.text_model.training.records import Labelled
from provenance.messages import say

MIXED = Path(__file__).parent.parent.parent / "fixtures" / "texts" / "mixed"
SHIPPED = Path(str(files("detectors.text_model")))
PERSON = "Well I just think that my old dog never did like the rain or a bath. "
MODEL = "The overall landscape is a testament to multifaceted innovation in it. "


def quiet(_: str) -> None:
    """Say nothing."""


def article(name: str) -> str:
    return (MIXED / name).read_text("utf-8")


def look(text: str, **options: Any) -> Any:
    (signal,) = TextModel(options).inspect(Item("a.txt", text.encode))
    return signal


# Pieces


@given(st.text("aW .!\n\u3002*\t", max_size=60))
def test_pieces_follow_one_another_without_gaps(text: str) -> None:
    found = pieces(text * 20)
    edges = [0, *(piece.end for piece in found)]
    assert [piece.start for piece in found] == edges[:-1]
    assert edges[-1] == len(text * 20)


@pytest.mark.parametrize(
    "text",
    ["a" * (HEAD + 9), "a. " * HEAD, "** " * HEAD, "word " * HEAD, "\n \n" * HEAD, "." * HEAD],
)
def test_hostile_texts_make_short_pieces_and_few_words(text: str) -> None:
    found = pieces(text)
    assert max(piece.words for piece in found) <= LONGEST
    assert sum(piece.words for piece in found) < FARTHEST + LONGEST
    assert found[-1].end <= HEAD


def test_a_sentence_is_a_piece_and_what_is_no_sentence_goes_with_one() -> None:
    text = 'He only said "no." Then\nhe left the room.\n\nWhy? Nobody came back here.'
    said = [piece.text for piece in pieces(text)]
    assert said == ['He only said "no."', "Then he left the room. Why?", "Nobody came back here."]


# Windows


def sentences(n: int, words: int = 12) -> list[Piece]:
    return [Piece(at, at + 1, " ".join(["word"] * words), words) for at in range(n)]


@given(st.lists(st.integers(4, 60), min_size=8, max_size=120))
def test_windows_reach_from_start_to_end(lengths: list[int]) -> None:
    found = windows([Piece(at, at + 1, "", words) for at, words in enumerate(lengths)])
    assert found[0].first == 0
    assert found[-1].behind == len(lengths)
    assert all(window.first < window.behind for window in found)


@given(st.lists(st.floats(-5, 5), min_size=10, max_size=10), st.floats(-1, 6))
def test_spans_do_not_overlap_and_lie_in_order(scores: list[float], least: float) -> None:
    scored = list(zip(windows(sentences(41)), scores, strict=False))
    found = spans(scored, lambda _, contrast: contrast >= least)
    for one, other in pairwise(found):
        assert one.window.behind <= other.window.first
    assert all(span.found == (span.contrast >= least) for span in found)


def test_what_an_author_adds_to_every_score_is_no_contrast() -> None:
    every = windows(sentences(60))
    level = [spans([(w, odds) for w in every], lambda *_: False) for odds in (0.0, 5.0)]
    assert max(span.contrast for span in level[0]) == 0
    assert max(span.contrast for span in level[1]) == -1  # a text that leans to AI needs more


def test_a_second_passage_is_compared_with_what_is_left_without_the_first() -> None:
    every = windows(sentences(80))
    odds = {window: -5.0 if 4 < window.first < 60 else 5.0 for window in every}
    hot = [
        sorted(span.contrast for span in spans(list(odds.items()), shown) if span.score > 0)
        for shown in (lambda *_: False, lambda score, _: score > 0)
    ]
    assert len(hot[0]) == len(hot[1]) == 2
    assert max(hot[1]) > max(hot[0])


# Long texts


def test_a_long_text_is_read_to_its_end_and_a_short_one_as_before() -> None:
    found = pieces(PERSON * 12)
    tokens = language_model().tokens(" ".join(piece.text for piece in found))
    assert len(tokens) < 256
    sums, counted = reading.sums(found, "cpu")
    mean = sums.sum(0) / counted.sum()
    assert np.allclose(mean, language_model()(tokens).ravel(), rtol=1e-3, atol=1e-3)
    assert int(counted.sum()) == len(tokens) - 4
    _, counted = reading.sums(pieces(PERSON * 60), "cpu")
    assert int(counted.sum()) > 256 * 3


def test_both_engines_give_the_same_sums() -> None:
    tokens = language_model().tokens(MODEL * 4)
    ends = [2, 9, len(tokens)]
    ours = language_model().sums(tokens, ends)
    assert np.allclose(ours, network.sums(tokens, ends, "cpu"), rtol=1e-2, atol=0.5)
    assert not ours[0].any()


def test_parts_put_together_are_scored_like_the_whole() -> None:
    text = Long(sentences(100, 11))
    again = reading.joined([text.cut(0, 30), text.cut(30, 100)])
    weights, config = forward.load(SHIPPED), load_config(SHIPPED)
    assert again.words == 1100
    assert again.whole("", "fast", weights, config) == text.whole("", "fast", weights, config)


def test_texts_of_one_window_have_no_spans() -> None:
    assert "spans" not in look(PERSON * 16, fast=True).facts
    assert look(PERSON * 20, fast=True).facts["spans"]


def test_reading_ends_at_2000_words_and_says_so() -> None:
    facts = look(PERSON * 300, fast=True).facts
    assert FARTHEST <= facts["words"] < FARTHEST + LONGEST
    assert facts["read_to"] == facts["words"] // len(PERSON.split()) * len(PERSON)
    assert "read_to" not in look(PERSON * 100, fast=True).facts


# Passages


def test_a_models_passage_is_found_in_an_article_and_the_article_is_not_accused() -> None:
    text = article("article_with_passage.txt")
    signal = look(text)
    (passage,) = [span for span in signal.facts["spans"] if span["found"]]
    assert text[passage["start"] : passage["end"]].startswith(passage["begins"][:40])
    inside = text.index("The restoration"), text.index("prosperous future.")
    shared = min(passage["end"], inside[1]) - max(passage["start"], inside[0])
    assert shared > 0.8 * (inside[1] - inside[0])
    assert signal.reason.code == "text_model.passage"
    assert signal.log10_lr < 1


def test_without_the_passage_nothing_is_found() -> None:
    signal = look(article("article.txt"))
    assert signal.reason.code == "text_model.not_likelier"
    assert not any(span["found"] for span in signal.facts["spans"])


def test_the_command_shows_where_the_passage_lies(run: Callable[..., Any]) -> None:
    name = MIXED / "article_with_passage.txt"
    screen = " ".join(run("check", name, "--only", "text_model").stdout.split())
    assert "A passage reads like a model's; the text as a whole is not accused." in screen
    assert "stand out: they read like a model's" in screen
    assert "As a whole:" in screen
    told = run("explain", name, "--only", "text_model").stdout
    assert '\n"The restoration of the ferry service' in told
    assert "* words 189 to" in told
    record = json.loads(run("check", name, "--only", "text_model", "--format", "json").stdout)
    (record,) = record if isinstance(record, list) else [record]
    assert record["verdict"]["risk"] == "inconclusive"


def test_passages_side_by_side_are_told_as_one() -> None:
    def span(first: int, *, found: bool = True) -> dict[str, Any]:
        return {"first_word": first, "words": 130, "found": found, "log10_lr": 1.5}

    said = passages.standing_out([span(1, found=False), span(131), span(280), span(500)])
    runs = [phrase("text_model.run", first=131, last=409)]
    runs += [phrase("text_model.run", first=500, last=629)]
    assert said == {"passages": runs, "times": 32}
    told = say(Reason("text_model.passage", said | {"words": 700}))
    assert told.startswith("Words 131 to 409, 500 to 629 of 700 stand out")
    assert passages.standing_out([span(1, found=False)]) == {}


def test_a_text_accused_as_a_whole_is_spoken_of_as_a_whole() -> None:
    signal = look(MODEL * 30)
    assert signal.log10_lr is None or signal.reason.code != "text_model.passage"


# What a contrast is worth


def labelled(at: int, *, ai: bool, words: int = 300, source: str = "C") -> Labelled:
    draw = random.Random(at)  # noqa: S311 - a test sample
    stock = (MODEL if ai else PERSON).split()[:-1]
    lines = [" ".join(draw.sample(stock, 9)).capitalize() + "." for _ in range(words // 9)]
    return Labelled(
        id=f"{ai} {at}",
        text=" ".join(lines),
        label="ai" if ai else "human",
        source=source,
        domain="letters",
        language="en",
    )


def known(n: int) -> list[Known]:
    texts = [labelled(at, ai=ai) for at in range(n) for ai in (False, True)]
    return [Known(text, Long(pieces(text.text))) for text in texts]


def test_contrasts_are_calibrated_on_texts_by_one_and_by_two_people() -> None:
    texts = known(12)
    kinds = [one.kind for one in mixed.made(texts)]
    assert kinds.count("one hand") == kinds.count("two hands") == kinds.count(mixed.MODEL) == 12
    weights, config = forward.load(SHIPPED), load_config(SHIPPED)
    found = mixed.calibrations([(texts, weights)], config, "made here", quiet)
    assert found["fast"]["en"].negatives == found["fast"]["en"].positives == 12
    assert found["full"]["en"].command == "made here"
    assert mixed.calibrations([([], weights)], config, "", quiet) == {}


def test_what_is_put_in_lies_where_it_is_said_to() -> None:
    for one in mixed.made(known(6)):
        inside = one.read.cut(one.passage.first, one.passage.behind)
        said = "testament" in " ".join(piece.text.lower() for piece in inside.pieces)
        assert said == (one.kind == mixed.MODEL)
        assert one.kind == "one hand" or 80 <= inside.words < 200 + LONGEST


def test_a_text_without_two_windows_has_no_contrast() -> None:
    short = Long(sentences(2))
    assert mixed.contrast(short, "fast", forward.load(SHIPPED), load_config(SHIPPED)) == 0


def test_only_long_texts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    texts = [
        labelled(1, ai=False),
        labelled(1, ai=True),
        labelled(2, ai=False, words=100),
    ]
    assert mixed.long_texts(texts, load_config(SHIPPED), quiet) == []
    first = mixed.long_texts(texts, load_config(SHIPPED), quiet, least=1)
    assert [one.text.id for one in first] == ["False 1", "True 1"]
    again = mixed.long_texts(texts, load_config(SHIPPED), quiet, least=1)
    assert first[0].read.sums is not None
    assert again[0].read.sums is not None
    assert np.array_equal(first[0].read.sums, again[0].read.sums)


@pytest.mark.parametrize("words", [100, 450])
def test_texts_are_learnt_from_and_calibrated_on_as_the_command_reads_them(
    words: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    text = labelled(3, ai=False, words=words)
    seen = train.look([text], load_config(SHIPPED), quiet, {text.id})[text.id]
    facts = look(text.text).facts
    assert forward.load(SHIPPED).score(seen, "full") == pytest.approx(facts["score"], abs=0.02)


def test_what_stands_out_is_likelier_a_models_by_itself_too() -> None:
    sure = Calibration(
        knots=((0.0, 0.5), (1.0, 1.5)), cap=2, floor=-2, negatives=1, positives=1, groups={},
        command="",
    )  # fmt: skip
    assert passages.stands_out(0.1, 1.0, sure)
    assert not passages.stands_out(-0.1, 1.0, sure)
    assert not passages.stands_out(0.1, 0.2, sure)
    assert not passages.stands_out(0.1, 1.0, None)

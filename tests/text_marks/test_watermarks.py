"""Watermarks equal those of transformers, and are found in what it marks and nowhere else."""

import math
import random
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    SynthIDTextWatermarkingConfig,
    SynthIDTextWatermarkLogitsProcessor,
    WatermarkingConfig,
    WatermarkLogitsProcessor,
)

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.signal import Claim, Outcome, Signal
from detectors.text_marks.detector import TextMarks
from detectors.text_marks.watermarks.chance import log10_tail
from detectors.text_marks.watermarks.kgw import GreenLists, drawn_by_numpy, drawn_on
from detectors.text_marks.watermarks.settings import Kgw, SynthId
from detectors.text_marks.watermarks.synthid import Tournaments

FIXTURES = Path(__file__).parents[2] / "fixtures"
VOCABULARY = 400
KEY = 1_548_586_301
KEYS = [65_437_001 * n for n in range(1, 21)]
GREEN = WatermarkingConfig(hashing_key=KEY, bias=4.0, greenlist_ratio=0.25)
SELF = WatermarkingConfig(hashing_key=KEY, bias=6.0, seeding_scheme="selfhash", context_width=4)
PLAYED = SynthIDTextWatermarkingConfig(ngram_len=5, keys=KEYS)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = Tokenizer(models.WordLevel({f"w{n}": n for n in range(VOCABULARY)}, unk_token="w0"))  # noqa: S106 - no secret
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return str(path)


@pytest.fixture(scope="module")
def write() -> Callable[..., str]:
    """Return a function that lets a tiny random model write, with a watermark or without."""
    torch.manual_seed(1)
    shape = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 512}
    ends = {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 0}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, **shape, **ends)).eval()

    def written(mark: Any, tokens: int = 300) -> str:
        torch.manual_seed(2)
        start = torch.tensor([[1]])
        more = {"do_sample": True, "top_k": 0, "watermarking_config": mark}
        ids = model.generate(
            start, attention_mask=torch.ones_like(start), max_new_tokens=tokens, **more
        )
        return " ".join(f"w{n}" for n in ids[0, 1:].tolist())

    return written


def kgw(tokenizer: str, **other: Any) -> dict[str, Any]:
    given = {"kind": "kgw", "tokenizer": tokenizer, "vocab_size": VOCABULARY, "hashing_key": KEY}
    return given | other


def selfhash(tokenizer: str, **other: Any) -> dict[str, Any]:
    return kgw(tokenizer, seeding_scheme="selfhash", context_width=4, **other)


def synthid(tokenizer: str, **other: Any) -> dict[str, Any]:
    return {"kind": "synthid", "tokenizer": tokenizer, "ngram_len": 5, "keys": KEYS} | other


def look(text: str, *marks: dict[str, Any]) -> list[Signal]:
    said = TextMarks({"watermarks": list(marks)}).inspect(Item("x.txt", text.encode))
    return [signal for signal in said if signal.reason.code.startswith("text_marks.watermark")]


def random_ids(seed: int, count: int, vocabulary: int = VOCABULARY) -> list[int]:
    return np.random.default_rng(seed).integers(0, vocabulary, count).tolist()


# equal to the processors that write


@pytest.mark.parametrize(
    ("scheme", "width", "key"),
    list(product(["lefthash", "selfhash"], [1, 4], [1, KEY, 2**62 + 11])),
)
def test_green_lists_are_those_of_transformers(scheme: str, width: int, key: int) -> None:
    settings = Kgw(tokenizer="", vocab_size=997, seeding_scheme=scheme, context_width=width)
    writes = WatermarkLogitsProcessor(
        997, "cpu", hashing_key=key, seeding_scheme=scheme, context_width=width
    )
    ids = random_ids(3, 60, 997)
    behind = width + (scheme == "lefthash")
    green = set()
    for end in range(behind, len(ids) + 1):
        gram = torch.tensor(ids[end - behind : end])
        listed = writes._get_greenlist_ids(gram if scheme == "selfhash" else gram[:-1])  # noqa: SLF001
        seed = writes.rng.initial_seed()
        green.add((seed, ids[end - 1], ids[end - 1] in listed.tolist()))
    score = GreenLists(settings, key).score(ids)
    assert score.tokens == len(green)
    assert score.facts["green_share"] == round(sum(g for *_, g in green) / len(green), 3)


@given(st.integers(0, 2**64 - 1), st.integers(2, 3000), st.data())
def test_torch_and_numpy_draw_the_same_lists(
    seed: int, vocabulary: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, vocabulary - 1))
    tokens = list(range(0, vocabulary, max(1, vocabulary // 50)))
    by_torch = drawn_on("cpu", vocabulary, size)(seed, tokens)
    assert list(drawn_by_numpy(vocabulary, size)(seed, tokens)) == list(by_torch)


def test_the_table_of_the_authors_code_can_be_set() -> None:
    # lm-watermarking, alternative_prf_schemes.py: the table's seed is no part of the key
    ids = random_ids(4, 40)
    settings = Kgw(
        tokenizer="",
        vocab_size=VOCABULARY,
        seeding_scheme="selfhash",
        context_width=4,
        table_seed=2_971_215_073,
    )
    source = torch.Generator().manual_seed(2_971_215_073)
    table = torch.randperm(1_000_003, generator=source)
    found = set()
    for end in range(4, len(ids) + 1):
        spread = table[torch.tensor(ids[end - 4 : end]) % 1_000_003] + 1
        seed = (KEY * spread * spread[-1]).min().item() % (2**64 - 1)
        source.manual_seed(seed)
        green = torch.randperm(VOCABULARY, generator=source)[: VOCABULARY // 4].tolist()
        found.add((seed, ids[end - 1], ids[end - 1] in green))
    score = GreenLists(settings, KEY).score(ids)
    assert (score.tokens, score.facts["green_share"]) == (
        len(found),
        round(sum(g for *_, g in found) / len(found), 3),
    )


@pytest.mark.parametrize(
    ("length", "remembered", "words"), [(5, 1024, 400), (2, 8, 12), (3, 4, 3), (4, 1024, 3)]
)
def test_g_values_and_contexts_are_those_of_transformers(
    length: int, remembered: int, words: int
) -> None:
    writes = SynthIDTextWatermarkLogitsProcessor(
        length, KEYS, 2**16, 7, remembered, torch.device("cpu")
    )
    ids = random_ids(5, 200, words)
    batch = torch.tensor([ids])
    fresh = writes.compute_context_repetition_mask(batch)[0].numpy()
    values = writes.compute_g_values(batch)[0].numpy()[fresh]
    settings = SynthId(
        tokenizer="", ngram_len=length, context_history_size=remembered, sampling_table_seed=7
    )
    looked = Tournaments(settings, KEYS)
    assert (looked.table[looked.cells(ids)] == values).all()
    assert looked.score(ids).facts["mean_g"] == round(float(values.mean()), 3)


# how rare


@given(
    st.dictionaries(st.integers(1, 6), st.integers(1, 5), min_size=1, max_size=3),
    st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(499, 1000), Fraction(9, 10)]),
    st.data(),
)
def test_the_tail_is_exact(weights: dict[int, int], chance: Fraction, data: st.DataObject) -> None:
    sums = {0: Fraction(1)}
    for weight in (w for w, n in weights.items() for _ in range(n)):
        grown: dict[int, Fraction] = {}
        for total, part in sums.items():
            grown[total] = grown.get(total, Fraction()) + part * (1 - chance)
            grown[total + weight] = grown.get(total + weight, Fraction()) + part * chance
        sums = grown
    total = data.draw(st.integers(0, max(sums)))
    exact = sum(part for reached, part in sums.items() if reached >= total)
    assert log10_tail(weights, float(chance), total) == pytest.approx(math.log10(exact), abs=1e-9)


@pytest.mark.parametrize(("n", "hits"), [(300, 120), (2000, 1900), (2000, 2000), (1, 1)])
def test_the_tail_is_exact_far_out(n: int, hits: int) -> None:
    part = sum(math.comb(n, k) * 3 ** (n - k) for k in range(hits, n + 1))
    exact = math.log10(part) - n * math.log10(4)
    assert log10_tail({1: n}, 0.25, hits) == pytest.approx(exact, rel=1e-9)


NULL = {
    "kgw": lambda key: GreenLists(Kgw(tokenizer="", vocab_size=VOCABULARY), key),
    "selfhash": lambda key: GreenLists(
        Kgw(
            tokenizer="",
            vocab_size=VOCABULARY,
            seeding_scheme="selfhash",
            table_seed=3,
            context_width=3,
        ),
        key,
    ),
    "synthid": lambda key: Tournaments(
        SynthId(tokenizer="", ngram_len=4), [key * n % 2**61 for n in range(1, 11)]
    ),
}


@pytest.mark.parametrize("kind", NULL)
def test_without_a_watermark_the_chances_are_what_they_say(kind: str) -> None:
    # 200 keys on texts of few words, which repeat themselves: p must be uniform over the keys
    draws = random.Random(11)  # noqa: S311 - no secret
    n, ps = 200, []
    for text in range(n):
        key = draws.randrange(2**40, 2**60)
        ids = [int(word**1.5) % 60 for word in random_ids(text, 150)]
        ps.append(10 ** NULL[kind](key).score(ids).log10_p)
    for level in (0.02, 0.1, 0.3, 0.5):
        low, high = bounds(n, level)
        # counts are whole numbers, so that p reaches a level only from below
        slack = 0.75 if level > 0.02 else 0.25
        assert low * slack <= sum(p <= level for p in ps) <= high


def bounds(n: int, chance: float) -> tuple[float, float]:
    """Return where a binomial count lies but for 1 in 10,000 times, about."""
    spread = 4 * math.sqrt(n * chance * (1 - chance)) + 2
    return n * chance - spread, n * chance + spread


# found, and not found


@pytest.mark.parametrize(
    ("mark", "settings"),
    [(GREEN, kgw), (SELF, selfhash), (PLAYED, synthid)],
    ids=["kgw", "self", "synthid"],
)
def test_what_transformers_marks_is_found_under_its_key_alone(
    tokenizer: str, write: Callable[..., str], mark: Any, settings: Callable[..., dict[str, Any]]
) -> None:
    text = write(mark)
    other = {"keys": [n + 1 for n in KEYS]} if mark is PLAYED else {"hashing_key": KEY + 1}
    found, clear = look(text, settings(tokenizer, name="our model"), settings(tokenizer, **other))
    assert (found.outcome, found.claim) == (Outcome.FINDING, Claim.AI_GENERATED)
    assert found.facts["p_value"] <= 5e-7 == found.facts["threshold"]
    assert found.source == f"marks:{found.facts['row']}:{found.facts['key_fingerprint']}"
    assert found.log10_lr is None
    assert (clear.outcome, clear.claim) == (Outcome.CLEAR, None)
    assert clear.facts["p_value"] > 1e-4
    assert [s.outcome for s in look(write(None), settings(tokenizer))] == [Outcome.CLEAR]
    record = msgspec.json.encode([found, clear]).decode()
    assert not [key for key in (KEY, KEY + 1, *KEYS) if str(key) in record]


def test_lists_of_a_gpu_name_the_extra_that_brings_torch(
    run: Callable[..., Any], without: Callable[..., dict[str, str]], tokenizer: str, tmp_path: Path
) -> None:
    rows = [f"{key} = {value!r}" for key, value in kgw(tokenizer, device="cuda").items()]
    config = tmp_path / "own.toml"
    config.write_text("\n".join(["[[detectors.text_marks.watermarks]]", *rows]))
    (tmp_path / "a.txt").write_text("Some words.")
    done = run("check", "a.txt", "--config", config, **without("torch"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "torch, which is not installed (pip install 'provenance-check[train]')" in done.stderr


def test_the_end_of_lines_changes_nothing(tokenizer: str, write: Callable[..., str]) -> None:
    lines = re.sub("((?:[^ ]+ ){8})", r"\1\n", write(GREEN))
    (unix,), (windows,) = (
        look(text, kgw(tokenizer)) for text in (lines, lines.replace("\n", "\r\n"))
    )
    assert unix == windows
    assert unix.outcome is Outcome.FINDING


def test_a_repeated_passage_counts_once(tokenizer: str, write: Callable[..., str]) -> None:
    once, again = write(GREEN, 40), " ".join([write(GREEN, 40)] * 5)
    for settings in (kgw(tokenizer), synthid(tokenizer)):
        (a,), (b,) = look(once, settings), look(again, settings)
        assert b.facts["tokens"] <= a.facts["tokens"] + 5


def test_a_page_is_read_without_its_tags(tokenizer: str, write: Callable[..., str]) -> None:
    page = f"<!doctype html><html><body><article><p>{write(PLAYED)}</p></article></body></html>"
    (said,) = look(page, synthid(tokenizer))
    assert said.outcome is Outcome.FINDING


def test_a_short_text_is_no_text_without_the_mark(tokenizer: str) -> None:
    for text in ("", "w1", "w1 w2 w3 w4 w5", " ".join(f"w{n}" for n in range(90))):
        for settings in (kgw(tokenizer), selfhash(tokenizer), synthid(tokenizer)):
            (said,) = look(text, settings)
            assert said.outcome is Outcome.NOT_ASSESSED
            assert said.reason.code == "text_marks.watermark.short"


@pytest.mark.parametrize("path", sorted((FIXTURES / "texts").rglob("*.*")), ids=lambda p: p.name)
def test_no_fixture_carries_the_mark_of_a_key(tokenizer: str, path: Path) -> None:
    marks = [kgw(tokenizer), selfhash(tokenizer), synthid(tokenizer)]
    item = Item(path.name, path.read_bytes)
    said = TextMarks({"watermarks": marks}).inspect(item)[-3:]
    assert Outcome.FINDING not in [signal.outcome for signal in said]


def test_other_marks_speak_beside_it(tokenizer: str, write: Callable[..., str]) -> None:
    detector = TextMarks({"watermarks": [kgw(tokenizer)]})
    said = detector.inspect(Item("x.txt", (write(GREEN) + " [cite_start]Rents rose.").encode))
    assert [signal.facts["row"] for signal in said] == [
        "residue.citation_token.gemini",
        "watermark.kgw",
    ]
    assert re.fullmatch(r"2, kgw [0-9a-f]{8}", detector.version)


# what is written in the configuration


def test_keys_may_lie_in_a_file(tokenizer: str, write: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    text = write(PLAYED)
    (inline,) = look(text, synthid(tokenizer))
    for written in ("\n".join(map(str, KEYS)), str(KEYS)):
        file.write_text(written)
        assert look(text, synthid(tokenizer, keys=None, key_file=str(file))) == [inline]
    file.write_text(f"{KEY}\n")
    (said,) = look(write(GREEN), kgw(tokenizer, hashing_key=None, key_file=str(file)))
    assert said.outcome is Outcome.FINDING


def test_a_table_of_a_gpu_can_be_given(
    tokenizer: str, write: Callable[..., str], tmp_path: Path
) -> None:
    writes = PLAYED.construct_processor(VOCABULARY, torch.device("cpu"))
    file = tmp_path / "table"
    file.write_bytes(writes.sampling_table.numpy().astype("uint8").tobytes())
    text = write(PLAYED)
    given = synthid(tokenizer, sampling_table=str(file), sampling_table_seed=99)
    assert look(text, given) == look(text, synthid(tokenizer))
    file.write_bytes(bytes(2**16))
    with pytest.raises(ConfigError, match="each 0 or 1"):
        look(text, given)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "dna"}, "kgw"),
        ({"tokenizer": "/nowhere/tokenizer.json"}, "name the model's tokenizer.json"),
        ({"tokenizer": __file__}, "not JSON"),
        ({"hashing_key": None}, "either hashing_key or key_file"),
        ({"key_file": "key"}, "either hashing_key or key_file"),
        ({"hashing_key": None, "key_file": "/nowhere/key"}, "No such file"),
        ({"hashing_key": None, "key_file": __file__}, "whole numbers"),
        ({"hashing_key": 0}, "hashing_key"),
        ({"greenlist_ratio": 1.5}, "greenlist_ratio"),
        ({"greenlist_ratio": 0.001}, "no green token"),
        ({"seeding_scheme": "righthash"}, "righthash"),
        ({"table_seed": 1}, "selfhash"),
        ({"vocab_size": None}, "vocab_size"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_named_and_no_key_is_shown(
    tokenizer: str, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        look("", kgw(tokenizer) | wrong)
    assert "text_marks" in str(error.value)
    assert str(KEY) not in str(error.value)


def test_one_file_holds_one_green_key(tokenizer: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY} {KEY}")
    with pytest.raises(ConfigError, match="not 2") as error:
        look("", kgw(tokenizer, hashing_key=None, key_file=str(tmp_path / "key")))
    assert str(KEY) not in str(error.value)


def test_lists_of_a_gpu_need_one(tokenizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no GPU"):
        look("", kgw(tokenizer, device="cuda"))


def test_a_tokenizer_that_does_not_fit_fails_alone(tokenizer: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    for settings in (kgw(str(tmp_path / "tokenizer.json")), kgw(tokenizer, vocab_size=300)):
        said = TextMarks({"watermarks": [settings]}).inspect(Item("x.txt", b"Some words.".strip))
        assert [signal.outcome for signal in said] == [Outcome.CLEAR, Outcome.FAILED]
        assert said[1].reason.code == "text_marks.watermark.tokenizer"


def test_the_command_speaks_of_it_and_never_shows_the_key(
    run: Callable[..., Any], tokenizer: str, write: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(write(GREEN))
    file = tmp_path / "provenance.toml"
    settings = f'tokenizer = "{tokenizer}"\nvocab_size = {VOCABULARY}\nhashing_key = {KEY}\n'
    file.write_text(
        f'[[detectors.text_marks.watermarks]]\nkind = "kgw"\nname = "our model"\n{settings}'
    )
    named = ("a.txt", "--config", file)
    screen = run("check", *named, "--only", "text_marks", "--fail-on", "review")
    assert screen.returncode == 1, screen.stderr
    assert "watermark of our model" in " ".join(screen.stdout.split())
    obeyed = {"PROVENANCE_CONFIG": str(file)}
    shown = [screen, run("config", "show", **obeyed), run("doctor", **obeyed)]
    shown.append(run("explain", *named, "--only", "text_marks"))
    shown.append(run("check", *named, "--only", "text_marks", "--format", "json"))
    assert all(done.returncode in (0, 1) for done in shown)
    file.write_text(file.read_text() + "greenlist_ratio = 2.0\n")
    broken = [run("check", *named), run("doctor", **obeyed)]
    assert [done.returncode for done in broken] == [2, 3]
    assert "greenlist_ratio" in broken[0].stderr
    assert "greenlist_ratio" in broken[1].stdout
    for done in shown + broken:
        assert str(KEY) not in done.stdout + done.stderr

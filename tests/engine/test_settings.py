"""`tool.settings`: what decided enters, and nothing that is secret or says where things lie."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from detectors.bank.location import opened
from detectors.catalog import catalog
from detectors.item import Item, Kind
from detectors.signal import Outcome, Reason, Signal, Tier
from detectors.spec import Settings, settings_of
from provenance.canonical import canonical
from provenance.engine.check import Engine
from provenance.engine.config import RunConfig, configure
from provenance.engine.settings import settings_body
from provenance.record import Record
from provenance.schema import current

Run = Callable[..., Any]
FIXTURES = Path(__file__).parents[2] / "fixtures"

PICTURE = FIXTURES / "fakes" / "known" / "anna.jpg"
TEXT = b"Some words by someone who had them to spare."
KEY, OTHER_KEY = 1_548_586_301, 777_000_777


def told(name: str, *, picture: bool = False, **given: Any) -> tuple[str, bytes]:
    """Return digest and bytes of the settings of one detector that looked at an item."""
    config = configure(catalog(), **{"today": "2026-11-24", "only": [name]} | given)
    engine = Engine(config)
    data = PICTURE.read_bytes() if picture else TEXT
    item = Item("a", lambda: data, kind=Kind.IMAGE if picture else Kind.TEXT)
    digest = engine.check(item).tool.settings
    (spec,) = config.specs
    loaded = spec.load(config.options.get(name, {}))
    loaded.inspect(item)
    body = settings_body({name: settings_of(loaded)}, config.policy.sha256)
    assert hashlib.sha256(body).hexdigest() == digest
    return str(digest), body


@pytest.fixture
def bank(run: Run, tmp_path: Path) -> Path:
    made = tmp_path / "one.bank"
    assert run("bank", "add", "--bank", made, PICTURE).returncode == 0
    return made


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    Tokenizer(models.WordLevel({f"w{n}": n for n in range(400)}, unk_token="w0")).save(str(made))  # noqa: S106 - no secret
    return made


def marked(tokenizer: Path, **other: Any) -> dict[str, Any]:
    """Return a configuration with one watermark."""
    mark = {"kind": "kgw", "tokenizer": str(tokenizer), "vocab_size": 400, "hashing_key": KEY}
    return {"configured": {"text_marks": {"watermarks": [mark | other]}}}


def test_jobs_folders_and_names_decide_nothing(run: Run, tmp_path: Path) -> None:
    seen = set()
    for where, jobs, name in (("here", "1", "a.png"), ("there", "2", "b.png")):
        folder = tmp_path / where
        folder.mkdir()
        shutil.copy(PICTURE, folder / name)
        (folder / "c.txt").write_bytes(TEXT)
        options = ("--fast", "--without", "image_model,portrait", "--format", "jsonl")
        done = run("scan", ".", "--jobs", jobs, *options, cwd=folder)
        seen.add(tuple(json.loads(line)["tool"]["settings"] for line in done.stdout.splitlines()))
    ((picture, text),) = seen
    assert picture != text  # other detectors looked


def test_a_bank_enters_by_its_id_and_its_last_change(run: Run, bank: Path, tmp_path: Path) -> None:
    first, body = told("known_fakes", picture=True, banks=[str(bank)])
    state = {"id": opened(bank).id, "change": 1}
    assert json.loads(body)["banks"] == [state]
    moved = tmp_path / "elsewhere" / "two.bank"
    moved.parent.mkdir()
    bank.rename(moved)
    assert told("known_fakes", picture=True, banks=[str(moved)])[0] == first
    assert b"bank" not in body.replace(b'"banks"', b"")
    run("bank", "withdraw", "--bank", moved, PICTURE.stem, "--reason", "a mistake")
    changed, body = told("known_fakes", picture=True, banks=[str(moved)])
    assert changed != first
    assert json.loads(body)["banks"] == [state | {"change": 2}]


def test_two_banks_made_in_one_moment_are_two(tmp_path: Path, run: Run) -> None:
    for name in ("a.bank", "b.bank"):
        run("bank", "add", "--bank", name, PICTURE)
    assert opened(tmp_path / "a.bank").id != opened(tmp_path / "b.bank").id


def test_a_bank_of_before_is_known_by_when_it_was_made(bank: Path) -> None:
    manifest = json.loads((bank / "bank.json").read_text())
    del manifest["id"]
    (bank / "bank.json").write_text(json.dumps(manifest))
    assert opened(bank).id == manifest["created"]


@pytest.mark.parametrize("name", ["text_model", "image_model"])
def test_a_model_enters_by_what_it_holds(tmp_path: Path, name: str) -> None:
    shipped = Path(__file__).parents[2] / "detectors" / name
    folders = [tmp_path / "mine", tmp_path / "yours"]
    for folder in folders:
        folder.mkdir()
        for file in ("config.json", "weights.safetensors"):
            shutil.copy(shipped / file, folder)
    picture = name == "image_model"
    first, second = (told(name, picture=picture, models={name: str(f)}) for f in folders)
    assert first == second == told(name, picture=picture)
    assert b"mine" not in first[1]
    config = folders[0] / "config.json"
    config.write_text(config.read_text().replace('"command": "', '"command": "once '))
    assert told(name, picture=picture, models={name: str(folders[0])})[0] != first[0]


def test_the_day_decides_nothing() -> None:
    days = ("2026-11-24", "2027-01-01")
    first, second = (told("credentials", picture=True, today=day) for day in days)
    assert first == second


def test_policy_options_and_lists_decide(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = told("text_model")[0]
    assert plain != told("text_model", fast=True)[0]
    assert plain != told("text_model", policy="newsroom")[0]
    own = tmp_path / "own.toml"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copy(Path(__file__).parents[2] / "provenance/verdict/policies/default.toml", own)
    assert plain == told("text_model", policy=str(own))[0]  # of its bytes, not of its name
    before, body = told("credentials", picture=True)
    (packaged,) = json.loads(body)["lists"]
    run("trust", "enable", "interim", XDG_DATA_HOME=str(tmp_path / "data"))
    after, body = told("credentials", picture=True)
    assert after != before
    assert packaged in json.loads(body)["lists"]
    assert [each["name"] for each in json.loads(body)["lists"]] == ["c2pa", "interim"]


def test_a_watermark_enters_by_name_and_parameters(tokenizer: Path, tmp_path: Path) -> None:
    first, body = told("text_marks", **marked(tokenizer))
    moved = tmp_path / "t.json"
    shutil.copy(tokenizer, moved)
    key_file = tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    assert first == told("text_marks", **marked(moved))[0]
    assert first == told("text_marks", **marked(tokenizer, hashing_key=OTHER_KEY))[0]
    assert first == told("text_marks", **marked(moved, hashing_key=None, key_file=str(key_file)))[0]
    for other in ({"name": "ours"}, {"greenlist_ratio": 0.5}, {"vocab_size": 401}):
        assert first != told("text_marks", **marked(tokenizer, **other))[0]
    moved.write_text(moved.read_text() + "\n")
    assert first != told("text_marks", **marked(moved))[0]
    (mark,) = json.loads(body)["detectors"]["text_marks"]["options"]["watermarks"]
    assert "hashing_key" not in mark
    assert str(KEY).encode() not in body


def test_no_key_of_tournaments_enters(tokenizer: Path) -> None:
    keys = [65_437_001 * n for n in range(1, 21)]
    mark = {"kind": "synthid", "tokenizer": str(tokenizer), "ngram_len": 5}
    bodies = [
        told("text_marks", configured={"text_marks": {"watermarks": [mark | {"keys": each}]}})[1]
        for each in (keys, keys[::-1])
    ]
    assert bodies[0] == bodies[1]
    assert not any(str(key).encode() in bodies[0] for key in keys)


def test_a_seed_that_is_the_key_does_not_enter(tokenizer: Path) -> None:
    mark = {"seeding_scheme": "selfhash", "context_width": 4, "table_seed": KEY}
    _, body = told("text_marks", **marked(tokenizer, **mark))
    assert str(KEY).encode() not in body


def test_a_detector_without_settings_enters_with_its_version(
    chosen: Callable[..., RunConfig],
) -> None:
    class Plain:
        version = "7"

        def __init__(self, _options: Any) -> None:
            pass

        def inspect(self, _item: Item) -> list[Signal]:
            return [_clear("plain")]

    config = chosen(Plain)
    record = Engine(config).check(Item("a", lambda: TEXT, kind=Kind.TEXT))
    body = settings_body({"plain": Settings(version="7")}, config.policy.sha256)
    assert record.tool.settings == hashlib.sha256(body).hexdigest()


def test_one_that_cannot_tell_leaves_the_record_without_a_digest(
    chosen: Callable[..., RunConfig],
) -> None:
    class Broken:
        version = "7"

        def __init__(self, _options: Any) -> None:
            pass

        def inspect(self, _item: Item) -> list[Signal]:
            return [_clear("broken")]

        def settings(self) -> Settings:
            return Settings(version="7", options={"limit": float("nan")})

    record = Engine(chosen(Broken)).check(Item("a", lambda: TEXT, kind=Kind.TEXT))
    assert record.signals[0].outcome is Outcome.CLEAR
    assert record.tool.settings is msgspec.UNSET


def test_a_record_of_before_reads(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    done = run("check", "a.txt", "--only", "text_marks", "--format", "jsonl")
    record = json.loads(done.stdout)
    del record["tool"]["settings"]
    read = msgspec.json.decode(json.dumps(record), type=Record)
    assert read.tool.settings is msgspec.UNSET
    assert "settings" not in current()["$defs"]["Tool"]["required"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5).filter(str.isprintable), JSON), st.randoms())
def test_the_order_of_keys_decides_nothing(value: dict[str, Any], chance: Any) -> None:
    items = list(value.items())
    chance.shuffle(items)
    encoded = canonical(value)
    assert canonical(dict(items)) == encoded
    assert canonical(json.loads(encoded)) == encoded


def _clear(name: str) -> Signal:
    return Signal(
        detector=name, tier=Tier.METADATA, outcome=Outcome.CLEAR, reason=Reason("text_marks.clear")
    )

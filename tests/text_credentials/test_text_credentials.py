"""Manifests in texts are judged, copies are told from edits, and nothing is fetched."""

import importlib
import os
import socket
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import c2patxt
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.c2pa.trust import edit
from detectors.decode.text import LONGEST
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item, Sidecar
from detectors.signal import Claim, Outcome, Reason, Signal
from detectors.text_credentials.detector import TextCredentials
from detectors.text_credentials.locate import LONGEST_RUN

TEXTS = Path(__file__).parents[2] / "fixtures" / "texts"
HERE = TEXTS / "credentials"
TRUTH = tomllib.loads((TEXTS.parent / "texts.toml").read_text("utf-8"))
ROWS = {name: rows for name, rows in TRUTH.items() if name.startswith("texts/credentials/")}
SENTENCES = tomllib.loads(
    files("detectors.text_credentials").joinpath("en.toml").read_text("utf-8")
)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def detector(tmp_path: Path) -> TextCredentials:
    return TextCredentials(
        {"trust_folder": str(tmp_path), "trust_lists": ["c2pa"], "today": "2026-09-01"}
    )


def item(name: str, *, shared: bool = False) -> Item:
    path = HERE / name
    store = path.with_suffix(".c2pa")
    beside = (
        Sidecar(read=store.read_bytes, name=store.name, shared=shared) if store.exists() else None
    )
    return Item(name, path.read_bytes, sidecar=beside)


def flat(signal: Signal) -> dict[str, Any]:
    return {
        **signal.facts,
        "detector": signal.detector,
        "outcome": signal.outcome,
        "claim": signal.claim,
    }


def trusting(folder: Path, use: Any) -> TextCredentials:
    edit.add(folder, TEXTS / "trust/root.pem", name="ours", issued="2026-01-01", use=use, now=NOW)
    return TextCredentials({"trust_folder": str(folder), "today": "2026-09-01"})


@pytest.mark.parametrize("name", ROWS)
def test_a_text_says_what_the_manifest_says(name: str, detector: TextCredentials) -> None:
    said = detector.inspect(item(Path(name).name))
    assert [
        {key: flat(signal)[key] for key in row}
        for signal, row in zip(said, ROWS[name], strict=True)
    ] == ROWS[name]
    for signal in said:
        assert SENTENCES[signal.reason.code].format(**signal.reason.args)
        msgspec.json.encode(signal)


def test_the_texts_come_out_byte_for_byte_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TEXTS.parent)
    importlib.import_module("texts").make(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert made == {path.relative_to(TEXTS): path.read_bytes() for path in TEXTS.rglob("*.*")}


def test_every_text_has_a_row() -> None:
    assert {
        f"texts/credentials/{path.name}" for path in HERE.iterdir() if path.suffix != ".c2pa"
    } == set(ROWS)


def test_a_second_verifier_agrees_on_every_wrapper() -> None:
    states = {"valid": "valid", "invalid": "invalid", "unreadable": "invalid", "absent": "unmarked"}
    for name, rows in ROWS.items():
        data = (TEXTS.parent / name).read_bytes()
        if "\ufeff".encode() in data and rows[0]["state"] != "remote":
            context = c2patxt.VerifyContext(now=NOW)
            said = c2patxt.verify(data.decode("utf-8"), context=context)
            assert said.state.value == states[rows[0]["state"]], name


def test_a_signer_on_a_list_is_trusted_by_name_and_date(tmp_path: Path) -> None:
    detector = trusting(tmp_path, "signers")
    for name in ("ai.txt", "front_matter.md", "page.html", "beside.txt", "utf16.txt"):
        (said,) = detector.inspect(item(name))
        assert said.facts["state"] == "trusted"
        assert said.facts["trust_list"] == {
            "name": "ours",
            "date": "2026-01-01",
            "age_days": 243,
            "stale": True,
        }
        assert said.reason.code == "text_credentials.ai_declared"
        assert said.reason.args["signer"] == "Text Signer"
        assert "ours" in SENTENCES[said.reason.code].format(**said.reason.args)
    (said,) = detector.inspect(item("word_changed.txt"))
    assert (said.facts["state"], said.claim) == ("invalid", Claim.TAMPERED)
    assert "ours 2026-01-01" in detector.version


def test_a_distrusted_signer_declares_nothing(tmp_path: Path) -> None:
    (said,) = trusting(tmp_path, "distrusted").inspect(item("ai.txt"))
    assert (said.facts["state"], said.claim, said.facts["ai"]) == ("distrusted", None, "generated")
    assert SENTENCES[said.reason.code].format(**said.reason.args)


def test_a_shared_sidecar_that_fails_belongs_to_another_file(detector: TextCredentials) -> None:
    (said,) = detector.inspect(item("beside_edited.txt", shared=True))
    assert (said.outcome, said.facts["state"]) == (Outcome.CLEAR, "absent")
    (said,) = detector.inspect(item("beside.txt", shared=True))
    assert said.facts["state"] == "valid"


def test_a_sidecar_that_is_none_is_unreadable(detector: TextCredentials) -> None:
    def broken() -> bytes:
        raise CannotAssess(Outcome.FAILED, Reason("item.unreadable"))

    for read in (broken, lambda: b"no store"):
        (said,) = detector.inspect(
            Item("a.txt", lambda: b"hello", sidecar=Sidecar(read=read, name="a.c2pa", shared=False))
        )
        assert said.facts["state"] == "unreadable"


def test_an_embedded_manifest_wins_over_a_sidecar(detector: TextCredentials) -> None:
    beside = Sidecar(read=lambda: b"no store", name="ai.c2pa", shared=False)
    (said,) = detector.inspect(Item("ai.txt", (HERE / "ai.txt").read_bytes, sidecar=beside))
    assert (said.facts["state"], said.facts["method"]) == ("valid", "A.8")


def test_pdf_is_left_to_the_other_detector(detector: TextCredentials) -> None:
    (said,) = detector.inspect(Item("a.pdf", lambda: b"%PDF-1.7\n"))
    assert (said.outcome, said.facts["state"]) == (Outcome.CLEAR, "absent")


@pytest.mark.parametrize(
    ("sign", "state"), [(b"", "absent"), (b"-----BEGIN C2PA MANIFEST-----", "unreadable")]
)
def test_a_text_too_long_to_decode_is_searched_for_signs(
    sign: bytes, state: str, detector: TextCredentials
) -> None:
    (said,) = detector.inspect(Item("a.txt", lambda: bytes(b"a" * (LONGEST + 1) + sign)))
    assert said.facts["state"] == state


def test_a_sidecar_is_read_however_long_its_text_is(detector: TextCredentials) -> None:
    beside = Sidecar(read=(HERE / "beside.c2pa").read_bytes, name="a.c2pa", shared=False)
    (said,) = detector.inspect(Item("a.txt", lambda: b"a" * (LONGEST + 1), sidecar=beside))
    assert (said.facts["state"], said.facts["method"]) == ("invalid", "sidecar")


def test_a_run_without_end_is_not_decoded(detector: TextCredentials) -> None:
    head = (HERE / "ai.txt").read_text("utf-8").partition("\ufeff")[2][:9]
    text = "a\ufeff" + head + "\ufe00" * LONGEST_RUN
    (said,) = detector.inspect(Item("a.txt", lambda: text.encode("utf-8")))
    assert (said.outcome, said.facts["state"]) == (Outcome.NOT_ASSESSED, "unreadable")


def test_a_page_full_of_scripts_is_not_verified(detector: TextCredentials) -> None:
    page = "<html>" + '<script type="application/c2pa">' * 20_000
    (said,) = detector.inspect(Item("a.html", page.encode))
    assert (said.outcome, said.facts["state"]) == (Outcome.NOT_ASSESSED, "unreadable")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 7000), st.binary(min_size=1, max_size=3))
def test_no_text_with_other_letters_is_valid(at: int, damage: bytes) -> None:
    detector = TextCredentials({"trust_lists": []})
    whole = (HERE / "ai.txt").read_bytes()
    at %= len(whole)
    changed = whole[:at] + damage + whole[at + len(damage) :]
    signed = whole.partition("\ufeff".encode())[0]
    for signal in detector.inspect(Item("a.txt", lambda: changed)):
        msgspec.json.encode(signal)
        # a wrapper has bytes that no signature covers; the letters are all covered
        assert changed.startswith(signed) or signal.facts["state"] not in ("valid", "trusted")


def test_nothing_is_fetched_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setenv("HOME", str(tmp_path))
    detector = TextCredentials({"trust_folder": str(tmp_path / "none")})
    for name in ROWS:
        assert detector.inspect(item(Path(name).name))
    assert list(tmp_path.iterdir()) == []


def test_a_text_without_a_manifest_costs_no_import() -> None:
    code = (
        "import sys\n"
        "from detectors.item import Item\n"
        "from detectors.text_credentials.detector import TextCredentials\n"
        "TextCredentials({'trust_lists': []}).inspect(Item('a', lambda: b'hello'))\n"
        "assert not {'encypher_c2pa', 'c2pa', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": os.curdir}
    )


@pytest.mark.parametrize("options", [{"colour": 1}, {"today": "soon"}, {"trust_lists": ["nobody"]}])
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"colour|soon|nobody"):
        TextCredentials(options)

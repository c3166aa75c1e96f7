"""What the detector says of every signed fixture, and what it never does."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.c2pa.trust.edit import add
from detectors.credentials.detector import Credentials
from detectors.decode.containers import may_hold_manifest
from detectors.decode.sniff import sniff
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item, Sidecar
from detectors.signal import Claim, Outcome, Reason, Signal, Tier

ROOT = Path(__file__).parents[2]
SIGNED = ROOT / "fixtures" / "signed"
TRUTH = tomllib.loads((ROOT / "fixtures" / "signed.toml").read_text("utf-8"))
WORDS = tomllib.loads((ROOT / "detectors" / "credentials" / "en.toml").read_text("utf-8"))
FORMATS = ["ai.jpg", "ai.png", "ai.webp", "ai.gif", "ai.tiff", "ai.svg", "ai.heic", "ai.pdf"]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
EMBEDDED = sorted(name for name in TRUTH if name != "signed/paired.jpg")


def item(name: str, sidecar: Sidecar | None = None) -> Item:
    return Item(name, (SIGNED / name).read_bytes, sidecar=sidecar)


def beside(*, shared: bool = False) -> Sidecar:
    return Sidecar(read=(SIGNED / "paired.c2pa").read_bytes, name="paired.c2pa", shared=shared)


def look(name: str, folder: Path, sidecar: Sidecar | None = None, **options: Any) -> Signal:
    detector = Credentials({"trust_folder": str(folder)} | options)
    (signal,) = detector.inspect(item(name, sidecar))
    return signal


@pytest.fixture
def trusting(tmp_path: Path) -> Callable[..., Path]:
    """A folder of lists with the fixtures' certificates."""

    def build(
        certificate: str = "root.pem", use: Any = "signers", issued: str = "2026-11-01"
    ) -> Path:
        pem = SIGNED / "trust" / certificate
        add(tmp_path, pem, name=f"mine-{use}", issued=issued, use=use, now=NOW)
        return tmp_path

    return build


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_a_fixture_says_what_the_manifest_says(name: str, tmp_path: Path) -> None:
    file = name.removeprefix("signed/")
    said = look(file, tmp_path, beside() if file == "paired.jpg" else None)
    told = msgspec.to_builtins(said)
    found = {
        "detector": said.detector,
        "outcome": told["outcome"],
        "claim": told["claim"],
        "state": said.facts["state"],
        "ai": said.facts.get("ai"),
    }
    for row in TRUTH[name]:
        assert {"claim": None, "ai": None} | row == found
    assert said.tier is Tier.CREDENTIAL
    assert WORDS[said.reason.code].format(**said.reason.args)


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_gate_before_the_library_loses_nothing(name: str) -> None:
    data = (ROOT / "fixtures" / name).read_bytes()
    states = {row["state"] for row in TRUTH[name]}
    assert may_hold_manifest(data, sniff(data).name) or states == {"absent"}


def test_a_picture_without_a_place_for_a_manifest_imports_no_verifier() -> None:
    code = (
        "import sys; from detectors.credentials.detector import Credentials; "
        "from detectors.item import Item; from pathlib import Path; "
        f"read = Path({str(SIGNED / 'resaved.jpg')!r}).read_bytes; "
        "signal, = Credentials({}).inspect(Item('a', read)); "
        "assert signal.facts == {'state': 'absent'}, signal; "
        "assert not {'c2pa', 'encypher_c2pa', 'PIL', 'numpy', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_signer_is_trusted_only_under_a_list_in_use(trusting: Callable[..., Path]) -> None:
    folder = trusting()
    said = look("capture.jpg", folder, today="2026-11-24")
    assert said.facts["state"] == "trusted"
    assert said.reason.code == "credential.captured_undated"
    assert said.facts["trust_list"] == {
        "name": "mine-signers",
        "date": "2026-11-01",
        "age_days": 23,
        "fresh_until": "2027-01-30",
    }
    assert said.facts["signer"]["verified"]
    assert look("forged-issuer.png", folder).facts["state"] == "valid"
    assert look("expired.jpg", folder).facts["state"] == "invalid"
    assert look("tampered.jpg", folder).facts["state"] == "invalid"


def test_a_capture_counts_only_if_everyone_since_the_camera_is_listed(
    trusting: Callable[..., Path],
) -> None:
    folder = trusting()
    through = look("published.jpg", folder)
    assert (through.facts["state"], through.claim) == ("trusted", Claim.CAPTURED)
    unknown = look("passed-on.jpg", folder)
    assert (unknown.facts["state"], unknown.claim) == ("trusted", None)
    assert unknown.reason.code == "credential.passed_on"
    assert unknown.facts["captured"]
    assert look("ai-parent.jpg", folder).claim is Claim.AI_GENERATED


def test_every_code_has_its_sentence_whoever_signed() -> None:
    declared = [
        "ai_declared", "ai_edited", "edited", "edited_open", "captured", "no_claim",
        "may_contain_ai", "ai_input",
    ]  # fmt: skip
    standings = ["", "_unlisted", "_expired", "_uncovered"]
    wanted = {f"credential.{said}{standing}" for said in declared for standing in standings}
    others = [
        "absent", "stripped", "sidecar_of_another", "remote", "unreadable", "captured_undated",
        "passed_on", "tampered", "invalid", "ingredient_invalid", "distrusted", "over_limit",
        "format",
        "also.ai_generated", "also.ai_edited", "also.edited", "also.captured", "also.disclosed",
    ]  # fmt: skip
    assert wanted | {f"credential.{code}" for code in others} == set(WORDS)


def test_a_failing_credential_keeps_what_it_declares_on_the_first_screen(
    tmp_path: Path, run: Callable[..., Any]
) -> None:
    (tmp_path / "appended.jpg").write_bytes((SIGNED / "ai.jpg").read_bytes() + b"\n")
    done = run("check", "appended.jpg", "--only", "credentials")
    shown = " ".join(done.stdout.split())
    assert shown.startswith("! REVIEW appended.jpg Its content credential declares AI, but does")
    assert "changed after it was signed" in shown
    assert "It declares all the same that AI made it (ExampleGen)." in shown


def test_an_old_list_says_so(trusting: Callable[..., Path]) -> None:
    folder = trusting(issued="2026-02-01")
    facts = look("capture.jpg", folder, today="2026-11-24").facts
    assert facts["trust_list"]["stale"] is True
    assert facts["trust_list"]["age_days"] == 296


def test_a_signer_under_an_authority_of_time_stamps_is_not_trusted(
    trusting: Callable[..., Path],
) -> None:
    assert look("capture.jpg", trusting(use="timestamps")).facts["state"] == "valid"


@pytest.mark.parametrize(
    ("certificate", "file"), [("barred.pem", "barred.jpg"), ("refused.pem", "refused.jpg")]
)
def test_a_signer_or_an_authority_can_be_distrusted(
    certificate: str, file: str, trusting: Callable[..., Path]
) -> None:
    trusting()
    folder = trusting(certificate, "distrusted")
    said = look(file, folder, trust_lists=["mine-signers"])
    assert (said.facts["state"], said.claim) == ("distrusted", None)
    assert said.reason.code == "credential.distrusted"
    assert look("capture.jpg", folder).facts["state"] == "trusted"


def test_a_single_signer_can_be_listed(trusting: Callable[..., Path]) -> None:
    folder = trusting("refused.pem", "end-entities")
    assert look("refused.jpg", folder).facts["trust_list"]["name"] == "mine-end-entities"
    assert look("capture.jpg", folder).facts["state"] == "valid"


def test_laundering_is_named_with_its_ingredient_and_keeps_the_declaration(tmp_path: Path) -> None:
    facts = look("laundered.jpg", tmp_path).facts
    assert facts["laundering"] == [
        {"ingredient": "first", "codes": ["assertion.dataHash.mismatch"]}
    ]
    assert facts["codes"] == ["assertion.dataHash.mismatch"]
    assert facts["ai"] == "generated"
    (ingredient,) = facts["ingredients"]
    assert ingredient["declares_ai"]
    assert ingredient["generator"] == "Example App 1.0"


def test_what_a_signer_did_not_record_makes_it_invalid_but_not_tampered(tmp_path: Path) -> None:
    said = look("unrecorded.jpg", tmp_path)
    assert said.facts["ingredient_failures"][0]["codes"] == ["claimSignature.mismatch"]
    assert (said.claim, said.facts["integrity"]) == (None, "unknown")
    assert said.facts["cross_check"]["agrees"] is False


def test_a_product_may_not_claim_what_its_listing_forbids(tmp_path: Path) -> None:
    conflict = look("product.jpg", tmp_path).facts["product_conflict"]
    assert (conflict["product"], conflict["signal"]) == ("Snapseed", "capturedMedia")
    assert conflict["verified"] is False
    assert "product_conflict" not in look("capture.jpg", tmp_path).facts


def test_a_thumbnail_of_another_picture_differs_and_its_own_does_not(tmp_path: Path) -> None:
    assert look("foreign-thumbnail.jpg", tmp_path).facts["thumbnail"]["differs"]
    assert look("thumbnail.jpg", tmp_path).facts["thumbnail"]["distance"] < 0.05


def test_a_capture_over_a_generated_parent_shows_both(tmp_path: Path) -> None:
    said = look("capture-of-ai.jpg", tmp_path)
    assert (said.claim, said.facts["ai"]) == (Claim.CAPTURED, "generated")
    assert said.facts["ai_path"]["path"] == "parentOf"
    assert said.reason.args["how"] == "digitalCapture"


def test_a_sidecar_speaks_where_nothing_is_embedded(tmp_path: Path) -> None:
    said = look("paired.jpg", tmp_path, beside(shared=True))
    assert said.facts["sidecar"] == "paired.c2pa"
    assert look("capture.jpg", tmp_path, beside()).facts.get("sidecar") is None
    assert look("paired.jpg", tmp_path).facts == {"state": "absent"}
    assert look("remote.jpg", tmp_path, beside()).claim is Claim.TAMPERED


def test_a_sidecar_that_may_belong_to_another_file_accuses_nobody(tmp_path: Path) -> None:
    said = look("resaved.jpg", tmp_path, beside(shared=True))
    assert (said.outcome, said.facts["state"]) == (Outcome.CLEAR, "absent")
    assert said.facts["sidecar_codes"] == ["assertion.dataHash.mismatch"]
    assert look("resaved.jpg", tmp_path, beside()).claim is Claim.TAMPERED
    junk = Sidecar(read=lambda: b"junk", name="a.c2pa", shared=True)
    assert look("resaved.jpg", tmp_path, junk).outcome is Outcome.CLEAR
    alone = msgspec.structs.replace(junk, shared=False)
    assert look("resaved.jpg", tmp_path, alone).facts["state"] in ("unreadable", "absent")


def test_a_sidecar_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    def refuse() -> bytes:
        raise CannotAssess(Outcome.FAILED, Reason("item.unreadable"))

    said = look("resaved.jpg", tmp_path, Sidecar(read=refuse, name="a.c2pa", shared=False))
    assert (said.outcome, said.reason.code) == (Outcome.FAILED, "item.unreadable")
    assert said.facts["state"] == "unreadable"


def test_hostile_strings_are_bounded_json(tmp_path: Path) -> None:
    said = look("hostile.jpg", tmp_path)
    text = msgspec.json.encode(said).decode()
    assert "owned" in text
    assert len(text) < 8000


@given(data=st.data())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_damaged_files_never_raise_and_never_gain_trust(
    data: st.DataObject, tmp_path: Path
) -> None:
    name = data.draw(
        st.sampled_from(["ai.jpg", "ai.png", "ai.webp", "ai.svg", "ai.heic", "ai.pdf"])
    )
    raw = bytearray((SIGNED / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(16, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    (said,) = Credentials({"trust_folder": str(tmp_path)}).inspect(Item(name, lambda: bytes(raw)))
    assert said.facts["state"] in ("absent", "valid", "invalid", "unreadable", "remote")
    assert msgspec.json.encode(said)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lists": []}, "lists"),
        ({"trust_lists": ["nobody"]}, "nobody"),
        ({"today": "yesterday"}, "yesterday"),
        ({"trust_folder": 3}, "trust_folder"),
    ],
)
def test_bad_options_are_refused_with_their_name(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        Credentials(options)


def test_nothing_is_looked_up(tmp_path: Path) -> None:
    """No socket is opened, by Python or by the libraries, whatever a file refers to."""
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise SystemExit('a socket was asked for')\n"
        "socket.socket = socket.getaddrinfo = refuse\n"
        "from pathlib import Path\n"
        "from detectors.credentials.detector import Credentials\n"
        "from detectors.item import Item\n"
        f"looks = Credentials({{'trust_folder': {str(tmp_path)!r}}})\n"
        f"for path in sorted(Path({str(SIGNED)!r}).glob('*.*')):\n"
        "    print(path.name, looks.inspect(Item(path.name, path.read_bytes))[0].facts['state'])\n"
    )
    plain = [sys.executable, "-c", code]
    log = tmp_path / "calls"
    if tracer := shutil.which("strace"):
        plain = [tracer, "-f", "-e", "trace=socket,connect", "-o", str(log), *plain]
    asked = os.environ | {"ENCYPHER_C2PA_ONLINE": "1"}
    done = subprocess.run(plain, check=True, cwd=ROOT, capture_output=True, text=True, env=asked)
    assert "remote.jpg remote" in done.stdout
    if tracer:
        assert "socket(" not in log.read_text()
        assert "connect(" not in log.read_text()

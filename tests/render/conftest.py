"""Records built by hand, judged by the real policies: the screens that everybody sees first."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.item import Kind
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.record import Described, Record, Tool
from provenance.verdict import conflicts, judge, load

Make = Callable[..., Record]
LIST = {"name": "C2PA trust list", "date": "2026-08-05"}
TIERS = {
    "credentials": Tier.CREDENTIAL, "text_credentials": Tier.CREDENTIAL, "metadata": Tier.METADATA,
    "text_marks": Tier.METADATA, "known_fakes": Tier.MATCH, "item": Tier.METADATA,
}  # fmt: skip


def say(
    detector: str, code: str, claim: Claim | None = None, /, *, outcome: Outcome | None = None,
    facts: dict[str, Any] | None = None, lr: float | None = None, **args: Any,
) -> Signal:  # fmt: skip
    """Return a signal; one with a claim or facts of a credential is a finding."""
    return Signal(
        detector=detector,
        tier=TIERS.get(detector, Tier.STATISTICAL),
        outcome=outcome or (Outcome.FINDING if claim else Outcome.CLEAR),
        claim=claim,
        log10_lr=lr,
        source=f"{detector}:a",
        reason=Reason(code, args),
        facts=facts or {},
    )


def record(
    uri: str, *said: Signal, kind: Kind = Kind.IMAGE, policy: str = "default", **facts: Any
) -> Record:
    """Return the record that the engine would make of these signals."""
    signals = [*said, *conflicts(said)]
    return Record(
        item=Described(
            uri=uri, kind=kind, media_type="image/jpeg" if kind is Kind.IMAGE else "text/plain",
            bytes=81234, sha256="0f" * 32, facts=facts, fingerprints={},
        ),
        signals=signals,
        verdict=judge(signals, load(policy), kind),
        tool=Tool(
            name="provenance-check", version="0.1.0", date="2026-11-22", detectors={"metadata": "1"}
        ),
        elapsed_ms=41,
    )  # fmt: skip


NO_CREDENTIAL = say("credentials", "credential.absent", facts={"state": "absent"})
NO_MARK = say("metadata", "metadata.clear")
NO_BANK = say("known_fakes", "known_fakes.no_bank", outcome=Outcome.NOT_ASSESSED)
TEXT_UNSIGNED = say("text_credentials", "text_credential.absent", facts={"state": "absent"})
GPT = {"by": '"ChatGPT"', "how": "trainedAlgorithmicMedia", "signer": "OpenAI"}
BROKEN = [{"ingredient": "image.png", "codes": ["assertion.dataHash.mismatch"]}]


def signed_ai(uri: str) -> Record:
    """(a) A generated picture whose signer's certificate has expired."""
    return record(
        uri,
        say(
            "credentials", "credential.ai_declared_expired", Claim.AI_GENERATED, **GPT,
            facts={"state": "invalid", "integrity": "holds", "ai": "generated",
                   "codes": ["signingCredential.expired"]},
        ),
        NO_MARK,
        NO_BANK,
        say("image_model", "image_model.finding", Claim.AI_GENERATED, lr=1.2, facts={"cap": 2.0}),
    )  # fmt: skip


def captured(uri: str) -> Record:
    """(b) A photo with a trusted capture."""
    return record(
        uri,
        say(
            "credentials", "credential.captured", Claim.CAPTURED, by="NIKON Z6III",
            time="2026-03-02 14:11 UTC", how="digitalCapture", signer="Nikon", list=LIST["name"],
            date=LIST["date"], facts={"state": "trusted", "ai": None, "trust_list": LIST},
        ),
        NO_MARK,
        NO_BANK,
    )  # fmt: skip


def known_face(uri: str) -> Record:
    """(c) A profile picture from the bank, cropped and mirrored."""
    return record(
        uri,
        NO_CREDENTIAL,
        NO_MARK,
        say(
            "known_fakes", "known_fakes.match", Claim.KNOWN_FAKE, entry="cib-2023-0417",
            bank="fakes.bank",
            facts={"entry": "cib-2023-0417", "bank": "fakes.bank", "class": "ai_face",
                   "algorithm": "pdq", "distance": 22, "false_match_probability": 1.1e-5},
        ),
        say("portrait", "portrait.small_face", outcome=Outcome.NOT_ASSESSED, pixels=64),
        policy="profile-photos",
    )  # fmt: skip


def short_text(uri: str) -> Record:
    """(d) A short post."""
    return record(
        uri,
        TEXT_UNSIGNED,
        say("text_marks", "text_marks.clear"),
        say("text_model", "text_model.too_short", outcome=Outcome.NOT_ASSESSED, words=60),
        kind=Kind.TEXT,
        policy="posts",
    )


def laundered(uri: str) -> Record:
    """(e) AI, changed, and signed again by an editor."""
    return record(
        uri,
        say(
            "credentials", "credential.ai_declared", Claim.AI_GENERATED, **GPT, list=LIST["name"],
            date=LIST["date"],
            facts={"state": "trusted", "ai": "generated", "laundering": BROKEN, "trust_list": LIST},
        ),
        NO_MARK,
        NO_BANK,
    )  # fmt: skip


def measured(uri: str) -> Record:
    """Nothing but a classifier."""
    cap = {"cap": 2.0, "score": 4.2}
    return record(
        uri, NO_CREDENTIAL, NO_MARK,
        say("image_model", "image_model.finding", Claim.AI_GENERATED, lr=2.0, facts=cap),
    )  # fmt: skip


def marked(uri: str, value: str = "trainedAlgorithmicMedia") -> Record:
    """Nothing but a metadata field."""
    facts = {"field": "XMP Iptc4xmpExt:DigitalSourceType", "value": value}
    return record(
        uri, NO_CREDENTIAL,
        say("metadata", "metadata.mark", Claim.AI_GENERATED, facts=facts, **facts),
    )  # fmt: skip


def broken(uri: str) -> Record:
    """A credential that does not hold."""
    return record(
        uri,
        say(
            "credentials", "credential.tampered", Claim.TAMPERED, signer="OpenAI",
            code="assertion.dataHash.mismatch",
            facts={"state": "invalid", "integrity": "broken", "ai": "generated"},
        ),
        NO_MARK,
    )  # fmt: skip


def plain(uri: str) -> Record:
    """A stripped JPEG."""
    return record(uri, NO_CREDENTIAL, NO_MARK, NO_BANK, width=1024, height=768)


def unreadable(uri: str) -> Record:
    """A file that is not there."""
    made = record(uri, say("item", "item.missing", outcome=Outcome.FAILED), kind=Kind.UNSUPPORTED)
    item = msgspec.structs.replace(made.item, media_type=None, bytes=None, sha256=None)
    return msgspec.structs.replace(made, item=item)


def failed(uri: str) -> Record:
    """A file on which a detector failed."""
    return record(
        uri, NO_CREDENTIAL, NO_MARK,
        say("image_model", "engine.timeout", outcome=Outcome.FAILED, stage="picture", seconds=10),
    )  # fmt: skip


CASES: dict[str, Callable[[str], Record]] = {
    "a-signed-ai": signed_ai, "b-captured": captured, "c-known-face": known_face,
    "d-short-text": short_text, "e-laundered": laundered, "measured": measured, "marked": marked,
    "broken": broken, "plain": plain, "unreadable": unreadable, "failed": failed,
}  # fmt: skip
NAMES = {
    "a-signed-ai": "chatgpt-1.png", "b-captured": "DSC_0412.JPG",
    "c-known-face": "avatars/anna_k.jpg", "d-short-text": "post.txt",
    "e-laundered": "poster_final.jpg",
}  # fmt: skip
HOSTILE = "[bold red]a\x1b[31m\x1b]0;own\x07\u202egpj.exe\n\x9b1m\u2028\U000e0041\udc80é 名前.jpg"
"""Markup, escape sequences, direction marks, line ends, tags, a lone surrogate, wide characters."""

ABOUT = {
    "format": "provenance.run/1", "created": "2026-11-29T10:00:00Z",
    "updated": "2026-11-29T10:01:00Z", "state": "complete", "sources": ["pictures"],
    "settings": {}, "digest": "0" * 64,
}  # fmt: skip


@pytest.fixture(params=list(CASES))
def example(request: pytest.FixtureRequest) -> Record:
    """Each case in turn."""
    return CASES[request.param](NAMES.get(request.param, f"{request.param}.jpg"))


@pytest.fixture
def examples() -> list[Record]:
    """All cases, in order."""
    return [make(NAMES.get(name, f"{name}.jpg")) for name, make in CASES.items()]


@pytest.fixture
def make() -> Make:
    """Build a record of a case under a name of your own."""
    return lambda name, uri: CASES[name](uri)


@pytest.fixture
def build() -> Make:
    """Build a record of signals of your own."""
    return record


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """Return a signal of your own."""
    return say


@pytest.fixture
def hostile() -> str:
    """A name that wants to be obeyed."""
    return HOSTILE


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Path]:
    """Write a run of records, with groups of names, and return its folder."""

    def write(records: Sequence[Record], groups: Sequence[list[str]] = ()) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        (folder / "records.jsonl").write_bytes(lines)
        (folder / "run.json").write_bytes(msgspec.json.encode(ABOUT))
        same = {"kind": "same_picture", "max_distance": 6, "false_group_probability": 1e-6}
        lines = b"".join(msgspec.json.encode(same | {"items": uris}) + b"\n" for uris in groups)
        (folder / "groups.jsonl").write_bytes(lines)
        return folder

    return write

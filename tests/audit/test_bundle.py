"""A bundle proves one decision, and nothing that was altered."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audit_log import Log, Run
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from detectors.signal import Reason
from provenance.audit import dsse, keys
from provenance.audit.bundle import check
from provenance.audit.log import AuditLog
from provenance.canonical import canonical

SIGNED = Path(__file__).parents[2] / "fixtures" / "signed"
Statement = dict[str, Any]


@pytest.fixture
def bundle(log: Log, run: Run) -> Path:
    (log.folder / "ai.jpg").write_bytes((SIGNED / "ai.jpg").read_bytes())
    log.posts("p.jsonl", 4)
    look = ("--only", "credentials,metadata,text_marks", "--format", "jsonl")
    run("scan", "ai.jpg", "p.jsonl", "--audit", log.path, *look)
    file = log.folder / "0.json"
    done = log.audit("bundle", "0", "--out", file)
    assert done.returncode == 0, done.stderr
    return file


def test_it_is_an_in_toto_statement_in_a_signed_envelope(bundle: Path, log: Log) -> None:
    envelope = json.loads(bundle.read_text("utf-8"))
    body = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    assert kind == b"application/vnd.in-toto+json"
    public = keys.read(log.key.with_name("key.pub"))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    Ed25519PublicKey.from_public_bytes(public.raw).verify(signature, message)
    statement = json.loads(body)
    (line, *_) = log.entries()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": "ai.jpg", "digest": {"sha256": line["item"]["sha256"]}}
    ]
    predicate = statement["predicate"]
    assert predicate["line"] == line
    assert predicate["settings"] == json.loads(
        (log.path / "settings" / f"{line['settings']}.json").read_text()
    )
    assert (predicate["log"]["origin"], predicate["log"]["index"]) == ("example.org/wächter", 0)
    assert predicate["log"]["checkpoint"].encode() == (log.path / "checkpoint").read_bytes()


def test_it_needs_the_key_alone(bundle: Path, log: Log, run: Run) -> None:
    log.path.rename(log.folder / "hidden")
    public = log.key.with_name("key.pub")
    done = run("audit", "check-bundle", bundle, "--key", public, HOME=str(log.folder / "nobody"))
    assert (done.returncode, "ai.jpg: high" in done.stdout) == (0, True)
    run("audit", "init", "other", "--name", "example.org/wächter", "--key", "other.key")
    done = run("audit", "check-bundle", bundle, "--key", log.folder / "other.key.pub")
    assert (done.returncode, "not signed by" in done.stdout) == (1, True)
    assert run("audit", "check-bundle", "missing", "--key", public).returncode == 2
    bundle.write_text("[]")
    assert run("audit", "check-bundle", bundle, "--key", public).returncode == 1


def test_a_post_is_named_by_its_parts(bundle: Path, log: Log) -> None:
    assert log.audit("bundle", "2", "--out", bundle).returncode == 0
    body = base64.b64decode(json.loads(bundle.read_text("utf-8"))["payload"])
    (subject,) = json.loads(body)["subject"]
    assert subject["name"] == "p.jsonl#1 text"
    key = keys.read(log.key.with_name("key.pub"))
    assert not isinstance(check(bundle.read_bytes(), key), Reason)


def flipped(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _verdict(said: Statement) -> None:
    said["predicate"]["policy"] += "\n"


def _settings(said: Statement) -> None:
    said["predicate"]["settings"]["tool"] = "9"


def _subject(said: Statement) -> None:
    said["subject"][0]["digest"]["sha256"] = "0" * 64


def _path(said: Statement) -> None:
    way = said["predicate"]["log"]["inclusion"]
    way[0] = flipped(way[0])


def _index(said: Statement) -> None:
    said["predicate"]["log"]["index"] = 1


def _line(said: Statement) -> None:
    said["predicate"]["line"]["verdict"]["risk"] = "low"


def _note(said: Statement) -> None:
    note = said["predicate"]["log"]["checkpoint"]
    said["predicate"]["log"]["checkpoint"] = note.replace("\n5\n", "\n6\n")


def _size(said: Statement) -> None:
    said["predicate"]["log"]["size"] = 6


def _kind(said: Statement) -> None:
    said["predicateType"] = "urn:other"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_verdict, "verdict"), (_settings, "settings"), (_subject, "subject"), (_path, "path"),
        (_index, "path"), (_line, "path"), (_note, "note"), (_size, "note"), (_kind, "form"),
    ],
)  # fmt: skip
def test_each_alone_is_seen_even_where_it_is_signed(
    bundle: Path,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Statement], None],
    code: str,
) -> None:
    monkeypatch.setenv("HOME", str(log.folder / "home"))
    key = AuditLog(log.path).key
    statement = json.loads(base64.b64decode(json.loads(bundle.read_text("utf-8"))["payload"]))
    assert not isinstance(check(resealed(statement, key), key.public), Reason)
    change(statement)
    found = check(resealed(statement, key), key.public)
    assert isinstance(found, Reason)
    assert found.code == f"audit.bundle_{code}"


def resealed(statement: Statement, key: keys.PrivateKey) -> bytes:
    return msgspec.json.encode(dsse.sealed(canonical(statement), key))


def test_what_no_bytes_were_read_of_has_no_bundle(bundle: Path, log: Log, run: Run) -> None:
    run("scan", "missing.jpg", "--audit", log.path)
    done = log.audit("bundle", "5", "--out", bundle)
    assert (done.returncode, "no bytes were read" in done.stderr) == (2, True)
    assert log.audit("bundle", "99", "--out", bundle).returncode == 2

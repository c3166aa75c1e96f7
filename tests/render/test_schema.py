"""The published schema says what records are."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import msgspec
import pytest

from provenance.messages import say
from provenance.record import Record
from provenance.schema import text

FILE = files("provenance") / "schema" / "record-1.json"
CHECKER = jsonschema.Draft202012Validator(json.loads(FILE.read_text("utf-8")))


def test_the_file_is_made_from_the_record() -> None:
    assert FILE.read_text("utf-8") == text(), "write it anew, as text() says"
    jsonschema.Draft202012Validator.check_schema(CHECKER.schema)


def test_every_case_obeys_it(example: Record) -> None:
    CHECKER.validate(json.loads(msgspec.json.encode(example)))


OLD = Path(__file__).with_name("records-0.1.jsonl").read_bytes().splitlines()
"""Records that 0.1 wrote: pictures, credentials, a match, a text, a post, a file that is gone."""


@pytest.mark.parametrize("line", OLD, ids=lambda line: json.loads(line)["item"]["uri"])
def test_a_record_of_0_1_still_validates_and_is_said_and_written_as_it_was_read(
    line: bytes,
) -> None:
    CHECKER.validate(json.loads(line))
    record = msgspec.json.decode(line, type=Record)
    assert msgspec.json.encode(record) == line
    for reason in (signal.reason for signal in record.signals):
        assert not say(reason).startswith(reason.code)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("schema",), "provenance.record/2"),
        (("item", "sha256"), "none"),
        (("item", "kind"), "video"),
        (("signals",), []),
        (("signals", 0, "outcome"), "clear"),
        (("signals", 0, "claim"), "human"),
        (("signals", 0, "reason", "code"), None),
        (("verdict", "risk"), "safe"),
        (("verdict", "reasons"), [-1]),
        (("tool", "date"), "today"),
        (("elapsed_ms",), -1),
        (("signals", 0, "facts", "state"), "fine"),
    ],
)
def test_what_is_no_record_is_refused(
    example: Record, where: tuple[str | int, ...], value: object
) -> None:
    raw = json.loads(msgspec.json.encode(example))
    raw["signals"][0] |= {"outcome": "finding", "claim": "edited", "tier": "credential"}
    CHECKER.validate(raw)
    inner = raw
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    assert not CHECKER.is_valid(raw)


@pytest.mark.parametrize("key", ["item", "signals", "verdict", "tool", "elapsed_ms"])
def test_every_key_is_written_and_required(example: Record, key: str) -> None:
    raw = json.loads(msgspec.json.encode(example))
    del raw[key]
    assert not CHECKER.is_valid(raw)

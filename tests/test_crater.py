"""Verdicts over pinned files, counted: a change of a rule shows here, where a reviewer sees it.

The innocent ones stand at none: no picture, text or signed file that carries no mark is accused.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

FIXTURES = Path(__file__).parents[1] / "fixtures"
ACCUSING = {"ai_generated", "ai_edited", "tampered", "known_fake", "hidden_content"}
CHEAP = "credentials,metadata,text_credentials,text_marks"
Records = Callable[..., list[dict[str, Any]]]


def counted(records: list[dict[str, Any]]) -> dict[str, int]:
    """Return how often each risk came with each claim."""
    pairs = Counter(
        f"{record['verdict']['risk']}: {claim}"
        for record in records
        for claim in {signal.get("claim") or "no claim" for signal in record["signals"]}
    )
    return dict(sorted(pairs.items()))


@pytest.mark.parametrize("folder", ["marks", "signed", "texts", "documents", "letters"])
def test_verdicts_over_the_fixtures(
    folder: str, records: Records, snapshot: SnapshotAssertion
) -> None:
    found = records("scan", FIXTURES / folder, "--only", CHEAP, "--jobs", "2")
    assert json.dumps(counted(found), indent=1) == snapshot


def test_no_innocent_fixture_is_accused(records: Records) -> None:
    found = records("scan", FIXTURES / "marks" / "traps", "--only", CHEAP, "--jobs", "2")
    assert len(found) > 30
    accused = [r["item"]["uri"] for r in found for s in r["signals"] if s.get("claim") in ACCUSING]
    assert accused == []

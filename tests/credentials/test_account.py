"""The facts beside state and claim, on stores written by hand; and the second look at pictures."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from detectors.c2pa.declaration import declared
from detectors.c2pa.validation import state
from detectors.credentials.account import account
from detectors.credentials.reader import Found
from detectors.credentials.second import cross_check
from detectors.credentials.thumbnail import MOST_BYTES, compare
from detectors.item import Item

SIGNED = Path(__file__).parents[2] / "fixtures" / "signed"


def told(active: dict[str, Any], results: dict[str, Any] | None = None, **more: Any) -> Any:
    store = {
        "active_manifest": "a",
        "manifests": {"a": active},
        "validation_results": {"activeManifest": results or {}},
    }
    usual: dict[str, Any] = {
        "certificates": {},
        "listed": None,
        "distrusted": False,
        "thumbnail": None,
        "remote_url": None,
    }
    found = Found(store=store, **(usual | more))
    return account(found, declared(store), state(store))


def test_who_stands_behind_it_and_what_may_be_done_with_it_are_lines_of_their_own() -> None:
    people = [{"name": "Ada"}, {"username": "grace"}, {"type": "x"}]
    assertions = [
        {"label": "cawg.identity", "data": {"verifiedIdentities": people}},
        {"label": "cawg.training-mining", "data": {"entries": {"cawg.ai_training": {"use": "no"}}}},
    ]
    failure = [{"code": "cawg.ica.did_unavailable"}]
    facts = told({"assertions": assertions}, {"failure": failure})
    assert facts["cawg"] == {
        "codes": ["cawg.ica.did_unavailable"],
        "identities": ["Ada", "grace"],
        "training_mining": {"cawg.ai_training": "no"},
    }
    assert facts["state"] == "valid"


def test_soft_bindings_watermarks_and_disclosures_are_facts() -> None:
    actions = {"actions": [{"action": "c2pa.watermarked.unbound"}]}
    timespan = {"timespan": {"start": 0, "end": 9}}
    blocks = [{"scope": {}, "value": "2*0110"}, {"scope": timespan, "value": [0, 255]}]
    assertions = [
        {"label": "c2pa.soft-binding", "data": {"alg": "com.example.mark", "blocks": blocks}},
        {"label": "c2pa.soft-binding", "data": {"alg": "com.example.print", "blocks": "x"}},
        {"label": "c2pa.soft-binding", "data": {"blocks": [{"value": "1"}]}},
        {"label": "c2pa.ai-disclosure", "data": {"modelName": "M", "list": []}},
        {"label": "c2pa.actions.v2", "data": actions},
    ]
    facts = told({"assertions": assertions})
    assert facts["soft_bindings"] == [
        {"algorithm": "com.example.mark", "value": "2*0110"},
        {
            "algorithm": "com.example.mark",
            "value": "00ff",
            "scope": '{"timespan":{"end":9,"start":0}}',
        },
        {"algorithm": "com.example.print"},
    ]
    assert facts["watermark"] is True
    assert facts["ai_disclosure"] == {"modelName": "M"}
    assert facts["ai"] == "generated"


@pytest.mark.parametrize(
    ("success", "trust"),
    [
        ([{"code": "timeStamp.trusted", "explanation": "timestamp cert trusted"}], "trusted"),
        ([{"code": "timeStamp.trusted", "explanation": "legacy timestamp"}], "not_checked"),
        ([{"code": "timeStamp.validated"}], "untrusted"),
    ],
)
def test_a_time_stamp_says_who_vouches_for_it(success: list[dict[str, str]], trust: str) -> None:
    signed = {"signature_info": {"time": "2026-01-01T00:00:00Z"}}
    stamped = {"timeStampInfo": {"certificateInfo": {"subject": {"CN": "Clock"}}}}
    facts = told(signed, {"success": success}, certificates=stamped)
    assert facts["time_stamp"] == {
        "time": "2026-01-01T00:00:00Z",
        "trust": trust,
        "authority": "Clock",
    }


@pytest.mark.parametrize(
    ("active", "name"),
    [
        ({"claim_generator_info": [{"name": "A", "version": "2"}]}, "A 2"),
        ({"claim_generator_info": {"name": "A"}}, "A"),
        ({"claim_generator": "old/1.0"}, "old/1.0"),
    ],
)
def test_a_generator_is_named_in_every_version_of_claims(active: dict[str, Any], name: str) -> None:
    assert told(active)["generator"] == name


def jpeg(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


RAMP = jpeg(np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1)))
PLAIN = jpeg(np.full((48, 48), 90, np.uint8))


@pytest.mark.parametrize(
    ("data", "thumbnail", "why"),
    [
        (RAMP, b"junk", "picture.no_pixels"),
        (RAMP, PLAIN, "plain"),
        (PLAIN, RAMP, "plain"),
        (RAMP + b"\0" * MOST_BYTES, RAMP, "large"),
    ],
)
def test_pictures_that_cannot_be_compared_say_why(data: bytes, thumbnail: bytes, why: str) -> None:
    assert compare(Item("a", lambda: data), thumbnail) == {"compared": False, "why": why}


def test_a_cut_picture_is_not_compared() -> None:
    whole = (SIGNED / "capture.jpg").read_bytes()
    said = compare(Item("a", lambda: whole[: len(whole) - 500]), RAMP)
    assert said == {"compared": False, "why": "truncated"}


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_thumbnail_is_the_same_picture(turn: int) -> None:
    random = np.random.default_rng(1)
    pixels = np.kron(random.integers(0, 256, (8, 8)), np.ones((8, 8))).astype(np.uint8)
    thumbnail = jpeg(np.ascontiguousarray(np.rot90(pixels, turn)[::2, ::2]))
    said = compare(Item("a", lambda: jpeg(pixels)), thumbnail)
    assert said["distance"] < 0.1


def test_a_format_that_the_second_verifier_does_not_know_is_no_disagreement() -> None:
    said = cross_check(b"", "image/nonesuch", None, "holds")
    assert (said["read"], said["agrees"]) == (False, None)


def test_the_history_is_told_down_to_its_beginning_and_a_circle_once() -> None:
    def made(name: str, *below: str) -> dict[str, Any]:
        rows = [
            {"title": f"title of {label}", "relationship": "parentOf", "active_manifest": label}
            for label in below
        ]
        return {"claim_generator_info": [{"name": name}], "ingredients": rows}

    manifests = {"a": made("A", "b"), "b": made("B", "c", "c"), "c": made("C", "a")}
    store = {"active_manifest": "a", "manifests": manifests}
    found = Found(
        store=store, certificates={}, listed=None, distrusted=False, thumbnail=None, remote_url=None
    )
    (second,) = account(found, declared(store), state(store))["ingredients"]
    first, again = second["ingredients"]
    assert (second["generator"], first["generator"], again["generator"]) == ("B", "C", "C")
    assert "ingredients" not in again
    (root,) = first["ingredients"]
    assert root["manifest"] == "a"
    assert "ingredients" not in root

"""What a store declares and what its codes mean, on stores written by hand."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.c2pa.declaration import declared, source_type
from detectors.c2pa.store import rows, text, walk
from detectors.c2pa.validation import state, unlisted
from detectors.credentials.reasons import reason_of
from detectors.signal import Claim
from provenance.messages import say

DST = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI, PARTLY = DST + "trainedAlgorithmicMedia", DST + "compositeWithTrainedAlgorithmicMedia"
CAPTURE = DST + "digitalCapture"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = [
    "active_manifest", "manifests", "ingredients", "assertions", "label", "data", "actions",
    "action", "digitalSourceType", "relationship", "validation_results", "activeManifest",
    "failure", "code",
    "ingredientDeltas", "validationDeltas", "ingredientAssertionURI", "a", "parentOf",
]  # fmt: skip
STORES = st.recursive(
    JSON | st.sampled_from([AI, "a", "parentOf", "c2pa.actions.v2", "c2pa.created"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=30,
)


def act(action: str, kind: str | None = None, **more: Any) -> dict[str, Any]:
    return {"action": action} | ({"digitalSourceType": kind} if kind else {}) | more


def manifest(*actions: dict[str, Any], **ingredients: str) -> dict[str, Any]:
    """A manifest of claim v2; ingredients as label=relationship."""
    said = {"label": "c2pa.actions.v2", "created": True, "data": {"actions": list(actions)}}
    linked = [{"active_manifest": k, "relationship": v, "label": k} for k, v in ingredients.items()]
    return {"claim_version": 2, "assertions": [said], "ingredients": linked}


def disclosing(*actions: dict[str, Any]) -> dict[str, Any]:
    """A store whose manifest discloses a model (C2PA 2.4, 18.28)."""
    said = manifest(*actions)
    said["assertions"].append({"label": "c2pa.ai-disclosure", "data": {"modelName": "M"}})
    return store(a=said)


def validated(*failures: tuple[str, str], fine: tuple[str, ...] = ()) -> dict[str, Any]:
    """A store whose active manifest was validated so: (code, explanation), and what was right."""
    failure = [{"code": code, "explanation": said, "url": "u"} for code, said in failures]
    results = {"failure": failure, "success": [{"code": code, "url": "u"} for code in fine]}
    return store(a=manifest()) | {"validation_results": {"activeManifest": results}}


def store(**manifests: dict[str, Any]) -> dict[str, Any]:
    return {"active_manifest": "a", "manifests": manifests}


def coded(*active: str, deltas: tuple[str, ...] = (), fine: tuple[str, ...] = ()) -> dict[str, Any]:
    def listed(codes: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"code": code} for code in codes]

    delta = {"ingredientAssertionURI": "x/y", "validationDeltas": {"failure": listed(deltas)}}
    results = {
        "activeManifest": {"failure": listed(active), "success": listed(fine)},
        "ingredientDeltas": [delta],
    }
    return store(a=manifest()) | {"validation_results": results}


@pytest.mark.parametrize(
    ("said", "ai", "claim"),
    [
        (store(a=manifest(act("c2pa.created", AI))), "generated", Claim.AI_GENERATED),
        (store(a=manifest(act("c2pa.created", f" {AI}/ "))), "generated", Claim.AI_GENERATED),
        (store(a=manifest(act("c2pa.opened"), act("c2pa.edited", PARTLY))), "edited",
         Claim.AI_EDITED),
        (store(a=manifest(act("c2pa.created", CAPTURE), act("c2pa.edited", AI))), "edited",
         Claim.AI_EDITED),
        (store(a=manifest(act("c2pa.edited", AI))), "edited", Claim.AI_EDITED),
        (store(a=manifest(act("c2pa.created"), act("c2pa.edited", AI))), "edited",
         Claim.AI_EDITED),
        (store(a=manifest(act("c2pa.created", AI), act("c2pa.edited", AI))), "generated",
         Claim.AI_GENERATED),
        (store(a=manifest(act("c2pa.opened", parameters={"com.adobe.digitalSourceType": AI}),
                          b="parentOf"), b=manifest()), "generated", Claim.AI_GENERATED),
        (store(a=manifest(act("c2pa.created", CAPTURE), act("c2pa.edited", changes=[
            {"region": [{"type": "spatial"}], "digitalSourceType": AI}]))), "edited",
         Claim.AI_EDITED),
        (disclosing(act("c2pa.created", "http://c2pa.org/digitalsourcetype/empty")), "generated",
         Claim.AI_GENERATED),
        (disclosing(act("c2pa.opened")), "edited", Claim.AI_EDITED),
        (disclosing(act("c2pa.created", CAPTURE)), None, Claim.CAPTURED),
        (store(a=manifest(act("c2pa.opened"), act("c2pa.edited", AI))), "edited", Claim.AI_EDITED),
        (store(a=manifest(act("c2pa.opened"), b="parentOf"), b=manifest(act("c2pa.created", AI))),
         "generated", Claim.AI_GENERATED),
        (store(a=manifest(b="parentOf"), b=manifest(c="parentOf"),
               c=manifest(act("c2pa.created", AI))), "generated", Claim.AI_GENERATED),
        (store(a=manifest(b="componentOf"), b=manifest(act("c2pa.created", AI))), "edited",
         Claim.AI_EDITED),
        (store(a=manifest(b="inputTo"), b=manifest(act("c2pa.created", AI))), None, None),
        (store(a=manifest(b="unheardOf"), b=manifest(act("c2pa.created", AI))), None, None),
        (store(a=manifest(), b=manifest(act("c2pa.created", AI))), None, None),
        (store(a=manifest(act("c2pa.created", CAPTURE))), None, Claim.CAPTURED),
        (store(a=manifest(act("c2pa.created", CAPTURE), act("c2pa.converted"))), None,
         Claim.CAPTURED),
        (store(a=manifest(act("c2pa.created", CAPTURE), act("c2pa.cropped"))), None, Claim.EDITED),
        (store(a=manifest(act("c2pa.created", CAPTURE), act("com.example.magic"))), None,
         Claim.EDITED),
        (store(a=manifest(act("c2pa.created", CAPTURE), b="componentOf"), b=manifest()), None,
         Claim.EDITED),
        (store(a=manifest(act("c2pa.created", DST + "algorithmicMedia"))), None, None),
        (store(a=manifest(act("c2pa.created", CAPTURE), b="parentOf"),
               b=manifest(act("c2pa.created", AI))), "generated", Claim.CAPTURED),
    ],
)  # fmt: skip
def test_declarations(said: dict[str, Any], ai: str | None, claim: Claim | None) -> None:
    found = declared(said)
    assert (found.ai, found.claim) == (ai, claim)


def test_microsofts_habit_of_2024_needs_the_agent_and_the_words() -> None:
    words = {"description": "AI Generated Image"}
    agent = {"softwareAgent": "Image Creator from Designer"}
    assert declared(store(a=manifest(act("c2pa.created", **words, **agent)))).ai == "generated"
    assert declared(store(a=manifest(act("c2pa.created", **words)))).ai is None
    assert declared(store(a=manifest(act("c2pa.created", **agent)))).ai is None


def test_source_types_are_read_from_templates_metadata_and_ingredients() -> None:
    filled = manifest(act("c2pa.opened"), act("c2pa.edited"))
    templates = [{"action": "c2pa.edited", "digitalSourceType": PARTLY}]
    filled["assertions"][0]["data"]["templates"] = templates
    assert declared(store(a=filled)).ai == "edited"
    stated = manifest()
    stated["assertions"].append(
        {"label": "c2pa.metadata", "data": {"Iptc4xmpExt:DigitalSourceType": AI}}
    )
    assert declared(store(a=stated)).claim is Claim.AI_GENERATED
    for data in (
        {"http://iptc.org/std/Iptc4xmpExt/2008-02-29/DigitalSourceType": {"@id": AI}},
        {"@graph": [{"iptc:digitalSourceType": [AI]}]},
    ):
        stated["assertions"][-1]["data"] = data
        assert declared(store(a=stated)).claim is Claim.AI_GENERATED
    bare = manifest()
    bare["ingredients"] = [{"relationship": "componentOf", "digitalSourceType": AI}]
    assert declared(store(a=bare)).ai == "edited"


def test_a_model_that_is_disclosed_or_fed_in_is_named() -> None:
    captured = declared(disclosing(act("c2pa.created", CAPTURE)))
    told = say(reason_of(captured, state({}), {"signer": {"issuer": "X"}}))
    assert told.endswith("It discloses that an AI model was used (M).")
    fed = declared(store(a=manifest(b="inputTo"), b=manifest(act("c2pa.created", AI))))
    assert "names AI in something that was fed in" in say(reason_of(fed, state({}), {}))
    nothing = say(reason_of(declared(store(a=manifest())), state({}), {}))
    assert "says neither AI nor capture nor edit" in nothing


def test_an_agent_is_found_by_name_mapping_or_number() -> None:
    numbered = manifest(act("c2pa.created", AI, softwareAgentIndex=0))
    numbered["assertions"][0]["data"]["softwareAgents"] = [{"name": "Third"}]
    named = manifest(act("c2pa.created", AI, softwareAgent="First"))
    mapped = manifest(act("c2pa.created", AI, softwareAgent={"name": "Second"}))
    found = [declared(store(a=said)).actions[0].agent for said in (named, mapped, numbered)]
    assert found == ["First", "Second", "Third"]


def test_what_is_left_open_is_said() -> None:
    assert declared(store(a=manifest(act("c2pa.created", DST + "composite")))).may_contain_ai
    assert not declared(store(a=manifest(act("c2pa.created", AI)))).may_contain_ai


def test_a_graph_that_bites_its_tail_ends() -> None:
    around = store(a=manifest(b="parentOf"), b=manifest(a="parentOf", b="componentOf"))
    assert len(list(walk(around))) == 4


@pytest.mark.parametrize(
    ("said", "name", "integrity"),
    [
        (coded(), "valid", "holds"),
        (coded("signingCredential.untrusted", "cawg.ica.did_unavailable"), "valid", "holds"),
        (coded(fine=("signingCredential.trusted",)), "trusted", "holds"),
        (coded("signingCredential.expired"), "invalid", "holds"),
        (coded("claimSignature.outsideValidity"), "invalid", "holds"),
        (coded("assertion.dataHash.mismatch", "signingCredential.expired"), "invalid", "broken"),
        (coded("claim.malformed"), "invalid", "unknown"),
        (coded("signingCredential.invalid"), "invalid", "unknown"),
        (coded(deltas=("claimSignature.mismatch",)), "invalid", "unknown"),
        (coded(deltas=("signingCredential.expired",)), "invalid", "holds"),
        (coded(deltas=("signingCredential.untrusted",)), "valid", "holds"),
        (coded("signingCredential.revoked"), "distrusted", "holds"),
        (coded("signingCredential.ocsp.revoked", "claim.malformed"), "distrusted", "unknown"),
    ],
)
def test_states(said: dict[str, Any], name: str, integrity: str) -> None:
    found = state(said)
    assert (found.name, found.integrity) == (name, integrity)


HASH, MATCH = "assertion.dataHash.mismatch", "assertion.dataHash.match"
POSITION = "data hash exclusion does not match the manifest location in the asset"
CHANGED = "asset hash error, name: jumbf manifest, error: hash verification( Hashes do not match )"


@pytest.mark.parametrize(
    ("said", "integrity", "uncovered"),
    [
        (validated((HASH, POSITION), fine=(MATCH,)), "holds", "header"),
        (validated((HASH, POSITION), ("signingCredential.expired", ""), fine=(MATCH,)), "holds",
         "header"),
        (validated((HASH, POSITION)), "broken", None),
        (validated((HASH, POSITION), (HASH, CHANGED)), "broken", None),
        (validated((HASH, POSITION), (HASH, CHANGED), fine=(MATCH,)), "broken", None),
        (validated((HASH, "remote data hash URIs are not supported")), "unknown", None),
        (validated(("claimSignature.mismatch", "could not parse signature")), "unknown", None),
        (validated(("algorithm.unsupported", "unsupported or missing Cose algorithm"),
                   ("claimSignature.mismatch", "claim signature is not valid")), "unknown", None),
        (validated(("signingCredential.invalid", "unsupported signature format (EC signature …)"),
                   ("claimSignature.mismatch", "claim signature is not valid")), "unknown", None),
        (validated(("signingCredential.invalid", "certificate missing EKU"),
                   ("claimSignature.mismatch", "claim signature is not valid")), "broken", None),
        (validated((HASH, POSITION), ("claimSignature.mismatch", ""), fine=(MATCH,)), "broken",
         None),
    ],
)  # fmt: skip
def test_a_code_that_can_mean_two_things_is_read_with_its_explanation(
    said: dict[str, Any], integrity: str, uncovered: str | None
) -> None:
    found = state(said)
    assert (found.name, found.integrity, found.uncovered) == ("invalid", integrity, uncovered)


def test_an_ingredient_whose_header_is_not_covered_is_no_laundering() -> None:
    said = manifest(b="parentOf")
    failure = [{"code": HASH, "explanation": POSITION, "url": "u"}]
    results = {"failure": failure, "success": [{"code": MATCH, "url": "u"}]}
    said["ingredients"][0]["validation_results"] = {"activeManifest": results}
    assert state(store(a=said)).recorded == []


def test_what_an_old_signer_recorded_is_told_from_what_it_merely_listed() -> None:
    said = manifest(b="componentOf")
    listed = ("claimSignature.validated", "timeStamp.mismatch", "claimSignature.mismatch")
    said["ingredients"][0] |= {"title": "inner", "validation_status": [{"code": c} for c in listed]}
    found = state(store(a=said))
    assert found.laundering == [{"ingredient": "inner", "codes": ["claimSignature.mismatch"]}]
    assert found.name == "valid"


@pytest.mark.parametrize(
    ("recorded", "success", "failure", "listed"),
    [
        ((), (), (), False),
        (("signingCredential.trusted",), (), (), True),
        (("signingCredential.trusted",), (), ("signingCredential.untrusted",), False),
        ((), ("signingCredential.trusted",), (), True),
    ],
)
def test_an_ingredients_signer_is_listed_as_of_today(
    recorded: tuple[str, ...], success: tuple[str, ...], failure: tuple[str, ...], listed: bool
) -> None:
    def codes(names: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"code": name} for name in names]

    said = manifest(b="parentOf")
    said["ingredients"][0]["validation_results"] = {"activeManifest": {"success": codes(recorded)}}
    delta = {
        "ingredientAssertionURI": "self#jumbf=/c2pa/a/c2pa.assertions/b",
        "validationDeltas": {"success": codes(success), "failure": codes(failure)},
    }
    whole = store(a=said) | {"validation_results": {"ingredientDeltas": [delta]}}
    assert unlisted(whole) == (set() if listed else {"b"})


def test_an_expired_ingredient_is_no_laundering() -> None:
    said = manifest(b="parentOf")
    failure = [{"code": "signingCredential.expired"}, {"code": "signingCredential.untrusted"}]
    said["ingredients"][0]["validation_results"] = {"activeManifest": {"failure": failure}}
    found = state(store(a=said))
    assert (found.laundering, len(found.recorded)) == ([], 1)


@given(STORES)
def test_any_json_is_read_and_gives_json(said: Any) -> None:
    whole = said if isinstance(said, dict) else {"active_manifest": "a", "manifests": {"a": said}}
    assert msgspec.json.encode([declared(whole), state(whole), unlisted(whole)])


@given(st.text())
def test_strings_are_cut_and_always_encode(said: str) -> None:
    kept = text(said + "\ud800", 20)
    assert kept is not None
    assert len(kept) <= 20
    assert kept.encode()


def test_small_words() -> None:
    assert source_type(3) is None
    assert text("") is None
    assert rows("no list") == []


def test_a_disclosure_of_generated_content_is_one() -> None:
    made = manifest(act("c2pa.created", "http://c2pa.org/digitalsourcetype/empty"))
    made["assertions"].append({"label": "c2pa.ai_generated_content", "data": {"model": "M"}})
    assert declared(store(a=made)).ai == "generated"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("com.example.digital_source_type", AI),
        ("digitalSourceType", "digsrctype:trainedAlgorithmicMedia"),
    ],
)  # fmt: skip
def test_a_source_type_is_known_however_its_name_and_value_are_written(
    key: str, value: str
) -> None:
    made = manifest(act("c2pa.created", parameters={key: value}))
    assert declared(store(a=made)).ai == "generated"

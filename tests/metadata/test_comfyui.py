"""What a ComfyUI graph did, walked back from the node that saves."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.metadata.comfyui import effect, graph, made

SIZE = {"width": 8, "height": 8}


def ran(**nodes: tuple[str, dict[str, str]]) -> dict[str, Any]:
    """A graph in API form: class and inputs of each node, by a letter."""
    return {
        name: {"class_type": kind, "inputs": {key: [at, 0] for key, at in inputs.items()} | SIZE}
        for name, (kind, inputs) in nodes.items()
    }


def drawn(*nodes: tuple[int, str, int], links: list[list[Any]], **more: Any) -> dict[str, Any]:
    """A graph as the editor saves it: id, type and mode of each node; links as it writes them."""
    rows = [{"id": at, "type": kind, "mode": mode} for at, kind, mode in nodes]
    return {"last_node_id": 99, "nodes": rows, "links": links} | more


TEXT = ran(
    m=("CheckpointLoaderSimple", {}), p=("CLIPTextEncode", {"clip": "m"}),
    e=("EmptyLatentImage", {}),
    k=("KSampler", {"model": "m", "positive": "p", "latent_image": "e"}),
    d=("VAEDecode", {"samples": "k"}), s=("SaveImage", {"images": "d"}),
)  # fmt: skip
PHOTO = TEXT | ran(
    i=("LoadImage", {}), v=("VAEEncode", {"pixels": "i"}),
    k=("KSampler", {"model": "m", "positive": "p", "latent_image": "v"}),
)  # fmt: skip
POSE = TEXT | ran(
    i=("LoadImage", {}), c=("ControlNetApply", {"conditioning": "p", "image": "i"}),
    k=("KSampler", {"model": "m", "positive": "c", "latent_image": "e"}),
)  # fmt: skip
KONTEXT = TEXT | ran(
    i=("LoadImage", {}), v=("VAEEncode", {"pixels": "i"}),
    r=("ReferenceLatent", {"conditioning": "p", "latent": "v"}),
    k=("KSampler", {"model": "m", "positive": "r", "latent_image": "e"}),
)  # fmt: skip
BESIDE = PHOTO | ran(q=("LoadImage", {}), s=("SaveImage", {"images": "q"}))
SCALED = ran(
    i=("LoadImage", {}), r=("ImageScale", {"image": "i"}), s=("SaveImage", {"images": "r"})
)
UPSCALED = ran(
    i=("LoadImage", {}),
    u=("ImageUpscaleWithModel", {"image": "i"}),
    s=("SaveImage", {"images": "u"}),
)
SAVED = ("SaveImage", {"images": "r"})
STRANGE = ran(a=("MyOwnNode", {}), s=("SaveImage", {"images": "a"}))
SUBGRAPH = {"id": "5f", "nodes": [{"id": 1, "type": "KSampler"}], "links": []}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (TEXT, "generated"),
        ({"prompt": TEXT, "workflow": {}}, "generated"),
        (PHOTO, "edited"),
        (POSE, "generated"),
        (KONTEXT, "edited"),
        (BESIDE, "nothing"),
        (SCALED, "nothing"),
        (UPSCALED, "edited"),
        (STRANGE, "unknown"),
        (PHOTO | ran(i=("MyOwnNode", {})), "edited"),
        (ran(i=("LoadImage", {}), r=("ImagePadForOutpaint", {"image": "i"}), s=SAVED), "nothing"),
        (ran(i=("LoadImage", {}), r=("MyOwnNode", {"image": "i"}), s=SAVED), "nothing"),
        (ran(e=("EmptyImage", {}), s=("SaveImage", {"images": "e"})), "nothing"),
        (ran(v=("VHS_LoadVideo", {}), s=("SaveImage", {"images": "v"})), "nothing"),
        (ran(g=("GeminiImageNode", {}), s=("SaveImage", {"images": "g"})), "generated"),
        (ran(i=("LoadImage", {}), g=("FluxKontextProImageNode", {"input_image": "i"}),
             s=("SaveImage", {"images": "g"})), "edited"),
        (drawn((1, "KSampler", 0), (2, "SaveImage", 0), links=[[1, 1, 0, 2, 0, "IMAGE"]]),
         "generated"),
        (drawn((1, "KSampler", 4), (2, "SaveImage", 0), (3, "LoadImage", 0),
               links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 3, 0, 1, 0, "IMAGE"]]), "nothing"),
        (drawn((1, "KSampler", 2), (2, "SaveImage", 0), (3, "LoadImage", 0),
               links=[[2, 3, 0, 2, 0, "IMAGE"]]), "nothing"),
        (drawn((1, "5f", 0), (2, "SaveImage", 0), links=[[1, 1, 0, 2, 0, "IMAGE"]],
               definitions={"subgraphs": [SUBGRAPH]}), "generated"),
        (drawn((1, "workflow>Mine", 0), (2, "SaveImage", 0), links=[[1, 1, 0, 2, 0, "IMAGE"]],
               extra={"groupNodes": {"Mine": SUBGRAPH}}), "generated"),
        (drawn((1, "5f", 0), (2, "SaveImage", 0), (3, "LoadImage", 0),
               links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 3, 0, 1, 0, "IMAGE"]],
               definitions={"subgraphs": [SUBGRAPH]}), "edited"),
    ],
)  # fmt: skip
def test_what_was_made_is_told_from_the_saving_node_back(said: Any, answer: str) -> None:
    found = graph(json.loads(json.dumps(said)))
    assert found is not None
    assert made(found) == answer


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("KSampler (Efficient)", "generates"), ("KSamplerSelect", "neutral"),
        ("Load Image Batch", "loads"), ("ETN_LoadImageBase64", "loads"), ("FaceDetailer", "edits"),
        ("ImagePadForOutpaint", "neutral"), ("ClipboardImage", "loads"), ("FluxEraseNode", "edits"),
        ("QwenImageEditApi", "generates"), ("Upscale Image (using Model)", "edits"),
        ("CheckpointLoaderSimple", "neutral"), ("MyOwnNode", "unknown"),
    ],
)  # fmt: skip
def test_classes_are_told_by_the_table(kind: str, what: str) -> None:
    assert effect(kind) == what


JSON = st.recursive(
    st.none() | st.integers(0, 5) | st.sampled_from(["KSampler", "LoadImage", "SaveImage", "1"]),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(
            st.sampled_from(
                ["nodes", "links", "id", "type", "mode", "inputs", "class_type", "prompt", "1", "2",
                 "definitions", "subgraphs", "extra", "groupNodes", "origin_id", "target_id"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)  # fmt: skip


@given(JSON)
def test_any_json_gives_an_answer_or_none(said: Any) -> None:
    found = graph(said)
    assert found is None or made(found) in ("generated", "edited", "unknown", "nothing")


def test_a_graph_that_bites_its_tail_ends() -> None:
    around = ran(a=("MyOwnNode", {"image": "b"}), b=("OtherNode", {"image": "a"}))
    found = graph(around)
    assert found is not None
    assert msgspec.json.encode(made(found))
    itself = SUBGRAPH | {"nodes": [{"id": 1, "type": "5f"}]}
    assert graph(drawn((1, "5f", 0), links=[], definitions={"subgraphs": [itself]})) is not None

"""What a field's value has to be for a row of `marks.toml` to hold: a function a rule."""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from detectors.metadata.fields import Value

MAX_MATCHED = 16_384
"""Characters of a value that a pattern is tried on; a mark stands in far fewer."""
STEPS = re.compile(r"^Steps: \d+[^\n]{0,4096}", re.MULTILINE)
SETTINGS = tuple(
    re.compile(rf"(?:^|, ){setting}")
    for setting in (
        r"Seed: \d+",
        r"Size: \d+x\d+",
        r"CFG [Ss]cale: \d",
        r"Sampler: \S",
        r"Model hash: [0-9A-Fa-f]{6}",
        r"Model: \S",
        r"Version: \S",
    )
)
"""What AUTOMATIC1111 writes behind the steps; programs order it differently and leave some out."""
LEAST_SETTINGS = 3
MAX_LINES = 32
"""Lines that may hold settings; programs write one."""
UNSET = (None, 0, "0", "", False)
PRODUCERS = ("ContentProducer", "ProduceID", "ContentPropagator", "PropagateID")
"""Keys of GB 45438-2025, annex E."""
GRAPH_LABEL = re.compile(r"\A(?:prompt|workflow):\s*", re.IGNORECASE)
"""What ComfyUI writes before a graph in an EXIF field."""

Values = tuple[str, ...]


def equals(value: Value, values: Values, _: int) -> bool:
    """The whole text is one of the values."""
    return value.text.strip() in values


def starts(value: Value, values: Values, _: int) -> bool:
    """The text begins with one of the values."""
    return value.text.startswith(values)


def filled(_: Value, __: Values, ___: int) -> bool:
    """There is a text; fields without one are not kept."""
    return True


def last_part(value: Value, values: Values, _: int) -> bool:
    """The last part of the path of a URI is one of the values."""
    return _end(value.text) in values


def matches(value: Value, values: Values, _: int) -> bool:
    """Every pattern is found in the text."""
    text = value.text[:MAX_MATCHED]
    return all(re.search(pattern, text) for pattern in values)


def has_keys(value: Value, values: Values, least: int) -> bool:
    """The text is a JSON object with these keys, and at least so many."""
    said = value.json
    return isinstance(said, dict) and len(said) >= least and all(key in said for key in values)


def key_equals(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object whose key, the first value, holds the second."""
    return isinstance(value.json, dict) and value.json.get(values[0]) == values[1]


def key_set(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object whose key holds a number other than zero, or a text."""
    return isinstance(value.json, dict) and value.json.get(values[0]) not in UNSET


def label(value: Value, values: Values, _: int) -> bool:
    """The text is a label of GB 45438 with one of these values and some producer."""
    said = _aigc(value)
    return str(said.get("Label")) in values and any(said.get(key) for key in PRODUCERS)


def service(value: Value, values: Values, _: int) -> bool:
    """The text is a label of GB 45438 in the form that a service writes."""
    said = _aigc(value)
    return all(said.get(key) for key in values)


def recipe(value: Value, values: Values, _: int) -> bool:
    """The text has a line of generation settings, in which each pattern is found."""
    for found in islice(STEPS.finditer(value.text), MAX_LINES):
        line = found.group().strip()
        settings = sum(setting.search(line) is not None for setting in SETTINGS)
        if settings >= LEAST_SETTINGS and all(re.search(pattern, line) for pattern in values):
            return True
    return False


def graph_generates(value: Value, _: Values, __: int) -> bool:
    """The text is a ComfyUI graph that makes a picture without changing one that it loads."""
    nodes = _nodes(value)
    makes = any("Sampler" in node or node.startswith(("Save", "Preview")) for node in nodes)
    return makes and not (_loads(nodes) and (_encodes(nodes) or not _samples(nodes)))


def graph_edits(value: Value, _: Values, __: int) -> bool:
    """The text is a ComfyUI graph that loads a picture and changes it with a model."""
    nodes = _nodes(value)
    changes = _encodes(nodes) if _samples(nodes) else any("Model" in node for node in nodes)
    return _loads(nodes) and changes


def excerpt(rule: str, value: Value) -> str:
    """Give what a rule went by: a line of settings, the nodes of a graph, the end of a URI."""
    if rule == "recipe":
        return next(STEPS.finditer(value.text)).group()
    if rule in ("graph_generates", "graph_edits"):
        return ", ".join(sorted(_nodes(value), key=lambda node: ("Sampler" not in node, node)))
    return _end(value.text) if rule == "last_part" else value.text


def _end(uri: str) -> str:
    """Give the last part of the path of a URI."""
    return uri.strip().rstrip("/").rpartition("/")[2]


def _aigc(value: Value) -> dict[str, Any]:
    """Give the label in this text, with or without its wrapper."""
    said = value.json
    if isinstance(said, dict) and isinstance(said.get("AIGC"), dict):
        said = said["AIGC"]
    return said if isinstance(said, dict) else {}


def _loads(nodes: set[str]) -> bool:
    """Tell whether the graph loads a picture."""
    return any("LoadImage" in node for node in nodes)


def _encodes(nodes: set[str]) -> bool:
    """Tell whether the graph starts from pixels."""
    return any(node.startswith("VAEEncode") for node in nodes)


def _samples(nodes: set[str]) -> bool:
    """Tell whether the graph runs a diffusion model."""
    return any("Sampler" in node for node in nodes)


def _nodes(value: Value) -> set[str]:
    """Give the kinds of nodes of a ComfyUI graph, in API or editor form; none where it is none."""
    text = GRAPH_LABEL.sub("", value.text.strip(), count=1)
    said = value.json if text == value.text.strip() else Value(value.field, text).json
    if not isinstance(said, dict):
        return set()
    if isinstance(said.get("prompt"), dict):
        said = said["prompt"]
    api = {
        node["class_type"]
        for node in said.values()
        if isinstance(node, dict) and isinstance(node.get("class_type"), str)
    }
    return api or _drawn(said)


def _drawn(said: dict[str, Any]) -> set[str]:
    """Give the kinds of nodes of a graph as the editor saves it, subgraphs included."""
    if "links" not in said and "last_node_id" not in said:
        return set()
    inner = said.get("definitions")
    below = inner.get("subgraphs") if isinstance(inner, dict) else None
    graphs = [said, *_objects(below)]
    nodes = [node for graph in graphs for node in _objects(graph.get("nodes"))]
    return {node["type"] for node in nodes if isinstance(node.get("type"), str)}


def _objects(said: Any) -> list[dict[str, Any]]:
    """Give the objects in a list; none where it is no list."""
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []


RULES: dict[str, Callable[[Value, Values, int], bool]] = {
    "equals": equals,
    "starts": starts,
    "filled": filled,
    "last_part": last_part,
    "matches": matches,
    "has_keys": has_keys,
    "key_equals": key_equals,
    "key_set": key_set,
    "label": label,
    "service": service,
    "recipe": recipe,
    "graph_generates": graph_generates,
    "graph_edits": graph_edits,
}

"""What a field's value has to be for a row of `marks.toml` to hold: a function a rule."""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import islice, takewhile
from typing import Any

from detectors.metadata import comfyui, names
from detectors.metadata.comfyui import read_json
from detectors.metadata.denials import denial
from detectors.metadata.value import Value

MAX_MATCHED = 16_384
"""Characters of a value that a pattern is tried on; a mark stands in far fewer."""
STEPS = re.compile(r"(?:\b|\\n)Steps ?[:=] ?\d", re.IGNORECASE)
AROUND = 4096
"""Characters before and behind the steps in which the other settings stand."""
LINES = re.compile(r"[\r\n]+")
A_SETTING = re.compile(r"\s{0,20}[\w ().-]{1,40}[:=] ?\S")
"""A line that may go on with settings, where each has a line of its own."""
SETTINGS = tuple(
    re.compile(setting, re.IGNORECASE)
    for setting in (
        r"\bSeed ?[:=] ?\d",
        r"\bSize ?[:=] ?\d+x\d",
        r"\bModel ?[:=] ?\S",
        r"\bVersion ?[:=] ?\S",
    )
)
"""What AUTOMATIC1111 writes behind the steps; programs order it differently and leave some out."""
TRAITS = tuple(
    re.compile(trait, re.IGNORECASE)
    for trait in (
        r"\bCFG(?: scale)? ?[:=] ?\d",
        r"\b(?:Sampler|Schedule(?:r| type)) ?[:=] ?\S",
        r"\bSampler ?[:=] ?(?:k_|Euler|DPM|DDIM|DDPM|Heun|LMS|UniPC|PLMS|LCM|DEIS|Restart|TCD)",
        r"\bModel hash ?[:=] ?[0-9A-F]{6}",
        r"\bNegative prompt ?[:=]",
        r"\bClip skip ?[:=] ?\d",
        r"\bDenoising strength ?[:=] ?\d",
        r"\b(?:VAE|Lora|TI) hash(?:es)? ?[:=] ?\S",
        r"\bGuidance(?: scale)? ?[:=] ?\d",
        r"\bApp: SD\.Next",
    )
)
"""What only the settings of a diffusion model have; simulations and recipes have none of it."""
SECOND_PASS = ("Hires", "hires", "First pass size")
LEAST_SETTINGS = 3
LEAST_TRAITS = 2
MAX_TEXTS = 16
"""Texts whose settings are kept; a picture has a few."""
MAX_LINES = 32
"""Places that may hold settings; programs write one."""
DISTINCT = (
    "midjourney", "dall-e", "dalle", "stable diffusion", "adobe firefly", "flux.1", "ideogram",
    "novelai", "comfyui", "gpt-image", "chatgpt", "gemini", "imagen", "firefly",
)  # fmt: skip
"""Names in a text on AI systems that outweigh a denial of something else in it."""
UNSET: tuple[Any, ...] = (None, 0, "0", "", False, [], "None", "null")
PRODUCERS = ("ContentProducer", "ProduceID", "ContentPropagator", "PropagateID")
"""Keys of GB 45438-2025, annex E."""

Values = tuple[str, ...]


def equals(value: Value, values: Values, _: int) -> bool:
    """The whole text is one of the values."""
    return value.text.strip() in values


def same(value: Value, values: Values, _: int) -> bool:
    """The whole text is one of the values, capital letters and blanks at its ends aside."""
    return value.text.strip().lower() in values


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
    return all(pattern.search(text) for pattern in _compiled(values))


@cache
def _compiled(patterns: Values) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


def has_keys(value: Value, values: Values, least: int) -> bool:
    """The text is a JSON object with these keys, and at least so many."""
    said = value.json
    return isinstance(said, dict) and len(said) >= least and all(key in said for key in values)


def key_equals(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object whose key, the first value, holds the second."""
    return isinstance(value.json, dict) and value.json.get(values[0]) == values[1]


def key_set(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object one of whose keys holds a number other than zero, or a text."""
    said = value.json
    return isinstance(said, dict) and any(said.get(key) not in UNSET for key in values)


def key_between(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object whose key holds a number between two others."""
    said = value.json.get(values[0]) if isinstance(value.json, dict) else None
    return isinstance(said, (int, float)) and float(values[1]) < said < float(values[2])


def any_key_set(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object in which one of the keys, at any depth, holds something."""
    return any(said not in UNSET for key in values for said in _held(value.json, key))


def key_ends(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object in which a key, the first value, ends with one of the others."""
    return any(str(said)[:200].endswith(values[1:]) for said in _held(value.json, values[0]))


def label(value: Value, values: Values, _: int) -> bool:
    """The text is a label of GB 45438 with one of these values and some producer."""
    said = _aigc(value)
    return str(said.get("Label")) in values and any(said.get(key) for key in PRODUCERS)


def service(value: Value, values: Values, _: int) -> bool:
    """The text is a label of GB 45438 in the form that a service writes."""
    said = _aigc(value)
    return all(said.get(key) for key in values)


def names_system(value: Value, values: Values, _: int) -> bool:
    """The text names a system, and is none of the values, by which people say that none was."""
    said = " ".join(value.text.strip().strip(".!()[]\"'").lower().split())
    if not said or said in values:
        return False
    at = denial(value.text)
    return at is None or names.mentions(value.text[:at], names.table(DISTINCT))


def names_generator(value: Value, values: Values, _: int) -> bool:
    """The text is one of the values, alone or with a lead, a version or a variant."""
    return names.is_name(value.text, names.table(values))


def made_by(value: Value, values: Values, _: int) -> bool:
    """The text begins by saying that one of the values made the picture."""
    return names.is_made_by(value.text, names.table(values))


def any_key(value: Value, values: Values, _: int) -> bool:
    """The text is a JSON object in which a key, the first value, holds one of the others."""
    return any(str(said) in values[1:] for said in _held(value.json, values[0]))


def _held(said: Any, key: str, depth: int = 6) -> Iterator[Any]:
    """Yield what a key holds anywhere in a JSON object, so many levels deep, texts of JSON too."""
    if isinstance(said, str) and depth:
        said = read_json(said)
    if isinstance(said, dict) and depth:
        for name, inner in islice(said.items(), 1000):
            if name == key:
                yield inner
            yield from _held(inner, key, depth - 1)


def recipe(value: Value, values: Values, _: int) -> bool:
    """The text has a line of generation settings, in which each pattern is found."""
    lines = _recipes(value.text)
    return any(all(each.search(line) for each in _compiled(values)) for line in lines)


def recipe_edits(value: Value, values: Values, _: int) -> bool:
    """The text has a line of settings by which a picture was changed: one of the patterns is found.

    Denoising alone says so only where it is not that of a second pass over the same picture.
    """
    for line in _recipes(value.text):
        second = any(word in line for word in SECOND_PASS)
        strength = "Denoising strength" in line and not second
        if strength or any(each.search(line) for each in _compiled(values)):
            return True
    return False


@lru_cache(MAX_TEXTS)  # several rows ask for those of one value
def _recipes(text: str) -> tuple[str, ...]:
    """Return the settings of a diffusion model in a text: lines, or sets of lines of one each."""
    return tuple(_each_recipe(text))


def _each_recipe(text: str) -> Iterator[str]:
    """Yield what stands around the steps, where it has enough of what such settings have."""
    for found in islice(STEPS.finditer(text), MAX_LINES):
        said = _around(text, found.start())
        traits = sum(trait.search(said) is not None for trait in TRAITS)
        settings = sum(setting.search(said) is not None for setting in SETTINGS)
        if traits >= LEAST_TRAITS and traits + settings >= LEAST_SETTINGS:
            yield said


def _around(text: str, at: int) -> str:
    """Return the line at an offset in a text, with the lines of settings next to it."""
    before = LINES.split(text[max(0, at - AROUND) : at])
    behind = LINES.split(text[at : at + AROUND])
    above = takewhile(A_SETTING.match, reversed(before[:-1]))
    below = takewhile(A_SETTING.match, behind[1:])
    return "\n".join([*reversed(list(above)), before[-1] + behind[0], *below])


def graph_generates(value: Value, _: Values, __: int) -> bool:
    """The text is a ComfyUI graph that makes a picture without changing one that it loads."""
    return _made(value) == "generated"


def graph_edits(value: Value, _: Values, __: int) -> bool:
    """The text is a ComfyUI graph that loads a picture and changes it with a model."""
    return _made(value) == "edited"


def graph_unknown(value: Value, _: Values, __: int) -> bool:
    """The text is a ComfyUI graph in which a node that is not known made the picture."""
    return _made(value) == "unknown"


def _made(value: Value) -> comfyui.Made | None:
    """Return what the graph in a text did; None where it is none, or another tells what ran."""
    return None if value.graph is None or value.superseded else comfyui.made(value.graph)


def excerpt(rule: str, value: Value) -> str:
    """Return what a rule went by: a line of settings, the nodes of a graph, the end of a URI."""
    if rule in ("recipe", "recipe_edits"):
        said = _recipes(value.text)[0]
        steps = STEPS.search(said)
        return said[steps.start() :].removeprefix("\\n") if steps else said
    if rule.startswith("graph_") and value.graph is not None:
        known = comfyui.strangers if rule == "graph_unknown" else comfyui.kinds
        return ", ".join(known(value.graph))
    return _end(value.text) if rule == "last_part" else value.text


def _end(uri: str) -> str:
    """Return the last part of the path of a URI, or of a short form such as `digsrctype:…`."""
    return re.split(r"[/:#]", uri.strip().rstrip("/"))[-1]


def _aigc(value: Value) -> dict[str, Any]:
    """Return the label in this text, with or without its wrapper."""
    said = value.json
    if isinstance(said, dict):
        wrapped = said.get("AIGC", said.get("aigc"))
        said = read_json(wrapped) if isinstance(wrapped, str) else wrapped or said
    return said if isinstance(said, dict) else {}


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
    "names_system": names_system,
    "names_generator": names_generator,
    "made_by": made_by,
    "key_between": key_between,
    "any_key_set": any_key_set,
    "key_ends": key_ends,
    "any_key": any_key,
    "same": same,
    "recipe": recipe,
    "recipe_edits": recipe_edits,
    "graph_generates": graph_generates,
    "graph_edits": graph_edits,
    "graph_unknown": graph_unknown,
}

OF_JSON = frozenset(
    [
        "has_keys", "key_equals", "key_set", "key_between", "any_key_set", "any_key", "key_ends",
        "label", "service", "graph_generates", "graph_edits", "graph_unknown",
    ]
)  # fmt: skip
"""Rules that no text fulfils which is not JSON."""

"""Graphs of ComfyUI: what made the picture that a graph saves, walked back from the saving nodes.

A graph stands in two forms: as it was executed (the API form: a `class_type` and inputs a node),
and as the editor draws it (nodes, links, modes; muted and bypassed ones among them).
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

TABLE = Path(__file__).with_name("comfyui.toml")
MAX_NODES = 20_000
"""Nodes of one graph that are read; real ones hold hundreds."""
LINK, DRAWN_LINK = 2, 5
"""Parts of a link: id and slot; in a drawing id, from, slot, to, slot, and often a type."""
DEEPEST = 8
"""Levels of subgraphs that are read."""
MUTED, BYPASSED = 2, 4
"""Modes of a node in the editor (LiteGraph): it does not run, or passes its input on."""
WRAPPERS = ("prompt", "workflow", "extra_pnginfo")
"""Keys under which a graph stands in an object, as it is or as a text."""
PASSING = ("ksamplerselect", "imagepadforoutpaint", "addtexttoimage", "addtextimage")
"""Classes that make nothing, though their names look like it."""
SAVES = ("save", "preview", "output", "send")
UNSEEN = str.maketrans("", "", " _-")
SETTINGS = frozenset(
    [
        "model",
        "clip",
        "vae",
        "positive",
        "negative",
        "conditioning",
        "control_net",
        "guider",
        "sigmas",
        "noise",
        "sampler",
        "clip_vision",
        "clip_vision_output",
        "style_model",
        "ipadapter",
        "insightface",
        "basic_pipe",
        "lora_stack",
    ]
)
"""Inputs of a sampler that settle how it draws, not what it draws on."""

Effect = Literal["loads", "edits", "generates", "references", "neutral", "unknown"]
Made = Literal["generated", "edited", "unknown", "nothing"]


class Node(msgspec.Struct, frozen=True):
    """A node that runs."""

    kind: str
    inputs: dict[str, str]
    """Name of an input → the node it comes from; several are numbered."""


class Graph(msgspec.Struct, frozen=True):
    """The nodes of a graph that run, by their ids."""

    nodes: dict[str, Node]
    executed: bool
    """True for the API form, which holds what ran; False for the editor's drawing."""

    @property
    def linked(self) -> bool:
        """Whether any node takes something from another; else nothing can be walked."""
        return any(node.inputs for node in self.nodes.values())


def read_json(text: str) -> Any:
    """Return the JSON object that a text begins with, None where it is none or nests too deep."""
    if not text.startswith("{"):
        return None
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def graph(said: Any) -> Graph | None:
    """Return the graph in this JSON value, None where it is none."""
    if not isinstance(said, dict):
        return None
    for key in WRAPPERS:
        inner = said.get(key)
        inner = read_json(inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict) and (found := graph(inner)) is not None:
            return found
    return _executed(said) or _drawn(said)


def made(found: Graph) -> Made:
    """Return what a graph did to make its picture."""
    if not found.linked:
        return _unlinked(found)
    way = _ancestors(found, _ends(found))
    effects = {name: effect(found.nodes[name].kind) for name in way}
    loaded = {name for name, what in effects.items() if what == "loads"}
    makers = [name for name, what in effects.items() if what == "generates"]
    if makers:
        return (
            "edited"
            if all(_starts_from(found, at, loaded, effects) for at in makers)
            else "generated"
        )
    if "edits" in effects.values():
        return "edited" if loaded else "unknown"
    strange = any(what == "unknown" for what in effects.values())
    return "unknown" if strange and not loaded else "nothing"


def kinds(found: Graph) -> list[str]:
    """Return the classes of the nodes, those that make or change a picture first."""
    order: list[Effect] = ["generates", "edits", "references", "loads", "unknown", "neutral"]
    every = {node.kind for node in found.nodes.values()}
    return sorted(every, key=lambda kind: (order.index(effect(kind)), kind))


def strangers(found: Graph) -> list[str]:
    """Return the classes that the table does not know."""
    return [kind for kind in kinds(found) if effect(kind) == "unknown"]


@lru_cache(4096)
def effect(kind: str) -> Effect:
    """Return what a class of nodes does to a picture, as the table has it."""
    name = _plain(kind)
    for what, rows in _table():
        if any(_fits(name, parts) for parts in rows):
            return what
    return "unknown"


@cache
def _table() -> tuple[tuple[Effect, tuple[tuple[str, ...], ...]], ...]:
    """Return the lists of the table, in the order in which they decide, names cut at `*`."""
    table = tomllib.loads(TABLE.read_text("utf-8"))
    order: tuple[Effect, ...] = ("loads", "references", "edits", "generates", "neutral")
    settings: tuple[Effect, tuple[tuple[str, ...], ...]] = (
        "neutral",
        tuple((name,) for name in PASSING),
    )
    lists = (
        (what, tuple(tuple(map(_plain, name.split("*"))) for name in table[what])) for what in order
    )
    return (settings, *lists)


def _fits(name: str, parts: Sequence[str]) -> bool:
    """Tell whether a name is these parts in this order, with anything between them."""
    if len(parts) == 1:
        return name == parts[0]
    first, *middle, last = parts
    if not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        at = name.find(part, at, max(end, at))
        if at < 0:
            return False
        at += len(part)
    return at <= end


def _plain(name: str) -> str:
    """Return a name in small letters, without blanks, `_` and `-`; the first 100 characters."""
    return name[:100].lower().translate(UNSEEN)


def _executed(said: Mapping[str, Any]) -> Graph | None:
    """Return the graph of the API form."""
    rows = {
        str(name): row
        for name, row in list(said.items())[:MAX_NODES]
        if isinstance(row, dict) and isinstance(row.get("class_type"), str)
    }
    nodes = {
        name: Node(row["class_type"], _linked(row.get("inputs"), rows))
        for name, row in rows.items()
    }
    return Graph(nodes, executed=True) if nodes else None


def _linked(inputs: Any, known: Mapping[str, Any]) -> dict[str, str]:
    """Return which inputs come from other nodes: a link is `[id, slot]`."""
    found: dict[str, str] = {}
    for name, value in list(inputs.items())[:1000] if isinstance(inputs, dict) else ():
        many = isinstance(value, list) and value and isinstance(value[0], list)
        for at, link in enumerate(value[:100] if many else [value]):
            if isinstance(link, list) and len(link) == LINK and str(link[0]) in known:
                found[f"{name}.{at}" if at else name] = str(link[0])
    return found


def _drawn(said: Mapping[str, Any]) -> Graph | None:
    """Return the graph that the editor saved, with subgraphs and groups, without what is off."""
    if not isinstance(said.get("nodes"), list) or not ("links" in said or "last_node_id" in said):
        return None
    nodes: dict[str, Node] = {}
    inner = _inner(said)
    _draw(said, "", inner, nodes, depth=0)
    if not any(node.inputs for node in nodes.values()):  # nothing tells which of them are used
        for name, below in inner.items():
            _draw(below, f"{name}:", {}, nodes, depth=1)
    return Graph(nodes, executed=False) if nodes else None


def _inner(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the subgraphs (by id) and groups (by name) that nodes of the drawing stand for."""
    definitions, extra = said.get("definitions"), said.get("extra")
    subgraphs = _objects(definitions.get("subgraphs")) if isinstance(definitions, dict) else []
    groups = extra.get("groupNodes") if isinstance(extra, dict) else None
    found: dict[str, Mapping[str, Any]] = {str(each.get("id")): each for each in subgraphs}
    for name, each in list(groups.items())[:1000] if isinstance(groups, dict) else ():
        if isinstance(each, dict):
            found |= {f"workflow>{name}": each, f"workflow/{name}": each}
    return found


def _draw(
    said: Mapping[str, Any],
    prefix: str,
    inner: Mapping[str, Mapping[str, Any]],
    nodes: dict[str, Node],
    *,
    depth: int,
) -> None:
    """Add the nodes of one drawing, and of what its nodes stand for, under ids with a prefix."""
    rows = {str(row.get("id", at)): row for at, row in enumerate(_objects(said.get("nodes")))}
    runs = {name: row for name, row in rows.items() if row.get("mode") != MUTED}
    inputs = _links(said, runs)
    for name, row in runs.items():
        if len(nodes) >= MAX_NODES:
            return
        kind = row.get("type")
        kind = "Reroute" if row.get("mode") == BYPASSED or not isinstance(kind, str) else kind
        links = {key: prefix + at for key, at in inputs.get(name, {}).items()}
        below = inner.get(kind)
        if below is not None and depth < DEEPEST:
            start, known = f"{prefix}{name}:", len(nodes)
            _draw(below, start, inner, nodes, depth=depth + 1)
            own = list(nodes)[known:]
            outside = {f"outside {key}": at for key, at in links.items()}
            for each in own:  # what comes into the subgraph may reach each node of it
                nodes[each] = Node(nodes[each].kind, nodes[each].inputs | outside)
            links |= {f"inside {at}": each for at, each in enumerate(own)}
            kind = "Reroute"
        nodes[prefix + name] = Node(kind, links)


def _links(said: Mapping[str, Any], runs: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return for each node which input comes from which node, by the list of links."""
    found: dict[str, dict[str, str]] = {}
    links = said.get("links")
    for link in links[:MAX_NODES] if isinstance(links, list) else ():
        if isinstance(link, list) and len(link) >= DRAWN_LINK:
            ends = [link[1], link[3], link[4]]
        elif isinstance(link, dict):
            ends = [link.get(key) for key in ("origin_id", "target_id", "target_slot")]
        else:
            continue
        origin, target, slot = map(str, ends)
        if origin in runs and target in runs:
            found.setdefault(target, {})[_slot(runs[target], slot)] = origin
    return found


def _slot(row: Mapping[str, Any], at: str) -> str:
    """Return the name of an input by its number."""
    inputs = _objects(row.get("inputs"))
    if at.isdecimal() and int(at[:6]) < len(inputs):
        return str(inputs[int(at[:6])].get("name", at))
    return at


def _objects(said: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; none where it is no list."""
    return (
        [each for each in said[:MAX_NODES] if isinstance(each, dict)]
        if isinstance(said, list)
        else []
    )


def _ends(found: Graph) -> list[str]:
    """Return the nodes that save or show, else those from which nothing is taken."""
    saving = [name for name, node in found.nodes.items() if _saves(node.kind)]
    taken = {at for node in found.nodes.values() for at in node.inputs.values()}
    return saving or [name for name in found.nodes if name not in taken]


def _saves(kind: str) -> bool:
    """Tell whether a class of nodes saves or shows a picture."""
    name = _plain(kind)
    return any(part in name for part in SAVES) and effect(kind) == "neutral"


def _ancestors(found: Graph, ends: Iterable[str]) -> set[str]:
    """Return the nodes from which something reaches these, and these."""
    return set(_walk(found, ends, frozenset()))


def _walk(found: Graph, ends: Iterable[str], without: frozenset[str]) -> Iterator[str]:
    """Yield each node on the way back from these, by all inputs but some of the first step."""
    waiting, seen = list(ends), set[str]()
    first = set(waiting)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in found.nodes:
            continue
        seen.add(name)
        yield name
        skipped = without if name in first else frozenset[str]()
        inputs = found.nodes[name].inputs
        waiting += [at for key, at in inputs.items() if key.partition(".")[0] not in skipped]


def _starts_from(found: Graph, maker: str, loaded: set[str], effects: Mapping[str, Effect]) -> bool:
    """Tell whether a node that makes a picture starts from one that was loaded or handed to it."""
    drawn_on = set(_walk(found, [maker], SETTINGS)) - {maker}
    if drawn_on & loaded or _encodes_strange(found, drawn_on, effects):
        return True
    every = set(_walk(found, [maker], frozenset()))
    references = [name for name in every if effects.get(name) == "references"]
    return any(set(_walk(found, [name], frozenset())) & loaded for name in references)


def _encodes_strange(found: Graph, way: set[str], effects: Mapping[str, Effect]) -> bool:
    """Tell whether a picture of unknown origin is turned into what a sampler draws on."""
    encoders = [name for name in way if _plain(found.nodes[name].kind).startswith("vaeencode")]
    behind = set(_walk(found, encoders, SETTINGS))
    return any(effects.get(name) == "unknown" for name in behind)


def _unlinked(found: Graph) -> Made:
    """Return what a graph without links did, by the nodes it holds."""
    effects = [effect(node.kind) for node in found.nodes.values()]
    encodes = any(_plain(node.kind).startswith("vaeencode") for node in found.nodes.values())
    if "generates" in effects:
        samplers = any("sampler" in _plain(node.kind) for node in found.nodes.values())
        based = "loads" in effects and (encodes or not samplers)
        return "edited" if based else "generated"
    if "edits" in effects and "loads" in effects:
        return "edited"
    strange = "unknown" in effects and "loads" not in effects
    return "unknown" if strange else "nothing"

"""The page of a case: accounts, the network drawn, timeline, shared things, method and limits."""

import base64
from collections.abc import Iterable, Mapping
from math import cos, pi, sin, sqrt
from pathlib import Path
from typing import Any, Final

from detectors.signal import Outcome
from provenance.cases.case import Account, Case, Cluster
from provenance.cases.exports.about import Pair, pairs
from provenance.coordination.evidence.urls import defanged
from provenance.render import RenderOptions
from provenance.render.html.data import json_of
from provenance.render.html.page import STYLE, parts, template, trusted
from provenance.render.words import Words

PICTURES: Final = "pictures"
"""Folder of a case with small copies of avatars, by SHA-256."""
EDGES: Final = 20_000
"""Pairs that are drawn, those that share most."""
SHARED: Final = 60
"""Shared things of a cluster that are listed."""
SHARES: Final = 200
"""Posts of one that are listed."""
FORCED: Final = 400
"""Members of a cluster up to which it is laid out by what they share."""
ROUNDS: Final = 150
APART: Final = 1.6
"""Room of a cluster beside its radius."""
GOLDEN: Final = pi * (3 - sqrt(5))
"""Angle between two neighbours of a sunflower's seeds (Vogel 1979)."""
COLOURS: Final = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb",
)  # fmt: skip
"""Tol's bright scheme, safe for the colour-blind; clusters beyond the last begin anew."""
SCRIPT_WORDS: Final = ("nodes", "selected", "nothing_selected")


def page(case: Case, pictures: Mapping[str, bytes], locale: str) -> bytes:
    """Return the page.

    Args:
        case: as it is to be shown.
        pictures: SHA-256 of an avatar → a small copy, WebP.
        locale: language of the sentences.
    """
    words = Words(RenderOptions(locale=locale, unicode=True))
    graph = _graph(case)
    text: str = template("case.html.jinja").render(
        case=case,
        word=words.word,
        words=words,
        shown=words.shown,
        finding=Outcome.FINDING,
        picture=lambda account: _address(account, pictures),
        value=_value,
        owners=_owners(case),
        bars=_bars(case),
        colours={cluster.id: _colour(at) for at, cluster in enumerate(case.clusters)},
        most_shared=SHARED,
        most_shares=SHARES,
        edges=EDGES,
        clipped=graph.pop("clipped"),
        graph=trusted(json_of(graph)),
        said=trusted(json_of(_script_words(words))),
        **parts("case.js", (STYLE, "case.css")),
    )
    return text.encode()


def _script_words(words: Words) -> dict[str, str]:
    """Return the words that the script puts into the page, names and counts for it to fill in."""
    open_ = {"name": "{name}", "count": "{count}"}
    return {name: words.word(f"case.page.{name}", **open_) for name in SCRIPT_WORDS}


def pictures_of(folder: Path) -> dict[str, bytes]:
    """Return the small copies of avatars that a case keeps, by SHA-256."""
    return {path.stem: path.read_bytes() for path in sorted((folder / PICTURES).glob("*.webp"))}


def _address(account: Account, pictures: Mapping[str, bytes]) -> str | None:
    digest = account.avatar.item.sha256 if account.avatar else None
    small = pictures.get(digest or "")
    return f"data:image/webp;base64,{base64.b64encode(small).decode()}" if small else None


def _value(each: Any) -> str:
    """Return what was shared, an address without what makes it a link."""
    value = each.value if isinstance(each.value, str) else each.digest
    return defanged(value) if each.kind == "same_url" else value


def _owners(case: Case) -> dict[str, str]:
    """Return how an account is called: its handle, else its id."""
    return {each.account_id: f"@{each.handle}" if each.handle else each.account_id
            for each in case.accounts}  # fmt: skip


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _bars(case: Case) -> list[dict[str, Any]]:
    """Return the hours as bars: how high, and how much of it is clusters."""
    most = max((hour.posts for hour in case.timeline), default=1)
    return [
        {
            "hour": hour.hour,
            "posts": hour.posts,
            "members": min(hour.posts, sum(hour.by_cluster.values())),
            "height": 100 * hour.posts / most,
            "share": 100 * min(hour.posts, sum(hour.by_cluster.values())) / most,
        }
        for hour in case.timeline
    ]


def _graph(case: Case) -> dict[str, Any]:
    """Return nodes with positions, edges and clusters, as the script draws them."""
    at = {account.account_id: row for row, account in enumerate(case.accounts)}
    nodes: list[list[Any]] = []
    drawn: dict[str, int] = {}
    edges: list[list[int]] = []
    groups: list[list[Any]] = []
    places = _packed([sqrt(len(cluster.accounts)) for cluster in case.clusters])
    for number, (cluster, (x, y)) in enumerate(zip(case.clusters, places, strict=True)):
        joined = list(pairs(cluster))
        laid, radius = _laid(cluster, joined), sqrt(len(cluster.accounts))
        for name, (dx, dy) in zip(cluster.accounts, laid, strict=True):
            drawn[name] = len(nodes)
            account = case.accounts[at[name]]
            nodes.append([at[name], round(x + radius * dx, 3), round(y + radius * dy, 3), number,
                          account.risk.rank])  # fmt: skip
        groups.append([cluster.id, round(x, 3), round(y, 3), round(radius, 3), _colour(number)])
        edges += [[drawn[pair.one], drawn[pair.other], pair.weight] for pair in joined]
    edges.sort(key=lambda edge: (-edge[2], edge))
    return {
        "nodes": nodes,
        "edges": edges[:EDGES],
        "clusters": groups,
        "names": [_owners(case)[account.account_id] for account in case.accounts],
        "clipped": max(0, len(edges) - EDGES),
    }


def _laid(cluster: Cluster, joined: Iterable[Pair]) -> list[tuple[float, float]]:
    """Return the places of members within a circle: near each other where they share much.

    Members push each other away and are pulled together by what they share (Fruchterman and
    Reingold 1991), beginning at the seeds of a sunflower, so that a page stays the same.
    """
    count = len(cluster.accounts)
    seeds = [
        (sqrt((i + 0.5) / count) * cos(i * GOLDEN), sqrt((i + 0.5) / count) * sin(i * GOLDEN))
        for i in range(count)
    ]
    if not 2 < count <= FORCED:
        return seeds
    import numpy as np

    number = {name: i for i, name in enumerate(cluster.accounts)}
    weights = np.zeros((count, count))
    for pair in joined:
        weights[number[pair.one], number[pair.other]] = pair.weight
    weights = (weights + weights.T) / (weights.max() or 1)
    places, room = np.array(seeds), 1 / count
    for step in range(ROUNDS):
        apart = places[:, None] - places[None]
        square = (apart**2).sum(axis=-1) + 1e-9
        pull = room / square - weights * np.sqrt(square) / np.sqrt(room)
        move = (apart * pull[..., None]).sum(axis=1)
        far = np.sqrt((move**2).sum(axis=-1, keepdims=True)) + 1e-9
        places = places + move / far * np.minimum(far, 0.1 * (1 - step / ROUNDS))
    places -= places.mean(axis=0)
    places /= np.sqrt((places**2).sum(axis=-1).max()) or 1.0
    laid: list[tuple[float, float]] = [(x, y) for x, y in places.tolist()]
    return laid


def _packed(radii: list[float]) -> list[tuple[float, float]]:
    """Return the middles of circles, row by row in about a square, largest first."""
    width = 2 * APART * sqrt(sum((2 * radius) ** 2 for radius in radii)) if radii else 0.0
    places, x, y, tall = list[tuple[float, float]](), 0.0, 0.0, 0.0
    for radius in radii:
        room = APART * radius + 1
        if x and x + 2 * room > width:
            x, y, tall = 0.0, y + tall, 0.0
        places.append((x + room, y + room))
        x, tall = x + 2 * room, max(tall, 2 * room)
    return places

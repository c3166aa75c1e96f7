"""The figures of a model, as data and as a page that people read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.models.statistics import auroc, auroc_interval, wilson

if TYPE_CHECKING:
    from detectors.image_model.model import Config
    from detectors.image_model.training.scored import ScoredPicture

    Judged = Sequence[tuple[ScoredPicture, float | None]]

STRONG = 1.0
"""log10 LR from which on a picture counts as accused."""
SHOWN = 8
"""Pictures a group needs to be listed."""
PLAIN = "plain"
NOTES = (
    "Caught and accused: share with a likelihood ratio of 10 and more. Like photographs: all real",
    "pictures, and the generated ones that `photographic.txt` lists.",
)
PHOTOGRAPHIC = Path(__file__).with_name("photographic.txt")
"""File names of generated pictures that could pass for photographs; `#` begins a comment."""


def figures(
    found: "Sequence[ScoredPicture]", ratios: Sequence[float | None], config: "Config", command: str
) -> dict[str, Any]:
    """Return all figures, each with its n, for metrics.json.

    Args:
        found: labelled pictures with out-of-source scores.
        ratios: log10 LR of each by a calibration that never saw its source; None: not assessed.
        config: of the model.
        command: that makes them.
    """
    pairs = list(zip(found, ratios, strict=True))
    plain = [(case, ratio) for case, ratio in pairs if case.how == PLAIN]
    sent = {case.row.file for case, _ in pairs if case.how != PLAIN}
    hows = sorted({case.how for case, _ in pairs} - {PLAIN})
    again = {how: [pair for pair in pairs if pair[0].how == how] for how in hows}
    again[PLAIN] = [pair for pair in plain if pair[0].row.file in sent]
    return {
        "command": command,
        "all": _ranking(plain),
        "faces": _ranking([pair for pair in plain if pair[0].row.face]),
        "no face": _ranking([pair for pair in plain if not pair[0].row.face]),
        "like photographs": _ranking(_like_photographs(plain)),
        "generators": _by(plain, lambda case: _generator(case) if case.row.ai else None, _caught),
        "accused": {"all": _accused(plain)}
        | _by(plain, lambda case: None if case.row.ai else case.row.repo, _accused)
        | {"faces": _accused([pair for pair in plain if pair[0].row.face])},
        "kinds": _by(
            plain, lambda case: None if case.row.ai else case.row.source or None, _accused
        ),
        "deliveries": {how: _ranking(again[how]) for how in (PLAIN, *hows)},
        "calibration": None
        if config.calibration is None
        else {
            "cap": config.calibration.cap,
            "negatives": config.calibration.negatives,
            "positives": config.calibration.positives,
        },
        "gate": config.gate.measured,
    }


def _like_photographs(pairs: "Judged") -> "Judged":
    """Return the real pictures, and the generated ones that are listed as like photographs."""
    listed = set(PHOTOGRAPHIC.read_text("utf-8").splitlines())
    return [pair for pair in pairs if not pair[0].row.ai or Path(pair[0].row.file).name in listed]


def _generator(case: "ScoredPicture") -> str:
    return (case.row.generator or case.row.repo).split(":")[0]


def _by(
    pairs: "Judged",
    name: "Callable[[ScoredPicture], str | None]",
    figure: "Callable[[Judged], dict[str, Any]]",
) -> dict[str, Any]:
    """Return a figure for each group that is large enough, largest first."""
    groups: dict[str, list[tuple[ScoredPicture, float | None]]] = {}
    for pair in pairs:
        if (group := name(pair[0])) is not None:
            groups.setdefault(group, []).append(pair)
    ordered = sorted(groups.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return {group: figure(own) for group, own in ordered if len(own) >= SHOWN}


def _ranking(pairs: "Judged") -> dict[str, Any]:
    """Return how well scores rank, and what is caught and accused."""
    scores, labels = [case.score for case, _ in pairs], [case.row.ai for case, _ in pairs]
    ends = auroc_interval(scores, labels)
    value = auroc(scores, labels)
    return {
        "ai": sum(labels),
        "real": len(labels) - sum(labels),
        "auroc": None if value is None else round(value, 3),
        "auroc_95": None if ends is None else [round(end, 3) for end in ends],
        "caught": _share([pair for pair in pairs if pair[0].row.ai]),
        "accused": _share([pair for pair in pairs if not pair[0].row.ai]),
    }


def _caught(pairs: "Judged") -> dict[str, Any]:
    return {"n": len(pairs), "caught": _share(pairs)}


def _accused(pairs: "Judged") -> dict[str, Any]:
    """Return the false accusations among real pictures, with their Wilson interval."""
    real = [pair for pair in pairs if not pair[0].row.ai]
    count = sum(ratio is not None and ratio >= STRONG for _, ratio in real)
    ends = [round(end, 3) for end in wilson(count, len(real))]
    return {"n": len(real), "accused": count, "wilson_95": ends}


def _share(pairs: "Judged") -> float | None:
    """Return the share at log10 LR >= 1."""
    if not pairs:
        return None
    return round(sum(r is not None and r >= STRONG for _, r in pairs) / len(pairs), 3)


def page(metrics: dict[str, Any], config: "Config") -> str:
    """Return card.md."""
    trained = config.trained
    lines = [
        "# image_model",
        "",
        "A linear probe on the class token of a frozen image encoder (CLIP ViT-B/16, after",
        f"block {' and '.join(map(str, config.blocks))}), and a gate for what was not measured.",
        "",
        f"Learnt from {trained.ai} generated and {trained.real} real pictures of",
        f"{len(trained.sources)} sources: `{trained.command}`.",
        f"Figures: `{metrics['command']}`.",
        "Scores and ratios are of probes and calibrations that never saw the picture's source.",
        "",
        "| pictures | AI | real | AUROC | 95 % | caught | accused |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, metrics[name]) for name in ("all", "faces", "no face", "like photographs")]
    lines += [_row(f"sent as {name}", row) for name, row in metrics["deliveries"].items()]
    lines += ["", *NOTES, ""]
    lines += ["| real pictures | n | accused | 95 % (Wilson) |", "|---|---|---|---|"]
    lines += [_accusations(name, row) for name, row in metrics["accused"].items()]
    lines += ["", "| kind of real pictures | n | accused | 95 % (Wilson) |", "|---|---|---|---|"]
    lines += [_accusations(name, row) for name, row in metrics["kinds"].items()]
    lines += ["", "| generator | n | caught |", "|---|---|---|"]
    lines += [f"| {k} | {v['n']} | {v['caught']:.2f} |" for k, v in metrics["generators"].items()]
    lines += ["", *_limits(metrics), ""]
    return "\n".join(lines)


def _row(name: str, row: dict[str, Any]) -> str:
    """Return a line of the first table."""
    low, high = row["auroc_95"] or (float("nan"), float("nan"))
    value = "" if row["auroc"] is None else f"{row['auroc']:.3f}"
    shares = " | ".join("" if row[k] is None else f"{row[k]:.3f}" for k in ("caught", "accused"))
    return (
        f"| {name} | {row['ai']} | {row['real']} | {value} | {low:.3f} to {high:.3f} | {shares} |"
    )


def _accusations(name: str, row: dict[str, Any]) -> str:
    """Return a line of the tables of real pictures."""
    low, high = row["wilson_95"]
    return f"| {name} | {row['n']} | {row['accused']} | {low:.3f} to {high:.3f} |"


def _limits(metrics: dict[str, Any]) -> list[str]:
    """Return what a reader has to know before relying on the figures."""
    gate, cap = metrics["gate"], metrics["calibration"]
    art = metrics["kinds"].get("art", {"n": 0, "accused": 0})
    n, accused = art["n"], art["accused"]
    lines = ["## Where it does not hold", ""]
    if cap is not None:
        lines.append(
            f"- Ratios end at 10^{cap['cap']}: {cap['negatives']} real pictures allow no more."
        )
    lines += [
        "- The encoder sees subject and style as well as traces of generation: dramatic or",
        "  retouched photographs come out higher than plain ones, generated snapshots lower.",
        "- Faces of kinds that no source of the training holds are hardly told apart.",
        f"- Of {n} paintings and drawings by people {accused} are accused. Renderings by",
        "  people were not measured. The gate stops screens, charts and memes",
        f"  ({gate.get('other', 0)} were at hand), not art.",
        "- A low score does not show that a picture is real.",
    ]
    return lines

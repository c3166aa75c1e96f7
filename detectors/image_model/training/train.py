"""Trains the two probes of a model from a data folder."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.image_model.forward import GRAPHIC_BLOCKS, chosen, colours
from detectors.image_model.model import Config, Gate
from detectors.models.encoder import train as probes
from detectors.models.encoder.features import LabelledPicture, features, opened, rows
from detectors.models.encoder.tokens import AS_IT_IS, square
from detectors.models.encoder.views import PLATFORM_TRANSFORMS
from detectors.models.folder import ENCODER, TrainedOn, save_config
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEFAULT = ("train",)
BLOCKS = (6, 8)
"""Blocks of the encoder: of those tried, they catch most when sources are left out; see
docs/image-model.md."""
STRENGTH = 0.004
GRAPHIC_STRENGTH = 0.01
PORTRAITS = "portraits"
"""Splits whose names begin so belong to another detector."""
SHORT_SIDE = 160
"""Smallest short side: no smaller picture was measured."""
IN_DOMAIN = 0.01
"""Largest share of in-domain pictures that each limit of the gate may stop."""
FOLDS = 5
MOST_RECOMPRESSED = 30
"""Pictures of a source and class that are also looked at after each platform transform."""


def train(data: Path, out: Path, splits: Sequence[str], say: Callable[[str], None]) -> None:
    """Write weights.safetensors and config.json of a new, uncalibrated model.

    Args:
        data: folder with MANIFEST.jsonl; rows labelled `other`, of any split, are for the gate.
        out: the model's folder, made where it is missing.
        splits: those to learn from; empty: `train`.
        say: is told of progress.

    Raises:
        ConfigError: the data cannot be used.
    """
    splits = tuple(splits) or DEFAULT
    found = pictures(data, splits)
    if len({row.ai for row in found}) == 1:
        raise ConfigError(f"{data}: training needs pictures of both labels, ai and real")
    trained_on, tokens = training_set(data, splits, say)
    say(f"fitting on {len(found)} pictures, with copies {len(trained_on)}")
    generated = fitted(chosen(tokens, BLOCKS), trained_on, STRENGTH)
    graphic, gate = _gate(data, found, tokens[: len(found)], say)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {"generated": generated, "graphic": graphic}
    packed = save(
        {f"{name}.weight": probe.weight.astype(np.float32) for name, probe in tensors.items()}
        | {f"{name}.bias": np.array([probe.bias], np.float32) for name, probe in tensors.items()}
    )
    atomic_write(out / "weights.safetensors", packed)
    save_config(out, _config(found, splits, gate))
    say(f"wrote {out}: {gate.measured}")


def _config(found: Sequence[LabelledPicture], splits: tuple[str, ...], gate: Gate) -> Config:
    """Return the config of a new model trained on these pictures."""
    return Config(
        detector="image_model",
        encoder=ENCODER,
        blocks=BLOCKS,
        strength=STRENGTH,
        gate=gate,
        trained=TrainedOn(
            splits=splits,
            ai=sum(row.ai for row in found),
            real=sum(not row.ai for row in found),
            sources=tuple(sorted({row.repo for row in found})),
            command=f"provenance train image_model --split {' --split '.join(splits)}",
        ),
    )


def pictures(data: Path, splits: Sequence[str]) -> list[LabelledPicture]:
    """Return the rows labelled ai or real of some splits; empty: of all but the portraits."""
    return [row for row in rows(data, splits) if not row.split.startswith(PORTRAITS)]


def training_set(
    data: Path, splits: Sequence[str], say: Callable[[str], None]
) -> "tuple[list[LabelledPicture], Floats]":
    """Return the training set: pictures as they are, then copies after platform transforms.

    Copies keep scores where they are when a platform hands a picture on: without them the scores
    of generated pictures fall by 1.3 at half size, with them by 0.5.
    """
    found = pictures(data, splits)
    views = [(AS_IT_IS, found)] + [(how, recompressed_rows(found)) for how in PLATFORM_TRANSFORMS]
    tokens = np.concatenate([features(data, wanted, say, how) for how, wanted in views])
    return [row for _, wanted in views for row in wanted], tokens


def recompressed_rows(found: Sequence[LabelledPicture]) -> list[LabelledPicture]:
    """Return the first pictures, by file name, of each source and class."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for row in found:
        seen[row.repo, row.label] += 1
        if seen[row.repo, row.label] <= MOST_RECOMPRESSED:
            kept.append(row)
    return kept


def fitted(
    x: "Floats",
    found: Sequence[LabelledPicture],
    strength: float,
    start: probes.Probe | None = None,
) -> probes.Probe:
    """Return the probe that tells generated pictures, sources balanced."""
    labels = [row.ai for row in found]
    weights = probes.balanced(labels, [row.repo for row in found])
    return probes.fit(x, labels, weights, strength, start)


def _gate(
    data: Path, found: Sequence[LabelledPicture], tokens: "Floats", say: Callable[[str], None]
) -> tuple[probes.Probe, Gate]:
    """Return the probe that tells graphics from pictures, and the limits of the gate.

    Limits are set on scores of probes that did not see the picture (five folds, drawn by file), at
    the lowest value that stops at most 1 % of in-domain pictures.
    """
    try:
        others = rows(data, (), ("other",))
    except ConfigError:
        others = []
    limit = _least_colours(data, found)
    if not others:
        nothing = probes.Probe(np.zeros(tokens.shape[-1] * len(GRAPHIC_BLOCKS)), -99.0)
        none: dict[str, float | int | str] = {"other": 0, "in_domain": len(found)}
        return nothing, Gate(short_side=SHORT_SIDE, colours=limit, graphic=0.0, measured=none)
    both = np.concatenate([tokens, features(data, others, say)])
    x = chosen(both, GRAPHIC_BLOCKS)
    labels = [False] * len(found) + [True] * len(others)
    weights = probes.balanced(labels, ["" for _ in labels])
    folds = [str(i % FOLDS) for i in range(len(labels))]

    def scored(learn: "NDArray[np.bool_]", held: "NDArray[np.bool_]") -> "NDArray[np.float64]":
        part = [label for label, use in zip(labels, learn, strict=True) if use]
        return probes.fit(x[learn], part, weights[learn], GRAPHIC_STRENGTH)(x[held])

    scores = probes.out_of_source(folds, scored)
    inside, outside = scores[: len(found)], scores[len(found) :]
    graphic = round(float(np.quantile(inside, 1 - IN_DOMAIN)), 3)
    measured: dict[str, float | int | str] = {
        "other": len(others),
        "other_stopped": round(float((outside > graphic).mean()), 3),
        "in_domain": len(found),
        "in_domain_stopped": round(float((inside > graphic).mean()), 4),
        "other_sources": len({row.repo for row in others}),
        "how": f"{FOLDS} folds, drawn by file",
    }
    gate = Gate(short_side=SHORT_SIDE, colours=limit, graphic=graphic, measured=measured)
    return probes.fit(x, labels, weights, GRAPHIC_STRENGTH), gate


def _least_colours(data: Path, found: Sequence[LabelledPicture]) -> int:
    """Return the number of colours that all but 1 % of in-domain pictures reach."""
    seen = [colours(square(opened(data, row))) for row in found]
    return int(np.quantile(seen, IN_DOMAIN, method="lower"))
